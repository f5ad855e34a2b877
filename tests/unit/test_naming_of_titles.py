"""Titles and names as they are drawn: every sign of them, in lines that fit."""

import random

import pytest

from isoloss.naming import LONGEST_DRAWN, drawable
from isoloss.shortening import in_lines, without_middle


def up_to(width):
    return lambda text: len(text) <= width


@pytest.mark.parametrize("text", ["a$\\b$ 50 % & <b>", "_x", "  two  spaces", "שלום 🏔 e\u0301"])
def test_what_can_be_drawn_stays_as_it_is(text):
    assert drawable(text) == text


def test_signs_that_control_a_device_are_left_out():
    assert drawable("a\x00b\x1bc\x7fd\te\ud800") == "abcd e\ufffd"


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r", "\v", "\x85", "\u2028"])
def test_every_end_of_a_line_is_one(ends):
    assert drawable(f"one{ends}two{ends}") == "one\ntwo"


def test_lines_are_broken_between_words():
    assert in_lines("mean of five random planes", 3, up_to(12)) == [
        "mean of five",
        "random",
        "planes",
    ]
    assert in_lines("損失損失損失", 3, up_to(4)) == ["損失損失", "損失"]
    assert in_lines("one\ntwo", 2, up_to(9)) == ["one", "two"]


def test_the_middle_of_what_is_too_long_is_left_out():
    assert without_middle("abcdefghij", up_to(7)) == "abc…hij"
    assert in_lines("resnet50_a and so on, epoch 90", 1, up_to(19)) == ["resnet50_a…epoch 90"]


def test_any_text_fits_in_any_room():
    generator = random.Random(0)
    for _ in range(2000):
        text = "".join(generator.choice("ab  \nc損") for _ in range(generator.randrange(80)))
        most, width = generator.randrange(1, 4), generator.randrange(1, 30)
        lines = in_lines(text, most, up_to(width))
        assert 1 <= len(lines) <= most
        assert all(len(line) <= width for line in lines), (text, most, width, lines)
        if len(text) <= width and "\n" not in text:
            assert lines == [text]


def test_of_what_nobody_could_read_the_middle_is_left_out():
    long = "a" * 10**6 + "b" * 10**6
    assert drawable(long) == "a" * (LONGEST_DRAWN // 2) + "…" + "b" * (LONGEST_DRAWN // 2)
    assert drawable("a" * LONGEST_DRAWN) == "a" * LONGEST_DRAWN
