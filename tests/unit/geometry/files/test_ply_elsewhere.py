"""PLY files in other programs: what these see of ours, and what comes back of what they wrote."""

from __future__ import annotations

from dataclasses import replace

import matplotlib
import numpy as np
import plyfile
import pytest
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOPLY import vtkPLYReader, vtkPLYWriter
from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

import isoloss
from isoloss.errors import IsolossError
from isoloss.geometry.files.formats import save_surface
from isoloss.geometry.files.look import Look
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory

ALPHA, BETA = np.linspace(-1, 1, 7), np.linspace(-0.5, 1, 5)
COLOR, NORMAL = ("red", "green", "blue"), ("nx", "ny", "nz")


def bowl() -> Surface:
    loss = 1 + 3 * ALPHA[:, None] ** 2 + BETA**2
    return Surface.from_loss(ALPHA, BETA, loss, model="vgg11")


def with_losses(loss: np.ndarray, **meta) -> Surface:
    return Surface.from_loss(ALPHA, BETA, np.broadcast_to(loss, (7, 5)).copy(), **meta)


def with_holes() -> Surface:
    surface = bowl()
    surface.loss[2, 2], surface.loss[0, 0], surface.count[4, 4] = np.nan, np.inf, 0
    return surface


SURFACES = {
    "linear": bowl(),
    "decades": with_losses(np.exp(6 * ALPHA[:, None] ** 2 + BETA)),
    "negative": with_losses(-5 + ALPHA[:, None] + BETA),
    "a spike": with_losses(1 + 1e6 * ((ALPHA[:, None] == 1) & (BETA == 1)) + 0.1 * BETA),
    "constant": with_losses(np.array(2.5)),
    "a difference": with_losses(ALPHA[:, None] + 0.2 * BETA, difference=True),
    "holes": with_holes(),
    "huge": with_losses(1e300 * (2 + ALPHA[:, None])),
    "tiny axes": replace(bowl(), alpha=1e-4 * ALPHA, beta=1e-4 * BETA),
    "far away": replace(bowl(), alpha=300 + ALPHA, beta=BETA - 70),
}


def by_vtk(path):
    reader = vtkPLYReader()
    reader.SetFileName(str(path))
    reader.Update()
    return reader.GetOutput()


def test_vtk_sees_colours_that_are_opaque_and_normals(tmp_path):
    mesh = by_vtk(bowl().save(tmp_path / "s.ply"))
    vertex = plyfile.PlyData.read(str(tmp_path / "s.ply"))["vertex"]
    colors = vtk_to_numpy(mesh.GetPointData().GetScalars())
    np.testing.assert_array_equal(colors, np.stack([vertex[c] for c in COLOR], -1))
    normals = vtk_to_numpy(mesh.GetPointData().GetNormals())
    np.testing.assert_array_equal(normals, np.stack([vertex[c] for c in NORMAL], -1))


def test_colours_are_those_of_the_height_and_normals_stand_on_it(tmp_path):
    surface = bowl()
    vertex = plyfile.PlyData.read(str(surface.save(tmp_path / "s.ply")))["vertex"]
    shares = (surface.loss - surface.loss.min()) / np.ptp(surface.loss)
    expected = matplotlib.colormaps["viridis"](shares.ravel(), bytes=True)[:, :3].astype(int)
    found = np.stack([vertex[c] for c in COLOR], -1)
    assert np.abs(found - expected).max() <= 2
    height = vertex["z"].reshape(7, 5)
    np.testing.assert_allclose(height, np.ptp(height) * shares, atol=1e-12)
    # The drawn paraboloid's own slopes: central differences of a parabola are exact.
    steep = np.ptp(height) / np.ptp(surface.loss)
    upwards = np.stack(
        np.broadcast_arrays(-6 * steep * ALPHA[:, None], -2 * steep * BETA, np.ones((7, 5))), -1
    )
    upwards /= np.linalg.norm(upwards, axis=-1, keepdims=True)
    found = np.stack([vertex[c] for c in NORMAL], -1).reshape(7, 5, 3)
    np.testing.assert_allclose(found, upwards, atol=1e-6)


