"""The commands that move the camera step by step, as a drag does: the surface follows the arrow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from isoloss.app.parts import Parts
from isoloss.app.state.view.steering import CLOSER
from isoloss.app.ui.action import Action

MENU = "View/Camera"
ARROWS = (
    ("left", "←", (-1, 0)),
    ("right", "→", (1, 0)),
    ("up", "↑", (0, -1)),
    ("down", "↓", (0, 1)),
)
"""Where to, the key, and steps to the right and downwards."""


def camera_actions(parts: Parts) -> list[Action]:
    """They follow the views in the View menu."""
    steering = parts.steering

    def moves(
        name: str, label: str, run: Callable[[], None], shortcut: str, separated: bool = False
    ) -> Action:
        return Action(
            name,
            label,
            run,
            MENU,
            shortcut,
            is_possible=lambda: bool(parts.workspace.scene.layers),
            separated=separated,
            repeats=True,
        )

    def nearer() -> None:
        steering.zoom(CLOSER)

    drags = (("orbit", "Ctrl", steering.orbit), ("pan", "Ctrl+Shift", steering.pan))
    zoom_in = moves("zoom-in", "Zoom in", nearer, "=", separated=True)
    return [
        *(
            moves(
                f"{verb}-{where}",
                f"{verb.capitalize()} {where}",
                lambda move=move, by=by: move(*by),
                f"{modifiers}+{key}",
                separated=verb == "pan" and where == "left",
            )
            for verb, modifiers, move in drags
            for where, key, by in ARROWS
        ),
        zoom_in,
        # What is printed on the key as + wants Shift on most keyboards.
        replace(zoom_in, id="zoom-in-key", menu="", shortcut="Shift+="),
        moves("zoom-out", "Zoom out", lambda: steering.zoom(1 / CLOSER), "-"),
        Action(
            "recentre",
            "Recentre on the middle of the view",
            steering.recentre,
            MENU,
            "F",
            is_possible=lambda: bool(parts.workspace.scene.shown),
            separated=True,
        ),
    ]
