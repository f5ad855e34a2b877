"""OpenGL itself: context, shader programs, buffers, framebuffers, textures, and the view.

Imports `geometry`, `scene` and `resources`, and nothing else of `gl`.
"""
