"""Directions and planes through parameter space: random, PCA, interpolation, given by hand."""
