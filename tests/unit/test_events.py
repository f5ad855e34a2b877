"""Events as lines of a file."""

import json
import math

import pytest

from isoloss.events import (
    LONGEST,
    Done,
    Failed,
    Log,
    Metric,
    Paused,
    Progress,
    Started,
    from_line,
    to_line,
)


@pytest.mark.parametrize(
    "event",
    [
        Started(7, "cpu"), Progress("probe", 3, 9, 1.5, "cells"), Metric(1.5, 0.1, math.nan, 0.5),
        Log("Grüße\n{}"), Done(1.25), Paused(), Failed("why"),
    ],
)  # fmt: skip
def test_events_survive_their_line(event):
    line = to_line(event, 12.5)
    assert "\n" not in line
    json.loads(line, parse_constant=lambda c: pytest.fail(f"{c} is not JSON"))
    time, back = from_line(line)
    assert time == 12.5
    assert repr(back) == repr(event)


@pytest.mark.parametrize("line", ["", "{", "[]", "7", '{"event": "x", "time": 1}', '{"event": 3}',
                                  '{"event": "done", "time": "x"}', "[" * 10_000,
                                  '{"event": "started", "time": 1, "pid": "all"}',
                                  '{"event": "metric", "time": 1, "epoch": "x"}'])  # fmt: skip
def test_damaged_lines_are_passed_over(line):
    assert from_line(line) is None


@pytest.mark.parametrize("kind", [Failed, Log])
@pytest.mark.parametrize("letter", ["x", "\N{GRINNING FACE}"])
def test_of_megabytes_of_text_the_beginning_is_left(kind, letter):
    whole = kind(letter * LONGEST)
    assert from_line(to_line(whole, 0.0)) == (0.0, whole)
    line = to_line(kind("why: " + letter * 5_000_000), 0.0)
    assert len(line) < 1 << 16, "more than is read at once"
    _, back = from_line(line)
    assert back.message.startswith(f"why: {letter}")
    assert back.message.endswith(" …")
