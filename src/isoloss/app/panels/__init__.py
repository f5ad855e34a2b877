"""The docked panels: each draws one part of the workspace and changes it.

`registry` lists them; each is a class with a `draw` in a file `*_panel`. The other files are what
several panels, or the plot in one, are made of. Imports `ui`, `state` and `gl`.
"""
