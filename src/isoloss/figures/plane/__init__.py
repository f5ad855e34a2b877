"""A surface from above, as contours, and a curve.

Read `subplot` (what one viewport shows, worked out), then `contour_figure`. Imports
`figures.sheet`.
"""
