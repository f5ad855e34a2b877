"""Labels of ticks: each is its value, and no two are the same."""

import itertools
import math

import numpy as np
import pytest

from isoloss.geometry.fitting import fitting_ticks
from isoloss.geometry.height import HeightScale, SignedScale
from isoloss.geometry.ticks import log_ticks, nice_ticks, number_label, told_apart

RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")


def value_of(label: str) -> float:
    """The number that a person reads."""
    if "10" in label and any(c in label for c in "⁰¹²³⁴⁵⁶⁷⁸⁹"):
        mantissa, _, power = label.rpartition("10")
        mantissa = mantissa.replace("×", "").translate(RAISED) or "1"
        return float(f"{'-1' if mantissa == '-' else mantissa}e{power.translate(RAISED)}")
    return float(label.translate(RAISED))


def check(ticks, lo, hi):
    labels = [t.label for t in ticks]
    assert len(labels) >= 2, (lo, hi, labels)
    assert len(set(labels)) == len(labels), (lo, hi, labels)
    assert [value_of(t.label) for t in ticks] == [t.value for t in ticks], (lo, hi, labels)
    assert all(a.value < b.value for a, b in itertools.pairwise(ticks))


def test_labels_of_any_range_are_their_values_and_differ():
    rng = np.random.default_rng(19)
    for _ in range(4_000):
        lo = float(10 ** rng.uniform(-9, 12)) * rng.choice((-1, 0, 1, 1))
        hi = lo + float(10 ** rng.uniform(-9, 3)) * (abs(lo) or 10 ** rng.uniform(-300, 300))
        count = int(rng.integers(2, 9))
        check(nice_ticks(lo, hi, count), lo, hi)
        if lo > 0 and rng.random() < 0.2:
            check(log_ticks(lo, hi, count, dense=bool(rng.random() < 0.5)), lo, hi)


@pytest.mark.parametrize(
    ("lo", "hi", "labels"),
    [
        (0.0, 1.0, "0 1"), (-0.05, 2.06, "0 1 2"), (0.0, 4.1, "0 1 2 3 4"), (2.5, 3.5, "3"),
        (0.0, 10.3, "0 2 4 6 8 10"), (0.0, 125.0, "0 25 50 75 100 125"), (3.2, 3.9, ""),
    ],
)  # fmt: skip
def test_of_whole_numbers_there_is_nothing_between(lo, hi, labels):
    found = nice_ticks(lo, hi, 6, whole=True)
    assert " ".join(t.label for t in found) == labels
    assert all(t.value == round(t.value) == value_of(t.label) for t in found)
    scale = HeightScale("linear", lo, hi)
    for length in (60.0, 400.0):
        fitting = fitting_ticks(scale, 6, length, lambda text: 8.0 * len(text), 4.0, whole=True)
        assert all(t.value == round(t.value) for t in fitting)
        assert bool(fitting) == bool(labels)


@pytest.mark.parametrize(
    ("lo", "hi"),
    [(1.0, 1 + 1e-12), (1.0, 1 + 4e-16), (0.0, 5e-322), (5e-324, 1e-322), (-1e308, 1e308),
     (1e300, 1.0000001e300), (-1.0, -1 + 3e-16), (0.0, 1e308)],
)  # fmt: skip
def test_the_ends_of_what_a_float_can_hold_have_labels_too(lo, hi):
    check(nice_ticks(lo, hi, 6), lo, hi)


@pytest.mark.parametrize(
    ("lo", "hi", "labels"),
    [
        (615850, 615865, ["615850", "615855", "615860", "615865"]),
        (2e-4, 2.02e-4, ["2.00×10⁻⁴", "2.01×10⁻⁴", "2.02×10⁻⁴"]),
        (2.3020, 2.3030, ["2.3020", "2.3025", "2.3030"]),
        (-100003, -100000, ["−100003", "−100002", "−100001", "−100000"]),
    ],
)
def test_a_narrow_range_has_the_digits_it_takes(lo, hi, labels):
    assert [t.label for t in nice_ticks(lo, hi, len(labels))] == labels


@pytest.mark.parametrize("scale", [HeightScale("log", 1e-310, 1e305), SignedScale(3.0, 1e-4)])
def test_other_scales_too(scale):
    check(scale.ticks(6), scale.lo, scale.hi)


def test_a_value_is_told_from_its_neighbours():
    assert number_label(615864.3) == "6.16×10⁵"
    assert told_apart(615864.3, 15) == "615864.3"
    assert told_apart(2.30259, 1e-3, 4) == "2.30259"
    assert told_apart(0.01152, 5.0, 4) == "0.01152"
    assert told_apart(math.inf, 1.0) == "∞"


def test_as_many_numbers_as_there_is_room_for():
    scale = HeightScale("linear", 0.0, 1.0)
    few = fitting_ticks(scale, 6, 12.0, lambda text: float(len(text)), 1.0)
    assert [t.label for t in few] == ["0", "0.5", "1.0"]
    assert len(fitting_ticks(scale, 6, 100.0, lambda text: float(len(text)), 1.0)) == 6
    inside = fitting_ticks(scale, 6, 12.0, lambda text: float(len(text)), 1.0, (0.0, 0.0))
    assert [t.label for t in inside] == ["0.5"]
