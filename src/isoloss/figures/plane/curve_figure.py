"""A curve as a figure: the loss with its 95 % band, the accuracy, and where the networks are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from isoloss.figures.sheet import (
    Sheet,
    draw_background,
    fitted_lines,
    set_ticks,
    styled,
    text_width,
)
from isoloss.geometry.analysis.barrier import Barrier
from isoloss.geometry.analysis.curve import CONFIDENCE, Curve, curve_of
from isoloss.geometry.fitting import fitting_ticks
from isoloss.geometry.height import HeightScale, with_scale
from isoloss.geometry.surface import Surface
from isoloss.geometry.ticks import Tick, nice_ticks
from isoloss.naming import drawable
from isoloss.scene.appearance import Appearance
from isoloss.scene.theme import THEMES, Theme

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from isoloss.figures.figure import Figure

TITLE, MOST_LINES = 1.3, 3
"""The title's size in em, and its lines."""
BAND = f"± {CONFIDENCE:g} standard errors"
ASPECT = 0.68
"""Height to width, where nobody says."""


def curve_figure(surface: Surface, sheet: Sheet, appearance: Appearance, title: str) -> Figure:
    """A figure of a surface of shape (A, 1).

    Args:
        appearance: its theme, `log_height`, `title` and `transparent`.
        title: the heading.
    """
    from isoloss.figures.figure import Figure

    curve, theme = curve_of(surface), THEMES[appearance.theme]
    size = (sheet.width, sheet.height or ASPECT * sheet.width)
    em = sheet.em
    with styled(theme, sheet):
        figure = Figure(figsize=(size[0] / 72, size[1] / 72), dpi=sheet.dpi)
        if not appearance.transparent:
            draw_background(figure, theme)
        heading = drawable(title) if appearance.title else ""
        lines, is_beside = _heading(figure, heading, curve, size[0] - 2.8 * em, em)
        line = 1.25 * TITLE * em / size[1]
        above = 0.0 if is_beside else line * len(lines)
        log = curve.scale.kind == "log" and appearance.log_height is not False
        losses = HeightScale("log" if log else "linear", *curve.limits(log=log))
        lens = _lens(losses)

        def width(number: str) -> float:
            return text_width(figure, number, em)

        numbers = max(width(t.label) for count in range(2, 8) for t in losses.ticks(count))
        axes = figure.add_axes(_frame(size, em, curve, above, max(6.2 * em, numbers + 3.5 * em)))
        _draw(axes, curve, theme, sheet, losses, lens, above)
        place = axes.get_position()
        ticks = fitting_ticks(losses, 7, place.height * size[1], lambda _: 1.2 * em, 0.3 * em)
        set_ticks(axes.yaxis, [Tick(lens * tick.value, tick.label) for tick in ticks])
        if curve.span[0] < curve.span[1]:
            along = HeightScale("linear", *curve.span)
            beyond = place.x0 * size[0] - 0.3 * em, (1 - place.x1) * size[0] - 0.3 * em
            set_ticks(axes.xaxis, fitting_ticks(
                along, 6, place.width * size[0], width, 0.8 * em, beyond))  # fmt: skip
        for k, text in enumerate(lines):
            place = 1.4 * em / size[0], 1 - 1.4 * em / size[1] - k * line
            figure.text(*place, text, va="top", ha="left", fontsize=TITLE * em, color=theme.ink)
    return figure


def _heading(
    figure: Figure, text: str, curve: Curve, room: float, em: float
) -> tuple[list[str], bool]:
    """Its lines, and whether there is room for them beside the legend: else they go above it."""
    names = [curve.called] + ["accuracy"] * curve.has_accuracy + [BAND] * curve.has_band
    names += [other.title for other in curve.beside]
    legend = sum(text_width(figure, name, em) + 4.4 * em for name in names)
    is_beside = text_width(figure, text, TITLE * em) <= room - legend and "\n" not in text
    return fitted_lines(figure, text, MOST_LINES, room, TITLE * em), is_beside


def _frame(
    size: tuple[float, float], em: float, curve: Curve, above: float, left: float
) -> tuple[float, float, float, float]:
    """Left, bottom, width and height of the plot, as fractions of the picture."""
    left, right = left / size[0], (6.2 if curve.has_accuracy else 2.2) * em / size[0]
    bottom, top = 4.6 * em / size[1], 5.4 * em / size[1] + above
    return left, bottom, max(1 - left - right, 0.2), max(1 - bottom - top, 0.2)


