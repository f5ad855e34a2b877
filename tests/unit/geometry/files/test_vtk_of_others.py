"""VTK's XML files: as VTK itself writes them in all its ways, as h52vtp does, and hostile ones."""

import base64
import tracemalloc
import zlib

import numpy as np
import pytest
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkPolyData, vtkStructuredGrid
from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter, vtkXMLStructuredGridWriter

import isoloss
from isoloss import IsolossError
from isoloss.geometry.findings import findings_of

X, Y = np.linspace(-1, 1, 7), np.array([-0.5, 0.0, 0.1, 2.0, 3.0])
LOSS = X[:, None] ** 2 + 0.5 * Y**2 + 0.1 * X[:, None] * Y
ASCII, BINARY, APPENDED = 0, 1, 2


def data_set(kind: str, height=LOSS, dtype="f8", **arrays):
    """The grid as VTK has it, α fastest."""
    x, y = np.meshgrid(X, Y, indexing="ij")
    places = np.stack([v.T.ravel() for v in (x, y, np.broadcast_to(height, x.shape))], axis=1)
    points = vtkPoints()
    points.SetData(numpy_to_vtk(places.astype(dtype), deep=True))
    if kind == "vts":
        data = vtkStructuredGrid()
        data.SetDimensions(7, 5, 1)
    else:
        data = vtkPolyData()
    data.SetPoints(points)
    for name, values in arrays.items():
        array = numpy_to_vtk(np.ascontiguousarray(values.T.ravel()), deep=True)
        array.SetName(name)
        data.GetPointData().AddArray(array)
    return data


def written(tmp_path, data, kind, form=APPENDED, packed="ZLib", base64=False, **how):
    writer = vtkXMLStructuredGridWriter() if kind == "vts" else vtkXMLPolyDataWriter()
    writer.SetFileName(str(tmp_path / f"s.{kind}"))
    writer.SetInputData(data)
    writer.SetDataMode(form)
    writer.SetEncodeAppendedData(base64)
    getattr(writer, f"SetCompressorTypeTo{packed}")()
    writer.SetBlockSize(64)
    for name, value in how.items():
        getattr(writer, f"Set{name}")(value)
    assert writer.Write()
    return tmp_path / f"s.{kind}"


@pytest.mark.parametrize("kind", ["vts", "vtp"])
@pytest.mark.parametrize(
    "how",
    [
        {"form": ASCII},
        {"form": BINARY, "packed": "None"},
        {"form": BINARY, "packed": "None", "HeaderType": 32},
        {"form": BINARY, "HeaderType": 64},
        {"form": BINARY, "packed": "LZMA", "ByteOrder": 0},
        {"packed": "None"},
        {"packed": "None", "base64": True, "ByteOrder": 0},
        {"packed": "None", "base64": True, "HeaderType": 32},
        {"HeaderType": 32},
        {"HeaderType": 64, "ByteOrder": 0},
        {"base64": True, "HeaderType": 64},
        {"packed": "LZMA", "base64": True},
    ],
    ids=str,
)
def test_what_vtk_writes_is_read(tmp_path, kind, how):
    for dtype in ("f8", "f4"):
        expected = LOSS.astype(dtype).astype("f8")
        data = data_set(kind, dtype=dtype, other=LOSS, index=np.arange(35).reshape(7, 5))
        surface = isoloss.load(written(tmp_path, data, kind, **how))
        # VTK writes as many digits as tell numbers apart in their precision.
        close = 1e-7 if how.get("form") == ASCII and dtype == "f4" else 0
        for got, axis in ((surface.alpha, X), (surface.beta, Y)):
            np.testing.assert_allclose(got, axis.astype(dtype), rtol=close)
        np.testing.assert_allclose(surface.loss, expected, rtol=close)
        assert surface.is_complete


def test_a_compression_that_is_not_known_is_named(tmp_path):
    with pytest.raises(IsolossError, match="compressed with LZ4: have it written with ZLib, or"):
        isoloss.load(written(tmp_path, data_set("vts"), "vts", packed="LZ4"))


