"""What helps a newcomer: welcome, tour, hints and the help window.

Imports `panels`, `dialogs`, `ui`, `state` and `gl`; only `parts` imports it.
"""
