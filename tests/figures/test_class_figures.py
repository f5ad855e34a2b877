"""Figures of classes: areas where they are, borders where they are crossed, a key of names."""

from dataclasses import replace

import numpy as np
import pytest

import isoloss
from isoloss.figures.paper import Print
from isoloss.figures.plane.contour_figure import contour_figure
from isoloss.figures.sheet import Sheet
from isoloss.geometry.surface import Surface
from isoloss.scene.appearance import Appearance
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import Scene
from isoloss.scene.textures import Texture

AXIS = np.linspace(-1, 1, 11)
A, B = np.meshgrid(AXIS, AXIS, indexing="ij")
BALL = {"name": "ε = 8/255 (L∞)", "kind": "ball", "corners": [[1, 0], [0, 1], [-1, 0], [0, -1]]}
BOX = {"name": "[0, 1]", "kind": "cube", "corners": [[0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5]]}


def surface_of(predicted, margin=None, **meta):
    columns = {"predicted": np.asarray(predicted, np.float64)}
    columns |= {} if margin is None else {"margin": margin}
    return replace(Surface.from_loss(AXIS, AXIS, 1 + A**2 + B**2, **meta), columns=columns)


def figure_of(surface):
    look = Appearance(theme="light", texture=Texture.CLASS)
    scene = Scene([SurfaceLayer("seen", surface)], appearance=look)
    return contour_figure([scene], Sheet(240, None, 8, 60), Print())


def area(plot, number):
    """The region of a class, asked at points."""
    (found,) = (c for c in plot.collections if c.get_gid() == f"class {number}")
    path = found.get_paths()[0]
    return lambda x, y: bool(path.contains_point((x, y)))


def named(bar):
    return [text.get_text() for text in bar.get_yticklabels()]


@pytest.mark.parametrize("slope", [0.0, 0.7, -2.0])
def test_the_true_class_ends_where_its_margin_is_zero(slope):
    margin = A + slope * B - 0.13  # the border is a straight line between grid points
    seen = surface_of(np.where(margin < 0, 3, 5), margin, label=3)
    plot = figure_of(seen).axes[0]
    true, other = area(plot, 3), area(plot, 5)
    for y in (-0.9, -0.35, 0.0, 0.55):
        x = 0.13 - slope * y
        if abs(x) < 0.95:
            assert true(x - 0.012, y)
            assert other(x + 0.012, y)
            assert not true(x + 0.012, y)


def test_between_others_the_border_is_half_way():
    margin = B + 0.05
    others = np.where(A < 0.1, 1, 2)  # grid points at 0 and 0.2
    seen = surface_of(np.where(margin < 0, 0, others), margin, label=0, class_names=["a", "b", "c"])
    figure = figure_of(seen)
    plot, bar = figure.axes
    assert area(plot, 1)(0.09, 0.5)
    assert area(plot, 2)(0.11, 0.5)
    assert not area(plot, 1)(0.11, 0.5)
    assert area(plot, 0)(0.11, -0.07)
    assert named(bar) == ["a", "b", "c"]
    tones = [tuple(patch.get_facecolor()) for patch in bar.patches]
    drawn = [tuple(c.get_facecolor()[0]) for c in plot.collections if c.get_gid()]
    assert tones == drawn
    assert len(set(tones)) == 3


def test_a_majority_that_the_mean_margin_contradicts_stays_the_majority():
    predicted = np.where(A < 0.1, 3, 5)
    plot = figure_of(surface_of(predicted, A + 0.5, label=3)).axes[0]
    assert area(plot, 3)(0.09, 0.3)
    assert area(plot, 5)(0.11, 0.3)


def test_margins_may_be_the_heights():
    margin = A - 0.13
    seen = surface_of(np.where(margin < 0, 3, 5), label=3, quantity="margin")
    plot = figure_of(replace(seen, loss=margin)).axes[0]
    assert area(plot, 3)(0.12, 0.3)
    assert not area(plot, 3)(0.14, 0.3)


def test_a_single_class_fills_the_plane_and_what_is_unknown_has_none():
    plot, bar = figure_of(surface_of(np.full((11, 11), 4.0))).axes
    assert area(plot, 4)(0.99, -0.99)
    assert named(bar) == ["4"]
    unknown = np.full((11, 11), 4.0)
    unknown[:3] = np.nan
    surface = surface_of(unknown)
    plot = figure_of(replace(surface, loss=np.where(np.isnan(unknown), np.nan, 1.0))).axes[0]
    assert not area(plot, 4)(-0.9, 0.0)
    assert area(plot, 4)(0.5, 0.0)


def test_more_classes_than_there_is_room_for_are_those_seen_most():
    answers = np.arange(121.0).reshape(11, 11)
    answers[:, :5] = 100
    names = [f"a class with a long name, number {k}" for k in range(121)]
    bar = figure_of(surface_of(answers, class_names=names)).axes[1]
    *some, rest = named(bar)
    assert rest == f"{67 - len(some)} more"
    assert len(some) == len(bar.patches)
    assert any(name.endswith("100") for name in some)
    assert max(map(len, some)) <= 22


def test_outlines_are_drawn_and_told_apart_in_the_legend(tmp_path):
    seen = surface_of(np.where(A < 0, 3, 5), A, label=3, outlines=[BALL, BOX])
    plot = figure_of(seen).axes[0]
    assert {line.get_gid() for line in plot.lines} >= {"ball", "cube"}
    texts = [text.get_text() for text in plot.get_legend().get_texts()]
    assert texts == ["ε = 8/255 (L∞)", "[0, 1]"]
    ball, box = plot.get_legend().get_lines()
    assert ball.get_linestyle() != box.get_linestyle()
    for name in ("a.pdf", "a.svg"):
        isoloss.render(seen, tmp_path / name, texture="class")
        assert (tmp_path / name).stat().st_size > 1000
