"""When the cells of a growing surface count as a stream."""

from __future__ import annotations

import pytest

from isoloss.app.state.motion import FLUENT, Flow
from isoloss.app.state.runs.live_surface import PERIOD


def fed(gap: float, cells: int, period: float = PERIOD, looks: int = 5) -> tuple[Flow, float]:
    """A flow after some looks that each found new cells, and the time of the last."""
    flow, now = Flow(), 100.0
    for _ in range(looks):
        now += gap
        flow.feed(now, cells, period)
    return flow, now


@pytest.mark.parametrize(
    ("gap", "cells", "period", "fluent"),
    [
        (0.08, 16, 0.08, True),  # 200 cells a second
        (0.08, 1, 0.08, True),
        (0.24, 1, 0.08, False),  # four a second: each is worth a way of its own
        (2.0, 625, 0.08, False),  # all at once, now and then
        (0.8, 160, 0.8, True),  # a stream that drawing cannot keep up with
    ],
)
def test_a_stream_is_close_and_cell_by_cell(gap, cells, period, fluent):
    flow, now = fed(gap, cells, period)
    assert flow.is_fluent(now + 0.9 * gap) == fluent


def test_a_stream_ends():
    flow, now = fed(0.08, 16)
    assert flow.is_fluent(now + 3 * FLUENT)
    assert not flow.is_fluent(now + 5 * FLUENT)
    flow.feed(now + 10, 1, PERIOD)
    assert not flow.is_fluent(now + 10)


def test_the_first_cells_are_no_stream():
    flow, now = fed(0.08, 16, looks=1)
    assert not flow.is_fluent(now)
