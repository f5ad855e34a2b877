"""What has no finite loss is a hole in other programs too: VTK reads what we write."""

import numpy as np
import plyfile
import pytest
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOXML import vtkXMLStructuredGridReader

from isoloss import Surface
from isoloss.geometry.files.ply import save_trajectory_ply
from isoloss.geometry.trajectory import Trajectory

BAD = [(0, 0), (2, 3), (4, 1)]


def with_holes(value: float) -> Surface:
    alpha, beta = np.linspace(-1, 1, 6), np.linspace(0, 3, 5)
    loss = 100 + alpha[:, None] ** 2 + beta
    surface = Surface.from_loss(alpha, beta, loss)
    for place in BAD:
        if value == 0:
            surface.count[place] = 0
        surface.loss[place] = np.nan if value == 0 else value
    return surface


def cells_at(places: list[tuple[int, int]]) -> set[tuple[int, int]]:
    """The cells of a 6 × 5 grid that have one of `places` as a corner."""
    corners = {(i - a, j - b) for i, j in places for a in (0, 1) for b in (0, 1)}
    return {(i, j) for i, j in corners if 0 <= i < 5 and 0 <= j < 4}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0], ids=["nan", "inf", "-inf", "none"])
def test_no_face_touches_them_and_their_height_is_of_their_neighbours(tmp_path, value):
    surface = with_holes(value)
    ply = plyfile.PlyData.read(str(surface.save(tmp_path / "s.ply")))
    faces = np.stack(ply["face"].data["vertex_indices"])
    assert not {5 * i + j for i, j in BAD} & set(faces.ravel().tolist())
    assert len(faces) == 2 * (20 - len(cells_at(BAD)))
    z = ply["vertex"].data["z"].reshape(6, 5)
    assert np.isfinite(z).all()
    assert min(z[1, 3], z[3, 3]) <= z[2, 3] <= max(z[2, 4], z[2, 2], z[1, 3])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0], ids=["nan", "inf", "-inf", "none"])
def test_vtk_blanks_them_and_the_cells_around_them(tmp_path, value):
    surface = with_holes(value)
    reader = vtkXMLStructuredGridReader()
    reader.SetFileName(str(surface.save(tmp_path / "s.vts")))
    reader.Update()
    grid = reader.GetOutput()
    assert grid.GetExtent() == (0, 5, 0, 4, 0, 0)
    visible = [bool(grid.IsPointVisible(k)) for k in range(30)]
    assert {(k % 6, k // 6) for k in range(30) if not visible[k]} == set(BAD)
    seen = [bool(grid.IsCellVisible(k)) for k in range(20)]
    assert {(k % 5, k // 5) for k in range(20) if not seen[k]} == cells_at(BAD)
    points = vtk_to_numpy(grid.GetPoints().GetData()).reshape(5, 6, 3).transpose(1, 0, 2)
    finite = np.isfinite(surface.loss)
    np.testing.assert_array_equal(points[..., 2][finite], surface.loss[finite])
    assert (points[..., 2][~finite] >= 100).all()
    assert (points[..., 2] <= 104).all()


@pytest.mark.parametrize("suffix", [".ply", ".vts"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_surface_without_any_height_is_written(tmp_path, suffix, value):
    surface = Surface.from_loss(np.arange(3.0), np.arange(2.0), np.full((3, 2), value))
    path = surface.save(tmp_path / f"s{suffix}")
    if suffix == ".ply":
        assert len(plyfile.PlyData.read(str(path))["face"].data) == 0


def test_a_path_has_no_pit_where_its_loss_is_not_finite(tmp_path):
    surface = with_holes(np.inf)
    loss = np.array([101.0, np.nan, 103.0, np.inf])
    path = Trajectory(*np.linspace(0, 1, 8).reshape(2, 4), loss, *np.zeros((3, 4)))
    save_trajectory_ply(path, tmp_path / "t.ply", surface)
    z = plyfile.PlyData.read(str(tmp_path / "t.ply"))["vertex"].data["z"]
    assert z[0] < z[1] < z[2] == z[3]


@pytest.mark.parametrize(("offset", "step"), [(1e6, 1 / 64), (-3e8, 1.0), (5.0, 1e-7)])
def test_close_coordinates_stay_apart_in_other_programs(tmp_path, offset, step):
    alpha = offset + step * np.arange(20)
    surface = Surface.from_loss(alpha, np.array([0.0, 1.0]), np.zeros((20, 2)))
    vertex = plyfile.PlyData.read(str(surface.save(tmp_path / "s.ply")))["vertex"].data
    np.testing.assert_array_equal(np.unique(vertex["x"]), alpha)
