"""What helps a newcomer: welcome, tour, hints and the help window.

Imports `panels`, `viewport`, `dialogs`, `ui` and `state`; nothing but the window imports it.
"""
