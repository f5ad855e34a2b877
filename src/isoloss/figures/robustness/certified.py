"""Certified accuracy against the radius, in L2 on an axis of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from isoloss.errors import IsolossError
from isoloss.figures.robustness.accuracy import note_of, set_fractions
from isoloss.figures.robustness.page import Page, Words
from isoloss.figures.robustness.reference_lines import draw_references, note_of_references
from isoloss.figures.robustness.run_results import RunResults, refuse_others, with_run_names
from isoloss.figures.robustness.series import Group, Series, by_network, series_of
from isoloss.figures.robustness.series_strokes import (
    SYMBOLS,
    Stroke,
    bars_of,
    dodge,
    draw_series,
    handle,
    hue_color,
)
from isoloss.figures.robustness.stamps import SignPlacer, Stamps
from isoloss.figures.sheet import Sheet, set_ticks, styled
from isoloss.geometry.arrays import Array
from isoloss.geometry.ticks import nice_ticks, number_label
from isoloss.results.certificates import Steps, farthest_radius, mean_steps, steps_of
from isoloss.results.references import ReferenceLine
from isoloss.scene.appearance import Appearance
from isoloss.scene.theme import THEMES, Theme
from isoloss.settings.attack_kinds import IN_ORDER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


START, AIR = -0.03, 1.12
"""Where the axis begins and ends, in so many times the farthest that any radius can be."""


def certified_figure(
    runs: Sequence[RunResults],
    sheet: Sheet,
    appearance: Appearance,
    heading: str,
    references: Sequence[ReferenceLine] = (),
) -> Figure:
    """A figure of one or several certifications: the radii of the table with their intervals, and
    between them, where the run has written its certificates, the fraction at every radius.

    Raises:
        IsolossError: if there are no certificates, or the runs do not belong into one figure.
    """
    for run in runs:
        if not run.is_certified:
            raise IsolossError(f"{run.name} certifies nothing: draw its accuracy")
    refuse_others(runs)
    runs = with_run_names(runs)
    series = series_of(runs)
    groups = by_network(series)
    stamps = Stamps.of(series, runs)
    theme = THEMES[appearance.theme]
    limits = {id(s): limit_of(s, runs) for s in series}
    farthest = max(limits.values())
    with styled(theme, sheet):
        titles = [g.title for g in groups] if appearance.title else [""] * len(groups)
        signs = [stamps.of_all(group) for group in groups]
        note = note_of_certificates(runs, series) + note_of_references(references)
        words = Words(heading, titles, signs, stamps.sentences, note)
        page = Page(words, _legend(series, sheet, theme), sheet, appearance)
        for k, (plot, group) in enumerate(zip(page.plots, groups, strict=True)):
            set_fractions(plot, sheet, with_numbers=page.is_at_left(k), title="certified accuracy")
            plot.set_xlim(START * farthest, AIR * farthest)
            set_ticks(plot.xaxis, nice_ticks(0, AIR * farthest, 6))
            if page.is_lowest(k):
                plot.set_xlabel("radius in L2", labelpad=0.35 * sheet.em)
            draw_references(plot, references, sheet, theme)
            _draw_group(plot, group, series, runs, limits, stamps, sheet, theme)
    return page.figure


def note_of_certificates(runs: Sequence[RunResults], series: Sequence[Series]) -> str:
    """How the figure is to be read, in a few sentences."""
    draws = sorted({row.votes for s in series for row in s.rows})
    alphas = sorted({run.alpha for run in runs})
    return note_of(runs, series, "majority") + (
        f" Dotted: the largest radius that {' or '.join(f'{d:,}' for d in draws)} draws can "
        f"certify with α = {' or '.join(f'{a:g}' for a in alphas)}."
    )


def certified_fractions(series: Series, runs: Sequence[RunResults]) -> list[Steps]:
    """Of each seed of which every image's certificate is known."""
    found: list[Steps] = []
    for seed in dict.fromkeys(row.seed for row in series.rows):
        samples = next(row.samples for row in series.rows if row.seed == seed)
        own = [
            c
            for run in runs
            if series.origin in ("", run.name)
            for c in run.certificates
            if (c.network, c.sigma, c.seed) == (series.network, series.sigma, seed)
        ]
        if len(own) == samples:
            found.append(steps_of(own))
    return found


