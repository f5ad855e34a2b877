"""A curve as a picture: matplotlib in the colours and the font of our other pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.curve import CONFIDENCE, Curve, curve_of
from isoloss.geometry.height import HeightScale, Tick, nice_ticks
from isoloss.geometry.surface import Surface
from isoloss.gl.glyphs import font_file
from isoloss.scene.appearance import Appearance
from isoloss.scene.theme import THEMES, Theme

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Pixels = NDArray[np.uint8]

_DPI = 72.0  # so that a point is a pixel, and sizes are those of the other pictures


def draw_curve(
    surface: Surface, size: tuple[int, int], scale: float, look: Appearance, title: str
) -> Pixels:
    """(H, W, 4) uint8, RGBA with straight alpha: loss with its 95 % band, accuracy, landmarks.

    Args:
        surface: of shape (A, 1).
        size: (width, height) in pixels.
        scale: size of text and lines, 1 being that of the window.
        look: its theme, `log_height`, `title` and `transparent`.
        title: the heading.
    """
    # Half a second to import, for curves alone.
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curve, theme = curve_of(surface), THEMES[look.theme]
    with matplotlib.rc_context(_style(theme, scale)):
        figure = Figure(figsize=(size[0] / _DPI, size[1] / _DPI), dpi=_DPI)
        canvas = FigureCanvasAgg(figure)
        if look.transparent:
            figure.patch.set_alpha(0.0)
        else:
            _background(figure, theme)
        axes = figure.add_axes(_frame(size, scale, curve))
        _draw(axes, curve, theme, scale, look)
        if title and look.title:
            em = 14.0 * scale
            place = 1.4 * em / size[0], 1 - 1.4 * em / size[1]
            figure.text(*place, title, va="top", ha="left", fontsize=1.3 * em, color=theme.ink)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba()).copy()


def _style(theme: Theme, scale: float) -> dict[Any, Any]:
    em = 14.0 * scale
    return {
        "font.family": [_font(), "DejaVu Sans"],
        "font.size": em,
        "axes.unicode_minus": True,
        "axes.linewidth": scale,
        "axes.facecolor": "none",
        "axes.edgecolor": theme.box,
        "axes.labelcolor": theme.ink,
        "axes.labelpad": 0.6 * em,
        "axes.labelsize": 1.1 * em,
        "grid.color": theme.grid,
        "grid.linewidth": scale,
        "text.color": theme.ink,
        "path.simplify": False,
    } | {
        f"{axis}tick.{name}": value
        for axis in "xy"
        for name, value in (
            ("color", theme.box),
            ("labelcolor", theme.quiet_ink),
            ("major.size", 0.35 * em),
            ("major.width", scale),
        )
    }


def _font() -> str:
    """The family name of the font of our pictures, made known to matplotlib."""
    from matplotlib import font_manager

    file = font_file()
    if file is None:
        return "DejaVu Sans"
    font_manager.fontManager.addfont(str(file))
    return font_manager.FontProperties(fname=str(file)).get_name()


def _frame(size: tuple[int, int], scale: float, curve: Curve) -> tuple[float, float, float, float]:
    """Left, bottom, width and height of the plot, as shares of the picture."""
    em = 14.0 * scale
    left, right = 6.2 * em / size[0], (6.2 if curve.has_accuracy else 2.2) * em / size[0]
    bottom, top = 4.6 * em / size[1], 5.4 * em / size[1]
    return left, bottom, max(1 - left - right, 0.2), max(1 - bottom - top, 0.2)


def _background(figure: Figure, theme: Theme) -> None:
    """The gradient of the other pictures."""
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), zorder=-10)
    axes.set_axis_off()
    share = np.linspace(0, 1, 256)[:, None, None]
    top, bottom = (np.array(c[:3]) for c in (theme.background_top, theme.background_bottom))
    axes.imshow(top + share * (bottom - top), aspect="auto", interpolation="bilinear")


def _draw(axes: Axes, curve: Curve, theme: Theme, scale: float, look: Appearance) -> None:
    log = curve.scale.kind == "log" and look.log_height is not False
    loss_color, accuracy_color = theme.path_color(2), theme.path_color(1)
    if log:
        axes.set_yscale("log")
    low, high = curve.limits(log=log)
    axes.set_xlim(*curve.span)
    axes.set_ylim(low, high)
    _ticks(axes.xaxis, nice_ticks(*curve.span, 6))
    _ticks(axes.yaxis, HeightScale("log" if log else "linear", low, high).ticks(7))
    axes.grid(True)
    axes.set_xlabel("α")
    axes.set_ylabel("loss")
    axes.spines[["top", *(() if curve.has_accuracy else ("right",))]].set_visible(False)
    handles: list[Artist] = []
    if curve.has_accuracy:
        percent = axes.twinx()
        percent.set_ylim(-2, 102)
        percent.set_ylabel("accuracy")
        percent.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
        percent.spines["top"].set_visible(False)
        handles += percent.plot(
            curve.alpha, curve.accuracy, color=accuracy_color, lw=2 * scale, label="accuracy"
        )
        axes.set_zorder(percent.get_zorder() + 1)  # the loss lies over it
    if curve.has_band:
        label = f"± {CONFIDENCE:g} standard errors"
        ends = np.maximum(curve.low, low), np.maximum(curve.high, low)
        band = axes.fill_between(curve.alpha, ends[0], ends[1], label=label)
        band.set(color=loss_color, alpha=0.25, linewidth=0)
        handles.insert(0, band)
    handles[:0] = axes.plot(curve.alpha, curve.loss, color=loss_color, lw=2.4 * scale, label="loss")
    _landmarks(axes, curve, theme, scale)
    # In the line of the title, for the landmarks' names are between it and the plot.
    axes.figure.legend(
        handles=handles,
        loc="upper right",
        ncols=3,
        frameon=False,
        borderaxespad=1.0,
        handlelength=1.6,
    )


def _ticks(axis: Axis, ticks: list[Tick]) -> None:
    """The same numbers, written the same way, as on the axes of our other pictures."""
    axis.set_ticks([t.value for t in ticks], [t.label for t in ticks])
    axis.set_ticks([], minor=True)


def _landmarks(axes: Axes, curve: Curve, theme: Theme, scale: float) -> None:
    for mark in curve.landmarks:
        axes.axvline(mark.alpha, color=theme.quiet_ink, lw=1.2 * scale, ls=(0, (4, 4)), zorder=1)
        first, last = curve.span
        share = (mark.alpha - first) / (last - first)
        align = "left" if share < 0.02 else "right" if share > 0.98 else "center"
        place = {"xy": (mark.alpha, 1), "xycoords": ("data", "axes fraction")}
        axes.annotate(
            mark.label,
            **place,
            xytext=(0, 0.3 * 14 * scale),
            textcoords="offset points",
            ha=align,
            va="bottom",
            color=theme.quiet_ink,
        )
