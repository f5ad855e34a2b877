"""Planes of the Hessian and the gradient, where both are known, and what diagnostics say there."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import isoloss
from isoloss import IsolossError, Plane, gradient_plane, hessian_plane

QUIET = {"device": "cpu", "progress": False}
SPECTRUM = torch.arange(1, 13).double() ** 2
GRID = np.linspace(-0.5, 0.5, 5)


class Quadratic(nn.Module):
    """A matrix of weights, whose loss is a quadratic with a known spectrum."""

    def __init__(self, seed=0):
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(3, 4, dtype=torch.float64, generator=draw))
        self.turn = torch.linalg.qr(torch.randn(12, 12, dtype=torch.float64, generator=draw))[0]

    @property
    def hessian(self):
        return self.turn @ torch.diag(SPECTRUM) @ self.turn.T

    def forward(self, x):
        return self.weight


def loss(model, batch):
    flat = model(batch).flatten()
    return (flat @ model.hessian @ flat / 2).expand(len(batch))


DATA = [torch.zeros(5, 2)]


def flat(direction):
    return torch.cat([t.flatten().double() for t in direction.values()])


def findings(surface):
    return {f["what"]: (f["level"], f["message"]) for f in surface.meta["findings"]}


def test_on_a_quadratic_the_plane_is_that_of_the_leading_eigenvectors():
    model = Quadratic()
    plane = hessian_plane(model, DATA, loss, normalize="none", tolerance=1e-9, **QUIET)
    assert plane.kind == "hessian"
    np.testing.assert_allclose(plane.facts["eigenvalues"], [144, 121], rtol=1e-8)
    for direction, column in ((plane.delta, -1), (plane.eta, -2)):
        assert abs(float(flat(direction) @ model.turn[:, column])) == pytest.approx(1, abs=1e-6)
    surface = isoloss.probe(model, DATA, plane, GRID, GRID, loss, **QUIET)
    start = model.weight.detach().flatten()
    moved = [start + a * flat(plane.delta) + b * flat(plane.eta) for a in GRID for b in GRID]
    expected = np.reshape([float(w @ model.hessian @ w / 2) for w in moved], (5, 5))
    np.testing.assert_allclose(surface.loss, expected, rtol=1e-10)
    level, message = findings(surface)["curvature"]
    assert level == "ok"
    assert "curves by 144 and 121 along α and β" in message
    assert surface.meta["eigenvalues"] == plane.facts["eigenvalues"]


def test_in_units_of_the_filters_it_is_the_scaled_hessian_and_scale_changes_nothing():
    model = Quadratic()
    norms = model.weight.detach().norm(dim=1).repeat_interleave(4)
    values, vectors = torch.linalg.eigh(norms[:, None] * model.hessian * norms)
    plane = hessian_plane(model, DATA, loss, tolerance=1e-9, **QUIET)
    np.testing.assert_allclose(plane.facts["eigenvalues"], values.flip(0)[:2], rtol=1e-8)
    unit = flat(plane.delta) / norms
    assert abs(float(unit @ vectors[:, -1])) == pytest.approx(1, abs=1e-6)
    surface = isoloss.probe(model, DATA, plane, GRID, GRID, loss, **QUIET)
    assert findings(surface)["curvature"][0] == "ok"
    assert "orthogonal in units of the filters" in findings(surface)["directions"][1]


def smooth(seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Tanh(), nn.Flatten(),
                          nn.Linear(12, 3)).eval()  # fmt: skip
    return model, [(torch.randn(30, 1, 4, 4), torch.randint(3, (30,)))]


@pytest.mark.parametrize("scale", [0.1, 7.0])
def test_a_network_with_its_filters_rescaled_has_the_same_eigenvalues(scale):
    model, data = smooth()
    own = hessian_plane(model, data, **QUIET).facts["eigenvalues"]
    with torch.no_grad():
        model[0].weight.mul_(scale)
        model[0].bias.mul_(scale)
        model[1].running_var.mul_(scale**2)
        model[1].running_mean.mul_(scale)
        model[1].running_var.add_(model[1].eps * (scale**2 - 1))
    again = hessian_plane(model, data, **QUIET).facts["eigenvalues"]
    np.testing.assert_allclose(again, own, rtol=2e-3)
    plain = hessian_plane(model, data, normalize="none", **QUIET).facts["eigenvalues"]
    assert plain[0] != pytest.approx(own[0], rel=0.05)


def test_diagnostics_tell_a_curvature_that_is_not_the_eigenvalues():
    model, data = smooth()
    plane = hessian_plane(model, data, **QUIET)
    axis = np.linspace(-0.2, 0.2, 9)
    surface = isoloss.probe(model, data, plane, axis, axis, **QUIET)
    assert findings(surface)["curvature"][0] == "ok"
    twice = {**plane.facts, "eigenvalues": [2 * v for v in plane.facts["eigenvalues"]]}
    wrong = replace(plane, facts=twice)
    surface = isoloss.probe(model, data, wrong, axis, axis, **QUIET)
    level, message = findings(surface)["curvature"]
    assert (level, "a smaller range shows it" in message) == ("note", True)
    even = np.linspace(-0.2, 0.2, 4)
    surface = isoloss.probe(model, data, plane, even, even, **QUIET)
    assert "Take an odd number of points" in findings(surface)["curvature"][1]


def test_a_plane_keeps_what_is_known_of_it(tmp_path):
    model, data = smooth()
    plane = hessian_plane(model, data, **QUIET)
    assert Plane.load(plane.save(tmp_path / "plane.safetensors")).facts == plane.facts


@pytest.mark.parametrize("normalize", ["none", "filter"])
def test_the_gradient_is_the_steepest_direction(normalize):
    model, data = smooth(1)
    plane = gradient_plane(model, data, normalize=normalize, seed=3, device="cpu")
    inputs, targets = data[0]
    F.cross_entropy(model(inputs), targets).backward()
    named = dict(model.named_parameters())
    if normalize == "none":
        gradient = torch.cat([p.grad.flatten() for p in named.values()]).double()
        np.testing.assert_allclose(flat(plane.delta), gradient / gradient.norm(), atol=1e-6)
        np.testing.assert_allclose(float(flat(plane.delta) @ flat(plane.eta)), 0, atol=1e-6)
        assert plane.facts["gradient_norm"] == pytest.approx(float(gradient.norm()), rel=1e-5)
    else:
        weight = named["0.weight"].detach()
        norms = weight.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        expected = named["0.weight"].grad * norms**2
        ratio = plane.delta["0.weight"] / expected
        np.testing.assert_allclose(ratio, float(ratio.flatten()[0]), rtol=1e-4)
        assert not plane.delta["0.bias"].any()


def test_beside_the_gradient_stands_the_momentum_of_an_optimizer():
    model, data = smooth(1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    inputs, targets = data[0]
    for _ in range(3):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    plane = gradient_plane(model, data, beside=optimizer, normalize="none", device="cpu")
    momentum = torch.cat([optimizer.state[p]["momentum_buffer"].flatten()
                          for p in model.parameters()]).double()  # fmt: skip
    first, second = flat(plane.delta), flat(plane.eta)
    inside = (momentum @ first) ** 2 + (momentum @ second) ** 2
    assert float(inside / (momentum @ momentum)) == pytest.approx(1, abs=1e-5)
    assert plane.facts["beside"] == "momentum"


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 2))

    def forward(self, x):
        return x @ self.weight


def test_mistakes_are_told_in_one_line():
    model, data = smooth()
    fresh = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    for call, said in (
        (lambda: hessian_plane(model, data, normalize="layer", **QUIET), "choose normalize filter"),
        (lambda: hessian_plane(model, data, parameters="x", **QUIET), "has no parameter 'x'"),
        (
            lambda: hessian_plane(Linear(), [torch.ones(3, 2)], lambda m, b: m(b).sum(1), **QUIET),
            "has no second derivatives",
        ),
        (lambda: gradient_plane(model, data, beside=fresh, device="cpu"), "keeps no momentum"),
        (lambda: gradient_plane(model, data, beside="x", device="cpu"), "is 'random' or an opt"),
    ):
        with pytest.raises(IsolossError, match=said) as raised:
            call()
        assert "\n" not in str(raised.value)
    at_rest = Quadratic()
    with torch.no_grad():
        at_rest.weight.zero_()
    with pytest.raises(IsolossError, match="gradient's norm is 0, and it has no direction"):
        gradient_plane(at_rest, DATA, loss, normalize="none", device="cpu")
