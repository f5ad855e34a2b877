"""Runs that an earlier version began, and that were killed: resumed, they end as it would have
ended them (`begun_before/README.md`)."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
from tests.runs.run_contents import differences, large_differences

from isoloss.results.tables import read_table
from isoloss.run import Run
from isoloss.work import resume

HERE = Path(__file__).parent / "begun_before"
NAMES = sorted(path.parent.name for path in HERE.glob("*/killed"))


@pytest.fixture
def with_tinynet(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    yield
    sys.modules.pop("tinynet", None)


def put(name: str, parent: Path) -> Path:
    """The killed run's folder, as it was where it was killed."""
    folder = parent / name
    shutil.copytree(HERE / name / "killed", folder)
    file, asked = folder / "run.json", HERE / name / "asked.txt"
    text = file.read_text(encoding="utf-8").replace("{FOLDER}", str(HERE))
    if asked.exists():
        settings = asked.read_text(encoding="utf-8").rstrip("\n").replace("{FOLDER}", str(HERE))
        text = text.replace("{SETTINGS}", hashlib.sha256(settings.encode()).hexdigest())
    file.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("one_thread", "with_tinynet")
def test_a_run_that_an_earlier_version_began_ends_as_that_would_have_ended_it(name, tmp_path):
    folder, expected = put(name, tmp_path), HERE / name / "expected"
    for _ in resume(Run.open(folder)):
        pass
    made_on = json.loads((expected / "made_on.json").read_text(encoding="utf-8"))
    if Run.open(folder).settings.kind in ("attack", "defend"):
        told = {(row.defense, row.eps) for row in read_table(folder / "robustness.csv")}
        worst = [row for row in read_table(folder / "robustness.csv") if row.is_worst_case]
        assert {(row.defense, row.eps) for row in worst} == told
    here = torch.backends.cpu.get_cpu_capability(), str(torch.__version__)
    if here == (made_on["cpu_capability"], made_on["torch"]):
        assert large_differences(expected, folder, 1e-12) == []
        # Estimates to a tolerance are summed in another order by now.
        assert name == "probe-tolerance" or differences(expected, folder) == []
    elif name != "train-adamw":
        assert large_differences(expected, folder, 0.02) == []
    else:
        assert Run.open(folder).is_done


def test_there_are_runs_of_all_kinds():
    kinds = {Run.open(HERE / name / "killed").settings.kind for name in NAMES}
    assert kinds == {"train", "probe", "attack", "defend", "certify"}
