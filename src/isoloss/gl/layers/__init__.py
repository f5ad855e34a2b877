"""A layer on the GPU: surface, contours, paths, markers, minima, the cut.

Read `layer_buffers` (all of a layer, brought up to date piece by piece), then `layer_lines` (how
its lines are drawn) and `surfaces`. Imports `primitives` and `device`.
"""
