"""The probe against closed forms."""

import numpy as np
import pytest
import torch
from torch import nn

from isoloss import IsolossError, custom_plane, probe, random_plane
from isoloss.geometry.growing import GrowingSurface


class Quadratic(nn.Module):
    """f(θ) = ½ (θ − c)ᵀ A (θ − c) with A diagonal."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.theta = nn.Parameter(torch.randn(6, 5, generator=generator, dtype=torch.float64))
        self.register_buffer("centre", torch.randn(6, 5, generator=generator, dtype=torch.float64))
        self.register_buffer("a", torch.rand(6, 5, generator=generator, dtype=torch.float64))

    def value(self, theta):
        return 0.5 * (self.a * (theta - self.centre) ** 2).sum()


def quadratic_loss(model, batch):
    return model.value(model.theta).expand(len(batch[0])) + batch[0]


def test_a_quadratic_comes_back_at_every_point_of_a_non_square_grid():
    model = Quadratic()
    plane = random_plane(model, seed=1)
    alpha, beta = np.linspace(-1, 2, 7), np.linspace(-3, 0.5, 12)
    noise = torch.linspace(-1, 1, 10, dtype=torch.float64)  # mean zero over the samples
    batches = [(noise[:4], noise[:4]), (noise[4:8], noise[4:8]), (noise[8:], noise[8:])]
    surface = probe(model, batches, plane, alpha, beta, loss=quadratic_loss, progress=False)
    assert surface.loss.shape == (7, 12)
    for i, a in enumerate(alpha):
        for j, b in enumerate(beta):
            theta = model.theta.detach() + a * plane.delta["theta"] + b * plane.eta["theta"]
            assert surface.loss[i, j] == pytest.approx(float(model.value(theta)), rel=1e-6)
    np.testing.assert_array_equal(surface.alpha, alpha)
    np.testing.assert_array_equal(surface.beta, beta)
    assert np.isnan(surface.accuracy).all()
    assert (surface.count == 10).all()
    assert (surface.loss_stderr == 0).all()


def classifier():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))


def samples(n):
    generator = torch.Generator().manual_seed(7)
    return torch.randn(n, 4, generator=generator), torch.randint(0, 3, (n,), generator=generator)


def test_a_short_last_batch_weighs_by_its_samples():
    model, (x, y) = classifier().eval(), samples(10)
    plane = random_plane(model)
    surface = probe(
        model, zip(x.split(4), y.split(4), strict=True), plane, [-0.5, 0.0], [0.0, 0.5],
        precision="fp32", progress=False,
    )  # fmt: skip
    with torch.no_grad():
        expected = nn.functional.cross_entropy(model(x), y).item()
        accuracy = (model(x).argmax(1) == y).float().mean().item()
    assert surface.loss[1, 0] == pytest.approx(expected, rel=1e-6)
    assert surface.accuracy[1, 0] == pytest.approx(accuracy)


def test_the_model_is_left_as_it_was():
    model, (x, y) = classifier().train(), samples(8)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    probe(model, [(x, y)], random_plane(model), [-1, 0, 1], [-1, 1], progress=False)
    assert model.training
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_batch_norm_statistics_stay_the_origins():
    model, (x, y) = classifier(), samples(32)
    model.train()(x)
    plane = random_plane(model)
    once = probe(model, [(x, y)], plane, [0.0, 1.0], [0.0, 1.0], progress=False)
    swapped = probe(model, [(x[:5], y[:5]), (x[5:], y[5:])], plane, [0.0, 1.0], [0.0, 1.0],
                    progress=False)  # fmt: skip
    np.testing.assert_allclose(once.loss, swapped.loss, rtol=1e-5)


def test_nan_and_inf_are_results():
    model = Quadratic()
    plane = random_plane(model)

    def loss(model, batch):
        moved = (model.theta - plane.origin["theta"]).abs().sum()
        value = float("nan") if moved > 10 else float("inf") if moved > 1 else 1.0
        return torch.full((len(batch[0]),), value)

    data = [(torch.zeros(3), torch.zeros(3))]
    surface = probe(model, data, plane, [0.0, 0.1, 5.0], [0.0, 5.0], loss=loss, progress=False)
    assert surface.loss[0, 0] == 1
    assert np.isinf(surface.loss[1, 0])
    assert np.isnan(surface.loss[2, 1])
    assert surface.is_complete


def test_wrong_requests_get_one_line():
    model, (x, y) = classifier(), samples(4)
    plane = random_plane(model)
    for arguments, message in (
        ({"alpha": [1, 0]}, "increasing"),
        ({"alpha": [0, np.nan]}, "finite"),
        ({"precision": "fp8"}, "precision"),
        ({"device": "cuda:77"}, "no device"),
        ({"device": "toaster"}, "no device"),
        ({"loss": lambda m, b: torch.tensor(1.0)}, "one value for each sample"),
    ):
        with pytest.raises(IsolossError, match=message):
            probe(model, [(x, y)], plane, **{"progress": False, **arguments})
    with pytest.raises(IsolossError, match="empty"):
        probe(model, [], plane)
    with pytest.raises(IsolossError, match="another architecture"):
        probe(nn.Linear(2, 2), [(x, y)], plane)


def test_standard_error_covers_the_full_mean():
    """Over many random subsets, mean ± 1.96 SE holds the whole population's mean 95 % of times."""
    rng = np.random.default_rng(0)
    population = rng.exponential(size=200)
    covered = 0
    for _ in range(2000):
        drawn = rng.choice(population, 60, replace=False)
        growing = GrowingSurface.in_memory(np.zeros(1), np.zeros(1), 200, False, {})
        growing.add((0, 0), drawn[:20].sum(), (drawn[:20] ** 2).sum(), 0, 20)
        growing.add((0, 0), drawn[20:].sum(), (drawn[20:] ** 2).sum(), 0, 40)
        surface = growing.snapshot()
        expected = drawn.std(ddof=1) / np.sqrt(60) * np.sqrt(1 - 60 / 200)
        assert surface.loss_stderr[0, 0] == pytest.approx(expected, rel=1e-6)
        covered += abs(surface.loss[0, 0] - population.mean()) < 1.96 * surface.loss_stderr[0, 0]
    assert 0.92 < covered / 2000 < 0.97


def test_one_direction_alone_moves_only_along_it():
    model, (x, y) = classifier(), samples(6)
    delta = {k: v.clone() for k, v in random_plane(model).delta.items()}
    plane = custom_plane(model, delta, {})
    # Points evaluated together are rounded by how many they are.
    surface = probe(
        model, [(x, y)], plane, [-1, 0, 1], [-1, 0, 1], points_at_once=1, progress=False
    )
    np.testing.assert_array_equal(surface.loss[:, 0], surface.loss[:, 2])
    assert np.ptp(surface.loss[:, 0]) > 0


def test_diagnostics_look_at_what_python_probes_too(capsys):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    data = [(torch.randn(40, 6), torch.arange(40) % 3)]
    plane = random_plane(model, normalize="none")
    surface = probe(model, data, plane, [-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0], device="cpu")
    levels = {f["what"]: f["level"] for f in surface.meta["findings"]}
    assert levels["normalization"] == "warning"
    assert levels["centre"] == "ok"
    assert "not normalized" in capsys.readouterr().err
    probe(model, data, plane, [-1.0, 0.0], [0.0, 1.0], device="cpu", progress=False)
    assert capsys.readouterr().err == ""
