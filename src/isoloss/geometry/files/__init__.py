"""Surfaces in files: each format's reader and writer, and the list of them.

Read `formats` (what there is; a new format is registered there), then `reading` (`load`: a file, or
a run folder). The other files are one format each; they know nothing of each other.
"""
