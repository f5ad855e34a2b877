"""Figures of several runs: every line is there, in the colour of its run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from isoloss.errors import IsolossError
from isoloss.figures import comparison
from isoloss.figures.comparison import draw_comparison
from isoloss.figures.paper import Print
from isoloss.results.charts import Chart, Trace
from isoloss.scene.appearance import Appearance
from isoloss.scene.theme import THEMES

LIGHT = replace(Appearance(), theme="light")
XS = np.arange(5.0)
CHARTS = (
    Chart(
        "loss", "training", "epoch", "loss",
        tuple(Trace(k, part, XS, 2.0 + k - XS / 9) for k in range(3) for part in ("test", "train")),
    ),
    Chart(
        "linf", "accuracy", "ε in L∞", "accuracy",
        (Trace(1, "PGD", XS / 255, 1 - XS / 5, low=0.9 - XS / 5, high=np.ones(5)),),
        is_share=True,
    ),
)  # fmt: skip
NAMES = ("a", "b & <c>", "_d $x$")


@pytest.fixture
def drawn(monkeypatch):
    """Draws, and gives the figure that was written."""
    figures = []
    write = comparison.write_figure

    def keep(figure, *rest):
        figures.append(figure)
        return write(figure, *rest)

    monkeypatch.setattr(comparison, "write_figure", keep)

    def drawn(charts=CHARTS, path=None, hidden=(), places=(0, 1, 2), appearance=LIGHT):
        draw_comparison(
            charts, NAMES, places, ["A remark."], path, appearance, "Title", Print(), hidden
        )
        return figures[-1]

    return drawn


def curves(plot):
    return [line for line in plot.lines if line.get_gid() == "curve"]


def test_each_run_has_a_colour_and_each_kind_of_curve_its_dashes(drawn):
    figure = drawn()
    loss, accuracy = figure.axes
    lines = curves(loss)
    assert len(lines) == 6
    colors = [line.get_color() for line in lines]
    assert colors[0] == colors[1] != colors[2] == colors[3] != colors[4]
    assert [line.get_linestyle() for line in lines] == ["-", "--"] * 3
    np.testing.assert_array_equal(lines[3].get_ydata(), 3.0 - XS / 9)
    (line,) = curves(accuracy)
    assert line.get_color() == colors[2]  # the same run in another plot
    texts = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert texts == [*NAMES, "test", "train"]
    notes = " ".join(text.get_text() for text in figure.texts)
    assert "A remark. Bars: exact 95\N{NO-BREAK SPACE}% intervals." in notes


def test_hidden_runs_leave_the_colours_of_others_alone(drawn):
    before = {line.get_color() for line in curves(drawn().axes[0])[2:]}
    after = {line.get_color() for line in curves(drawn(hidden=[0]).axes[0])}
    assert before == after
    moved = curves(drawn(places=(5, 1, 2)).axes[0])
    assert {line.get_color() for line in moved[2:]} == before
    with pytest.raises(IsolossError, match="nothing to draw"):
        drawn(hidden=[0, 1, 2])


@pytest.mark.parametrize(
    ("suffix", "theme"), [(".png", "light"), (".svg", "dark"), (".pdf", "light")]
)
def test_figures_are_written_in_either_theme(drawn, tmp_path, suffix, theme):
    path = tmp_path / f"figure{suffix}"
    figure = drawn(path=path, appearance=replace(LIGHT, theme=theme))
    assert path.stat().st_size > 1000
    blue = THEMES[theme].further_paths[1]
    first = next(plot for plot in figure.axes if curves(plot))
    assert curves(first)[0].get_color() == blue
    if suffix == ".png":
        with Image.open(path) as image:
            width = image.width
        assert width == pytest.approx(178 / 25.4 * 300, abs=2)
    if suffix == ".svg":
        assert "b &amp; &lt;c&gt;" in path.read_text(encoding="utf-8")


def test_other_files_are_no_figures(drawn, tmp_path):
    with pytest.raises(IsolossError, match="figures are PNG, SVG or PDF"):
        drawn(path=tmp_path / "figure.gif")
