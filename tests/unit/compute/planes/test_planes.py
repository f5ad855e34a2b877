"""Planes against scikit-learn, NumPy and the definitions in Li et al. 2018."""

import numpy as np
import pytest
import torch
from torch import nn

from isoloss import IsolossError, custom_plane, line, pca_plane, random_plane
from isoloss.compute.planes.plane import Plane


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


def test_a_filter_of_zeros_stays_and_no_noise_is_no_division_by_zero(monkeypatch):
    model = network()
    with torch.no_grad():
        model[0].weight[2] = 0
    plane = random_plane(model)
    assert not plane.delta["0.weight"][2].any()
    assert plane.delta["0.weight"][1].any()
    monkeypatch.setattr(torch, "randn", lambda shape, **how: torch.zeros(shape, dtype=how["dtype"]))
    assert not random_plane(model).delta["0.weight"].any()


@pytest.mark.parametrize("normalize", ["filter", "layer", "none"])
def test_normalization_only_scales_what_was_drawn(normalize):
    model = network()
    drawn = random_plane(model, seed=4, normalize="none").delta
    scaled = random_plane(model, seed=4, normalize=normalize).delta
    for name, parameter in model.named_parameters():
        if parameter.ndim <= 1:
            assert not scaled[name].any()
            continue
        noise, own = (t.detach().double().numpy() for t in (drawn[name], parameter))
        axes = {"filter": tuple(range(1, noise.ndim)), "layer": None, "none": ()}[normalize]
        ratio = 1.0
        if normalize != "none":
            ratio = np.sqrt((own**2).sum(axes, keepdims=True) / (noise**2).sum(axes, keepdims=True))
        np.testing.assert_allclose(scaled[name].numpy(), noise * ratio, rtol=1e-5)


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


def test_a_plane_says_in_one_line_what_it_is():
    model = network()
    both = 8 * 3 * 3 * 3 + 10 * 8 * 36
    cosine = random_plane(model, 3).cosine
    pca = pca_plane(model, wander(model, 6))
    first, second = 100 * pca.explained_variance_ratio
    assert repr(random_plane(model, 3)) == (
        f"<Plane random: {both:,} weights move, cosine {cosine:.2g}>"
    )
    assert repr(line(model, parameters="0")) == "<Plane line: 216 weights move>"
    assert repr(pca) == (
        f"<Plane pca: {both:,} weights move, {first:.3g} % and {second:.3g} % of the variance>"
    )
    bias = {"4.bias": torch.ones(10)}
    assert repr(custom_plane(model, bias, bias)) == "<Plane custom: 10 weights move, cosine 1>"


def test_directions_are_independent_and_the_seed_decides():
    model = nn.Linear(300, 300)
    plane = random_plane(model, seed=5)
    assert abs(plane.cosine) < 5 / np.sqrt(300 * 300)
    again = random_plane(model, seed=5)
    assert all(torch.equal(plane.delta[k], again.delta[k]) for k in plane.delta)
    assert not torch.equal(plane.delta["weight"], random_plane(model, seed=6).delta["weight"])
    a, b = vector(plane.delta), vector(plane.eta)
    assert plane.cosine == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-12)


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


def test_directions_are_not_orthogonalized():
    # |cos| of two Gaussian vectors in n dimensions is √(2/πn) on average.
    model = nn.Linear(40, 50)
    cosines = [abs(random_plane(model, seed, "none").cosine) for seed in range(300)]
    assert np.mean(cosines) == pytest.approx(np.sqrt(2 / (np.pi * 2000)), rel=0.15)


def test_directions_of_very_different_lengths_span_a_plane():
    model = network()
    plane = random_plane(model, seed=2, normalize="none")
    small = {k: (1e-9 * v.double()).float() for k, v in plane.eta.items()}
    plane = custom_plane(model, plane.delta, small)
    state = {k: v.double() for k, v in plane.origin.items()}
    state |= {k: state[k] + 2.0 * plane.delta[k] + 4e6 * plane.eta[k].double() for k in plane.delta}
    np.testing.assert_allclose(plane.project([state]), [[2, 4e6]], rtol=1e-6)


