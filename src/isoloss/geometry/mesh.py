"""The grid as it is displayed: refined heights, slopes, occlusion, holes and triangles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array
from isoloss.geometry.derivatives import gradient
from isoloss.geometry.height import HeightScale
from isoloss.geometry.occlusion import occlusion
from isoloss.geometry.refine import (
    fill_uncomputed,
    refine,
    refine_axis,
    refine_linear,
    refinement,
)
from isoloss.geometry.surface import Surface

NOT_A_NUMBER, INFINITE = 1, 2
"""Why a cell is a hole; 0 is none."""

_CONFIDENT = 0.45

BOX_HEIGHT = 0.9
"""Displayed height of the top of the scale, where the grid spans [-1, 1] × [-1, 1]."""


@dataclass(frozen=True)
class DisplayMesh:
    """A surface, ready to be drawn or hit.

    Attributes:
        scale: how the heights came about.
        alpha, beta: (P,), (Q,) the refined axes.
        height: (P, Q) in [0, 1], NaN in holes.
        slope_x, slope_y: (P, Q) ∂(height)/∂x, ∂/∂y where x and y run over [-1, 1].
        occlusion: (P, Q) in [0, 1], the fraction of the sky seen.
        computed: (P, Q) in [0, 1]: 1 at computed cells, falling to 0 far from any.
        clamped: (P, Q) in [-1, 1], 1 where the true value lies above the top of the scale, -1
            where it lies below its bottom.
        holes: (P-1, Q-1) uint8, why there is no surface in a cell: a corner that is NOT_A_NUMBER
            or INFINITE.
        steps: into how many steps each cell of the surface's grid was cut along α and β.
    """

    scale: HeightScale
    alpha: Array
    beta: Array
    height: Array
    slope_x: Array
    slope_y: Array
    occlusion: Array
    computed: Array
    clamped: Array
    holes: NDArray[np.uint8]
    steps: tuple[int, int]

    @property
    def x(self) -> Array:
        """(P,) `alpha` mapped onto [-1, 1]."""
        return _unit(self.alpha)

    @property
    def y(self) -> Array:
        """(Q,) `beta` mapped onto [-1, 1]."""
        return _unit(self.beta)

    def height_at(self, x: Array, y: Array) -> Array:
        """(n,) bilinear heights at points of [-1, 1]²; NaN over holes and outside."""
        h = self.height
        rows, columns = h.shape
        u = np.interp(x, self.x, np.arange(rows, dtype=np.float64))
        v = np.interp(y, self.y, np.arange(columns, dtype=np.float64))
        i = np.minimum(u.astype(np.int64), max(rows - 2, 0))
        j = np.minimum(v.astype(np.int64), max(columns - 2, 0))
        i1, j1 = np.minimum(i + 1, rows - 1), np.minimum(j + 1, columns - 1)
        p, q = u - i, v - j
        low = h[i, j] * (1 - p) + h[i1, j] * p
        high = h[i, j1] * (1 - p) + h[i1, j1] * p
        outside = (np.abs(x) > 1 + 1e-9) | (np.abs(y) > 1 + 1e-9)
        return np.where(outside, np.nan, low * (1 - q) + high * q)

    def triangles(
        self, stride: int = 1, without: NDArray[np.bool_] | None = None
    ) -> NDArray[np.uint32]:
        """(T, 3) vertex indices (row-major over (P, Q)) of the cells without a NaN corner.

        Args:
            stride: leaves out vertices, for a coarser mesh over the same ones.
            without: cells of the (coarser) mesh to be left out, True in at most its shape.
        """
        rows, columns = self.height.shape
        i, j = (every(stride, points) for points in (rows, columns))
        index = (i[:, None] * columns + j[None, :]).astype(np.uint32)
        whole = np.isfinite(self.height[np.ix_(i, j)] if stride > 1 else self.height)
        keep = whole[:-1, :-1] & whole[1:, :-1] & whole[1:, 1:] & whole[:-1, 1:]
        if without is not None:
            keep[: without.shape[0], : without.shape[1]] &= ~without
        a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
        if not keep.all():
            a, b, c, d = a[keep], b[keep], c[keep], d[keep]
        corners = np.empty((*a.shape, 6), np.uint32)
        for k, corner in enumerate((a, b, c, a, c, d)):
            corners[..., k] = corner
        return corners.reshape(-1, 3)


def every(stride: int, points: int) -> NDArray[np.int64]:
    """Every `stride`-th index of `points`, and the last."""
    indices = np.arange(0, points, stride, dtype=np.int64)
    return np.append(indices, points - 1) if indices[-1] != points - 1 else indices


def display_mesh(
    surface: Surface, scale: HeightScale | None = None, smooth: bool = True
) -> DisplayMesh:
    """The mesh that displays `surface`; `scale` is automatic and `smooth` refines by default."""
    if scale is None:
        scale = HeightScale.automatic(surface.loss[surface.computed])
    # Infinite values have no height: they are holes too.
    finite = np.where(np.isinf(surface.loss), np.nan, surface.loss)
    coarse = fill_uncomputed(scale.apply(finite), surface.computed)
    steps = (1, 1)
    if smooth:
        steps = (refinement(len(surface.alpha)), refinement(len(surface.beta)))
    axes = (surface.alpha, surface.beta)
    height = np.clip(refine(*axes, coarse, steps), 0.0, 1.0)
    alpha, beta = (refine_axis(a, k) for a, k in zip(axes, steps, strict=True))
    x, y = _unit(alpha), _unit(beta)
    slope_x, slope_y = gradient(x, y, height)
    beyond = np.where(surface.computed, scale.beyond(finite), 0.0)
    return DisplayMesh(
        scale=scale,
        alpha=alpha,
        beta=beta,
        height=height,
        slope_x=slope_x,
        slope_y=slope_y,
        occlusion=occlusion(x, y, height * BOX_HEIGHT),
        computed=refine_linear(*axes, _confidence(surface.computed), steps),
        clamped=refine_linear(*axes, beyond, steps),
        holes=np.kron(_holes(surface), np.ones(steps, np.uint8)),
        steps=steps,
    )


def mesh_between(start: DisplayMesh, end: DisplayMesh, fraction: float) -> DisplayMesh:
    """What lies a `fraction` in [0, 1] of the way between two meshes of one shape: linear heights.

    Axes and scale are those of `end`; what is a hole in `start` has no way to go.
    """

    def blended(a: Array, b: Array) -> Array:
        return np.where(np.isnan(a), b, a + fraction * (b - a))

    return replace(
        end,
        height=blended(start.height, end.height),
        slope_x=blended(start.slope_x, end.slope_x),
        slope_y=blended(start.slope_y, end.slope_y),
        occlusion=blended(start.occlusion, end.occlusion),
        computed=blended(start.computed, end.computed),
        clamped=blended(start.clamped, end.clamped),
    )


def _holes(surface: Surface) -> NDArray[np.uint8]:
    """(A-1, B-1) why cells are holes; ±inf outweighs NaN."""
    loss = surface.loss
    corner = np.where(np.isinf(loss), INFINITE, np.where(np.isnan(loss), NOT_A_NUMBER, 0))
    corner = np.where(surface.computed, corner, 0).astype(np.uint8)
    along = np.maximum(corner[:-1], corner[1:])
    return np.maximum(along[:, :-1], along[:, 1:])


def _confidence(computed: NDArray[np.bool_]) -> Array:
    """1 at computed cells, at their neighbours `_CONFIDENT`, 0 from the sixth cell away on."""
    reach = 6
    near, confidence = computed, computed.astype(np.float64)
    for step in range(1, reach):
        if near.all():
            break
        padded = np.pad(near, 1)
        near = padded[1:-1, 1:-1] | padded[2:, 1:-1] | padded[:-2, 1:-1]
        near = near | padded[1:-1, 2:] | padded[1:-1, :-2]
        fraction = _CONFIDENT * (1 - (step - 1) / (reach - 1))
        confidence = np.where((confidence == 0) & near, fraction, confidence)
    return confidence


def _unit(axis: Array) -> Array:
    span = axis[-1] - axis[0]
    return 2.0 * (axis - axis[0]) / span - 1.0 if span > 0 else np.zeros_like(axis)
