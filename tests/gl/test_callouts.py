"""Labels of markers: cards apart from each other, inside the picture, readable over a surface."""

from __future__ import annotations

import numpy as np
import pytest

from isoloss.geometry.surface import Surface
from isoloss.gl.annotations.axes import AxisLabels
from isoloss.gl.annotations.callouts import callouts
from isoloss.gl.device.drawn_view import View
from isoloss.gl.device.target import Target
from isoloss.gl.primitives.labels import TextPass
from isoloss.scene import Appearance, Camera, Marker, Scene, SurfaceLayer
from isoloss.scene.pins import pin
from isoloss.scene.theme import THEMES

AXIS = np.linspace(-1, 1, 9)


@pytest.fixture
def scene() -> Scene:
    loss = 1 + AXIS[:, None] ** 2 + AXIS[None, :] ** 2
    return Scene([SurfaceLayer("bowl", Surface.from_loss(AXIS, AXIS, loss))])


def rectangles(triangles: list[np.ndarray], size: tuple[int, int]) -> list[tuple[float, ...]]:
    """The fills in pixels; each card is a line to its point, a rim and a plate."""
    corners = np.concatenate(triangles)["position"].reshape(-1, 6, 3)[:, :, :2]
    pixels = (corners * (1, -1) + 1) / 2 * size
    plates = pixels[2::3]
    return [(*p.min(axis=0), *p.max(axis=0)) for p in plates]


@pytest.mark.parametrize("size", [(900, 600), (340, 240)])
def test_cards_are_apart_and_inside(context, scene, size):
    view = View(Camera(), size, 0.8 if size[0] < 500 else 1.0, THEMES["dark"])
    text = TextPass()
    layout = AxisLabels(view, text)
    markers = [
        Marker(a, b, 1 + a * a + b * b, f"α {a}, β {b}\nloss 1.25 ± 0.02\naccuracy 87.5 %")
        for a, b in ((0, 0), (0.1, 0), (0.9, 0.9), (-0.9, 0.9))
    ]
    laid = callouts(markers, view, text, scene.frame(), layout, lambda _: False)
    lines = [label.text for label in laid.labels]
    assert sum(line.startswith("loss") for line in lines) == 4
    # a small picture leaves out where the points are: they can be seen
    assert any(line.startswith("α") for line in lines) == (size[0] > 500)
    plates = rectangles(laid.triangles, size)
    assert len(plates) == 4
    for k, (left, top, right, bottom) in enumerate(plates):
        assert min(left, top) >= 0
        assert right <= size[0]
        assert bottom <= size[1]
        for other in plates[:k]:
            apart = right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
            assert apart, "two labels lie over each other"


def test_what_is_behind_the_eye_has_no_card(context, scene):
    view = View(Camera(target=(0, 0, 0), distance=1, elevation=0), (400, 300), 1.0, THEMES["dark"])
    behind = Marker(0, -1, 1, "behind")
    text = TextPass()
    laid = callouts([behind], view, text, scene.frame(), AxisLabels(view, text), lambda _: False)
    assert not laid.labels


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_pin_is_labelled_on_a_plate_of_one_colour(context, renderer, scene, theme):
    (layer,) = scene.layers
    scene.appearance = Appearance(theme=theme)
    target = Target(420, 300)

    def drawn() -> np.ndarray:
        renderer.draw(scene, target)
        return target.read().astype(int)

    without = drawn()
    pin(layer, (4, 4))
    image = drawn()
    target.free()
    changed = (np.abs(image - without) > 3).any(axis=-1)
    plate = np.rint(255 * np.array(THEMES[theme].path_casing[:3]))
    on_plate = (np.abs(image[..., :3] - plate) <= 3).all(axis=-1)
    assert changed.sum() > 600
    assert on_plate[changed].mean() > 0.6, "the surface shows through the label"
