"""Checkpoints of one's own as a training run: in order, measured, stopped and resumed."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from isoloss import IsolossError
from isoloss.cli.describe import describe
from isoloss.cli.main import main
from isoloss.compute.networks.checkpoints import load_state
from isoloss.compute.training.network import load_path
from isoloss.compute.training.notes import notes_on
from isoloss.compute.training.recorded_trajectory import read_trajectory
from isoloss.events import Log, Metric
from isoloss.geometry.files.reading import load, load_trajectories
from isoloss.run import Run
from isoloss.settings import AttackSettings, ImportSettings, ProbeSettings
from isoloss.work import resume

ASKED = {
    "model": "tinyuser:network", "data": "tinyuser:data", "device": "cpu", "precision": "fp32",
}  # fmt: skip


@pytest.fixture
def trained(in_folder_of_users_module):
    """The networks after each epoch of a loop of one's own, kept as `ckpts/epoch_N.pt`."""
    import tinyuser  # pyright: ignore[reportMissingImports]

    torch.manual_seed(0)
    model = tinyuser.network(3)
    (x, y), _ = tinyuser.data()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    (in_folder_of_users_module / "ckpts").mkdir()
    kept = []
    for epoch in range(12):
        kept.append({k: v.clone() for k, v in model.state_dict().items()})
        saved = {
            "epoch": epoch,
            "state_dict": {f"module.{k}": v for k, v in model.state_dict().items()},
            "optimizer": optimizer.state_dict(),
        }
        torch.save(saved, f"ckpts/epoch_{epoch}.pt")
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        optimizer.param_groups[0]["lr"] *= 0.5
    return kept


def imported(name="mine", checkpoints="ckpts/*.pt", **changes):
    run = Run.create(
        Path("runs").absolute() / name, ImportSettings(checkpoints=checkpoints, **ASKED, **changes)
    )
    return run, list(resume(run))


def measured(state):
    """(loss, accuracy) of a state dict on the test images, by torch alone."""
    import tinyuser  # pyright: ignore[reportMissingImports]

    model = tinyuser.network(3)
    model.load_state_dict(state)
    _, (x, y) = tinyuser.data()
    with torch.no_grad():
        logits = model.eval()(x)
    return float(F.cross_entropy(logits, y)), float((logits.argmax(1) == y).float().mean())


def test_checkpoints_become_a_trajectory_that_is_probed(trained):
    run, events = imported()
    points = read_trajectory(run)
    assert [p.epoch for p in points] == list(range(12))
    assert [p.lr for p in points] == pytest.approx([0.1 * 0.5**k for k in range(12)])
    for point, state in zip(points, trained, strict=True):
        kept = load_state(run.checkpoints / point.checkpoint)
        assert all(torch.equal(kept[k], v) for k, v in state.items())
        assert (point.test_loss, point.test_accuracy) == pytest.approx(measured(state), rel=1e-5)
        assert math.isnan(point.loss)
    assert [e.test_loss for e in events if isinstance(e, Metric)] == [p.test_loss for p in points]
    assert any("by epoch" in e.message for e in events if isinstance(e, Log))
    said = [e.message for e in events if isinstance(e, Log)]
    assert said[0].startswith("data: tinyuser:data, 3 classes, ")
    assert run.is_done
    told = describe(run.folder)
    assert "checkpoints 12, from epoch_0.pt to epoch_11.pt" in told
    assert said[0].removeprefix("data: ") in told
    assert list(resume(run)) == []
    for path in Path("ckpts").iterdir():
        path.unlink()  # it stands by itself
    run = Run.open(run.folder)

    other = Run.create(run.folder.parent / "other", run.settings)
    (other.folder / "checkpoints").mkdir()
    for file in run.checkpoints.iterdir():
        (other.checkpoints / file.name).write_bytes(file.read_bytes())
    common = {"source": run.folder, "device": "cpu", "precision": "fp32"}
    for name, settings in (
        ("pca", ProbeSettings(**common, plane="pca", grid=4, also=(other.folder,))),
        ("line", ProbeSettings(**common, plane="interpolate", to=other.folder, points=3)),
        ("attack", AttackSettings(**common, samples=4, steps=2, restarts=1, attacks="pgd")),
    ):
        probe = Run.create(run.folder.parent / name, settings)
        list(resume(probe))
        assert probe.is_done, name
    # How it was trained is not known: nothing is said of it.
    assert set(load(run.folder.parent / "pca").meta["centre"]) == {"loss", "accuracy", "split"}
    settings = ProbeSettings(**common, plane="line", points=3, split="test")
    probe = Run.create(run.folder.parent / "tested", settings)
    list(resume(probe))
    loss, accuracy = measured(trained[-1])
    told = f"loss {loss:.4g}, accuracy {100 * accuracy:.4g} %"
    assert f"test {told}; its training recorded {told}" in describe(probe.folder)
    mine, _ = load_trajectories(run.folder.parent / "pca")
    assert list(mine.epoch) == list(range(12))
    assert mine.loss[-1] < mine.loss[0]