@pytest.mark.parametrize("kind", ["vts", "vtp"])
def test_which_array_is_the_loss(tmp_path, kind):
    def load(active: str = "", **arrays):
        data = data_set(kind, **arrays)
        if active:
            data.GetPointData().SetActiveScalars(active)
        return isoloss.load(written(tmp_path, data, kind))

    np.testing.assert_array_equal(load(loss=2 * LOSS, other=LOSS).loss, 2 * LOSS)
    np.testing.assert_array_equal(load(height=0.0, only=3 * LOSS).loss, 3 * LOSS)
    np.testing.assert_array_equal(load("b", height=0.0, a=LOSS, b=4 * LOSS).loss, 4 * LOSS)
    np.testing.assert_array_equal(load(height=5.0).loss, 5.0)
    with pytest.raises(IsolossError, match="it is flat, and has the arrays a, b: call one of them"):
        load(height=0.0, a=LOSS, b=LOSS)


def test_what_is_hidden_has_not_been_computed(tmp_path):
    data = data_set("vts", loss=LOSS)
    data.BlankPoint(3 + 7 * 2)
    surface = isoloss.load(written(tmp_path, data, "vts"))
    assert (~surface.computed).nonzero() == ([3], [2])
    assert np.isnan(surface.loss[3, 2])
    assert np.isfinite(surface.loss).sum() == 34


def h52vtp(losses: np.ndarray, axis: np.ndarray) -> str:
    """As that program writes it: text, β slowest, z again as an array, lists that are empty."""
    x, y = np.meshgrid(axis, axis)
    heights = [f"{z}" for z in losses.ravel().tolist()]
    places = [f"{a} {b} {z}" for a, b, z in zip(x.ravel(), y.ravel(), losses.ravel(), strict=True)]
    array = '<DataArray type="Float32" Name="{}" NumberOfComponents="{}" format="ascii">\n{}\n'
    none = '<DataArray type="Int64" Name="offsets" format="ascii" RangeMin="1" RangeMax="9">\n'
    return (
        '<VTKFile type="PolyData" version="1.0" byte_order="LittleEndian" header_type="UInt64">\n'
        f'  <PolyData>\n<Piece NumberOfPoints="{losses.size}" NumberOfVerts="0" NumberOfPolys="9">'
        f"<PointData>{array.format('zvalue', 1, ' '.join(heights))}</DataArray></PointData>"
        f"<CellData>{array.format('averaged zvalue', 1, '1 2 3')}</DataArray></CellData>"
        f"<Points>{array.format('Points', 3, ' '.join(places))}</DataArray></Points>"
        f"<Verts>{none}</DataArray></Verts></Piece>\n  </PolyData>\n</VTKFile>\n"
    )


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("s.h5_train_loss", ""),
        ("s.h5_train_loss_zmax=10", "losses above 10 were set to that"),
        ("s.h5_train_loss_zmax=10.5_log", "log(loss + 0.1)"),
        ("s.h5_train_loss_log", "log(loss + 0.1)"),
        ("catalog", ""),
    ],
)
def test_what_h52vtp_writes_is_read(tmp_path, name, note):
    axis = np.linspace(-1, 1, 4)
    losses = np.random.default_rng(0).random((4, 4))
    (tmp_path / f"{name}.vtp").write_text(h52vtp(losses, axis))
    surface = isoloss.load(tmp_path / f"{name}.vtp")
    np.testing.assert_array_equal(surface.alpha, axis)
    np.testing.assert_array_equal(surface.loss, losses.T)
    found = findings_of(surface.meta)
    assert note in found[0].message if note else found is None


def file(
    points: str, kind="StructuredGrid", piece='Extent="0 1 0 1 0 0"', root="", more="", said=""
) -> str:
    return (
        f'{said}<VTKFile type="{kind}" byte_order="LittleEndian" {root}><{kind}><Piece {piece}>'
        f"<PointData></PointData><Points><DataArray {points}</DataArray></Points></Piece></{kind}>"
        f"{more}</VTKFile>"
    )


