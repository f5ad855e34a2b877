"""The toolkit: theme, widgets, docking, the `Action` type, shortcuts and the command palette.

Read `widgets` and `theme` first. Knows nothing of what is drawn with it; imports imgui and `state`.
"""
