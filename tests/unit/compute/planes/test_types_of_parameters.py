"""Planes through parameters that are no float32: complex ones move, integers stay."""

import numpy as np
import pytest
import torch
from torch import nn

from isoloss import IsolossError, Plane, custom_plane, interpolation, pca_plane, probe, random_plane
from isoloss.compute.networks.checkpoints import save_tensors
from isoloss.compute.planes.directions import chance_cosine, filter_ratios, normalization

AXIS = [-1.0, 0.0, 0.7]


class Spectral(nn.Module):
    """Complex weights of a linear map and of a convolution, with a complex buffer."""

    def __init__(self, kind=torch.complex64):
        super().__init__()
        self.filters = nn.Parameter(torch.randn(4, 3, 3, 3, dtype=kind) * 0.3)
        self.spectrum = nn.Parameter(torch.randn(4, 5, dtype=kind))
        self.real = nn.Conv2d(3, 5, 3)
        self.head = nn.Linear(10, 3)
        self.register_buffer("phase", torch.randn(4, dtype=kind))

    def forward(self, x):
        seen = nn.functional.conv2d(x.to(self.filters.dtype), self.filters).mean((2, 3))
        seen = ((seen * self.phase) @ self.spectrum).abs().to(x.dtype)
        return self.head(torch.cat([seen, self.real(x).relu().mean((2, 3))], 1))


class Table(nn.Module):
    """Parameters of integers, booleans and eight bits beside those that move."""

    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.Linear(6, 8), nn.Linear(8, 3)
        self.table = nn.Parameter(torch.randperm(8).view(2, 4), requires_grad=False)
        self.mask = nn.Parameter(torch.rand(1, 8) > 0.3, requires_grad=False)
        small = torch.randn(8, 8).to(torch.float8_e4m3fn)
        self.small = nn.Parameter(small, requires_grad=False)

    def forward(self, x):
        seen = self.layer(x).tanh()[:, self.table.flatten()] * self.mask
        return self.head(seen @ self.small.to(x.dtype))


def spectral(kind=torch.complex64):
    torch.manual_seed(0)
    return Spectral(kind).eval()


def images(n=40):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(n, 3, 8, 8, generator=generator), torch.arange(n) % 3


def wander(model, n=5):
    """State dicts of `model` on a random walk of all that are floats or complex."""
    torch.manual_seed(2)
    states = [model.state_dict()]
    for _ in range(n):
        states.append(
            {
                k: v + 0.2 * torch.randn_like(v)
                if v.is_complex() or v.dtype == torch.float32
                else v.clone()
                for k, v in states[-1].items()
            }
        )
    return states[1:]


def reals(tensor):
    tensor = tensor.detach()
    parts = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    return parts.double().numpy().ravel()


def rows(states, names):
    return np.array([np.concatenate([reals(s[k]) for k in names]) for s in states])


@pytest.mark.parametrize("how", ["random", "layer", "custom", "interpolate", "pca"])
def test_complex_weights_move_as_torch_moves_them(how, losses_by_torch):
    model, (x, y) = spectral(), images()
    states = wander(model)
    plane = {
        "random": lambda: random_plane(model),
        "layer": lambda: random_plane(model, normalize="layer"),
        "custom": lambda: custom_plane(
            model,
            {"spectrum": torch.randn(4, 5, dtype=torch.complex64)},
            {"filters": torch.randn(4, 3, 3, 3)},
        ),
        "interpolate": lambda: interpolation(model, states[0], states[-1]),
        "pca": lambda: pca_plane(model, states),
    }[how]()
    assert plane.delta["spectrum"].imag.abs().sum() > 0
    beta = [0.0] if plane.is_line else AXIS
    for together in (1, 3):
        surface = probe(
            model, [(x, y)], plane, AXIS, None if plane.is_line else AXIS, precision="fp32",
            points_at_once=together, progress=False,
        )  # fmt: skip
        assert surface.meta["points_at_once"] == together
        own = {k: v.clone() for k, v in model.state_dict().items()}
        model.load_state_dict(plane.origin)
        expected = losses_by_torch(model, plane, AXIS, beta, x, y)
        model.load_state_dict(own)
        assert np.ptp(expected) > 0.01
        np.testing.assert_allclose(surface.loss, expected, rtol=1e-4)
        assert not any("could not" in f["message"] for f in surface.meta["findings"])


