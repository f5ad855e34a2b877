"""OpenGL itself: context, shader programs, buffers, framebuffers, textures, and the view."""
