"""A card stands beside what it speaks of, and an arrow leads there."""

import pytest

from isoloss.app.state.placing import arrow_between, place_beside
from isoloss.geometry.rect import extent, overlap

AREA = (0.0, 20.0, 1100.0, 700.0)
FORM = (760.0, 20.0, 1100.0, 500.0)
PICTURES = (210.0, 20.0, 750.0, 500.0)
PLOTS = (210.0, 510.0, 750.0, 690.0)
CARD = (330.0, 150.0)


@pytest.mark.parametrize(
    ("target", "panel"),
    [
        ((770.0, 450.0, 1050.0, 470.0), FORM),
        ((220.0, 540.0, 480.0, 690.0), PLOTS),
        ((230.0, 560.0, 330.0, 580.0), PLOTS),
        (FORM, FORM),
        ((0.0, 20.0, 200.0, 200.0), (0.0, 20.0, 200.0, 700.0)),
        ((210.0, 20.0, 750.0, 300.0), PICTURES),
    ],
)
def test_it_covers_neither_target_nor_panel_and_stays_inside(target, panel):
    rect = place_beside(CARD, target, AREA, [panel], 10.0)
    assert extent(rect) == CARD
    assert not overlap(rect, target)
    assert not overlap(rect, panel)
    assert rect[0] >= AREA[0]
    assert rect[1] >= AREA[1]
    assert rect[2] <= AREA[2]
    assert rect[3] <= AREA[3]


def test_it_is_as_near_as_the_gap():
    left, top, right, bottom = place_beside(CARD, (775, 300, 900, 320), AREA, [FORM], 10.0)
    assert right == 750.0  # of the panel, which it may not cover
    assert (top + bottom) / 2 == 310.0
    left, top, right, bottom = place_beside(CARD, (220, 540, 480, 690), AREA, [PLOTS], 10.0)
    assert bottom == 500.0
    assert (left + right) / 2 == pytest.approx(350.0)


def test_where_there_is_no_room_beside_it_covers_as_little_as_can_be():
    large = (100.0, 120.0, 1000.0, 600.0)
    rect = place_beside(CARD, large, AREA, [], 10.0)
    common = [max(0.0, min(rect[k + 2], large[k + 2]) - max(rect[k], large[k])) for k in (0, 1)]
    assert common[0] * common[1] == 230.0 * 50.0  # in the corner, the least of all places
    assert place_beside((2000.0, 900.0), large, AREA, [], 10.0)[:2] == AREA[:2]


def test_the_arrow_leads_from_the_edge_of_the_card_to_the_nearest_point_of_the_target():
    card = (0.0, 0.0, 100.0, 50.0)
    assert arrow_between(card, (200.0, 10.0, 300.0, 30.0)) == ((100.0, 20.0), (200.0, 20.0))
    assert arrow_between(card, (20.0, 80.0, 40.0, 90.0)) == ((30.0, 50.0), (30.0, 80.0))
    assert arrow_between(card, (150.0, 100.0, 160.0, 120.0)) == ((100.0, 50.0), (150.0, 100.0))
    assert arrow_between(card, (50.0, 20.0, 300.0, 90.0)) is None
