"""Probes through an image by the command line: killed, resumed, refused, and opened again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import isoloss
from isoloss.cli.main import main
from isoloss.geometry.files.reading import load_trajectories
from isoloss.geometry.growing import GrowingSurface
from isoloss.run import Run
from isoloss.settings import InputProbeSettings, ProbeSettings, TrainSettings
from isoloss.settings.text import command_line
from isoloss.work import resume

NOISE = ["--sigma", "0.3", "--draws", "3"]
COMMON = ["--space", "input", "--device", "cpu", "--image", "4", "--eps", "8/255"]


@pytest.fixture
def trained(in_folder_of_users_module):
    settings = TrainSettings(
        model="tinyuser:network", data="tinyuser:data", epochs=1, batch_size=15, device="cpu",
        precision="fp32",
    )  # fmt: skip
    run = Run.create(in_folder_of_users_module / "trained", settings)
    list(resume(run))
    return run.folder


def test_a_probe_through_an_image_from_the_command_line(trained, capsys):
    words = ["probe", str(trained), *COMMON, *NOISE, "--grid", "7x6", "--range", "-1", "2"]
    assert main([*words, "--out", "seen"]) == 0
    surface, defended = isoloss.load("seen"), isoloss.load("seen/defended.ply")
    assert surface.shape == defended.shape == (7, 6)
    np.testing.assert_array_equal(surface.alpha, np.linspace(-1, 2, 7))
    assert surface.meta["eps"] == 8 / 255
    assert (surface.count.max(), defended.count.max()) == (1, 3)
    assert [len(t) for t in load_trajectories("seen")] == [21]
    asked = Run.open("seen" and trained.parent / "seen").settings
    assert isinstance(asked, InputProbeSettings)
    written = command_line(asked, trained.parent / "seen").split()
    assert written[:4] == ["isoloss", "probe", "--space", "input"]
    capsys.readouterr()
    assert main(written[1:]) == 0  # it is the same run, and done
    assert "was done already" in capsys.readouterr().out
    assert main(["info", "seen"]) == 0
    told = capsys.readouterr().out
    assert "trajectory  PGD, 21 images" in told
    assert "outlines" not in told
    assert main(["info", "seen/defended.ply"]) == 0
    assert "noise σ = 0.3, mean of 3 draws: trained, image 4" in capsys.readouterr().out


def test_without_it_a_probe_is_what_it_was(trained):
    assert main(["probe", str(trained), "--space", "parameters", "--grid", "3", "--out", "p"]) == 0
    assert isinstance(Run.open(trained.parent / "p").settings, ProbeSettings)


def test_a_probe_that_is_killed_at_any_instant_goes_on_to_the_same_numbers(trained):
    words = ["probe", str(trained), *COMMON, "--sigma", "0.3", "--draws", "40", "--grid", "15",
             "--batch-size", "8"]  # fmt: skip
    assert main([*words, "--out", "whole"]) == 0
    command = [sys.executable, "-m", "isoloss", *words, "--out", "killed"]
    environment = {**os.environ, "PYTHONPATH": str(trained.parent), "OMP_NUM_THREADS": "1"}
    growing = trained.parent / "killed" / "defended"
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as job:
        while job.poll() is None:
            if GrowingSurface.exists(growing) and GrowingSurface.open(growing).count.any():
                job.kill()
                break
            time.sleep(0.002)
    assert job.returncode == -signal.SIGKILL
    assert not (growing.parent / "surface.ply").exists()
    assert main(["run", "killed"]) == 0
    for name in ("surface.ply", "defended.ply", "trajectory.ply", "defended-trajectory.ply"):
        one, other = (
            (trained.parent / folder / name).read_bytes() for folder in ("whole", "killed")
        )
        assert one == other, name


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--image", "15"], "--image: there are 15 test images, from 0 to 14"),
        (["--image", "-1"], "--image: input should be greater than or equal to 0"),
        (["--eps", "0"], "--eps: input should be greater than 0"),
        (["--eps", "3"], "--eps: images lie in [0, 1]"),
        (["--eps", "nan"], "--eps"),
        (["--attacks", "pgd,square"], "--attacks: the plane 'attack' takes one of them"),
        (["--attacks", "bpda"], "--attacks: bpda attacks a defense: give --denoiser"),
        (["--plane", "pca"], "--plane"),
        (["--denoiser", "nowhere"], "nowhere"),
        (["--tolerance", "0.1"], "--tolerance"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(trained, words, message, capsys):
    given = ["probe", str(trained), "--space", "input", "--device", "cpu", *words]
    try:
        code = main([*given, "--out", "refused"])
    except SystemExit as error:  # by argparse
        code = error.code
    assert code == 2
    told = capsys.readouterr().err
    assert message in told
    assert len(told.splitlines()) == 1
    assert not (trained.parent / "refused").exists()


def test_what_is_no_classifier_is_refused(in_folder_of_users_module, capsys):
    (in_folder_of_users_module / "apart.py").write_text(
        "import tinyuser\n\ndef data():\n    return tinyuser.between_classes()\n"
    )
    settings = TrainSettings(model="tinyuser:network", data="tinyuser:data", epochs=1, device="cpu")
    run = Run.create(in_folder_of_users_module / "trained", settings)
    list(resume(run))
    words = ["probe", str(run.folder), "--space", "input", "--data", "apart:data", "--out", "no"]
    assert main(words) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_copied_run_goes_on_beside_its_copied_network(trained, tmp_path):
    words = ["probe", str(trained), *COMMON, "--grid", "4", "--out", "seen"]
    assert main(words) == 0
    elsewhere = tmp_path / "elsewhere"
    for name in ("trained", "seen"):
        shutil.copytree(trained.parent / name, elsewhere / name)
    expected = (elsewhere / "seen" / "surface.ply").read_bytes()
    (elsewhere / "seen" / "surface.ply").unlink()
    shutil.rmtree(trained)
    assert main(["run", str(elsewhere / "seen")]) == 0
    assert (elsewhere / "seen" / "surface.ply").read_bytes() == expected


def test_a_damaged_plane_is_told_and_how_to_go_on(trained, capsys):
    words = ["probe", str(trained), *COMMON, "--grid", "4", "--out", "seen"]
    assert main(words) == 0
    (trained.parent / "seen" / "surface.ply").unlink()
    (trained.parent / "seen" / "plane.safetensors").write_bytes(b"nothing")
    capsys.readouterr()
    assert main(["run", "seen"]) == 1
    assert "plane.safetensors is not a plane through an image" in capsys.readouterr().err


def test_the_settings_of_a_probe_of_parameters_are_written_as_before():
    asked = ProbeSettings(source="digits-classifier")
    assert json.loads(asked.model_dump_json(exclude_defaults=True)) == {
        "source": "digits-classifier"
    }
