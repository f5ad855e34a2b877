"""How rough surfaces of known shape are, and what errors leave open."""

import math
from dataclasses import replace

import numpy as np
import pytest

from isoloss.geometry.analysis.minima import basins_among, minima_of
from isoloss.geometry.analysis.roughness import (
    Bounded,
    non_convex_share,
    roughness_in_words,
    roughness_of,
)
from isoloss.geometry.height import HeightScale
from isoloss.geometry.surface import Surface

AXIS = np.linspace(-1, 1, 41)
X, Y = np.meshgrid(AXIS, AXIS, indexing="ij")
WAVY = X**2 + 1.5 * Y**2 + 0.3 * X * Y + 0.4 * np.sin(7 * X + 1) * np.cos(5 * Y) + 1.5


def surface_of(loss: np.ndarray, **changes: object) -> Surface:
    found = Surface.from_loss(
        np.linspace(-1, 1, len(loss)), np.linspace(-1, 1, loss.shape[1]), loss
    )
    return replace(found, **changes)


def shape_of(surface: Surface) -> list[float]:
    rough = roughness_of(surface)
    assert rough.log_variation is not None
    return [rough.non_convex.value, rough.variation.value, rough.log_variation.value]


@pytest.mark.parametrize(
    ("loss", "share"),
    [
        (X**2 + Y**2, 0.0),
        (-(X**2) - Y**2, 1.0),
        (X**2 - Y**2, 1.0),
        (3 * X - 2 * Y + 5, 0.0),
        (X**2 + 0 * Y, 0.0),  # flat along β, but for rounding
        ((X**2 + 0 * Y).astype(np.float32).astype(float), 0.0),  # as a file keeps it
        ((X + Y) ** 2 + 7, 0.0),
        (np.exp(X) * Y, 1.0),  # determinant −exp(2x)
    ],
)
def test_shares_of_known_shapes(loss: np.ndarray, share: float) -> None:
    assert non_convex_share(surface_of(loss)) == Bounded(share, share, share)


def test_the_share_is_that_of_the_hessian_in_closed_form() -> None:
    t = np.linspace(0, 2, 161)
    x, y = np.meshgrid(2 * np.pi * t, 2 * np.pi * t, indexing="ij")
    # Of sin·sin the eigenvalues are −sin·sin ± |cos·cos|: three quarters have a negative one.
    assert non_convex_share(surface_of(np.sin(x) * np.sin(y))).value == pytest.approx(
        0.75, abs=0.02
    )
    hessians = np.empty((*WAVY.shape, 2, 2))
    hessians[..., 0, 0] = 2 - 0.4 * 49 * np.sin(7 * X + 1) * np.cos(5 * Y)
    hessians[..., 1, 1] = 3 - 0.4 * 25 * np.sin(7 * X + 1) * np.cos(5 * Y)
    hessians[..., 0, 1] = hessians[..., 1, 0] = 0.3 - 0.4 * 35 * np.cos(7 * X + 1) * np.sin(5 * Y)
    expected = (np.linalg.eigvalsh(hessians)[1:-1, 1:-1, 0] < 0).mean()
    assert non_convex_share(surface_of(WAVY)).value == pytest.approx(expected, abs=0.01)


def test_the_variation_of_a_ramp_is_1_and_of_a_bowl_four_times_the_mean_radius() -> None:
    ramp, corner = surface_of(X + 2), surface_of(X + Y)
    assert roughness_of(ramp).variation.value == pytest.approx(1)
    assert roughness_of(corner).variation.value == pytest.approx(math.sqrt(0.5))
    bowl = roughness_of(surface_of(X**2 + Y**2)).variation.value
    assert bowl == pytest.approx(4 * 0.3825978582, rel=2e-3)  # of a square of side 1, its centre
    powers = roughness_of(surface_of(10.0 ** (3 * X)))
    assert powers.log_variation is not None
    assert powers.log_variation.value == pytest.approx(1)
    checks = np.indices((20, 20)).sum(0) % 2.0  # up and down between all neighbours
    assert roughness_of(surface_of(checks)).variation.value == pytest.approx(19 * math.sqrt(2))


@pytest.mark.parametrize(
    "same",
    [
        lambda s: surface_of(s.loss[::-1]),
        lambda s: surface_of(s.loss[:, ::-1]),
        lambda s: surface_of(s.loss.T),
        lambda s: replace(s, loss=2.5 * s.loss),
        lambda s: replace(s, loss=1e306 * s.loss),
        lambda s: replace(s, alpha=30 * s.alpha + 7, beta=0.01 * s.beta),
    ],
    ids=["mirrored", "mirrored across", "transposed", "other losses", "huge losses", "other units"],
)
def test_the_numbers_do_not_depend_on_how_a_surface_lies(same) -> None:
    wavy = surface_of(WAVY[:, ::2])
    np.testing.assert_allclose(shape_of(same(wavy)), shape_of(wavy), rtol=1e-9)
    again = same(wavy)
    scales = [HeightScale.automatic(s.loss) for s in (wavy, again)]
    counts = [basins_among(minima_of(s), f) for s, f in zip((wavy, again), scales, strict=True)]
    assert counts[0] == counts[1]
    assert counts[0].certain > 2


