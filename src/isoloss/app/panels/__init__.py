"""The docked panels: each draws one part of the workspace and changes it."""
