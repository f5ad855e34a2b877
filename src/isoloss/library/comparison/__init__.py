"""Runs beside each other: their curves on one pair of axes, in what they differ, what they came to.

Read `training` and `evaluations` (the curves of one run), `differences` (the table of several)
and `comparison` (all of it, kept in step with what runs write).
"""
