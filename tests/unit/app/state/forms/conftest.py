"""A working folder with what forms may name: training runs, checkpoints, a person's own code."""

from __future__ import annotations

from pathlib import Path

import pytest

from isoloss.run import Run
from isoloss.settings import TrainSettings

CODE = """
def net(num_classes): ...
def load(): ...
def squared(network, batch): ...
def attack(model, x, y, eps): ...
"""


def _train(folder: Path, checkpoints: int = 3, **asked) -> Run:
    """A training run that has left so many checkpoints."""
    run = Run.create(folder, TrainSettings(**asked))
    run.checkpoints.mkdir()
    for k in range(checkpoints):
        (run.checkpoints / f"{k:04d}.safetensors").touch()
    return run


@pytest.fixture
def train():
    """Makes a training run in a folder, which has left some checkpoints."""
    return _train


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """The working folder: `runs/a` has 3 checkpoints, `ckpts` two files, `mine.py` functions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    _train(tmp_path / "runs" / "a")
    (tmp_path / "ckpts").mkdir()
    for name in ("1.pt", "2.pt"):
        (tmp_path / "ckpts" / name).touch()
    (tmp_path / "mine.py").write_text(CODE)
    return tmp_path
