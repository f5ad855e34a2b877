"""Surfaces around every checkpoint: exact, predicted by each other, stopped anywhere."""

import csv
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.runs.probes.asking import asked, trained_network
from tests.runs.probes.estimating import estimated
from torch import nn

import isoloss
from isoloss import IsolossError
from isoloss.cli.main import main
from isoloss.compute.data.reading import read_batches
from isoloss.compute.machine.process_group import ProcessGroup
from isoloss.compute.networks.checkpoints import load_into, load_state
from isoloss.compute.planes.custom_plane import custom_plane
from isoloss.compute.planes.plane import Plane
from isoloss.compute.probe.plane_probing import PlaneProbing
from isoloss.compute.probe.probed_data import ProbedData
from isoloss.compute.probe.request import Request
from isoloss.compute.probe.through_time import EarlierSurfaces, at_themselves
from isoloss.compute.training.network import TrainedPath
from isoloss.compute.training.recorded_trajectory import TrajectoryPoint, read_trajectory
from isoloss.geometry.through_time import at_each_checkpoint
from isoloss.run import Run
from isoloss.work import prepare, resume

AXIS = np.linspace(-1, 1, 5)
IMAGES = 1000


class Bowl(nn.Module):
    """Its loss of a sample x is |w − x|²."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))


def distances(model, batch):
    return (model.w - batch[0]).square().sum(1)


@pytest.fixture
def bowl(tmp_path):
    """Surfaces of three known checkpoints of a `Bowl`, for a plane and places of these on it."""
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = np.array([[0.0, 0.0, 0.0], [0.5, -1.0, 2.0], [1.0, 2.0, 3.0]])
    checkpoints = [tmp_path / f"{k:04d}.pt" for k in range(3)]
    for path, w in zip(checkpoints, weights, strict=True):
        torch.save({"w": torch.from_numpy(w)}, path)
    points = [
        TrajectoryPoint(p.name, k + 0.5, k, 0.1, *[0.0] * 4) for k, p in enumerate(checkpoints)
    ]
    model, device = Bowl(), torch.device("cpu")
    delta, eta = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.5])
    plane = custom_plane(model, {"w": delta.double()}, {"w": eta.double()})

    def surfaces(places):
        data = ProbedData.of(read_batches([(x, x)], None, 0), distances, model, device)
        request = Request(
            model, plane, (AXIS, AXIS), data.shuffled(0, device), len(x), device, data.loss,
        )  # fmt: skip
        probing = PlaneProbing(request, (), (), tmp_path / "surface")
        group = ProcessGroup()
        list(probing.steps(group))
        written = tmp_path / "surface.ply"
        path = TrainedPath("bowl", checkpoints, points)
        earlier = EarlierSurfaces(request, path, places, tmp_path / "surface", written)
        steps = earlier.steps(group, probing.surface(), None)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value

    def expected(k, place):
        a, b = np.meshgrid(AXIS - place[0], AXIS - place[1], indexing="ij")
        w = weights[k] + a[..., None] * delta.numpy() + b[..., None] * eta.numpy()
        return ((w[:, :, None] - x.numpy()) ** 2).sum(-1).mean(-1)

    return surfaces, expected


def test_a_bowl_whose_checkpoints_are_known(bowl):
    surfaces, expected = bowl
    places = np.array([[0.25, -0.5], [1.0, 0.0], [0.0, 0.0]])
    found = surfaces(places)
    assert [(s.meta["epoch"], s.meta["checkpoint"]) for s in found] == [
        (0.5, "0000"),
        (1.5, "0001"),
    ]
    for k, surface in enumerate(found):
        np.testing.assert_allclose(surface.loss, expected(k, places[k]), rtol=1e-12)


def test_a_checkpoint_is_itself_the_centre_where_it_has_no_place(bowl):
    surfaces, expected = bowl
    found = surfaces(at_themselves(3)[0])
    for k, surface in enumerate(found):
        np.testing.assert_allclose(surface.loss, expected(k, (0.0, 0.0)), rtol=1e-12)


@pytest.mark.parametrize(
    ("plane", "which", "epochs"),
    [
        ("random", "checkpoint", [0, 1, 2, 3, 4]), ("pca", "checkpoint", [0, 1, 2, 3, 4]),
        ("random", 2, [0, 2, 4]), ("pca", 3, [1, 4]),
    ],
)  # fmt: skip
def test_every_surface_is_that_of_its_checkpoint(trained, plane, which, epochs):
    run = Run.create(trained.folder.parent / plane, asked(trained, plane=plane, every=which))
    list(resume(run))
    surface = isoloss.load(run.folder)
    (path,) = surface.trajectories
    model, data = trained_network(trained)
    cut, (x, y) = Plane.load(run.plane_path), data.train.held()[0]
    every = (*surface.earlier, surface)
    assert [s.meta["epoch"] for s in every] == epochs
    assert path.epoch.tolist() == (epochs if plane == "random" else [0, 1, 2, 3, 4])
    points = read_trajectory(trained)
    for k, epoch in enumerate(epochs):
        state, j = load_state(trained.checkpoints / points[epoch].checkpoint), (path.epoch == epoch)
        a, b = every[k].alpha[0] - path.alpha[j][0], every[k].beta[0] - path.beta[j][0]
        moved = {n: t + a * cut.delta[n] + b * cut.eta[n] if n in cut.delta else t
                 for n, t in state.items()}  # fmt: skip
        for place, weights in ((None, state), ((0, 0), moved)):
            load_into(model, weights, "x")
            with torch.no_grad():
                loss = nn.functional.cross_entropy(model.eval()(x), y).item()
            own = at_each_checkpoint(surface)[k].own_loss
            told = own if place is None else every[k].loss[place]
            assert told == pytest.approx(loss, abs=2e-5)
    alone = isoloss.load(run.folder / f"surface-{epochs[-2]:04d}.ply")
    np.testing.assert_array_equal(alone.loss, surface.earlier[-1].loss)
    if plane == "random":
        assert not path.alpha.any()
        assert not path.off_plane.any()


def test_what_is_stopped_goes_on_bit_for_bit(trained, every_step):
    settings = asked(trained, plane="pca", every="checkpoint", tolerance=0.05)
    whole, stopped = (Run.create(trained.folder.parent / name, settings) for name in "ab")
    list(resume(whole))
    stops = 0
    while not stopped.is_done:
        steps = resume(stopped)
        list(itertools.islice(steps, 25))
        steps.close()
        stops += 1
    assert stops > 4
    for name in ("surface", *(f"surface-{k:04d}" for k in range(4))):
        a, b = (isoloss.load(run.folder / f"{name}.ply") for run in (whole, stopped))
        for values in ("loss", "loss_stderr", "count"):
            np.testing.assert_array_equal(getattr(a, values), getattr(b, values))


def test_a_line_a_checkpoint(trained, capsys):
    run = Run.create(trained.folder.parent / "t", asked(trained, every="checkpoint"))
    list(resume(run))
    surface = isoloss.load(run.folder)
    with run.epochs_path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["epoch"]) for row in rows] == [0, 1, 2, 3, 4]
    for row, one in zip(rows, (*surface.earlier, surface), strict=True):
        i, j = np.unravel_index(one.loss.argmin(), one.loss.shape)
        assert float(row["lowest"]) == one.loss[i, j]
        assert (float(row["alpha"]), float(row["beta"])) == (one.alpha[i], one.beta[j])
    assert main(["info", str(run.folder)]) == 0
    said = capsys.readouterr().out
    assert all(f"\n  epoch {k}     its checkpoint's loss " in said for k in range(5))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"planes": 2}, "--every checkpoint is for one plane: leave --planes away"),
        ({"plane": "line"}, "--every is for --plane random or --plane pca"),
        ({"quantity": "adversarial"}, "leave --every away"),
        ({"source": "other.pt", "model": "tinyuser:network", "data": "tinyuser:data"},
         "--every checkpoint needs a training run's folder"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for(in_folder_of_users_module, changes, reason):
    Path("other.pt").touch()
    with pytest.raises(ValueError, match=reason):
        asked(Run(Path("trained"), None, None), every="checkpoint", **changes)


def test_one_checkpoint_has_nothing_before_it(trained):
    whole = Run.open(trained.folder)
    points = json.loads(whole.points_path.read_text())
    whole.points_path.write_text(json.dumps(points[:1]))
    with pytest.raises(IsolossError, match="needs two checkpoints at least"):
        prepare(asked(trained, every="checkpoint"))


# -- what one surface knows of another --------------------------------------------------------


def drifting(shape, steps, drift):
    """(alpha, beta, [(cells, images)]) losses image by image around so many checkpoints."""
    rng = np.random.default_rng(3)
    alpha, beta = np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1])
    a, b = (g.ravel()[:, None] for g in np.meshgrid(alpha, beta, indexing="ij"))
    waves, size = rng.normal(0, 1.2, (3, IMAGES)), rng.exponential(1, IMAGES)
    found = []
    for _ in range(steps):
        (kx, ky, phase), bowl = waves, 2 * size * (a**2 + b**2)
        found.append(size * np.exp(0.8 * np.sin(kx * a + ky * b + phase)) + bowl)
        waves = waves + drift * rng.normal(0, 1.2, waves.shape)
        size = size * np.exp(drift * rng.normal(0, 1, IMAGES))
    return alpha, beta, found


def test_one_surface_predicts_the_next_and_saves_samples():
    tolerance = 0.01
    alpha, beta, (first, *others) = drifting((7, 7), 3, 0.03)
    method, *_ = estimated(alpha, beta, first, tolerance, strict=0.5)
    for losses in others:
        truth = losses.mean(1)
        *_, alone = estimated(alpha, beta, losses, tolerance)
        _, mean, stderr, predicted = estimated(alpha, beta, losses, tolerance, before=method)
        assert predicted.sum() < 0.7 * alone.sum()
        assert np.abs(mean - truth).max() < tolerance * np.ptp(truth)
        assert stderr.max() <= tolerance * np.ptp(truth) / 3 * (1 + 1e-6)


@pytest.mark.parametrize("strict", [0.5, 1.0])
def test_a_surface_that_knows_nothing_of_the_next_does_no_harm(strict):
    tolerance = 0.02
    alpha, beta, (first, _) = drifting((7, 7), 2, 0.0)
    other = first[:, ::-1].copy()  # of other images, in effect
    method, *_ = estimated(alpha, beta, first, tolerance, strict=strict)
    *_, alone = estimated(alpha, beta, other, tolerance)
    _, mean, _, seen = estimated(alpha, beta, other, tolerance, before=method)
    assert seen.sum() <= 1.05 * alone.sum()
    assert np.abs(mean - other.mean(1)).max() < tolerance * np.ptp(other.mean(1))
