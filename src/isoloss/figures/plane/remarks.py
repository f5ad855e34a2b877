"""What colours do not tell: what is outlined, values beyond the scale, cells that are infinite, NaN
or pending."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from isoloss.figures.plane.subplot import Subplot
from isoloss.geometry.arrays import Array
from isoloss.geometry.height import clamped
from isoloss.geometry.mesh import INFINITE, NOT_A_NUMBER
from isoloss.geometry.outlines import Outline, outlines_of
from isoloss.geometry.ticks import told_apart
from isoloss.scene.texturing import quantity
from isoloss.scene.theme import Color, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Sign = Literal["clamped", "infinite", "NaN", "pending", "ball", "cube"]

BEYOND = "////"
"""The hatching of what lies beyond the scale, as on the surface in space."""
_STROKES = {"ball": "-", "cube": (0, (3.5, 1.6))}
"""Of outlines: that of images is told from a path, which may have its colour."""


@dataclass(frozen=True)
class Remark:
    """A sign in the plot and what it means."""

    text: str
    sign: Sign


def remarks(subplot: Subplot, is_terse: bool = False) -> list[Remark]:
    """What is to be explained besides the colours, in the order of the scalar bar in space; if
    `is_terse`, without the numbers, some of which the bar has."""
    scale, losses = subplot.frame.scale, subplot.losses
    finite = losses[np.isfinite(losses)]
    prefix = "" if subplot.field is None else f"{quantity([subplot.layer])} "
    found = [Remark(one.name, one.kind) for one in _outlines(subplot)]
    if (subplot.mesh.clamped > 0).any():
        most = float(finite.max())
        text = f"{clamped(scale, '>')}, up to {told_apart(most, most - scale.lo)}"
        found.append(Remark(prefix + ("clamped above" if is_terse else text), "clamped"))
    if (subplot.mesh.clamped < 0).any():
        least = float(finite.min())
        text = f"{clamped(scale, '<')}, down to {told_apart(least, scale.hi - least)}"
        found.append(Remark(prefix + ("clamped below" if is_terse else text), "clamped"))
    if np.isinf(losses).any():
        found.append(Remark("infinite", "infinite"))
    if np.isnan(losses).any():
        found.append(Remark("NaN", "NaN"))
    if not subplot.layer.surface.computed.all():
        found.append(Remark("pending", "pending"))
    return found


def draw_remarks(axes: Axes, subplot: Subplot, theme: Theme, unit: float) -> None:
    """Put the signs where they belong."""
    mesh = subplot.mesh
    grid = (mesh.alpha, mesh.beta)
    for one in _outlines(subplot):
        closed = np.append(one.corners, one.corners[:1], axis=0).T
        limits = axes.get_xlim(), axes.get_ylim()
        axes.plot(*closed, color=theme.path_casing, lw=3.4 * unit, zorder=4, gid=one.kind)
        axes.plot(
            *closed, color=_tone(one.kind, theme), ls=_STROKES[one.kind], lw=1.7 * unit, zorder=5
        )
        axes.set(xlim=limits[0], ylim=limits[1])
    missing = mesh.computed.T < 0.5
    if missing.any():
        axes.contourf(*grid, missing, [0.5, 2], colors=[(*theme.uncomputed[:3], 0.75)])
    beyond = np.abs(mesh.clamped.T)
    if (beyond >= 0.5).any():
        hatched = axes.contourf(*grid, beyond, [0.5, 2], colors=["none"], hatches=[BEYOND])
        hatched.set_edgecolor((*theme.clamped[:3], 0.75))
        hatched.set_linewidth(0.0)
    signs: dict[int, Sign] = {NOT_A_NUMBER: "NaN", INFINITE: "infinite"}
    for kind, sign in signs.items():
        cells = mesh.holes == kind
        if cells.any():
            _draw_holes(axes, subplot, cells, sign, theme, unit)


def sign_of(remark: Remark, theme: Theme, unit: float) -> Any:
    """Its entry of the legend."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if remark.sign in ("ball", "cube"):
        look: dict[str, Any] = {"color": _tone(remark.sign, theme), "ls": _STROKES[remark.sign]}
        return Line2D([], [], label=remark.text, lw=1.7 * unit, **look)
    looks: dict[Sign, dict[str, Any]] = {
        "clamped": {
            "hatch": BEYOND,
            "edgecolor": (*theme.clamped[:3], 0.75),
            "facecolor": "none",
            "lw": 0,
        },
        "pending": {"facecolor": (*theme.uncomputed[:3], 0.75), "edgecolor": "none"},
    }
    if remark.sign in looks:
        return Patch(label=remark.text, **looks[remark.sign])
    return Patch(label=remark.text, lw=1.2 * unit, **_hole_style(remark.sign, theme))


def _outlines(subplot: Subplot) -> list[Outline]:
    return outlines_of(subplot.layer.surface.meta) if subplot.scene.appearance.trajectory else []


def _tone(sign: Sign, theme: Theme) -> Color:
    return theme.ball if sign == "ball" else theme.cube


def _hole_style(sign: Sign, theme: Theme) -> dict[str, Any]:
    """As in space infinite cells have a rim of the colour that warns, NaN a quiet one."""
    if sign == "infinite":
        return {"edgecolor": theme.clamped, "hatch": "xxxx", "facecolor": "none"}
    return {"edgecolor": theme.quiet_ink, "facecolor": (*theme.quiet_ink[:3], 0.15)}


def _draw_holes(
    axes: Axes, subplot: Subplot, cells: NDArray[np.bool_], sign: Sign, theme: Theme, unit: float
) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    alpha, beta = subplot.mesh.alpha, subplot.mesh.beta
    i, j = np.nonzero(cells)
    corners = ((0, 0), (1, 0), (1, 1), (0, 1))
    areas = np.stack([np.stack([alpha[i + p], beta[j + q]], -1) for p, q in corners], axis=1)
    # One path for all of them: else the page shines through between neighbours.
    path = Path.make_compound_path_from_polys(areas)
    appearance = _hole_style(sign, theme)
    axes.add_patch(PathPatch(path, lw=0, zorder=2, gid=sign, **appearance))
    rims = LineCollection(
        list(_rims(alpha, beta, cells)), colors=[appearance["edgecolor"]], linewidths=1.2 * unit,
        capstyle="projecting", zorder=3,
    )  # fmt: skip
    axes.add_collection(rims, autolim=False)


def _rims(alpha: Array, beta: Array, cells: NDArray[np.bool_]) -> Array:
    """(n, 2, 2) the edges between `cells` and what is around them."""
    inside = np.pad(cells, 1)
    i, j = np.nonzero(inside[1:, 1:-1] != inside[:-1, 1:-1])
    across = np.stack([np.stack([alpha[i], beta[j + k]], -1) for k in (0, 1)], axis=1)
    i, j = np.nonzero(inside[1:-1, 1:] != inside[1:-1, :-1])
    along = np.stack([np.stack([alpha[i + k], beta[j]], -1) for k in (0, 1)], axis=1)
    return np.concatenate([across, along])