def test_an_interpolation_of_complex_weights_ends_at_the_other_network():
    model, (x, y) = spectral(torch.complex128).double(), images()
    states = wander(model)
    plane = interpolation(model, states[0], states[3])
    surface = probe(model, [(x.double(), y)], plane, [0.0, 1.0], progress=False)
    for k, state in enumerate((states[0], states[3])):
        model.load_state_dict(state)
        right = nn.functional.cross_entropy(model(x.double()), y).item()
        assert surface.loss[k, 0] == pytest.approx(right, rel=1e-10)


def test_complex_directions_have_the_norms_of_the_filters_and_are_round():
    model = spectral()
    planes = [random_plane(model, seed) for seed in range(60)]
    for name in ("filters", "spectrum"):
        own = [np.linalg.norm(reals(row)) for row in getattr(model, name)]
        moved = [np.linalg.norm(reals(row)) for row in planes[0].delta[name]]
        np.testing.assert_allclose(moved, own, rtol=1e-5)
    drawn = torch.stack([p.delta["spectrum"] for p in planes])
    # Circularly symmetric: E z² = 0 beside E |z|².
    assert abs(complex((drawn**2).mean())) < 0.1 * float((drawn.abs() ** 2).mean())
    assert normalization(planes[0]) == "filter"
    np.testing.assert_allclose(filter_ratios(planes[0].eta, planes[0].origin), 1, rtol=1e-5)
    assert not planes[0].delta["head.bias"].any()


