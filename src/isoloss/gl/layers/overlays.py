"""Lines and markers that belong to a surface: contours, its grid, the optimizer's path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array
from isoloss.geometry.level_sets import LevelSets
from isoloss.geometry.mesh import DisplayMesh
from isoloss.geometry.trajectory import Trajectory
from isoloss.gl.primitives.lines import segments
from isoloss.gl.primitives.markers import MARK, marks
from isoloss.scene.layer import Marker, MarkerShape
from isoloss.scene.legend import end_color, ends_of
from isoloss.scene.scene import Frame
from isoloss.scene.theme import Color, Theme

Records = NDArray[np.void]

MOST_GRID_LINES = 60
SHORTEST = 0.01  # of the box, whose sides are 2
MOST_PIECES = 2000


def contour_segments(mesh: DisplayMesh, levels: Array, colors: Array) -> Records:
    """Contours at `levels` (heights in [0, 1]) in mesh coordinates; `colors` (len(levels), 4)."""
    sets = LevelSets(mesh.x, mesh.y, mesh.height)
    return joined_ends([contour_ends(sets, float(level)) for level in levels], colors)


def contour_ends(sets: LevelSets, level: float, shortest: float = SHORTEST) -> tuple[Array, Array]:
    """(m, 3) starts and ends of the segments at `level`, without those too short to be seen."""
    ends = sets.at(level).thinned(shortest).segments
    start, end = (np.column_stack([flat, np.full(len(flat), level)]) for flat in ends)
    return start, end


def joined_ends(parts: list[tuple[Array, Array]], colors: Array) -> Records:
    """The segments of all `parts`, each part in its colour of `colors` (len(parts), 4)."""
    none = [np.empty((0, 3))]
    starts = np.concatenate(none + [start for start, _ in parts])
    ends = np.concatenate(none + [end for _, end in parts])
    lengths = [len(start) for start, _ in parts]
    return segments(starts, ends, np.repeat(colors[: len(parts)], lengths, axis=0))


def outline_segments(mesh: DisplayMesh, corners: Array, color: Color) -> Records:
    """A closed polygon of (k, 2) corners (α, β), laid upon the surface; in mesh coordinates."""
    spans = [(axis[0], axis[-1] - axis[0] or 1.0) for axis in (mesh.alpha, mesh.beta)]
    places = np.stack(
        [2 * (corners[:, k] - low) / span - 1 for k, (low, span) in enumerate(spans)], axis=1
    )
    starts: list[Array] = [np.empty((0, 2))]
    for here, there in zip(places, np.roll(places, -1, 0), strict=True):
        pieces = int(np.clip(np.abs(there - here).max() / SHORTEST, 1, MOST_PIECES))
        starts.append(here + np.linspace(0, 1, pieces, endpoint=False)[:, None] * (there - here))
    x, y = np.concatenate(starts).T
    points = np.column_stack([x, y, mesh.height_at(x, y)])
    whole = np.isfinite(points[:, 2])
    keep = whole & np.roll(whole, -1)
    return segments(points[keep], np.roll(points, -1, 0)[keep], np.array(color))


def grid_segments(mesh: DisplayMesh, colors: Array) -> Records:
    """The lines of the surface's own grid in mesh coordinates; `colors` (P, Q, 4)."""
    x, y = np.broadcast_arrays(mesh.x[:, None], mesh.y[None, :])
    points = np.stack([x, y, mesh.height], axis=-1)
    rows, columns = (_spread(n, k) for n, k in zip(mesh.height.shape, mesh.steps, strict=True))
    along_beta, along_alpha = points[rows], points[:, columns].swapaxes(0, 1)
    starts = [line[:, :-1].reshape(-1, 3) for line in (along_beta, along_alpha)]
    ends = [line[:, 1:].reshape(-1, 3) for line in (along_beta, along_alpha)]
    shades = [colors[rows][:, :-1], colors[:, columns].swapaxes(0, 1)[:, :-1]]
    start, end = np.concatenate(starts), np.concatenate(ends)
    color = np.concatenate([s.reshape(-1, 4) for s in shades])
    whole = np.isfinite(start[:, 2]) & np.isfinite(end[:, 2])
    return segments(start[whole], end[whole], color[whole])


