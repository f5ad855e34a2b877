"""Principal components of checkpoints on disk against scikit-learn and NumPy."""

import tracemalloc

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from isoloss import IsolossError, pca_plane
from isoloss.compute.networks.checkpoints import save_tensors
from isoloss.compute.planes import checkpoint_matrix


def network():
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10)
    )


def walk(model, n, bend=0.5, noise=0.02, seed=0):
    """`n` state dicts of a bent path with some noise."""
    generator = torch.Generator().manual_seed(seed)
    start = {k: v.clone() for k, v in model.state_dict().items()}
    along, across = (
        {k: torch.randn(v.shape, generator=generator) for k, v in start.items()} for _ in range(2)
    )
    states = []
    for t in np.linspace(0, 1, n).tolist():
        path = {
            k: v
            + (1 - t) * along[k]
            + bend * t * (1 - t) * across[k]
            + noise * torch.randn(v.shape, generator=generator)
            for k, v in start.items()
            if v.is_floating_point()
        }
        states.append(start | path)
    return states


def written(folder, states, name=""):
    return [save_tensors(folder / f"{name}{i}.safetensors", s) for i, s in enumerate(states)]


def weights(state, model):
    """What PCA is taken of: parameters with more than one dimension."""
    return np.concatenate(
        [state[k].double().numpy().ravel() for k, p in model.named_parameters() if p.ndim > 1]
    )


def assert_is_scikit_learns(plane, states, origin, model, tolerance=1e-6):
    rows = np.stack([weights(s, model) for s in states]) - weights(origin, model)
    reference = PCA(n_components=2, svd_solver="full").fit(rows)
    for direction, component in zip((plane.delta, plane.eta), reference.components_, strict=True):
        mine = weights(direction, model)
        mine *= np.sign(mine @ component)
        assert np.linalg.norm(mine - component) < tolerance
    np.testing.assert_allclose(
        plane.explained_variance_ratio, reference.explained_variance_ratio_, rtol=1e-8
    )
    assert all(not plane.delta[k].any() for k, p in model.named_parameters() if p.ndim <= 1)


@pytest.mark.parametrize(("read", "columns"), [(1 << 26, 8192), (9 * 4 * 100, 7)])
def test_components_are_scikit_learns_exact_ones(tmp_path, monkeypatch, read, columns):
    monkeypatch.setattr(checkpoint_matrix, "READ_BYTES", read)
    monkeypatch.setattr(checkpoint_matrix, "COLUMNS", columns)
    model = network()
    states = walk(model, 9)
    plane = pca_plane(model, written(tmp_path, states))
    assert_is_scikit_learns(plane, states, states[-1], model)


def test_a_second_component_of_a_millionth_of_the_first_is_exact_too(tmp_path):
    model = network()
    states = walk(model, 9, bend=4e-3, noise=2e-4)
    plane = pca_plane(model, written(tmp_path, states))
    assert 1e-7 < plane.explained_variance_ratio[1] < 1e-5
    assert_is_scikit_learns(plane, states, states[-1], model, tolerance=1e-5)