def test_uneven_axes_measure_the_same_bowl() -> None:
    uneven = np.sort(np.random.default_rng(0).uniform(-1, 1, 60))
    a, b = uneven[:, None], uneven[None, ::2]
    bowl = Surface.from_loss(uneven, uneven[::2], a**2 + b**2 - 0.5 * a * b)
    assert non_convex_share(bowl).value == 0
    assert non_convex_share(replace(bowl, loss=-bowl.loss)).value == 1


def test_errors_leave_open_what_they_may_have_done() -> None:
    def with_error(stderr: float) -> Surface:
        return surface_of(WAVY, loss_stderr=np.full(WAVY.shape, stderr))

    exact, small, large = (roughness_of(with_error(e)) for e in (0.0, 1e-4, 10.0))
    assert exact.non_convex.low == exact.non_convex.high == exact.non_convex.value
    assert small.non_convex.low < small.non_convex.value < small.non_convex.high
    assert (large.non_convex.low, large.non_convex.high) == (0, 1)
    assert small.variation.value == exact.variation.value
    assert 0 < small.variation.high - small.variation.value < 0.05
    assert large.variation.low == 0


def test_the_error_of_an_eigenvalue_is_that_over_many_draws() -> None:
    rng, stderr, count = np.random.default_rng(0), 0.02, 400
    loss = (X**2 - 3 * Y**2 + X * Y)[:5, :5]
    errors = np.full(loss.shape, stderr)
    surface = surface_of(loss, loss_stderr=errors)
    h = 0.25  # between points, where the axes run from 0 to 1
    drawn = np.empty(count)
    for k in range(count):
        z = loss + rng.normal(0, stderr, loss.shape)
        a = (z[1, 2] - 2 * z[2, 2] + z[3, 2]) / h**2
        d = (z[2, 1] - 2 * z[2, 2] + z[2, 3]) / h**2
        b = (z[3, 3] - z[3, 1] - z[1, 3] + z[1, 1]) / (4 * h**2)
        drawn[k] = np.linalg.eigvalsh([[a, b], [b, d]])[0]
    from isoloss.geometry.analysis.roughness import _least_eigenvalue

    least, error = _least_eigenvalue(surface)
    assert least[1, 1] == pytest.approx(drawn.mean(), abs=4 * drawn.std() / math.sqrt(count) + 0.2)
    assert error[1, 1] == pytest.approx(drawn.std(), rel=0.15)


def test_holes_and_what_is_not_computed_are_left_out() -> None:
    loss = X**2 + Y**2 + 1
    loss[10, 10], loss[20, 30] = np.nan, np.inf
    rough = roughness_of(surface_of(loss))
    assert rough.non_convex.value == 0
    assert rough.variation.value == pytest.approx(1.53, abs=0.02)
    nothing = surface_of(np.full((4, 4), np.nan))
    assert not roughness_of(nothing).variation.is_known
    assert not roughness_of(surface_of(np.eye(2))).non_convex.is_known
    pending = np.ones(loss.shape, np.int64)
    pending[::2] = 0
    assert roughness_in_words(surface_of(loss, count=pending)) == {}


def test_a_curve_has_them_too() -> None:
    curve = Surface.from_loss(AXIS, np.zeros(1), (np.cos(2 * np.pi * AXIS) + 2)[:, None])
    rough = roughness_of(curve)
    assert rough.non_convex.value == 17 / 39  # the inner points nearer to a peak than to a valley
    assert rough.variation.value == pytest.approx(4)  # up and down twice
    noisy = replace(curve, loss_stderr=np.full((41, 1), 0.01))
    added = roughness_of(noisy).variation
    assert added.high - added.value == pytest.approx(0.01 * math.sqrt(2) * 40 / 2)


def test_words_say_what_is_noise() -> None:
    stderr = np.full(WAVY.shape, 0.05)
    words = roughness_in_words(surface_of(WAVY, loss_stderr=stderr))
    found = minima_of(surface_of(WAVY, loss_stderr=stderr))
    doubtful = sum(m.is_within_noise for m in found)
    assert 0 < doubtful < len(found)
    assert words["basins"] == (
        f"{len(found) - doubtful} deeper than 1 % of the height, {doubtful} more within the noise"
    )
    assert "(0.0 to 100.0)" in words["not convex"]
    assert " ± " in words["variation"]
