"""Whole journeys on the command line, with kills and full disks on the way."""

import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import isoloss
from isoloss.geometry.growing import GrowingSurface
from isoloss.run import Run
from isoloss.settings import TrainSettings

TRAIN = (
    "train", "--epochs", "1", "--model", "resnet18", "--stem", "imagenet", "--augment", "none",
    "--batch-size", "256", "--checkpoints-per-epoch", "3", "--out", "r18",
)  # fmt: skip


def wait_until(condition, process, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the process ended too early"
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def start(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "isoloss", *words],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_train_probe_kill_carry_on_render_info(isoloss_command, tmp_path):
    isoloss_command(*TRAIN, check=0)
    probe = ("probe", "r18", "--plane", "pca", "--grid", "9x7", "--samples", "32",
             "--precision", "fp32")  # fmt: skip
    done = isoloss_command(*probe, "--out", "whole", "--json", check=0)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] == "started"
    assert events[-1]["event"] == "done"

    killed = start(tmp_path, *probe, "--out", "killed")
    growing = tmp_path / "killed" / "surface"

    def some_cells():
        return GrowingSurface.exists(growing) and (GrowingSurface.open(growing).count > 0).any()

    with killed:
        wait_until(some_cells, killed)
        killed.send_signal(signal.SIGKILL)
    partial = isoloss.load(tmp_path / "killed")
    assert partial.computed.any()
    assert "paused" in isoloss_command("info", "killed", check=0).stdout
    isoloss_command("run", "killed", check=0)
    a, b = isoloss.load(tmp_path / "killed"), isoloss.load(tmp_path / "whole")
    np.testing.assert_array_equal(a.loss, b.loss)
    np.testing.assert_array_equal(a.accuracy, b.accuracy)

    isoloss_command("render", "whole", "--out", "x.png", "--size", "320x200", check=0)
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.size == (320, 200)
    text = isoloss_command("info", "whole", check=0).stdout
    assert "9×7" in text
    assert "trajectory" in text


def test_a_failure_leaves_the_runs_after_it_as_they_were_or_says_so(isoloss_command, tmp_path):
    done = tmp_path / "done"
    isoloss_command(*TRAIN[:-1], done, check=0)
    settings = TrainSettings(model="nosuchnet")
    for name in ("broken", "fresh"):
        Run.create(tmp_path / name, settings)
    failed = isoloss_command("run", "broken", "done", "fresh", check=1)
    assert "no network 'nosuchnet'" in failed.stderr
    assert Run.open(done).is_done
    assert "not begun, since broken" in isoloss_command("info", "fresh", check=0).stdout


def test_words_survive_a_stream_that_knows_no_greek(isoloss_command, tmp_path):
    isoloss.Surface.from_loss([0, 1, 2], [0, 1], np.ones((3, 2))).save(tmp_path / "s.ply")
    isoloss_command("info", "s.ply", env={"PYTHONIOENCODING": "cp1252"}, check=0)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_pauses_a_run(isoloss_command, tmp_path, name):
    process = start(tmp_path, "train", "--epochs", "50", *TRAIN[3:])
    with process:
        wait_until((tmp_path / "r18" / "checkpoints" / "trajectory.json").exists, process)
        process.send_signal(getattr(signal, name))
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "go on with: isoloss run" in error
    assert "Traceback" not in error
    assert "paused" in isoloss_command("info", "r18", check=0).stdout


def test_a_full_disk_is_said_in_one_line(isoloss_command, tmp_path):
    def no_files_past_one_megabyte():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    done = isoloss_command(*TRAIN, preexec_fn=no_files_past_one_megabyte)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("isoloss: cannot write ")
    assert not [p for p in (tmp_path / "r18").rglob("*") if p.suffix == ".safetensors"]


def test_no_display_is_said_in_one_line(isoloss_command, tmp_path):
    isoloss.Surface.from_loss([0, 1, 2], [0, 1], np.ones((3, 2))).save(tmp_path / "s.ply")
    done = isoloss_command("view", "s.ply", check=2)
    assert done.stderr.count("\n") == 1
    assert "isoloss render" in done.stderr


def test_no_opengl_is_said_in_one_line(isoloss_command, tmp_path):
    isoloss.Surface.from_loss([0, 1, 2], [0, 1], np.ones((3, 2))).save(tmp_path / "s.ply")
    # libglvnd finds no vendor: as on a machine without any EGL driver.
    no_driver = {"__EGL_VENDOR_LIBRARY_FILENAMES": "/dev/null"}
    done = isoloss_command("render", "s.ply", "--out", "x.png", env=no_driver, check=2)
    assert done.stderr.count("\n") == 1
    assert "apt" in done.stderr
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--out", "x.jpg"), ".png"),
        (("--out", "x.png", "--size", "0x10"), "--size"),
        (("--out", "x.png", "--size", "99999x99999"), "at most"),
        (("--out", "x.png", "--colormap", "mud"), "viridis"),
        (("--out", "x.png", "--texture", "mud"), "texture"),
    ],
)
def test_a_wrong_picture_is_refused_in_one_line(isoloss_command, tmp_path, words, message):
    isoloss.Surface.from_loss([0, 1, 2], [0, 1], np.ones((3, 2))).save(tmp_path / "s.ply")
    done = isoloss_command("render", "s.ply", *words, check=2)
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["s.ply"]


def test_an_unwritable_place_is_said_in_one_line(isoloss_command, tmp_path):
    (tmp_path / "file").touch()
    done = isoloss_command(*TRAIN[:-1], "file/run", check=2)
    assert done.stderr.strip().splitlines()[-1].startswith("isoloss: ")
    isoloss.Surface.from_loss([0, 1, 2], [0, 1], np.ones((3, 2))).save(tmp_path / "s.ply")
    done = isoloss_command("render", "s.ply", "--out", "file/x.png", check=2)
    assert done.stderr.count("\n") == 1


def test_names_that_are_no_utf8_come_out_as_they_are(tmp_path):
    axis = np.linspace(-1, 1, 4)
    isoloss.Surface.from_loss(axis, axis, np.ones((4, 4))).save(tmp_path / "a.ply")
    name = os.fsdecode(b"v\xff.npz")
    command = [sys.executable, "-m", "isoloss", "export", "a.ply", "--out", name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout == b"v\xff.npz" + os.linesep.encode()
    assert (tmp_path / name).exists()


def test_a_full_disk_takes_no_output_and_gets_no_traceback(tmp_path):
    axis = np.linspace(-1, 1, 4)
    path = isoloss.Surface.from_loss(axis, axis, np.ones((4, 4))).save(tmp_path / "a.ply")
    command = [sys.executable, "-m", "isoloss", "info", path]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "isoloss: cannot write what there is to say: No space left on device\n"
