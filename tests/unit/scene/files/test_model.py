"""What a view shows as a model: where it is, in which colours, and what is left open."""

from dataclasses import replace

import numpy as np
import pytest

from isoloss.errors import IsolossError
from isoloss.geometry.files.solid import Node
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.scene.files.model import model_of
from isoloss.scene.files.staging import stage
from isoloss.scene.layer import Marker, SurfaceLayer

ALPHA, BETA = np.linspace(-1, 3, 9), np.linspace(0, 2, 7)
SLOPE = 2 + ALPHA[:, None] + 0 * BETA
"""From 1 to 5 along α; the same along β."""


def part(root: Node, name: str) -> Node:
    found = [node for node in root.all() if node.name == name]
    return next((node for node in found if node.mesh is not None), found[0])


def surface(loss: np.ndarray = SLOPE, **meta: object) -> Surface:
    return Surface.from_loss(ALPHA, BETA, loss, **meta)


def corners(root: Node) -> np.ndarray:
    mesh = part(root, "surface").mesh
    assert mesh is not None
    return mesh.places


def test_it_stands_on_a_table_half_a_metre_wide():
    places = corners(model_of(surface()))
    low, high = places.min(axis=0), places.max(axis=0)
    # x: α to the right, y: upwards, −z: β away; the floor of the box is the table.
    np.testing.assert_allclose([low[0], high[0]], [-0.25, 0.25])
    np.testing.assert_allclose([low[2], high[2]], [-0.25, 0.25])
    np.testing.assert_allclose(low[1], 0.22 * 0.25)
    np.testing.assert_allclose(high[1] - low[1], 0.9 * 0.25)
    # the loss rises along α alone, evenly
    np.testing.assert_allclose(places[:, 1], low[1] + 0.45 * (places[:, 0] + 0.25), atol=1e-9)


def test_its_triangles_and_normals_look_upwards():
    mesh = part(model_of(surface()), "surface").mesh
    assert mesh is not None
    a, b, c = (mesh.places[mesh.indices[:, k]] for k in range(3))
    facing = np.cross(b - a, c - a)
    assert (facing[:, 1] > 0).all()
    facing /= np.linalg.norm(facing, axis=1, keepdims=True)
    # of a plane of slope 0.9 to 2 all are alike: (-0.45, 1, 0) to length 1
    expected = np.array([-0.45, 1.0, 0.0]) / np.hypot(0.45, 1)
    np.testing.assert_allclose(facing, np.broadcast_to(expected, facing.shape), atol=1e-6)
    np.testing.assert_allclose(mesh.normals, 0 * mesh.normals + expected, atol=1e-12)


def test_holes_are_left_open_and_nothing_is_nan():
    holed = SLOPE.copy()
    holed[4, 3], holed[0, 0] = np.nan, np.inf
    mesh, whole = (
        part(model_of(stage(surface(loss), smooth=False)), "surface").mesh
        for loss in (holed, SLOPE)
    )
    assert mesh is not None
    assert whole is not None
    assert len(whole.indices) == 2 * 8 * 6
    assert len(mesh.indices) == 2 * (8 * 6 - 4 - 1)  # the four around a point, one at the corner
    assert len(mesh.places) == 9 * 7 - 2
    for values in (mesh.places, mesh.colors, whole.places):
        assert np.isfinite(values).all()
    assert mesh.normals is None, "facets have no normals of their corners"


def test_colours_are_those_of_the_texture():
    accuracy = np.broadcast_to(np.linspace(0, 1, 7), (9, 7))
    source = replace(surface(), accuracy=accuracy)
    root = model_of(stage(source, texture="accuracy", colormap="magma", smooth=False))
    mesh = part(root, "surface").mesh
    assert mesh is not None
    magma = (0.001462, 0.000466, 0.013866), (0.987053, 0.991438, 0.749504)  # as published
    for at, color in zip((0.25, -0.25), magma, strict=True):
        found = mesh.colors[np.isclose(mesh.places[:, 2], at)]
        assert len(found) == 9
        np.testing.assert_allclose(found, np.broadcast_to(color, (9, 3)), atol=0.004)


