"""Surface files: exact round trips, others' layouts, and hostile input."""

import csv
import json
import re
import struct
import xml.etree.ElementTree as ET
from base64 import b64decode
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import plyfile
import pytest

import isoloss
from isoloss import IsolossError, Surface
from isoloss.cli.main import main
from isoloss.geometry.files.ply import save_surface_ply, save_trajectory_ply
from isoloss.geometry.files.reading import is_trajectory, load, load_trajectories
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.trajectory import Trajectory

FIELDS = ("alpha", "beta", "loss", "accuracy", "loss_stderr", "count")


def some_surface(rows=4, columns=7):
    rng = np.random.default_rng(0)
    loss = np.exp(rng.normal(size=(rows, columns)))
    loss[1, 2], loss[2, 3], loss[0, 0] = np.nan, np.inf, 0.0
    count = rng.integers(1, 99, (rows, columns))
    count[3, 4] = 0
    return Surface(
        np.sort(rng.normal(size=rows)),
        np.sort(rng.normal(size=columns)) * 1e-3,
        loss,
        rng.random((rows, columns)),
        rng.random((rows, columns)),
        count.astype(np.int64),
        {"model": "vgg11", "plane": "pca", "note": "Grüße\nα", "range": [[-1.0, 1.0]]},
    )


@pytest.mark.parametrize("suffix", [".ply", ".npz"])
def test_a_surface_comes_back_exactly(tmp_path, suffix):
    surface = some_surface()
    back = isoloss.load(surface.save(tmp_path / f"s{suffix}"))
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(back, name), getattr(surface, name))
    assert back.meta == surface.meta


def test_a_ply_is_what_other_programs_expect(tmp_path):
    surface = some_surface()
    ply = plyfile.PlyData.read(str(surface.save(tmp_path / "s.ply")))
    names = {p.name for p in ply["vertex"].properties}
    looks = {"nx", "ny", "nz", "red", "green", "blue"}
    # Programs take "alpha" for how opaque a colour is: α is "x".
    assert names == {"x", "y", "z", *looks, *FIELDS} - {"alpha", "beta"}
    vertex = ply["vertex"].data
    assert np.isfinite(vertex["z"]).all()
    np.testing.assert_array_equal(vertex["x"], np.repeat(surface.alpha, surface.shape[1]))
    faces = np.stack(ply["face"].data["vertex_indices"])
    assert faces.shape[1] == 3
    missing = {i * 7 + j for i, j in ((1, 2), (3, 4))}
    assert not missing & set(faces.ravel().tolist())
    a, b, c = (np.stack([vertex["x"], vertex["y"]], -1)[faces[:, k]] for k in range(3))
    u, v = b - a, c - a
    assert (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0] > 0).all()  # counter-clockwise from above
    comment = json.loads(ply.comments[0].removeprefix("isoloss "))
    assert comment["model"] == "vgg11"


def test_vertices_in_any_order_and_without_our_columns_still_make_a_grid(tmp_path):
    x, y = np.meshgrid([0.0, 1, 3], [5.0, 6], indexing="ij")
    order = np.random.default_rng(1).permutation(6)
    vertex = np.zeros(6, [(n, "f4") for n in "xyz"])
    for name, values in zip("xyz", (x, y, x * 10 + y), strict=True):
        vertex[name] = values.ravel()[order]
    quad = np.array([([0, 1, 3, 2],)], [("vertex_indices", "i4", (4,))])
    elements = [plyfile.PlyElement.describe(d, n) for d, n in ((vertex, "vertex"), (quad, "face"))]
    for text in (True, False):
        plyfile.PlyData(elements, text=text).write(str(tmp_path / "s.ply"))
        surface = isoloss.load(tmp_path / "s.ply")
        np.testing.assert_array_equal(surface.alpha, [0, 1, 3])
        np.testing.assert_array_equal(surface.loss, x * 10 + y)


def test_a_trajectory_comes_back_exactly_and_is_found_beside_its_surface(tmp_path):
    rng = np.random.default_rng(2)
    path = Trajectory(*rng.random((6, 5)), meta={"run": "r"})
    surface = some_surface()
    surface.save(tmp_path / "surface.ply")
    save_trajectory_ply(path, tmp_path / "trajectory.ply", surface)
    (back,) = load_trajectories(tmp_path / "surface.ply")
    assert back.meta == path.meta
    for name in ("alpha", "beta", "loss", "off_plane", "epoch", "lr"):
        np.testing.assert_array_equal(getattr(back, name), getattr(path, name))
    edges = plyfile.PlyData.read(str(tmp_path / "trajectory.ply"))["edge"].data
    np.testing.assert_array_equal(edges["vertex2"] - edges["vertex1"], 1)
    assert load_trajectories(tmp_path / "other.ply") == []


