"""The plots panel: the curves of the selected training run, or what one of sharpness finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from imgui_bundle import ImVec2, imgui, implot

from isoloss.app.panels.plots.sharpness_plots import SharpnessPlots
from isoloss.app.state.runs.known_runs import Runs
from isoloss.app.ui.spots import mark
from isoloss.app.ui.style import palette, vec
from isoloss.app.ui.widgets import em, muted, shortened
from isoloss.geometry.arrays import Array
from isoloss.jobs.follow import FollowedRun

BESIDE = 3.5
"""In em, that the numbers of an axis may take beside a plot, below its title."""
LABEL, LEGEND = 11.0, 8.0
"""Below these heights of a plot, in em, it has no line for what its axis means, and no legend."""


@dataclass(frozen=True)
class TrainingCurves:
    """The curves of one run at one moment: epochs, and (label, values) of each curve."""

    epoch: Array
    loss: list[tuple[str, Array]]
    accuracy: list[tuple[str, Array]]


def curves_of(followed: FollowedRun) -> TrainingCurves:
    """The curves of what `followed` has reported so far; accuracies in percent."""
    metrics = followed.metrics

    def column(name: str, scale: float = 1.0) -> Array:
        return np.array([scale * getattr(m, name) for m in metrics], np.float64)

    return TrainingCurves(
        column("epoch"),
        [("train", column("train_loss")), ("test", column("test_loss"))],
        [
            ("train", column("train_accuracy", 100)),
            ("test", column("test_accuracy", 100)),
            ("test, with noise", column("noisy_accuracy", 100)),
        ],
    )


class PlotsPanel:
    """Draws the curves of the selected run."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self._key: tuple[int, int] = (0, -1)
        self._curves = TrainingCurves(np.empty(0), [], [])
        self.sharpness = SharpnessPlots()

    def draw(self) -> None:
        """Draw the panel's content."""
        followed = self._subject()
        if followed is None:
            muted("The training curves of the selected run appear here, and its eigenvalues.")
            return
        if followed.run.settings.measures_curvature:
            self.sharpness.take(followed)
            self.sharpness.draw(followed.run.name)
            return
        key = (id(followed), followed.version)
        news = key != self._key
        if news:
            self._key, self._curves = key, curves_of(followed)
        room = imgui.get_content_region_avail()
        curves = self._curves
        # A denoiser is right or wrong about nothing.
        has_accuracy = any(np.isfinite(values).any() for _, values in curves.accuracy)
        width = (room.x - imgui.get_style().item_spacing.x) / 2 if has_accuracy else room.x
        size = ImVec2(width, room.y)
        _plot("Loss", followed, curves.epoch, curves.loss, size, news)
        if not has_accuracy:
            return
        imgui.same_line()
        _plot("Accuracy", followed, curves.epoch, curves.accuracy, size, news)

    def _subject(self) -> FollowedRun | None:
        """The selected run, or the newest one, that has curves."""
        selected = self.runs.selected
        if selected is not None and has_plots(selected):
            return selected
        return next(filter(has_plots, self.runs.followed), None)


def has_plots(followed: FollowedRun) -> bool:
    """Whether there is anything to plot of a run."""
    return bool(followed.metrics) or followed.run.settings.measures_curvature


def _plot(
    name: str,
    followed: FollowedRun,
    epoch: Array,
    curves: list[tuple[str, Array]],
    size: ImVec2,
    fit: bool,
) -> None:
    flags = implot.Flags_.no_menus | implot.Flags_.no_box_select | implot.Flags_.no_mouse_text
    flags |= implot.Flags_.no_legend if size.y < em(LEGEND) else implot.Flags_.none
    title = shortened(f"{name} of {followed.run.name}", size.x - em(BESIDE))
    no_label = implot.AxisFlags_.no_label if size.y < em(LABEL) else implot.AxisFlags_.none
    implot.push_style_var(implot.StyleVar_.plot_padding, ImVec2(em(0.4), em(0.3)))
    implot.push_style_var(implot.StyleVar_.plot_min_size, ImVec2(em(8), em(5)))
    if implot.begin_plot(f"{title}###{name}", size, int(flags)):
        implot.setup_axes("epoch", "", int(no_label), int(implot.AxisFlags_.none))
        if fit:  # with every news the axes hold all of it; between, they can be panned and zoomed
            implot.setup_axes_limits(*_limits(epoch, curves), int(implot.Cond_.always))
        if name == "Accuracy":
            implot.setup_axis_format(implot.ImAxis_.y1, "%g %%")
        implot.setup_legend(
            implot.Location_.north_east if name == "Loss" else implot.Location_.south_east
        )
        for (label, values), color in zip(curves, palette().series, strict=False):
            known = np.isfinite(values)
            if not known.any():
                continue
            spec = implot.Spec()
            spec.line_color, spec.line_weight = vec(color), 2.0
            xs, ys = np.ascontiguousarray(epoch[known]), np.ascontiguousarray(values[known])
            if len(xs) <= 40:
                # Shapes tell train from test where colours do not.
                spec.marker = int(
                    implot.Marker_.circle if label == "train" else implot.Marker_.diamond
                )
                spec.marker_size = 3.0
                spec.marker_fill_color = vec(color)
            implot.plot_line(label, xs, ys, spec=spec)
        implot.end_plot()
        mark(name.lower())
    implot.pop_style_var(2)


def _limits(epoch: Array, curves: list[tuple[str, Array]]) -> tuple[float, float, float, float]:
    """From epoch 0 to the last, and all values with a margin."""
    values = np.concatenate([v[np.isfinite(v)] for _, v in curves])
    low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
    margin = 0.06 * (high - low) or 0.5
    last = max(float(epoch[-1]), 1.0) if len(epoch) else 1.0
    return -0.02 * last, 1.03 * last, float(low - margin), float(high + margin)
