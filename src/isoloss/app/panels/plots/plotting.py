"""What the plots of curves and slices are made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from imgui_bundle import ImVec2, implot

from isoloss.app.ui.style import Color, numerals, vec
from isoloss.app.ui.widgets import em
from isoloss.geometry.arrays import Array


@contextmanager
def plot(name: str, size: ImVec2 | None = None) -> Iterator[bool]:
    """A plot without menus, by default in the rest of its panel; its legend stands elsewhere."""
    flags = implot.Flags_.no_menus | implot.Flags_.no_box_select | implot.Flags_.no_mouse_text
    flags |= implot.Flags_.no_legend
    implot.push_style_var(implot.StyleVar_.plot_padding, ImVec2(em(0.4), em(0.3)))
    implot.push_style_var(implot.StyleVar_.plot_min_size, ImVec2(em(8), em(5)))
    shown = implot.begin_plot(f"##{name}", size or ImVec2(-1, -1), int(flags))
    try:
        yield shown
    finally:
        if shown:
            implot.end_plot()
        implot.pop_style_var(2)


def finish_set_up() -> None:
    """The axes are as they shall be: write their numbers, with a minus where one is negative."""
    with numerals():
        implot.setup_finish()


def set_up_loss(limits: tuple[float, float], cond: int, *, log: bool) -> None:
    """The axis at the left."""
    scale = implot.Scale_.log10 if log else implot.Scale_.linear
    implot.setup_axis_scale(implot.ImAxis_.y1, int(scale))
    implot.setup_axis_limits(implot.ImAxis_.y1, *limits, cond)


def set_up_accuracy(cond: int, flags: int = 0, limits: tuple[float, float] = (-2.0, 102.0)) -> None:
    """The axis at the right, in percent."""
    flags |= int(implot.AxisFlags_.aux_default)
    implot.setup_axis(implot.ImAxis_.y2, "accuracy", flags)
    implot.setup_axis_format(implot.ImAxis_.y2, "%g %%")
    implot.setup_axis_limits(implot.ImAxis_.y2, *limits, cond)


def line(label: str, xs: Array, ys: Array, color: Color, weight: float = 2.0) -> None:
    """A line that breaks where a value is missing; a single value is a dot."""
    spec = implot.Spec()
    spec.line_color, spec.line_weight = vec(color), weight
    for run in unbroken(ys):
        if run.stop - run.start == 1:
            dot = implot.Spec()
            dot.marker, dot.marker_size = int(implot.Marker_.circle), 2.5
            dot.marker_fill_color = dot.marker_line_color = vec(color)
            implot.plot_scatter(label, packed(xs[run]), packed(ys[run]), spec=dot)
        else:
            implot.plot_line(label, packed(xs[run]), packed(ys[run]), spec=spec)


def stairs(label: str, xs: Array, ys: Array, color: Color, weight: float, alpha: float) -> None:
    """Each value from its place to the next."""
    spec = implot.Spec()
    spec.line_color, spec.line_weight = vec(color, alpha), weight
    implot.plot_stairs(label, packed(xs), packed(ys), spec=spec)


def band(label: str, xs: Array, low: Array, high: Array, color: Color, alpha: float) -> None:
    """The area between `low` and `high`, broken where they are missing."""
    spec = implot.Spec()
    spec.fill_color, spec.fill_alpha = vec(color), alpha
    for run in unbroken(high):
        implot.plot_shaded(label, packed(xs[run]), packed(low[run]), packed(high[run]), spec=spec)


def unbroken(values: Array) -> list[slice]:
    """The stretches without a missing value."""
    edges = np.flatnonzero(np.diff(np.isfinite(values).astype(np.int8), prepend=0, append=0))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def packed(values: Array) -> Array:
    """`values` as ImPlot takes them."""
    return np.ascontiguousarray(values, np.float64)
