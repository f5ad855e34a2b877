"""Probes that scripts begin as runs: stopped anywhere they go on, with the same alone."""

import copy
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import isoloss
from isoloss import IsolossError, custom_plane, probe, random_plane
from isoloss.cli.describe import describe
from isoloss.cli.main import main
from isoloss.compute.planes.plane import Plane
from isoloss.events import Done, Failed, Paused, Progress, Started
from isoloss.geometry.growing import GrowingSurface
from isoloss.jobs.follow import FollowedRun, can_resume
from isoloss.run import Run

pytestmark = pytest.mark.usefixtures("one_thread")

SCRIPT = """
import copy, os, signal, sys
import torch
from torch import nn
import isoloss
import isoloss.compute.machine.progress

isoloss.compute.machine.progress.INTERVAL = 0.0
torch.set_num_threads(1)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
x, y = torch.randn(50, 6), torch.arange(50) % 3
path = [copy.deepcopy(model.state_dict())]
for step in range(3):
    path.append({k: v * 0.9 if v.is_floating_point() else v for k, v in path[-1].items()})
out, kill_at = sys.argv[1], int(sys.argv[2])
seen = 0

def watch(event):
    global seen
    seen += 1
    if seen == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)

surface = isoloss.probe(
    model, [(x, y)], isoloss.random_plane(model), [-1, -0.5, 0, 1], [-1, 0, 1], trajectory=path,
    out=out, on_event=watch, progress=False, device="cpu", points_at_once=1,
)
"""


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


X = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(50) % 3


def asked(folder, model=None, **changes):
    """The arguments of a probe as a run in `folder`."""
    model = model or network()
    path = [copy.deepcopy(model.state_dict())]
    path.append({k: 0.8 * v for k, v in path[0].items()})
    return {
        "model": model, "data": [(X, Y)], "plane": random_plane(model), "alpha": [-1.0, 0.0, 1.0],
        "beta": [-1.0, 0.5, 1.0, 2.0], "trajectory": path, "out": folder, "progress": False,
        "device": "cpu", "points_at_once": 1, **changes,
    }  # fmt: skip


def interrupt_after(units):
    """A callback that interrupts after so many events of progress."""
    left = [units]

    def watch(event):
        left[0] -= isinstance(event, Progress)
        if left[0] < 0:
            raise KeyboardInterrupt

    return watch


def assert_same(surface, other):
    for name in ("alpha", "beta", "loss", "accuracy", "loss_stderr", "count"):
        np.testing.assert_array_equal(getattr(surface, name), getattr(other, name))
    for path, another in zip(surface.trajectories, other.trajectories, strict=True):
        np.testing.assert_array_equal(path.loss, another.loss)
        np.testing.assert_array_equal(path.off_plane, another.off_plane)


def test_a_run_is_the_probe_in_memory_and_is_read_as_any_run(tmp_path, capsys):
    surface = probe(**asked(tmp_path / "x"))
    in_memory = probe(**asked(None))
    assert_same(surface, in_memory)
    assert {k: v for k, v in surface.meta.items() if k != "run"} == in_memory.meta
    loaded = isoloss.load(tmp_path / "x")
    assert loaded.meta == surface.meta
    assert_same(loaded, surface)
    run = Run.open(tmp_path / "x")
    assert run.is_done
    assert isinstance(run.events()[0][1], Started)
    assert isinstance(run.events()[-1][1], Done)
    assert Plane.load(run.plane_path).kind == "random"
    assert (tmp_path / "x" / "surface.ply").exists()
    assert (tmp_path / "x" / "trajectory.ply").exists()
    said = describe(tmp_path / "x")
    assert "python:Sequential" in said
    assert "2 checkpoints" in said
    assert isoloss.render(tmp_path / "x", size=(64, 48)).shape == (48, 64, 4)


