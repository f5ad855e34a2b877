"""What other programs that draw loss landscapes got wrong, each caused on purpose.

`docs/correctness.md` has the list. The expected numbers are closed forms, or PyTorch applied by
hand to parameters moved by hand.
"""

import importlib
import itertools
import re
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call

import isoloss
from isoloss import custom_plane, pca_plane, probe, random_plane
from isoloss.compute.networks.checkpoints import save_tensors
from isoloss.run import Run
from isoloss.settings import ProbeSettings
from isoloss.work import resume

ROOT = Path(__file__).resolve().parents[3]


class Coordinates(nn.Module):
    """Two parameters that are the coordinates (α, β) of a plane through the origin themselves."""

    def __init__(self):
        super().__init__()
        self.at = nn.Parameter(torch.zeros(1, 2, dtype=torch.float64))

    def plane(self):
        unit = torch.eye(2, dtype=torch.float64)
        return custom_plane(self, {"at": unit[:1]}, {"at": unit[1:]})


def at_coordinates(function):
    """A loss that is `function(α, β)` for every sample."""
    return lambda model, batch: function(*model.at[0]).expand(len(batch[1]))


def some_samples(n=6):
    return [(torch.zeros(n, 1), torch.zeros(n))]


def probed(model, data, plane, alpha, beta, **options):
    return probe(
        model, data, plane, alpha, beta, precision="fp32", device="cpu", progress=False, **options
    )


@pytest.mark.parametrize("shape", [(3, 8), (8, 3), (1, 5), (2, 2)])
def test_a_grid_that_is_not_square_keeps_every_cell_in_its_place(tmp_path, shape):
    alpha, beta = (np.linspace(-1, 2, n) if n > 1 else np.array([0.5]) for n in shape)
    model = Coordinates()
    loss = at_coordinates(lambda a, b: a + 10 * b)
    surface = probed(model, some_samples(), model.plane(), alpha, beta, loss=loss)
    expected = np.array([[a + 10 * b for b in beta] for a in alpha])
    np.testing.assert_allclose(surface.loss, expected, atol=1e-12)
    for suffix in (".ply", ".npz") if min(shape) > 1 else ():
        read = isoloss.load(surface.save(tmp_path / f"s{suffix}"))
        np.testing.assert_allclose(read.loss, expected, atol=1e-12)
        np.testing.assert_array_equal(read.alpha, alpha)


def test_no_row_or_column_is_shifted():
    """A walk that turns at the end of each row and goes a step too far shifts every other one."""
    axis = np.linspace(-1, 1, 9)
    model = Coordinates()
    for k, along in enumerate((lambda a, b: a**3, lambda a, b: b**3)):
        loss = at_coordinates(along)
        surface = probed(model, some_samples(), model.plane(), axis, axis, loss=loss)
        lines = surface.loss if k else surface.loss.T
        for line in lines:
            np.testing.assert_allclose(line, axis**3, atol=1e-12)


def test_no_cell_depends_on_the_cells_before_it():
    """θ* + αδ + βη from the originals: not by steps, whose rounding errors would pile up."""
    torch.manual_seed(0)
    model = nn.Linear(50, 3)
    x, y = torch.randn(20, 50), torch.randint(0, 3, (20,))
    plane = random_plane(model)
    axis = np.linspace(-1, 1, 13)
    whole = probed(model, [(x, y)], plane, axis, axis)
    for i, j in ((0, 0), (12, 12), (6, 6), (3, 8)):
        alone = probed(model, [(x, y)], plane, axis[i : i + 1], axis[j : j + 1])
        assert whole.loss[i, j] == pytest.approx(alone.loss[0, 0], rel=1e-6)
    middle = nn.functional.cross_entropy(model(x), y).item()
    assert whole.loss[6, 6] == pytest.approx(middle, rel=1e-6)


def test_normalized_directions_come_from_a_gaussian_not_from_a_unit_cube():
    torch.manual_seed(0)
    model = nn.Linear(2000, 50)
    drawn = random_plane(model, seed=1).delta["weight"].double().numpy()
    standard = drawn * np.sqrt(2000) / np.linalg.norm(drawn, axis=1, keepdims=True)
    # In [0, 1] every entry is positive, and so the mean is √3 / 2 of the root mean square.
    assert abs(standard.mean()) < 0.02
    assert (standard < 0).mean() == pytest.approx(0.5, abs=0.01)
    assert (standard**4).mean() == pytest.approx(3, abs=0.1)
    assert np.quantile(standard, 0.975) == pytest.approx(1.96, abs=0.03)