def test_an_import_goes_on_where_it_was_stopped(trained):
    whole, _ = imported("whole")
    run = Run.create(Path("runs").absolute() / "stopped", whole.settings)
    for _ in range(12):
        steps = resume(run)
        for event in steps:
            if isinstance(event, Metric) and event.epoch >= len(read_trajectory(run)) - 1:
                break
        steps.close()
        if run.is_done:
            break
    list(resume(run))
    assert run.is_done
    assert run.points_path.read_bytes() == whole.points_path.read_bytes()
    for file in whole.checkpoints.glob("*.safetensors"):
        assert (run.checkpoints / file.name).read_bytes() == file.read_bytes()


def test_the_order_is_that_of_epochs_names_times_or_as_given(trained, tmp_path):
    names = ["ckpts/epoch_10.pt", "ckpts/epoch_2.pt", "ckpts/epoch_9.pt"]
    for k, name in enumerate(names):
        os.utime(name, (k, 100 - k))
    states = {f"a{k}": trained[k] for k in (3, 10, 5)}
    for name, state in states.items():
        torch.save(state, f"{name}.pt")
    for order, epochs in (
        ("auto", [2, 9, 10]), ("epoch", [2, 9, 10]), ("name", [2, 9, 10]),
        ("given", [10, 2, 9]), ("time", [9, 2, 10]),
    ):  # fmt: skip
        run, _ = imported(order, names, order=order)
        for k, epoch in enumerate(epochs):
            state = load_state(run.checkpoints / f"{k:04d}.safetensors")
            assert torch.equal(state["4.weight"], trained[epoch]["4.weight"]), order
        increasing = epochs == sorted(epochs)
        assert [p.epoch for p in read_trajectory(run)] == (epochs if increasing else [0, 1, 2])
    run, events = imported("silent", ["a10.pt", "a5.pt", "a3.pt"])
    assert [p.epoch for p in read_trajectory(run)] == [0, 1, 2]
    assert all(math.isnan(p.lr) for p in read_trajectory(run))
    state = load_state(run.checkpoints / "0000.safetensors")
    assert torch.equal(state["4.weight"], trained[3]["4.weight"])
    assert any("numbered" in e.message for e in events if isinstance(e, Log))


def test_a_copy_of_the_last_checkpoint_is_left_out(trained):
    torch.save(torch.load("ckpts/epoch_11.pt"), "ckpts/last.pt")
    run, events = imported("last")
    assert [p.epoch for p in read_trajectory(run)] == list(range(12))
    assert any("; last.pt left out" in e.message for e in events if isinstance(e, Log))
    assert run.environment["imported"] == [f"epoch_{k}.pt" for k in range(12)]
    given, _ = imported("given", ["ckpts/epoch_11.pt", "ckpts/last.pt"], order="given")
    assert len(read_trajectory(given)) == 2
    # Of one epoch, but another step: no copy.
    for step in (5, 10, 100):
        saved = {"epoch": 0, "global_step": step, "state_dict": trained[step % 9]}
        torch.save(saved, f"step={step}.ckpt")
    run, events = imported("steps", ["step=100.ckpt", "step=10.ckpt", "step=5.ckpt"])
    assert [p.step for p in read_trajectory(run)] == [5, 10, 100]
    assert any("3 checkpoints, by epoch" in e.message for e in events if isinstance(e, Log))