@pytest.mark.parametrize(
    ("surface", "first", "asked"),
    [
        ("surface.ply", "trajectory", "."),
        ("surface.ply", "trajectory", "surface.ply"),
        ("a [1].ply", "a [1]-trajectory", "a [1].ply"),
        ("a [1].npz", "a [1]-trajectory", "a [1].npz"),
    ],
)
def test_several_trajectories_are_found_the_surfaces_own_first(tmp_path, surface, first, asked):
    whole = some_surface()
    whole.save(tmp_path / surface)
    for k, (name, meta) in enumerate(
        [("", {"name": "own"}), ("-b", {}), ("-a", {"name": "given"})], start=1
    ):
        path = Trajectory(*np.full((6, k), 0.5), meta=meta)
        save_trajectory_ply(path, tmp_path / f"{first}{name}.ply", whole)
    save_trajectory_ply(path, tmp_path / "b-trajectory-c.ply", whole)
    found = load_trajectories(tmp_path / asked)
    assert [(t.name, len(t)) for t in found] == [("own", 1), ("given", 3), ("b", 2)]


def test_a_trajectory_is_known_by_its_name():
    names = ["trajectory", "trajectory-adam", "x-trajectory", "x-y-trajectory-adam", "trajectories"]
    assert [is_trajectory(Path(f"{n}.ply")) for n in names] == [True, True, True, True, False]


def test_learning_rate_drops_are_found():
    lr = np.array([0.1, 0.1, 0.01, 0.01, 0.001])
    zeros = np.zeros(5)
    np.testing.assert_array_equal(Trajectory(*[zeros] * 5, lr=lr).lr_drops, [2, 4])


@pytest.mark.parametrize("suffix", [".ply", ".npz"])
def test_a_spread_comes_back_exactly(tmp_path, suffix):
    spread = np.random.default_rng(3).random((4, 7))
    spread[2, 1] = np.nan
    surface = replace(some_surface(), spread=spread)
    back = isoloss.load(surface.save(tmp_path / f"s{suffix}"))
    np.testing.assert_array_equal(back.spread, spread)
    np.testing.assert_array_equal(back.loss, surface.loss)
    assert isoloss.load(some_surface().save(tmp_path / f"t{suffix}")).spread is None


def test_a_spread_of_another_shape_costs_nothing_but_itself(tmp_path):
    surface = some_surface()
    with np.load(surface.save(tmp_path / "s.npz")) as content:
        np.savez(tmp_path / "t.npz", **content, spread=np.ones((3, 3)))
    back = isoloss.load(tmp_path / "t.npz")
    assert back.spread is None
    np.testing.assert_array_equal(back.loss, surface.loss)
    with pytest.raises(IsolossError, match="spread has shape"):
        replace(surface, spread=np.ones((3, 3)))
    vertex = np.zeros(4, [(n, "f4") for n in "xyz"] + [("spread", "O")])
    vertex["x"], vertex["y"] = [0, 0, 1, 1], [0, 1, 0, 1]
    vertex["spread"] = [np.ones(2, "f4")] * 4
    element = plyfile.PlyElement.describe(vertex, "vertex", val_types={"spread": "f4"})
    plyfile.PlyData([element]).write(str(tmp_path / "t.ply"))
    assert isoloss.load(tmp_path / "t.ply").spread is None


def a_curve(points=5):
    x = np.linspace(-1, 1, points)[:, None]
    return Surface(
        x[:, 0], np.zeros(1), x**2, 1 - x**2 / 2, 0.1 * x**2, np.full(x.shape, 9), {"plane": "line"}
    )


