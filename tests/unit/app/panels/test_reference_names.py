"""Where the names of published results stand beside the ends of their lines."""

from __future__ import annotations

import pytest

from isoloss.app.panels.plots.reference_lines import room_beside


@pytest.mark.parametrize(
    ("y", "taken", "expected"),
    [
        (50.0, [], 45.0),
        (50.0, [20.0], 45.0),
        (50.0, [40.0], 50.0),
        (50.0, [40.0, 50.0], None),
        (50.0, [46.0], None),
        (50.0, [35.0, 55.0], 45.0),
        (50.0, [36.0, 46.0], None),
    ],
)
def test_a_name_stands_beside_its_end_or_nowhere(y, taken, expected):
    assert room_beside(y, taken, line=10.0) == expected
