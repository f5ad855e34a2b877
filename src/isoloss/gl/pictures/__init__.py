"""Pictures and movies into files, larger than a framebuffer too.

Read `picture` (`isoloss.render`), then `tiles` and `movie`. Imports all of gl, and `figures`.
"""
