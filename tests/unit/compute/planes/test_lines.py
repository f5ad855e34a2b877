"""Lines through parameter space against their definitions."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call

from isoloss import IsolossError, interpolation, line, random_plane
from isoloss.compute.networks.checkpoints import save_tensors
from isoloss.compute.planes.plane import Plane


def network(seed):
    """A network whose batch-norm statistics are not the initial ones."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 3))
    with torch.no_grad():
        for _ in range(seed):
            model(torch.randn(8, 3, 4, 4) * seed + 1)
    return model.eval()


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(v, b[k]) for k, v in a.items())


@pytest.mark.parametrize("normalize", ["filter", "layer", "none"])
def test_a_line_goes_along_the_first_direction_of_the_plane_of_its_seed(normalize):
    model = network(1)
    along = line(model, seed=7, normalize=normalize)
    assert along.kind == "line"
    assert same(along.delta, random_plane(model, 7, normalize).delta)
    assert same(along.origin, model.state_dict())
    assert not any(t.any() for t in along.eta.values())
    assert along.eta.keys() == along.delta.keys()
    assert np.isnan(along.cosine)


def test_a_line_refuses_other_normalizations():
    with pytest.raises(IsolossError, match="normalize is"):
        line(network(1), normalize="row")  # pyright: ignore[reportArgumentType]


def test_a_checkpoint_is_located_on_a_line_by_its_foot():
    model = network(1)
    along = line(model, seed=1)
    delta = np.concatenate([t.double().numpy().ravel() for t in along.delta.values()])
    aside = np.random.default_rng(0).normal(size=len(delta))
    aside -= delta * (aside @ delta) / (delta @ delta)
    offset = torch.from_numpy(-0.4 * delta + aside)
    pieces = offset.split([t.numel() for t in along.delta.values()])
    state = {
        k: model.state_dict()[k].double() + piece.view(t.shape)
        for (k, t), piece in zip(along.delta.items(), pieces, strict=True)
    }
    coordinates, distances = along.locate([state, along.origin])
    np.testing.assert_allclose(coordinates, [[-0.4, 0], [0, 0]], atol=1e-9)
    np.testing.assert_allclose(distances, [np.linalg.norm(aside), 0], rtol=1e-9)


@pytest.mark.parametrize("alpha", [-0.5, 0.0, 0.3, 1.0, 1.5])
def test_an_interpolation_mixes_all_parameters_and_statistics(tmp_path, alpha):
    start, end = network(1), network(2)
    paths = [
        save_tensors(tmp_path / f"{i}.safetensors", m.state_dict())
        for i, m in enumerate((start, end))
    ]
    whole = interpolation(start, *paths)
    assert whole.kind == "interpolate"
    floats = {k for k, v in start.state_dict().items() if v.is_floating_point()}
    assert {"1.running_mean", "1.running_var", "1.bias"} < floats == whole.delta.keys()
    for name in floats:
        first, last = (m.state_dict()[name].double().numpy() for m in (start, end))
        found = whole.origin[name].double() + alpha * whole.delta[name].double()
        np.testing.assert_allclose(found, (1 - alpha) * first + alpha * last, atol=1e-6)
    assert torch.equal(whole.origin["1.num_batches_tracked"], torch.tensor(1))
    assert whole.eta.keys() == whole.delta.keys()
    assert not any(t.any() for t in whole.eta.values())


def test_at_the_far_end_stands_the_other_network():
    start, end = network(1), network(2)
    before = {k: v.clone() for k, v in start.state_dict().items()}
    whole = interpolation(start, start.state_dict(), end.state_dict())
    there = {k: v + whole.delta[k] for k, v in whole.origin.items() if k in whole.delta}
    inputs = torch.randn(5, 3, 4, 4)
    torch.testing.assert_close(functional_call(start, there, inputs), end(inputs))
    assert same(start.state_dict(), before)
    coordinates, distances = whole.locate([start.state_dict(), end.state_dict()])
    np.testing.assert_allclose(coordinates, [[0, 0], [1, 0]], atol=1e-7)
    np.testing.assert_allclose(distances, 0, atol=1e-5)


def test_lines_come_back_from_disk(tmp_path):
    start, end = network(1), network(2)
    for plane in (line(start), interpolation(start, start.state_dict(), end.state_dict())):
        back = Plane.load(plane.save(tmp_path / "plane.safetensors"))
        assert back.kind == plane.kind
        assert back.explained_variance_ratio is None
        assert same(back.origin, plane.origin)
        assert same(back.delta, plane.delta)
        assert same(back.eta, plane.eta)


def test_ends_of_another_architecture_are_refused(tmp_path):
    model = network(1)
    other = save_tensors(tmp_path / "other.safetensors", nn.Linear(2, 2).state_dict())
    with pytest.raises(IsolossError, match=r"other\.safetensors is of another architecture"):
        interpolation(model, model.state_dict(), other)
    wide = {**model.state_dict(), "3.weight": torch.zeros(5, 16)}
    with pytest.raises(IsolossError, match=r"the start is .*: 3\.weight is \(5, 16\), not \(3, 16"):
        interpolation(model, wide, model.state_dict())


@pytest.mark.parametrize(("name", "value"), [
    ("0.weight", float("nan")), ("3.bias", float("inf")), ("1.running_var", float("nan")),
])  # fmt: skip
def test_ends_that_have_diverged_are_refused(tmp_path, name, value):
    model, other = network(1), network(2)
    other.state_dict()[name].view(-1)[-1] = value
    why = f"{name} of the {{}} is not finite: its training diverged, take another"
    with pytest.raises(IsolossError, match=why.format("end")):
        interpolation(model, model.state_dict(), other)
    with pytest.raises(IsolossError, match=why.format("start")):
        interpolation(model, other, model.state_dict())
    kept = save_tensors(tmp_path / "kept.safetensors", other.state_dict())
    with pytest.raises(IsolossError, match=rf"{name} of .*kept\.safetensors is not finite"):
        interpolation(model, model, kept)
