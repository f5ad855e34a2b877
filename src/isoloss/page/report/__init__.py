"""Pages of numbers: robustness runs, curves, trainings, several runs beside each other; as charts
that are read by mouse, touch and key, as tables, and as images.

Read `plot` (what a chart shows), `svg` (how it is drawn), then `robustness`, `curve` and
`comparison` (what there is to say of each) and `writing` (the file). What is said and how curves
look is asked of `results` and `figures`, so that a page, `report.md` and figures say the same.
"""
