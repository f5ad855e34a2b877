"""How much room the sides have, in windows and with texts of any size."""

from __future__ import annotations

import pytest

from isoloss.app.state.layout.sides import (
    BARS,
    HIGH,
    LEFT,
    LOWEST,
    MIDDLE,
    RIGHT,
    fitted,
    height,
    height_at_first,
    place_in,
    side_of,
    side_of_place,
    widths,
    without_room,
)

EVERYDAY = {
    "1100 × 700": (1100 / 15, 700 / 15),
    "1280 × 800": (1280 / 15, 800 / 15),
    "1920 × 1080": (1920 / 15, 1080 / 15),
    "4K, twice the scale": (3840 / 30, 2160 / 30),
    "4K": (3840 / 15, 2160 / 15),
}


@pytest.mark.parametrize("size", EVERYDAY.values(), ids=EVERYDAY)
def test_in_a_usual_window_all_sides_have_room_and_most_is_the_middles(size):
    assert without_room(*size) == frozenset()
    left, right = widths(size[0])
    assert left >= LEFT[0]
    assert right >= RIGHT[0]
    assert size[0] - left - right >= max(MIDDLE, 0.44 * size[0])


def test_the_left_side_gives_way_before_the_others():
    assert without_room(1100 / 22.5, 700 / 22.5) == {"left"}
    assert without_room(40, 60) == without_room(90, 23) == {"left", "right", "bottom"}


@pytest.mark.parametrize("across", [64, 75, 90, 130, 260])
@pytest.mark.parametrize("sides", [(15, 24), (30, 60), (5, 5), (100, 100), (16, 24)])
def test_sides_that_are_fitted_leave_the_middle_its_least(across, sides):
    left, right = fitted(*sides, across)
    assert left >= LEFT[0]
    assert right >= RIGHT[0]
    assert across - left - right >= MIDDLE - 1e-9
    assert fitted(left, right, across) == pytest.approx((left, right))


def test_where_there_is_room_sides_keep_their_widths():
    assert fitted(20, 30, 90) == (20, 30)
    assert fitted(0, 30, 60) == (0, 30)
    assert fitted(20, 0, 60) == (20, 0)
    assert fitted(0, 0, 10) == (0, 0)


def test_where_there_is_too_little_for_all_texts_come_first():
    assert fitted(15, 24, 40) == (15, 24)
    assert fitted(0, 40, 30) == (0, 24)


@pytest.mark.parametrize(
    ("panel", "side"),
    [
        ((0, 20, 200, 700), "left"),
        ((803, 20, 1000, 300), "right"),
        ((203, 503, 800, 700), "bottom"),
        ((203, 0, 800, 20), "bottom"),
        ((100, 100, 400, 400), None),
        ((200, 20, 800, 500), None),
    ],
)
def test_a_side_is_where_a_panel_lies(panel, side):
    assert side_of(panel, (203, 20, 800, 500)) == side


def test_places_belong_to_sides():
    places = ["Left", "LeftBottom", "Right", "RightBottom", "Bottom", "MainDockSpace"]
    sides = ["left", "left", "right", "right", "bottom", None]
    assert [side_of_place(place) for place in places] == sides


@pytest.mark.parametrize("text", [1.0, 1.25, 1.5])
@pytest.mark.parametrize("share", [0.27, 0.38, 0.42])
def test_the_lower_panels_keep_a_height_that_is_of_use(text, share):
    down = 700 / (15 * text)
    bottom = height_at_first(share, down)
    assert bottom >= LOWEST
    assert down - BARS - bottom >= HIGH
    assert height(bottom, down) == pytest.approx(bottom)
    assert height(4.0, down) == pytest.approx(LOWEST)


def test_what_a_person_has_made_high_is_bounded_by_the_window_alone():
    assert height(30, 80) == 30
    assert height(30, 40) == 40 - BARS - HIGH
    assert height(8, 25) == pytest.approx(25 - BARS - HIGH)
    assert height(8, 23) == 8  # there is no room for both: nothing is made lower than it was
    assert height(20, 25) == LOWEST


def test_in_a_low_window_the_panels_of_a_side_share_a_place():
    assert place_in("RightBottom", 700 / 22.5) == "Right"
    assert place_in("LeftBottom", 700 / 22.5) == "Left"
    assert place_in("RightBottom", 700 / 15) == "RightBottom"
    for place in ("Bottom", "Left", "MainDockSpace"):
        assert place_in(place, 700 / 22.5) == place
