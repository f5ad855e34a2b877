"""The campaign against damaged files, for a moment; `tools/mutate_files.py` is the long one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from isoloss.errors import IsolossError

TOOL = Path(__file__).parents[2] / "tools" / "mutate_files.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("mutate_files", TOOL)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_damaged_files_are_opened_or_refused_in_one_line(tool, tmp_path, capsys):
    failed = tool.main(["--seed", "19", "--count", "1500", "--keep", str(tmp_path)])
    said = capsys.readouterr().out
    assert not failed, said
    assert "1500 files" in said


FAULTS = {
    "an exception": (lambda: 1 // 0, "ZeroDivisionError at test_damaged_files"),
    "a warning": (lambda: np.float64(1e308) * 10, "RuntimeWarning at test_damaged_files"),
    "two lines": (lambda: _refuse("a\nb"), "not one line"),
    "the name of an exception": (lambda: _refuse("KeyError: 'x'"), "no words"),
    "a long line": (lambda: _refuse("x" * 5000), "a long line"),
    "an exit": (lambda: _exit(3), "crash: exit code 3"),
    "a crash": (lambda: _crash(), "crash: exit code -"),
    "a hang": (lambda: _hang(), "hang: more than"),
    "memory": (lambda: bytes(10**11), "MemoryError at test_damaged_files"),
    "talk": (lambda: _talk(), "stderr: H5"),
}


def _refuse(text):
    raise IsolossError(text)


def _exit(code):
    import os

    os._exit(code)


def _crash():
    import ctypes

    ctypes.string_at(0)


def _hang():
    while True:
        pass


def _talk():
    import os

    os.write(2, b"H5 says something\n")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_not_allowed_is_found_and_kept(tool, monkeypatch, tmp_path, capsys, fault):
    act, said = FAULTS[fault]
    tried = []

    def doors(path, workspace, rng):
        tried.append(path)
        yield act if len(tried) == 2 else lambda: None

    monkeypatch.setattr(tool, "doors", doors)
    words = ["--count", "4", "--limit", "0.2", "--kinds", "session", "--keep", str(tmp_path)]
    assert tool.main(words) == 1
    out = capsys.readouterr().out
    assert said in out
    kept = tmp_path / "seed0-1"
    assert said.split(" at ")[0] in (kept / "what.txt").read_text()
    assert (kept / "s.isoloss").exists()
