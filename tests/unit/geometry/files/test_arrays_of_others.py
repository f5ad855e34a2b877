"""Arrays of NumPy's and of HDF5, as others save them: exactly, or refused in one line."""

import io
import json
import os
import zipfile

import h5py
import numpy as np
import pytest

import isoloss
from isoloss import IsolossError
from isoloss.geometry.findings import findings_of

X, Y = np.linspace(-1, 1, 5), np.linspace(-0.5, 1, 4)
LOSS = 0.3 + X[:, None] ** 2 + 0.5 * Y**2 + 0.1 * X[:, None] * Y
OURS = {
    "alpha": X, "beta": Y, "loss": LOSS, "accuracy": np.full(LOSS.shape, np.nan),
    "loss_stderr": np.zeros(LOSS.shape), "count": np.ones(LOSS.shape, int),
}  # fmt: skip
MESH = dict(zip("xy", np.meshgrid(X, Y, indexing="ij"), strict=True))
MESH_XY = dict(zip("xy", np.meshgrid(X, Y), strict=True))


def refused(path) -> str:
    with pytest.raises(IsolossError) as caught:
        isoloss.load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def npz(tmp_path, **arrays):
    np.savez(tmp_path / "s.npz", **arrays)
    return tmp_path / "s.npz"


@pytest.mark.parametrize(
    "arrays",
    [
        {"alpha": X, "beta": Y, "loss": LOSS},
        {"x": X, "y": Y, "z": LOSS},
        {"x": X, "y": Y, "loss": np.asfortranarray(LOSS)},
        {"x": X[::-1], "y": Y[::-1], "z": LOSS[::-1, ::-1]},
        {**OURS, "alpha": X[::-1], "loss": LOSS[::-1]},
        {**MESH, "z": LOSS},
        {**MESH_XY, "z": LOSS.T},
        {k: v.ravel() for k, v in {**MESH_XY, "z": LOSS.T}.items()},
        {k: v.astype(v.dtype.newbyteorder(">")) for k, v in OURS.items()},
        {"alpha": X[:, None], "beta": Y[None, :], "loss": LOSS},
        {k: v.reshape(-1, 1) for k, v in {**MESH, "z": LOSS}.items()},
        {k.upper(): v for k, v in {**MESH, "z": LOSS}.items()},
        {"X": MESH["x"], "Y": MESH["y"], "x": X, "y": Y, "Loss": LOSS},
        {**OURS, "count": np.ones(LOSS.shape, np.float16), "unrelated": np.array([{}])},
    ],
    ids=lambda arrays: " ".join(f"{k}{v.shape}" for k, v in arrays.items())[:40],
)
def test_a_grid_lands_where_it_belongs(tmp_path, arrays):
    surface = isoloss.load(npz(tmp_path, **arrays))
    for name, expected in (("alpha", X), ("beta", Y), ("loss", LOSS), ("count", 1)):
        np.testing.assert_array_equal(getattr(surface, name), expected)


