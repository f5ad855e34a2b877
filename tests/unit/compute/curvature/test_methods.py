"""Lanczos, trace, quadrature and errors over samples, on matrices of known spectrum."""

import numpy as np
import pytest
import torch
from torch import nn

from isoloss.compute.curvature.density import quadrature
from isoloss.compute.curvature.eigenvalues import in_order
from isoloss.compute.curvature.lanczos import outermost
from isoloss.compute.curvature.products import Curvature
from isoloss.compute.curvature.rise import gradient_norm
from isoloss.compute.curvature.sampling import jackknife, two_way
from isoloss.compute.curvature.trace import trace
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.results.estimates import Estimate

VALUES = torch.cat([torch.linspace(-0.5, 1, 95), torch.tensor([30.0, 20, 10, 9.5, -5])]).double()


def matrix(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    square = torch.randn(100, 100, generator=generator, dtype=torch.float64)
    vectors, _ = torch.linalg.qr(square)
    return (vectors * VALUES @ vectors.T).to(dtype)


def start(dtype=torch.float64):
    return torch.randn(100, generator=torch.Generator().manual_seed(1)).to(dtype)


@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
@pytest.mark.parametrize("most_vectors", [None, 12])
def test_lanczos_finds_both_ends_with_few_vectors_too(dtype, close, most_vectors):
    a = matrix(dtype)
    steps = 0
    for ritz in outermost(
        lambda v: v @ a, start(dtype), largest=4, smallest=1, tolerance=close**2 / 10,
        most_steps=90, most_vectors=most_vectors,
    ):  # fmt: skip
        steps += 1
        assert most_vectors is None or len(ritz.basis) <= max(most_vectors, 14) + 1
    places = ritz.wanted(4, 1)
    assert steps == ritz.steps < 60
    assert ritz.values[places].tolist() == pytest.approx([30, 20, 10, 9.5, -5], abs=30 * close)
    vectors = ritz.vectors(places)
    apart = (vectors @ a - ritz.values[places, None].to(dtype) * vectors).norm(dim=1)
    assert float(apart.max()) < 30 * close


def test_lanczos_ends_where_nothing_is_left():
    a = torch.diag(torch.tensor([3.0, 1, 1, 0]))
    *_, ritz = outermost(lambda v: v @ a, torch.ones(4), largest=4, smallest=4)
    assert ritz.steps == 3
    assert ritz.values.tolist() == pytest.approx([0, 1, 3], abs=1e-6)


@pytest.mark.parametrize("keep", [True, False])
def test_quadrature_has_the_moments_of_the_spectrum(keep):
    a = matrix()
    signs = 2.0 * torch.randint(0, 2, (64, 100), generator=torch.Generator().manual_seed(2)) - 1
    *_, found = quadrature(lambda v: v @ a, signs.double(), 30, keep=keep)
    assert found.weights.sum(1).tolist() == pytest.approx([1] * 64)
    for power in (1, 2):
        moments = (found.weights * found.nodes**power).sum(1)
        own = torch.stack(
            [v @ torch.linalg.matrix_power(a, power) @ v / 100 for v in signs.double()]
        )
        assert moments.tolist() == pytest.approx(own.tolist(), rel=1e-9)


def test_stated_intervals_of_two_errors_cover_the_mean_of_the_population():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        population = rng.normal(3, 1, 400) + rng.normal(0, 2, 400) ** 2
        mean = population.mean()
        blocks = rng.choice(population, 200, replace=False).reshape(20, 10).mean(1)
        noise = rng.normal(0, 0.3, 12) + rng.normal(0, 0.4, (20, 12))
        found = two_way(blocks[:, None] + noise, np.full(20, 10.0), 400)
        covered += found.interval[0] <= mean <= found.interval[1]
    assert 0.93 <= covered / 400 <= 0.975


def test_a_population_seen_whole_leaves_the_error_of_the_probes_alone():
    values = np.arange(20.0)[:, None] + np.array([1.0, -1.0])
    found = two_way(values, np.full(20, 3.0), 60)
    assert (found.value, found.over_samples) == (pytest.approx(9.5), 0.0)
    assert found.over_probes == pytest.approx(1.0)
    assert jackknife(2.0, np.array([1.0, 3.0]), np.array([5.0, 5.0]), 10).half_width == 0.0


def test_the_jackknife_of_a_mean_is_its_standard_error():
    rng = np.random.default_rng(1)
    blocks = rng.normal(size=15)
    without = (blocks.sum() - blocks) / 14
    found = jackknife(blocks.mean(), without, np.full(15, 4.0), 10**9)
    assert found.value == pytest.approx(blocks.mean())
    assert found.over_samples == pytest.approx(blocks.std(ddof=1) / 15**0.5, rel=1e-6)


def test_of_a_quadratic_everything_is_exact():
    import isoloss

    class Bowl(nn.Module):
        def __init__(self):
            super().__init__()
            self.at = nn.Parameter(torch.ones(100, dtype=torch.float64))

        def forward(self, x):
            return 0.5 * (x @ self.at) ** 2

    a = matrix() + 6 * torch.eye(100).double()
    rows = torch.linalg.cholesky(a).T * 10
    found = isoloss.sharpness(
        Bowl(), [(rows,)], lambda model, batch: model(batch[0]), largest=4, smallest=1,
        tolerance=1e-20, steps=100, probes=8, progress=False,
    )  # fmt: skip
    values = [e.value for e in (*found.largest, *found.smallest)]
    assert values == pytest.approx([36, 26, 16, 15.5, 1], rel=1e-9)
    assert found.gradient_norm.value == pytest.approx(float((a @ torch.ones(100).double()).norm()))
    low, high = found.trace.interval
    assert low <= float(a.trace()) <= high
    assert found.groups["at"].value == pytest.approx(found.trace.value)


def test_one_eigenvalue_takes_more_than_one_step():
    a = matrix()
    *_, ritz = outermost(lambda v: v @ a, start(), largest=1, tolerance=1e-3)
    assert ritz.steps >= 3
    assert float(ritz.values[-1]) == pytest.approx(30, abs=0.03)


def test_values_are_as_near_as_is_said():
    a = matrix()
    for ritz in outermost(lambda v: v @ a, start(), largest=4, smallest=1, tolerance=1e-6):
        places = ritz.wanted(1, 1)
        apart = (ritz.values[places, None] - VALUES).abs().amin(1)
        if float(ritz.residuals[places].max()) < 1:
            assert (apart <= 2 * ritz.errors(places) + 1e-12).all()


def test_eigenvalues_are_in_order_whatever_samples_make_of_them():
    given = [Estimate(v, 0.1, 0.0, 0.2) for v in (9.0, 3.0, 5.0, 1.0)]
    assert [e.value for e in in_order(given, rising=False)] == [9, 4, 4, 1]
    assert [e.value for e in in_order(given[::-1], rising=True)] == [1, 4, 4, 9]
    assert in_order([], rising=True) == []


def test_one_block_tells_nothing_of_other_samples():
    found = two_way(np.ones((1, 2)), np.array([5.0]), 10)
    assert found.value == 1
    assert np.isnan(found.half_width)
    assert np.isnan(jackknife(1.0, np.ones(1), np.array([5.0]), 10).half_width)


def test_the_gradient_norm_loses_what_is_random_in_it():
    """Of 40 of 400 samples, over orders: nearer to the norm of all than the plain one."""

    class Line(nn.Module):
        def __init__(self):
            super().__init__()
            self.at = nn.Parameter(torch.zeros(6, dtype=torch.float64))

        def forward(self, x):
            return x @ self.at + (self.at**2).sum()

    every = torch.randn(400, 6, generator=torch.Generator().manual_seed(3)).double() + 0.15
    exact = float(every.mean(0).norm())
    corrected, plain, covered = [], [], 0
    for seed in range(60):
        order = torch.randperm(400, generator=torch.Generator().manual_seed(seed))[:40]
        data = ShuffledSamples.of_batches([(every[order],)], 0, torch.device("cpu"))
        curvature = Curvature(Line(), data, lambda m, b: m(b[0]), torch.device("cpu"))
        found = gradient_norm(curvature, 400)
        corrected.append(found.value)
        plain.append(float(every[order].mean(0).norm()))
        covered += found.interval[0] <= exact <= found.interval[1]
    assert abs(np.mean(corrected) - exact) < 0.6 * abs(np.mean(plain) - exact)
    assert covered >= 50
    assert gradient_norm(curvature, 40).half_width == 0


@pytest.mark.parametrize(("seen", "noise"), [(300, 1.0), (300, 3.0), (800, 3.0)])
def test_intervals_hold_the_largest_eigenvalue_however_much_of_it_is_chance(seen, noise):
    """Of a mean of matrices, 3 of 10 of which have most of the curvature."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(1200, 4)) * np.sqrt([3, 2, 1, 0.3])
    of_each = vectors[:, :, None] * vectors[:, None] * (rng.random((1200, 1, 1)) < 0.3) * 3
    aside = rng.normal(size=(1200, 4, 4))
    of_each += noise * (aside + aside.transpose(0, 2, 1))
    whole = np.linalg.eigvalsh(of_each.mean(0))[-1]
    held, sizes = 0, np.full(20, seen / 20)
    for _ in range(400):
        blocks = of_each[rng.permutation(1200)[:seen]].reshape(20, -1, 4, 4).mean(1)
        mean = blocks.mean(0)
        largest = np.linalg.eigvalsh(np.concatenate([mean[None], (20 * mean - blocks) / 19]))[:, -1]
        found = jackknife(float(largest[0]), largest[1:], sizes, 1200, corrected=0.5)
        low, high = found.interval
        held += low <= whole <= high
    assert 0.93 <= held / 400 <= 0.97


@pytest.mark.parametrize("loud", [1.0, 0.03])
def test_the_trace_is_in_the_mean_what_it_is_however_the_curvature_is_spread(loud):
    """Over random directions, of 320 samples of which some, or all, have most of it."""
    torch.manual_seed(0)
    rows = torch.randn(320, 30).double() * torch.linspace(1, 3, 30).double()
    rows *= torch.where(torch.rand(320, 1) < loud, 3.0, 0.1)
    data = ShuffledSamples.of_batches([(rows,)], 0, torch.device("cpu"))
    curvature = Curvature(_Sums(), data, lambda m, b: m(b[0]), torch.device("cpu"))
    exact = {"a": rows[:, :20].square().sum() / 320, "b": rows[:, 20:].square().sum() / 320}
    off, errors, groups = [], [], []
    for seed in range(24):
        found = traced(curvature, 320, seed)
        off.append(found.total.value - float(sum(exact.values())))
        errors.append(found.total.over_probes)
        groups.append(found.groups["a"].value - float(exact["a"]))
        assert found.total.over_samples == 0
    assert curvature.foremost
    assert abs(np.mean(off)) < 4 * np.std(off) / 24**0.5 + 1e-9
    assert abs(np.mean(groups)) < 4 * np.std(groups) / 24**0.5 + 1e-9
    assert np.mean(np.square(errors)) ** 0.5 == pytest.approx(np.std(off), rel=0.5)
    assert traced(curvature, 3200, 0).total.over_samples > 0


def test_batches_that_cannot_be_cut_are_all_seen():
    torch.manual_seed(0)
    rows = torch.randn(100, 4).double() @ torch.randn(4, 30).double()
    batches = [(part,) for part in rows.split([5, 5, 5, 85])]
    data = ShuffledSamples(batches, [5, 10, 15, 100])
    curvature = Curvature(_Sums(), data, lambda m, b: m(b[0]), torch.device("cpu"))
    assert curvature.cuts(20) == [(0, 5), (5, 10), (10, 15), (15, 100)]
    torch.testing.assert_close(curvature.gradient(), rows.T @ rows.sum(1) / 100)
    for population in (100, 1000):  # in so few directions the matrix acts that nothing is left
        found = traced(curvature, population, 0)
        assert found.total.value == pytest.approx(float(rows.square().sum() / 100))


class _Sums(nn.Module):
    """Of each row half the square of its product with the parameters."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.ones(20, dtype=torch.float64))
        self.b = nn.Parameter(torch.ones(10, dtype=torch.float64))

    def forward(self, x):
        return 0.5 * (x @ torch.cat([self.a, self.b])) ** 2


def traced(curvature, population, seed):
    steps = trace(curvature, population, torch.Generator().manual_seed(seed), probes=4)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
