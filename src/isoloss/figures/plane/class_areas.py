"""Areas of the classes that a network takes images for, each in a colour of its own.

The true class ends where the margin is zero, which is known between grid points as well as the
height is; between two other classes the line is drawn half way from one grid point to the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isoloss.figures.plane.subplot import Subplot
from isoloss.geometry.arrays import Array
from isoloss.geometry.refine import fill_nearest, refine_linear
from isoloss.geometry.surface import Surface
from isoloss.scene.textures import Texture
from isoloss.scene.texturing import class_positions, field_values
from isoloss.scene.theme import Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_classes(axes: Axes, subplot: Subplot, theme: Theme, unit: float) -> None:
    """Fill the areas, grey where the class is not known, and part them by lines."""
    mesh, numbers = subplot.mesh, [number for number, _ in subplot.colors.classes]
    grid = (mesh.alpha, mesh.beta)
    known = np.isfinite(mesh.height).T
    axes.contourf(*grid, known, [0.5, 2], colors=[(0.5, 0.5, 0.5)], corner_mask=False)
    leads = [np.ma.masked_invalid(lead.T) for lead in _leads(subplot, numbers)]
    for lead, number in zip(leads, numbers, strict=True):
        tone = tuple(subplot.tones(class_positions(number)))
        areas = axes.contourf(*grid, lead, [0.0, np.inf], colors=[tone], corner_mask=False)
        areas.set_gid(f"class {number}")
        areas.set_edgecolor("face")
        areas.set_linewidth(0.5 * unit)
    for lead in leads:
        if lead.min() < 0 < lead.max():
            axes.contour(*grid, lead, [0.0], colors=[theme.path_casing], linewidths=1.4 * unit)


def _leads(subplot: Subplot, numbers: list[int]) -> list[Array]:
    """At the vertices of the mesh, for each class something above 0 where the area is its own."""
    layer, mesh = subplot.layer, subplot.mesh
    surface = layer.surface
    given = field_values(layer, Texture.CLASS)
    found = np.where(surface.computed, given, fill_nearest(given))

    def finer(values: Array) -> Array:
        fine = refine_linear(surface.alpha, surface.beta, values, mesh.steps)
        return np.where(np.isnan(mesh.height), np.nan, fine)

    label: Any = surface.meta.get("label")
    margins = _margins(surface, found, label)
    if margins is not None:
        others = fill_nearest(np.where(found == label, np.nan, found))
        found = np.where(np.isnan(found), np.nan, others)
    shares = {
        k: finer(np.where(np.isnan(found), np.nan, found == k))
        for k in numbers
        if margins is None or k != label
    }
    leads = {
        k: share - np.max([v for other, v in shares.items() if other != k] or [1 - share], axis=0)
        for k, share in shares.items()
    }
    if margins is not None:
        margin = finer(margins)
        leads = {k: np.minimum(lead, margin) for k, lead in leads.items()} | {label: -margin}
    return [leads[k] for k in numbers]


def _margins(surface: Surface, found: Array, label: Any) -> Array | None:
    """(A, B) by how much another class than `label` leads; None where they are not known, or say
    something else than `found`, as means over draws may."""
    is_height = surface.meta.get("quantity") == "margin"
    margins = surface.loss if is_height else surface.columns.get("margin")
    known = np.isfinite(found) & surface.computed
    if margins is None or label not in found[known] or not surface.computed.all():
        return None
    agrees = (margins < 0) == (found == label)
    return margins if (agrees | (margins == 0) | ~known).all() else None
