"""The commands of the Scene menu that change how surfaces look, and pin points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from isoloss.app.parts import Parts
from isoloss.app.ui.action import Action
from isoloss.scene.layer import next_texture
from isoloss.scene.pins import pins_of, unpin_all
from isoloss.scene.textures import TEXTURES, Texture


def scene_actions(parts: Parts) -> list[Action]:
    """They follow the View menu."""
    workspace = parts.workspace

    def cycle(step: int) -> Callable[[], None]:
        return lambda: workspace.change(
            texture=next_texture(workspace.appearance.texture, workspace.scene.shown, step)
        )

    def choose(texture: Texture) -> Action:
        return Action(
            f"texture-{texture.name}",
            texture.label,
            lambda: workspace.change(texture=texture),
            "Scene/Texture",
            is_on=lambda: workspace.appearance.texture is texture,
            is_possible=lambda: any(layer.has(texture) for layer in workspace.scene.shown),
        )

    def switch(name: str, label: str, field: str, shortcut: str = "") -> Action:
        return Action(
            name,
            label,
            lambda: workspace.change(**{field: not getattr(workspace.appearance, field)}),
            "Scene",
            shortcut,
            is_on=lambda: bool(getattr(workspace.appearance, field)),
        )

    def can_move(step: int) -> bool:
        layers = workspace.document.layers
        if workspace.selected not in layers:
            return False
        return 0 <= layers.index(workspace.selected) + step < len(layers)

    def move(step: int) -> Callable[[], None]:
        return lambda: workspace.move_selected(step)

    def see_through(percent: int) -> Action:
        return Action(
            f"opacity-{percent}",
            f"Opacity {percent} %",
            lambda: workspace.set_opacity(percent / 100),
            "Scene/Opacity",
            is_on=lambda: (
                workspace.selected is not None and workspace.selected.opacity == percent / 100
            ),
            is_possible=lambda: workspace.selected is not None,
        )

    return [
        Action("next-texture", "Next texture", cycle(1), "Scene", "T"),
        Action("previous-texture", "Previous texture", cycle(-1), "Scene", "Shift+T"),
        *map(choose, TEXTURES),
        replace(switch("contours", "Contours", "contours", "C"), separated=True),
        switch("floor-contours", "Contours on the floor", "floor_contours", "Shift+C"),
        switch("trajectory", "Trajectory", "trajectory", "P"),
        switch("wireframe", "Wireframe overlay", "wireframe", "W"),
        switch("smooth", "Smooth surface", "smooth", "S"),
        switch("ambient-occlusion", "Ambient occlusion", "ambient_occlusion"),
        replace(switch("axes", "Axes", "axes", "A"), separated=True),
        switch("scalar-bar", "Scalar bar", "scalar_bar", "B"),
        switch("title", "Title", "title"),
        switch("signs", "Signs explained", "signs", "K"),
        switch("own-colors", "Own colours of each surface", "own_colors"),
        switch("equal-aspect", "Equal aspect of α and β", "equal_aspect"),
        Action(
            "layer-up",
            "Move layer up",
            move(-1),
            "Scene",
            "Alt+↑",
            separated=True,
            is_possible=lambda: can_move(-1),
        ),
        Action(
            "layer-down",
            "Move layer down",
            move(1),
            "Scene",
            "Alt+↓",
            is_possible=lambda: can_move(1),
        ),
        *(see_through(percent) for percent in (100, 75, 50, 25)),
        Action(
            "difference",
            "Difference to…",
            parts.difference_dialog.open,
            "Scene",
            "D",
            is_possible=lambda: workspace.selected is not None and len(workspace.scene.layers) > 1,
            separated=True,
        ),
        Action(
            "mean",
            "Mean of surfaces…",
            parts.mean_dialog.open,
            "Scene",
            is_possible=lambda: workspace.selected is not None and len(workspace.scene.layers) > 1,
        ),
        Action(
            "pin-middle",
            "Pin the middle of the view",
            parts.steering.pin_middle,
            "Scene",
            "I",
            is_possible=lambda: bool(workspace.scene.shown),
            separated=True,
        ),
        Action(
            "pin-minimum",
            "Pin the minimum",
            parts.steering.pin_minimum,
            "Scene",
            "Shift+I",
            is_possible=lambda: parts.steering.has_minimum,
        ),
        Action(
            "unpin-all",
            "Remove all pins",
            lambda: unpin_all(workspace.document.layers),
            "Scene",
            "Shift+P",
            is_possible=lambda: any(map(pins_of, workspace.document.layers)),
        ),
    ]
