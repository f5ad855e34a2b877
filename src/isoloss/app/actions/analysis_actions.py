"""The commands that read something off a surface: minima, slices, and playing its trajectories."""

from __future__ import annotations

from collections.abc import Callable

from isoloss.app.parts import Parts
from isoloss.app.ui.action import Action


def analysis_actions(parts: Parts) -> list[Action]:
    """They follow the other commands of the Scene menu."""
    return [*_minima_actions(parts), *_slice_actions(parts), *_playback_actions(parts)]


def _minima_actions(parts: Parts) -> list[Action]:
    workspace = parts.workspace

    def toggle() -> None:
        workspace.change(minima=not workspace.appearance.minima)
        if workspace.appearance.minima:
            parts.docking.bring_to_front("Minima")

    return [
        Action(
            "minima",
            "Local minima",
            toggle,
            "Scene",
            "M",
            is_on=lambda: workspace.appearance.minima,
            is_possible=lambda: bool(workspace.scene.shown),
            separated=True,
        ),
    ]


def _slice_actions(parts: Parts) -> list[Action]:
    slicing, scene = parts.slicing, parts.workspace

    def shown(lay: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            lay()
            if slicing.cut is not None:
                parts.docking.bring_to_front("Slice")

        return run

    def has_surface() -> bool:
        return bool(scene.scene.shown)

    return [
        Action(
            "slice",
            "Slice",
            shown(slicing.toggle),
            "Scene",
            "X",
            is_on=lambda: slicing.cut is not None,
            is_possible=lambda: has_surface() or slicing.cut is not None,
        ),
        Action(
            "slice-alpha",
            "Along α",
            shown(slicing.along_alpha),
            "Scene/Lay the slice",
            "Shift+X",
            is_possible=has_surface,
        ),
        Action(
            "slice-beta",
            "Along β",
            shown(slicing.along_beta),
            "Scene/Lay the slice",
            is_possible=has_surface,
        ),
        Action(
            "slice-minimum",
            "Through the minimum",
            shown(slicing.through_minimum),
            "Scene/Lay the slice",
            is_possible=lambda: slicing.has_minimum,
        ),
        Action(
            "slice-trajectory",
            "Along the trajectory",
            shown(slicing.along_trajectory),
            "Scene/Lay the slice",
            is_possible=lambda: slicing.has_trajectory,
        ),
        Action(
            "export-slice",
            "Export slice as CSV…",
            parts.export_slice,
            "Scene/Lay the slice",
            is_possible=lambda: bool(slicing.slices),
            separated=True,
        ),
    ]


def _playback_actions(parts: Parts) -> list[Action]:
    playback = parts.playback

    def has_path() -> bool:
        return playback.span is not None

    def command(
        name: str, label: str, run: Callable[[], None], shortcut: str = "", separated: bool = False
    ) -> Action:
        return Action(
            name, label, run, "Scene/Playback", shortcut, is_possible=has_path, separated=separated
        )

    return [
        Action(
            "play",
            "Play trajectory",
            playback.toggle,
            "Scene/Playback",
            "Space",
            is_on=lambda: playback.playing,
            is_possible=has_path,
        ),
        command("next-checkpoint", "Next checkpoint", lambda: playback.step(1), "."),
        command("previous-checkpoint", "Previous checkpoint", lambda: playback.step(-1), ","),
        command("whole-trajectory", "Whole trajectory", playback.show_whole),
        command("faster", "Faster", lambda: playback.change_speed(1), separated=True),
        command("slower", "Slower", lambda: playback.change_speed(-1)),
    ]
