"""Plates under what is written over the surface, and halos around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array
from isoloss.geometry.rect import Rect
from isoloss.gl.device.drawn_view import View
from isoloss.gl.primitives.fills import rectangle
from isoloss.gl.primitives.labels import Label, TextPass
from isoloss.naming import in_lines
from isoloss.scene.camera import Camera, box_unit
from isoloss.scene.theme import Color

_TURNS, _MAP = 60.0, 75.0  # degrees: below the first it is seen to turn, above the second not
_TITLE = 1.3  # of the ordinary text
_LINES, _LEADING = 3, 1.3  # lines at most, and from one to the next in its size
_SHARE = 0.2  # of the picture's height that more than one line may take
_WIDE, _BESIDE = 40.0, 9.5  # em: in a wide picture the corner is left to the window's tools
_SMALL = 24  # em: a picture that is less tall


class Silhouette:
    """The box around the surface as it is seen, and what reaches into it.

    Args:
        corners: (8, 3) of the box.
    """

    def __init__(self, view: View, corners: Array) -> None:
        places = view.pixels(corners)
        self._view, self._box = view, places[:, :2]
        self._is_around = bool(places[:, 2].min() <= 0)  # the eye is inside

    @property
    def reach(self) -> tuple[float, float]:
        """How far it may come to the right and down, whole pixels: the same from all sides, but
        from above, where it is seen to."""
        (width, height), camera = self._view.size, self._view.camera
        unit = box_unit(self._view.size) * Camera.distance / camera.distance
        turning = np.array([width / 2 + 0.55 * unit, height / 2 + 0.49 * unit])
        share = float(np.clip((camera.elevation - _TURNS) / (_MAP - _TURNS), 0, 1))
        right, down = turning + share * (self._box.max(axis=0) - turning)
        return float(round(right)), float(round(down))

    def meets(self, rect: Rect) -> bool:
        """Whether it and `rect` have a point in common: no line lies between them."""
        if self._is_around:
            return True
        box = self._box
        left, upper, right, lower = rect
        own = np.array([(left, upper), (right, upper), (right, lower), (left, lower)])
        edges = (box[:, None] - box[None, :]).reshape(-1, 2)  # those of its outline among them
        across = np.concatenate([np.stack([-edges[:, 1], edges[:, 0]], axis=1), np.eye(2)])
        a, b = box @ across.T, own @ across.T
        apart = (a.max(axis=0) < b.min(axis=0)) | (b.max(axis=0) < a.min(axis=0))
        return not bool(apart.any())

    def plate(self, rect: Rect) -> list[NDArray[np.void]]:
        """One under `rect`, as dark or light as the background, where the box reaches into it."""
        if not self.meets(rect):
            return []
        return [rectangle(self._view, rect, (*self._view.theme.ground[:3], 0.72))]

    def halo(self, rect: Rect) -> Color | None:
        """What is to surround a text in `rect`: nothing, where the background alone is behind."""
        return (*self._view.theme.ground[:3], 0.8) if self.meets(rect) else None


def headline(view: View, text: TextPass, title: str) -> tuple[list[Label], Rect]:
    """The lines of the title at the top left, as much of it as fits, and where they are."""
    em = view.em
    # Where there is little room the title leaves more of it to the surface.
    size, at = (1.1, 0.8 * em) if view.size[1] < _SMALL * em else (_TITLE, 1.4 * em)
    beside = _BESIDE * em if view.size[0] > _WIDE * em else 0.0
    room, line = view.size[0] - 2 * at - beside, _LEADING * size * em
    most = min(max(int(_SHARE * view.size[1] / line), 1), _LINES)
    shown = in_lines(title, most, lambda part: text.measure(part, em, size)[0] <= room)
    width = max(text.measure(part, em, size)[0] for part in shown)
    height = text.measure(shown[-1], em, size)[1] + line * (len(shown) - 1)
    labels = [
        Label(part, at, at + k * line, view.theme.ink, (0.0, 0.0), size)
        for k, part in enumerate(shown)
    ]
    rim = min(0.6 * em, at)
    return labels, (at - rim, at - rim, at + width + rim, at + height + rim)
