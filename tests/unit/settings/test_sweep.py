"""Fields that take several values: a run for each combination."""

from __future__ import annotations

from pathlib import Path

import pytest

from isoloss.errors import IsolossError
from isoloss.settings import AttackSettings, ProbeSettings, TrainSettings
from isoloss.settings.sweep import several, swept, values_in


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.1,0.01", ["0.1", "0.01"]),
        ("0..3", ["0", "1", "2", "3"]),
        ("0..1, 7", ["0", "1", "7"]),
        ("pgd;pgd,square", ["pgd", "pgd,square"]),
        ("-1 1;-2 2", ["-1 1", "-2 2"]),
        ("3,3, 3", ["3"]),
        ("a..b", ["a..b"]),
        ("", []),
        (" , ", []),
    ],
)
def test_values_as_they_are_typed(text, values):
    assert values_in(text) == values


def test_the_last_field_changes_fastest():
    runs = swept(TrainSettings, {"epochs": 2}, several(["lr=1,2", "batch-size=8,16"]))
    assert [(r.settings.lr, r.settings.batch_size) for r in runs] == [
        (1, 8), (1, 16), (2, 8), (2, 16)
    ]  # fmt: skip
    assert {r.settings.epochs for r in runs} == {2}
    assert [r.suffix for r in runs][:2] == ["lr1-batch_size8", "lr1-batch_size16"]


def test_lists_ranges_and_names_are_values_too():
    source = {"source": Path("digits-classifier")}
    runs = swept(AttackSettings, source, several(["attacks=pgd;pgd,square", "eps=0.1;0.1 8/255"]))
    assert [(r.settings.attacks, r.settings.eps) for r in runs] == [
        ("pgd", (0.1,)),
        ("pgd", (8 / 255, 0.1)),
        ("pgd,square", (0.1,)),
        ("pgd,square", (8 / 255, 0.1)),
    ]
    assert runs[3].suffix == "attackspgd,square-eps0.1_8_255"
    runs = swept(ProbeSettings, source, several(["alpha-range=-1 1;-2 2", "grid=5x7,9"]))
    assert [(r.settings.alpha_range, r.settings.grid) for r in runs][1] == ((-1, 1), (9, 9))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lr"], "lr=0.1,0.01"),
        (["lr="], "for example"),
        (["=3"], "for example"),
        (["weight=1"], "no field 'weight'"),
        (["kind=train"], "no field 'kind'"),
        (["lr=0.1,high"], "--lr"),
        (["lr=0.1,-1"], "--lr"),
        (["lr=0.1,0.10"], "ask for the same run"),
        (["seed=0..100000"], "at most 1,000"),
        (["seed=0..99", "epochs=1..99"], "at most 1,000"),
        (["largest_sigma=1,2"], "--task denoiser"),
    ],
)
def test_what_makes_no_sense_is_one_line(words, message):
    with pytest.raises(IsolossError) as caught:
        swept(TrainSettings, {}, several(words))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
