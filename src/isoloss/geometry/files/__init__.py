"""Surfaces in files: each format's reader and writer, and the list of them.

Read `formats` (what there is; a new format is registered there), then `reading` (`load`: a file, or
a run folder). Most other files are one format each, and know nothing of each other. What several of
them share: `exact` (numbers as they are, or refused), `named` (arrays by their names), `grids`
(points in any order), `holes`, `remark` (what made a file), `disguise` (what a file is that its
name does not say), `further` (columns), `look` (how a surface is shown elsewhere). `ply_vertices`
and `vtk_xml` read what others write in those formats.
"""
