"""What is written over a picture: axes, scalar bar, legend, labels, pins.

Read `decorations` first: it lays the others out. Imports `layers`, `primitives` and `device`.
"""
