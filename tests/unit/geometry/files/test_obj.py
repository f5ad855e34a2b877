"""What is in an .obj and its .mtl, read line by line."""

import numpy as np
import pytest

from isoloss.errors import IsolossError
from isoloss.geometry.files.obj import write_obj
from isoloss.geometry.files.solid import Material, Mesh, Node

PLACES = np.array([[0.0, 0, 0], [0.5, 0, 0], [0, 0.25, -0.5]])


@pytest.fixture
def rows(tmp_path):
    up, colors = np.tile([0.0, 1.0, 0.0], (3, 1)), np.eye(3)
    surface = Mesh(PLACES, np.array([[0, 1, 2]], np.uint32), Material("s", is_lit=True), up, colors)
    line = Mesh(PLACES + 1, np.array([[0, 1], [1, 2]], np.uint32), Material("l", (1.0, 0.5, 0.0)))
    facets = Mesh(PLACES + 2, np.array([[2, 1, 0]], np.uint32), Material("s", is_lit=True))
    parts = (Node("a surface", surface), Node("l\nv 9 9 9", line), Node("facets", facets))
    write_obj(Node("all", children=parts), tmp_path / "x.obj")
    return [line.split() for line in (tmp_path / "x.obj").read_text().splitlines()]


def test_every_part_has_its_places_colours_and_faces(rows):
    places = np.array([[float(n) for n in row[1:4]] for row in rows if row[0] == "v"])
    np.testing.assert_array_equal(places, np.concatenate([PLACES, PLACES + 1, PLACES + 2]))
    assert [len(row) - 1 for row in rows if row[0] == "v"] == [6] * 3 + [3] * 6
    assert [row[4:] for row in rows if row[0] == "v"][:1] == [["1", "0", "0"]]
    assert [row[1:] for row in rows if row[0] == "f"] == [["1//1", "2//2", "3//3"], ["9", "8", "7"]]
    assert [row[1:] for row in rows if row[0] == "l"] == [["4", "5"], ["5", "6"]]
    assert [row[1:] for row in rows if row[0] == "o"] == [["a_surface"], ["l_v_9_9_9"], ["facets"]]


def test_materials_are_named_once_and_found(rows, tmp_path):
    material = (tmp_path / "x.mtl").read_text().split("\n")
    assert rows[0] == ["mtllib", "x.mtl"]
    made = [line.split()[1] for line in material if line.startswith("newmtl")]
    assert [row[1] for row in rows if row[0] == "usemtl"] == [made[0], made[1], made[0]]
    assert "Kd 1 0.5 0" in material


@pytest.mark.parametrize("barred", ["x.obj", "x.mtl"])
def test_where_one_of_both_cannot_be_written_there_is_neither(tmp_path, barred):
    (tmp_path / barred / "within").mkdir(parents=True)
    mesh = Mesh(PLACES, np.array([[0, 1, 2]], np.uint32), Material("s"))
    with pytest.raises(IsolossError, match=barred.replace(".", r"\.")):
        write_obj(Node("all", mesh), tmp_path / "x.obj")
    assert [path.name for path in tmp_path.iterdir()] == [barred]