@pytest.mark.parametrize(
    "kind", ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "|i1", ">i4", "<u8", "|b1", "longdouble"]
)
def test_numbers_of_any_kind_are_read_exactly(tmp_path, kind):
    loss = (LOSS * 3).astype(kind)
    surface = isoloss.load(npz(tmp_path, **{**OURS, "loss": loss}))
    np.testing.assert_array_equal(surface.loss, (LOSS * 3).astype(kind).astype(np.float64))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"loss": LOSS + 1j}, "loss holds complex numbers"),
        ({"loss": LOSS.astype("U8")}, "loss holds text"),
        ({"loss": LOSS.astype(object)}, "loss holds pickled Python objects, which are not read"),
        ({"alpha": np.array([{"a": 1}] * 5)}, "alpha holds pickled Python objects"),
        ({"loss": np.full(LOSS.shape, 2**53 + 1)}, "loss holds numbers beyond double"),
        ({"loss": LOSS.astype("datetime64[s]")}, "loss holds dates"),
        ({"loss": LOSS.T}, r"\(4, 5\)"),
        ({"loss": LOSS.ravel()}, r"loss .*\(20,\)"),
        ({"loss": LOSS[..., None]}, r"\(5, 4, 1\)"),
        ({"accuracy": LOSS.T / 9}, r"accuracy has shape \(4, 5\), loss has \(5, 4\)"),
        ({"accuracy": LOSS * 100}, "accuracies, as"),
        ({"count": np.full(LOSS.shape, np.nan)}, "count holds numbers that are not whole"),
        ({"count": LOSS}, "count holds numbers that are not whole"),
        ({"count": np.full(LOSS.shape, 1e300)}, "count holds numbers that are not whole"),
        ({"count": np.full(LOSS.shape, 2**63, np.uint64)}, "count holds numbers beyond 64 bits"),
        ({"count": -np.ones(LOSS.shape, int)}, "count are negative"),
        ({"count": LOSS * 1j}, "count holds complex"),
        ({"loss_stderr": -LOSS}, "loss_stderr are negative"),
        ({"alpha": np.array([-1, -0.5, -0.5, 0.5, 1])}, "alpha must be finite and strictly"),
        ({"alpha": X * np.nan}, "alpha must be finite and strictly"),
        ({"alpha": X[:1], "beta": Y[:1], "loss": LOSS[:1, :1], "accuracy": LOSS[:1, :1] / 9,
          "loss_stderr": LOSS[:1, :1], "count": np.ones((1, 1))}, r"its grid is \(1, 1\)"),
        ({k: v[:0] if v.ndim == 1 else v[:0, :0] for k, v in OURS.items()}, r"grid is \(0, 0\)"),
        ({"meta": np.array("[1]")}, "description is no JSON object"),
        ({"meta": np.array("{")}, "not a readable .npz"),
        ({"meta": np.array("[" * 100_000)}, "not a readable .npz"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_no_surface_is_told_in_a_line(tmp_path, changed, message):
    path = npz(tmp_path, **{**OURS, **changed})
    with pytest.raises(IsolossError, match=message):
        isoloss.load(path)
    refused(path)


def test_which_index_is_which_is_said_where_shapes_do_not_say_it(tmp_path):
    square = isoloss.load(npz(tmp_path, x=Y, y=Y, z=LOSS[:4]))
    (note,) = findings_of(square.meta)
    assert note.level == "note"
    assert "z[i, j] is taken to belong to x[i] and y[j]" in note.message
    assert findings_of(isoloss.load(npz(tmp_path, x=X, y=Y, z=LOSS)).meta) is None
    assert findings_of(isoloss.load(npz(tmp_path, alpha=Y, beta=Y, loss=LOSS[:4])).meta) is None


def test_a_curve_may_be_a_column_or_a_row(tmp_path):
    for loss in (LOSS[:, 0], LOSS[:, :1], LOSS[None, :, 0]):
        curve = isoloss.load(npz(tmp_path, alpha=X[None], loss=loss))
        assert curve.is_curve
        np.testing.assert_array_equal(curve.loss[:, 0], LOSS[:, 0])


def test_other_arrays_are_named(tmp_path):
    assert "(or x, y and z), but a, b" in refused(npz(tmp_path, a=X, b=Y))
    assert "but loss" in refused(npz(tmp_path, loss=LOSS))
    assert "but arr_0" in refused(npz(tmp_path, arr_0=X))


def npy(array) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def archive(tmp_path, **members: bytes):
    with zipfile.ZipFile(tmp_path / "s.npz", "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return tmp_path / "s.npz"


def with_header(text: str, data: bytes = b"", version: bytes = b"\1\0") -> bytes:
    size = len(text).to_bytes(2 if version == b"\1\0" else 4, "little")
    return b"\x93NUMPY" + version + size + text.encode("latin-1") + data


DAMAGED = {
    "no header": b"",
    "not an array": b"<!DOCTYPE html>",
    "cut in the header": npy(LOSS)[:40],
    "cut in the data": npy(LOSS)[:-3],
    "more than it says": npy(LOSS) + b"\0",
    "an open bracket": with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (5, 4"),
    "an open string": with_header("{'descr': '''<f8"),
    "odd indents": with_header("if 1:\n  x\n y"),
    "a bad escape": with_header(r"{'descr': '\q<f8', 'fortran_order': False, 'shape': (5, 4)}"),
    "many brackets": with_header("(" * 60_000),
    "much arithmetic": with_header("9**9**9"),
    "no shape": with_header("{'descr': '<f8', 'fortran_order': False}"),
    "a shape below zero": with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (-5, 4)}"),
    "a true shape": with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (True, 4)}"),
    "many axes": with_header(
        "{'descr': '<f8', 'fortran_order': False, 'shape': (%s)}" % ("1, " * 70)
    ),
    "an odd type": with_header("{'descr': '<q8', 'fortran_order': False, 'shape': (5, 4)}"),
    "a type of types": with_header("{'descr': [('a', 5)], 'fortran_order': 0, 'shape': (5, 4)}"),
    "billions": with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (99999, 99999)}"),
    "beyond any": with_header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**99},)}}"),
    "long texts": with_header("{'descr': '<U999999999', 'fortran_order': False, 'shape': (5, 4)}"),
    "an odd version": with_header("{}", version=b"\7\0"),
    "a header of gigabytes": b"\x93NUMPY\2\0\xff\xff\xff\xff{}",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_array_gets_one_line_wherever_it_lies(tmp_path, name):
    refused(archive(tmp_path, alpha=npy(X), beta=npy(Y), loss=DAMAGED[name]))
    (tmp_path / "s.npy").write_bytes(DAMAGED[name])
    refused(tmp_path / "s.npy")


