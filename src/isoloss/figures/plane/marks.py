"""What lies over the contours of a figure: paths of optimizers, minima and pins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isoloss.figures.plane.level_labels import Labels
from isoloss.figures.sheet import Sheet
from isoloss.geometry.arrays import Array
from isoloss.geometry.playhead import playhead
from isoloss.geometry.ticks import number_label
from isoloss.geometry.trajectory import Trajectory
from isoloss.scene.appearance import LABELLED_MINIMA, Appearance
from isoloss.scene.layer import HOLLOW, MarkerShape, SurfaceLayer
from isoloss.scene.legend import (
    Entry,
    drop_entries,
    end_color,
    end_name,
    ends_of,
    minimum_entries,
    path_entries,
    sign_entries,
)
from isoloss.scene.pins import drawn_markers
from isoloss.scene.scene import Frame, Scene
from isoloss.scene.theme import THEMES, Color, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Indices = NDArray[np.int64]

SYMBOLS = {
    MarkerShape.DOT: "o",
    MarkerShape.RING: "o",
    MarkerShape.STAR: "*",
    MarkerShape.DIAMOND: "D",
    MarkerShape.TRIANGLE: "^",
    MarkerShape.CROSS: "P",
    MarkerShape.TRIANGLE_DOWN: "v",
    MarkerShape.SQUARE: "s",
    MarkerShape.HOLLOW_SQUARE: "s",
    MarkerShape.HOLLOW_CROSS: "P",
}
MOST_MINIMA = 200
MOST_EPOCHS = 5
"""Labels of epochs along one path."""


def legend_entries(scene: Scene) -> list[Entry]:
    """All that has no name elsewhere; if asked for, the signs of paths and pins too."""
    theme = THEMES[scene.appearance.theme]
    if scene.appearance.signs:
        return path_entries(scene, theme) + sign_entries(scene, theme, in_space=False)
    return [
        *path_entries(scene, theme),
        *drop_entries(scene, theme),
        *minimum_entries(scene, theme),
    ]


def draw_paths(
    axes: Axes,
    layer: SurfaceLayer,
    appearance: Appearance,
    sheet: Sheet,
    theme: Theme,
    labels: Labels,
) -> None:
    """The trajectories up to the epoch that is shown, each checkpoint a dot."""
    if not appearance.trajectory:
        return
    several = len(layer.shown_trajectories) > 1
    for index, path in layer.shown_trajectories:
        _draw_path(axes, path, index, several, appearance.epoch, sheet, theme)
    for k, (index, path) in enumerate(layer.shown_trajectories):
        name = end_name(layer, index) if several else ""
        _label_epochs(axes, path, appearance.epoch, sheet, labels, name, k)


def _draw_path(
    axes: Axes,
    path: Trajectory,
    index: int,
    several: bool,
    epoch: float | None,
    sheet: Sheet,
    theme: Theme,
) -> None:
    unit, color, casing = sheet.unit, theme.path_color(index), theme.path_casing
    head = playhead(path, epoch)
    count = head.checkpoint + 1
    x, y = np.append(path.alpha[:count], head.alpha), np.append(path.beta[:count], head.beta)
    axes.plot(x, y, color=casing, lw=4.0 * unit, solid_joinstyle="round", zorder=6)
    axes.plot(x, y, color=color, lw=1.9 * unit, solid_joinstyle="round", zorder=7)

    def mark(at: Indices | list[int], symbol: str, size: float, face: Color, **more: Any) -> None:
        style: dict[str, Any] = {
            "lw": 0,
            "markeredgecolor": casing,
            "markeredgewidth": 0.9 * unit,
        } | more
        axes.plot(
            path.alpha[at], path.beta[at], marker=symbol, markersize=size * unit,
            markerfacecolor=face, zorder=8, **style,
        )  # fmt: skip

    drops = _drops(path, epoch)
    plain = np.setdiff1d(np.arange(1, count, dtype=np.int64), drops)
    few = count <= 60
    mark(plain, "o", 4.4 if few else 2.6, color, markeredgewidth=(0.7 if few else 0.0) * unit)
    start, end = ends_of(index)
    mark([0], SYMBOLS[start], 8.0, casing, markeredgecolor=color, markeredgewidth=1.9 * unit)
    if count == len(path):
        size = 15.0 if end is MarkerShape.STAR else 10.0
        mark([-1], SYMBOLS[end], size, end_color(index, several, theme))
    else:
        axes.plot(
            head.alpha, head.beta, marker="o", markersize=8 * unit, zorder=8,
            markerfacecolor=end_color(index, several, theme), markeredgecolor=casing,
            markeredgewidth=0.9 * unit,
        )  # fmt: skip
    if len(drops):  # over the end, near which they may lie
        mark(drops, "D", 5.5, theme.lr_drop)


def _drops(path: Trajectory, epoch: float | None) -> Indices:
    """The checkpoints up to `epoch` where the learning rate dropped."""
    return path.lr_drops[path.lr_drops <= playhead(path, epoch).checkpoint]


def keep_clear(labels: Labels, layer: SurfaceLayer, appearance: Appearance, frame: Frame) -> None:
    """Ask that no text lies over what `draw_paths` and `draw_marks` draw."""
    for _, path in layer.shown_trajectories if appearance.trajectory else []:
        head = playhead(path, appearance.epoch)
        count = head.checkpoint + 1
        labels.keep_clear(
            np.append(path.alpha[:count], head.alpha), np.append(path.beta[:count], head.beta)
        )
    marks = list(drawn_markers(layer)) if appearance.markers else []
    found = (
        layer.deep_minima(frame.scale, appearance.minima_persistence) if appearance.minima else []
    )
    for mark in [*marks, *found[:MOST_MINIMA]]:
        labels.keep_clear(np.array([mark.alpha]), np.array([mark.beta]))


def _label_epochs(
    axes: Axes,
    path: Trajectory,
    epoch: float | None,
    sheet: Sheet,
    labels: Labels,
    name: str,
    number: int,
) -> None:
    """The epochs of the ends and, of the first path, of a few checkpoints between them, where there
    is room; where there are several paths the last checkpoint has the name of its own too."""
    head = playhead(path, epoch)
    count = head.checkpoint + 1 + (not head.is_checkpoint)
    alpha, beta, epochs = (
        getattr(path, name)[:count].copy() for name in ("alpha", "beta", "epoch")
    )
    alpha[-1], beta[-1], epochs[-1] = head.alpha, head.beta, head.epoch
    places = axes.transData.transform(np.column_stack([alpha, beta])) * 72 / axes.figure.dpi
    apart = 4.5 * sheet.em
    chosen: list[int] = []
    # The ends first; between them what is round.
    between = range(1, count - 1) if number == 0 else ()
    whole = [k for k in between if epochs[k] == round(epochs[k])]
    order = [0, count - 1, *sorted(whole, key=lambda k: _roundness(epochs[k]))]
    for k in dict.fromkeys(order):
        near = any(np.hypot(*(places[k] - places[c])) < apart for c in chosen)
        if len(chosen) < MOST_EPOCHS and not near:
            chosen.append(k)
    for k in chosen:
        text = number_label(float(epochs[k]))
        text = f"{path.clock} {text}" if k in (0, count - 1) else text
        if name and k == count - 1:
            text = f"{name}, {text}"
        labels.add(text, float(alpha[k]), float(beta[k]), _aside(places, k))


def _aside(places: Array, k: int) -> tuple[float, float]:
    """A unit vector across the path at its k-th point, to the side where less of it is."""
    before, after = places[max(k - 1, 0)], places[min(k + 1, len(places) - 1)]
    along = after - before
    length = float(np.hypot(*along))
    out = places[k] - places.mean(axis=0)
    if k in (0, len(places) - 1) or length < 1e-9:
        across = out / max(float(np.hypot(*out)), 1e-9)
    else:
        across = np.array([-along[1], along[0]]) / length
        across = across if np.dot(across, out) >= 0 else -across
    return float(across[0]), float(across[1])


def _roundness(epoch: float) -> tuple[int, float]:
    """Sorts round numbers first: 100 before 10, 50 before 12."""
    digits = f"{epoch:.0f}"
    return len(digits.rstrip("0")), -epoch


def draw_marks(
    axes: Axes,
    layer: SurfaceLayer,
    appearance: Appearance,
    frame: Frame,
    sheet: Sheet,
    theme: Theme,
    labels: Labels,
) -> None:
    """Minima and markers, with their labels."""
    unit = sheet.unit
    edge: dict[str, Any] = {
        "markeredgecolor": theme.path_casing,
        "markeredgewidth": 0.9 * unit,
        "lw": 0,
    }
    edge |= {"clip_on": False}
    if appearance.minima:
        found = layer.deep_minima(frame.scale, appearance.minima_persistence)
        for k, minimum in enumerate(found[:MOST_MINIMA]):
            alpha = 0.45 if minimum.is_within_noise else 1.0
            axes.plot(
                minimum.alpha, minimum.beta, marker="v", markersize=8 * unit, zorder=9,
                markerfacecolor=(*theme.minimum[:3], alpha), **edge,
            )  # fmt: skip
            if k < LABELLED_MINIMA:
                text = frame.scale.label(minimum.loss)
                labels.add(text, minimum.alpha, minimum.beta, (0.0, -1.0))
    if appearance.markers:
        for marker in drawn_markers(layer):
            color = (*marker.color, 1.0) if marker.color else theme.path
            hollow = marker.shape in HOLLOW
            face = {"markerfacecolor": theme.path_casing if hollow else color}
            rim = {"markeredgecolor": color, "markeredgewidth": 1.6 * unit} if hollow else {}
            style: dict[str, Any] = edge | face | rim
            axes.plot(
                marker.alpha, marker.beta, marker=SYMBOLS[marker.shape], markersize=8 * unit,
                zorder=10, **style,
            )  # fmt: skip
            if marker.label:
                labels.add(marker.label, marker.alpha, marker.beta, (0.8, 0.6))
