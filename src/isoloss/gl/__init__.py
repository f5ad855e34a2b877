"""Drawing: all that calls OpenGL. Importing any part of it chooses PyOpenGL's platform first."""

from isoloss.gl.device import context as context
