"""What is in a .glb, read by the few lines of the specification that say how."""

import json
import struct

import numpy as np
import pytest

from isoloss.geometry.files.gltf import linear, write_glb
from isoloss.geometry.files.solid import Material, Mesh, Node

TYPES = {5123: "<u2", 5125: "<u4", 5126: "<f4"}
CORNERS = np.array([[0, 0, 0], [0.5, 0, 0], [0, 0.25, -0.5], [0.1, 0.2, 0.3]])
TRIANGLE = np.array([[0, 1, 2]], np.uint32)


def read(path):
    """The JSON and the binary chunk of a .glb."""
    raw = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", raw)
    assert (magic, version, length) == (b"glTF", 2, len(raw))
    said, kind = struct.unpack_from("<I4s", raw, 12)
    assert kind == b"JSON"
    binary, kind = struct.unpack_from("<I4s", raw, 20 + said)
    assert kind == b"BIN\0"
    assert (said % 4, binary % 4, 28 + said + binary) == (0, 0, len(raw))
    return json.loads(raw[20 : 20 + said]), raw[28 + said :]


def array(document, binary, number):
    accessor = document["accessors"][number]
    view = document["bufferViews"][accessor["bufferView"]]
    assert view["byteOffset"] % 4 == 0
    width = {"SCALAR": 1, "VEC3": 3}[accessor["type"]]
    kind = TYPES[accessor["componentType"]]
    count = accessor["count"] * width
    assert view["byteLength"] == count * np.dtype(kind).itemsize
    return np.frombuffer(binary, kind, count, view["byteOffset"]).reshape(-1, width)


@pytest.fixture
def written(tmp_path):
    def write(*meshes, **node):
        children = tuple(Node(f"part {k}", mesh) for k, mesh in enumerate(meshes))
        return read(write_glb(Node("all", children=children, **node), tmp_path / "x.glb"))

    return write


def test_places_colours_and_normals_come_back(written):
    grey, normals = np.full((4, 3), 0.5), np.tile([0.0, 1.0, 0.0], (4, 1))
    mesh = Mesh(CORNERS, TRIANGLE, Material("m", is_lit=True), normals, grey)
    document, binary = written(mesh, about={"level": 0.5})
    (primitive,) = document["meshes"][0]["primitives"]
    found = {k: array(document, binary, v) for k, v in primitive["attributes"].items()}
    np.testing.assert_array_equal(found["POSITION"], CORNERS.astype(np.float32))
    np.testing.assert_array_equal(found["NORMAL"], normals)
    # IEC 61966-2-1: ((0.5 + 0.055) / 1.055)^2.4
    np.testing.assert_allclose(found["COLOR_0"], 0.21404114, rtol=1e-6)
    accessor = document["accessors"][primitive["attributes"]["POSITION"]]
    assert accessor["min"] == CORNERS.astype(np.float32).min(axis=0).tolist()
    assert accessor["max"] == CORNERS.astype(np.float32).max(axis=0).tolist()
    assert primitive["mode"] == 4
    assert document["nodes"][0]["extras"] == {"level": 0.5}
    assert [node["name"] for node in document["nodes"]] == ["all", "part 0"]
    material = document["materials"][0]
    assert material["doubleSided"]
    assert "extensionsUsed" not in document


@pytest.mark.parametrize(("color", "light"), [(0, 0), (1, 1), (0.04, 0.04 / 12.92), (0.2, 0.0331)])
def test_light_is_linear(color, light):
    assert linear(color) == pytest.approx(light, abs=1e-4)


@pytest.mark.parametrize(("count", "kind"), [(65535, 5125), (65534, 5123), (3, 5123)])
def test_indices_are_as_wide_as_they_must_be(written, count, kind):
    # Of 16 bits the last number is no index: it would begin another primitive.
    mesh = Mesh(np.zeros((count, 3)), np.array([[0, 1, count - 1]], np.uint32), Material("m"))
    document, binary = written(mesh)
    indices = document["meshes"][0]["primitives"][0]["indices"]
    assert document["accessors"][indices]["componentType"] == kind
    assert array(document, binary, indices).ravel().tolist() == [0, 1, count - 1]


def test_lines_are_drawn_without_light_and_share_materials(written):
    pieces = np.array([[0, 1], [1, 2]], np.uint32)
    red = Material("line", (1.0, 0.0, 0.0), opacity=0.5)
    document, _ = written(Mesh(CORNERS, pieces, red), Mesh(CORNERS, pieces, red))
    assert [m["primitives"][0]["mode"] for m in document["meshes"]] == [1, 1]
    (material,) = document["materials"]
    assert material["alphaMode"] == "BLEND"
    assert material["pbrMetallicRoughness"]["baseColorFactor"] == [1.0, 0.0, 0.0, 0.5]
    assert material["extensions"] == {"KHR_materials_unlit": {}}
    assert document["extensionsUsed"] == ["KHR_materials_unlit"]