def test_a_killed_run_ends_bit_for_bit_the_same(tmp_path, every_step, monkeypatch):
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py", "killed", "12"]
    killed = subprocess.run(command, cwd=tmp_path, timeout=90, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    known = GrowingSurface.open(tmp_path / "killed" / "surface").count
    assert 0 < known.sum() < 50 * known.size
    for folder in ("killed", "whole"):
        monkeypatch.setattr(sys, "argv", ["", str(tmp_path / folder), "0"])
        exec(SCRIPT, {})
    assert_same(isoloss.load(tmp_path / "killed"), isoloss.load(tmp_path / "whole"))


@pytest.mark.parametrize("tolerance", [None, 0.2])
def test_an_interrupted_run_is_a_partial_surface_and_goes_on(tmp_path, every_step, tolerance):
    more = {"tolerance": tolerance}
    whole = probe(**asked(tmp_path / "whole", **more))
    partial = probe(**asked(tmp_path / "x", on_event=interrupt_after(5), **more))
    assert partial.meta["interrupted"] is True
    assert 0 < partial.count.sum() < whole.count.sum()
    run = Run.open(tmp_path / "x")
    assert isinstance(run.events()[-1][1], Paused)
    assert not run.is_done
    again = probe(**asked(tmp_path / "x", on_event=interrupt_after(9), **more))
    assert again.count.sum() > partial.count.sum()
    finished = probe(**asked(tmp_path / "x", **more))
    assert "interrupted" not in finished.meta
    assert_same(finished, whole)


@pytest.mark.parametrize("batch_norm", ["frozen", "recalibrated"])
def test_a_loader_that_shuffles_anew_changes_nothing(tmp_path, every_step, batch_norm):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    twice = torch.utils.data.TensorDataset(torch.cat([X, X]), torch.cat([Y, Y]))
    loader = torch.utils.data.DataLoader(twice, batch_size=7, shuffle=True)
    more = {"data": loader, "batch_norm": batch_norm}
    probe(**asked(tmp_path / "x", model, **more, on_event=interrupt_after(5)))
    kept = np.load(tmp_path / "x" / "samples.npy")
    probe(**asked(tmp_path / "x", model, **more, on_event=interrupt_after(9)))
    finished = probe(**asked(tmp_path / "x", model, **more))
    np.testing.assert_array_equal(np.load(tmp_path / "x" / "samples.npy"), kept)
    assert len(set(kept.tolist())) == len(X)
    in_order = {**more, "data": [(torch.cat([X, X]), torch.cat([Y, Y]))]}
    expected = probe(**asked(None, model, **in_order))
    np.testing.assert_allclose(finished.loss, expected.loss, rtol=1e-5)
    np.testing.assert_array_equal(finished.accuracy, expected.accuracy)


def test_what_a_callback_raises_leaves_the_run_paused(tmp_path, every_step):
    def stop(event):
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        probe(**asked(tmp_path / "x", on_event=stop))
    assert isinstance(Run.open(tmp_path / "x").events()[-1][1], Paused)
    assert_same(probe(**asked(tmp_path / "x")), probe(**asked(None)))


def test_a_loss_that_fails_midway_is_told_and_loses_nothing(tmp_path, every_step):
    calls = tmp_path / "calls"  # values that a loss holds are those it is known by
    calls.touch()

    def loss(model, batch):
        if calls.exists():
            calls.write_text(calls.read_text() + "1")
            if calls.stat().st_size > 12:
                raise ValueError("no more")
        return F.cross_entropy(model(batch[0]), batch[1], reduction="none")

    with pytest.raises(IsolossError, match=r"in loss: ValueError: no more$"):
        probe(**asked(tmp_path / "x", loss=loss))
    run = Run.open(tmp_path / "x")
    last = run.events()[-1][1]
    assert isinstance(last, Failed)
    assert "ValueError: no more" in last.message
    before = isoloss.load(tmp_path / "x")
    assert before.computed.any()
    calls.unlink()
    evaluated = []
    whole = probe(**asked(tmp_path / "x", loss=loss, on_event=evaluated.append))
    assert whole.is_complete
    first = next(e for e in evaluated if isinstance(e, Progress))
    assert first.done >= before.count.sum()


def other_loss(model, batch):
    return F.cross_entropy(model(batch[0]), batch[1], reduction="none") + 1


def moved(plane):
    delta = {k: v.clone() for k, v in plane.delta.items()}
    delta["0.weight"][0, 0] += 1e-3
    return replace(plane, delta=delta)


@pytest.mark.parametrize("is_done", [False, True])
def test_nothing_else_goes_on_in_its_folder(tmp_path, every_step, is_done):
    until = None if is_done else interrupt_after(5)
    given = asked(tmp_path / "x", on_event=until)
    probe(**given)
    bent = network()
    with torch.no_grad():
        bent[0].weight[0, 0] += 1e-3
    same = network()
    tanh = nn.Sequential(same[0], nn.Tanh(), same[2])
    for change, what in (
        ({"model": bent, "plane": replace(given["plane"], origin=bent.state_dict())}, "network"),
        ({"model": tanh}, "network"),
        ({"data": [(X + 1e-3, Y)]}, "data"),
        ({"data": [(X, Y.roll(1))]}, "data"),
        ({"plane": moved(given["plane"])}, "plane"),
        ({"loss": other_loss}, "loss"),
        ({"alpha": [-1.0, 0.1, 1.0]}, "grid"),
        ({"trajectory": given["trajectory"][:1]}, "trajectory"),
        ({"samples": 20}, "other settings"),
        ({"alpha": [-1.0, 0.0, 0.5, 1.0]}, "other settings"),
        ({"batch_norm": "recalibrated"}, "other settings"),
    ):
        with pytest.raises(IsolossError, match=what) as caught:
            probe(**{**given, "on_event": None, **change})
        assert "\n" not in str(caught.value)
        assert "isoloss run" not in str(caught.value)
    assert_same(probe(**{**given, "on_event": None}), probe(**asked(None)))


def test_the_command_line_leaves_it_to_the_script(tmp_path, every_step, capsys):
    probe(**asked(tmp_path / "x", on_event=interrupt_after(5)))
    events = (tmp_path / "x" / "events.jsonl").read_text()
    assert main(["run", str(tmp_path / "x")]) == 1
    said = capsys.readouterr().err
    assert said.count("was begun from Python") == 1
    assert "run that script again" in said
    assert (tmp_path / "x" / "events.jsonl").read_text() == events
    assert main(["info", str(tmp_path / "x")]) == 0
    assert "paused" in capsys.readouterr().out
    assert not can_resume(FollowedRun(Run.open(tmp_path / "x")))
    assert main(["probe", "python:Sequential", "--out", str(tmp_path / "y")]) == 2
    assert "has at hand" in capsys.readouterr().err
    assert not (tmp_path / "y").exists()


@pytest.mark.parametrize("kind", ["line", "custom", "interpolate"])
def test_every_kind_of_plane_can_be_a_run(tmp_path, kind):
    model = network()
    states = [model.state_dict(), {k: 0.5 * v for k, v in model.state_dict().items()}]
    direction = {"0.weight": torch.ones(8, 6)}
    plane = {
        "line": lambda: isoloss.line(model),
        "interpolate": lambda: isoloss.interpolation(model, *states),
        "custom": lambda: custom_plane(model, direction, {"2.weight": torch.ones(3, 8)}),
    }[kind]()
    beta = [0.0, 1.0] if kind == "custom" else None
    given = asked(tmp_path / "x", model, plane=plane, beta=beta, trajectory=None)
    surface = probe(**given)
    assert surface.meta["plane"] == kind
    assert_same(isoloss.load(tmp_path / "x"), probe(**{**given, "out": None}))
    assert main(["info", str(tmp_path / "x")]) == 0


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "notes.txt").write_text("mine")
    with pytest.raises(IsolossError, match="is not a run: choose another folder"):
        probe(**asked(tmp_path / "x"))
    assert [p.name for p in (tmp_path / "x").iterdir()] == ["notes.txt"]
    with pytest.raises(IsolossError, match=r"grid.*2"):
        probe(**asked(tmp_path / "y", alpha=[0.0]))
    assert not (tmp_path / "y").exists()
