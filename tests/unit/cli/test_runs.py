"""`isoloss runs`: the run library in a terminal."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from isoloss.cli.main import main
from isoloss.cli.runs_table import table
from isoloss.events import Done, Failed, Metric
from isoloss.library.about import About
from isoloss.library.entry import Entry
from isoloss.run import Run
from isoloss.settings import TrainSettings


@pytest.fixture(autouse=True)
def two_runs(tmp_path, monkeypatch):
    """A training that is done and, later, one that has failed, in ./runs."""
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    good = Run.create(tmp_path / "runs" / "good", TrainSettings())
    good.emit(Metric(1, 0.1, 1.0, 0.5, 1.0, 0.875))
    good.emit(Done(60.0))
    bad = Run.create(tmp_path / "runs" / "bad", TrainSettings(lr=0.5))
    later = time.time() + 1
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: later)
        bad.emit(Failed("no memory"))


def listed(capsys, *words):
    code = main(["runs", *words])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    return out.splitlines()


def test_all_runs_the_newest_first(capsys):
    header, first, second, counted = listed(capsys)
    assert " ".join(header.split()) == (
        "Name Kind State Key figure Differs in Network Data Date Size"
    )
    assert first.split()[0] == "bad"
    assert "failed  no memory" in first
    assert "Learning rate 0.5" in first
    assert second.split()[0] == "good"
    assert "test accuracy 87.5 %" in second
    assert counted.startswith("2 runs, ")


def test_words_folders_and_order(capsys, tmp_path):
    assert [line.split()[0] for line in listed(capsys, "state:failed")[1:]] == ["bad", "1"]
    assert listed(capsys, "nothing")[-1] == "0 of 2 runs, 0 B"
    by_rate = listed(capsys, str(tmp_path / "runs"), "--sort", "lr", "--reverse")
    assert [line.split()[0] for line in by_rate[1:3]] == ["good", "bad"]
    (tmp_path / "empty").mkdir()
    assert listed(capsys, "empty") == ["0 runs, 0 B"]
    assert [line.split()[0] for line in listed(capsys, "runs/good")[1:]] == ["good", "1"]


def test_json_has_a_line_for_each_run(capsys, tmp_path):
    runs = [json.loads(line) for line in listed(capsys, "--json")]
    assert [run["name"] for run in runs] == ["bad", "good"]
    assert runs[0]["differs"] == {"lr": 0.5}
    assert runs[1]["figures"] == {"accuracy": 0.875, "loss": 1.0, "epoch": 1.0}
    assert runs[1]["folder"] == str(tmp_path / "runs" / "good")


def test_runs_are_tagged_noted_and_renamed(capsys):
    words = ["--tag", "paper", "#v2", "--note", "the best", "--favourite", "yes", "--name", "Best"]
    listed(capsys, "good", *words)
    assert listed(capsys, "tag:v2", "favourite:yes", "best")[1].split()[:2] == ["★", "Best"]
    listed(capsys, "tag:paper", "--untag", "v2", "--favourite", "no")
    (run,) = [json.loads(line) for line in listed(capsys, "tag:paper", "--json")]
    assert run["about"] == {
        "name": "Best", "tags": ["paper"], "note": "the best", "favourite": False
    }  # fmt: skip


def test_runs_go_to_the_trash(capsys, tmp_path):
    (said,) = listed(capsys, "state:failed", "--trash")
    assert said.startswith("bad: moved to the trash, ")
    assert not (tmp_path / "runs" / "bad").exists()
    assert (tmp_path / "data" / "Trash" / "files" / "bad").is_dir()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--trash"], "say which runs"),
        (["zebra", "--trash"], "there is no such run"),
        (["a", "--name", "x"], "--name is for one run, not for 2"),
        (["--sort", "weight"], "no 'weight'"),
        (["good", "--tag", "two words"], "one word"),
        (["./gone"], "there is no folder ./gone"),
        (["colour:red"], "no 'colour'"),
    ],
)
def test_mistakes_are_one_line(capsys, tmp_path, words, message):
    assert main(["runs", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("isoloss: ")
    assert err.count("\n") == 1
    assert message in err
    assert (tmp_path / "runs" / "bad").exists()


def test_no_line_is_wider_than_the_terminal():
    long = "run-of-a-very-long-name-" * 3
    runs = [
        Entry(tmp, "train", "resnet50", "cifar10", 1e9, "failed", "out of memory: choose less")
        for tmp in (Path(f"/{long}{k}") for k in range(3))
    ]
    for width in (200, 120, 80, 40, 20, 5):
        lines = table(runs, width)
        assert max(map(len, lines)) <= width
        assert lines[1].startswith("run-"[: width - 1])
    whole = table(runs, None)
    assert long in whole[1]
    assert "out of memory: choose less" in whole[1]


def test_what_a_terminal_would_obey_is_not_printed(tmp_path):
    entry = Entry(tmp_path / "a\x1b[2J\tb", about=About(note="x"), problem="line\nbreak\x07")
    text = "\n".join(table([entry], None))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "line break" in text


def test_wide_letters_take_two_columns(tmp_path):
    runs = [Entry(tmp_path / name, "train", "net", state="done") for name in ("損失", "loss")]
    lines = table(runs, None)
    assert lines[1].index("train") == lines[2].index("train") - 2
