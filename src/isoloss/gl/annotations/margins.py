"""The margins of a picture: what is written around the box."""

from __future__ import annotations

from isoloss.gl.annotations.axes import NARROW, without_brackets
from isoloss.scene.camera import Margins, is_upright
from isoloss.scene.scene import Scene
from isoloss.scene.texturing import axis_titles


def margins_around_box(scene: Scene, size: tuple[int, int], em: float) -> Margins:
    """What is around the box in a picture of `size`: title, numbers on its axes, the bar."""
    appearance = scene.appearance
    axes = 3.6 * em if appearance.axes else em
    top = 4.2 * em if scene.heading else 1.6 * em
    beside = axes
    if appearance.axes and scene.camera.is_from_above:  # the title of β stands at the left
        title = axis_titles(scene.shown, scene.frame())[1]
        beside += 0.55 * em * len(title if size[0] > NARROW * em else without_brackets(title))
    if not appearance.scalar_bar:
        return beside, top, 2 * em, axes
    if is_upright(size):
        return beside, top, 2 * em, axes + 5.5 * em
    return beside, top, 8.5 * em, axes