@pytest.mark.parametrize("normalize", ["filter", "layer", "none"])
@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_directions_are_not_nearly_parallel_whatever_their_norm(normalize, scale):
    """v − ⟨u, v⟩ u without ‖u‖² is right for unit vectors only, and −u for long ones."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(80, 90), nn.Linear(90, 80))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= scale
    cosines = []
    for seed in range(20):
        plane = random_plane(model, seed=seed, normalize=normalize)
        u, v = (
            torch.cat([t.double().ravel() for t in d.values()]) for d in (plane.delta, plane.eta)
        )
        cosines.append(float(u @ v / u.norm() / v.norm()))
        assert plane.cosine == pytest.approx(cosines[-1], abs=1e-9)
    n = 2 * 80 * 90
    assert max(map(abs, cosines)) < 5 / np.sqrt(n)
    # Nor has anything been orthogonalized: that would leave cosines of rounding errors.
    assert np.mean(np.abs(cosines)) == pytest.approx(np.sqrt(2 / (np.pi * n)), rel=0.6)


def cross_entropy_of_ones_own(model, batch):
    return nn.functional.cross_entropy(model(batch[0]), batch[1], reduction="none")


@pytest.mark.parametrize("loss", [None, cross_entropy_of_ones_own])
def test_batch_norm_statistics_are_not_perturbed(loss):
    """A running variance moved along a random direction turns negative, and its root NaN.

    With a loss of one's own batch norms stay layers, without one they may be folded away.
    """
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 5, 3),
        nn.BatchNorm2d(5, momentum=1.0),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(5 * 16, 3),
    )
    x, y = torch.randn(30, 2, 6, 6), torch.randint(0, 3, (30,))
    model.train()(0.01 * x)
    assert model[1].running_var.max() < 1e-3  # which any step along a direction turns negative
    model.eval()
    plane = random_plane(model)
    assert not {"1.running_mean", "1.running_var"} & {*plane.delta, *plane.eta}
    axis = np.array([-3.0, -1.0, 0.0, 2.0])
    surface = probed(model, [(x, y)], plane, axis, axis, loss=loss)
    state = {k: v.detach().clone() for k, v in model.state_dict().items()}
    for (i, a), (j, b) in itertools.product(enumerate(axis), enumerate(axis)):
        moved = {
            k: v + a * plane.delta[k] + b * plane.eta[k] if k in plane.delta else v
            for k, v in state.items()
        }
        with torch.no_grad():
            expected = nn.functional.cross_entropy(functional_call(model, moved, (x,)), y).item()
        assert surface.loss[i, j] == pytest.approx(expected, rel=1e-4)


def test_nan_stays_nan_in_its_cell_and_in_the_files(tmp_path):
    """Not the mean of the others, be they samples of the cell or cells of the surface."""
    model = Coordinates()

    def loss(model, batch):
        a, b = model.at[0]
        value = torch.where((a > 0.6) & (b < -0.6), torch.nan, a**2 + b**2)
        only_first = (batch[1] == 0) & (a < -0.6) & (b > 0.6)
        return torch.where(only_first, torch.nan, value.expand(len(batch[1])))

    axis = np.linspace(-1, 1, 5)
    data = [(torch.zeros(6, 1), torch.arange(6.0))]
    surface = probed(model, data, model.plane(), axis, axis, loss=loss)
    expected = axis[:, None] ** 2 + axis**2
    expected[4, 0] = expected[0, 4] = np.nan
    assert (surface.count == 6).all()
    np.testing.assert_allclose(surface.loss, expected, atol=1e-12)
    for suffix in (".ply", ".npz"):
        read = isoloss.load(surface.save(tmp_path / f"s{suffix}"))
        np.testing.assert_allclose(read.loss, expected, atol=1e-12)
        np.testing.assert_array_equal(read.count, 6)


FIXED = """
import torch
from torch import nn

seen, stop_at = 0, None


class Fixed(nn.Module):
    def __init__(self, confidence):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 2))
        self.confidence = confidence

    def forward(self, images):
        global seen
        seen += len(images)
        if stop_at is not None and seen > stop_at:
            raise KeyboardInterrupt
        float(self.weight.sum())  # one point after the other
        right = (images.mean((1, 2, 3)) * 2).round().long()
        return self.confidence * nn.functional.one_hot(right, 3).float() + 0 * self.weight.sum()


def certain():
    return Fixed(1000.0)


def broken():
    return Fixed(float("nan"))


def data():
    y = torch.arange(60) % 3
    x = (y / 2).view(-1, 1, 1, 1).expand(-1, 3, 8, 8).clone()
    return (x[:45], y[:45]), (x[45:], y[45:])
