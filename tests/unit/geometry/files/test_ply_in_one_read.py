"""Surfaces of our own make are read without their faces; everything else as carefully as before."""

import numpy as np
import plyfile
import pytest

from isoloss.errors import IsolossError
from isoloss.geometry.files import ply
from isoloss.geometry.surface import Surface


@pytest.fixture
def surface():
    alpha, beta = np.linspace(-1, 1, 7), np.array([-0.3, 0.0, 0.1, 5.0])
    loss = np.random.default_rng(0).random((7, 4))
    loss[2, 1] = np.nan
    return Surface.from_loss(alpha, beta, loss, model="tiny", comment="π")


@pytest.fixture
def file(surface, tmp_path):
    return surface.save(tmp_path / "s.ply")


@pytest.fixture
def no_plyfile(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("read the slow way")

    monkeypatch.setattr(plyfile.PlyData, "read", refuse)


def same(a: Surface, b: Surface) -> None:
    for name in ("alpha", "beta", "loss", "accuracy", "loss_stderr", "count"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert a.meta == b.meta


def test_our_own_files_are_read_in_one_go(file, surface, no_plyfile):
    same(ply.load_surface_ply(file), surface)


@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize("in_order", [False, True])
def test_all_ways_read_the_same(file, surface, byte_order, in_order):
    """Big-endian files are left to plyfile, vertices out of order are sorted."""
    content = plyfile.PlyData.read(str(file))
    vertex = content["vertex"].data
    order = np.random.default_rng(1).permutation(len(vertex))
    described = plyfile.PlyElement.describe(vertex if in_order else vertex[order], "vertex")
    other = file.with_name("other.ply")
    plyfile.PlyData([described], byte_order=byte_order, comments=content.comments).write(str(other))
    same(ply.load_surface_ply(other), surface)


@pytest.mark.parametrize("order", ["<", ">", "="])
@pytest.mark.parametrize("text", [False, True])
def test_other_layouts_are_left_to_plyfile(tmp_path, order, text):
    vertex = np.zeros(6, [(n, "f4") for n in "xyz"])
    vertex["x"], vertex["y"], vertex["z"] = np.repeat([0, 1, 2], 2), [0, 1] * 3, range(6)
    path = tmp_path / "other.ply"
    described = plyfile.PlyElement.describe(vertex, "vertex")
    plyfile.PlyData([described], text=text, byte_order=order).write(str(path))
    loss = ply.load_surface_ply(path).loss
    np.testing.assert_array_equal(loss, np.arange(6.0).reshape(3, 2))


def test_a_face_that_was_damaged_is_found_out(file):
    data = bytearray(file.read_bytes())
    data[-13] = 200  # the number of corners of the last face
    file.write_bytes(data)
    with pytest.raises(IsolossError, match=r"not a readable|damaged"):
        ply.load_surface_ply(file)


def test_a_file_cut_short_is_found_out(file):
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(IsolossError, match=r"s\.ply"):
        ply.load_surface_ply(file)
