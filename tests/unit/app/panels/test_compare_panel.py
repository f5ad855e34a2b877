"""How the compare panel divides its room between plots and table."""

from __future__ import annotations

import pytest

from isoloss.app.panels.compare_panel import GAP, LEAST, LOWEST, below, columns
from isoloss.app.panels.plots import compare_plot
from isoloss.figures import comparison


@pytest.mark.parametrize(
    ("room", "needed", "height"),
    [
        ((56, 24), 4.6, 4.6),  # a few runs, a window of 1280 × 800: all of them below
        ((56, 24), 12, None),  # more of them: beside, in full
        ((44, 14), 8, 14 - GAP - LOWEST),  # no room beside: plots are seen whole
        ((23, 11.9), 12, LEAST),  # larger text in a small window
        ((66, 35), 60, 0.42 * 35),  # many runs, a large window
        ((70, 9), 4, None),  # docked at the bottom
        ((23, 5), 12, 0.0),  # docked there, with larger text in a small window: plots alone
    ],
)
def test_the_table_stands_where_the_plots_have_room(room, needed, height):
    assert below(*room, needed) == (height if height is None else pytest.approx(height))


@pytest.mark.parametrize(
    ("count", "room", "beside"),
    [(3, (56, 18), 3), (3, (25.2, 20), 2), (4, (56, 30), 2), (3, (23, 9), 1), (1, (9, 4), 1)],
)
def test_all_plots_are_seen_where_they_can_be(count, room, beside):
    assert columns(count, *room) == beside


@pytest.mark.parametrize("dashes", [compare_plot.DASHES, comparison.DASHES])
def test_what_a_defense_is_attacked_by_is_dashed_each_in_a_way_of_its_own(dashes):
    attacks = ("PGD", "transfer", "BPDA", "EOT", "Square")
    assert len(set(dashes)) == len(dashes) >= len(attacks)
