"""`isoloss.sharpness` against the Hessian written out by torch, and what a scale leaves alone."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

import isoloss
from isoloss import IsolossError

QUIET = {"device": "cpu", "progress": False}


class Normed(nn.Module):
    """A convolution and batch norms, whose statistics are not those of the data."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.hidden, self.last = nn.Linear(3 * 16, 8), nn.Linear(8, 3)
        self.second = nn.BatchNorm1d(8)
        for norm in (self.norm, self.second):
            nn.init.uniform_(norm.weight, 0.5, 2)
            norm.running_mean.normal_(std=0.3)
            norm.running_var.uniform_(0.5, 2)

    def forward(self, images):
        maps = torch.tanh(self.norm(self.conv(images))).flatten(1)
        return self.last(torch.tanh(self.second(self.hidden(maps))))


class Tied(nn.Module):
    """One weight in two places, the second time transposed."""

    def __init__(self):
        super().__init__()
        self.square, self.bias = (
            nn.Parameter(torch.randn(16, 16) / 3),
            nn.Parameter(torch.zeros(16)),
        )
        self.first, self.again = nn.Linear(16, 16), nn.Linear(16, 3)
        self.first.weight = self.square

    def forward(self, images):
        x = torch.tanh(self.first(images.flatten(1)))
        return self.again(torch.tanh(x @ self.square.T + self.bias))


def given(network, dtype, seed=0):
    torch.manual_seed(seed)
    model = network().to(dtype).eval()
    return model, torch.randn(24, 1, 4, 4, dtype=dtype), torch.randint(0, 3, (24,))


def written_out(model, images, targets):
    """The Hessian of the mean cross-entropy, in double precision."""
    named = {k: p.detach().double() for k, p in model.named_parameters()}
    still = {k: b.double() for k, b in model.named_buffers()}
    sizes = [p.numel() for p in named.values()]

    def loss(flat):
        parts = zip(named.items(), flat.split(sizes), strict=True)
        tensors = {name: part.view(p.shape) for (name, p), part in parts}
        logits = functional_call(model, {**still, **tensors}, (images.double(),))
        return F.cross_entropy(logits, targets)

    flat = torch.cat([p.flatten() for p in named.values()])
    return torch.autograd.functional.hessian(loss, flat, vectorize=True)


@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-4), (torch.float64, 1e-9)])
@pytest.mark.parametrize("network", [Normed, Tied])
def test_eigenvalues_are_those_of_the_hessian_written_out(network, dtype, close):
    model, images, targets = given(network, dtype)
    exact = torch.linalg.eigvalsh(written_out(model, images, targets))
    found = isoloss.sharpness(
        model, [(images, targets)], largest=4, smallest=2, tolerance=1e-14, steps=200, **QUIET
    )
    values = [e.value for e in (*found.largest, *found.smallest)]
    expected = [*exact[-4:].flip(0).tolist(), *exact[:2].tolist()]
    np.testing.assert_allclose(values, expected, atol=close * float(exact[-1]), rtol=0)
    assert found.facts["parameters"] == len(exact) <= 2000
    assert all(e.half_width == 0 for e in found.largest)


@pytest.mark.parametrize("network", [Normed, Tied])
def test_the_trace_and_those_of_tensors_are_within_their_errors(network):
    model, images, targets = given(network, torch.float64)
    diagonal = written_out(model, images, targets).diagonal()
    found = isoloss.sharpness(model, [(images, targets)], largest=1, smallest=0, probes=60, **QUIET)
    assert abs(found.trace.value - float(diagonal.sum())) < 4 * found.trace.over_probes
    sizes = [p.numel() for _, p in model.named_parameters()]
    for each, own in zip(found.groups.values(), diagonal.split(sizes), strict=True):
        assert abs(each.value - float(own.sum())) < 5 * each.over_probes + 1e-9


def rescaled(model, scales):
    """The same function: a norm undoes what its layer is multiplied by, filter by filter."""
    other = Normed().double().eval()
    other.load_state_dict(model.state_dict())
    for layer, norm in ((other.conv, other.norm), (other.hidden, other.second)):
        scale = torch.tensor(scales, dtype=torch.float64).repeat(len(layer.weight))
        scale = scale[: len(layer.weight)]
        with torch.no_grad():
            layer.weight *= scale.view(-1, *[1] * (layer.weight.ndim - 1))
            layer.bias *= scale
            norm.running_mean *= scale
            # Its ε is not scaled, so that of the variance is.
            norm.running_var.copy_((norm.running_var + norm.eps) * scale**2 - norm.eps)
    return other


@pytest.mark.parametrize("scales", [[10.0], [0.1, 1.0, 30.0]])
def test_numbers_in_units_of_filters_are_the_same_for_rescaled_filters(scales):
    model, images, targets = given(Normed, torch.float64)
    other, data = rescaled(model, scales), [(images, targets)]
    assert torch.allclose(other(images), model(images))
    few = {**QUIET, "largest": 2, "smallest": 0, "probes": 8}
    asked = {**few, "tolerance": 1e-10, "steps": 60, "density": 2}
    one, two = (isoloss.sharpness(m, data, scale="filter", **asked) for m in (model, other))
    for (name, of, mine), (_, _, theirs) in zip(one.rows(), two.rows(), strict=True):
        if name != "gradient norm":
            assert theirs.value == pytest.approx(mine.value, rel=1e-6, abs=1e-9), (name, of)
    np.testing.assert_allclose(two.density.nodes, one.density.nodes, atol=1e-6)
    plain = [isoloss.sharpness(m, data, **few) for m in (model, other)]
    assert plain[0].rise_in_mean.value == pytest.approx(plain[1].rise_in_mean.value, rel=1e-6)
    ratio = plain[1].largest[0].value / plain[0].largest[0].value
    assert not 0.8 < ratio < 1.25


class Flat(nn.Module):
    """Finite, with a second derivative that is not."""

    def __init__(self):
        super().__init__()
        self.at = nn.Parameter(torch.zeros(3))

    def forward(self, x):
        return (self.at.abs() ** 1.5).sum() + (x @ self.at) ** 2


def test_mistakes_are_told_in_one_line():
    model, images, targets = given(Normed, torch.float32)
    broken, _, _ = given(Normed, torch.float32)
    with torch.no_grad():
        broken.conv.weight[0, 0, 0, 0] = float("nan")
    data = [(images, targets)]
    for call, said in (
        (lambda: isoloss.sharpness(model, [(images[:1], targets[:1])], **QUIET), "one sample"),
        (lambda: isoloss.sharpness(model, data, largest=5000, **QUIET), "the parameters are"),
        (lambda: isoloss.sharpness(model, data, largest=0, smallest=0, **QUIET), "largest=1"),
        (lambda: isoloss.sharpness(model, data, probes=1, **QUIET), "probes=2"),
        (lambda: isoloss.sharpness(model, data, parameters=["no"], **QUIET), "no such parameters"),
        (lambda: isoloss.sharpness(broken, data, **QUIET), "the loss is not finite"),
        (
            lambda: isoloss.sharpness(
                Flat(), [torch.ones(4, 3)], lambda m, x: m(x), largest=1, smallest=0, **QUIET
            ),
            "second derivatives that are not finite",
        ),
        (
            lambda: isoloss.sharpness(
                model, data, lambda m, b: m(b[0]).square().sum(1), matrix="gauss-newton", **QUIET
            ),
            "is of cross-entropy",
        ),
        (lambda: isoloss.interpolation(model, model, Tied()), "conv"),
    ):
        with pytest.raises(IsolossError, match=said) as raised:
            call()
        assert "\n" not in str(raised.value)
