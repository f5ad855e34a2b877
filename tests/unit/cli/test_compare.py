"""`isoloss compare`: the table, figures and points of several runs."""

from __future__ import annotations

import csv
import json

import pytest

from isoloss.cli.main import main
from isoloss.events import Done, Log, Metric, Started
from isoloss.library.about import About, write_about
from isoloss.run import Run
from isoloss.settings import TrainSettings


@pytest.fixture(autouse=True)
def two_runs(tmp_path, monkeypatch):
    """Two trainings, of a sweep, in ./runs; the second is at work."""
    monkeypatch.setenv("ISOLOSS_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for k, name in enumerate(("b", "a")):
        run = Run.create(tmp_path / "runs" / name, TrainSettings(lr=0.1 + k))
        run.emit(Started(1, "cpu"))
        run.emit(Log("data: digits, 10 classes, 1,437 training and 100 test images"))
        run.emit(Metric(0, 0.1, 2.0, 0.5, 2.5, 0.25))
        run.emit(Metric(1, 0.1, 1.0, 0.5, 1.5, 0.5 + k / 4))
        run.emit(Done(60.0))
        write_about(run.folder, About(tags=("sweep",)))


def said(capsys, *words, code=0):
    assert main(["compare", *words]) == code
    out, err = capsys.readouterr()
    assert (err == "") == (code == 0)
    return (out or err).splitlines()


def test_the_table_is_printed_in_the_order_given(capsys):
    assert [" ".join(line.split()) for line in said(capsys, "runs/a", "runs/b")] == [
        "Run Learning rate Test accuracy Test loss Epoch",
        "a 1.1 75.0 % (65.3 to 83.1) 1.5 1",
        "b 0.1 50.0 % (39.8 to 60.2) 1.5 1",
    ]
    by_tag = said(capsys, "tag:sweep")
    assert [line.split()[0] for line in by_tag[1:]] == ["b", "a"]  # the oldest first


def test_json_has_a_line_for_each_run(capsys):
    runs = [json.loads(line) for line in said(capsys, "runs", "--json")]
    assert [run["name"] for run in runs] == ["b", "a"]
    assert runs[0]["settings"] == {"lr": 0.1}
    assert runs[0]["figures"]["test_accuracy"] == 0.5
    assert runs[0]["intervals"]["test_accuracy"] == pytest.approx([0.39832, 0.60168], abs=1e-5)


def test_the_table_or_the_points_are_written_as_csv(capsys, tmp_path):
    assert said(capsys, "runs", "-o", "table.csv") == ["table.csv"]
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["lr"] for row in rows] == ["0.1", "1.1"]
    said(capsys, "runs", "--what", "training", "--smooth", "0.5", "--part", "test",
         "-o", "points.csv")  # fmt: skip
    with (tmp_path / "points.csv").open(newline="") as file:
        points = [row for row in csv.DictReader(file) if row["plot"] == "loss"]
    assert [(p["run"], p["curve"], p["x"], p["y"]) for p in points] == [
        (run, "test", x, y) for run in "ba" for x, y in (("0.0", "2.5"), ("1.0", "1.5"))
    ]
    assert float(points[1]["smoothed"]) == pytest.approx((0.5 * 2.5 + 1.5) / 1.5)


def test_a_figure_is_written(capsys, tmp_path):
    words = ["--log", "--smooth", "0.6", "--hide", "a", "--colours", "3", "0", "--title", "Rates"]
    said(capsys, "tag:sweep", *words, "-o", "figure.svg")
    svg = (tmp_path / "figure.svg").read_text(encoding="utf-8")
    assert "Rates" in svg
    assert "moving average of weight 0.6, debiased" in svg
    assert "loss, log" in svg
    (line,) = said(capsys, "runs", "-o", "figure.png", "--json")
    assert json.loads(line)["message"] == "wrote figure.png"


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["runs", "-o", "x.gif"], "written as .pdf, .svg, .png, .html or .csv"),
        (["runs", "-o", "nowhere/x.pdf"], "cannot write nowhere/x.pdf: there is no folder"),
        (["runs/c"], "there is no folder runs/c with runs"),
        (["nothing"], "there is no run that has all of this"),
        (["runs", "--what", "radius", "-o", "x.pdf"], "none of these runs has certified accuracy"),
        (["runs", "--smooth", "1", "-o", "x.pdf"], "--smooth must be from 0 to below 1"),
        (["runs", "--hide", "c", "-o", "x.pdf"], "none of these runs is called so"),
        (["runs", "--colours", "1", "-o", "x.pdf"], "a number from 0 for each of the 2 runs"),
        (["runs", "--width-mm", "1", "-o", "x.pdf"], "--width-mm must be from 20 to 2000"),
    ],
)
def test_mistakes_are_one_line(capsys, tmp_path, words, wrong):
    (line,) = said(capsys, *words, code=2)
    assert wrong in line
    assert not [*tmp_path.glob("x.*")]