def test_what_cannot_be_imported_is_refused_in_one_line(trained, capsys):
    torch.save(torch.nn.Linear(3, 3).state_dict(), "ckpts/zz.pt")
    torch.save(trained[0], "plain.pt")
    common = ["--model", "tinyuser:network", "--data", "tinyuser:data", "--out", "runs/x"]
    for asked, said in (
        (["ckpts/*.pt"], "zz.pt is of another architecture"),
        (["ckpts/epoch_1.pt", "ckpts/epoch_1.pt"], "is given twice"),
        (["nothing/*.pt"], "there is no checkpoint"),
        ([], "say which: files, a pattern"),
        (["plain.pt", "--order", "epoch"], "plain.pt does not say its epoch"),
        (["plain.pt", "--key", "ema"], None),
    ):
        code = main(["import", *asked, *common])
        told = capsys.readouterr().err.strip().splitlines()
        if said is None:
            assert code == 0
        else:
            assert code == 2, asked
            assert said in told[-1], asked
            assert not (Path("runs").absolute() / "x").exists()
    with pytest.raises(IsolossError, match=r"ckpts is a folder of checkpoints: .*'isoloss import'"):
        load_path(Path("ckpts"))


def test_what_checkpoints_say_of_their_training(tmp_path):
    state = {"w": torch.ones(2)}

    def of(saved, name="net.ckpt"):
        notes = notes_on(tmp_path / name, saved)
        return [None if math.isnan(v) else v for v in (notes.epoch, notes.step, notes.lr)]

    def touch(name):
        torch.save({}, tmp_path / name)
        return name

    touch("net.ckpt")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.25).state_dict()
    lightning = {
        "epoch": 3,
        "global_step": 12,
        "optimizer_states": [optimizer],
        "state_dict": state,
    }
    assert of(lightning) == [3, 12, 0.25]
    assert of({"model": state, "step": torch.tensor(7), "lr": np.float64(0.5)}) == [None, 7, 0.5]
    assert of(state) == [None, None, None]
    assert of(state, touch("epoch=4-step=100.ckpt")) == [4, 100, None]
    assert of(state, touch("sleepy_2.ckpt")) == [None, None, None]
    folder = tmp_path / "checkpoint-500"
    folder.mkdir()
    torch.save(state, folder / "pytorch_model.bin")
    log = [{"learning_rate": 0.1}, {"learning_rate": 0.01}]
    record = {"epoch": 2.5, "global_step": 500, "log_history": log}
    (folder / "trainer_state.json").write_text(json.dumps(record))
    assert of(state, "checkpoint-500") == [2.5, 500, 0.01]


def test_a_key_that_a_file_has_not_is_refused(trained):
    with pytest.raises(IsolossError, match="no 'ema': it has state_dict"):
        imported("keyed", key="ema")


REGRESSION = """
import torch
from torch import nn
def net():
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
def data():
    x = torch.rand(40, 2, generator=torch.Generator().manual_seed(0))
    y = x.sum(1, keepdim=True)
    return (x[:30], y[:30]), (x[30:], y[30:])
def loss(model, batch):
    return (model(batch[0]) - batch[1]).square().mean(1)
"""


def test_what_tells_no_classes_apart_is_imported_untested_and_probed(in_folder_of_users_module):
    Path("fits.py").write_text(REGRESSION, encoding="utf-8")
    import fits  # pyright: ignore[reportMissingImports]

    for k in range(4):
        torch.manual_seed(k)
        torch.save(fits.net().state_dict(), f"e{k}.pt")
    asked = {**ASKED, "model": "fits:net", "data": "fits:data"}
    run = Run.create(Path("runs/fit"), ImportSettings(checkpoints="e*.pt", **asked))
    events = list(resume(run))
    assert any("not tested" in e.message for e in events if isinstance(e, Log))
    assert all(math.isnan(p.test_loss) for p in read_trajectory(run))
    common = {"source": run.folder, "device": "cpu", "precision": "fp32"}
    probe = Run.create(
        Path("runs/pca"), ProbeSettings(**common, plane="pca", grid=3, loss="fits:loss")
    )
    list(resume(probe))
    (path,) = load_trajectories(probe.folder)
    (x, y), _ = fits.data()
    model = fits.net()
    for k, loss in enumerate(path.loss):
        model.load_state_dict(torch.load(f"e{k}.pt"))
        assert loss == pytest.approx(F.mse_loss(model(x), y).item(), rel=1e-4)
    attack = Run.create(Path("runs/a"), AttackSettings(**common, samples=4))
    with pytest.raises(IsolossError, match="tells no classes apart"):
        list(resume(attack))
