"""Accuracy against ε: every attack, undefended and behind each σ, with its exact intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isoloss.figures.robustness.page import Page, Words
from isoloss.figures.robustness.radius_axis import RadiusAxis, written
from isoloss.figures.robustness.reference_lines import draw_references, note_of_references
from isoloss.figures.robustness.run_results import RunResults, refuse_others, with_run_names
from isoloss.figures.robustness.series import Group, Series, by_defense, series_of
from isoloss.figures.robustness.series_strokes import (
    bars_of,
    dodge,
    draw_series,
    handle,
    stroke_among,
)
from isoloss.figures.robustness.stamps import SignPlacer, Stamps
from isoloss.figures.sheet import Sheet, styled, text_width
from isoloss.geometry.arrays import Array
from isoloss.results.radii import NORMS, radius_label
from isoloss.results.references import ReferenceLine
from isoloss.results.tables import Criterion
from isoloss.scene.appearance import Appearance
from isoloss.scene.theme import THEMES, Theme
from isoloss.settings.attack_kinds import attack_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


HIGHEST = 1.045
LOWEST = -0.045


def accuracy_figure(
    runs: Sequence[RunResults],
    sheet: Sheet,
    appearance: Appearance,
    heading: str,
    by: Criterion,
    references: Sequence[ReferenceLine] = (),
) -> Figure:
    """A figure of one or several attacks and defenses on the same images.

    Raises:
        IsolossError: if the runs do not belong into one figure.
    """
    refuse_others(runs)
    runs = with_run_names(runs)
    series = series_of(runs, by)
    groups = by_defense(series)
    stamps = Stamps.of(series, runs)
    theme = THEMES[appearance.theme]
    with styled(theme, sheet):
        words = Words(
            heading,
            [g.title for g in groups] if appearance.title else [""] * len(groups),
            [stamps.of_all(group) for group in groups],
            stamps.sentences,
            note_of(runs, series, by) + note_of_references(references),
        )
        page = Page(words, _legend(series, sheet, theme), sheet, appearance)
        radii = np.unique(np.concatenate([s.eps for s in series]))
        for k, (plot, group) in enumerate(zip(page.plots, groups, strict=True)):
            set_fractions(plot, sheet, with_numbers=page.is_at_left(k), title="accuracy")
            set_radii(plot, radii, sheet)
            if page.is_lowest(k):
                plot.set_xlabel(f"ε in {NORMS[runs[0].norm]}", labelpad=0.35 * sheet.em)
            if runs[0].chance is not None:
                _draw_chance(plot, runs[0].chance, sheet, theme)
            draw_references(plot, references, sheet, theme)
            _draw_group(plot, group, stamps, sheet, theme)
    return page.figure


def note_of(runs: Sequence[RunResults], series: Sequence[Series], by: Criterion) -> str:
    """How the figure is to be read, in a few sentences."""
    counts = sorted({row.samples for s in series for row in s.rows})
    images = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    data = runs[0].data
    of = f" of {data}" if data and "/" not in data and ":" not in data else ""
    seeds = max(len(s.seeds) for s in series)
    exact = "exact 95 % intervals"
    words = [f"{images} {runs[0].settings.split} images{of}"]
    if seeds > 1:
        words.append(
            f"mean of {seeds} seeds (each a faint line), bars from the lowest to the highest of "
            f"their {exact}"
        )
    else:
        words.append(f"bars: {exact}")
    votes = sorted({row.votes for s in series for row in s.rows if row.votes})
    if votes and not runs[0].is_certified:
        many = " or ".join(f"{v:,}" for v in votes)
        words.append({
            "majority": f"defended: majority of {many} draws",
            "single": "defended: a single draw",
            "worst": f"defended: right in all of {many} draws",
        }[by])  # fmt: skip
    note = "; ".join(words) + "."
    unfinished = [f.name for f in runs if not f.is_finished]
    if unfinished:
        are = "is" if len(unfinished) == 1 else "are"
        note += f" {' and '.join(unfinished)} {are} not finished, and not checked yet."
    return note


def set_fractions(plot: Axes, sheet: Sheet, *, with_numbers: bool, title: str) -> None:
    """The axis of accuracy, from 0 to 100 %."""
    plot.set_ylim(LOWEST, HIGHEST)
    fractions = [0, 0.25, 0.5, 0.75, 1]
    plot.set_yticks(fractions, [f"{100 * s:g} %" for s in fractions] if with_numbers else [""] * 5)
    if with_numbers:
        plot.set_ylabel(title, labelpad=0.3 * sheet.em)
    plot.grid(True, axis="y")
    plot.set_axisbelow(True)
    plot.spines[["top", "right"]].set_visible(False)


def _draw_group(plot: Axes, group: Group, stamps: Stamps, sheet: Sheet, theme: Theme) -> None:
    dodged = [s for s in group.series if not s.is_worst_case]
    among = any(s.is_defended for s in group.series)
    strokes = [stroke_among(s, group.series, theme, among) for s in group.series]
    for series, stroke in zip(group.series, strokes, strict=True):
        shift = 0.0  # thick behind all others
        if not series.is_worst_case:
            shift = sheet.unit * dodge(dodged.index(series), len(dodged))
        draw_series(plot, series, stroke, shift, sheet, theme)
    curves = [np.column_stack([s.eps, s.mean]) for s in group.series]
    signs = SignPlacer(plot, sheet, theme, curves, bars_of(group.series))
    for k, (series, stroke) in enumerate(zip(group.series, strokes, strict=True)):
        if sign := stamps.of_one(series, group):
            signs.put(sign, k, stroke.color)


def _legend(series: Sequence[Series], sheet: Sheet, theme: Theme) -> list[Any]:
    among = any(s.is_defended for s in series)
    handles: dict[str, Any] = {}
    for each in in_order(series):
        text = name_in_legend(each, among)
        stroke = stroke_among(each, series, theme, among)
        handles.setdefault(text, handle(text, stroke, sheet, theme))
    return list(handles.values())


def in_order(series: Sequence[Series]) -> list[Series]:
    """As a legend has them: undefended ones and the worst cases first."""
    return sorted(series, key=lambda s: (s.is_defended, not s.is_worst_case))


def name_in_legend(series: Series, among_defended: bool) -> str:
    """What a curve is told by, whatever panel it is in."""
    name = attack_of(series.attack).in_figures
    text = name if series.is_defended or not among_defended else f"undefended, {name}"
    return text + (f" ({series.origin})" if series.origin else "")


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


def set_radii(plot: Axes, radii: Array, sheet: Sheet) -> None:
    """The measured radii themselves are the numbers on the axis, as far as there is room."""
    set_radius_axis(plot, radii)
    figure = plot.get_figure(root=True)
    assert figure is not None
    places = plot.transData.transform(np.column_stack([radii, 0 * radii]))[:, 0] * 72 / figure.dpi
    labels = [radius_label(float(r)) for r in radii]
    widths = [text_width(figure, label, sheet.em) for label in labels]
    chosen = written(places.tolist(), widths, 0.45 * sheet.em)
    plot.set_xticks(radii, [label if k in chosen else "" for k, label in enumerate(labels)])
    plot.set_xticks([], minor=True)


def set_radius_axis(plot: Axes, radii: Array) -> None:
    """The scale on which ε is drawn, with a little air at both ends."""
    axis = RadiusAxis.of(radii.tolist())
    plot.set_xscale("asinh", linear_width=axis.first)
    plot.set_xlim(*axis.ends)
