"""Runs of sharpness: what they find, what a kill leaves, what cannot be asked for."""

import csv
import math
import shutil

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy

import isoloss
from isoloss.cli.describe import describe
from isoloss.cli.main import main
from isoloss.compute.networks.checkpoints import load_into, saved_in
from isoloss.errors import IsolossError
from isoloss.events import Log, Progress
from isoloss.figures.sharpness import write_usual
from isoloss.jobs.follow import RunState
from isoloss.library.key_figures import figures_of, in_words
from isoloss.results.sharpness_charts import sharpness_charts
from isoloss.results.sharpness_files import read_sharpness
from isoloss.run import Run
from isoloss.settings import SharpnessSettings, TrainSettings
from isoloss.work import prepare, resume

FEW = {"largest": 2, "smallest": 1, "tolerance": 1e-6, "probes": 4}


@pytest.fixture
def trained(in_folder_of_users_module):
    settings = TrainSettings(model="tinyuser:network", data="tinyuser:data", epochs=2)
    run = Run.create(in_folder_of_users_module / "trained", settings)
    list(resume(run))
    return run


def measured(trained, name, **asked):
    settings = SharpnessSettings(source=trained.folder, **{**FEW, **asked})
    run = Run.create(trained.folder.parent / name, settings)
    return run, list(resume(run))


def network_and_data(checkpoint):
    from tinyuser import data, network

    model = network(3)
    load_into(model, saved_in(checkpoint), "")
    return model.eval(), data()[0]


def hessian(model, x, y):
    """By torch alone, in double precision."""
    model = model.double()
    named = dict(model.named_parameters())
    shapes = [p.shape for p in named.values()]
    at = torch.cat([p.detach().reshape(-1) for p in named.values()])

    def loss(flat):
        parts = flat.split([s.numel() for s in shapes])
        tensors = {k: part.view(s) for k, part, s in zip(named, parts, shapes, strict=True)}
        return cross_entropy(torch.func.functional_call(model, tensors, (x.double(),)), y)

    return torch.autograd.functional.hessian(loss, at)


def test_every_checkpoint_has_the_eigenvalues_of_its_own_hessian(trained):
    run, events = measured(trained, "every", every="checkpoint", density=6)
    found = read_sharpness(run)
    assert [each.place.epoch for each in found] == [0, 1, 2]
    for each in found:
        model, (x, y) = network_and_data(trained.checkpoints / each.place.checkpoint)
        own = hessian(model, x, y)
        values = torch.linalg.eigvalsh(own)
        top = float(values[-1])
        ends = [e.value for e in (*each.largest, *each.smallest)]
        expected = [float(values[-1]), float(values[-2]), float(values[0])]
        assert ends == pytest.approx(expected, abs=1e-4 * top)
        low, high = each.trace.interval
        assert low <= float(own.trace()) <= high
        assert each.density is not None
        mean = float((each.density.nodes * each.density.weights).sum(1).mean())
        assert mean == pytest.approx(float(own.trace()) / len(own), abs=0.3 * top)
    ends = [e for e in events if isinstance(e, Progress)]
    assert ends[-1].done == ends[-1].total
    assert run.is_done

    figures = figures_of(run, RunState())
    assert figures["eigenvalue"] == pytest.approx(found[-1].largest[0].value)
    assert in_words("sharpness", figures).startswith("λmax ")
    assert "epoch 2: λmax" in describe(run.folder)
    write_usual(run.folder)
    assert (run.figures / "sharpness.svg").stat().st_size > 1000
    assert main(["render", str(run.folder), "--out", str(run.folder.parent / "drawn.png")]) == 0


def test_each_second_checkpoint_is_counted_from_the_last(trained):
    run, events = measured(trained, "second", every=2)
    assert [each.place.epoch for each in read_sharpness(run)] == [0, 2]
    assert any(e.message.startswith("2 checkpoints, ") for e in events if isinstance(e, Log))
    alone, _ = measured(trained, "fourth", every=4)
    assert [each.place.epoch for each in read_sharpness(alone)] == [2]


def test_a_run_finds_what_a_script_finds(trained):
    run, _ = measured(trained, "one")
    [of_run] = read_sharpness(run)
    model, data = network_and_data(trained.checkpoints / "0002.safetensors")
    of_script = isoloss.sharpness(model, [data], progress=False, **FEW)
    for (name, of, mine), (_, _, other) in zip(of_run.rows(), of_script.rows(), strict=True):
        assert mine.value == pytest.approx(other.value, rel=1e-4, abs=1e-5), (name, of)