def _draw_group(
    plot: Axes, group: Group, series: Sequence[Series], runs: Sequence[RunResults],
    limits: dict[int, float], stamps: Stamps, sheet: Sheet, theme: Theme,
) -> None:  # fmt: skip
    unit = sheet.unit
    strokes = [stroke_of_sigma(each, series, theme) for each in group.series]
    curves: list[Array] = []
    for each, stroke in zip(group.series, strokes, strict=True):
        limit = limits[id(each)]
        plot.plot(
            [limit, limit], [0, 1], color=stroke.color, lw=1.0 * unit, ls=(0, (1, 2)),
            zorder=2, gid="limit",
        )  # fmt: skip
        plot.annotate(
            number_label(limit), (limit, 1), xytext=(0, 0.1 * sheet.em),
            textcoords="offset points", ha="center", va="bottom", fontsize=0.8 * sheet.em,
            color=stroke.color,
        )  # fmt: skip
        steps = certified_fractions(each, runs)
        several = [(*step, 0.9, 0.38, "seed") for step in steps] if len(steps) > 1 else []
        mean = [(*mean_steps(steps), 1.7, 1.0, "steps")] if steps else []
        for radii, fractions, width, alpha, name in (*several, *mean):
            plot.step(
                [*radii, plot.get_xlim()[1]], [*fractions, fractions[-1]], where="post",
                color=stroke.color, lw=width * unit, alpha=alpha, zorder=4, gid=name,
            )  # fmt: skip
        near = within(each, plot.get_xlim()[1])
        shift = unit * dodge(len(curves), len(strokes))
        # Between the table's radii nothing is known without the certificates.
        draw_series(plot, near, stroke, shift, sheet, theme, line=False)
        seen = np.column_stack([near.eps, near.mean])
        curves.append(np.column_stack(_corners(*mean_steps(steps))) if steps else seen)
    signs = SignPlacer(plot, sheet, theme, curves, bars_of(group.series))
    for k, (each, stroke) in enumerate(zip(group.series, strokes, strict=True)):
        if sign := stamps.of_one(each, group):
            signs.put(sign, k, stroke.color)


def _corners(radii: Array, fractions: Array) -> tuple[Array, Array]:
    """Where the line of a step curve turns."""
    return np.repeat(radii, 2)[1:], np.repeat(fractions, 2)[:-1]


def within(series: Series, farthest: float) -> Series:
    """Without the radii beyond the axis, which nothing can reach."""
    near = series.eps <= farthest
    parts = (series.eps, series.mean, series.low, series.high)
    eps, mean, low, high = (part[near] for part in parts)
    seeds = tuple((e[e <= farthest], a[e <= farthest]) for e, a in series.seeds)
    return replace(series, eps=eps, mean=mean, low=low, high=high, seeds=seeds)


def limit_of(series: Series, runs: Sequence[RunResults]) -> float:
    """The largest radius that its draws can certify, whatever the network.

    Raises:
        IsolossError: if that is none.
    """
    draws = max(row.votes for row in series.rows)
    alpha = min(run.alpha for run in runs if series.rows[0] in run.rows)
    limit = farthest_radius(series.sigma, draws, alpha)
    if limit == 0:
        raise IsolossError(
            f"{draws} draws certify nothing at α = {alpha:g}, whatever the network: there is "
            "nothing to draw"
        )
    return limit


def stroke_of_sigma(series: Series, among: Sequence[Series], theme: Theme) -> Stroke:
    """Of each σ another."""
    k = sorted({s.sigma for s in among}).index(series.sigma)
    hue, mark = IN_ORDER[k % len(IN_ORDER)]
    return Stroke(hue_color(hue, theme), SYMBOLS[mark][0], 4.8, "-", False)


def _legend(series: Sequence[Series], sheet: Sheet, theme: Theme) -> list[Any]:
    handles: dict[float, Any] = {}
    for each in sorted(series, key=lambda s: s.sigma):
        label = f"σ = {each.sigma:g}"
        handles.setdefault(
            each.sigma, handle(label, stroke_of_sigma(each, series, theme), sheet, theme)
        )
    return list(handles.values())
