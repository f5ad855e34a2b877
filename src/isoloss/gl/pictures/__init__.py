"""Pictures and movies into files, larger than a framebuffer too."""
