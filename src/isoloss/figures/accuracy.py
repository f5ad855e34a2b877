"""Accuracy against ε: every attack, undefended and behind each σ, with its exact intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoloss.attacks import NORMS, Hue, Mark, attack_of, radius_label
from isoloss.figures.findings import Findings, refuse_others, told_apart
from isoloss.figures.page import Page, Words, text_width
from isoloss.figures.series import Group, Series, by_defense, series_of
from isoloss.figures.stamps import SignPlacer, Stamps
from isoloss.figures.style import Sheet, style
from isoloss.scene.appearance import Appearance
from isoloss.scene.theme import THEMES, Color, Theme
from isoloss.tables import Judge

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

DODGE = 3.0
"""Thin lines' widths: by so much curves stand beside each other where their values are the same."""
HIGHEST = 1.045
LOWEST = -0.045
SYMBOLS: dict[Mark, tuple[str, float]] = {
    "circle": ("o", 5.0),
    "square": ("s", 4.6),
    "diamond": ("D", 4.4),
    "up": ("^", 5.4),
    "down": ("v", 5.4),
    "plus": ("P", 5.8),
}
"""Matplotlib's, with sizes at which they look equally large."""


@dataclass(frozen=True)
class Stroke:
    """How a curve is drawn: told apart by colour, by mark and by dashes."""

    color: Color
    mark: str
    size: float
    dashes: Any
    is_hollow: bool


def accuracy_figure(
    findings: Sequence[Findings], sheet: Sheet, look: Appearance, heading: str, by: Judge
) -> Figure:
    """A figure of one or several attacks and defenses on the same images.

    The axis of ε is asinh(ε / ε₁), ε₁ being the smallest radius above 0: near 0 it is linear, so
    that the clean accuracy has its place, and beyond ε₁ logarithmic, so that radii that grow by
    factors, as they are chosen, stand about evenly and neither end is squeezed.

    Raises:
        IsolossError: if the runs do not belong into one figure.
    """
    import matplotlib

    refuse_others(findings)
    findings = told_apart(findings)
    series = series_of(findings, by)
    groups = by_defense(series)
    stamps = Stamps.of(series, findings)
    theme = THEMES[look.theme]
    with matplotlib.rc_context(style(theme, sheet)):
        words = Words(
            heading,
            [g.title for g in groups] if look.title else [""] * len(groups),
            [stamps.of_all(group) for group in groups],
            stamps.sentences,
            note_of(findings, series, by),
        )
        page = Page(words, _legend(series, sheet, theme), sheet, look)
        radii = np.unique(np.concatenate([s.eps for s in series]))
        for k, (plot, group) in enumerate(zip(page.plots, groups, strict=True)):
            set_shares(plot, sheet, with_numbers=page.is_at_left(k), title="accuracy")
            _set_radii(plot, radii, sheet)
            if page.is_lowest(k):
                plot.set_xlabel(f"ε in {NORMS[findings[0].norm]}", labelpad=0.35 * sheet.em)
            if findings[0].chance is not None:
                _draw_chance(plot, findings[0].chance, sheet, theme)
            _draw_group(plot, group, stamps, sheet, theme)
    return page.figure


def hue_color(hue: Hue, theme: Theme) -> Color:
    """The theme's colour for it."""
    orange, blue, purple, magenta = theme.further_paths
    return {
        "ink": theme.ink, "blue": blue, "orange": orange, "green": theme.minimum,
        "purple": purple, "magenta": magenta,
    }[hue]  # fmt: skip


def stroke_of(series: Series, theme: Theme, among_defended: bool) -> Stroke:
    """The same attack looks the same in every panel and every figure."""
    attack = attack_of(series.attack)
    is_plain = among_defended and not series.is_defended
    dashes = (0, (3.2, 1.6)) if is_plain else "-"
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


def note_of(findings: Sequence[Findings], series: Sequence[Series], by: Judge) -> str:
    """How the figure is to be read, in a few sentences."""
    counts = sorted({row.samples for s in series for row in s.rows})
    told = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    data = findings[0].data
    of = f" of {data}" if data and "/" not in data and ":" not in data else ""
    seeds = max(len(s.seeds) for s in series)
    exact = "exact 95 % intervals"
    words = [f"{told} {findings[0].settings.split} images{of}"]
    if seeds > 1:
        words.append(
            f"mean of {seeds} seeds (each a faint line), bars from the lowest to the highest of "
            f"their {exact}"
        )
    else:
        words.append(f"bars: {exact}")
    votes = sorted({row.votes for s in series for row in s.rows if row.votes})
    if votes and not findings[0].is_certified:
        many = " or ".join(f"{v:,}" for v in votes)
        words.append({
            "majority": f"defended: majority of {many} draws",
            "single": "defended: a single draw",
            "worst": f"defended: right in all of {many} draws",
        }[by])  # fmt: skip
    note = "; ".join(words) + "."
    unfinished = [f.name for f in findings if not f.is_finished]
    if unfinished:
        are = "is" if len(unfinished) == 1 else "are"
        note += f" {' and '.join(unfinished)} {are} not finished, and not checked yet."
    return note