def _lens(losses: HeightScale) -> float:
    """By what all values are multiplied where they are, for matplotlib, too small or too large."""
    most = max(abs(losses.lo), abs(losses.hi))
    if losses.kind == "log" or 1e-250 < most < 1e250:
        return 1.0
    return math.ldexp(1.0, min(-math.frexp(most)[1], 1000))


def _draw(
    axes: Axes,
    curve: Curve,
    theme: Theme,
    sheet: Sheet,
    losses: HeightScale,
    lens: float,
    above: float,
) -> None:
    loss_color, accuracy_color = theme.path_color(2), theme.path_color(1)
    low, unit = losses.lo, sheet.unit
    axes.set_yscale(losses.kind)
    axes.set_xlim(*curve.span)
    axes.set_ylim(lens * losses.lo, lens * losses.hi)
    axes.grid(True)
    axes.set_xlabel("α")
    axes.set_ylabel(with_scale("loss", losses))
    axes.spines[["top", *(() if curve.has_accuracy else ("right",))]].set_visible(False)
    handles: list[Artist] = []
    if curve.has_accuracy:
        percent = axes.twinx()
        percent.set_ylim(-2, 102)
        percent.set_ylabel("accuracy")
        set_ticks(percent.yaxis, [Tick(t.value, f"{t.label} %") for t in nice_ticks(0, 100, 6)])
        percent.spines["top"].set_visible(False)
        handles += percent.plot(
            curve.alpha, curve.accuracy, color=accuracy_color, lw=2 * unit, label="accuracy"
        )
        axes.set_zorder(percent.get_zorder() + 1)  # the loss lies over it
    if curve.has_band:
        ends = np.maximum(curve.low, low), np.maximum(curve.high, low)
        band = axes.fill_between(curve.alpha, lens * ends[0], lens * ends[1], label=BAND)
        band.set(color=loss_color, alpha=0.25, linewidth=0)
        handles.insert(0, band)
    losses_seen = lens * curve.loss
    handles[:0] = axes.plot(
        curve.alpha, losses_seen, color=loss_color, lw=2.4 * unit, label=curve.called
    )
    for k, other in enumerate(curve.beside):
        handles += axes.plot(
            curve.alpha, lens * other.loss, color=theme.path_color(3 + k), lw=2.4 * unit,
            label=other.title,
        )  # fmt: skip
    _landmarks(axes, curve, theme, sheet)
    if curve.barrier is not None:
        _barrier(axes, curve.barrier, theme, sheet, losses, lens)
    # In the line of the title, for the landmarks' names are between it and the plot.
    axes.figure.legend(
        handles=handles,
        loc="upper right",
        bbox_to_anchor=(1.0, 1 - above),
        ncols=3 + len(curve.beside),
        frameon=False,
        borderaxespad=1.0,
        handlelength=1.6,
    )


def _barrier(
    axes: Axes, barrier: Barrier, theme: Theme, sheet: Sheet, losses: HeightScale, lens: float
) -> None:
    """The straight line between the losses of the two networks, and how far the curve rises."""
    along = np.linspace(0, 1, 101)
    line = (1 - along) * barrier.ends[0] + along * barrier.ends[1]
    axes.plot(along, lens * line, color=theme.quiet_ink, lw=1.2 * sheet.unit, ls=(0, (1, 2)))
    if barrier.value <= 0:
        return
    low, high = barrier.line, barrier.line + barrier.value
    axes.annotate(
        "", (barrier.alpha, lens * high), (barrier.alpha, lens * max(low, losses.lo)),
        arrowprops={
            "arrowstyle": "<->", "color": theme.ink, "lw": 1.2 * sheet.unit, "shrinkA": 0,
            "shrinkB": 0,
        },
    )  # fmt: skip
    # Above the curve, which falls on either side.
    axes.annotate(
        f"barrier {barrier.in_short}", (barrier.alpha, lens * high), (0, 0.4 * sheet.em),
        textcoords="offset points", ha="center", va="bottom", color=theme.ink,
    )  # fmt: skip


def _landmarks(axes: Axes, curve: Curve, theme: Theme, sheet: Sheet) -> None:
    for mark in curve.landmarks:
        axes.axvline(
            mark.alpha, color=theme.quiet_ink, lw=1.2 * sheet.unit, ls=(0, (4, 4)), zorder=1
        )
        first, last = curve.span
        fraction = (mark.alpha - first) / (last - first)
        align = "left" if fraction < 0.02 else "right" if fraction > 0.98 else "center"
        place = {"xy": (mark.alpha, 1), "xycoords": ("data", "axes fraction")}
        axes.annotate(
            mark.label,
            **place,
            xytext=(0, 0.3 * sheet.em),
            textcoords="offset points",
            ha=align,
            va="bottom",
            color=theme.quiet_ink,
        )
