"""What is written over a picture: axes, scalar bar, legend, labels, pins.

Read `decorations` first: it lays the others out. `scalar_bar` is put together from `bar_pieces` and
explains `notes` too; `margins` says how much room all of it takes. Imports `layers`, `primitives`
and `device`.
"""
