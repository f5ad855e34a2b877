"""Sweeps: the runs of one, begun together or not at all."""

from __future__ import annotations

import pytest

from isoloss.errors import IsolossError
from isoloss.library.sweeps import create_sweep
from isoloss.run import Run
from isoloss.settings import TrainSettings
from isoloss.settings.sweep import swept


def test_of_a_sweep_that_cannot_be_begun_nothing_is_left(folder, monkeypatch):
    runs = swept(TrainSettings, {}, {"seed": ("0", "1", "2")})
    create_sweep(folder / "a", runs[:1])
    (folder / "a-seed2").mkdir()
    (folder / "a-seed2" / "notes.txt").write_text("mine")
    with pytest.raises(IsolossError, match="a-seed2 exists and is not a run"):
        create_sweep(folder / "a", runs)
    assert sorted(p.name for p in folder.iterdir()) == ["a-seed0", "a-seed2"]
    assert (folder / "a-seed2" / "notes.txt").read_text() == "mine"

    def full(*_):
        raise IsolossError("cannot write about.json: No space left on device")

    monkeypatch.setattr("isoloss.library.sweeps.write_about", full)
    with pytest.raises(IsolossError, match="No space left"):
        create_sweep(folder / "b", runs)
    assert not list(folder.glob("b*"))
    assert Run.open(folder / "a-seed0").settings == runs[0].settings
