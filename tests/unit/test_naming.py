"""Short names, and texts shortened to what fits."""

from itertools import pairwise

import pytest

from isoloss.naming import as_arguments, capitalized, duration, short_name
from isoloss.shortening import shortened


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("resnet50", "resnet50"),
        ("timm:resnet18", "resnet18"),
        ("imagefolder:/data/birds/", "birds"),
        (r"imagefolder:C:\data\birds", "birds"),
    ],
)
def test_names_are_told_by_their_last_part(name, short):
    assert short_name(name) == short


@pytest.mark.parametrize("keep_end", [False, True])
def test_texts_are_shortened_to_the_most_that_fits(keep_end):
    text = "a plane through the trajectory"
    lengths = []
    for width in range(len(text) + 3):
        part = shortened(text, lambda t, width=width: len(t) <= width, keep_end=keep_end)
        lengths.append(len(part))
        assert len(part) <= max(width, 1)
        rest = part.strip("…")
        assert text.endswith(rest) if keep_end else text.startswith(rest)
    assert part == text
    assert all(a <= b for a, b in pairwise(lengths))


def test_options_are_named_as_pythons_arguments():
    said = "--batch-size or --device cpu, no --alpha-range; --plane line - or --plane pca"
    assert as_arguments(said) == (
        "batch_size or device cpu, no alpha; isoloss.line - or isoloss.pca_plane"
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (200, "3 min 20 s"), (3599.6, "1 h"),
        (7500, "2 h 5 min"), (90_000, "25 h"), (float("inf"), "an unknown time"),
    ],
)  # fmt: skip
def test_times_are_said_as_people_say_them(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("random noise", "Random noise"),
        ("σ = 0.25", "σ = 0.25"),
        ("ε in L2", "ε in L2"),
        ("", ""),
        ("étude", "Étude"),
    ],
)
def test_labels_begin_with_a_capital_but_symbols_stay(text, expected):
    assert capitalized(text) == expected