def test_angles_and_distances_count_both_parts():
    model, names = spectral(), ["filters", "spectrum", "real.weight", "head.weight"]
    states, plane = wander(model), random_plane(model, seed=3)
    delta, eta = rows([plane.delta, plane.eta], names)
    cosine = delta @ eta / np.linalg.norm(delta) / np.linalg.norm(eta)
    assert plane.cosine == pytest.approx(cosine, rel=1e-6)
    scale = np.sqrt((delta**2) @ (eta**2) / (delta @ delta) / (eta @ eta))
    assert chance_cosine(plane) == pytest.approx(np.sqrt(2 / np.pi) * scale, rel=1e-6)
    # With all parameters, biases too, which the plane does not move.
    every = [k for k, _ in model.named_parameters()]
    differences = rows(states, every) - rows([plane.origin], every)
    basis = rows([plane.delta, plane.eta], every).T
    solved, *_ = np.linalg.lstsq(basis, differences.T, rcond=None)
    coordinates, distances = plane.locate(states)
    np.testing.assert_allclose(coordinates, solved.T, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(
        distances, np.linalg.norm(differences.T - basis @ solved, axis=0), rtol=1e-5
    )


def test_principal_components_of_complex_weights_are_those_of_numpy(tmp_path):
    model, names = spectral(), ["filters", "spectrum", "real.weight", "head.weight"]
    states = wander(model)
    matrix = rows(states, names) - rows(states[-1:], names)
    _, values, components = np.linalg.svd(matrix - matrix.mean(0), full_matrices=False)
    paths = [save_tensors(tmp_path / f"{k}.safetensors", s) for k, s in enumerate(states)]
    for checkpoints in (states, paths):
        plane = pca_plane(model, checkpoints)
        np.testing.assert_allclose(
            plane.explained_variance_ratio, values[:2] ** 2 / (values**2).sum(), rtol=1e-4
        )
        delta = rows([plane.delta], names)[0]
        assert abs(delta @ components[0]) == pytest.approx(1, abs=1e-5)
    kept = Plane.load(plane.save(tmp_path / "plane.safetensors"))
    assert torch.equal(kept.delta["spectrum"], plane.delta["spectrum"])
    np.testing.assert_allclose(kept.project(paths), plane.project(states), rtol=1e-9, atol=1e-9)


def test_a_real_checkpoint_is_not_one_of_a_complex_network(tmp_path):
    model = spectral()
    states = wander(model)
    states[1] = states[1] | {"spectrum": states[1]["spectrum"].real.contiguous()}
    with pytest.raises(IsolossError, match="another architecture: spectrum"):
        pca_plane(model, states)
    paths = [save_tensors(tmp_path / f"{k}.safetensors", s) for k, s in enumerate(states)]
    with pytest.raises(IsolossError, match="another architecture: spectrum"):
        pca_plane(model, paths)


def test_what_files_cannot_hold_is_said(tmp_path):
    plane = random_plane(spectral(torch.complex128))
    with pytest.raises(IsolossError, match=r"complex128.*complex64"):
        plane.save(tmp_path / "plane.safetensors")
    assert not list(tmp_path.iterdir())


def table():
    torch.manual_seed(3)
    return Table().eval()


@pytest.mark.parametrize("how", ["random", "custom", "interpolate", "pca"])
def test_integers_booleans_and_eight_bits_stay(how, losses_by_torch, tmp_path):
    model, x, y = table(), torch.randn(30, 6), torch.arange(30) % 3
    states = wander(model)
    paths = [save_tensors(tmp_path / f"{k}.safetensors", s) for k, s in enumerate(states)]
    plane = {
        "random": lambda: random_plane(model),
        "custom": lambda: custom_plane(
            model, {"layer.weight": torch.randn(8, 6)}, {"head.bias": torch.ones(3)}
        ),
        "interpolate": lambda: interpolation(model, paths[0], paths[-1]),
        "pca": lambda: pca_plane(model, paths),
    }[how]()
    assert not {"table", "mask", "small"} & (plane.delta.keys() | plane.eta.keys())
    np.testing.assert_allclose(plane.project(paths), plane.project(states))
    beta = None if plane.is_line else AXIS
    surface = probe(model, [(x, y)], plane, AXIS, beta, precision="fp32", progress=False)
    model.load_state_dict(plane.origin)
    expected = losses_by_torch(model, plane, AXIS, beta or [0.0], x, y)
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(surface.loss, expected, rtol=1e-4)
    assert not any("could not" in f["message"] for f in surface.meta["findings"])


def test_no_line_leads_between_different_integers():
    model = table()
    states = wander(model)
    states[1] = states[1] | {"table": states[1]["table"].flip(0)}
    with pytest.raises(IsolossError, match=r"table is another at the end, and of int64"):
        interpolation(model, states[0], states[1])


def test_a_parameter_without_entries_stays():
    model = nn.ParameterDict(
        {"a": nn.Parameter(torch.zeros(0, 5)), "b": nn.Parameter(torch.ones(2, 2))}
    )
    plane = random_plane(model)
    assert plane.delta["a"].shape == (0, 5)
    assert float(plane.delta["b"].norm()) == pytest.approx(2)
    assert filter_ratios(plane.delta, plane.origin).size == 2


def test_planes_made_by_hand_say_what_does_not_fit():
    model = table()
    origin = {k: v.clone() for k, v in model.state_dict().items()}
    for direction, words in (
        ({"layer.wieght": torch.ones(8, 6)}, "delta has 'layer.wieght'"),
        ({"head.bias": torch.ones(4)}, r"delta\['head.bias'\] is \(4,\)"),
        ({"table": torch.ones(2, 4)}, "'table' is of int64, and does not move on a plane"),
        ({"head.bias": torch.ones(3, dtype=torch.complex64)}, "does not move by complex64"),
    ):
        with pytest.raises(IsolossError, match=words):
            Plane(origin, direction, {})
    whole = Plane(
        origin, {"head.bias": torch.ones(3, dtype=torch.int64)}, {"table": origin["table"] * 0}
    )
    assert whole.delta["head.bias"].dtype == torch.float32
    assert whole.eta.keys() == {"head.bias"}
    assert not whole.eta["head.bias"].any()


def test_a_direction_is_given_under_the_name_that_counts(losses_by_torch):
    """A tied weight has two names: one of them moves it."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(9, 5), nn.Flatten(), nn.Linear(10, 5), nn.Linear(5, 9))
    model[3].weight = model[0].weight
    x, y = torch.randint(0, 9, (20, 2)), torch.arange(20) % 9
    origin = {k: v.clone() for k, v in model.state_dict().items()}
    step = torch.randn(9, 5)
    with pytest.raises(IsolossError, match=r"'3.weight' is tied to '0.weight'"):
        probe(model, [(x, y)], Plane(origin, {"3.weight": step}, {}), [0, 1], [0], progress=False)
    plane = Plane(origin, {"0.weight": step, "3.weight": step}, {"2.weight": torch.ones(5, 10)})
    surface = probe(model, [(x, y)], plane, [0, 1], [0, 1], precision="fp32", progress=False)
    alone = Plane(origin, {"0.weight": step}, {"2.weight": torch.ones(5, 10)})
    expected = losses_by_torch(model, alone, [0, 1], [0, 1], x, y)
    np.testing.assert_allclose(surface.loss, expected, rtol=1e-5)


def test_the_plane_of_another_network_is_refused():
    origin = {k: v.clone() for k, v in nn.Linear(4, 3).state_dict().items()}
    plane = Plane(origin, {"weight": torch.ones(3, 4)}, {})
    hidden = nn.Linear(4, 3)
    hidden.extra = nn.Linear(1, 1)
    with pytest.raises(IsolossError, match=r"another architecture"):
        probe(hidden, [(torch.ones(2, 4), torch.zeros(2).long())], plane, [0, 1], [0, 1])
