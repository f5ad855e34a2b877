"""Drawing: all that calls OpenGL. Importing any part of it chooses PyOpenGL's platform first.

From the bottom: `device` (OpenGL itself), `primitives` (lines, markers, fills, text), `layers` (a
surface and what lies upon it), `annotations` (what is written over the picture), `frame` (the
passes in order; read `frame.renderer` first), `pictures` (files). Imports `scene` and `geometry`,
and for `isoloss.render` also `figures`.
"""

from isoloss.gl.device import context as context
