"""The words by which runs are found and sorted, on the command line and in the window."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from isoloss.errors import IsolossError
from isoloss.library.about import About
from isoloss.library.entry import Entry
from isoloss.library.query import in_order, query

NOON = datetime(2026, 11, 28, 12).timestamp()
RUNS = [
    Entry(
        Path("/runs/resnet20-digits"),
        "train",
        "resnet20",
        "digits",
        NOON,
        "done",
        figures={"accuracy": 0.95, "loss": 0.2},
        settings={"lr": 0.05, "epochs": 20, "optimizer": "sgd", "denoiser_lr": None},
        size=2_000_000,
        seconds=90.0,
        about=About("First try", ("paper", "v2"), "Higher rate", favourite=True),
    ),
    Entry(
        Path("/runs/vgg11-digits"),
        "train",
        "vgg11",
        "digits",
        NOON + 86400,
        "failed",
        "out of memory: choose a smaller --batch-size",
        figures={"loss": 2.3},
        settings={"lr": 0.1, "epochs": 20, "optimizer": "adam"},
        size=900,
        about=About(tags=("thesis",)),
    ),
    Entry(
        Path("/cluster/vgg11-pca"),
        "probe",
        "vgg11",
        "cifar10",
        NOON + 2 * 86400,
        "running",
        figures={"lowest": 0.1, "highest": 7.0, "loss": 0.1},
        settings={"grid": [51, 51], "alpha_range": [-1.0, 1.0], "per_batch": True, "lr": None},
        size=40_000_000_000,
        device="cuda:1",
    ),
    Entry(
        Path("/cluster/attack"),
        "attack",
        "vgg11",
        "cifar10",
        NOON + 2 * 86400 + 60,
        "damaged",
        "run.json is not valid JSON",
        settings={"eps": [0.01, 8 / 255]},
    ),
]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", "abcd"),
        ("vgg11", "bcd"),
        ("VGG11 digits", "b"),
        ('"higher rate"', "a"),
        ("higher rate", "a"),
        ("memory", "b"),
        ("kind:train", "ab"),
        ("kind:train,attack", "abd"),
        ("kind!=train", "cd"),
        ("kind!=train,attack", "c"),
        ("network:resnet", "a"),
        ("network=vgg", ""),
        ("network=VGG11", "bcd"),
        ("state:failed", "b"),
        ("tag:paper", "a"),
        ("tag:paper,thesis", "ab"),
        ("tag!=paper", "bcd"),
        ("tag:none", "cd"),
        ("note:rate", "a"),
        ('name="First try"', "a"),
        ("name:resnet20-digits", "a"),
        ("favourite:yes", "a"),
        ("folder:cluster", "cd"),
        ("device:cuda", "c"),
        ("accuracy>0.9", "a"),
        ("accuracy>90%", "a"),
        ("accuracy>=95%", "a"),
        ("accuracy>95%", ""),
        ("accuracy<0.9", ""),
        ("loss<=0.2", "ac"),
        ("highest>1", "c"),
        ("size>1GB", "c"),
        ("size<=1kB", "bd"),
        ("time<2min", "a"),
        ("time>1.5min", ""),
        ("date:2026-11-29", "b"),
        ("date>=2026-11-29", "bcd"),
        ("date>2026-11-28", "bcd"),
        ("date<=2026-11-28", "a"),
        ("date:2026-11", "abcd"),
        ("date<2026-11", ""),
        ("epochs:20", "ab"),
        ("lr:0.05", "a"),
        ("lr=0.050", "a"),
        ("lr>0.05", "b"),
        ("lr:none", "cd"),
        ("optimizer:adam kind:train", "b"),
        ("grid:51", "c"),
        ("alpha-range<0", "c"),
        ("per_batch:yes", "c"),
        ("eps:8/255", "d"),
        ("eps:0.0", ""),
        ("time:none kind:train", "b"),
    ],
)
def test_words_find_runs(words, found):
    wanted = query(words)
    assert "".join("abcd"[k] for k, run in enumerate(RUNS) if wanted(run)) == found


def test_words_one_by_one_are_the_same_and_may_have_blanks():
    assert [run for run in RUNS if query(["note:higher rate"])(run)] == [RUNS[0]]
    assert [run for run in RUNS if query(["kind:train", "vgg11"])(run)] == [RUNS[1]]


def test_today_is_a_date():
    now = datetime.now()
    days = [now, now - timedelta(days=1), now - timedelta(days=2)]
    runs = [Entry(Path(f"/{k}"), began=day.timestamp()) for k, day in enumerate(days)]
    assert [query("date:today")(run) for run in runs] == [True, False, False]
    assert [query("date>=yesterday")(run) for run in runs] == [True, True, False]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("colour:red", "runs have no 'colour'"),
        ("torchvision:resnet18", '"torchvision:…"'),
        ("accuracy>", "say what accuracy> is to be, for example accuracy>0.9"),
        ("kind:", "for example kind:probe"),
        ("accuracy>high", "takes a number, not 'high'"),
        ("size>3bananas", "takes a number"),
        ("date>=november", "takes a day such as 2026-11-30, not 'november'"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(words, message):
    with pytest.raises(IsolossError, match=message.replace("|", r"\|")) as caught:
        query(words)
    assert "\n" not in str(caught.value)


def test_a_text_in_quotes_is_no_field():
    entry = Entry(Path("/x"), about=About(note="from torchvision:resnet18"))
    assert query('"torchvision:resnet18"')(entry)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("date", "dcba"),
        ("name", "dabc"),
        ("size", "cabd"),
        ("accuracy", "abcd"),
        ("loss", "bacd"),
        ("lr", "bacd"),
        ("time", "abcd"),
        ("figure", "cabd"),
    ],
)
def test_sorting_by_a_field(field, expected):
    order = in_order(RUNS, field)
    assert "".join("abcd"[RUNS.index(run)] for run in order) == expected


def test_sorted_the_other_way_what_has_none_is_still_last():
    order = in_order(RUNS, "loss", reverse=True)
    assert "".join("abcd"[RUNS.index(run)] for run in order) == "cabd"
    with pytest.raises(IsolossError, match="no 'weight'"):
        in_order(RUNS, "weight")
