"""Local minima and their persistence, against gudhi's cubical complexes and by hand."""

import math
from dataclasses import replace

import gudhi
import numpy as np
import pytest

from isoloss.geometry.analysis.minima import minima_of, relative_depths
from isoloss.geometry.height import HeightScale
from isoloss.geometry.surface import Surface


def surface_of(loss: np.ndarray, **changes: object) -> Surface:
    a, b = np.linspace(-1, 1, loss.shape[0]), np.linspace(-2, 2, loss.shape[1])
    return replace(Surface.from_loss(a, b, loss), **changes)


def gudhi_pairs(loss: np.ndarray) -> list[tuple[float, float]]:
    """(birth, death) of the components of sublevel sets; what is not finite comes last of all."""
    cells = np.where(np.isfinite(loss), loss, np.inf)
    pairs = gudhi.CubicalComplex(top_dimensional_cells=cells)
    pairs.compute_persistence()
    found = pairs.persistence_intervals_in_dimension(0)
    return sorted((float(b), float(d)) for b, d in found if d > b and math.isfinite(b))


@pytest.mark.parametrize("shape", [(25, 21), (7, 40), (1, 30), (40, 1), (2, 2), (13, 13)])
@pytest.mark.parametrize("levels", [0, 6])
def test_persistence_is_that_of_a_cubical_complex(shape: tuple[int, int], levels: int) -> None:
    rng = np.random.default_rng(sum(shape) + levels)
    loss = rng.random(shape)
    if levels:  # many plateaus
        loss = np.floor(levels * loss)
    if np.ptp(loss) == 0:
        return
    found = sorted((m.loss, m.saddle_loss) for m in minima_of(surface_of(loss)))
    assert found == gudhi_pairs(loss)


def test_walls_part_what_they_stand_between() -> None:
    rng = np.random.default_rng(5)
    loss = rng.random((30, 30))
    loss[:, 11] = np.nan
    loss[20, :] = np.inf
    found = sorted((m.loss, m.saddle_loss) for m in minima_of(surface_of(loss)))
    # gudhi lets water over infinite walls at last: the deepest pool of each room ends at inf.
    assert found == gudhi_pairs(loss)
    assert sum(math.isinf(m.persistence) for m in minima_of(surface_of(loss))) == 4


def test_two_valleys_with_their_saddle() -> None:
    a = np.linspace(-1, 1, 41)[:, None]
    b = np.linspace(-2, 2, 41)[None, :]
    # Minima at α = ±0.5, the right one deeper; the saddle between them is on β = 0.
    loss = 16 * (a**2 - 0.25) ** 2 - 0.2 * a + b**2
    deep, shallow = minima_of(surface_of(loss))
    along_alpha = loss[:, 20]
    peak = 10 + int(along_alpha[10:31].argmax())
    assert deep.alpha == pytest.approx(0.5)
    assert shallow.alpha == pytest.approx(-0.5)
    assert math.isinf(deep.persistence)
    assert deep.saddle is None
    assert shallow.saddle == (peak, 20)
    assert shallow.persistence == along_alpha[peak] - along_alpha[:20].min()
    assert not deep.at_border
    assert not shallow.at_border


def test_a_plateau_counts_once_and_a_flat_surface_not_at_all() -> None:
    loss = np.ones((9, 9))
    assert minima_of(surface_of(loss)) == ()
    loss[3:6, 3:6] = 0.0
    (only,) = minima_of(surface_of(loss))
    assert only.loss == 0.0
    assert math.isinf(only.persistence)


def test_minima_at_the_edge_and_beside_a_hole_are_marked() -> None:
    a, b = np.meshgrid(np.arange(9.0), np.arange(9.0), indexing="ij")
    (corner,) = minima_of(surface_of(a + b))
    assert corner.index == (0, 0)
    assert corner.at_border
    bowl = (a - 4) ** 2 + (b - 4) ** 2
    assert not minima_of(surface_of(bowl))[0].at_border
    bowl[5, 5] = np.nan
    assert minima_of(surface_of(bowl))[0].at_border


def test_lone_points_and_uncomputed_ones_are_no_minima() -> None:
    loss = np.random.default_rng(0).random((9, 9))
    count = np.zeros((9, 9), np.int64)
    count[::4, ::4] = 1  # a first, coarse look
    assert minima_of(surface_of(loss, count=count)) == ()
    assert minima_of(surface_of(np.full((4, 4), np.nan))) == ()


def test_what_two_standard_errors_cannot_tell_is_noise() -> None:
    loss = np.array([[3.0, 0.0, 1.0, 0.5, 3.0]])
    stderr = np.array([[0.0, 0.3, 0.16, 0.12, 0.0]])
    deep, shallow = minima_of(surface_of(loss, loss_stderr=stderr))
    assert shallow.stderr == pytest.approx(0.2)  # 0.16 and 0.12 in quadrature
    assert shallow.persistence == 0.5
    assert not shallow.is_within_noise
    _, shallow = minima_of(surface_of(loss, loss_stderr=1.3 * stderr))
    assert shallow.is_within_noise
    assert not deep.is_within_noise


def test_the_relative_depth_is_the_depth_as_it_is_displayed() -> None:
    loss = np.array([[100.0, 0.1, 10.0, 1.0, 100.0]])
    found = minima_of(surface_of(loss))
    np.testing.assert_allclose(relative_depths(found, HeightScale("log", 0.1, 100.0)), [1, 1 / 3])
    np.testing.assert_allclose(relative_depths(found, HeightScale("linear", 0.0, 100.0)), [1, 0.09])
    assert found[1].persistence == 9.0  # in units of loss whatever the scale
    assert len(relative_depths((), HeightScale("linear", 0.0, 1.0))) == 0


def test_on_a_large_surface_with_many_basins() -> None:
    a = np.linspace(-1, 1, 400)
    loss = a[:, None] ** 2 + a[None, :] ** 2 + 0.3 * np.cos(20 * a)[:, None] * np.cos(15 * a)
    found = minima_of(surface_of(loss))
    assert sorted((m.loss, m.saddle_loss) for m in found) == gudhi_pairs(loss)
