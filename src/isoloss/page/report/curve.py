"""The page of a curve: the losses and accuracies along one direction."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from isoloss.geometry.analysis.curve import CONFIDENCE, Curve, curve_of
from isoloss.geometry.findings import findings_of
from isoloss.geometry.height import HeightScale
from isoloss.geometry.surface import Surface
from isoloss.geometry.ticks import number_label
from isoloss.naming import capitalized, drawable_line, percent, sentence
from isoloss.page.frame import command_facts, facts
from isoloss.page.report.colours import Colours
from isoloss.page.report.evaluations import share_axis
from isoloss.page.report.plot import Axis, Charts, Line, Pen, Plot, Point, Rule
from isoloss.page.report.scales import axis_across, axis_upwards
from isoloss.page.report.tables import charts_of, said
from isoloss.page.report.writing import Written, write
from isoloss.results.intervals import exact_interval
from isoloss.scene.layer import SurfaceLayer

MOST_MARKS = 60
"""Points of a curve that are told apart by marks and bars; of more there is a band."""


def curve_page(layer: SurfaceLayer, command: str = "", theme: str = "", title: str = "") -> str:
    """The text of the page of a surface of shape (A, 1).

    Args:
        command: what made it, as typed.
        theme: "dark" or "light"; unless given, that of the reader's system.
        title: unless given, the curve's.
    """
    surface, colours = layer.surface, Colours()
    curve = curve_of(surface)
    heading = drawable_line(title or surface.title or layer.name)
    quantity = drawable_line(str(surface.meta.get("quantity") or "loss"))
    plots = tuple(_plots(curve, surface, quantity, colours))
    note = (
        f"Bars and bands: ± {CONFIDENCE:g} standard errors of a loss, exact 95 % intervals of an "
        "accuracy."
    )
    charts = Charts("", plots, (), note)
    main = [
        f"<header><h1>{said(heading)}</h1></header>",
        f'<section class="verdicts" aria-label="Summary"><p class="verdict">'
        f"{said(summary_of(curve, quantity))}</p>{_findings(surface)}</section>",
        charts_of(charts, "chart"),
    ]
    about = command_facts(command) + facts("Curve", surface.meta)
    return write(Written(heading, "".join(main), about, colours.style(), theme))


def summary_of(curve: Curve, quantity: str) -> str:
    """What is to be seen, in a sentence or two."""
    if not np.isfinite(curve.loss).any():
        return "No point of this curve has a finite loss yet."
    first, last = (number_label(end) for end in curve.span)
    words = [f"The {quantity} at {len(curve.alpha):,} points, α from {first} to {last}."]
    for word, k in (("lowest", np.nanargmin(curve.loss)), ("highest", np.nanargmax(curve.loss))):
        at, *facts = curve.readout(int(k))
        value = ", ".join(
            f"{quantity if name == 'loss' else name} {text}" for name, text in facts
        )  # fmt: skip
        words.append(f"{capitalized(word)}: {value} at α {at[1]}.")
    return " ".join(words)


def _findings(surface: Surface) -> str:
    found = findings_of(surface.meta) or []
    items = "".join(
        f"<li><strong>{said(f.what)}</strong>: {said(sentence(f.message))}</li>" for f in found
    )
    return f'<h3>What the checks have found</h3><ul class="doubts">{items}</ul>' if items else ""


def _plots(curve: Curve, surface: Surface, quantity: str, colours: Colours) -> Iterator[Plot]:
    across = axis_across("α", *curve.span)
    rules = tuple(Rule(m.alpha, m.label, is_upright=True) for m in curve.landmarks)
    is_log = curve.scale.kind == "log"
    scale = HeightScale("log" if is_log else "linear", *curve.limits(log=is_log))
    loss = colours.name(lambda theme: theme.path_color(2))
    yield _plot(quantity, across, axis_upwards(quantity, scale), rules, _losses(curve), loss, "o")
    if curve.has_accuracy:
        accuracy = colours.name(lambda theme: theme.path_color(1))
        points = _accuracies(curve, surface)
        yield _plot("accuracy", across, share_axis("accuracy"), rules, points, accuracy, "s")


def _plot(
    name: str, across: Axis, up: Axis, rules: tuple[Rule, ...], points: Iterator[Point],
    colour: str, mark: str,
) -> Plot:  # fmt: skip
    found = tuple(points)
    is_few = len(found) <= MOST_MARKS
    has_band = not is_few and any(point.has_interval for point in found)
    line = Line(
        name, Pen(colour, mark if is_few else "", 4.4, 2.2), found, has_bars=is_few,
        has_band=has_band,
    )  # fmt: skip
    return Plot(capitalized(name), across, up, (line,), rules)


def _losses(curve: Curve) -> Iterator[Point]:
    for k, alpha in enumerate(curve.alpha.tolist()):
        known = curve.readout(k)
        low, high = float(curve.low[k]), float(curve.high[k])
        y = float(curve.loss[k])
        yield Point(alpha, y, known[0][1], known[1][1], known, *_interval(low, high))


def _accuracies(curve: Curve, surface: Surface) -> Iterator[Point]:
    counts = surface.count[surface.computed[:, 0], 0].tolist()
    for k, (alpha, count) in enumerate(zip(curve.alpha.tolist(), counts, strict=True)):
        share = float(curve.accuracy[k]) / 100
        known, ends = curve.readout(k), (math.nan, math.nan)
        text = percent(share) if math.isfinite(share) else ""
        hits = share * count
        if math.isfinite(share) and count > 0 and abs(hits - round(hits)) < 1e-6 * count:
            ends = exact_interval(round(hits), int(count))
            text += f" ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})"
            known = [*known[:-1], ("accuracy", text), ("samples", f"{count:,}")]
        yield Point(alpha, share, known[0][1], text, known, *ends)


def _interval(low: float, high: float) -> tuple[float, float]:
    return (low, high) if low < high else (math.nan, math.nan)
