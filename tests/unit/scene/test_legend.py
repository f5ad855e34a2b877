"""What the legend says: which surface and which path is whose, and what signs mean."""

from dataclasses import replace

import numpy as np
import pytest

from isoloss.geometry.analysis.difference import difference
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.scene import Appearance, Camera, Cut, MarkerShape, Scene, SurfaceLayer, Texture
from isoloss.scene.colormaps import OWN
from isoloss.scene.legend import path_entries, path_names, sign_entries, surface_entries
from isoloss.scene.picking import is_hidden
from isoloss.scene.pins import pin
from isoloss.scene.theme import THEMES

AXIS = np.linspace(-1, 1, 9)
DARK = THEMES["dark"]


def layer(name, *paths, factor=1.0) -> SurfaceLayer:
    loss = factor * (1 + AXIS[:, None] ** 2 + AXIS**2)
    walked = [
        Trajectory(AXIS, AXIS / 2, AXIS**2 + 1, 0 * AXIS, np.arange(9.0), 0 * AXIS + 1, {"name": n})
        for n in paths
    ]
    return SurfaceLayer(name, Surface.from_loss(AXIS, AXIS, loss, title=name), tuple(walked))


def texts(entries) -> list[str]:
    return [entry.text for entry in entries]


def test_several_surfaces_have_names_and_colormaps_of_their_own():
    scene = Scene([layer("a"), layer("b_$", factor=2), layer("c\nd", factor=3)])
    entries = surface_entries(scene, DARK)
    assert texts(entries) == ["a", "b_$", "c d"]
    assert [entry.palette for entry in entries] == [
        ("viridis", False),
        *((n, False) for n in OWN[:2]),
    ]
    assert surface_entries(Scene(scene.layers[:1]), DARK) == []
    scene.appearance = Appearance(own_colors=False, colormap="magma", reverse_colormap=True)
    assert {entry.palette for entry in surface_entries(scene, DARK)} == {("magma", True)}


def test_a_surface_that_two_layers_share_has_one_colormap():
    first = layer("a")
    scene = Scene([first, replace(layer("b"), surface=first.surface)])
    assert surface_entries(scene, DARK) == []
    assert {scene.appearance_of(x).colormap for x in scene.layers} == {"viridis"}


def test_differences_keep_the_colormap_in_which_signs_are_read():
    a, b = layer("a"), layer("b", factor=2)
    made = [
        SurfaceLayer(f"{x.name} − {y.name}", difference(x.surface, y.surface), derived=(x, y))
        for x, y in ((a, b), (b, a))
    ]
    assert {name for name, _ in Scene(made).palettes.values()} == {"coolwarm"}


def test_ends_of_paths_differ_in_colour_and_shape():
    entries = path_entries(Scene([layer("a", "x", "y", "z"), layer("b", "w", factor=2)]), DARK)
    assert texts(entries) == ["x, a", "y, a", "z, a", "w, b"]
    assert len({(entry.color, entry.shapes) for entry in entries}) == 4
    assert len({entry.shapes for entry in entries[:3]}) == 3
    (alone,) = path_entries(Scene([layer("a", "x")]), DARK)
    assert not alone.shapes


def test_paths_called_alike_are_told_apart_by_their_layers():
    undefended, defended = layer("image12", "PGD"), layer("image12, defended", "PGD")
    names = path_names([(undefended, 0), (defended, 0)])
    assert names == ["PGD, image12", "PGD, image12, defended"]
    assert path_names([(defended, 0)]) == ["PGD"]
    both = layer("a", "x", "y")
    assert path_names([(both, 1), (both, 0)]) == ["y", "x"]


def test_only_signs_that_are_there_are_explained():
    plain = layer("a", "x")
    shown = texts(sign_entries(Scene([plain]), DARK, in_space=True))
    assert shown == [
        "first checkpoint", "checkpoint", "last checkpoint", "from the path to the surface",
    ]  # fmt: skip
    pin(plain, (2, 2))
    path = plain.trajectories[0]
    plain.trajectories = (replace(path, lr=np.where(AXIS < 0, 1.0, 0.1), loss=path.loss + 1e3),)
    scene = Scene([plain], appearance=Appearance(minima=True), cut=Cut((-1, -1), (1, 1)))
    shown = texts(sign_entries(scene, DARK, in_space=True))
    assert shown[3:] == [
        "learning rate drop", "above the scale", "from the path to the surface", "minimum", "pin",
        "cut",
    ]  # fmt: skip
    on_paper = texts(sign_entries(scene, DARK, in_space=False))
    assert not {"above the scale", "from the path to the surface", "cut"} & set(on_paper)
    scene.appearance = Appearance(trajectory=False, markers=False)
    assert texts(sign_entries(scene, DARK, in_space=False)) == []


def test_each_texture_of_one_tone_tells_surfaces_apart():
    scene = Scene([layer("a"), layer("b", factor=2)], appearance=Appearance(texture=Texture.MATTE))
    first, second = surface_entries(scene, DARK)
    assert first.palette is second.palette is None
    assert first.color != second.color


def test_the_same_unit_along_both_axes():
    wide = Surface.from_loss(4 * AXIS, AXIS, 1 + AXIS[:, None] ** 2 + AXIS**2)
    scene = Scene([SurfaceLayer("a", wide)], appearance=Appearance(equal_aspect=True))
    frame = scene.frame()
    assert (frame.alpha, frame.beta) == ((-4, 4), (-4, 4))
    ends = frame.place([-4, 4, 0, 0], [0, 0, -1, 1], [1] * 4)
    assert np.ptp(ends[:2, 0]) == 4 * np.ptp(ends[2:, 1])
    row = Surface.from_loss(AXIS, [0.5], AXIS[:, None] ** 2)
    scene.layers = [SurfaceLayer("row", row)]
    assert scene.frame().beta == (0.5, 0.5)


@pytest.mark.parametrize("orthographic", [False, True])
def test_what_a_surface_hides_is_known(orthographic):
    scene = Scene([layer("a")], Camera(0.0, 90.0, orthographic=orthographic))
    above, below = np.array([0.2, 0.1, 0.8]), np.array([0.2, 0.1, -0.2])
    assert not is_hidden(scene, above, (300, 200))
    assert is_hidden(scene, below, (300, 200))
    scene.camera = Camera(0.0, -90.0, orthographic=orthographic)
    assert is_hidden(scene, above, (300, 200))
    assert not is_hidden(scene, below, (300, 200))


@pytest.mark.parametrize("size", [(900, 1600), (1600, 1000), (300, 200), (4000, 1000)])
@pytest.mark.parametrize("camera", [Camera(), Camera(20.0, 90.0, orthographic=True)])
def test_the_box_fills_what_the_margins_leave(size, camera):
    corners, margins = Scene([layer("a")]).frame().corners, (50.0, 20.0, 30.0, 40.0)
    places = camera.filling(size, corners, margins).to_pixels(corners, size)[:, :2]
    low, high = places.min(axis=0), places.max(axis=0)
    free = np.array(size) - (80.0, 60.0)
    assert (low >= (49.0, 19.0)).all()
    assert (high <= np.array(size) - (29.0, 39.0)).all()
    assert ((high - low) / free).max() > 0.99


def test_the_view_from_the_top_is_left_as_it_was_entered():
    assert Camera().axis_view(7).distance < Camera.distance
    assert Camera().axis_view(7).axis_view(1).distance == Camera.distance
    assert Camera(distance=3.0).axis_view(7).distance == 3.0


def test_all_shapes_have_a_number_of_their_own():
    assert [shape.value for shape in MarkerShape] == list(range(len(MarkerShape)))
