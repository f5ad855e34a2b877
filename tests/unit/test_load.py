"""What else the machine did while something was measured."""

import os
import time

import pytest

from isoloss.bench import load as module
from isoloss.bench.load import Load

HERTZ = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def clocks(tmp_path, monkeypatch):
    """Sets how many seconds have passed, all processors have been busy, and this process was."""
    stat = tmp_path / "stat"

    def set_to(passed, busy, own):
        ticks = int(busy * HERTZ)
        # Idle and waiting for disks is not busy; a guest's time is within the user's.
        stat.write_text(f"cpu  {ticks} 0 0 999999 5000 0 0 0 777 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
        monkeypatch.setattr(time, "monotonic", lambda: 100.0 + passed)
        monkeypatch.setattr(module, "_own", lambda: 3.0 + own)
        return stat

    return set_to


def test_what_others_took_is_all_but_our_own(clocks):
    load = Load(clocks(0, 50, 0))
    clocks(10, 50 + 14, 8)
    assert load.others == pytest.approx(0.6, abs=0.01)
    assert "others took 0.60 of" in load.in_words
    assert load.as_json()["others"] == 0.6


def test_nobody_took_less_than_nothing(clocks):
    load = Load(clocks(0, 50, 0))
    clocks(10, 51, 8)  # ticks are coarse
    assert load.others == 0.0


@pytest.mark.parametrize("text", [None, "", "cpu one two", "cpu 1 2"])
def test_where_the_system_does_not_tell_nothing_is_said_of_others(tmp_path, monkeypatch, text):
    stat = tmp_path / "stat"
    if text is not None:
        stat.write_text(text)
    monkeypatch.setattr(module, "_average", lambda: None)
    load = Load(stat)
    assert load.others is None
    assert load.in_words == "the machine's load is not told here"
    assert load.as_json()["others"] is None


def test_this_machine_tells():
    load = Load()
    assert load.before == pytest.approx(os.getloadavg()[0], abs=2)
    assert load.others is None or 0 <= load.others <= 2 * os.cpu_count()
