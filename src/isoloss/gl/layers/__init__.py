"""A layer on the GPU: surface, contours, paths, markers, minima, the cut."""
