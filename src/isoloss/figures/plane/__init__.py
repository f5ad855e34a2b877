"""A surface from above, as contours, and a curve.

Read `subplot` (what one viewport shows, worked out), then `contour_figure`; `marks`, `figure_bar`,
`level_labels`, `remarks` and `legend_signs` each draw one part of it. Imports
`figures.sheet`.
"""
