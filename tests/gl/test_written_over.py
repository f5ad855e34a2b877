"""What is written over a picture: bars, legends, titles and marks, where there is little room."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from isoloss.geometry.surface import Surface
from isoloss.gl.annotations.axes import AxisLabels
from isoloss.gl.annotations.callouts import callouts
from isoloss.gl.annotations.legend import legend
from isoloss.gl.annotations.plates import headline
from isoloss.gl.annotations.scalar_bar import Extent, ScalarBar, notes, scalar_bar
from isoloss.gl.device.drawn_view import View
from isoloss.gl.primitives.flat_marks import flat_mark
from isoloss.gl.primitives.labels import TextPass
from isoloss.scene import Camera, Marker, Scene, SurfaceLayer
from isoloss.scene.colormaps import shades
from isoloss.scene.layer import MarkerShape
from isoloss.scene.legend import Entry
from isoloss.scene.textures import Texture
from isoloss.scene.texturing import color_scale
from isoloss.scene.theme import THEMES

AXIS = np.linspace(-1, 1, 21)
DARK = THEMES["dark"]


def spiked(texture: Texture = Texture.HEIGHT) -> Scene:
    loss = 1 + AXIS[:, None] ** 2 + AXIS[None, :] ** 2
    loss[3, 3] = 12345.678
    accuracy = np.full_like(loss, 0.5)
    accuracy[0] = 0.25
    surface = replace(Surface.from_loss(AXIS, AXIS, loss), accuracy=accuracy)
    scene = Scene([SurfaceLayer("spiked", surface)])
    scene.appearance = replace(scene.appearance, texture=texture)
    return scene


def bar_of(scene: Scene, size: tuple[int, int], reach: tuple[float, float], **more) -> ScalarBar:
    view, frame, look = View(Camera(), size, 0.75, DARK), scene.frame(), scene.drawn_appearance
    colors = color_scale(scene.layers, look, frame)
    assert colors is not None
    remarks = notes(Extent.of(scene.layers), look.texture, colors, look, frame, DARK)
    palettes = more.pop("palettes", (("viridis", False),))
    bar = scalar_bar(view, TextPass(), colors, look, palettes, None, remarks, reach)
    assert bar is not None
    return bar


@pytest.mark.parametrize("texture", [Texture.HEIGHT, Texture.ACCURACY], ids=lambda t: t.name)
def test_a_bar_without_room_says_that_spikes_are_clamped_but_not_at_what(context, texture):
    roomy, narrow = (
        {label.text for label in bar_of(spiked(texture), (640, 400), (reach, 380.0)).labels}
        for reach in (400.0, 560.0)
    )
    said = {"clamped"} if texture is Texture.HEIGHT else {"loss clamped"}
    assert said <= narrow
    assert not any(">" in text for text in narrow)
    assert any(">" in text for text in roomy)


def test_a_bar_that_lies_says_it_in_two_lines_beside_its_end(context):
    bar = bar_of(spiked(), (360, 640), (360.0, 380.0))
    (number,) = (label for label in bar.labels if label.text.startswith(">"))
    (word,) = (label for label in bar.labels if label.text == "clamped")
    assert word.x == number.x
    assert word.y > number.y
    width = TextPass().measure(number.text, 14 * 0.75)[0]
    assert number.x + width <= 360
    others = [label for label in bar.labels if label not in (number, word)]
    ticks = [label for label in others if label.align[0] == 0.5]
    assert ticks
    for tick in ticks:
        assert tick.x + TextPass().measure(tick.text, 14 * 0.75)[0] / 2 < number.x


def test_the_bar_has_a_strip_of_each_colormap(context):
    palettes = ("viridis", False), ("amber", False)
    bar = bar_of(spiked(), (640, 400), (400.0, 380.0), palettes=palettes)
    corners = np.concatenate(bar.triangles)
    colors = corners["color"].astype(int)[:, :3]
    across = corners["position"][:, 0]
    for place, (name, reverse) in zip((0, 1), palettes, strict=True):
        wanted = np.rint(255 * shades(np.array(0.5), name, reverse)[:3])
        mine = np.abs(colors - wanted).max(axis=1) < 6
        other = np.rint(255 * shades(np.array(0.5), *palettes[1 - place])[:3])
        theirs = np.abs(colors - other).max(axis=1) < 6
        assert mine.any()
        assert (across[mine].mean() < across[theirs].mean()) == (place == 0)


@pytest.mark.parametrize(
    "shape", [MarkerShape.RING, MarkerShape.HOLLOW_SQUARE, MarkerShape.HOLLOW_CROSS]
)
def test_hollow_marks_are_open_in_their_middle(shape):
    view = View(Camera(), (200, 100), 1.0, DARK)
    color, rim = (1.0, 0.5, 0.0, 1.0), (0.0, 0.0, 0.0, 1.0)
    pieces = flat_mark(view, (50.0, 50.0), 8.0, shape, color, rim)
    assert [tuple(piece["color"][0][:3]) for piece in pieces] == [
        (0, 0, 0), (255, 128, 0), (0, 0, 0),
    ]  # fmt: skip
    sizes = [np.ptp(piece["position"][:, 0]) for piece in pieces]
    assert sizes[0] > sizes[1] > sizes[2] > 0
    (_, full) = flat_mark(view, (50.0, 50.0), 8.0, MarkerShape.DOT, color, rim)
    assert tuple(full["color"][0][:3]) == (255, 128, 0)


def test_the_line_to_a_hidden_point_is_dashed_and_its_card_is_quiet(context):
    scene = spiked()
    view, text = View(Camera(), (900, 600), 1.0, DARK), TextPass()
    markers = [Marker(0.0, 0.0, 1.0, "a pin")]
    laid = [
        callouts(markers, view, text, scene.frame(), AxisLabels(view, text), lambda _, h=h: h)
        for h in (False, True)
    ]
    assert len(laid[0].triangles) == 3  # line, rim and plate
    assert len(laid[1].triangles) > 3
    assert [found.labels[0].color for found in laid] == [DARK.ink, DARK.quiet_ink]


def test_a_small_picture_without_a_free_corner_has_no_legend(context):
    entries = [Entry("a surface", (1.0, 0.0, 0.0, 1.0))]
    small, large = (View(Camera(), size, 0.75, DARK) for size in ((300, 200), (640, 400)))
    text = TextPass()
    assert legend(small, text, entries, lambda _: True) is not None
    assert legend(small, text, entries, lambda _: False) is None
    assert legend(large, text, entries, lambda _: False) is not None


def test_a_long_title_leaves_a_corner_to_the_tools_of_the_window(context):
    view, text = View(Camera(), (600, 400), 1.0, DARK), TextPass()
    labels, rect = headline(view, text, "a title of many words " * 8)
    assert len(labels) > 1
    assert rect[2] < 600 - 9 * view.em
