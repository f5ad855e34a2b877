"""What asks in a window of its own: files, pictures, figures, sessions, saved views.

Each dialog has `open`, `is_open` and `draw`. Read `dialog_frame` first. Imports
`ui`, `state` and `gl`.
"""
