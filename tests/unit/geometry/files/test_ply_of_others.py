"""PLY files as other programs write them, by hand; each holds z = x + 10 y over 4 × 3 points."""

import struct

import numpy as np
import pytest

import isoloss
from isoloss import IsolossError

X, Y = np.array([-1.0, -0.5, 0.5, 1.0]), np.array([0.0, 2.0, 3.0])
GRID = np.stack([v.ravel() for v in np.meshgrid(X, Y, indexing="ij")], axis=1)
XYZ = b"property float x\nproperty float y\nproperty float z\n"


def header(form: bytes, count: int = 12, comment: bytes = b"", more: bytes = b"") -> bytes:
    return (
        b"ply\nformat " + form + b" 1.0\n" + comment
        + b"element vertex %d\n" % count + XYZ + more + b"end_header\n"
    )  # fmt: skip


def packed(places: np.ndarray, loss: np.ndarray | None = None, tail: bytes = b"") -> bytes:
    loss = places @ [1, 10] if loss is None else loss
    return b"".join(
        struct.pack("<3f", *p, z) + tail for p, z in zip(places, loss, strict=True)
    )  # fmt: skip


TEXT = b"".join(b"%.9g %.9g %.9g\n" % (x, y, x + 10 * y) for x, y in GRID)
ASCII, LITTLE = header(b"ascii"), header(b"binary_little_endian")
KINDS = {
    "utf-8 comment": header(b"ascii", comment="comment Fläche α\n".encode()) + TEXT,
    "latin-1 comment": header(b"ascii", comment="comment Fläche\n".encode("latin-1")) + TEXT,
    "latin-1, binary": LITTLE.replace(b"element", b"comment J\xfcrgen\nelement") + packed(GRID),
    "comment among properties": LITTLE.replace(b"end_h", b"comment \xe4\nend_h") + packed(GRID),
    "obj_info that is not ASCII": ASCII.replace(b"element", b"obj_info \xff\nelement") + TEXT,
    "byte-order mark": b"\xef\xbb\xbf" + ASCII + TEXT,
    "byte-order mark, binary": b"\xef\xbb\xbf" + LITTLE + packed(GRID),
    "blank lines": ASCII.replace(b"element", b"\n  \nelement").replace(b"end_", b"\nend_") + TEXT,
    "blank lines, binary": LITTLE.replace(b"element", b"\n\nelement") + packed(GRID),
    "spaces at the ends of lines": ASCII.replace(b"\n", b" \n") + TEXT,
    "tabs": ASCII.replace(b"property float", b"\tproperty\tfloat") + TEXT,
    "CRLF": (ASCII + TEXT).replace(b"\n", b"\r\n"),
    "CRLF, odd, binary": LITTLE.replace(b"\n", b" \r\n") + packed(GRID),
    "CR": (ASCII + TEXT).replace(b"\n", b"\r"),
    "CR, odd, binary": b"\xef\xbb\xbf" + LITTLE.replace(b"\n", b"\r") + packed(GRID),
    "of bytes, from ascii": header(
        b"binary_little_endian", comment=b"comment was an ascii file\n",
        more=b"".join(b"property uchar c%d\n" % k for k in range(9)),
    ) + packed(GRID, tail=bytes(9)),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_others_write_is_read(tmp_path, kind):
    (tmp_path / "s.ply").write_bytes(KINDS[kind])
    surface = isoloss.load(tmp_path / "s.ply")
    np.testing.assert_array_equal(surface.alpha, X)
    np.testing.assert_array_equal(surface.beta, Y)
    np.testing.assert_array_equal(surface.loss, X[:, None] + 10 * Y)


def test_data_after_lines_of_carriage_returns_may_begin_with_a_line_feed(tmp_path):
    places = GRID.copy()
    first = struct.unpack("<f", b"\x0a\x00\x80\xbf")[0]
    places[places[:, 0] == -1, 0] = first
    odd = LITTLE.replace(b"element", b"comment \xe4\nelement")
    for head in (LITTLE, odd):
        (tmp_path / "s.ply").write_bytes(head.replace(b"\n", b"\r") + packed(places))
        surface = isoloss.load(tmp_path / "s.ply")
        np.testing.assert_array_equal(surface.alpha, [first, *X[1:]])
        np.testing.assert_array_equal(surface.loss[1:], X[1:, None] + 10 * Y)


def written(tmp_path, places: np.ndarray, loss: np.ndarray):
    """A file of doubles."""
    head = header(b"binary_little_endian", len(places)).replace(b"float", b"double")
    rows = np.column_stack([places, loss]).astype("<f8")
    (tmp_path / "s.ply").write_bytes(head + rows.tobytes())
    return tmp_path / "s.ply"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_coordinates_that_differ_by_rounding_are_one(tmp_path, seed, offset):
    rng = np.random.default_rng(seed)
    places = (GRID + offset).astype("f4")
    moved = rng.random(places.shape) < 0.3
    places[moved] = np.nextafter(places[moved], np.float32(rng.choice([-9e9, 9e9])))
    order = rng.permutation(12)
    surface = isoloss.load(written(tmp_path, places[order], np.arange(12.0)[order]))
    np.testing.assert_array_equal(surface.loss, np.arange(12.0).reshape(4, 3))
    for axis, expected in ((surface.alpha, X + offset), (surface.beta, Y + offset)):
        np.testing.assert_allclose(axis, expected, rtol=2e-7, atol=1e-40)


@pytest.mark.parametrize("step", [1e-3, 1e-6, 1e-9])
def test_columns_that_are_truly_there_are_never_one(tmp_path, step):
    x = np.array([-1.0, 0.5, 0.5 + step, 1.0])
    places = np.stack([v.ravel() for v in np.meshgrid(x, Y, indexing="ij")], axis=1)
    surface = isoloss.load(written(tmp_path, places, np.arange(12.0)))
    np.testing.assert_array_equal(surface.alpha, x)
    # Nor where one point is missing, though all values are the same.
    for loss in (np.zeros(11), np.arange(11.0)):
        with pytest.raises(IsolossError, match="11 points do not form a grid"):
            isoloss.load(written(tmp_path, places[1:], loss))


def test_vertices_that_are_there_twice_count_once_if_they_agree(tmp_path):
    loss = np.arange(12.0)
    loss[4] = np.nan
    again = [4, 0, 11, 4]
    places, losses = np.concatenate([GRID, GRID[again]]), np.concatenate([loss, loss[again]])
    surface = isoloss.load(written(tmp_path, places, losses))
    np.testing.assert_array_equal(surface.loss, loss.reshape(4, 3))
    losses[-3] = 7.0
    with pytest.raises(IsolossError, match="two of its points lie at one place and differ in"):
        isoloss.load(written(tmp_path, places, losses))


def test_a_scan_is_no_grid(tmp_path):
    places = np.random.default_rng(0).random((200, 2))
    with pytest.raises(IsolossError, match="200 points do not form a grid"):
        isoloss.load(written(tmp_path, places, np.zeros(200)))


def test_what_others_call_accuracy_is_theirs(tmp_path):
    head = LITTLE.replace(b"end_h", b"property float accuracy\nproperty int count\nend_h")
    (tmp_path / "s.ply").write_bytes(head + packed(GRID, tail=struct.pack("<fi", 2.5, -3)))
    surface = isoloss.load(tmp_path / "s.ply")
    assert np.isnan(surface.accuracy).all()
    np.testing.assert_array_equal(surface.count, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (ASCII + b"\xef\xbb\xbf" + TEXT, "text, but not of numbers"),
        (ASCII + TEXT.replace(b".", b","), "malformed input"),
        (b"\xef\xbb\xbfplyx" + ASCII[3:] + TEXT, "does not begin with 'ply'"),
        (header(b"ascii", 10**9) + TEXT, "promises 1,000,000,000 elements"),
        (ASCII.replace(b" 12", b" " + b"0" * 30 + b"9" * 12) + TEXT, "elements, more than"),
        (ASCII.replace(b" 12", b" 1_2") + TEXT, "bad header line"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
    ],
)
def test_the_rest_gets_one_line(tmp_path, content, message):
    (tmp_path / "s.ply").write_bytes(content)
    with pytest.raises(IsolossError, match=message) as caught:
        isoloss.load(tmp_path / "s.ply")
    assert "\n" not in str(caught.value)
    assert "s.ply" in str(caught.value)
