"""The scalar bar: what the colours mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.gl.buffers import joined
from isoloss.gl.fills import quad
from isoloss.gl.overlays import shades
from isoloss.gl.text import Label, TextPass
from isoloss.gl.view import View
from isoloss.scene.appearance import Appearance
from isoloss.scene.texturing import ColorScale


@dataclass(frozen=True)
class ScalarBar:
    """A laid out bar.

    Attributes:
        triangles: in clip coordinates.
        labels: its ticks and title.
        rect: (left, top, right, bottom) of all of it, in pixels.
    """

    triangles: list[NDArray[np.void]]
    labels: list[Label]
    rect: tuple[float, float, float, float]


def scalar_bar(
    view: View, text: TextPass, colors: ColorScale, appearance: Appearance, bands: int
) -> ScalarBar | None:
    """A bar on the right side, or None where the viewport is too small for one."""
    width, height = view.size
    em, theme = view.em, view.theme
    if width < 22 * em or height < 14 * em:
        return None
    ticks = colors.ticks(6)
    texts = [text.measure(label, em)[0] for _, label in ticks]
    title_width = text.measure(colors.title, em, 1.1)[0]
    thickness, length = round(1.0 * em), round(min(0.46 * height, 20 * em))
    widest = max([thickness + 0.6 * em + max(texts, default=0.0), title_width])
    left = round(width - 1.6 * em - widest)
    bottom = round(height / 2 + length / 2 + 0.5 * em)
    top = bottom - length

    def rectangle(x0: float, y0: float, x1: float, y1: float, shade: object) -> NDArray[np.void]:
        to_clip = np.array([2 / width, -2 / height])
        corners = np.array([(x0, y1), (x1, y1), (x1, y0), (x0, y0)]) * to_clip + (-1, 1)
        return quad(np.column_stack([corners, np.zeros(4)]), shade)  # type: ignore[arg-type]

    frame = max(1, round(view.scale))
    triangles = [
        rectangle(left - frame, top - frame, left + thickness + frame, bottom + frame, theme.box)
    ]
    steps = bands or 48
    edges = np.linspace(0, 1, steps + 1)
    if bands:
        low = high = shades((np.arange(steps) + 0.5) / steps, *_map(appearance))
    else:
        low, high = shades(edges[:-1], *_map(appearance)), shades(edges[1:], *_map(appearance))
    for k in range(steps):
        y0, y1 = bottom - edges[k + 1] * length, bottom - edges[k] * length
        shade = np.stack([low[k], low[k], high[k], high[k]])
        triangles.append(rectangle(left, y0, left + thickness, y1, shade))
    labels = []
    last = np.inf
    for (position, label), _ in zip(ticks, texts, strict=True):
        y = bottom - position * length
        if last - y < 1.25 * em:
            continue
        last = y
        mark = round(y - frame / 2)
        right = left + thickness + frame
        triangles.append(rectangle(right, mark, right + 0.3 * em, mark + frame, theme.box))
        labels.append(Label(label, right + 0.55 * em, y, theme.quiet_ink, (0.0, 0.5)))
    labels.append(Label(colors.title, left, top - 0.9 * em, theme.ink, (0.0, 1.0), 1.1))
    return ScalarBar([joined(triangles)], labels, (left, top - 2.4 * em, width, bottom + em))


def _map(appearance: Appearance) -> tuple[str, bool]:
    return appearance.colormap, appearance.reverse_colormap