def test_arrays_with_headers_of_every_version_are_read(tmp_path):
    for version in ((1, 0), (2, 0), (3, 0)):
        with (tmp_path / "s.npy").open("wb") as file:
            np.lib.format.write_array(file, LOSS, version)
        np.testing.assert_array_equal(isoloss.load(tmp_path / "s.npy").loss, LOSS)


def test_a_damaged_archive_gets_one_line(tmp_path):
    good = npz(tmp_path, **OURS).read_bytes()
    at = good.index(LOSS.tobytes())
    for content in (
        b"", good[: len(good) // 2], good[:-30], b"PK\x03\x04", npy(LOSS),
        good[:at] + b"\xff" + good[at + 1 :],
        good.replace(b"loss.npy", b"loss.np\xff"),
    ):  # fmt: skip
        (tmp_path / "s.npz").write_bytes(content)
        refused(tmp_path / "s.npz")


def test_an_archive_that_unpacks_without_an_end_is_not_unpacked(tmp_path):
    bomb = npy(LOSS) + bytes(1 << 24)
    assert "damaged" in refused(archive(tmp_path, alpha=npy(X), beta=npy(Y), loss=bomb))


def test_an_array_alone_is_a_matrix_over_its_rows_and_columns(tmp_path):
    np.save(tmp_path / "s.npy", LOSS.astype(">f4"))
    surface = isoloss.load(tmp_path / "s.npy")
    np.testing.assert_array_equal(surface.alpha, range(5))
    np.testing.assert_array_equal(surface.beta, range(4))
    np.testing.assert_array_equal(surface.loss, LOSS.astype("f4"))
    (note,) = findings_of(surface.meta)
    assert "the numbers of its rows and columns" in note.message
    np.save(tmp_path / "c.npy", LOSS[:, 0])
    curve = isoloss.load(tmp_path / "c.npy")
    assert curve.is_curve
    np.testing.assert_array_equal(curve.loss[:, 0], LOSS[:, 0])
    for odd in (LOSS[..., None], LOSS + 1j, np.array(1.0), np.zeros((0, 4)), np.ones((1, 9))):
        np.save(tmp_path / "o.npy", odd)
        refused(tmp_path / "o.npy")


def test_rows_of_three_that_are_points_of_a_grid_are_no_losses(tmp_path):
    points = np.stack([MESH["x"], MESH["y"], LOSS], axis=-1).reshape(-1, 3)
    np.save(tmp_path / "p.npy", points)
    assert "20 rows of three may be points of a grid or losses" in refused(tmp_path / "p.npy")
    np.save(tmp_path / "m.npy", LOSS[:, :3])
    np.testing.assert_array_equal(isoloss.load(tmp_path / "m.npy").loss, LOSS[:, :3])


def test_records_are_read_by_their_names(tmp_path):
    records = np.zeros(20, [("z", "f4"), ("y", "f8"), ("x", "f8")])
    for name, values in {**MESH, "z": LOSS}.items():
        records[name] = values.ravel()
    np.save(tmp_path / "s.npy", records)
    np.testing.assert_array_equal(isoloss.load(tmp_path / "s.npy").loss, LOSS.astype("f4"))


def h5(tmp_path, **arrays):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        for name, values in arrays.items():
            file[name] = values
    return tmp_path / "s.h5"


AXES = {"xcoordinates": X, "ycoordinates": Y}
FLAT = LOSS.T.ravel().reshape(5, 4)
"""As that program keeps it."""


def test_what_that_program_has_not_computed_has_no_accuracy_either(tmp_path):
    accuracy = np.full((5, 4), 50.0)
    accuracy.ravel()[7] = -1
    surface = isoloss.load(h5(tmp_path, **AXES, train_loss=FLAT, train_acc=accuracy))
    np.testing.assert_array_equal(surface.loss, LOSS)
    assert np.isnan(surface.accuracy[2, 1])
    assert np.nansum(surface.accuracy) == 19 / 2


def test_arrays_by_other_names_are_read_as_those_of_an_archive(tmp_path):
    for arrays in ({"alpha": X, "beta": Y, "loss": LOSS}, {"x": X, "y": Y, "z": LOSS}):
        surface = isoloss.load(h5(tmp_path, **arrays))
        np.testing.assert_array_equal(surface.loss, LOSS)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"loss_0_0": 1.0}, "it has no xcoordinates: it has loss_0_0"),
        ({**AXES, "train_loss/a": 1.0}, "it has no losses"),
        ({**AXES, "train_loss": 1.0}, "train_loss has 1 values, the coordinates have 5 × 4"),
        ({**AXES, "train_loss": FLAT + 1j}, "train_loss holds no real numbers"),
        ({**AXES, "train_loss": FLAT, "train_acc": FLAT * 1000}, "no shares from 0 to 1"),
        ({"xcoordinates": np.array([b"a"] * 5), "train_loss": X}, "xcoordinates holds no real"),
        ({"xcoordinates": X * np.nan, "train_loss": X}, "strictly increasing"),
        ({"xdirection/0": X}, r"directions, no losses: probe along them with --directions \S+h5"),
    ],
)
def test_another_layout_is_told_in_a_line(tmp_path, arrays, message):
    with pytest.raises(IsolossError, match=message):
        isoloss.load(h5(tmp_path, **arrays))
    refused(tmp_path / "s.h5")


