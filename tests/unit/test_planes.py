"""Planes against scikit-learn, NumPy and the definitions in Li et al. 2018."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from isoloss import IsolossError, custom_plane, pca_plane, random_plane
from isoloss.compute import planes
from isoloss.compute.checkpoints import save_tensors
from isoloss.compute.planes import Plane


def network():
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10)
    )


def wander(model, n, seed=0):
    """A trajectory of `n` state dicts, with most of its movement in few dimensions."""
    generator = torch.Generator().manual_seed(seed)
    start = {k: v.clone() for k, v in model.state_dict().items()}
    heading = {k: torch.randn(v.shape, generator=generator) for k, v in start.items()}
    bend = {k: torch.randn(v.shape, generator=generator) for k, v in start.items()}
    states = []
    for i in range(n):
        t = i / (n - 1)
        states.append(
            {
                k: v
                + (1 - t) * heading[k]
                + 0.5 * (t * (1 - t)) * bend[k]
                + 0.02 * torch.randn(v.shape, generator=generator)
                if v.is_floating_point()
                else v
                for k, v in start.items()
            }
        )
    return states


def weights(state, model):
    """The vector that PCA is taken of: parameters with more than one dimension."""
    return np.concatenate(
        [state[k].double().numpy().ravel() for k, p in model.named_parameters() if p.ndim > 1]
    )


def vector(direction):
    return np.concatenate([t.double().numpy().ravel() for t in direction.values()])


def test_every_filter_has_the_norm_of_the_weights_own():
    model = network()
    plane = random_plane(model, seed=3)
    for name, parameter in model.named_parameters():
        for direction in (plane.delta, plane.eta):
            if parameter.ndim <= 1:
                assert not direction[name].any()
                continue
            for own, drawn in zip(parameter.detach(), direction[name], strict=True):
                assert float(drawn.norm()) == pytest.approx(float(own.norm()), rel=1e-5)


def test_layer_normalization_scales_whole_tensors_only():
    model = network()
    plane = random_plane(model, seed=3, normalize="layer")
    weight, drawn = model[0].weight.detach(), plane.delta["0.weight"]
    assert float(drawn.norm()) == pytest.approx(float(weight.norm()), rel=1e-5)
    ratios = drawn.flatten(1).norm(dim=1) / weight.flatten(1).norm(dim=1)
    assert float(ratios.std()) > 0.01


def test_directions_are_gaussian_not_uniform():
    model = nn.Linear(500, 400)
    drawn = random_plane(model, normalize="none").delta["weight"].double().numpy().ravel()
    assert abs(drawn.mean()) < 0.01
    assert drawn.std() == pytest.approx(1, abs=0.01)
    kurtosis = (drawn**4).mean()
    assert kurtosis == pytest.approx(3, abs=0.1)  # 1.8 for uniform


def test_directions_are_independent_and_the_seed_decides():
    model = nn.Linear(300, 300)
    plane = random_plane(model, seed=5)
    assert abs(plane.cosine) < 5 / np.sqrt(300 * 300)
    again = random_plane(model, seed=5)
    assert all(torch.equal(plane.delta[k], again.delta[k]) for k in plane.delta)
    assert not torch.equal(plane.delta["weight"], random_plane(model, seed=6).delta["weight"])
    a, b = vector(plane.delta), vector(plane.eta)
    assert plane.cosine == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-12)


@pytest.mark.parametrize("chunk", [1 << 27, 1000])
def test_pca_plane_is_scikit_learns_exact_pca(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(planes, "_CHUNK", chunk)
    model = network()
    states = wander(model, 9)
    paths = [save_tensors(tmp_path / f"{i}.safetensors", s) for i, s in enumerate(states)]
    plane = pca_plane(model, paths)

    rows = np.stack([weights(s, model) for s in states])
    reference = PCA(n_components=2, svd_solver="full").fit(rows - rows[-1])
    for direction, component in zip((plane.delta, plane.eta), reference.components_, strict=True):
        mine = weights(direction, model)
        assert np.linalg.norm(mine) == pytest.approx(1, abs=1e-6)
        assert abs(mine @ component) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(
        plane.explained_variance_ratio, reference.explained_variance_ratio_, rtol=1e-9
    )
    assert all(not plane.delta[k].any() for k, p in model.named_parameters() if p.ndim <= 1)


def test_pca_plane_passes_through_the_last_checkpoint_not_the_mean():
    model = network()
    states = wander(model, 6)
    plane = pca_plane(model, states)
    for name, tensor in plane.origin.items():
        assert torch.equal(tensor, states[-1][name])
    projected = plane.project(states)
    np.testing.assert_allclose(projected[-1], 0, atol=1e-12)
    assert (projected[0] >= 0).all()


def test_projection_is_least_squares_for_skewed_directions():
    model = network()
    plane = random_plane(model, seed=0)
    skewed = {k: 0.9 * plane.delta[k] + 0.1 * plane.eta[k] for k in plane.delta}
    plane = custom_plane(model, plane.delta, skewed)
    assert plane.cosine > 0.9
    states = wander(model, 4)
    names = [k for k, _ in model.named_parameters()]
    basis = np.stack([vector(plane.delta), vector(plane.eta)], axis=1)
    origin = vector({k: plane.origin[k] for k in names})
    coordinates, distances = plane.locate(states)
    for state, found, distance in zip(states, coordinates, distances, strict=True):
        offset = vector({k: state[k] for k in names}) - origin
        expected, residual, *_ = np.linalg.lstsq(basis, offset, rcond=None)
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        assert distance == pytest.approx(np.sqrt(residual[0]), rel=1e-6)


def test_a_point_on_the_plane_has_its_own_coordinates():
    model = network()
    plane = random_plane(model, seed=2)
    state = {k: v.double() for k, v in plane.origin.items()}
    state |= {k: state[k] + 0.3 * plane.delta[k] - 0.7 * plane.eta[k] for k in plane.delta}
    coordinates, distances = plane.locate([state])
    np.testing.assert_allclose(coordinates, [[0.3, -0.7]], atol=1e-9)
    assert distances[0] == pytest.approx(0, abs=1e-6)


def test_a_saved_plane_comes_back(tmp_path):
    model = network()
    plane = pca_plane(model, wander(model, 5))
    back = Plane.load(plane.save(tmp_path / "plane.safetensors"))
    assert back.kind == "pca"
    np.testing.assert_array_equal(back.explained_variance_ratio, plane.explained_variance_ratio)
    for part in ("origin", "delta", "eta"):
        assert all(torch.equal(v, getattr(back, part)[k]) for k, v in getattr(plane, part).items())


def test_what_spans_no_plane_is_refused():
    model = network()
    state = model.state_dict()
    with pytest.raises(IsolossError, match="at least 3"):
        pca_plane(model, [state, state])
    with pytest.raises(IsolossError, match="spans no plane"):
        pca_plane(model, [state] * 4)
    line = [{k: v * s for k, v in state.items()} for s in (1.0, 2.0, 3.0)]
    with pytest.raises(IsolossError, match="straight line"):
        pca_plane(model, line)
    plane = random_plane(model)
    parallel = custom_plane(model, plane.delta, {k: 2 * v for k, v in plane.delta.items()})
    with pytest.raises(IsolossError, match="parallel"):
        parallel.project([state])
    with pytest.raises(IsolossError, match="no parameter"):
        custom_plane(model, {"nothing": torch.zeros(1)}, plane.eta)
    with pytest.raises(IsolossError, match="the parameter is"):
        custom_plane(model, {"0.weight": torch.zeros(1)}, plane.eta)
    with pytest.raises(IsolossError, match="another network"):
        plane.project([nn.Linear(2, 2).state_dict()])
