"""Published results behind one's own curves: thin, grey, each with its name beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from isoloss.figures.sheet import Sheet, text_width
from isoloss.geometry.arrays import Array
from isoloss.results.references import ReferenceLine
from isoloss.scene.theme import Theme
from isoloss.shortening import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMALL = 0.72
"""Of the names, in em."""
WIDTH, OPACITY = 0.8, 0.6


def draw_references(
    plot: Axes, references: Sequence[ReferenceLine], sheet: Sheet, theme: Theme
) -> None:
    """Draw those of which two radii can be seen, on axes whose limits are final.

    A name stands at the last radius, at its right or, where there is no room, at the side that has
    more; those that would overlap stand one below the other.
    """
    figure, (first, last) = plot.get_figure(root=True), plot.get_xlim()
    assert figure is not None
    size, box, dpi = SMALL * sheet.em, plot.get_window_extent(), figure.dpi
    drawn: list[tuple[ReferenceLine, Array, Array, Array]] = []

    def width(text: str) -> float:
        return text_width(figure, text, size)

    for each in sorted(references, key=lambda r: -r.accuracy[-1]):
        seen = [k for k, eps in enumerate(each.eps) if first <= eps <= last]
        if not seen:
            continue
        eps, accuracy = np.array(each.eps)[seen], np.array(each.accuracy)[seen]
        plot.plot(
            eps, accuracy, color=theme.quiet_ink, lw=WIDTH * sheet.unit, alpha=OPACITY,
            marker="o", markersize=2.4 * sheet.unit, markeredgewidth=0, zorder=1.8, gid="reference",
        )  # fmt: skip
        end = plot.transData.transform((eps[-1], accuracy[-1])) * 72 / dpi
        drawn.append((each, eps, accuracy, end))
    depths = stacked([-float(end[1]) for *_, end in drawn], size)
    for (each, eps, accuracy, (x, y)), depth in zip(drawn, depths, strict=True):
        room = [edge - 0.6 * sheet.em for edge in (box.x1 * 72 / dpi - x, x - box.x0 * 72 / dpi)]
        name = shortened(each.name, lambda text, most=room: width(text) <= max(most))
        at_right = width(name) < room[0] or room[0] >= room[1]
        plot.annotate(
            name, (eps[-1], accuracy[-1]), textcoords="offset points",
            xytext=((0.5 if at_right else -0.5) * sheet.em, -depth - y),
            ha="left" if at_right else "right", va="center", fontsize=size,
            color=theme.quiet_ink, alpha=0.85, zorder=1.9, gid="reference name",
        )  # fmt: skip


def stacked(depths: Sequence[float], size: float) -> list[float]:
    """Where names of this height stand, which belong at these depths: those that would overlap one
    below the other."""
    taken: list[float] = []
    for depth in depths:
        while any(abs(depth - other) < 1.1 * size for other in taken):
            depth += 0.1 * size
        taken.append(depth)
    return taken


def note_of_references(references: Sequence[ReferenceLine]) -> str:
    """Whose they are, in a sentence; "" where there are none."""
    if not references:
        return ""
    if references[0].is_certified:
        return " Grey: certified accuracies as Cohen et al. 2019 have published them."
    return " Grey: published networks under AutoAttack, as RobustBench has them."