def test_trajectories_together_are_scikit_learns_of_all_their_points(tmp_path):
    model = network()
    first, second, third = (walk(model, n, seed=s) for n, s in ((6, 1), (4, 2), (1, 3)))
    plane = pca_plane(model, written(tmp_path, first), written(tmp_path, second, "b"), third)
    assert all(torch.equal(v, first[-1][k]) for k, v in plane.origin.items())
    assert_is_scikit_learns(plane, [*first, *second, *third], first[-1], model)
    # Not the plane of the first trajectory alone, on which the second one is hardly to be seen.
    assert abs(weights(plane.delta, model) @ weights(pca_plane(model, first).delta, model)) < 0.9


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_every_kind_of_float_is_read_as_it_was_written(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(checkpoint_matrix, "READ_BYTES", 5 * 4 * 100)
    monkeypatch.setattr(checkpoint_matrix, "COLUMNS", 7)
    model = network().to(kind)
    states = [
        {k: v.to(kind) if v.is_floating_point() else v for k, v in s.items()}
        for s in walk(network(), 5)
    ]
    stored = written(tmp_path, states)
    names = ["0.weight", "4.weight"]
    rows = {
        k: np.stack([(s[k].double() - states[-1][k].double()).flatten() for s in states])
        for k in names
    }
    found = {k: np.full_like(rows[k], np.nan) for k in names}

    def keep(pieces):
        for piece in pieces:
            found[piece.name][:, piece.place] = piece.rows

    list(checkpoint_matrix.CheckpointMatrix(stored, states[-1], names).map(keep))
    for name in names:
        np.testing.assert_array_equal(found[name], rows[name])
    assert pca_plane(model, stored).delta["0.weight"].dtype == kind


def test_memory_does_not_grow_with_the_checkpoints(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_matrix, "READ_BYTES", 1 << 16)
    monkeypatch.setattr(checkpoint_matrix, "COLUMNS", 256)
    monkeypatch.setattr(checkpoint_matrix, "THREADS", 2)
    model = nn.Linear(300, 300)
    paths = written(tmp_path, walk(model, 50))
    plane = pca_plane(model, paths)  # What is imported and cached at the first use is not counted.
    total = sum(p.stat().st_size for p in paths)
    tracemalloc.start()
    try:
        pca_plane(model, paths)
        plane.locate(paths)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < total / 10


def test_networks_in_channels_last_have_components_too():
    model = network().to(memory_format=torch.channels_last)
    states = walk(model, 5)
    assert not states[0]["0.weight"].is_contiguous()
    plane = pca_plane(model, states)
    assert_is_scikit_learns(plane, states, states[-1], model)
    rows = np.stack([weights(s, model) for s in states]) - weights(states[-1], model)
    axes = np.stack([weights(d, model) for d in (plane.delta, plane.eta)])
    np.testing.assert_allclose(plane.project(states), rows @ axes.T, atol=1e-5)


def test_what_cannot_be_read_is_named(tmp_path):
    model = network()
    states = walk(model, 4)
    paths = written(tmp_path, states)

    def refused(match, path=paths[1]):
        with pytest.raises(IsolossError, match=match):
            pca_plane(model, [paths[0], path, paths[3]])

    refused("no checkpoint .*9.safetensors", tmp_path / "9.safetensors")
    whole = paths[1].read_bytes()
    paths[1].write_bytes(whole[:-100])
    refused("1.safetensors is not a readable checkpoint: it is cut short")
    paths[1].write_bytes(b"\xff" * 20)
    refused("1.safetensors is not a readable checkpoint: its header")
    paths[1].write_bytes((2).to_bytes(8, "little") + b"[]")
    refused("1.safetensors is not a readable checkpoint: its header is no table")
    save_tensors(paths[1], {**states[1], "0.weight": torch.zeros(8, 3, 3, 3).to(torch.int8)})
    refused("1.safetensors is .*: 0.weight holds whole numbers, not real ones")
    save_tensors(paths[1], {**states[1], "0.weight": torch.zeros(8, 3, 5, 5)})
    refused(r"1.safetensors is of another architecture: 0.weight is \(8, 3, 5, 5\), not \(8, 3, 3")
    refused("another architecture: it has weight, bias", nn.Linear(2, 2).state_dict())
    with pytest.raises(IsolossError, match="last checkpoint is of another architecture"):
        pca_plane(model, [states[0], states[1], nn.Linear(2, 2).state_dict()])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_checkpoint_that_is_not_finite_is_named(value):
    model = network()
    states = walk(model, 5)
    states[2]["4.weight"][3, 3] = value
    with pytest.raises(IsolossError, match="checkpoint 2 has weights that are not finite"):
        pca_plane(model, states)
    states = walk(model, 5)
    states[-1]["4.weight"][3, 3] = value
    with pytest.raises(IsolossError, match="the last checkpoint has weights that are not finite"):
        pca_plane(model, states)
