"""What helps a newcomer: welcome, tour, hints and the help window.

Imports `panels`, `viewports`, `dialogs`, `ui` and `state`; only `parts` imports it.
"""