def test_a_curve_comes_back_exactly_from_npz_and_run_folders(tmp_path):
    curve = a_curve()
    folder = tmp_path / "run"
    for back in (
        isoloss.load(curve.save(tmp_path / "c.npz")),
        isoloss.load(curve.save(folder / "curve.npz")),
        isoloss.load(folder),
    ):
        assert back.is_curve
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(back, name), getattr(curve, name))
        assert back.meta == curve.meta
    with curve.save(tmp_path / "c.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(r["loss"]) for r in rows] == [1, 0.25, 0, 0.25, 1]
    assert {r["beta"] for r in rows} == {"0.0"}


@pytest.mark.parametrize("suffix", [".ply", ".vts"])
def test_a_curve_is_no_mesh(tmp_path, suffix):
    with pytest.raises(IsolossError, match=r"cannot save a curve .* choose \.npz, \.csv"):
        a_curve().save(tmp_path / f"c{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_a_mesh_that_could_not_be_read_again_is_not_written(tmp_path):
    row = Surface.from_loss(np.zeros(1), np.arange(4.0), np.ones((1, 4)))
    for surface, way_out in ((a_curve(), r"choose \.npz"), (row, r"\.npz or \.csv keeps it")):
        with pytest.raises(IsolossError, match=way_out):
            save_surface_ply(surface, tmp_path / "s.ply")
    assert list(tmp_path.iterdir()) == []


def test_what_is_neither_surface_nor_curve_is_refused(tmp_path):
    row = Surface.from_loss(np.zeros(1), np.arange(4.0), np.ones((1, 4)))
    point = Surface.from_loss(np.zeros(1), np.zeros(1), np.ones((1, 1)))
    for surface in (row, point):
        with pytest.raises(IsolossError, match=re.escape(f"its grid is {surface.shape}")):
            isoloss.load(surface.save(tmp_path / "s.npz"))


def test_csv_and_vts_hold_every_cell(tmp_path):
    surface = replace(some_surface(), spread=np.arange(28.0).reshape(4, 7))
    with surface.save(tmp_path / "s.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 28
    assert float(rows[9]["alpha"]) == surface.alpha[1]
    assert float(rows[9]["beta"]) == surface.beta[2]
    assert rows[9]["loss"] == "nan"
    assert rows[9]["spread"] == "9.0"

    piece = ET.parse(surface.save(tmp_path / "s.vts")).getroot().find(".//Piece")
    assert piece.get("Extent") == "0 3 0 6 0 0"
    arrays = {a.get("Name"): a for a in piece.iter("DataArray")}
    raw = b64decode(arrays["accuracy"].text)
    assert struct.unpack("<Q", raw[:8])[0] == len(raw) - 8
    # VTK's first index, ours along α, runs fastest.
    np.testing.assert_array_equal(np.frombuffer(raw[8:]).reshape(7, 4).T, surface.accuracy)
    raw = b64decode(arrays["spread"].text)
    np.testing.assert_array_equal(np.frombuffer(raw[8:]).reshape(7, 4).T, surface.spread)
    points = np.frombuffer(b64decode(arrays["Points"].text)[8:]).reshape(7, 4, 3)
    np.testing.assert_array_equal(points[3, 2, :2], [surface.alpha[2], surface.beta[3]])


def test_a_loss_landscape_h5_lands_where_it_belongs(tmp_path):
    """Written as that program's loop does: index k of meshgrid(x, y), raveled, sets flat cell k."""
    x, y = np.linspace(-1, 1, 3), np.linspace(1, 5, 4)
    losses, accuracies = -np.ones((3, 4)), -np.ones((3, 4))
    mesh_x, mesh_y = np.meshgrid(x, y)
    for k, (cx, cy) in enumerate(zip(mesh_x.ravel(), mesh_y.ravel(), strict=True)):
        if k != 5:
            losses.ravel()[k] = cx + 10 * cy
            accuracies.ravel()[k] = 50 + cy
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["xcoordinates"], file["ycoordinates"] = x, y
        file["train_loss"], file["train_acc"] = losses, accuracies
    surface = isoloss.load(tmp_path / "s.h5")
    expected = x[:, None] + 10 * y
    expected[2, 1] = np.nan
    np.testing.assert_allclose(surface.loss, expected)
    assert surface.count[2, 1] == 0
    assert surface.accuracy[0, 3] == pytest.approx(0.55)


@pytest.mark.parametrize("turned", [1, -1])
def test_a_loss_landscape_h5_of_one_direction_is_a_curve(tmp_path, turned):
    x = np.linspace(-1, 1, 5)[::turned]
    losses, accuracies = 2 + x + x**2, 100 - 10 * x**2
    losses[1] = accuracies[1] = -1  # not computed
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["dir_file"], file["xcoordinates"] = "directions.h5", x
        file["test_loss"], file["test_acc"] = losses, accuracies
    curve = isoloss.load(tmp_path / "s.h5")
    assert curve.is_curve
    np.testing.assert_array_equal(curve.alpha, np.linspace(-1, 1, 5))
    missing = curve.alpha == x[1]
    np.testing.assert_array_equal(curve.count[:, 0] == 0, missing)
    expected = np.where(missing, np.nan, 2 + curve.alpha + curve.alpha**2)
    np.testing.assert_allclose(curve.loss[:, 0], expected)
    np.testing.assert_allclose(
        curve.accuracy[:, 0], np.where(missing, np.nan, 1 - curve.alpha**2 / 10)
    )
    assert np.array_equal(
        isoloss.load(curve.save(tmp_path / "s.npz")).loss, curve.loss, equal_nan=True
    )


def test_a_loss_landscape_h5_may_run_downwards_on_both_axes(tmp_path):
    x, y = np.array([1.0, 0.0, -1.0]), np.array([2.0, 1.0])
    mesh_x, mesh_y = np.meshgrid(x, y)
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["xcoordinates"], file["ycoordinates"] = x, y
        file["train_loss"] = (mesh_x + 10 * mesh_y).reshape(3, 2)
    surface = isoloss.load(tmp_path / "s.h5")
    np.testing.assert_array_equal(surface.loss, [[9.0, 19.0], [10.0, 20.0], [11.0, 21.0]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"xdirection/0": [1.0], "ydirection/0": [1.0]}, r"with --directions \S+s\.h5"),
        ({"proj_xcoord": [1.0], "proj_ycoord": [1.0]}, "holds a projected trajectory, no losses"),
        ({"xcoordinates": [0.0, 1.0]}, "it has no losses"),
        ({"train_loss": [0.0, 1.0]}, "it has no xcoordinates"),
        ({"xcoordinates": [0.0, 1.0], "train_loss": [0.0]}, "has 1 values, the coordinates have 2"),
        ({"xcoordinates": [0.0, 0.0], "train_loss": [0.0, 1.0]}, "strictly increasing"),
    ],
)
def test_other_files_of_loss_landscape_are_called_what_they_are(tmp_path, content, message):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        for name, values in content.items():
            file[name] = values
    with pytest.raises(IsolossError, match=message) as caught:
        isoloss.load(tmp_path / "s.h5")
    assert str(tmp_path / "s.h5") in str(caught.value)
    assert "\n" not in str(caught.value)


def ply(header, body=b""):
    return b"ply\n" + header + b"end_header\n" + body


XYZ = b"property float x\nproperty float y\nproperty float z\n"
LITTLE = b"format binary_little_endian 1.0\n"
HOSTILE = {
    "empty": b"",
    "not a ply": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "no end": b"ply\n" + LITTLE + b"element vertex 4\n",
    "negative": ply(LITTLE + b"element vertex -4\n" + XYZ),
    "billions": ply(
        LITTLE + b"element vertex 4\n" + XYZ + b"element face 1000000000\n"
        b"property list uchar int vertex_indices\n", bytes(48)
    ),
    "truncated": ply(LITTLE + b"element vertex 4\n" + XYZ, bytes(40)),
    "truncated text": ply(b"format ascii 1.0\nelement vertex 4\n" + XYZ, b"0 0 0\n1 1"),
    "words": ply(b"format ascii 1.0\nelement vertex 1\n" + XYZ, b"a b c\n"),
    "no vertices": ply(LITTLE + b"element face 0\nproperty list uchar int vertex_indices\n"),
    "no format": ply(b"element vertex 4\n" + XYZ, bytes(48)),
    "no grid": ply(LITTLE + b"element vertex 4\n" + XYZ, np.arange(12, dtype="<f4").tobytes()),
    "nan": ply(LITTLE + b"element vertex 4\n" + XYZ, np.full(12, np.nan, "<f4").tobytes()),
    "one point": ply(LITTLE + b"element vertex 1\n" + XYZ, bytes(12)),
    "zero": ply(LITTLE + b"element vertex 0\n" + XYZ),
    "odd type": ply(LITTLE + b"element vertex 4\nproperty quux x\n", bytes(48)),
    "list x": ply(LITTLE + b"element vertex 4\nproperty list uchar int x\nproperty float y\n"
                  b"property float z\n", bytes(99)),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_ply_gets_one_clear_line(tmp_path, name):
    path = tmp_path / "bad.ply"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(IsolossError) as caught:
        isoloss.load(path)
    assert "\n" not in str(caught.value)
    assert "bad.ply" in str(caught.value)


def test_mutated_files_are_read_or_refused(tmp_path):
    """Thousands of random damages: an error of ours or a surface, nothing else."""
    rng = np.random.default_rng(0)
    surface = some_surface(5, 6)
    outcomes = {"read": 0, "refused": 0}
    for suffix in (".ply", ".npz"):
        good = surface.save(tmp_path / f"good{suffix}").read_bytes()
        bad = tmp_path / f"bad{suffix}"
        for _ in range(400):
            content = bytearray(good)
            for _ in range(rng.integers(1, 6)):
                content[rng.integers(len(content))] = rng.integers(256)
            if rng.random() < 0.3:
                content = content[: rng.integers(len(content))]
            bad.write_bytes(content)
            try:
                isoloss.load(bad)
                outcomes["read"] += 1
            except IsolossError:
                outcomes["refused"] += 1
    assert min(outcomes.values()) > 10


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"settings": {"kind": "train"}}', "isoloss probe"),
        ('{"settings": {"kind": "probe"}}', "isoloss run"),
        ("[]", "isoloss run"),
        ("{", "not valid JSON"),
    ],
)
def test_a_run_without_a_surface_says_how_to_get_one(tmp_path, content, message):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(IsolossError, match=message):
        isoloss.load(tmp_path)


