"""The runs that the window knows of, and what comes out of them while they are at work."""
