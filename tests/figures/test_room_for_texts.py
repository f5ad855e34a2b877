"""Every text of a figure lies on the page, and over no other one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from isoloss.figures.paper import Print
from isoloss.figures.plane.contour_figure import contour_figure
from isoloss.figures.plane.curve_figure import curve_figure
from isoloss.figures.sheet import Sheet
from isoloss.geometry.surface import Surface
from isoloss.scene.appearance import Appearance
from isoloss.scene.files.staging import stage

RANGES = [
    (0.0, 1.0), (615850.0, 615865.0), (2e-4, 2.02e-4), (2.3020, 2.3030), (1.0, 1 + 1e-12),
    (-1e300, 1e300), (1e-7, 3e4), (0.0, 1e-321),
]  # fmt: skip


def written(figure: Any) -> list[tuple[str, Any]]:
    """(text, box) of all that a figure says; a text and the rim around it are one."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    found: dict[tuple[object, ...], tuple[str, Any]] = {}
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip():
            box = text.get_window_extent(canvas.get_renderer())
            if box.width and _is_drawn(text):
                found[text.get_text(), *np.round(box.extents, 1)] = (text.get_text(), box)
    return list(found.values())


def _is_drawn(text: Text) -> bool:
    """Ticks that matplotlib keeps in store are not."""
    axes = text.axes
    if axes is None:
        return True
    axis = next((a for a in (axes.xaxis, axes.yaxis) if text in a.get_majorticklabels()), None)
    return axis is None or text.get_text() in {
        label for tick in axis.get_major_ticks() for label in
        (tick.label1.get_text() if tick.label1.get_visible() else "",
         tick.label2.get_text() if tick.label2.get_visible() else "")
    }  # fmt: skip


def check(figure: Any) -> None:
    texts = written(figure)
    assert len(texts) > 5
    page = figure.bbox
    for text, box in texts:
        assert page.x0 - 0.5 <= box.x0 <= box.x1 <= page.x1 + 0.5, (text, box, page)
        assert page.y0 - 0.5 <= box.y0 <= box.y1 <= page.y1 + 0.5, (text, box, page)
    for (a, one), (b, other) in itertools.combinations(texts, 2):
        across = min(one.x1, other.x1) - max(one.x0, other.x0)
        up = min(one.y1, other.y1) - max(one.y0, other.y0)
        assert across <= 0.5 or up <= 1.5, (a, b, one, other)


def bowl(lo: float, hi: float, axis: tuple[float, float], spiked: bool) -> Surface:
    t = np.linspace(-1, 1, 17)
    rise = (t[:, None] ** 2 + 0.7 * t[None, :] ** 2) / 1.7
    loss = lo * (1 - rise) + hi * rise if lo != 1e-7 else lo * (hi / lo) ** rise
    if spiked:
        loss[3, 5] = loss.max() + 1e3 * (loss.max() - loss.min())
    return Surface.from_loss(np.linspace(*axis, 17), np.linspace(*axis, 17), loss, title="a bowl")


SIZES = [(241.0, None), (505.0, None), (640.0, 420.0), (300.0, 420.0)]


@pytest.mark.parametrize("k", range(len(RANGES)))
def test_texts_of_a_figure_neither_touch_nor_leave_the_page(k):
    losses, axis = RANGES[k], RANGES[(k + 1) % 5]
    surface = bowl(*losses, axis, spiked=losses[1] < 1e5)
    document = stage(surface, theme="light", minima=True)
    print_ = Print(fill=losses[0] >= 0, line_labels=True)
    check(contour_figure(document.shown_views, Sheet(*SIZES[k % 4], 8.0, 72), print_))


@pytest.mark.parametrize("k", range(len(RANGES) - 1))  # matplotlib has no axis of denormals
def test_texts_of_a_curve_neither_touch_nor_leave_the_page(k):
    surface = bowl(*RANGES[k], (-1.0, 1.0), spiked=False)
    curve = Surface.from_loss(surface.alpha, np.zeros(1), surface.loss[:, :1], plane="line")
    width, height = SIZES[k % 4]
    sheet = Sheet(width, height, 14.0 if height else 8.0, 72)
    check(curve_figure(curve, sheet, Appearance(), "a line"))
