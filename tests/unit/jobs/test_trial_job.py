"""Trials: what they have found, and why they have failed."""

import subprocess
import sys
import time

import pytest

from isoloss.jobs import trial_job
from isoloss.jobs.trial_job import TrialJob

SAID = """print('{"seconds": 12.5, "memory": 3}')"""
LOUD = "print('a batch\\n' * 40_000)\n"


@pytest.fixture
def trial_of(monkeypatch):
    """Begins a trial of a program in place of ours, and waits for its end."""

    def trial_of(program):
        monkeypatch.setattr(
            trial_job,
            "spawn",
            lambda _, nice, **options: subprocess.Popen([sys.executable, "-c", program], **options),
        )
        trial, deadline = TrialJob(["train"]), time.monotonic() + 30
        while not trial.is_done and time.monotonic() < deadline:
            time.sleep(0.01)
        assert trial.is_done
        return trial

    return trial_of


def test_a_trial_says_what_the_whole_will_take(trial_of):
    assert trial_of(SAID).found == (12.5, 3)


def test_a_network_that_prints_more_than_a_pipe_holds_is_tried_too(trial_of):
    assert trial_of(LOUD + SAID).found == (12.5, 3)


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        ("import sys; sys.exit('isoloss: there is no such network')", "there is no such network"),
        (LOUD, "the trial was stopped"),
        ("", "the trial was stopped"),
    ],
)
def test_a_trial_that_fails_says_why(trial_of, program, problem):
    trial = trial_of(program)
    assert (trial.found, trial.problem) == (None, problem)
