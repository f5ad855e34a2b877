"""A texture added in one entry is everywhere: the example of CONTRIBUTING.md, carried out."""

import argparse
import re

import numpy as np
import pytest
from matplotlib.text import Text

import isoloss
from isoloss.app.state.glossary import matching, of_texture
from isoloss.cli.render_options import add_render_options
from isoloss.figures.paper import Print
from isoloss.figures.plane.contour_figure import contour_figure
from isoloss.figures.sheet import Sheet, write_figure
from isoloss.geometry.surface import Surface
from isoloss.scene import Appearance, Document, Scene, SurfaceLayer, Texture, next_texture
from isoloss.scene.colormaps import colormap
from isoloss.scene.files.session import load_session, save_session
from isoloss.scene.files.staging import stage
from isoloss.scene.textures import register, texture_named, unregister
from isoloss.scene.texturing import color_scale, texture_values

AXIS = np.array([-3.0, 0.0, 4.0])
LOSS = 1 + AXIS[:, None] ** 2 + AXIS[None, :] ** 2
DISTANCE = [[18**0.5, 3, 5], [3, 0, 4], [5, 4, 32**0.5]]
"""√(α² + β²), by hand."""


@pytest.fixture
def layer():
    return SurfaceLayer("x", Surface.from_loss(AXIS, AXIS, LOSS))


def test_its_values_and_its_scale_are_those_of_the_entry(distance_texture, layer):
    scene = Scene([layer], appearance=Appearance(texture=distance_texture, smooth=False))
    colors = color_scale([layer], scene.appearance, scene.frame())
    assert (colors.title, colors.detail, colors.percent) == ("distance", "from the origin", False)
    assert (colors.scale.lo, colors.scale.hi) == (0, pytest.approx(32**0.5))
    values = texture_values(layer, layer.mesh(scene.frame().scale, False), colors, scene.appearance)
    np.testing.assert_allclose(values, np.array(DISTANCE) / 32**0.5)
    assert [label for _, label in colors.ticks(4)] == ["0", "2", "4"]
    assert scene.drawn_appearance.colormap == "viridis"


def test_it_is_in_the_cycle_of_the_key_and_on_the_command_line(distance_texture, layer, capsys):
    assert next_texture(Texture.WIREFRAME, [layer]) is distance_texture
    assert next_texture(distance_texture, [layer]) is Texture.HEIGHT
    assert texture_named("Distance") is distance_texture
    parser = argparse.ArgumentParser()
    add_render_options(parser)
    given = parser.parse_args(["x.ply", "--out", "x.png", "--texture", "distance"])
    assert stage(layer, texture=given.texture).view.appearance.texture is distance_texture
    assert re.search(r"--texture \{[^}]*,distance\}", " ".join(parser.format_help().split()))


def test_the_help_explains_it(distance_texture):
    (told,) = of_texture(distance_texture)
    assert (told.term, told.text) == ("Distance", distance_texture.explained)
    assert matching("plane was cut around") == [told]


def test_a_session_brings_it_back(distance_texture, layer, tmp_path):
    layer.source = layer.surface.save(tmp_path / "x.ply")
    scene = Scene([layer], appearance=Appearance(texture=distance_texture))
    file = save_session(Document([layer], [scene]), tmp_path / "x.isoloss")
    assert '"texture": "distance"' in file.read_text(encoding="utf-8")
    assert load_session(file).view.appearance.texture is distance_texture
    unregister("distance")
    with pytest.raises(isoloss.IsolossError, match="texture must be one of height, accuracy"):
        load_session(file)
    register(distance_texture)


def test_a_figure_shows_it(distance_texture, layer):
    document = stage(layer, texture="distance", colormap="magma", contours=False)
    sheet = Sheet.paper((900, 700), 1.0, Print())
    figure = contour_figure(document.shown_views, sheet, Print())
    written = {text.get_text() for text in figure.findobj(Text)}
    assert {"distance", "from the origin"} <= written
    image = write_figure(figure, None, sheet, transparent=False)
    (plot,) = (axes for axes in figure.axes if axes.get_xlabel())

    def tone_at(alpha: float, beta: float) -> np.ndarray:
        place = plot.transData.transform((alpha, beta)) / figure.bbox.size
        column, row = (place * image.shape[1::-1]).astype(int)
        return image[image.shape[0] - 1 - row, column, :3].astype(int)

    for place in ((-2.5, -2.5), (2.0, 0.6), (3.5, 3.5)):
        nearest = np.abs(colormap("magma").astype(int) - tone_at(*place)).sum(axis=1).argmin()
        assert nearest / 255 == pytest.approx(np.hypot(*place) / 32**0.5, abs=0.12), place
