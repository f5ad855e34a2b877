"""A Bézier path as a run: trained, stopped, resumed; its plane, and the losses along it."""

import itertools
import math
import shutil
import sys
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import isoloss
from isoloss.cli.describe import describe
from isoloss.cli.main import main
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.networks.checkpoints import load_state
from isoloss.compute.planes.bezier import Bezier
from isoloss.compute.training.recorded_trajectory import read_trajectory
from isoloss.jobs.follow import FollowedRun
from isoloss.library.key_figures import figures_of, in_words
from isoloss.run import Run
from isoloss.settings import ProbeSettings, TrainSettings
from isoloss.work import resume

NETWORKS = '''
import torch
from torch import nn


def wide(num_classes):
    """Two layers, between which channels can be in any order, and a batch norm."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(8, 12), nn.BatchNorm1d(12), nn.Tanh(), nn.Linear(12, num_classes)
    )


def narrow(num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(8, num_classes))


def rings():
    """Three classes by the distance from the middle, which no straight cut tells apart."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(360, 1, 1, 8, generator=generator)
    y = (x.flatten(1)[:, :2].square().sum(1).unsqueeze(1) > torch.tensor([0.8, 2.2])).sum(1)
    return (x[:240], y[:240]), (x[240:], y[240:])
'''


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ends")
    (folder / "pathuser.py").write_text(NETWORKS, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(folder))
        for seed, name in enumerate("ab"):
            settings = TrainSettings(
                model="pathuser:wide", data="pathuser:rings", epochs=25, batch_size=24, seed=seed,
                device="cpu", precision="fp32", augment="none", checkpoints_per_epoch=0.1,
            )  # fmt: skip
            list(resume(Run.create(folder / name, settings)))
        sys.modules.pop("pathuser")
    return folder


@pytest.fixture
def ends(trained_once, in_folder_of_users_module):
    """Two training runs from different seeds, in folders `a` and `b`."""
    shutil.copytree(trained_once, in_folder_of_users_module, dirs_exist_ok=True)
    return in_folder_of_users_module


def path_settings(folder, **changes):
    asked = {
        "task": "path", "begin": folder / "a", "to": folder / "b", "epochs": 3, "batch_size": 60,
        "device": "cpu", "precision": "fp32", "augment": "none",
    }  # fmt: skip
    return TrainSettings.model_validate({**asked, **changes})


def found_by(run):
    bezier = Bezier.load(run.bezier_path)
    tensors = [(part, getattr(bezier, part)) for part in ("start", "bend", "end")]
    tensors += [(p.checkpoint, load_state(run.checkpoints / p.checkpoint))
                for p in read_trajectory(run)]  # fmt: skip
    return {f"{part} {k}": t for part, state in tensors for k, t in state.items()}


@pytest.mark.parametrize("options", [
    {}, {"align": True, "optimizer": "adam"}, {"optimizer": "adamw", "checkpoints_per_epoch": 2},
])  # fmt: skip
def test_a_path_killed_anywhere_goes_on_bit_for_bit(ends, options):
    settings = path_settings(ends, **options)
    assert (settings.model, settings.data) == ("pathuser:wide", "pathuser:rings")
    whole, killed, stopped = (Run.create(ends / name, settings) for name in ("w", "k", "s"))
    list(resume(whole))
    for run in (killed, stopped):
        for attempt in range(20):
            steps: Any = resume(run)
            list(itertools.islice(steps, 4 + attempt))
            steps.close()
            if run is killed:
                run.stopped_path.unlink(missing_ok=True)  # which a kill does not leave
            if run.is_done:
                break
        expected, found = found_by(whole), found_by(run)
        assert expected.keys() == found.keys()
        assert all(torch.equal(v, found[k]) for k, v in expected.items())
        assert read_trajectory(run) == read_trajectory(whole)


def test_its_ends_are_the_networks_and_its_own_is_the_one_in_the_middle(ends):
    run = Run.create(ends / "p", path_settings(ends))
    list(resume(run))
    bezier = Bezier.load(run.bezier_path)
    for name, t in (("a", 0.0), ("b", 1.0)):
        own = Run.open(ends / name)
        last = load_state(own.checkpoints / read_trajectory(own)[-1].checkpoint)
        assert all(torch.equal(v, last[k]) for k, v in bezier.at(t).items())
    last = read_trajectory(run)[-1]
    middle = load_state(run.checkpoints / last.checkpoint)
    half = bezier.at(0.5)
    assert torch.equal(middle["1.weight"], half["1.weight"])
    assert not torch.equal(middle["2.running_mean"], half["2.running_mean"])
    # Measured anew on all 240 samples, by hand.
    data = load_dataset("pathuser:rings")
    hidden = F.linear(data.train.inputs.flatten(1), half["1.weight"], half["1.bias"])
    batches = hidden[torch.randperm(240, generator=torch.Generator().manual_seed(0))].split(128)
    mean = torch.stack([b.mean(0) for b in batches]).mean(0)
    torch.testing.assert_close(middle["2.running_mean"], mean, rtol=1e-4, atol=1e-5)
    tests = F.linear(data.test.inputs.flatten(1), half["1.weight"], half["1.bias"])
    normal = (tests - middle["2.running_mean"]) / (middle["2.running_var"] + 1e-5).sqrt()
    normal = torch.tanh(normal * half["2.weight"] + half["2.bias"])
    logits = F.linear(normal, half["4.weight"], half["4.bias"])
    assert float(F.cross_entropy(logits, data.test.targets)) == pytest.approx(
        last.test_loss, rel=1e-4
    )