def test_a_look_chooses_colours_scale_and_facets(tmp_path):
    surface = replace(bowl(), trajectories=(Trajectory(*np.full((6, 2), 0.5)),))
    colors = np.arange(7 * 5 * 3, dtype=np.uint8).reshape(7, 5, 3)
    look = Look(log_height=True, smooth=False, colors=colors)
    vertex = plyfile.PlyData.read(str(save_surface(surface, tmp_path / "s.ply", look)))["vertex"]
    np.testing.assert_array_equal(np.stack([vertex[c] for c in COLOR], -1), colors.reshape(-1, 3))
    assert "nx" not in {p.name for p in vertex.properties}
    logs = np.log(surface.loss)
    shares = (logs - logs.min()) / np.ptp(logs)
    np.testing.assert_allclose(vertex["z"] / np.ptp(vertex["z"]), shares.ravel(), atol=1e-12)
    path = plyfile.PlyData.read(str(tmp_path / "s-trajectory.ply"))["vertex"]
    at = (np.log(0.5) - logs.min()) / np.ptp(logs)
    np.testing.assert_allclose(path["z"], np.ptp(vertex["z"]) * max(at, 0))
    with pytest.raises(IsolossError, match=r"s\.npz cannot keep colours: choose \.ply"):
        save_surface(surface, tmp_path / "s.npz", look)


@pytest.mark.parametrize("name", SURFACES)
@pytest.mark.parametrize("as_text", [False, True])
def test_heights_that_vtk_kept_without_their_losses_are_refused(tmp_path, name, as_text):
    whole = SURFACES[name].save(tmp_path / "s.ply")
    np.testing.assert_array_equal(isoloss.load(whole).loss, SURFACES[name].loss)
    writer = vtkPLYWriter()
    writer.SetFileName(str(tmp_path / "by-vtk.ply"))
    writer.SetInputData(by_vtk(whole))
    if as_text:
        writer.SetFileTypeToASCII()
    writer.Write()
    with pytest.raises(IsolossError, match="no longer their losses"):
        isoloss.load(tmp_path / "by-vtk.ply")


def rewritten(whole, path, comment, kind, kept, more=(), text=False, order=None):
    """What another program makes of our file: some of its properties, in types of its own."""
    old = plyfile.PlyData.read(str(whole))
    vertex = old["vertex"].data
    names = [(n, kind if vertex.dtype[n].kind == "f" else vertex.dtype[n]) for n in kept]
    new = np.zeros(len(vertex), [*names, *more])
    for name in kept:
        new[name] = vertex[name]
    for name, _ in more:
        new[name] = 255
    face = old["face"].data
    if order is not None:
        new, at = new[order], np.argsort(order)
        face = face.copy()
        face["vertex_indices"] = [at[f] for f in face["vertex_indices"]]
    elements = [plyfile.PlyElement.describe(d, n) for d, n in ((new, "vertex"), (face, "face"))]
    plyfile.PlyData(elements, text=text, byte_order="<", comments=[comment]).write(str(path))
    return path


PLACE = ("x", "y", "z")
WITHOUT_LOSS = {
    "trimesh": ("https://github.com/mikedh/trimesh", "f4", (*PLACE, *NORMAL, *COLOR), True, False),
    "Open3D": ("Created by Open3D", "f8", (*PLACE, *NORMAL, *COLOR), False, False),
    "MeshLab": ("VCGLIB generated", "f4", (*PLACE, *COLOR), True, False),
    "Blender": ("Created in Blender version 4.2.0", "f4", (*PLACE, *NORMAL), False, True),
    "keeps our comment": ('isoloss {"kind": "surface"}', "f8", PLACE, False, False),
}


@pytest.mark.parametrize("program", WITHOUT_LOSS)
@pytest.mark.parametrize("name", ["linear", "decades", "holes"])
def test_files_rewritten_without_losses_are_refused(tmp_path, program, name):
    comment, kind, kept, opaque, text = WITHOUT_LOSS[program]
    whole = SURFACES[name].save(tmp_path / "s.ply")
    more = [("alpha", "u1")] if opaque else []
    order = np.random.default_rng(1).permutation(35) if program == "MeshLab" else None
    path = rewritten(whole, tmp_path / "o.ply", comment, kind, kept, more, text, order)
    with pytest.raises(IsolossError, match="no longer their losses"):
        isoloss.load(path)


