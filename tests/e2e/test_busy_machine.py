"""What processes get of a machine that is not theirs alone, as the system and OpenMP say it."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from isoloss.jobs.process import spawn
from isoloss.system.priority import NICENESS

SAID = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY", "OMP_NUM_THREADS")
BARE = {k: v for k, v in os.environ.items() if k not in SAID}


def told(code: str, *before: str, **environment: str) -> str:
    """What a fresh process prints, and OpenMP says when it is loaded."""
    done = subprocess.run(
        [*before, sys.executable, "-c", code],
        env=BARE | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def spins(text: str) -> str:
    return next(line for line in text.splitlines() if "GOMP_SPINCOUNT" in line).split("'")[1]


@pytest.mark.parametrize(
    ("code", "environment", "expected"),
    [
        ("import isoloss, torch", {}, "1000"),
        ("from isoloss.cli import entry; LOAD", {}, "1000"),
        ("import isoloss; LOAD", {"OMP_WAIT_POLICY": "ACTIVE"}, "30000000000"),  # the user's
        ("LOAD; import isoloss", {}, "300000"),  # too late
    ],
)
def test_openmp_has_been_told_before_it_is_loaded(code, environment, expected):
    (library,) = Path(find_spec("torch").origin).parent.glob("lib/libgomp*")
    code = code.replace("LOAD", f"import ctypes; ctypes.CDLL({str(library)!r})")
    assert spins(told(code, OMP_DISPLAY_ENV="verbose", **environment)) == expected


def test_processors_are_counted_as_nproc_does():
    count = "from isoloss.system.processors import allotted; print(allotted())"
    for before, environment in (
        ([], {}),
        (["taskset", "-c", "0"], {}),
        ([], {"OMP_NUM_THREADS": "3"}),
        ([], {"OMP_NUM_THREADS": "3", "OMP_THREAD_LIMIT": "2"}),
    ):
        nproc = subprocess.run(
            [*before, "nproc"], env=BARE | environment, capture_output=True, text=True, check=True
        )
        assert told(count, *before, **environment) == nproc.stdout


@pytest.mark.parametrize("nice", [False, True])
def test_a_job_begins_behind_where_it_is_to(nice):
    process = spawn(["view", "--help"], nice=nice, stdout=subprocess.PIPE)
    before = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        found = os.getpriority(os.PRIO_PROCESS, process.pid)
    finally:
        process.communicate()
    assert found == (max(before, NICENESS) if nice else before)


@pytest.mark.parametrize(
    ("words", "expected"), [(["--nice"], NICENESS), (["--no-nice"], 0), ([], 0)]
)
def test_a_command_line_steps_back_when_it_is_asked_to(words, expected, tmp_path):
    code = (
        "import os, sys; from isoloss.cli import main; sys.stderr = open(os.devnull, 'w');"
        f"main.main(['run', {str(tmp_path)!r}, *{words!r}]); print(os.nice(0))"
    )
    before = os.getpriority(os.PRIO_PROCESS, 0)
    assert int(told(code)) == max(before, expected)


def test_the_measuring_tool_says_how_it_is_used():
    tool = Path(__file__).parents[2] / "tools/measure_busy.py"
    done = subprocess.run([sys.executable, tool, "--help"], capture_output=True, text=True)
    assert "--beside" in done.stdout
