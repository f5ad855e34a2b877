"""Which figures a run has, and what is refused."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.figures.robustness.made_runs import PLAIN, drawn, keep, lines, made, plots, words

from isoloss.cli.main import main
from isoloss.cli.run_verbs import draw_figures
from isoloss.figures.robustness.drawing import write_usual
from isoloss.results.tables import write_table
from isoloss.run import Run
from isoloss.settings import AttackSettings


def test_a_run_that_is_not_finished_says_so(tmp_path):
    rows = [*PLAIN[:1], replace(PLAIN[1], accuracy=math.nan, low=math.nan, high=math.nan)]
    folder = made(tmp_path / "run", AttackSettings, rows, finished=False)
    figure = drawn(folder)
    (plot,) = plots(figure)
    (line,) = lines(plot, "curve")
    np.testing.assert_array_equal(line.get_xydata(), [(0.0, 0.98)])
    assert "run is not finished, and not checked yet." in " ".join(words(figure))
    assert not lines(plot, "chance")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "robustness.csv").unlink(), "has found nothing yet: resume it with"),
        (lambda f: (f / "robustness.csv").write_text("a,b\n1,2\n"), "is no table of a robustness"),
        (lambda f: write_table(f / "robustness.csv", []), "has no accuracies"),
        (lambda f: write_table(f / "robustness.csv", [replace(PLAIN[0], accuracy=3.0)]),
         "says that accuracy is 3 .* it is damaged"),
        (lambda f: write_table(f / "robustness.csv", [replace(PLAIN[0], eps=math.inf)]),
         "it is damaged"),
        (lambda f: (f / "report.json").write_text("{"), "report.json"),
        (lambda f: (f / "certificates.csv").write_text("network\nx\n"), "holds no certificates"),
    ],
)  # fmt: skip
def test_damaged_runs_are_refused_in_one_line(tmp_path, spoil, message, capsys):
    folder = made(tmp_path / "run", AttackSettings, PLAIN)
    spoil(folder)
    assert main(["render", str(folder), "--out", str(tmp_path / "x.png")]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error)
    assert error.count("\n") == 1
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--what", "examples"], "has saved no images"),
        (["--what", "maps"], "has saved no images"),
        (["--what", "certified"], "certifies nothing"),
        (["--eps", "0.1"], "a figure of accuracy has no --eps"),
        (["--azimuth", "3"], "has no --azimuth"),
        (["--turntable"], "has no --turntable"),
        (["--contours", "3"], "has no --contours"),
        (["--no-fill"], "has no --fill"),
        (["--out", "x.mp4"], "figures are PNG, SVG or PDF"),
        (["--size", "0x10"], "--size must be at least 1x1"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, words, message, capsys):
    folder = made(tmp_path / "run", AttackSettings, PLAIN)
    out = [] if "--out" in words else ["--out", str(tmp_path / "x.png")]
    assert main(["render", str(folder), *out, *words]) == 2
    assert message in capsys.readouterr().err


def test_options_of_robustness_are_for_robustness(tmp_path, capsys):
    iris = Path(__file__).parents[3] / "data" / "surfaces" / "iris.ply"
    assert main(["render", str(iris), "--out", str(tmp_path / "x.png"), "--what", "maps"]) == 2
    assert "--what is for the folders of attacks" in capsys.readouterr().err
    folder = made(tmp_path / "run", AttackSettings, PLAIN)
    assert main(["render", str(folder), str(iris), "--out", str(tmp_path / "x.png")]) == 2
    assert "iris.ply is no attack" in capsys.readouterr().err


def test_a_run_has_its_figures_once(tmp_path):
    folder = made(tmp_path / "run", AttackSettings, PLAIN)
    keep(folder)
    wanted = {f"{n}.{s}" for n in ("accuracy", "examples", "maps") for s in ("png", "svg")}
    assert {p.name for p in write_usual(folder)} == wanted
    when = {p.name: p.stat().st_mtime_ns for p in (folder / "figures").iterdir()}
    assert set(when) == wanted
    list(write_usual(folder))
    assert {p.name: p.stat().st_mtime_ns for p in (folder / "figures").iterdir()} == when
    with Image.open(folder / "figures" / "accuracy.png") as picture:
        assert picture.width == pytest.approx(85 / 25.4 * 300, abs=1)


def test_a_figure_that_fails_costs_the_run_nothing(tmp_path, capsys):
    folder = made(tmp_path / "run", AttackSettings, PLAIN)
    (folder / "figures").write_text("in the way")
    draw_figures(Run.open(folder))
    error = capsys.readouterr().err
    assert error.startswith("isoloss: no figures of run: ")
    assert error.count("\n") == 1
