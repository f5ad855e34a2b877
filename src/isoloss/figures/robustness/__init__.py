"""Figures of attacks, defenses and certifications.

Read `run_results` (what a run has found), `series` (its curves), then `drawing` (which figures
there are). `accuracy` and `certified` are curves on a `page`, `strips` and `maps` images in a
`gallery`; `stamps` are the signs of warnings. Imports `figures.sheet` and `results`.
"""