"""


@pytest.fixture
def fixed(tmp_path, monkeypatch):
    """A module with networks whose loss is 0, or NaN, at every point of every plane."""
    (tmp_path / "fixednets.py").write_text(FIXED, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("fixednets", None)
    yield importlib.import_module("fixednets")
    sys.modules.pop("fixednets", None)


def carried_on(fixed, run, stop_at=None):
    """How many samples that takes."""
    fixed.seen, fixed.stop_at = 0, stop_at
    with nullcontext() if stop_at is None else pytest.raises(KeyboardInterrupt):
        list(resume(run))
    return fixed.seen


@pytest.mark.parametrize(("name", "value"), [("certain", 0.0), ("broken", np.nan)])
def test_zero_and_nan_are_results_and_not_computed_again(fixed, tmp_path, name, value):
    """Neither is the mark of what is still to be done: such a run would never end."""
    settings = ProbeSettings(
        source=save_tensors(tmp_path / "net.safetensors", fixed.certain().state_dict()),
        model=f"fixednets:{name}", data="fixednets:data", grid=(6, 5), device="cpu",
        precision="fp32",
    )  # fmt: skip
    whole, stopped = (Run.create(tmp_path / n, settings) for n in ("whole", "stopped"))
    at_a_stretch = carried_on(fixed, whole)
    needed = 6 * 5 * 45
    carried_on(fixed, stopped, stop_at=at_a_stretch - needed + 200)

    half = isoloss.load(stopped.folder)
    np.testing.assert_array_equal(half.computed, half.count > 0)
    assert 0 < half.computed.sum() < 30
    np.testing.assert_array_equal(half.loss, np.where(half.computed, value, np.nan))

    missing = needed - int(half.count.sum())
    assert missing < needed
    set_up = at_a_stretch - needed
    assert carried_on(fixed, stopped) <= missing + set_up
    surface = isoloss.load(stopped.folder)
    np.testing.assert_array_equal(surface.loss, np.full((6, 5), value))
    assert (surface.count == 45).all()
    assert carried_on(fixed, stopped) == 0


def test_a_path_lies_on_the_surface_it_is_drawn_over():
    """A trajectory inside the plane has the surface's own losses, which a path centred on the mean
    of the checkpoints would not."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5, bias=False), nn.Tanh(), nn.Linear(5, 3, bias=False))
    model.double()
    x, y = torch.randn(40, 6).double(), torch.randint(0, 3, (40,))
    end = {k: v.detach().clone() for k, v in model.state_dict().items()}
    u, v = ({k: torch.randn_like(t) for k, t in end.items()} for _ in range(2))
    bends = [(3, 2), (2, -1), (1.2, 0.4), (0.3, 0.1), (0, 0)]
    states = [{k: end[k] + a * u[k] + b * v[k] for k in end} for a, b in bends]
    plane = pca_plane(model, states)
    places, off_plane = plane.locate(states)
    np.testing.assert_allclose(off_plane, 0, atol=1e-9)
    for state, (a, b) in zip(states, places, strict=True):
        own = nn.functional.cross_entropy(functional_call(model, state, (x,)), y).item()
        surface = probed(model, [(x, y)], plane, [a], [b])
        assert surface.loss[0, 0] == pytest.approx(own, rel=1e-6)


@pytest.mark.parametrize("alike", [True, False])
@pytest.mark.parametrize("sizes", [(4, 4, 1), (1, 8), (9,)])
def test_the_mean_is_over_samples_not_over_batches(sizes, alike):
    """Also where batches have different shapes and cannot be cut anew."""
    model = Coordinates()
    values = torch.tensor([1.0, 2, 3, 4, 5, 6, 7, 8, 900])
    data = [
        (torch.zeros(len(part), 1 if alike else 1 + k), part)
        for k, part in enumerate(values.split(sizes))
    ]
    surface = probed(
        model, data, model.plane(), [0.0, 1.0], [0.0, 1.0],
        loss=lambda model, batch: batch[1] + model.at[0, 0],
    )  # fmt: skip
    # (1 + … + 8 + 900) / 9; the means of the batches of 4, 4 and 1 have the mean 303.
    np.testing.assert_allclose(surface.loss, [[104, 104], [105, 105]], rtol=1e-6)


def test_the_grid_where_none_is_asked_for():
    model = Coordinates()
    loss = at_coordinates(lambda a, b: a + b)
    data = some_samples(1)
    end = {"at": torch.ones(1, 2, dtype=torch.float64)}
    for plane, first, last, shape in (
        (model.plane(), -1, 1, (25, 25)),
        (isoloss.line(model), -1, 1, (401, 1)),
        (isoloss.interpolation(model, model.state_dict(), end), -0.5, 1.5, (401, 1)),
    ):
        surface = probed(model, data, plane, None, None, loss=loss)
        assert surface.shape == shape
        np.testing.assert_allclose(surface.alpha, np.linspace(first, last, shape[0]))


def test_the_documentation_names_code_and_tests_that_exist():
    text = (ROOT / "docs" / "correctness.md").read_text(encoding="utf-8")
    tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    code = re.findall(r"`((?:compute|geometry|gl|robustness)/[\w/]+\.py)::(?:\w+\.)?(\w+)`", text)
    assert min(len(tests), len(code)) > 15
    for path, name in [*tests, *((f"src/isoloss/{path}", name) for path, name in code)]:
        content = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^ *(def|class) {name}\b", content, re.MULTILINE), (path, name)