@pytest.mark.parametrize("opaque", [False, True])
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_files_rewritten_with_losses_are_read(tmp_path, opaque, kind):
    """As meshio does, which keeps every property, and what adds an opacity of its own."""
    surface = bowl()
    kept = (*PLACE, *NORMAL, *COLOR, "loss", "accuracy", "loss_stderr", "count")
    more = [("alpha", "u1")] if opaque else []
    whole = surface.save(tmp_path / "s.ply")
    path = rewritten(whole, tmp_path / "o.ply", "Created by meshio", kind, kept, more)
    back = isoloss.load(path)
    np.testing.assert_allclose(back.loss, surface.loss, rtol=1e-7)
    np.testing.assert_allclose(back.alpha, ALPHA, atol=1e-7)
    np.testing.assert_allclose(back.beta, BETA, atol=1e-7)


@pytest.mark.parametrize("most", [0.45, 0.9, 0.4501, 1.0, 2.0])
def test_losses_of_others_are_not_taken_for_heights_of_ours(tmp_path, most):
    a = np.linspace(-1, 1, 5)
    loss = most * (a[:, None] ** 2 + a**2) / 2
    vertex = np.zeros(25, [(n, "f4") for n in "xyz"])
    vertex["x"], vertex["y"], vertex["z"] = np.repeat(a, 5), np.tile(a, 5), loss.ravel()
    plyfile.PlyData([plyfile.PlyElement.describe(vertex, "vertex")]).write(str(tmp_path / "o.ply"))
    np.testing.assert_allclose(isoloss.load(tmp_path / "o.ply").loss, loss, rtol=1e-6)


def test_heights_that_were_stretched_are_refused_where_our_remark_was_kept(tmp_path):
    vertex = plyfile.PlyData.read(str(bowl().save(tmp_path / "s.ply")))["vertex"].data
    places = vertex[list(PLACE)].astype([(n, "f8") for n in PLACE])
    places["z"] *= 2
    described = plyfile.PlyElement.describe(places, "vertex")
    for remark in ('isoloss {"kind": "surface"}', 'isoloss {"kind": "surface", "title": "t"}'):
        plyfile.PlyData([described], comments=[remark]).write(str(tmp_path / "o.ply"))
        with pytest.raises(IsolossError, match="no longer their losses"):
            isoloss.load(tmp_path / "o.ply")


def test_heights_are_known_in_every_format(tmp_path):
    """As others pass points on: polygons of VTK's, tables, archives of arrays."""
    vertex = plyfile.PlyData.read(str(bowl().save(tmp_path / "s.ply")))["vertex"]
    x, y, z = (vertex[n] for n in PLACE)
    np.savez(tmp_path / "o.npz", x=ALPHA, y=BETA, z=z.reshape(7, 5))
    rows = [
        f"{a!r},{b!r},{c!r}" for a, b, c in zip(x.tolist(), y.tolist(), z.tolist(), strict=True)
    ]
    (tmp_path / "o.csv").write_text("\n".join(["x,y,z", *rows]))
    writer = vtkXMLPolyDataWriter()
    writer.SetFileName(str(tmp_path / "o.vtp"))
    writer.SetInputData(by_vtk(tmp_path / "s.ply"))
    writer.Write()
    for name in ("o.npz", "o.csv", "o.vtp"):
        with pytest.raises(IsolossError, match="no longer their losses"):
            isoloss.load(tmp_path / name)


def test_our_own_writing_is_plyfiles(tmp_path):
    surface = with_holes()
    path = surface.save(tmp_path / "s.ply")
    plyfile.PlyData.read(str(path)).write(str(tmp_path / "again.ply"))
    assert (tmp_path / "again.ply").read_bytes() == path.read_bytes()