def block(content: bytes, count: int, full: int, last: int) -> str:
    head = np.array([count, full, last, *[len(content)] * min(count, 3)], "<u4").tobytes()
    encoded = base64.b64encode(head) + base64.b64encode(content)
    return f'type="Float32" NumberOfComponents="3" format="binary">{encoded.decode()}'


ZLIB = 'compressor="vtkZLibDataCompressor"'
PLACES = 'type="Float32" NumberOfComponents="3" format="ascii">0 0 1 1 0 2 0 1 3 1 1 4'
BYTES = np.zeros(12, "<f4").tobytes()
BOMB = zlib.compress(bytes(1 << 24))
LAUGHS = "<!DOCTYPE x [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {b} '{f'&{a};' * 20}'>" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "nothing": ("", "is empty"),
    "a page": ("<!DOCTYPE html><html></html>", "is a web page"),
    "entities of entities": (file(PLACES + "&i;", said=LAUGHS + "]>"), "declares a document type"),
    "an outer entity": (
        file("&x;", said="<!DOCTYPE x [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"), "declares"),
    "an unknown entity": (file(PLACES + "&x;"), "not readable as XML"),
    "another kind": (file(PLACES, kind="PolyData"), "it holds PolyData, not VTK's StructuredGrid"),
    "another root": ("<svg></svg>", "it holds svg, not VTK's"),
    "cut short": (file(PLACES)[:-30], "not readable as XML"),
    "many elements": ("<VTKFile>" + "<a/>" * 20_000 + "</VTKFile>", "more than 10,000 elements"),
    "an odd encoding": ('<?xml version="1.0" encoding="klingon"?>' + file(PLACES), "as XML"),
    "no points": (file(PLACES).replace("Points>", "Lines>"), "it has no points"),
    "two pieces": (file(PLACES, more='<Piece Extent="0 1 0 1 0 0"/>'), "it has 2 pieces"),
    "no piece": (file(PLACES).replace("Piece", "Peace"), "it has 0 pieces"),
    "too few": (file(PLACES[:-2]), "an array has 11 values, not 12"),
    "a word": (file(PLACES[:-1] + "x"), "could not convert"),
    "two coordinates": (file(PLACES.replace('"3"', '"2"')), "its points have 2 coordinates"),
    "an odd type": (file(PLACES.replace("Float32", "Quux")), "damaged"),
    "an odd format": (file(PLACES.replace("ascii", "morse")), "format morse, which is not read"),
    "an odd extent": (file(PLACES, piece='Extent="0 1 0 1"'), "its extent is none"),
    "a wordy extent": (file(PLACES, piece='Extent="a b c d e f"'), "damaged"),
    "a downward extent": (file(PLACES, piece='Extent="0 -1 0 1 0 0"'), "its extent is none"),
    "billions": (file(PLACES, piece='Extent="0 99999 0 99999 0 0"'), "promises 10,000,000,000"),
    "more than any": (file(PLACES, piece=f'Extent="0 {10**30} 0 9 0 0"'), "promises"),
    "one row": (file(PLACES[:-23] + "0 0 1 1 0 2 2 0 3 3 0 4"), r"its grid is \(4, 1\)"),
    "no grid": (file(PLACES.replace("0 1 3", "0.5 1 3")), "4 points do not form a grid"),
    "nan": (file(PLACES.replace("0 1 3", "nan 1 3")), "coordinates that are not numbers"),
    "no base64": (file('type="Float32" NumberOfComponents="3" format="binary">!!'), "damaged"),
    "few bytes": (file(block(BYTES, 1, 48, 48)), "an array has 1 bytes, not 48"),
    "a bomb": (file(block(BOMB, 1, 48, 48), root=ZLIB), r"coordinates|grid|damaged|differ"),
    "a promised bomb": (file(block(BOMB, 1, 1 << 24, 0), root=ZLIB), "has 16777216 bytes, not 48"),
    "billions of blocks": (file(block(BOMB, 2**32 - 1, 1, 1), root=ZLIB), "has 0 bytes, not 48"),
    "no zlib": (file(block(BYTES, 1, 48, 48), root=ZLIB), "damaged"),
    "short zlib": (file(block(zlib.compress(BYTES[:40]), 1, 48, 48), root=ZLIB), "cut short"),
    "appended nowhere": (
        file('type="Float32" NumberOfComponents="3" format="appended" offset="0">'), "cut short"),
    "appended beyond": (
        file('type="Float32" NumberOfComponents="3" format="appended" offset="99">',
             more='<AppendedData encoding="raw">_abc</AppendedData>'), "begins where nothing is"),
    "appended before": (
        file('type="Float32" NumberOfComponents="3" format="appended" offset="-5">',
             more='<AppendedData encoding="raw">_abc</AppendedData>'), "begins where nothing is"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_gets_one_line(tmp_path, name):
    content, message = HOSTILE[name]
    (tmp_path / "s.vts").write_text(content)
    with pytest.raises(IsolossError, match=message) as caught:
        isoloss.load(tmp_path / "s.vts")
    assert "\n" not in str(caught.value)
    assert "s.vts" in str(caught.value)


def test_a_block_of_no_bytes_is_unpacked_to_none(tmp_path):
    empty = block(BOMB, 1, 0, 0)
    content = file(empty, kind="PolyData", root=ZLIB, piece='NumberOfPoints="0"')
    (tmp_path / "s.vtp").write_text(content)
    tracemalloc.start()
    try:
        with pytest.raises(IsolossError, match="an array is cut short"):
            isoloss.load(tmp_path / "s.vtp")
        assert tracemalloc.get_traced_memory()[1] < 1 << 23
    finally:
        tracemalloc.stop()


def test_the_files_that_the_hostile_ones_are_made_from_are_read(tmp_path):
    packed = block(zlib.compress(np.arange(12, dtype="<f4").tobytes()), 1, 48, 0)
    places = np.array([[0, 0, 1], [1, 0, 2], [0, 1, 3], [1, 1, 4]], "<f4").tobytes()
    packed = block(zlib.compress(places), 1, 48, 0)
    for text in (file(PLACES), file(packed, root=ZLIB)):
        (tmp_path / "s.vts").write_text(text)
        np.testing.assert_array_equal(isoloss.load(tmp_path / "s.vts").loss, [[1, 3], [2, 4]])


def test_damaged_files_are_read_or_refused(tmp_path):
    """Random damages to every format: an error of ours or a surface, nothing else."""
    rng = np.random.default_rng(0)
    surface = isoloss.Surface.from_loss(X, Y, LOSS, title="t")
    made = [surface.save(tmp_path / f"g{e}") for e in (".vts", ".csv")]
    made += [written(tmp_path, data_set(k, zvalue=LOSS), k) for k in ("vts", "vtp")]
    (tmp_path / "h.vtp").write_text(h52vtp(LOSS[:5], Y))
    np.save(tmp_path / "m.npy", LOSS)
    outcomes, lines = {"read": 0, "refused": 0}, set()
    for path in [*made, tmp_path / "h.vtp", tmp_path / "m.npy"]:
        good = path.read_bytes()
        for _ in range(60):
            content = bytearray(good)
            for _ in range(rng.integers(1, 6)):
                content[rng.integers(len(content))] = rng.integers(256)
            if rng.random() < 0.3:
                content = content[: rng.integers(len(content))]
            bad = path.with_stem("bad")
            bad.write_bytes(content)
            try:
                isoloss.load(bad)
                outcomes["read"] += 1
            except IsolossError as error:
                outcomes["refused"] += 1
                lines.add(str(error).count("\n"))
    assert min(outcomes.values()) > 10
    assert lines == {0}