ELSEWHERE = {
    "a link to a pipe": lambda file, pipe: file.update({"loss": h5py.ExternalLink(pipe, "/x")}),
    "a link to that": lambda file, pipe: file.update(
        {"g": h5py.ExternalLink(pipe, "/x"), "loss": h5py.SoftLink("/g/loss")}
    ),
    "values in a pipe": lambda file, pipe: file.create_dataset(
        "loss", LOSS.shape, "f8", external=[(pipe, 0, h5py.h5f.UNLIMITED)]
    ),
    "values in files that are gone": lambda file, pipe: file.create_virtual_dataset(
        "loss", h5py.VirtualLayout(LOSS.shape, "f8"), fillvalue=np.nan
    ),
}


@pytest.mark.parametrize("where", ELSEWHERE)
def test_what_a_file_does_not_hold_itself_is_not_looked_for(tmp_path, where):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    ELSEWHERE[where](h5py.File(h5(tmp_path, alpha=X, beta=Y), "r+"), str(pipe))
    assert "the values of loss lie elsewhere: copy them into the file" in refused(tmp_path / "s.h5")


def test_what_promises_too_much_is_not_read(tmp_path):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        for name in ("xcoordinates", "train_loss"):
            file.create_dataset(name, (1 << 40,), "f8", chunks=(1 << 20,))
    assert "promises more than" in refused(tmp_path / "s.h5")
    for content in (b"hello", json.dumps([1]).encode()):
        (tmp_path / "t.h5").write_bytes(content)
        assert "it is no HDF5 file" in refused(tmp_path / "t.h5")