def test_contours_lie_at_their_levels():
    root = model_of(stage(surface(), contour_levels=3))
    levels = part(root, "contours").children
    assert [node.name for node in levels] == [f"{node.about['level']:g}" for node in levels]
    assert len(levels) >= 3
    assert len(part(root, "contours on the floor").children) == len(levels)
    for node in levels:
        assert node.mesh is not None
        # loss 1 is at x = −0.25, loss 5 at 0.25
        at = -0.25 + 0.5 * (node.about["level"] - 1) / 4
        np.testing.assert_allclose(node.mesh.places[:, 0], at, atol=1e-6)
        np.testing.assert_allclose(
            node.mesh.places[:, 1], 0.055 + 0.45 * (at + 0.25) + 0.001, atol=1e-6
        )
        assert node.mesh.indices.shape[1] == 2
    bare = model_of(stage(surface(), contours=False, floor_contours=False))
    assert "contours" not in [node.name for node in bare.all()]


def test_paths_say_their_epochs_and_end_at_the_one_that_is_shown():
    loss = np.array([5.0, 3.0, np.nan, 2.0, 1.0])
    path = Trajectory(
        np.linspace(3, -1, 5), np.full(5, 1.0), loss, np.zeros(5), np.arange(5.0), np.ones(5),
        {"name": "sgd"},
    )  # fmt: skip
    source = replace(surface(), trajectories=(path,))
    node = part(model_of(source), "sgd")
    assert node.mesh is not None
    assert node.about["epoch"] == [0, 1, 2, 3, 4]
    assert node.about["loss"] == [5, 3, None, 2, 1]
    np.testing.assert_allclose(node.mesh.places[:, 0], [0.25, 0.125, -0.125, -0.25])
    np.testing.assert_allclose(node.mesh.places[:, 1], 0.055 + 0.225 * np.array([1, 0.5, 0.25, 0]))
    assert node.mesh.indices.tolist() == [[0, 1], [2, 3]], "no line through what is no number"
    short = part(model_of(stage(source, epoch=1.0)), "sgd")
    assert short.mesh is not None
    assert (len(short.mesh.places), short.about["epoch"]) == (2, [0, 1])


def test_several_surfaces_are_nodes_of_their_own_in_one_box():
    layers = [SurfaceLayer(n, surface(SLOPE + k)) for k, n in enumerate("ab")]
    layers[0] = replace(layers[0], opacity=0.5, markers=(Marker(1, 1, 3, "a pin"),))
    root = model_of(stage(layers))
    assert [node.name for node in root.children] == ["a", "b"]
    heights = [corners(node)[:, 1] for node in root.children]
    # one scale from 1 to 6 for both
    np.testing.assert_allclose([h.min() for h in heights], [0.055, 0.055 + 0.225 / 5], atol=1e-6)
    opacities = [part(n, "surface").mesh.material.opacity for n in root.children]
    assert opacities == [0.5, 1.0]
    pin = part(root, "a pin").mesh
    assert pin is not None
    np.testing.assert_allclose(pin.places.mean(axis=0), [0, 0.055 + 0.225 * 2 / 5, 0], atol=1e-9)
    colors = [part(n, "surface").mesh.colors.mean(axis=0) for n in root.children]
    assert np.abs(colors[0] - colors[1]).max() > 0.1, "each has a colormap of its own"


def test_names_and_facts_are_such_as_json_has_them():
    title = "x" * 5000 + "</script>\n\ud800"
    root = model_of(surface(title=title, worst=float("nan"), deep={"a": [1, float("inf")]}))
    assert len(root.name) == 80
    assert root.children[0].about["worst"] is None
    assert root.children[0].about["deep"] == {"a": [1, None]}
    "".join(str(node.about) for node in root.all()).encode("utf-8")


def test_what_has_no_value_is_no_model():
    with pytest.raises(IsolossError, match="nothing to show yet"):
        model_of(surface(np.full((9, 7), np.nan)))


@pytest.mark.parametrize("finite", [(), ((4, 3),), ((0, 0), (4, 3), (8, 6))])
def test_what_has_neither_faces_nor_lines_is_no_model(finite):
    loss = np.full((9, 7), np.inf)
    for cell in finite:
        loss[cell] = 1.0
    with pytest.raises(IsolossError, match="nothing to make a model of"):
        model_of(surface(loss))
