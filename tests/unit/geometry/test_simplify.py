"""Fewer triangles: no cracks, no holes closed, nothing left out that could be seen."""

import numpy as np
import pytest

from isoloss.geometry import simplify
from isoloss.geometry.mesh import display_mesh
from isoloss.geometry.simplify import Resolution, deviations, flat_blocks, is_worth_it, simplified
from isoloss.geometry.surface import Surface

SEEN = Resolution(bend=4e-3, steepness=0.9)


def surface(rows: int, columns: int, spike: bool = True, hole: bool = True) -> Surface:
    """A slope that bends upwards more and more, with a spike of one vertex and a hole."""
    alpha, beta = np.linspace(-1, 1, rows), np.linspace(-1, 1, columns)
    loss = 0.6 * np.maximum(alpha, 0)[:, None] ** 4 + 0.2 * alpha[:, None] + 0.3 * beta[None, :]
    if spike:
        loss[rows // 4, columns // 2] += 2
    if hole:
        loss[rows // 8, columns // 8] = np.nan
    return Surface.from_loss(alpha, beta, loss)


def made(rows, columns, **kinds):
    mesh = display_mesh(surface(rows, columns, **kinds), smooth=False)
    values = np.nan_to_num(mesh.height, nan=-1.0).astype(np.float32)
    levels = flat_blocks(mesh, values, SEEN)
    return mesh, levels, simplified(mesh, levels)


SHAPES = [(65, 65), (64, 67), (70, 81), (99, 66), (9, 120), (72, 73)]


@pytest.mark.parametrize("shape", SHAPES)
def test_there_are_fewer_triangles_and_they_cover_the_same(shape):
    mesh, levels, fewer = made(*shape)
    assert levels[0].any()
    assert len(fewer) < len(mesh.triangles())
    x, y = np.broadcast_arrays(mesh.x[:, None], mesh.y[None, :])
    corners = np.stack([x, y], axis=-1).reshape(-1, 2)

    def areas(triangles):
        a, b, c = (corners[triangles[:, k]] for k in range(3))
        (ux, uy), (vx, vy) = (b - a).T, (c - a).T
        return 0.5 * (ux * vy - uy * vx)

    assert (areas(fewer) > 0).all()  # all face up
    assert areas(fewer).sum() == pytest.approx(areas(mesh.triangles()).sum())


@pytest.mark.parametrize("shape", SHAPES)
def test_there_are_no_cracks(shape):
    mesh, _, fewer = made(*shape, hole=False)
    edges = np.concatenate([fewer[:, [0, 1]], fewer[:, [1, 2]], fewer[:, [2, 0]]])
    directed = {tuple(edge) for edge in edges.tolist()}
    assert len(directed) == len(edges)
    rows, columns = mesh.height.shape
    for p, q in directed:
        if (q, p) in directed:
            continue
        (i, j), (m, n) = divmod(p, columns), divmod(q, columns)  # only the border has one side
        assert i == m in (0, rows - 1) or j == n in (0, columns - 1)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_drawn_is_as_close_as_was_asked_for(shape):
    mesh, levels, fewer = made(*shape)
    drawn = interpolated(mesh, fewer)
    used, known = (
        np.isin(np.arange(mesh.height.size), triangles).reshape(mesh.height.shape)
        for triangles in (fewer, mesh.triangles())
    )
    assert np.array_equal(np.isfinite(drawn), known)
    off = np.abs(drawn - mesh.height)[known & ~used]
    assert off.size > 0.1 * used.size
    assert off.max() <= len(levels) * SEEN.bend
    i, j = np.unravel_index(np.nanargmax(mesh.height), mesh.height.shape)
    assert used[i - 1 : i + 2, j - 1 : j + 2].all()  # the spike


def interpolated(mesh, triangles):
    """The heights of `triangles` at all vertices, NaN where there are none."""
    rows, columns = mesh.height.shape
    out = np.full((rows, columns), np.nan)
    heights = mesh.height.ravel()
    for corners in triangles:
        i, j = np.divmod(corners.astype(int), columns)
        p, q = np.meshgrid(
            np.arange(i.min(), i.max() + 1), np.arange(j.min(), j.max() + 1), indexing="ij"
        )
        matrix = np.array([i, j, np.ones(3)])
        shares = np.linalg.solve(matrix, np.stack([p.ravel(), q.ravel(), np.ones(p.size)]))
        inside = (shares > -1e-9).all(axis=0)
        out[p.ravel()[inside], q.ravel()[inside]] = (heights[corners] @ shares)[inside]
    return out


def test_blocks_of_every_size_are_used():
    _, levels, _ = made(129, 129)
    assert len(levels) == simplify.LEVELS
    assert all(level.any() for level in levels)
    assert not levels[0].all()


def test_what_is_seen_closely_keeps_all_its_triangles():
    axis = np.linspace(-1, 1, 64)
    bowl = Surface.from_loss(axis, axis, np.add.outer(axis**2, axis**2))
    mesh = display_mesh(bowl, smooth=False)
    levels = flat_blocks(mesh, mesh.height.astype(np.float32), Resolution(1e-5, 0.9))
    assert not levels[0].any()
    same = simplified(mesh, levels)
    assert np.array_equal(same, mesh.triangles())


def test_colours_of_their_own_keep_the_triangles_they_need():
    mesh = display_mesh(surface(64, 64, spike=False, hole=False), smooth=False)
    values = np.full((64, 64), 0.5, np.float32)
    values[41, 20] = 0.9
    plain = flat_blocks(mesh, np.full((64, 64), 0.5, np.float32), SEEN)[0]
    marked = flat_blocks(mesh, values, SEEN)[0]
    changed = np.argwhere(plain != marked).tolist()
    assert changed in ([[20, 9], [20, 10]], [[20, 9]], [[20, 10]], [])
    assert not marked[20, 9:11].any()


def test_deviations_of_a_plane_and_of_a_bend():
    i, j = np.meshgrid(np.arange(7.0), np.arange(9.0), indexing="ij")
    assert deviations(3 * i - 2 * j + 1).max() == 0
    assert deviations(i**2) == pytest.approx(np.ones((3, 4)))
    assert deviations((2 * i + j) ** 2) == pytest.approx(9 * np.ones((3, 4)))  # along the diagonal


def test_only_large_grids_of_equal_steps_are_worth_it(monkeypatch):
    monkeypatch.setattr(simplify, "FEWEST", 1000)
    assert is_worth_it(display_mesh(surface(40, 30), smooth=False))
    assert not is_worth_it(display_mesh(surface(30, 30), smooth=False))
    axis = np.linspace(0, 1, 40) ** 2
    uneven = Surface.from_loss(axis, axis, np.add.outer(axis, axis))
    assert not is_worth_it(display_mesh(uneven, smooth=False))
