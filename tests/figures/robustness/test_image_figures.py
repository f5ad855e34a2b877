"""Strips of attacked images, and maps of where a network looks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.figures.robustness.made_runs import (
    BEHIND,
    LIGHT,
    PLAIN,
    SHEET,
    keep,
    lines,
    made,
    signs,
    words,
)

from isoloss.errors import IsolossError
from isoloss.figures.robustness.choice import Choice
from isoloss.figures.robustness.drawing import draw_robustness
from isoloss.figures.robustness.gallery import square_pixels
from isoloss.figures.robustness.maps import heat, map_figure, map_label
from isoloss.figures.robustness.run_results import read_run_results
from isoloss.figures.robustness.saved_images import read_saved_images
from isoloss.figures.robustness.strips import difference, strip_figure
from isoloss.figures.sheet import Sheet
from isoloss.results.tables import EvaluationWarning
from isoloss.settings import AttackSettings, DefendSettings


@pytest.mark.parametrize("defended", [False, True])
def test_strips_show_what_was_kept(tmp_path, defended):
    kind = DefendSettings if defended else AttackSettings
    folder = made(tmp_path / "run", kind, BEHIND if defended else PLAIN)
    clean, moved = keep(folder, defended=defended)
    findings = read_run_results(folder)
    kept = read_saved_images(findings, Choice())
    assert kept.eps == (0.0, 0.05, 0.1)
    assert kept.place(None) == 0, "the one that is fooled"
    shot = kept.shot(0.1, 0)
    np.testing.assert_array_equal(shot.clean, np.moveaxis(clean[0], 0, -1))
    np.testing.assert_array_equal(shot.attacked, np.moveaxis(moved[2, 0], 0, -1))
    added = difference(shot)
    assert added.gain == 5
    np.testing.assert_allclose(added.picture, 0.5 + 5 * (shot.attacked - shot.clean), atol=1e-6)
    assert not shot.is_right
    figure = strip_figure(findings, Choice(), SHEET, LIGHT, "")
    texts = words(figure)
    for text in ("0, clean", "0.05", "0.1", "✓ cat", "✗ a frog, green", "88 %", "× 5", "× 10"):
        assert any(text in each for each in texts), text
    pictures = [a for a in figure.axes if a.get_images()]
    assert len(pictures) == (3 + 3 + 3 + 2 if defended else 3 + 2)
    shown = pictures[2].get_images()[0].get_array()
    np.testing.assert_array_equal(shown, square_pixels(np.moveaxis(moved[2, 0], 0, -1)))
    by_image = strip_figure(findings, Choice(eps=0.1, what="examples"), SHEET, LIGHT, "")
    assert {"cat", "dog", "clean", "adversarial", "difference"} <= set(words(by_image))
    right, wrong = (
        next(t for t in by_image.texts if t.get_text().startswith(sign)) for sign in "✓✗"
    )
    assert right.get_color() != wrong.get_color()


def test_pixels_are_squares_of_pixels():
    picture = np.zeros((8, 8, 1), np.float32)
    picture[2, 3] = 1
    pixels = square_pixels(picture)
    assert pixels.shape == (256, 256, 3)
    assert (pixels[64:96, 96:128] == 255).all()
    assert pixels.sum() == 32 * 32 * 3 * 255
    assert square_pixels(np.zeros((384, 192, 3))).shape == (256, 128, 3)


def test_maps_are_drawn_with_their_drift(tmp_path):
    folder = made(
        tmp_path / "run", AttackSettings, PLAIN, [EvaluationWarning("x", "doubtful", "net")]
    )
    keep(folder)
    figure = map_figure(read_run_results(folder), Choice(), Sheet(505, None, 8, 72), LIGHT, "")
    texts = words(figure)
    for text in (
        "last features",
        "stages.2.blocks.4 attention",
        "layer1.2 channels",
        "0.1",
        "drift",
    ):
        assert text in texts, text
    kept = read_saved_images(read_run_results(folder), Choice())
    own = [line for plot in figure.axes for line in lines(plot, "drift")]
    others = [line for plot in figure.axes for line in lines(plot, "drift of another")]
    assert len(own) == len(others) == 3
    for line in own:
        np.testing.assert_allclose(line.get_xydata(), [(0, 0), (0.05, 0.05), (0.1, 0.1)], atol=1e-7)
    for line in others:
        np.testing.assert_allclose(line.get_ydata(), [0, 0.1, 0.2], atol=1e-7)
    gates = [line for plot in figure.axes for line in lines(plot, "gates")]
    clean = kept.shot(0.0, 0).maps["channel gate: layer1.2.cbam"]
    for line, eps in zip(gates, kept.eps, strict=True):
        values = kept.shot(eps, 0).maps["channel gate: layer1.2.cbam"]
        np.testing.assert_array_equal(line.get_ydata(), values[np.argsort(clean)])
    assert signs(figure) == ["1"]


def test_heat_is_of_the_rows_largest_value():
    from isoloss.scene.colormaps import colormap

    magma = colormap("magma") / 255
    seen = heat(np.array([[0.0, 2.0], [4.0, math.nan]], np.float32), 4.0)
    np.testing.assert_allclose(seen[0], magma[[0, 128]], atol=1e-6)
    np.testing.assert_allclose(seen[1], [magma[255], [0.5] * 3], atol=1e-6)
    assert map_label("spatial gate: layer4.2.cbam") == "layer4.2 places"


def test_a_network_without_maps_is_told(tmp_path):
    folder = made(tmp_path / "run", AttackSettings, PLAIN)
    keep(folder, maps=False)
    with pytest.raises(IsolossError, match="has saved no maps of net"):
        draw_robustness([folder], None, Choice("maps"), LIGHT)
    with pytest.raises(IsolossError, match=r"no images at ε = 0\.2; there are 0, 0\.05, 0\.1"):
        draw_robustness([folder], None, Choice("examples", eps=0.2), LIGHT)
    with pytest.raises(IsolossError, match="image 5 is not saved; there are 31, 7"):
        draw_robustness([folder], None, Choice("examples", image=5), LIGHT)
    with pytest.raises(IsolossError, match="there are pgd on net"):
        draw_robustness([folder], None, Choice("examples", attack="square"), LIGHT)
