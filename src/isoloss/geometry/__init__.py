"""Surfaces and what is worked out from them, in NumPy: no torch, OpenGL or imgui.

Read `surface` first, then `height` (from losses to heights), `ticks` (round values, and numbers as
people write them) and `mesh` (the grid as it is displayed: refined, with its slopes, occlusion and
holes). `files` reads and writes; `analysis` is what is read off surfaces. Whatever else is here
works out one thing of a surface: `level_sets`, `outlines`, `derivatives`, `occlusion`.
"""
