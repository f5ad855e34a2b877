"""Probes along directions out of files: as runs, stopped, moved, and of other networks."""

import itertools
import shutil

import h5py
import numpy as np
import pytest
import torch
import torch.nn.functional as F

import isoloss
from isoloss import IsolossError, saved_plane
from isoloss.app.state.forms.settings_form import Form
from isoloss.cli.describe import describe
from isoloss.cli.main import main
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.networks.checkpoints import load_into
from isoloss.compute.planes.plane import Plane
from isoloss.compute.training.classifier import build_for
from isoloss.geometry.analysis.difference import difference, planes_differ
from isoloss.run import Run
from isoloss.settings import ProbeSettings, TrainSettings
from isoloss.work import prepare, resume


@pytest.fixture
def train(in_folder_of_users_module):
    """Trains a tiny network: `train(name, **settings)` gives the run."""

    def trained(name, **changes):
        settings = TrainSettings(
            model="tinyuser:network", data="tinyuser:data", epochs=2, batch_size=15, device="cpu",
            precision="fp32", **changes,
        )  # fmt: skip
        run = Run.create(in_folder_of_users_module / name, settings)
        list(resume(run))
        return run

    return trained


def network_of(run):
    data = load_dataset("tinyuser:data")
    model = build_for(run.settings, data)
    last = sorted(run.checkpoints.glob("*.safetensors"))[-2]  # the last is resume.safetensors
    load_into(model, last)
    return model.eval(), data.train


def drawn(model, seed):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(p.shape, generator=generator) * 0.1 for p in model.parameters()]


def written(path, *directions):
    with h5py.File(path, "w") as file:
        for name, direction in zip(("xdirection", "ydirection"), directions, strict=False):
            group = file.create_group(name)
            for k, tensor in enumerate(direction):
                group[str(k)] = tensor.numpy()
    return path


def losses_along(run, directions, points):
    """The losses of a training split, the parameters moved by hand."""
    model, samples = network_of(run)
    start = [p.detach().clone() for p in model.parameters()]
    found = []
    with torch.no_grad():
        for point in points:
            for k, parameter in enumerate(model.parameters()):
                steps = (s * d[k] for s, d in zip(point, directions, strict=False))
                parameter.copy_(start[k] + sum(steps))
            found.append(float(F.cross_entropy(model(samples.inputs), samples.targets)))
    return np.array(found)


def asked(run, **changes):
    given = {"source": run.folder, "grid": (4, 3), "device": "cpu", "precision": "fp32"}
    return ProbeSettings(**{**given, "points_at_once": 1, **changes})


@pytest.mark.parametrize("count", [1, 2])
def test_the_command_line_probes_what_the_file_holds(train, tmp_path, capsys, count):
    trained = train("trained")
    directions = [drawn(network_of(trained)[0], seed) for seed in range(count)]
    written(tmp_path / "d.h5", *directions)
    size = ("--points", "5") if count == 1 else ("--grid", "4x3")
    words = ["probe", "trained", "--directions", "d.h5", *size, "--device", "cpu", "--precision"]
    assert main([*words, "fp32", "--out", "along"]) == 0
    told = capsys.readouterr().err
    assert "along d.h5, weights: ‖δ‖ = " in told
    surface = isoloss.load(tmp_path / "along")
    kind = "direction" if count == 1 else "directions"
    assert surface.is_curve == (count == 1)
    points = [(a, b) for a in surface.alpha for b in surface.beta]
    expected = losses_along(trained, directions, points)
    assert np.ptp(expected) > 0.05
    np.testing.assert_allclose(surface.loss.ravel(), expected, rtol=1e-5)
    info = describe(tmp_path / "along")
    assert f"directions  {tmp_path / 'd.h5'}" in info
    assert "directions  d.h5, weights" in info
    assert f"plane       {kind}" in info
    title = "line of a given direction" if count == 1 else "plane of given directions"
    assert surface.title == f"network on data, {title}"


def test_of_two_directions_a_line_takes_the_first(train, tmp_path):
    trained = train("trained")
    directions = [drawn(network_of(trained)[0], seed) for seed in range(2)]
    path = written(tmp_path / "d.h5", *directions)
    run = Run.create(tmp_path / "line", asked(trained, plane="direction", directions=path))
    list(resume(run))
    curve = isoloss.load(run.folder)
    few = slice(None, None, 100)
    expected = losses_along(trained, directions[:1], [(a,) for a in curve.alpha[few]])
    np.testing.assert_allclose(curve.loss[few, 0], expected, rtol=1e-5)


def test_a_run_goes_on_as_it_would_have_and_not_along_others(train, tmp_path, monkeypatch):
    monkeypatch.setattr("isoloss.compute.machine.progress.INTERVAL", 0.0)
    trained = train("trained")
    model, _ = network_of(trained)
    path = written(tmp_path / "d.h5", drawn(model, 0), drawn(model, 1))
    runs = [Run.create(tmp_path / name, asked(trained, directions=path)) for name in ("a", "b")]
    list(resume(runs[0]))
    stops = 0
    while not runs[1].is_done:
        steps = resume(runs[1])
        list(itertools.islice(steps, 10))
        steps.close()
        stops += 1
        assert stops < 50
    assert stops > 2
    whole, stopped = (isoloss.load(run.folder) for run in runs)
    np.testing.assert_array_equal(whole.loss, stopped.loss)
    third = Run.create(tmp_path / "c", asked(trained, directions=path))
    steps = resume(third)
    list(itertools.islice(steps, 10))
    steps.close()
    written(path, drawn(model, 2), drawn(model, 3))
    with pytest.raises(IsolossError, match=r"directions changed since .* start a new run"):
        list(resume(third))


