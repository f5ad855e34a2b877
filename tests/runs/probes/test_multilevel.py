"""Multilevel probing: interpolation, unbiasedness, honest errors, and what it saves."""

import resource

import numpy as np
import pytest
import torch
from tests.runs.probes.estimating import estimated
from torch import nn

from isoloss import IsolossError, probe, random_plane
from isoloss.compute.engine.multilevel import PILOT, Multilevel, Z
from isoloss.compute.engine.sample_losses import SampleLosses
from isoloss.compute.engine.stencils import levels, stencils

POPULATION = 4000


def smooth_losses(shape, rng):
    """(cells, images): each image's loss a smooth function of the plane, skewed over images."""
    alpha, beta = np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1])
    a, b = (g.ravel()[:, None] for g in np.meshgrid(alpha, beta, indexing="ij"))
    # Waves of random direction and phase under an exponential: positive, heavy-tailed, smooth.
    kx, ky, phase = rng.normal(0, 1.2, (3, POPULATION))
    size = rng.exponential(1, POPULATION)
    losses = size * np.exp(0.8 * np.sin(kx * a + ky * b + phase)) + 2 * size * (a**2 + b**2)
    return alpha, beta, losses


def estimate(alpha, beta, losses, order, tolerance, limit=POPULATION):
    """What `Multilevel` makes of images in `order`: (losses, standard errors, images seen)."""
    return estimated(alpha, beta, losses[:, order], tolerance, limit=limit)[1:]


@pytest.mark.parametrize("shape", [(25, 25), (13, 30), (5, 2), (2, 2), (7, 1), (11, 51)])
def test_levels_and_stencils_reach_every_cell_from_coarser_ones(shape):
    found = levels(shape)
    order = np.concatenate(found)
    assert sorted(order) == list(range(shape[0] * shape[1]))
    assert {0, shape[0] * shape[1] - 1} <= set(found[0])
    depth = {int(c): d for d, level in enumerate(found) for c in level}
    axes = [np.linspace(0, 1, n) if n > 1 else np.zeros(1) for n in shape]
    grid = stencils(*axes, 4)
    assert sorted(grid) == sorted(np.concatenate([*found[1:], []]))
    for cell, stencil in grid.items():
        assert all(depth[int(c)] < depth[cell] for c in stencil.cells)
        assert stencil.weights.sum() == pytest.approx(1)


@pytest.mark.parametrize(("points", "power"), [(2, 1), (4, 3)])
def test_interpolation_reproduces_polynomials_on_uneven_axes(points, power):
    rng = np.random.default_rng(0)
    alpha, beta = (np.sort(rng.uniform(-1, 1, n)) for n in (25, 30))
    a, b = (g.ravel() for g in np.meshgrid(alpha, beta, indexing="ij"))
    values = (1 + 2 * a) ** power * (3 - b) ** power
    for cell, stencil in stencils(alpha, beta, points).items():
        assert stencil.weights @ values[stencil.cells] == pytest.approx(values[cell], rel=1e-6)


def test_stated_intervals_cover_the_full_mean_in_95_percent_of_cells():
    rng = np.random.default_rng(1)
    alpha, beta, losses = smooth_losses((13, 13), rng)
    truth = losses.mean(1)
    covered, errors = [], []
    for _ in range(40):
        mean, stderr, counts = estimate(alpha, beta, losses, rng.permutation(POPULATION), 0.02)
        uncertain = counts < POPULATION
        covered.append((np.abs(mean - truth) <= 1.96 * stderr)[uncertain].mean())
        errors.append(np.max(np.abs(mean - truth)) / np.ptp(truth))
    assert 0.93 <= np.mean(covered) <= 0.97
    # The tolerance is kept by the worst cell of nearly every surface.
    assert np.mean(np.array(errors) <= 0.02) >= 0.9


def test_the_estimate_is_unbiased():
    rng = np.random.default_rng(2)
    alpha, beta, losses = smooth_losses((9, 9), rng)
    truth = losses.mean(1)
    runs = [estimate(alpha, beta, losses, rng.permutation(POPULATION), 0.03) for _ in range(40)]
    off = np.mean([mean for mean, _, _ in runs], 0) - truth
    spread = np.std([mean for mean, _, _ in runs], 0) / np.sqrt(len(runs))
    assert np.mean(np.abs(off) <= 3 * spread + 1e-6) > 0.95  # losses are kept in float32


def test_it_takes_many_times_fewer_images_than_the_full_set():
    alpha, beta, losses = smooth_losses((25, 25), np.random.default_rng(3))
    _, stderr, counts = estimate(alpha, beta, losses, np.arange(POPULATION), 0.01)
    assert counts.sum() < losses.size / 10
    assert (Z * stderr <= 0.01 * np.ptp(losses.mean(1)) * 1.05).all()


