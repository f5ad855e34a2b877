"""Fewer triangles where a fine grid hardly bends: a picture cannot tell them from all.

Cells smaller than a pixel cost a software renderer as much as large ones. So 2×2 of them become one
block of two triangles wherever no vertex left out lies farther from these than can be seen, and
neither do its colour and its light; 2×2 blocks become one in turn. Everywhere else, at every spike,
all triangles stay. Blocks beside finer ones are fans that meet their edges: there are no cracks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.mesh import DisplayMesh

Single = NDArray[np.float32]
Mask = NDArray[np.bool_]
Indices = NDArray[np.uint32]

FEWEST = 500_000
"""Vertices: smaller grids are drawn with all their triangles."""
LEVELS = 3
"""A block is at most 2³ cells wide."""
_COLOR = 1 / 512  # of the colormap
_LIGHT = 0.006  # radians between normals
_MARK = 1 / 128  # of what is computed, clamped, or open to the sky


@dataclass(frozen=True)
class Resolution:
    """How closely a mesh is seen.

    Attributes:
        bend: of heights in [0, 1], what is too little to be seen, level by level.
        steepness: world units to one of height, where x and y run over [-1, 1].
    """

    bend: float
    steepness: float


def is_worth_it(mesh: DisplayMesh) -> bool:
    """Whether there are so many triangles that fewer may do, on a grid of equal steps."""
    if mesh.height.size < FEWEST or min(mesh.height.shape) < 5:
        return False
    return all(np.allclose(np.diff(axis), axis[1] - axis[0]) for axis in (mesh.x, mesh.y))


def flat_blocks(mesh: DisplayMesh, values: Single, resolution: Resolution) -> list[Mask]:
    """Which blocks of 2×2 cells look the same as two triangles; which of 2×2 blocks; and so on.

    Args:
        values: (P, Q) positions along the colormap, as they are drawn.
    """
    levels: list[Mask] = []
    for level in range(LEVELS):
        flat = _flat(mesh, values, resolution, 1 << level)
        if levels:
            flat &= _amid(levels[-1], mesh.height.shape, 1 << level)
        levels.append(flat)
        if not flat.any():
            break
    return levels


def _flat(mesh: DisplayMesh, values: Single, resolution: Resolution, stride: int) -> Mask:
    """(M, N) of the mesh of every `stride`-th vertex, which blocks look the same as triangles."""
    every = (slice(None, None, stride),) * 2
    flat = deviations(mesh.height[every]) <= resolution.bend
    flat &= deviations(values[every]) <= _COLOR
    for mark in (mesh.occlusion, mesh.computed, mesh.clamped):
        if np.ptp(mark[every]):
            flat &= deviations(mark[every]) <= _MARK
    # The normal is (-s, -t, 1) of two slopes: steep ones change its direction less.
    slopes = [
        resolution.steepness * s[every].astype(np.float32) for s in (mesh.slope_x, mesh.slope_y)
    ]
    ends = [
        _least(s[: 2 * flat.shape[0] + 1 : 2, : 2 * flat.shape[1] + 1 : 2] ** 2) for s in slopes
    ]
    bound = _LIGHT * (1.0 + ends[0] + ends[1])
    for slope in slopes:
        flat &= deviations(slope) <= bound
    return flat


def _amid(finer: Mask, shape: tuple[int, ...], size: int) -> Mask:
    """Which blocks consist of flat blocks of the level before, and lie beside none but such.

    `size` is how many cells of the grid of `shape` a block of that level has along an axis.
    """
    rows, columns = (n // 2 for n in finer.shape)
    known = _surrounded(finer, shape, size)[: 2 * rows + 2, : 2 * columns + 2]
    whole = known[1:-1, 1:-1] & known[:-2, 1:-1] & known[2:, 1:-1]
    whole &= known[1:-1, :-2] & known[1:-1, 2:]
    return whole[::2, ::2] & whole[1::2, ::2] & whole[::2, 1::2] & whole[1::2, 1::2]


def _surrounded(flat: Mask, shape: tuple[int, ...], size: int) -> Mask:
    """(M + 2, N + 2) `flat` with what lies around it: True beyond the ends of the grid, False
    where a last odd row or column belongs to no block."""
    known = np.pad(flat, 1, constant_values=True)
    known[-1, 1:-1] &= flat.shape[0] * size == shape[0] - 1
    known[1:-1, -1] &= flat.shape[1] * size == shape[1] - 1
    return known


def deviations(values: NDArray[np.floating]) -> Single:
    """(M, N) by how much a block's five inner vertices differ from its two triangles, at most.

    NaN where a vertex is NaN. A last odd row or column belongs to no block.
    """
    rows, columns = ((n - 1) // 2 * 2 + 1 for n in values.shape)
    v = values[:rows, :columns].astype(np.float32)
    corner, half = v[::2, ::2], np.float32(0.5)
    along_x = np.abs(v[1::2, ::2] - half * (corner[:-1] + corner[1:]))
    along_y = np.abs(v[::2, 1::2] - half * (corner[:, :-1] + corner[:, 1:]))
    worst = np.abs(v[1::2, 1::2] - half * (corner[:-1, :-1] + corner[1:, 1:]))
    for edge in (along_x[:, :-1], along_x[:, 1:], along_y[:-1], along_y[1:]):
        np.maximum(worst, edge, out=worst)
    return worst


def simplified(mesh: DisplayMesh, levels: list[Mask]) -> Indices:
    """(T, 3) vertex indices as of `mesh.triangles()`, with the blocks that are flat simplified."""
    shape = mesh.height.shape
    parts: list[Indices] = []
    coarser = None
    for level in reversed(range(len(levels))):
        flat, size = levels[level], 2 << level
        drawn = flat if coarser is None else flat & ~_doubled(coarser, flat.shape)
        known = _surrounded(flat, shape, size)
        beside = (known[1:-1, :-2], known[2:, 1:-1], known[1:-1, 2:], known[:-2, 1:-1])
        inner = drawn & beside[0] & beside[1] & beside[2] & beside[3]
        parts.append(_pairs(inner, size, shape[1]))
        parts += _fans(drawn & ~inner, beside, size, shape[1])
        coarser = flat
    cells = (shape[0] - 1, shape[1] - 1)
    parts.append(mesh.triangles(without=_doubled(levels[0], cells)))
    return np.concatenate(parts)


def _doubled(blocks: Mask, shape: tuple[int, ...]) -> Mask:
    """`blocks` on the finer level of `shape`, where each is 2×2; a last odd row has none."""
    fine = np.zeros(shape, np.bool_)
    rows, columns = blocks.shape
    for i in (0, 1):
        for j in (0, 1):
            fine[i : 2 * rows : 2, j : 2 * columns : 2] = blocks
    return fine


def _pairs(blocks: Mask, size: int, columns: int) -> Indices:
    """Two triangles for each of `blocks`, `size` cells wide."""
    a = _corner(blocks, size, columns)
    far, wide = np.uint32(size * columns), np.uint32(size)
    b, c, d = a + far, a + far + wide, a + wide
    return np.stack([a, b, c, a, c, d], axis=-1).reshape(-1, 3)


def _fans(blocks: Mask, beside: tuple[Mask, ...], size: int, columns: int) -> list[Indices]:
    """Triangles around the centre of each of `blocks`: one to an edge which a flat block shares,
    two to the others; the four neighbours in `beside` are those at the edges ab, bc, cd and da."""
    half = size // 2
    corners = [(0, 0), (size, 0), (size, size), (0, size)]
    fans: list[Indices] = []
    for k, neighbour in enumerate(beside):
        (i, j), (m, n) = corners[k], corners[(k + 1) % 4]
        for cut in (False, True):
            a = _corner(blocks & (neighbour != cut), size, columns)
            way = ((half, half), (i, j), ((i + m) // 2, (j + n) // 2), (m, n))
            centre, start, middle, end = (a + np.uint32(p * columns + q) for p, q in way)
            if cut:
                fans.append(np.stack([centre, start, middle], axis=-1))
                fans.append(np.stack([centre, middle, end], axis=-1))
            else:
                fans.append(np.stack([centre, start, end], axis=-1))
    return fans


def _corner(blocks: Mask, size: int, columns: int) -> Indices:
    """The first vertex of each of `blocks`."""
    i, j = np.nonzero(blocks)
    return (size * (i * columns + j)).astype(np.uint32)


def _least(corner: Single) -> Single:
    """(M, N) the least of the four corners of each block."""
    along = np.minimum(corner[:-1], corner[1:])
    return np.minimum(along[:, :-1], along[:, 1:])
