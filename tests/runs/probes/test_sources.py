"""What a probe is about may move, but not change."""

import itertools
import json
import shutil
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from tests.runs.probes.asking import asked, assert_equal

import isoloss
from isoloss import IsolossError
from isoloss.cli.main import main
from isoloss.compute.networks.checkpoints import load_state
from isoloss.compute.training.recorded_trajectory import read_trajectory
from isoloss.events import Paused
from isoloss.run import Run
from isoloss.settings import TrainSettings
from isoloss.work import prepare, resume


def test_a_checkpoint_file_is_probed_like_its_run(trained):
    last = trained.checkpoints / read_trajectory(trained)[-1].checkpoint
    of_file = asked(trained, source=last, model="tinyuser:network", data="tinyuser:data")
    surfaces = []
    for name, settings in (("file", of_file), ("run", asked(trained))):
        run = Run.create(trained.folder.parent / name, settings)
        list(resume(run))
        surfaces.append(isoloss.load(run.folder))
    np.testing.assert_array_equal(surfaces[0].loss, surfaces[1].loss)


def test_a_probe_whose_network_has_changed_is_refused(trained):
    run = Run.create(trained.folder.parent / "probe", asked(trained))
    steps = resume(run)
    list(itertools.islice(steps, 4))
    steps.close()
    last = trained.checkpoints / read_trajectory(trained)[-1].checkpoint
    state = load_state(last)
    torch.manual_seed(0)
    from isoloss.compute.networks.checkpoints import save_tensors

    save_tensors(last, {k: v + 1 for k, v in state.items()})
    with pytest.raises(IsolossError, match="weights changed"):
        list(resume(run))


@pytest.mark.parametrize("renamed", [False, True])
def test_a_probe_copied_with_its_network_goes_on_bit_for_bit(
    trained, every_step, tmp_path, renamed
):
    settings, there = asked(trained, plane="pca"), trained.folder.parent
    list(resume(whole := Run.create(there / "whole", settings)))
    steps = resume(stopped := Run.create(there / "stopped", settings))
    list(itertools.islice(steps, 10))
    steps.close()
    here = tmp_path / "laptop"
    shutil.copytree(stopped.folder, here / "stopped")
    shutil.move(trained.folder, here / ("renamed" if renamed else "trained"))
    given = ["--source", str(here / "renamed")] if renamed else []
    assert main(["run", str(here / "stopped"), *given]) == 0
    assert_equal(Run.open(here / "stopped"), whole)


def test_another_network_given_in_place_of_one_that_moved_is_refused(trained, tmp_path, capsys):
    steps = resume(probe := Run.create(trained.folder.parent / "probe", asked(trained)))
    list(itertools.islice(steps, 4))
    steps.close()
    settings = trained.settings.model_copy(update={"seed": 5})
    list(resume(other := Run.create(tmp_path / "other", settings)))
    for given, said in (
        ([other.folder], "weights changed"),
        ([tmp_path / "nowhere"], "nowhere"),
        ([other.folder, trained.folder], "give one folder"),
    ):
        source, *more = map(str, given)
        assert main(["run", str(probe.folder), *more, "--source", source]) != 0
        assert said in capsys.readouterr().err
        # It is left as it was: to be resumed with what it was begun with.
        assert Run.open(probe.folder) == probe
        assert isinstance(probe.events()[-1][1], Paused)
    list(resume(probe))
    assert probe.is_done


def test_a_network_whose_images_moved_is_probed_on_those_that_are_given(
    tmp_path, monkeypatch, capsys
):
    for part, k in itertools.product(("train", "test"), range(8)):
        folder = tmp_path / "there" / "images" / part / "ab"[k % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(k).integers(0, 255, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{k}.png")
    monkeypatch.chdir(tmp_path / "there")
    asked = ("--data", "imagefolder:images", "--device", "cpu")
    train = ("train", "--model", "resnet20", "--epochs", "1", "--batch-size", "8")
    assert main([*train, *asked, "--out", "trained"]) == 0
    assert main([*train, *asked, "--out", "trained"]) == 0, "the same request once more"
    probe = ("--grid", "2", "--device", "cpu", "--precision", "fp32")
    assert main(["probe", "trained", *probe, "--out", "before"]) == 0
    monkeypatch.chdir(tmp_path)
    shutil.move(tmp_path / "there" / "images", tmp_path / "pictures")
    shutil.move(tmp_path / "there" / "trained", tmp_path / "trained")
    capsys.readouterr()
    assert main(["probe", "trained", *probe, "--out", "lost"]) == 2
    assert "isoloss run" in (said := capsys.readouterr().err)
    assert "--data" in said
    asked = ("--data", "imagefolder:pictures")
    assert main(["probe", "trained", *probe, *asked, "--out", "given"]) == 0
    assert main(["run", "trained", *asked]) == 0
    assert main(["probe", "trained", *probe, "--out", "kept"]) == 0
    surfaces = [isoloss.load(tmp_path / name) for name in ("there/before", "given", "kept")]
    for surface in surfaces[1:]:
        np.testing.assert_array_equal(surface.loss, surfaces[0].loss)


@pytest.mark.parametrize("what", ["data", "settings"])
def test_a_probe_of_which_something_else_has_changed_is_refused(trained, what):
    run = Run.create(trained.folder.parent / "probe", asked(trained))
    steps = resume(run)
    list(itertools.islice(steps, 4))
    steps.close()
    if what == "data":
        module = trained.folder.parent / "tinyuser.py"
        module.write_text(module.read_text().replace("* 0.2", "* 0.21"))
        sys.modules.pop("tinyuser")
    else:
        content = json.loads((run.folder / "run.json").read_text())
        content["settings"]["split"] = "test"
        (run.folder / "run.json").write_text(json.dumps(content))
    with pytest.raises(IsolossError, match=f"{what} changed since .*: start a new run"):
        list(resume(Run.open(run.folder)))


def test_wrong_sources_are_refused(trained, tmp_path):
    probe = Run.create(trained.folder.parent / "probe", asked(trained))
    with pytest.raises(IsolossError, match="give a training run"):
        prepare(asked(trained, source=probe.folder))
    fresh = Run.create(tmp_path / "fresh", TrainSettings())
    with pytest.raises(IsolossError, match="no checkpoints yet"):
        prepare(asked(trained, source=fresh.folder))
    with pytest.raises(IsolossError, match="classes"):
        prepare(asked(trained, data="digits"))
    last = trained.checkpoints / "0001.safetensors"
    with pytest.raises(IsolossError, match="another architecture"):
        prepare(asked(trained, source=last, model="resnet18", data="digits"))