def path_points(trajectory: Trajectory, frame: Frame) -> Array:
    """(n, 3) in the box of gain 1: at the true loss, not on the surface."""
    flat = Frame(frame.alpha, frame.beta, frame.scale)
    return flat.place(trajectory.alpha, trajectory.beta, trajectory.loss)


@dataclass(frozen=True)
class PathLook:
    """By what a trajectory is told from others.

    Attributes:
        number: among those of all visible layers.
        is_one_of_several: whether it has to be told apart at all.
    """

    number: int = 0
    is_one_of_several: bool = False


def path_segments(points: Array) -> Records:
    """The path itself; uncoloured."""
    whole = np.isfinite(points.sum(axis=1))
    keep = whole[:-1] & whole[1:]
    return segments(points[:-1][keep], points[1:][keep])


def stem_segments(
    points: Array, mesh: DisplayMesh, frame: Frame, height: float
) -> tuple[Records, NDArray[np.bool_]]:
    """Vertical lines from the path to the surface, where it floats above or dives below it.

    Returns:
        The lines, and (n,) which of the points have one.
    """
    scale, offset = Frame(frame.alpha, frame.beta, frame.scale).mesh_to_world(mesh)
    x, y = ((points[:, k] - offset[k]) / (scale[k] or 1.0) for k in (0, 1))
    feet = points.copy()
    feet[:, 2] = mesh.height_at(x, y) * height
    apart = np.abs(feet[:, 2] - points[:, 2]) > 0.012
    return segments(feet[apart], points[apart]), apart


def path_marks(
    trajectory: Trajectory, points: Array, theme: Theme, path: PathLook, top: float = np.inf
) -> Records:
    """A dot each checkpoint; the start, the end and drops of the learning rate by their shape."""
    n = len(points)
    if not n:
        return np.empty(0, MARK)
    shapes = np.full(n, MarkerShape.DOT.value)
    radii = np.full(n, 2.6 if n <= 60 else 1.6)
    color, (start, end) = theme.path_color(path.number), ends_of(path.number)
    colors = np.tile(np.array(color), (n, 1))
    drops = trajectory.lr_drops
    shapes[drops], radii[drops], colors[drops] = MarkerShape.DIAMOND.value, 5.6, theme.lr_drop
    # What lies above the top of the scale is drawn there, and points upwards.
    above = trajectory.loss > top * (1 + 1e-9)
    shapes[above], radii[above] = MarkerShape.TRIANGLE.value, 4.6
    shapes[0], radii[0], colors[0] = start.value, 5.2, color
    shapes[-1], radii[-1] = end.value, 7.0 if end is MarkerShape.STAR else 6.0
    colors[-1] = end_color(path.number, path.is_one_of_several, theme)
    whole = np.isfinite(points).all(axis=1)
    return marks(points, radii, shapes, colors)[whole]


def layer_marks(markers: tuple[Marker, ...], frame: Frame, theme: Theme) -> Records:
    """The markers of a layer in the box of gain 1."""
    if not markers:
        return np.empty(0, MARK)
    colors = [(*m.color, 1.0) if m.color else theme.path for m in markers]
    shapes = [m.shape.value for m in markers]
    return marks(marker_points(markers, frame), 5.5, shapes, colors)


def marker_points(markers: tuple[Marker, ...], frame: Frame) -> Array:
    """(n, 3) in the box of gain 1."""
    flat = Frame(frame.alpha, frame.beta, frame.scale)
    return flat.place(*([getattr(m, k) for m in markers] for k in ("alpha", "beta", "loss")))


def _spread(points: int, step: int) -> NDArray[np.int64]:
    """Indices of the grid's own lines, thinned when there are too many of them."""
    lines = np.arange(0, points, step)
    thinning = -(-len(lines) // MOST_GRID_LINES)
    return np.unique(np.append(lines[::thinning], points - 1))
