"""Pins: points of a surface marked by hand, with the values measured there."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from isoloss.geometry.analysis.beyond_chance import DIFFERS, ENDS
from isoloss.geometry.surface import Surface
from isoloss.geometry.ticks import number_label, told_apart
from isoloss.naming import drawable, drawable_line
from isoloss.scene.layer import Marker, SurfaceLayer
from isoloss.scene.picking import Hit
from isoloss.scene.textures import class_name

Cell = tuple[int, int]


def measured(hit: Hit) -> Cell | None:
    """The grid point a pin at `hit` stands for: the nearest one, or of its neighbours the nearest
    that has a loss; None where none has."""
    surface, (i, j) = hit.layer.surface, hit.index
    rows = range(max(i - 1, 0), min(i + 2, surface.shape[0]))
    columns = range(max(j - 1, 0), min(j + 2, surface.shape[1]))
    known = surface.computed & ~np.isnan(surface.loss)
    around = [(p, q) for p in rows for q in columns if known[p, q]]
    # In steps of the grid: α and β have units of their own.
    a_step, b_step = (float(np.ptp(x)) / max(len(x) - 1, 1) for x in (surface.alpha, surface.beta))

    def away(cell: Cell) -> float:
        a = (surface.alpha[cell[0]] - hit.alpha) / (a_step or 1.0)
        b = (surface.beta[cell[1]] - hit.beta) / (b_step or 1.0)
        return float(np.hypot(a, b))

    return min(around, key=away, default=None)


def pin(layer: SurfaceLayer, cell: Cell) -> Marker:
    """Mark a grid point of `layer`; one that is marked already stays as it is."""
    surface = layer.surface
    alpha, beta = float(surface.alpha[cell[0]]), float(surface.beta[cell[1]])
    for there in pins_of(layer):
        if (there.alpha, there.beta) == (alpha, beta):
            return there
    made = Marker(alpha, beta, float(surface.loss[cell]), pinned=True)
    layer.markers = (*layer.markers, made)
    layer.touch()
    return made


def unpin(layer: SurfaceLayer, marker: Marker) -> None:
    """Take a pin away."""
    layer.markers = tuple(m for m in layer.markers if m != marker)
    layer.touch()


def unpin_all(layers: list[SurfaceLayer]) -> None:
    """Take all pins away; other markers stay."""
    for layer in layers:
        if pins_of(layer):
            layer.markers = tuple(m for m in layer.markers if not m.pinned)
            layer.touch()


def pins_of(layer: SurfaceLayer) -> list[Marker]:
    """The pins among its markers, in the order they were put there."""
    return [m for m in layer.markers if m.pinned]


def drawn_markers(layer: SurfaceLayer) -> tuple[Marker, ...]:
    """Its markers as they are drawn: pins follow a surface that grows or sharpens."""
    surface = layer.surface

    def drawn(marker: Marker) -> Marker:
        label = drawable(marker.label)
        if not marker.pinned:
            return marker if label == marker.label else replace(marker, label=label)
        cell = cell_of(surface, marker)
        label = label or pin_label(surface, cell)
        return replace(marker, loss=float(surface.loss[cell]), label=label)

    return tuple(map(drawn, layer.markers))


def cell_of(surface: Surface, marker: Marker) -> Cell:
    """The grid point nearest to a marker."""
    i = int(np.abs(surface.alpha - marker.alpha).argmin())
    return i, int(np.abs(surface.beta - marker.beta).argmin())


def pin_label(surface: Surface, cell: Cell) -> str:
    """What is drawn beside a pin: where it is, and a line for each value."""
    lines = [f"{name} {value}" for name, value in measurements(surface, cell)]
    return "\n".join([place_label(surface, cell), *lines])


def place_label(surface: Surface, cell: Cell) -> str:
    """Where a grid point is."""
    axes = zip((surface.alpha, surface.beta), cell, strict=True)
    a, b = (told_apart(float(x[k]), float(x[-1] - x[0]), 4) for x, k in axes)
    return f"α {a}, β {b}"


def measurements(surface: Surface, cell: Cell) -> list[tuple[str, str]]:
    """What was measured at a grid point, as (name, value): loss ± error, accuracy, spread, and the
    surface's further columns."""
    signed = surface.is_difference
    delta = "Δ " if signed else ""
    height = drawable_line(str(surface.meta.get("quantity") or "loss"))
    if not surface.computed[cell]:
        return [(f"{delta}{height}", "not computed")]
    loss = loss_label(float(surface.loss[cell]), signed=signed, span=_relief_around(surface, cell))
    error = surface.loss_stderr[cell]
    if math.isfinite(error) and error > 0:
        loss += f" ± {number_label(float(error), 2)}"
    lines = [(f"{delta}{height}", loss)]
    accuracy = float(surface.accuracy[cell])
    if math.isfinite(accuracy):
        lines.append((f"{delta}accuracy", accuracy_label(accuracy, signed=signed)))
    if surface.spread is not None and math.isfinite(surface.spread[cell]):
        lines.append(("spread", number_label(float(surface.spread[cell]))))
    marks = {*ENDS, DIFFERS}
    told = marks if marks <= surface.columns.keys() else set[str]()
    if told:
        lines += _beyond_chance(surface, cell)
    for name, values in surface.columns.items():
        value = float(values[cell])
        if name in told:
            continue
        if math.isfinite(value) and name == "predicted":
            lines.append(("class", drawable(class_name(surface, int(value)))))
        elif math.isfinite(value):
            lines.append((name.replace("_", "-"), number_label(value, 4)))
    return lines


def _beyond_chance(surface: Surface, cell: Cell) -> list[tuple[str, str]]:
    """The interval of a difference at a grid point, and whether it is more than chance."""
    low, high = (float(surface.columns[name][cell]) for name in ENDS)
    mark = float(surface.columns[DIFFERS][cell])
    if not math.isfinite(mark):
        return []
    ends = f"{number_label(low, 2)} to {number_label(high, 2)}"
    return [("95 % interval", ends), ("beyond chance", "yes" if mark else "no")]


def loss_label(loss: float, *, signed: bool = False, span: float = 0.0) -> str:
    """A loss, told from others within `span`; of a difference (`signed`) with its sign."""
    return "+" * (signed and loss > 0) + told_apart(loss, span, 4)


def _relief_around(surface: Surface, cell: Cell) -> float:
    """From the lowest to the highest loss of a grid point and its neighbours."""
    i, j = cell
    near = surface.loss[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
    known = near[np.isfinite(near)]
    return float(known.max() - known.min()) if known.size else 0.0


def accuracy_label(accuracy: float, *, signed: bool = False) -> str:
    """A fraction in per cent; a difference of two (`signed`) in points with its sign."""
    percent = round(100 * accuracy, 1) + 0.0  # no −0
    return (f"{percent:+.1f} points" if signed else f"{percent:.1f} %").replace("-", "−")
