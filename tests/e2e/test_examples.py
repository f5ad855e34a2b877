"""The programs in `examples/`, run as they are, and the command lines that they name."""

import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from tests.e2e.conftest import REPOSITORY

import isoloss
from isoloss.events import Metric
from isoloss.run import Run
from isoloss.settings import TrainSettings

EXAMPLES = REPOSITORY / "examples"


@pytest.fixture
def example(tmp_path):
    """Run an example in an empty folder that has `examples/`; returns what it says."""
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))

    def run(name):
        done = subprocess.run(
            [sys.executable, f"examples/{name}.py"],
            cwd=tmp_path,
            env={k: v for k, v in os.environ.items() if k != "DISPLAY"} | {"HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def number(pattern, text):
    found = re.search(pattern, text)
    assert found, text
    return float(found[1])


def check_picture(path):
    with Image.open(path) as picture:
        assert len(picture.convert("RGB").getcolors(1 << 22)) > 300


def test_a_model_of_ones_own(example, tmp_path):
    assert number(r"centre ([\d.]+)", example("00_your_own_model")) < 0.1
    check_picture(tmp_path / "iris.png")


def test_a_trajectory(example, tmp_path):
    said = example("01_trajectory")
    end = number(r"ends at a loss of ([\d.]+)", said)
    assert end < 0.05
    assert number(r"hold ([\d.]+) %", said) > 80
    surface = isoloss.load(tmp_path / "sine.ply")
    (path,) = surface.trajectories
    assert path.loss[-1] == pytest.approx(end, abs=1e-4)
    assert path.loss[0] > 10 * end
    check_picture(tmp_path / "sine.png")


def test_a_regression(example, tmp_path):
    assert number(r"centre ([\d.]+)", example("02_regression")) < 0.6
    check_picture(tmp_path / "diabetes.png")


def test_a_language_model(example, tmp_path):
    said = example("03_language_model")
    training, guessing = number(r"loss ([\d.]+)", said), number(r"costs ([\d.]+)", said)
    assert number(r"centre ([\d.]+)", said) == pytest.approx(training, abs=0.3)
    assert training < 0.8 * guessing
    check_picture(tmp_path / "gpt.png")


def test_hugging_face(example, tmp_path):
    assert number(r"accuracy ([\d.]+) %", example("04_hugging_face")) > 100 / 8 + 10
    surface = isoloss.load(tmp_path / "bert.ply")
    assert surface.loss.min() > surface.loss[6, 6] - 0.1
    check_picture(tmp_path / "bert.png")


def test_lightning_and_its_checkpoints_as_a_run(example, tmp_path, isoloss_command):
    assert number(r"hold ([\d.]+) %", example("05_lightning")) > 60
    (path,) = isoloss.load(tmp_path / "lightning.ply").trajectories
    assert len(path) == 8
    check_picture(tmp_path / "lightning.png")
    asked = ("--model", "examples.05_lightning:network", "--data", "examples.05_lightning:data")
    isoloss_command("import", "lightning/*.ckpt", *asked, "--out", "mine", check=0)
    said = isoloss_command("info", "mine", check=0).stdout
    assert number(r"test accuracy ([\d.]+) %", said) > 90
    assert "8, from epoch=00.ckpt to epoch=07.ckpt" in said


def test_a_physics_informed_network(example, tmp_path, isoloss_command):
    assert number(r"at most ([\d.]+)", example("06_pinn")) < 0.05
    check_picture(tmp_path / "pinn.png")
    module = "examples.06_pinn"
    isoloss_command(
        "probe", "pinn.pt", "--model", f"{module}:network", "--data", f"{module}:data",
        "--loss", f"{module}:residual", "--grid", "5", "--range", "-0.5", "0.5", "--out", "p",
        "--precision", "fp32", check=0,
    )  # fmt: skip
    both = isoloss.load(tmp_path / "pinn.ply"), isoloss.load(tmp_path / "p")
    assert both[1].loss[2, 2] == pytest.approx(both[0].loss[15, 15], rel=1e-3)


def test_segmentation(example, tmp_path):
    said = example("07_segmentation")
    assert number(r"cross-entropy ([\d.]+)", said) < 0.5
    assert 0 < number(r"Dice ([\d.]+)", said) < 0.5
    for name in ("cross-entropy", "dice"):
        check_picture(tmp_path / f"segmentation-{name}.png")


def test_adapters(example, tmp_path):
    said = example("08_lora")
    moved = [int(n.replace(",", "")) for n in re.findall(r"([\d,]+) weights move", said)]
    assert 0 < moved[0] < 0.2 * moved[1]
    surfaces = [isoloss.load(tmp_path / f"lora-{name}.ply") for name in ("adapters", "all")]
    assert surfaces[0].loss[12, 12] == pytest.approx(surfaces[1].loss[12, 12], rel=1e-3)
    assert not np.allclose(surfaces[0].loss, surfaces[1].loss, rtol=0.01)
    check_picture(tmp_path / "lora-adapters.png")


def test_two_optimizers(example, tmp_path):
    assert number(r"hold ([\d.]+) %", example("09_own_optimizer")) > 60
    surface = isoloss.load(tmp_path / "optimizers.ply")
    starts = {path.name: path.loss[0] for path in surface.trajectories}
    assert starts["Lion"] == pytest.approx(starts["SGD"])
    check_picture(tmp_path / "optimizers.png")


def test_an_attack_of_ones_own(example, tmp_path, isoloss_command):
    said = example("10_own_attack")
    found = [re.search(rf"{name} .*0\.1: ([\d.]+) %", said) for name in ("corners", "PGD")]
    by_corners, by_pgd = (float(match[1]) for match in found if match)
    assert by_pgd <= by_corners
    check_picture(tmp_path / "attacks.png")
    isoloss_command(
        "attack", "digits-classifier", "--attacks", "pgd,examples.10_own_attack:corners",
        "--samples", "8", "--steps", "2", "--eps", "0.1", "--out", "a", check=0,
    )  # fmt: skip
    assert "corners" in (tmp_path / "a" / "robustness.csv").read_text()


def test_checkpoints_of_ones_own(example, tmp_path, isoloss_command):
    assert "epoch_10.pt" in example("11_own_checkpoints")
    asked = ("--model", "examples.11_own_checkpoints:network", "--data", "digits")
    isoloss_command("import", "ckpts/*.pt", *asked, "--out", "runs/mine", check=0)
    isoloss_command(
        "probe", "runs/mine", "--plane", "pca", "--samples", "256", "--grid", "5",
        "--out", "runs/pca", check=0,
    )  # fmt: skip
    (path,) = isoloss.load(tmp_path / "runs" / "pca").trajectories
    assert list(path.epoch) == list(range(11))
    assert path.loss[-1] < 0.3 * path.loss[0]


def test_a_surface_of_others_again(example, tmp_path, isoloss_command):
    said = example("12_others_directions")
    assert number(r"at most ([\d.e+-]+)", said) < 1e-5 * number(r"to ([\d.]+)", said)
    check_picture(tmp_path / "again.png")
    module = "examples.12_others_directions"
    isoloss_command(
        "probe", "theirs/network.pt", "--model", f"{module}:network", "--data", f"{module}:data",
        "--directions", "theirs/directions.h5", "--grid", "9", "--out", "runs/again", check=0,
    )  # fmt: skip
    again = isoloss.load(tmp_path / "runs" / "again")
    theirs = isoloss.load(tmp_path / "theirs" / "surface.h5")
    np.testing.assert_allclose(again.loss, theirs.loss, rtol=1e-5)
    np.testing.assert_array_equal(again.alpha, theirs.alpha)
    assert "directions.h5, weights" in isoloss_command("info", "runs/again", check=0).stdout


def test_what_the_page_on_trackers_says(tmp_path, monkeypatch):
    """Its code, with modules in place of the trackers' that note what they are given."""
    monkeypatch.chdir(tmp_path)
    told, scalars = [], []

    class Writer:
        def __init__(self, folder):
            assert folder == "tensorboard/r50"

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def add_scalar(self, name, value, step, walltime):
            scalars.append((name, value, step))

    class Tracker:
        log = staticmethod(told.append)

        def log_artifact(self, path, name, type):
            assert (tmp_path / path).exists()

    def size(path):
        with Image.open(path) as picture:
            return picture.size

    wandb = SimpleNamespace(init=lambda project: Tracker(), Image=size)
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    board = SimpleNamespace(SummaryWriter=Writer)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", board)
    run = Run.create(tmp_path / "runs" / "r50", TrainSettings())
    run.emit(Metric(1.0, 0.1, 2.0, 0.5, 3.0, 0.25))
    run.emit(Metric(2.0, 0.1, math.nan, math.nan, 1.0, 0.75))
    x = torch.rand(64, 4, generator=torch.Generator().manual_seed(0))
    model = torch.nn.Linear(4, 3)
    given = {
        "model": model, "data": [(x, torch.arange(64) % 3)],
        "plane": isoloss.random_plane(model),
    }  # fmt: skip
    page = (REPOSITORY / "docs" / "tracking.md").read_text(encoding="utf-8")
    for block in page.split("```python\n")[1:]:
        exec(compile(block.split("```")[0], "tracking.md", "exec"), given)
    assert any("probe/done" in each for each in told)
    assert told[-1] == {"landscape": (1600, 1000)}
    assert scalars == [
        ("loss/train", 2.0, 1000), ("loss/test", 3.0, 1000), ("accuracy/test", 0.25, 1000),
        ("loss/test", 1.0, 2000), ("accuracy/test", 0.75, 2000),
    ]  # fmt: skip


def test_every_example_is_run():
    """A new example needs a test here."""
    tests = Path(__file__).read_text(encoding="utf-8")
    numbered = {path.stem for path in EXAMPLES.glob("[0-9]*.py")}
    assert {name for name in numbered if f'example("{name}")' not in tests} == set()
