"""The page of a training run, and of runs of several kinds beside each other."""

import json
import re
import time
from xml.etree import ElementTree

import pytest

from isoloss.cli.main import main
from isoloss.errors import IsolossError
from isoloss.events import Done, Metric, Started, to_line
from isoloss.library.reading import read_entry
from isoloss.page.report.comparison import run_page
from isoloss.run import Run
from isoloss.settings import TrainSettings

LOSSES = (2.3026, 1.25, 0.5, 0.123456)


@pytest.fixture
def training(tmp_path):
    run = Run.create(tmp_path / "training", TrainSettings(data="digits", model="cnn", epochs=3))
    events = [Started(1), *(
        Metric(float(k), 0.1, loss, 0.1 * k, loss / 2, 0.25 * k)
        for k, loss in enumerate(LOSSES)
    ), Done(1.0)]  # fmt: skip
    lines = [to_line(event, time.time()) + "\n" for event in events]
    run.events_path.write_text("".join(lines), encoding="utf-8")
    return run.folder


def charts(page):
    return [ElementTree.fromstring(svg) for svg in re.findall(r'<svg class="chart".*?</svg>', page)]


def told(chart, name):
    """What can be pointed at along one line, {name: value} each."""
    points = [g for g in chart.iter("g") if g.get("class") == "point"]
    all_ = [json.loads(point.get("data-facts")) for point in points]
    return [dict(facts) for line, facts, _ in all_ if line == name]


def test_a_training_has_its_losses_accuracies_and_rates(training):
    page = run_page(read_entry(training, {}))
    loss, accuracy, rate = charts(page)
    said = [point["loss"] for point in told(loss, "train")]
    assert said == ["2.303", "1.25", "0.5", "0.1235"]
    assert [point["epoch"] for point in told(loss, "test")] == ["0", "1", "2", "3"]
    shares = [point["accuracy"] for point in told(accuracy, "test")]
    assert shares == ["0.0 %", "25.0 %", "50.0 %", "75.0 %"]
    assert [point["learning rate"] for point in told(rate, "learning rate")] == ["0.1"] * 4
    assert (
        len({p.get("stroke-dasharray") for p in loss.iter("path") if p.get("class") == "stroke"})
        == 2
    )


def test_a_training_without_metrics_says_what_to_do(tmp_path):
    run = Run.create(tmp_path / "new", TrainSettings(data="digits", model="cnn", epochs=3))
    with pytest.raises(IsolossError, match="has no metrics yet: resume it with"):
        run_page(read_entry(run.folder, {}))


def test_a_comparison_says_what_each_run_came_to(training, evaluated_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evaluated_run("attack", [("pgd", (49, 40))], (0.0, 0.1), [("weak", "it is weak", "pgd")])
    assert main(["compare", "training", "run", "--out", "x.html", "--title", "Both"]) == 0
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert page.index("It is so.") < page.index("It is weak.") < page.index('<svg class="chart"')
    last = charts(page)[-1]
    assert [point["accuracy"] for point in told(last, "run, PGD")] == [
        "98.0 % (89.4 to 99.9)", "80.0 % (66.3 to 90.0)"
    ]  # fmt: skip
    assert "training" in page[page.index("<table>") :]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "run", "--out", "x.html", "--azimuth", "3"], "--azimuth is of surfaces"),
        (["export", "run", "--out", "x.html", "--texture", "slope"], "--texture is of surfaces"),
        (["export", "run", "none", "--out", "x.html"], "none"),
        (["compare", "run", "--out", "x.txt"], ".html or .csv"),
    ],
)
def test_mistakes_are_said_in_a_line(arguments, said, evaluated_run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    evaluated_run("attack", [("pgd", (49, 40))], (0.0, 0.1))
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert not (tmp_path / "x.html").exists()
