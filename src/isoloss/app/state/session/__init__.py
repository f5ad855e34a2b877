"""The session at hand: its file, what has changed in it, and what its fields are called."""