def test_other_wrong_paths(tmp_path):
    for name, content, message in (
        ("a.npz", b"PK\x03\x04 nothing", "readable"),
        ("a.h5", b"nothing", "readable"),
        ("a.txt", b"", "cannot tell"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(IsolossError, match=message):
            isoloss.load(tmp_path / name)
    with pytest.raises(IsolossError, match="no file"):
        isoloss.load(tmp_path / "nowhere.ply")
    with pytest.raises(IsolossError, match="not a run folder"):
        isoloss.load(tmp_path)
    with pytest.raises(IsolossError, match="choose one of"):
        some_surface().save(tmp_path / "s.stl")
    np.savez(tmp_path / "b.npz", loss=np.array([{"a": 1}], dtype=object))
    with pytest.raises(IsolossError):
        isoloss.load(tmp_path / "b.npz")


def test_a_growing_surface_is_seen_by_another_reader(tmp_path):
    axis = np.linspace(0, 1, 3)
    writer = GrowingSurface.create(tmp_path / "surface", axis, axis * 2, 10, True, {"run": "r"})
    assert not GrowingSurface.open(tmp_path / "surface").snapshot().computed.any()
    writer.add((1, 2), 20.0, 50.0, 4, 10)
    surface = GrowingSurface.open(tmp_path / "surface").snapshot()
    assert surface.computed.sum() == 1
    assert (surface.loss[1, 2], surface.accuracy[1, 2], surface.loss_stderr[1, 2]) == (2, 0.4, 0)
    assert np.isnan(surface.loss[0, 0])
    (tmp_path / "surface" / "slots.npy").write_bytes(b"")
    with pytest.raises(IsolossError, match="damaged"):
        GrowingSurface.open(tmp_path / "surface")


@pytest.mark.parametrize("suffix", [".npz", ".vts", ".csv"])
def test_a_surface_is_exported_on_the_command_line(tmp_path, capsys, suffix):
    surface = Surface.from_loss(np.arange(3.0), np.arange(4.0), np.arange(12.0).reshape(3, 4))
    source, target = surface.save(tmp_path / "s.ply"), tmp_path / f"s{suffix}"
    assert main(["export", str(source), "--out", str(target)]) == 0
    assert capsys.readouterr().out == f"{target}\n"
    surface.save(tmp_path / f"expected{suffix}")
    assert target.read_bytes() == (tmp_path / f"expected{suffix}").read_bytes()
    assert main(["export", str(source), "--out", str(tmp_path / "s.stl")]) == 2
    assert "choose one of .ply, .npz, .vts, .csv" in capsys.readouterr().err


def test_a_damaged_result_of_a_run_can_be_written_again(tmp_path):
    surface = Surface.from_loss(np.arange(3.0), np.arange(4.0), np.arange(12.0).reshape(3, 4))
    path = surface.save(tmp_path / "surface.ply")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(IsolossError, match=r"early end-of-file$"):
        load(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(IsolossError, match=f"end-of-file; delete it, and 'isoloss run {tmp_path}'"):
        load(tmp_path)