def test_images_without_smoothness_are_all_looked_at():
    rng = np.random.default_rng(4)
    rough = rng.exponential(1, (25, POPULATION)) * np.linspace(1, 1.2, 25)[:, None]
    axis = np.linspace(-1, 1, 5)
    mean, stderr, counts = estimate(axis, axis, rough, np.arange(POPULATION), 0.01)
    assert (counts == POPULATION).all()
    np.testing.assert_allclose(mean, rough.mean(1), rtol=1e-6)
    assert (stderr == 0).all()


def test_cliffs_and_cells_that_are_not_finite_do_not_spoil_their_neighbours():
    alpha, beta, losses = smooth_losses((9, 9), np.random.default_rng(5))
    losses[0] = np.nan  # a corner, from which others would be predicted
    losses[40, 7] = np.inf  # one image at the centre
    losses[70:] += 100  # a cliff
    mean, _, counts = estimate(alpha, beta, losses, np.arange(POPULATION), 0.01)
    truth = losses.mean(1)
    assert np.isnan(mean[0])
    assert np.isposinf(mean[40])
    finite = np.isfinite(truth)
    assert finite.sum() == 79
    off = np.abs(mean[finite] - truth[finite]) / np.ptp(truth[finite])
    assert off.max() <= 0.01
    assert counts[0] < POPULATION


def test_rare_hard_images_are_not_taken_for_absent():
    """One image in a hundred makes most of the loss; the first ones are the same for all cells."""
    rng = np.random.default_rng(8)
    axis = np.linspace(-1, 1, 13)
    a, b = (g.ravel()[:, None] for g in np.meshgrid(axis, axis, indexing="ij"))
    w = rng.normal(size=(5, POPULATION))
    hard = 14 * (rng.random(POPULATION) < 0.01)
    logits = hard - 8 + 0.7 * w[0] + 1.5 * (w[1] * a + w[2] * b)
    losses = np.log1p(np.exp(logits + (2 + w[3]) * a**2 + (2 + w[4]) * b**2))
    truth = losses.mean(1)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(POPULATION)
        mean, _, _ = estimate(axis, axis, losses, order, 0.01)
        assert np.abs(mean - truth).max() <= 0.02 * np.ptp(truth)


def test_a_full_disk_is_told(tmp_path):
    record = SampleLosses(2, 10, tmp_path)
    losses, hits = np.ones(4, np.float32), np.zeros(4, np.uint8)
    record.put(1, 3, losses, hits)
    assert record.losses(1, 7).tolist() == [0, 0, 0, 1, 1, 1, 1]
    reopened = SampleLosses(2, 10, tmp_path)
    np.testing.assert_array_equal(reopened.losses(1, 10), record.losses(1, 10))

    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3, kept[1]))  # as a full disk takes 3 bytes only
    try:
        with pytest.raises(IsolossError, match="No space left"):
            record.put(0, 0, losses, hits)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)


def test_a_limit_is_kept():
    alpha, beta, losses = smooth_losses((9, 9), np.random.default_rng(6))
    _, stderr, counts = estimate(alpha, beta, losses, np.arange(POPULATION), 1e-4, limit=300)
    assert (counts == 300).all()
    assert (stderr > 0).all()


def test_the_next_round_follows_from_what_has_been_recorded():
    """A run resumed knows only what is on disk; it must ask for the same."""
    alpha, beta, losses = smooth_losses((9, 9), np.random.default_rng(7))
    record = SampleLosses(81, POPULATION)
    counts = np.zeros(81, np.int64)
    lasting = Multilevel(alpha, beta, record, POPULATION, POPULATION, 0.02)
    for _ in range(100):
        fresh = Multilevel(alpha, beta, record, POPULATION, POPULATION, 0.02)
        everything = dict(enumerate([None] * 81))
        everything.update({c: v for c, *v in fresh.estimates(counts)})
        for cell, *values in lasting.estimates(counts):
            assert everything[cell] == values
        demands = lasting.next_round(counts)
        assert fresh.next_round(counts) == demands
        if not demands:
            break
        for cell, last in demands:
            piece = losses[cell, counts[cell] : last].astype(np.float32)
            record.put(cell, int(counts[cell]), piece, np.zeros(len(piece), np.uint8))
            counts[cell] = last
    assert demands == []


def test_a_network_probed_to_tolerance_agrees_with_all_of_its_data():
    torch.manual_seed(0)
    x = torch.randn(3000, 8)
    y = (x[:, :3].argmax(1) + (torch.rand(3000) < 0.1)) % 3
    model = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(100):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    plane, axis = random_plane(model), np.linspace(-1, 1, 13)
    asked = {"alpha": axis, "beta": axis, "precision": "fp32", "progress": False}
    exact = probe(model, [(x, y)], plane, **asked)
    quick = probe(model, [(x, y)], plane, **asked, tolerance=0.02)
    assert (exact.loss_stderr == 0).all()
    assert np.abs(quick.loss - exact.loss).max() <= 0.02 * np.ptp(exact.loss)
    assert np.abs(quick.accuracy - exact.accuracy).max() < 0.12
    assert quick.count.sum() < exact.count.sum() / 3
    assert quick.count.min() >= PILOT
