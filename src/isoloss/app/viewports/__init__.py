"""The pictures in the middle of the window: up to four viewports and the timeline below them.

Read `arrangement`, then `viewport` (mouse and overlays), then `painter` (when a picture is drawn).
Imports `gl`, `ui` and `state`.
"""
