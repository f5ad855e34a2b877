"""How accuracy curves are drawn: colours, marks and dashes that tell them apart, intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from isoloss.figures.robustness.series import Series
from isoloss.figures.sheet import Sheet
from isoloss.geometry.arrays import Array
from isoloss.scene.theme import Color, Theme
from isoloss.settings.attack_kinds import Hue, Mark, attack_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


DODGE = 3.0
"""Thin lines' widths: by so much curves stand beside each other where their values are the same."""
SYMBOLS: dict[Mark, tuple[str, float]] = {
    "circle": ("o", 5.0),
    "square": ("s", 4.6),
    "diamond": ("D", 4.4),
    "up": ("^", 5.4),
    "down": ("v", 5.4),
    "plus": ("P", 5.8),
}
"""Matplotlib's, with sizes at which they look equally large."""
LINE, THICK = 1.7, 4.2
"""Thin lines' widths: of a curve, and of that of the worst case."""


def dodge(k: int, count: int) -> float:
    """How far to the right the k-th of some curves stands, in thin lines' widths."""
    return DODGE * (k - (count - 1) / 2)


@dataclass(frozen=True)
class Stroke:
    """How a curve is drawn: told apart by colour, by mark and by dashes."""

    color: Color
    mark: str
    size: float
    dashes: Any
    is_hollow: bool
    width: float = LINE


def hue_color(hue: Hue, theme: Theme) -> Color:
    """The theme's colour for it."""
    orange, blue, purple, magenta = theme.further_paths
    return {
        "ink": theme.ink, "grey": theme.quiet_ink, "blue": blue, "orange": orange,
        "green": theme.minimum, "purple": purple, "magenta": magenta,
    }[hue]  # fmt: skip


def stroke_of(series: Series, theme: Theme, among_defended: bool) -> Stroke:
    """The same attack looks the same in every panel and every figure."""
    attack = attack_of(series.attack)
    is_plain = among_defended and not series.is_defended
    dashes = (0, (3.2, 1.6)) if is_plain else "-"
    if series.is_worst_case:
        return Stroke(hue_color(attack.hue, theme), "", 0.0, dashes, False, THICK)
    return Stroke(hue_color(attack.hue, theme), *SYMBOLS[attack.mark], dashes, is_plain)


def stroke_among(
    series: Series, among: Sequence[Series], theme: Theme, with_defended: bool
) -> Stroke:
    """That of `stroke_of`; of the same curve of a second run with other dashes and marks."""
    stroke = stroke_of(series, theme, with_defended)
    same = [s.origin for s in among if s.rows[0].curve[:-1] == series.rows[0].curve[:-1]]
    nth = same.index(series.origin) if series.origin in same else 0
    if nth == 0:
        return stroke
    dashes = ((0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))[(nth - 1) % 2]
    return replace(stroke, dashes=dashes, mark=("X", "h")[(nth - 1) % 2])


def draw_series(
    plot: Axes, series: Series, stroke: Stroke, shift: float, sheet: Sheet, theme: Theme,
    line: bool = True,
) -> None:  # fmt: skip
    """The means with their intervals, and each of several seeds.

    Args:
        shift: to the right, in points.
        line: whether what is between the values is drawn too.
    """
    from matplotlib.transforms import ScaledTranslation

    unit = sheet.unit
    figure = plot.get_figure(root=True)
    assert figure is not None
    moved = plot.transData + ScaledTranslation(shift / 72, 0, figure.dpi_scale_trans)
    if len(series.seeds) > 1 and line:
        for eps, accuracy in series.seeds:
            plot.plot(
                eps, accuracy, color=stroke.color, lw=0.9 * unit, alpha=0.38, transform=moved,
                zorder=3, gid="seed",
            )  # fmt: skip
    face = (*theme.path_casing[:3], 1.0) if stroke.is_hollow else stroke.color
    bars = plot.errorbar(
        series.eps, series.mean,
        yerr=np.maximum([series.mean - series.low, series.high - series.mean], 0),
        color=stroke.color, lw=stroke.width * unit if line else 0,
        ls=stroke.dashes if line else "none",
        elinewidth=1.25 * unit, capsize=1.9 * unit, capthick=1.25 * unit,
        marker=stroke.mark, markersize=stroke.size * unit * 1.15, markerfacecolor=face,
        markeredgecolor=stroke.color, markeredgewidth=1.1 * unit, transform=moved,
        zorder=2.5 if series.is_worst_case else 5, clip_on=False,
    )  # fmt: skip
    bars[0].set_gid("worst case" if series.is_worst_case else "curve")
    for part in (*bars[1], *bars[2]):
        part.set_clip_on(False)
        part.set_zorder(4.5)


def bars_of(series: Sequence[Series]) -> list[Array]:
    """(2, 2) the ends of all intervals."""
    return [
        np.array([[eps, low], [eps, high]])
        for each in series
        for eps, low, high in zip(each.eps, each.low, each.high, strict=True)
    ]


def handle(label: str, stroke: Stroke, sheet: Sheet, theme: Theme) -> Any:
    """An entry of the legend."""
    from matplotlib.lines import Line2D

    unit = sheet.unit
    face = (*theme.path_casing[:3], 1.0) if stroke.is_hollow else stroke.color
    return Line2D(
        [], [], label=label, color=stroke.color, lw=stroke.width * unit, ls=stroke.dashes,
        marker=stroke.mark, markersize=stroke.size * unit * 1.15, markerfacecolor=face,
        markeredgecolor=stroke.color, markeredgewidth=1.1 * unit,
    )  # fmt: skip
