"""Gradient ascent as attacks share it, and what is asked of networks before it begins.

Read `ascent` (the loop), then `ball` (projections), `strides` (steps) and `objective` (what is
climbed). Stands on nothing but `settings`, `errors` and `compute.machine`.
"""