def set_shares(plot: Axes, sheet: Sheet, *, with_numbers: bool, title: str) -> None:
    """The axis of accuracy, from 0 to 100 %."""
    plot.set_ylim(LOWEST, HIGHEST)
    shares = [0, 0.25, 0.5, 0.75, 1]
    plot.set_yticks(shares, [f"{100 * s:g} %" for s in shares] if with_numbers else [""] * 5)
    if with_numbers:
        plot.set_ylabel(title, labelpad=0.3 * sheet.em)
    plot.grid(True, axis="y")
    plot.set_axisbelow(True)
    plot.spines[["top", "right"]].set_visible(False)


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
        color=stroke.color, lw=1.7 * unit if line else 0, ls=stroke.dashes if line else "none",
        elinewidth=1.25 * unit, capsize=1.9 * unit, capthick=1.25 * unit,
        marker=stroke.mark, markersize=stroke.size * unit * 1.15, markerfacecolor=face,
        markeredgecolor=stroke.color, markeredgewidth=1.1 * unit, transform=moved, zorder=5,
        clip_on=False,
    )  # fmt: skip
    bars[0].set_gid("curve")
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


def _draw_group(plot: Axes, group: Group, stamps: Stamps, sheet: Sheet, theme: Theme) -> None:
    count = len(group.series)
    among = any(s.is_defended for s in group.series)
    strokes = [stroke_among(s, group.series, theme, among) for s in group.series]
    for k, (series, stroke) in enumerate(zip(group.series, strokes, strict=True)):
        shift = DODGE * sheet.unit * (k - (count - 1) / 2)
        draw_series(plot, series, stroke, shift, sheet, theme)
    curves = [np.column_stack([s.eps, s.mean]) for s in group.series]
    signs = SignPlacer(plot, sheet, theme, curves, bars_of(group.series))
    for k, (series, stroke) in enumerate(zip(group.series, strokes, strict=True)):
        if sign := stamps.of_one(series, group):
            signs.put(sign, k, stroke.color)


def handle(label: str, stroke: Stroke, sheet: Sheet, theme: Theme) -> Any:
    """An entry of the legend."""
    from matplotlib.lines import Line2D

    unit = sheet.unit
    face = (*theme.path_casing[:3], 1.0) if stroke.is_hollow else stroke.color
    return Line2D(
        [], [], label=label, color=stroke.color, lw=1.7 * unit, ls=stroke.dashes,
        marker=stroke.mark, markersize=stroke.size * unit * 1.15, markerfacecolor=face,
        markeredgecolor=stroke.color, markeredgewidth=1.1 * unit,
    )  # fmt: skip


def _legend(series: Sequence[Series], sheet: Sheet, theme: Theme) -> list[Any]:
    among = any(s.is_defended for s in series)
    handles: dict[str, Any] = {}
    for each in sorted(series, key=lambda s: s.is_defended):
        name = attack_of(each.attack).in_figures
        text = name if each.is_defended or not among else f"undefended, {name}"
        text += f" ({each.origin})" if each.origin else ""
        stroke = stroke_among(each, series, theme, among)
        handles.setdefault(text, handle(text, stroke, sheet, theme))
    return list(handles.values())


def _draw_chance(plot: Axes, chance: float, sheet: Sheet, theme: Theme) -> None:
    unit = sheet.unit
    plot.axhline(
        chance, color=theme.quiet_ink, lw=1.1 * unit, ls=(0, (1, 2)), zorder=2, gid="chance"
    )
    plot.annotate(
        "chance", (0, chance), xycoords=("axes fraction", "data"),
        xytext=(0.3 * sheet.em, 0.18 * sheet.em), textcoords="offset points", ha="left",
        va="bottom", fontsize=0.8 * sheet.em, color=theme.quiet_ink,
    )  # fmt: skip


def _set_radii(plot: Axes, radii: Array, sheet: Sheet) -> None:
    """The measured radii themselves are the numbers on the axis, as far as there is room."""
    set_radius_axis(plot, radii)
    figure = plot.get_figure(root=True)
    assert figure is not None
    places = plot.transData.transform(np.column_stack([radii, 0 * radii]))[:, 0] * 72 / figure.dpi
    labels = [radius_label(float(r)) for r in radii]
    half = [text_width(figure, label, sheet.em) / 2 for label in labels]
    chosen: list[int] = []
    for k in (0, len(radii) - 1, *range(len(radii) - 2, 0, -1)):
        air = 0.45 * sheet.em
        if all(abs(places[k] - places[c]) > half[k] + half[c] + air for c in chosen):
            chosen.append(k)
    plot.set_xticks(radii, [label if k in chosen else "" for k, label in enumerate(labels)])
    plot.set_xticks([], minor=True)


def set_radius_axis(plot: Axes, radii: Array) -> None:
    """The scale on which ε is drawn, with a little air at both ends."""
    above = radii[radii > 0]
    first = float(above[0]) if len(above) else 1.0
    plot.set_xscale("asinh", linear_width=first)
    span = math.asinh(float(radii[-1]) / first) or 1.0
    ends = -0.045 * span, 1.045 * span
    plot.set_xlim(*(first * math.sinh(end) for end in ends))
