"""The charts of robustness runs: accuracy against ε, certified accuracy against the radius. Which
curves there are, what they are called and how they look is asked of the figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from isoloss.figures.robustness.accuracy import (
    HIGHEST,
    LOWEST,
    in_order,
    name_in_legend,
    note_of,
)
from isoloss.figures.robustness.certified import (
    AIR,
    START,
    certified_fractions,
    limit_of,
    note_of_certificates,
    stroke_of_sigma,
    within,
)
from isoloss.figures.robustness.radius_axis import RadiusAxis, written
from isoloss.figures.robustness.reference_lines import note_of_references
from isoloss.figures.robustness.run_results import RunResults, with_run_names
from isoloss.figures.robustness.series import Group, Series, by_defense, by_network, series_of
from isoloss.figures.robustness.series_strokes import dodge, stroke_among
from isoloss.figures.robustness.stamps import Stamps
from isoloss.geometry.ticks import Tick, nice_ticks, number_label
from isoloss.naming import percent, sentence
from isoloss.page.report.colours import Colours
from isoloss.page.report.pens import pen_of
from isoloss.page.report.plot import Axis, Charts, Facts, Line, Plot, Point, Reference, Rule
from isoloss.page.report.svg import LEFT, LETTER, RIGHT, WIDTH
from isoloss.results.certificates import Steps, mean_steps
from isoloss.results.radii import NORMS, radius_label
from isoloss.results.readout import readout
from isoloss.results.references import ReferenceLine
from isoloss.results.tables import average_radius_in_words

_SHARES = tuple(Tick(share, f"{100 * share:g} %") for share in (0, 0.25, 0.5, 0.75, 1))


def share_axis(title: str) -> Axis:
    """The axis of accuracy, from 0 to 100 %."""
    return Axis.even(title, _SHARES, LOWEST, HIGHEST)


def radius_axis(title: str, radii: Sequence[float]) -> Axis:
    """The axis of ε; the measured radii are the numbers on it, as far as there is room."""
    axis, room = RadiusAxis.of(radii), WIDTH - LEFT - RIGHT
    labels = [radius_label(radius) for radius in radii]
    widths = [LETTER * len(label) for label in labels]
    chosen = written([room * axis.place(radius) for radius in radii], widths, LETTER)
    ticks = [
        Tick(radius, labels[k] if k in chosen else "") for k, radius in enumerate(radii)
    ]  # fmt: skip
    return Axis(title, tuple(ticks), axis.place)


def charts_of_runs(runs: Sequence[RunResults], stamps: Stamps, colours: Colours) -> Charts:
    """All curves of one or several runs on the same images.

    Args:
        stamps: the numbers of warnings.

    Raises:
        IsolossError: if the draws of a certification certify nothing.
    """
    runs = with_run_names(runs)
    of = _certificates if runs[0].is_certified else _accuracies
    return of(runs, series_of(runs), runs[0].published, stamps, colours)


def _accuracies(
    runs: Sequence[RunResults],
    series: Sequence[Series],
    references: Sequence[ReferenceLine],
    stamps: Stamps,
    colours: Colours,
) -> Charts:
    among = any(s.is_defended for s in series)
    radii = np.unique(np.concatenate([s.eps for s in series])).tolist()
    across = radius_axis(f"ε in {NORMS[runs[0].norm]}", radii)
    chance = runs[0].chance
    rules = () if chance is None else (Rule(chance, "chance", is_upright=False),)
    legend = {
        name_in_legend(s, among): pen_of(lambda t, s=s: stroke_among(s, series, t, among), colours)
        for s in in_order(series)
    }

    def line(one: Series, group: Group) -> Line:
        beside = [s for s in group.series if not s.is_worst_case]
        shift = 0.0 if one.is_worst_case else dodge(beside.index(one), len(beside))
        pen = pen_of(lambda theme: stroke_among(one, group.series, theme, among), colours)
        return Line(
            name_in_legend(one, among), pen, tuple(_points(one)), faint=_seeds(one), shift=shift,
            sign=stamps.of_one(one, group), about=_warned(one),
        )  # fmt: skip

    plots = [
        Plot(
            group.title, across, share_axis("accuracy"),
            tuple(line(one, group) for one in group.series), rules, published(references),
            stamps.of_all(group),
        )
        for group in by_defense(series)
    ]  # fmt: skip
    note = note_of(runs, series, "majority") + note_of_references(references)
    return Charts("Accuracy against ε", tuple(plots), tuple(legend.items()), note)


def _certificates(
    runs: Sequence[RunResults],
    series: Sequence[Series],
    references: Sequence[ReferenceLine],
    stamps: Stamps,
    colours: Colours,
) -> Charts:
    limits = {id(s): limit_of(s, runs) for s in series}
    farthest = max(limits.values())
    across = Axis.even(
        f"radius in {NORMS['l2']}", nice_ticks(0, AIR * farthest, 6), START * farthest,
        AIR * farthest,
    )  # fmt: skip
    pens = {id(s): pen_of(lambda t, s=s: stroke_of_sigma(s, series, t), colours) for s in series}
    legend = {f"σ = {s.sigma:g}": pens[id(s)] for s in sorted(series, key=lambda s: s.sigma)}

    def line(one: Series, group: Group) -> Line:
        near = within(one, AIR * farthest)
        steps = certified_fractions(one, runs)
        average = average_radius_in_words(one.rows)
        about = (f"average certified radius {average}",) if average else ()
        name = f"σ = {one.sigma:g}" + (f" ({one.origin})" if one.origin else "")
        return Line(
            name, pens[id(one)], tuple(_points(near)), joined=False,
            faint=tuple(map(_corners, steps)) if len(steps) > 1 else (),
            steps=mean_steps(steps) if steps else None,
            shift=dodge(group.series.index(one), len(group.series)),
            sign=stamps.of_one(one, group), about=(*about, *_warned(one)),
        )  # fmt: skip

    plots = [
        Plot(
            group.title, across, share_axis("certified accuracy"),
            tuple(line(one, group) for one in group.series),
            tuple(
                Rule(limits[id(s)], number_label(limits[id(s)]), True, pens[id(s)].colour)
                for s in group.series
            ),
            published(references), stamps.of_all(group),
        )
        for group in by_network(series)
    ]  # fmt: skip
    note = note_of_certificates(runs, series) + note_of_references(references)
    return Charts("Certified accuracy", tuple(plots), tuple(legend.items()), note)


def _points(series: Series) -> Iterator[Point]:
    for eps, mean, low, high in zip(
        *(values.tolist() for values in (series.eps, series.mean, series.low, series.high)),
        strict=True,
    ):
        text = f"{percent(mean)} ({100 * low:.1f} to {100 * high:.1f})"
        yield Point(eps, mean, radius_label(eps), text, _facts(series, eps, text), low, high)


def _facts(series: Series, eps: float, text: str) -> Facts:
    """All that the table's rows say of a point."""
    rows = [row for row in series.rows if row.eps == eps]
    if len(rows) == 1:
        return readout(rows[0])
    return [
        readout(rows[0])[0],
        (f"mean of {len(rows)} seeds", text),
        *((f"seed {row.seed}", f"{row.correct:,} of {row.samples:,}") for row in rows),
    ]


def _warned(series: Series) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentence(warning.message) for warning in series.warnings))


def _seeds(series: Series) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    return series.seeds if len(series.seeds) > 1 else ()


def _corners(steps: Steps) -> tuple[np.ndarray, np.ndarray]:
    """Where the line of a step curve turns."""
    return np.repeat(steps[0], 2)[1:], np.repeat(steps[1], 2)[:-1]


def published(references: Sequence[ReferenceLine]) -> tuple[Reference, ...]:
    """What others have published, as it lies behind curves."""
    return tuple(
        Reference(
            each.name,
            tuple(
                Point(eps, share, radius_label(eps), percent(share),
                      [("published", each.paper), ("ε", radius_label(eps)),
                       ("accuracy", percent(share))])
                for eps, share in zip(each.eps, each.accuracy, strict=True)
            ),
        )
        for each in references
    )  # fmt: skip