def test_a_killed_run_ends_as_it_would_have(trained):
    whole, _ = measured(trained, "whole", every="checkpoint", density=3, samples=20)
    lines = whole.outcomes_path.read_text(encoding="utf-8").splitlines(keepends=True)
    assert len(lines) == 3 * 5
    for kept, name in ((1, "early"), (7, "late")):
        killed = Run.create(trained.folder.parent / name, whole.settings)
        killed.outcomes_path.parent.mkdir()
        cut = "".join(lines[:kept]) + lines[kept][: len(lines[kept]) // 2]
        killed.outcomes_path.write_text(cut, encoding="utf-8")
        list(resume(killed))
        assert killed.sharpness_path.read_bytes() == whole.sharpness_path.read_bytes()
        assert not list(resume(killed))


def test_several_networks_are_told_apart(trained):
    other = trained.folder.parent / "other"
    shutil.copytree(trained.folder, other)
    run, _ = measured(trained, "both", also=(other,), samples=20)
    with run.sharpness_path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["network"] for row in rows} == {"trained", "other"}
    of_each = [[r["value"] for r in rows if r["network"] == n] for n in ("trained", "other")]
    assert of_each[0] == of_each[1]
    assert all(float(r["low"]) <= float(r["value"]) <= float(r["high"]) for r in rows)


def spoil(checkpoint, bad=math.nan):
    """Let a checkpoint be that of a training that has diverged."""
    with safe_open(checkpoint, "pt") as file:
        said = file.metadata()
    tensors = load_file(checkpoint)
    next(t for t in tensors.values() if t.is_floating_point()).view(-1)[0] = bad
    save_file(tensors, checkpoint, said)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_checkpoint_that_is_not_finite_is_left_out_and_the_others_are_measured(trained, which):
    whole, _ = measured(trained, "whole", every="checkpoint")
    spoil(trained.checkpoints / f"{which:04}.safetensors")
    run, events = measured(trained, "spoiled", every="checkpoint")
    assert run.is_done
    found, expected = read_sharpness(run), read_sharpness(whole)
    assert [bool(each.left_out) for each in found] == [k == which for k in range(3)]
    for k in {0, 1, 2} - {which}:
        assert found[k] == expected[k]
    said = [event.message for event in events if isinstance(event, Log)]
    assert f"trained, epoch {which} is left out: the loss is not finite" in " ".join(said)
    assert f"epoch {which}: left out: the loss is not finite" in describe(run.folder)
    with run.sharpness_path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["epoch"] == str(which)]
    assert [(row["quantity"], row["value"]) for row in rows] == [("left out", "")]
    [chart] = [c for c in sharpness_charts([found]) if c.name == "λmax"]
    assert which not in chart.traces[0].xs
    last = [k for k in range(3) if k != which][-1]
    assert figures_of(run, RunState())["trace"] == found[last].trace.value
    write_usual(run.folder)


def test_networks_none_of_which_is_finite_fail_in_a_line(trained):
    for checkpoint in trained.checkpoints.glob("*.safetensors"):
        spoil(checkpoint, math.inf)
    for every in ("checkpoint", "network"):
        with pytest.raises(IsolossError, match="finite") as error:
            measured(trained, every, every=every)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"largest": 400}, "eigenvalues are asked for"),
        ({"parameters": "0.wieght"}, "the network has no parameter '0.wieght'"),
        ({"also": ("digits-classifier",)}, "other data"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(trained, asked, said):
    with pytest.raises(IsolossError, match=said) as error:
        prepare(SharpnessSettings(source=trained.folder, **{**FEW, **asked}))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--samples", "1"], "--samples"),
        (["--largest", "0", "--smallest", "0"], "one eigenvalue at least"),
        (["--precision", "bf16"], "fp32"),
        (["--tolerance", "0"], "--tolerance"),
        (["--loss", "mse"], "package.module:function"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_as_typed(tmp_path, capsys, typed, said):
    out = tmp_path / "run"
    assert main(["sharpness", "digits-classifier", *typed, "--out", str(out)]) != 0
    [line] = capsys.readouterr().err.splitlines()
    assert said in line
    assert not out.exists()