def test_a_small_distance_off_the_plane_survives_a_large_one_along_it():
    model = network()
    plane = random_plane(model, seed=2)
    delta, eta = (vector(d) for d in (plane.delta, plane.eta))
    basis, _ = np.linalg.qr(np.stack([delta, eta], axis=1))
    off = np.random.default_rng(0).normal(size=len(delta))
    off -= basis @ (basis.T @ off)
    off *= 1e-6 / np.linalg.norm(off)
    origin = {k: torch.zeros_like(v, dtype=torch.float64) for k, v in plane.origin.items()}
    plane = Plane(origin, plane.delta, plane.eta)
    flat, state, start = 200 * delta - 300 * eta + off, dict(origin), 0
    for name, tensor in plane.delta.items():
        stretch = flat[start : start + tensor.numel()]
        state[name] = torch.from_numpy(stretch).reshape(tensor.shape)
        start += tensor.numel()
    coordinates, distances = plane.locate([origin, state])
    np.testing.assert_allclose(coordinates, [[0, 0], [200, -300]], rtol=1e-9)
    np.testing.assert_allclose(distances, [0, 1e-6], rtol=1e-3)


def test_a_checkpoint_that_diverged_is_nowhere_and_disturbs_no_other():
    model = network()
    plane = random_plane(model)
    states = wander(model, 3)
    alone = plane.locate(states[:1])
    states[1]["0.weight"][0] = float("nan")
    states[2]["0.weight"][0] = float("inf")
    coordinates, distances = plane.locate(states)
    np.testing.assert_allclose(coordinates[0], alone[0][0], rtol=1e-9)
    assert distances[0] == pytest.approx(alone[1][0], rel=1e-9)
    assert not np.isfinite(coordinates[1:]).any()


def moved(plane, *points):
    return [
        {k: v.double() + a * plane.delta[k] + b * plane.eta[k] for k, v in plane.origin.items()}
        for a, b in points
    ]


def test_ranges_hold_the_path_and_the_origin_with_a_margin():
    model = nn.Linear(30, 20, bias=False)
    plane = random_plane(model)
    states = moved(plane, (2.0, -1.0), (4.0, 3.0))
    np.testing.assert_allclose(plane.ranges(states), [(-1, 5), (-2, 4)], atol=1e-9)
    np.testing.assert_allclose(plane.ranges(states, margin=0.5), [(-2, 6), (-3, 5)], atol=1e-9)


def test_ranges_are_never_empty():
    model = nn.Linear(30, 20, bias=False)
    plane = random_plane(model)
    along = moved(plane, (2.0, 0.0), (-6.0, 0.0))
    np.testing.assert_allclose(plane.ranges(along), [(-8, 4), (-6, 6)], atol=1e-9)
    assert plane.ranges([plane.origin]) == ((-1, 1), (-1, 1))
    diverged = {k: v * float("nan") for k, v in plane.origin.items()}
    np.testing.assert_allclose(plane.ranges([*along, diverged]), [(-8, 4), (-6, 6)], atol=1e-9)


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
    with pytest.raises(IsolossError, match="first trajectory is empty"):
        pca_plane(model, [], [state] * 3)
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
    with pytest.raises(IsolossError, match="another architecture"):
        plane.project([nn.Linear(2, 2).state_dict()])
    with pytest.raises(IsolossError, match=r"delta is a dict of tensors .* not a int"):
        custom_plane(model, 5, plane.eta)
    for seed in ("a", 1.5):
        with pytest.raises(IsolossError, match="seed must be a whole number"):
            random_plane(model, seed=seed)


def test_directions_may_be_arrays():
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    drawn = random_plane(model)
    arrays = [{k: t.numpy() for k, t in d.items()} for d in (drawn.delta, drawn.eta)]
    given = custom_plane(model, *arrays)
    for name, tensor in drawn.delta.items():
        assert torch.equal(given.delta[name], tensor)