def test_the_path_lies_below_the_straight_line_by_more_than_its_interval(ends, capsys):
    for words in (
        "train --task path --begin a --to b --epochs 60 --batch-size 24 --augment none --out p "
        "--device cpu --schedule cosine --lr 0.1",
        "probe p --plane along --points 9 --samples 200 --out along --device cpu --precision fp32",
        "probe p --plane path --grid 5 --out plane --device cpu --precision fp32",
    ):
        assert main(words.split()) == 0, capsys.readouterr().err
    curve = isoloss.load(ends / "along")
    straight, path, lower = (curve.meta[k] for k in ("barrier", "path_barrier", "lower_by"))
    assert 0 < lower["low"] < lower["value"] < lower["high"]
    assert lower["value"] == pytest.approx(straight["value"] - path["value"], abs=1e-9)
    assert curve.meta["start"] == "a"
    assert curve.meta["end"] == "b"
    np.testing.assert_allclose(curve.columns["path"][[0, -1], 0], curve.loss[[0, -1], 0], rtol=1e-4)
    header = (ends / "along" / "curve.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header.split(",")[-5:] == [
        "path", "path_stderr", "path_accuracy", "barrier", "path_barrier",
    ]  # fmt: skip
    run = Run.open(ends / "along")
    figures = figures_of(run, FollowedRun(run))
    assert figures["path_barrier"] == path["value"]
    assert "along the path" in in_words("probe", figures)
    said = describe(run.folder)
    assert all(f"  {name:<11} " in said for name in ("straight", "path", "lower by"))

    surface = isoloss.load(ends / "plane")
    drawn, networks = surface.trajectories
    assert (drawn.name, len(drawn.alpha)) == ("path", 33)
    assert networks.name == "start, bend, end"
    assert repr(drawn).startswith("<Trajectory path: 33 points, t 0 to 1, loss from")
    assert repr(networks).startswith("<Trajectory start, bend, end: 3 points, t 0 to 1, loss from")
    assert "  trajectory  path, 33 points\n" in describe(ends / "plane")
    np.testing.assert_allclose(networks.alpha[[0, 2]], [0, 1], atol=1e-6)
    np.testing.assert_allclose([drawn.off_plane.max(), drawn.epoch[-1]], [0, 1])
    np.testing.assert_allclose(drawn.loss[[0, -1]], networks.loss[[0, 2]], rtol=1e-5)
    middle = drawn.alpha[16], drawn.beta[16]
    bend = networks.alpha[1], networks.beta[1]
    np.testing.assert_allclose(middle, [0.25 + bend[0] / 2, bend[1] / 2], atol=1e-6)
    assert surface.alpha[0] < 0 < 1 < surface.alpha[-1]


def test_a_probe_along_a_path_that_is_stopped_goes_on(ends, every_step):
    run = Run.create(ends / "p", path_settings(ends, epochs=1))
    list(resume(run))
    asked = ProbeSettings(source=run.folder, plane="along", points=5, device="cpu",
                          precision="fp32", samples=100)  # fmt: skip
    whole, stopped = (Run.create(ends / name, asked) for name in ("w", "s"))
    list(resume(whole))
    for attempt in range(30):
        steps: Any = resume(stopped)
        list(itertools.islice(steps, 3 + attempt))
        steps.close()
    one, other = (isoloss.load(run.folder) for run in (whole, stopped))
    np.testing.assert_array_equal(other.columns["path"], one.columns["path"])
    assert one.meta["lower_by"] == other.meta["lower_by"]


def test_what_has_no_path_is_told_in_a_line_before_anything_is_written(ends, capsys):
    narrow = TrainSettings(model="pathuser:narrow", data="pathuser:rings", epochs=1, device="cpu",
                           augment="none")  # fmt: skip
    list(resume(Run.create(ends / "n", narrow)))
    file = next((ends / "b" / "checkpoints").glob("0001.*"))
    path = ["train", "--task", "path", "--device", "cpu", "--out", "p"]
    for words, said in (
        ([*path, "--begin", "a"], "--to"),
        (path, "a path is between two networks"),
        ([*path, "--begin", "a", "--to", "a"], "the two networks are the same"),
        ([*path, "--begin", "a", "--to", "n"], "is of another architecture"),
        ([*path, "--begin", str(file), "--to", "b"], "a path begins at a training run"),
        ([*path, "--begin", "gone", "--to", "b"], "gone"),
        ([*path, "--begin", "a", "--to", "b", "--model", "cnn"], "that of its start"),
        ([*path, "--begin", "a", "--to", "b", "--noise", "0.1"], "--task classifier"),
        (["train", "--begin", "a", "--out", "p"], "--begin is for --task path"),
        (["probe", "a", "--plane", "path", "--out", "p"], "no path between two networks"),
        (["probe", "a", "--plane", "along", "--out", "p"], "no path between two networks"),
    ):
        assert main(words) == 2, words
        told = capsys.readouterr().err.strip().splitlines()
        assert said in told[-1], (words, told)
        assert not (ends / "p").exists()


def test_a_path_of_checkpoints_and_one_whose_ends_have_moved_on(ends):
    file = next((ends / "b" / "checkpoints").glob("0001.*"))
    run = Run.create(ends / "p", path_settings(ends, to=file, epochs=2))
    steps: Any = resume(run)
    list(itertools.islice(steps, 4))
    steps.close()
    again = Run.create(ends / "q", path_settings(ends, to=file, epochs=2))
    list(resume(again))
    file.write_bytes(next((ends / "a" / "checkpoints").glob("0001.*")).read_bytes())
    list(resume(run))  # its ends are those that it was begun with
    expected, found = found_by(again), found_by(run)
    assert all(torch.equal(v, found[k]) for k, v in expected.items())
    assert not any(math.isnan(p.test_loss) for p in read_trajectory(run))