def test_a_run_that_moved_finds_its_directions_or_is_told_where_they_are(train, tmp_path, capsys):
    there = tmp_path / "there"
    shutil.copytree(train("trained").folder, there / "trained")
    trained = Run.open(there / "trained")
    model, _ = network_of(trained)
    path = written(there / "d.h5", drawn(model, 0), drawn(model, 1))
    probe = Run.create(there / "probe", asked(trained, directions=path))
    steps = resume(probe)
    next(steps)
    steps.close()
    here = tmp_path / "here"
    shutil.move(there, here)
    assert Run.open(here / "probe").settings.directions == here / "d.h5"
    (here / "d.h5").rename(here / "renamed.h5")
    assert main(["run", str(here / "probe")]) != 0
    assert "--directions" in capsys.readouterr().err
    words = ["--directions", str(here / "renamed.h5")]
    assert main(["run", str(here / "probe"), *words]) == 0
    assert isoloss.load(here / "probe").is_complete


def test_another_network_is_probed_along_the_plane_of_a_run(train, tmp_path):
    first, second = train("first"), train("second", seed=7)
    probes = [Run.create(tmp_path / "one", asked(first))]
    list(resume(probes[0]))
    for k, given in enumerate((probes[0].folder, probes[0].plane_path)):
        for trained in (first, second):
            name = f"along{k}-{trained.name}"
            probes.append(Run.create(tmp_path / name, asked(trained, directions=given)))
            list(resume(probes[-1]))
    planes = [Plane.load(run.plane_path) for run in probes]
    for plane in planes:
        assert all(torch.equal(plane.delta[k], t) for k, t in planes[0].delta.items())
        assert all(torch.equal(plane.eta[k], t) for k, t in planes[0].eta.items())
    surfaces = [isoloss.load(run.folder) for run in probes]
    random, same, other = surfaces[:3]
    np.testing.assert_array_equal(random.loss, same.loss)
    assert np.abs(random.loss - other.loss).max() > 0.01
    assert same.meta["directions"] == "one, by name"
    assert not planes_differ(surfaces)
    assert "findings" not in difference(other, same).meta


def test_what_does_not_go_together_is_refused_before_anything_is_written(train, tmp_path, capsys):
    trained = train("trained")
    model, _ = network_of(trained)
    two = written(tmp_path / "two.h5", drawn(model, 0), drawn(model, 1))
    one = written(tmp_path / "one.h5", drawn(model, 0))
    for changes, message in (
        ({"plane": "directions"}, "say which file holds them: give --directions"),
        ({"plane": "random", "directions": two}, "--directions is for --plane directions or --pl"),
        ({"rescale": "filter"}, "--rescale is for --plane directions or"),
        ({"directions": two, "planes": 2}, "--planes is for --plane random"),
    ):
        with pytest.raises(ValueError, match=message):
            asked(trained, **changes)
    for changes, message in (
        ({"plane": "directions", "directions": one}, "one.h5 holds one direction, which is a line"),
        ({"directions": tmp_path / "gone.h5"}, "there is no file or folder"),
        ({"directions": trained.folder}, "trained has kept no plane: give an .h5"),
        ({"directions": tmp_path / "tinyuser.py"}, "holds no directions"),
    ):
        with pytest.raises(IsolossError, match=message):
            prepare(asked(trained, **changes))
    words = ["probe", "trained", "--directions", "one.h5", "--grid", "5", "--out", "no"]
    assert main(words) != 0
    assert "--grid is for --plane" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_the_form_asks_for_a_file_and_shows_what_one_would_type(train, tmp_path):
    trained = train("trained")
    form = Form(ProbeSettings)
    row = {field.name: field for field in form.fields}["directions"]
    assert (row.kind, form.matters(row)) == ("path", False)
    form.set("source", str(trained.folder))
    form.set("plane", "directions")
    assert form.matters(row)
    assert form.error == "Say which file holds them: give its directions"
    path = tmp_path / "d.h5"
    path.touch()
    form.set("directions", f"{path}5")
    assert form.settings is None
    assert form.error == f"There is no file {path}5"
    form.set("directions", str(path))
    assert form.settings.directions == tmp_path / "d.h5"
    assert form.settings.rescale == "none"
    command = form.command(tmp_path / "out")
    assert "--plane directions --directions d.h5 " in command


def test_from_python_a_run_goes_on_along_the_same_file(train, tmp_path):
    trained = train("trained")
    model, samples = network_of(trained)
    path = written(tmp_path / "d.h5", drawn(model, 0), drawn(model, 1))
    plane = saved_plane(model, path)
    data = samples.inputs, samples.targets
    options = {"device": "cpu", "progress": False, "out": tmp_path / "mine"}
    axes = np.linspace(-1, 1, 3)
    first = isoloss.probe(model, data, plane, axes, axes, **options)
    again = isoloss.probe(model, data, saved_plane(model, path), axes, axes, **options)
    np.testing.assert_array_equal(first.loss, again.loss)
    assert first.meta["directions"] == "d.h5, weights"
    written(path, drawn(model, 2), drawn(model, 3))
    with pytest.raises(IsolossError, match="plane changed since"):
        isoloss.probe(model, data, saved_plane(model, path), axes, axes, **options)
