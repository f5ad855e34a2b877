"""What a surface over images has beside its heights: classes, margins, outlines, axes."""

from dataclasses import replace

import numpy as np
import pytest

from isoloss.geometry.outlines import outlines_of
from isoloss.geometry.refine import fill_nearest, refine_nearest
from isoloss.geometry.surface import Surface
from isoloss.scene import Appearance, Scene, SurfaceLayer, Texture
from isoloss.scene.colormaps import CLASS_COLORS, CLASSES, colormap
from isoloss.scene.pins import measurements
from isoloss.scene.texturing import axis_titles, color_scale, quantity, texture_values

AXIS = np.linspace(-1, 1, 5)
PLAIN = Surface.from_loss(AXIS, AXIS, AXIS[:, None] + AXIS**2, model="net", data="digits")


def seen(answers, **meta):
    columns = {"predicted": np.asarray(answers, np.float64), "margin": PLAIN.loss - 1}
    return SurfaceLayer("seen", replace(PLAIN, columns=columns, meta={**PLAIN.meta, **meta}))


HALVES = seen(np.where(AXIS[:, None] > 0, 7, 2) + 0 * AXIS, class_names=[*"abcdefgh"])


def colors_of(*layers):
    scene = Scene(list(layers), appearance=Appearance(texture=Texture.CLASS))
    return color_scale(list(layers), scene.drawn_appearance, scene.frame()), scene


def test_the_key_names_the_classes_that_are_seen_and_no_others():
    colors, scene = colors_of(HALVES)
    assert colors.title == "predicted class"
    assert colors.classes == ((2, "c"), (7, "h"))
    assert colors.ticks() == [(0.25, "c"), (0.75, "h")]
    assert not colors.above
    assert not colors.below
    assert scene.drawn_appearance.colormap == CLASSES
    # Beside another layer the key has the classes of both, each once.
    both, _ = colors_of(HALVES, seen(np.full((5, 5), 9.0)))
    assert both.classes == ((2, "c"), (7, "h"), (9, "9"))


def test_a_class_has_its_own_colour_wherever_it_is_seen_and_nothing_lies_between_two():
    colors, scene = colors_of(HALVES)
    mesh = HALVES.mesh(scene.frame().scale)
    values = texture_values(HALVES, mesh, colors, scene.appearance)
    palette = colormap(CLASSES)
    tones = palette[np.rint(255 * values).astype(int)]
    assert {tuple(t) for t in tones.reshape(-1, 3).tolist()} == {
        tuple(int(code[k : k + 2], 16) for k in (0, 2, 4)) for code in ("009e73", "7b5cc4")
    }
    other, second = colors_of(seen(np.full((5, 5), 7.0)))
    alone = texture_values(second.layers[0], mesh, other, second.appearance)
    assert np.unique(alone).tolist() == [values.max()]


def test_colours_begin_again_after_the_last():
    few = [texture_values_of(k) for k in range(2 * CLASS_COLORS)]
    assert few[:CLASS_COLORS] == few[CLASS_COLORS:]
    assert len(set(few)) == CLASS_COLORS
    colors = colormap(CLASSES)[(np.array(few[:CLASS_COLORS]) * 255).round().astype(int)]
    assert len({tuple(c) for c in colors.tolist()}) == CLASS_COLORS


def texture_values_of(number):
    colors, scene = colors_of(layer := seen(np.full((5, 5), float(number))))
    mesh = layer.mesh(scene.frame().scale)
    (value,) = np.unique(texture_values(layer, mesh, colors, scene.appearance))
    return float(value)


def test_what_is_not_known_has_no_class():
    answers = np.full((5, 5), 2.0)
    answers[0, 0] = np.nan
    colors, scene = colors_of(layer := seen(answers))
    mesh = layer.mesh(scene.frame().scale)
    assert np.isnan(texture_values(layer, mesh, colors, scene.appearance)[0, 0])
    assert colors.classes == ((2, "2"),)


@pytest.mark.parametrize("steps", [(1, 1), (3, 2), (4, 5)])
def test_nearest_refinement_invents_nothing(steps):
    values = np.arange(12.0).reshape(3, 4)
    fine = refine_nearest(values, steps)
    assert fine.shape == (2 * steps[0] + 1, 3 * steps[1] + 1)
    np.testing.assert_array_equal(fine[:: steps[0], :: steps[1]], values)
    rows, columns = (np.arange(n) / k for n, k in zip(fine.shape, steps, strict=True))
    for (i, j), value in np.ndenumerate(fine):
        a, b = np.argwhere(values == value)[0]
        assert abs(rows[i] - a) <= 0.5
        assert abs(columns[j] - b) <= 0.5


def test_axes_and_heights_are_called_what_they_are():
    layer = seen(np.zeros((5, 5)), axes=["PGD", "random"], quantity="margin")
    frame = Scene([layer]).frame()
    assert axis_titles([layer], frame) == ("α (PGD)", "β (random)", "margin")
    assert axis_titles([layer, HALVES], frame)[:2] == ("α", "β")
    assert quantity([layer]) == "margin"
    assert quantity([layer, HALVES]) == "loss"
    for wrong in ("PGD", ["PGD"], 7, None):
        assert axis_titles([seen(np.zeros((5, 5)), axes=wrong)], frame)[0] == "α"


def test_a_point_says_its_class_and_its_margin():
    named = dict(measurements(HALVES.surface, (4, 2)))
    assert (named["class"], named["loss"], named["margin"]) == ("h", "1", "0")


def test_outlines_are_read_and_what_is_none_is_left_out():
    square = [[0, 0], [1, 0], [1, 1]]
    good = {"name": "ε = 0.1", "kind": "ball", "corners": square}
    (found,) = outlines_of({"outlines": [good]})
    assert (found.name, found.kind, found.corners.tolist()) == ("ε = 0.1", "ball", square)
    wrong = [
        {**good, "corners": [[0, 0]]},
        {**good, "corners": [[0, np.inf], [1, 1]]},
        {**good, "corners": "abc"},
        {**good, "corners": [[0, 0, 0], [1, 1, 1]]},
        {**good, "kind": "cone"},
        {"name": "x"},
        7,
    ]
    assert outlines_of({"outlines": wrong}) == []
    for nothing in ({}, {"outlines": None}, {"outlines": {"a": 1}}):
        assert outlines_of(nothing) == []


def test_what_is_pending_has_the_class_of_what_is_near_and_is_pale():
    surface = HALVES.surface
    count = np.zeros((5, 5), np.int64)
    count[::4, ::4] = 1
    answers = np.where(count > 0, surface.columns["predicted"], np.nan)
    columns = {"predicted": answers}
    layer = SurfaceLayer("grows", replace(surface, count=count, columns=columns))
    colors, scene = colors_of(layer)
    mesh = layer.mesh(scene.frame().scale)
    values = texture_values(layer, mesh, colors, scene.appearance)
    assert np.isfinite(values).all()
    assert len(np.unique(values)) == 2
    np.testing.assert_array_equal(fill_nearest(answers)[[0, 4]], [[2.0] * 5, [7.0] * 5])
    assert np.isnan(fill_nearest(np.full((2, 2), np.nan))).all()
    assert mesh.computed.min() < 1
