"""Figures in the plane, for papers: matplotlib in the colours of our other pictures.

`plane` draws contours and curves, `robustness` what attacks, defenses and certifications found;
`draw` and `robustness.drawing` are their entrances. `sheet` is the paper they are drawn on, `paper`
what a person chooses about it. Imports `scene`, `geometry` and `results`; matplotlib only when a
figure is drawn.
"""
