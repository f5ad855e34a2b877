"""What a script or a notebook sees while it works with isoloss.

Read `itself` (data that show themselves, by what draws them), `picture` (pixels that do) and `cell`
(whether there is a notebook, and its bar). Imports `terminal` and what stands below it.
"""
