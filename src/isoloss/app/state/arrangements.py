"""What may be said of several viewports: how many, and what they share."""

from __future__ import annotations

LAYOUTS = {
    1: ("One viewport", "Shift+1"),
    2: ("Two viewports", "Shift+2"),
    4: ("Four viewports", "Shift+4"),
}
"""Number of viewports: label, shortcut."""
LINKS = (
    ("camera", "Camera", "One camera for all viewports"),
    ("height", "Height", "One height scale for all viewports, so that heights can be compared"),
    ("colors", "Colours", "One range of colours for all viewports"),
    ("look", "Look", "One texture, contours and so on for all viewports"),
)
"""Field of `Links`, label, what it means."""
