"""Plates under what is written over the surface."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.rect import Rect
from isoloss.gl.shapes import rectangle
from isoloss.gl.text import Label, TextPass
from isoloss.gl.view import View
from isoloss.naming import shortened
from isoloss.scene.scene import FLOOR

_TITLE = 1.3  # of the ordinary text


def plate(view: View, rect: Rect, top: float) -> list[NDArray[np.void]]:
    """One under `rect`, as dark or light as the background, where the box reaches into it.

    `top` is the height of the box.
    """
    if not _reaches(view, rect, top):
        return []
    theme = view.theme
    mean = (np.array(theme.background_top) + theme.background_bottom) / 2
    return [rectangle(view, rect, (*mean[:3], 0.72))]


def _reaches(view: View, rect: Rect, top: float) -> bool:
    """Whether the box, as seen, and `rect` have a point in common: no line lies between them."""
    corners = [(x, y, z) for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (FLOOR, top)]
    places = view.pixels(np.array(corners))
    if places[:, 2].min() <= 0:  # the eye is inside
        return True
    box = places[:, :2]
    left, upper, right, lower = rect
    own = np.array([(left, upper), (right, upper), (right, lower), (left, lower)])
    edges = (box[:, None] - box[None, :]).reshape(-1, 2)  # those of its outline among them
    across = np.concatenate([np.stack([-edges[:, 1], edges[:, 0]], axis=1), np.eye(2)])
    a, b = box @ across.T, own @ across.T
    apart = (a.max(axis=0) < b.min(axis=0)) | (b.max(axis=0) < a.min(axis=0))
    return not bool(apart.any())


def headline(view: View, text: TextPass, title: str) -> tuple[Label, Rect]:
    """The title at the top left, as much of it as fits, and where it is."""
    em = view.em
    at, room = 1.4 * em, view.size[0] - 2.8 * em
    shown = shortened(title, lambda part: text.measure(part, em, _TITLE)[0] <= room)
    width, height = text.measure(shown, em, _TITLE)
    label = Label(shown, at, at, view.theme.ink, (0.0, 0.0), _TITLE)
    return label, (at - 0.6 * em, at - 0.6 * em, at + width + 0.6 * em, at + height + 0.6 * em)
