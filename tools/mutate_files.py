"""Damages files of every kind by the thousand and opens each as a person would: by `isoloss.load`,
by `isoloss info` and in the window.

    python tools/mutate_files.py --seed 0 --count 100000 --seconds 3600 --keep mutants

Allowed is what opens, and what is refused, or left out with a warning of ours, in one line. Not
allowed: any other exception or warning, anything on stderr, more than --limit seconds, more memory
than --gigabytes, a crash. Every file that did what is not allowed is kept below --keep with what
happened; the same seed makes the same files.
"""

from __future__ import annotations

import argparse
import copy
import faulthandler
import json
import math
import mmap
import os
import re
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import plyfile

import isoloss
from isoloss.app.state.config import Preferences
from isoloss.app.state.opening import opener
from isoloss.app.state.workspace import Workspace
from isoloss.cli.describe import describe
from isoloss.compute.training.recorded_trajectory import read_trajectory
from isoloss.errors import IsolossError
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.run import Run
from isoloss.run_folder import is_run
from isoloss.scene.document import Document
from isoloss.scene.layer import Marker, load_layer
from isoloss.scene.session import save_session
from isoloss.scene.textures import TEXTURES
from isoloss.scene.texturing import color_scale, texture_values

RUNS = Path(__file__).parents[1] / "tests" / "runs" / "begun_before"
BATCH = 500
"""Files a process opens before another takes over: what one leaves behind is not the next one's."""
KEPT = 3
"""So many files are kept of one fault."""
PATIENCE = 20
"""A file that takes so many times its limit hangs, though it does nothing."""
Random = np.random.Generator

NUMBERS = [
    b"0", b"-1", b"1", b"2", b"3", b"255", b"65536", b"2147483648", b"4294967296", b"99999999999",
    b"18446744073709551616", b"1e400", b"-1e400", b"nan", b"inf", b"1e-320", b"1e308", b"-0",
    b"0x1", b"1_0", b"1.5", b"1,5", b"\xd9\xa3", b"9" * 400, b"",
]  # fmt: skip
WORDS = [
    b"float", b"double", b"uchar", b"char", b"int", b"list", b"property", b"element", b"vertex",
    b"face", b"ascii", b"binary_big_endian", b"comment", b"end_header", b"alpha", b"loss", b"x",
    b"<f8", b">f4", b"|O", b"<U9", b"<M8[s]", b"<c16", b"|V8", b"True", b"null", b"NaN", b"{}",
    b"[]", b"\x00", b"\xff\xfe", b"../../..", b"/dev/zero", b"%s%n", b"&a;", b"]]>",
    b"vtkGhostType", b"\r", b"\n\n",
]  # fmt: skip
FLOATS = [
    math.nan, math.inf, -math.inf, 0.0, -0.0, -1.0, 5e-324, 1e-300, 1e30, 1e38, 1e300,
    1.7976931348623157e308, -1.7976931348623157e308,
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 1.5, 1e308, 2**70, -(2**63), "", "x" * 5000, "NaN", "損失",
    [], {}, [[]], [0] * 2000, {"a": {}}, "/dev/zero", "../../..", "\0", "\ud800", math.nan,
    -math.inf, "nan", "1e400", ["a"], [None], {"": None},
]  # fmt: skip


@dataclass
class Original:
    """A whole file, or one within a folder.

    Attributes:
        kind: what the summary counts it as.
        opened: what is opened: the file itself, or the folder that it lies in.
        file: the file that is damaged.
    """

    kind: str
    opened: Path
    file: Path

    @cached_property
    def content(self) -> bytes:
        return self.file.read_bytes()


def originals(folder: Path) -> list[Original]:
    """One whole file of every kind, below `folder`."""
    folder.mkdir(parents=True)
    alpha, beta = np.linspace(-1, 1, 5), np.linspace(-0.5, 1, 4)
    loss = alpha[:, None] ** 2 + beta**2 + 0.1
    meta = {
        "model": "vgg11", "plane": "pca", "explained_variance_ratio": [0.6, 0.2], "planes": 3,
        "findings": [{"level": "ok", "what": "centre", "message": "is a minimum"}],
    }  # fmt: skip
    steps = np.arange(6.0)
    path = Trajectory(steps / 9, steps / 12, steps, steps, steps, steps, {"name": "sgd"})
    surface = Surface(
        alpha, beta, loss, np.exp(-loss), np.full(loss.shape, 0.01), np.full(loss.shape, 64), meta,
        np.full(loss.shape, 0.2), (path,),
    )  # fmt: skip
    curve = Surface.from_loss(alpha, np.zeros(1), loss[:, :1])
    files = [surface.save(folder / "binary.ply"), surface.save(folder / "compressed.npz")]
    files += [curve.save(folder / "curve.npz"), _stored(files[1])]
    files += [surface.save(folder / f"table.{suffix}") for suffix in ("csv", "vts")]
    files += [_text(files[0]), _of_others(folder / "quads.ply", loss), _vtp(folder / "t.vtp", loss)]
    files += [_h5(folder / "li.h5", alpha, beta, loss), _h5(folder / "line.h5", alpha, None, loss)]
    np.save(folder / "array.npy", loss)
    found = [Original(f.suffix, f, f) for f in [*files, folder / "array.npy"]]
    trajectory = folder / "binary-trajectory.ply"
    found.append(Original("trajectory", files[0], trajectory))
    document = Document()
    document.add(load_layer(files[0]))
    document.layers[0].markers = (Marker(0.1, 0.2, 0.3, "here"),)
    document.arrange(2)
    session = save_session(document, folder / "s.isoloss")
    found.append(Original("session", session, session))
    for run in ("attack", "certify", "probe-pca", "probe-random", "probe-interpolate", "train-sgd"):
        whole = folder / run
        shutil.copytree(RUNS / run / "killed", whole)
        for file in sorted(whole.rglob("*")):
            if file.suffix in (".json", ".jsonl", ".csv", ".npy"):
                found.append(Original(file.name, whole, file))
    return found


def _stored(compressed: Path) -> Path:
    """The same arrays without compression, whose bytes lie open to damage."""
    with np.load(compressed) as content:
        np.savez(compressed.with_name("stored.npz"), **content)
    return compressed.with_name("stored.npz")


def _text(binary: Path) -> Path:
    ply = plyfile.PlyData.read(str(binary))
    ply.text = True
    ply.write(str(binary.with_name("text.ply")))
    return binary.with_name("text.ply")


def _of_others(path: Path, loss: np.ndarray) -> Path:
    """Big-endian, with quads and colours, and the least that a surface needs."""
    index = np.arange(loss.size).reshape(loss.shape)
    vertex = np.zeros(loss.size, [*((n, "f4") for n in "xyz"), ("red", "u1")])
    vertex["x"], vertex["y"], vertex["z"] = *np.unravel_index(index.ravel(), loss.shape), loss.flat
    corners = [index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]]
    face = np.array(
        [(list(f),) for f in np.stack(corners, -1).reshape(-1, 4)], [("vertex_indices", object)]
    )
    elements = [
        plyfile.PlyElement.describe(vertex, "vertex"),
        plyfile.PlyElement.describe(face, "face", val_types={"vertex_indices": "i4"}),
    ]
    plyfile.PlyData(elements, byte_order=">").write(str(path))
    return path


def _vtp(path: Path, loss: np.ndarray) -> Path:
    """What `h52vtp.py` of tomgoldstein/loss-landscape writes: points, and quads over them."""
    points = [(i, j, loss[i, j]) for i in range(loss.shape[0]) for j in range(loss.shape[1])]
    quads = [
        (i * loss.shape[1] + j, (i + 1) * loss.shape[1] + j)
        for i in range(loss.shape[0] - 1)
        for j in range(loss.shape[1] - 1)
    ]
    connected = " ".join(f"{a} {a + 1} {b + 1} {b}" for a, b in quads)
    path.write_text(
        '<VTKFile type="PolyData" version="1.0" byte_order="LittleEndian">\n<PolyData>\n'
        f'<Piece NumberOfPoints="{len(points)}" NumberOfPolys="{len(quads)}">\n'
        '<PointData Scalars="zvalue"><DataArray type="Float32" Name="zvalue" format="ascii">'
        f"{' '.join(str(p[2]) for p in points)}</DataArray></PointData>\n"
        '<Points><DataArray type="Float32" Name="Points" NumberOfComponents="3" format="ascii">'
        f"{' '.join(str(v) for p in points for v in p)}</DataArray></Points>\n"
        f'<Polys><DataArray type="Int64" Name="connectivity" format="ascii">{connected}</DataArray>'
        '<DataArray type="Int64" Name="offsets" format="ascii">'
        f"{' '.join(str(4 * k + 4) for k in range(len(quads)))}</DataArray></Polys>\n"
        "</Piece>\n</PolyData>\n</VTKFile>\n"
    )
    return path


def _h5(path: Path, x: np.ndarray, y: np.ndarray | None, loss: np.ndarray) -> Path:
    with h5py.File(path, "w") as file:
        file["xcoordinates"] = x
        if y is not None:
            file["ycoordinates"] = y
        values = loss if y is not None else loss[:, 0]
        file["train_loss"], file["train_acc"] = values, 100 * np.exp(-values)
    return path


# -- damage ------------------------------------------------------------------------------------


def damaged(original: Original, others: list[Original], rng: Random) -> bytes:
    """The content of `original` after one to four accidents, or malice."""
    content, name = original.content, original.file.suffix
    if name == ".npz" and rng.random() < 0.6:
        return _damaged_members(content, others, rng)
    if name == ".h5" and rng.random() < 0.5:
        return _damaged_datasets(content, rng)
    if name in (".json", ".isoloss", ".jsonl") and rng.random() < 0.6:
        return _damaged_json(content, rng, lines=name == ".jsonl")
    for _ in range(min(int(rng.geometric(0.6)), 6)):
        content = _ACCIDENTS[rng.integers(len(_ACCIDENTS))](content, others, rng)
    return content


def _at(content: bytes, rng: Random) -> tuple[int, int]:
    """A place and a length; every other time in the beginning, where headers are."""
    reach = len(content) if rng.random() < 0.5 else min(len(content), 400)
    return int(rng.integers(0, max(reach, 1))), int(2 ** rng.uniform(0, 7))


def _bits(content: bytes, _: list[Original], rng: Random) -> bytes:
    changed = bytearray(content)
    for _k in range(rng.integers(1, 9)):
        if changed:
            changed[_at(content, rng)[0] % len(changed)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _cut(content: bytes, _: list[Original], rng: Random) -> bytes:
    return content[: _at(content, rng)[0]]


def _deleted(content: bytes, _: list[Original], rng: Random) -> bytes:
    at, length = _at(content, rng)
    return content[:at] + content[at + length :]


def _repeated(content: bytes, _: list[Original], rng: Random) -> bytes:
    at, length = _at(content, rng)
    return content[: at + length] * int(rng.integers(1, 3)) + content[at:]


def _spliced(content: bytes, others: list[Original], rng: Random) -> bytes:
    at, length = _at(content, rng)
    other = others[rng.integers(len(others))].content
    start = _at(other, rng)[0]
    return content[:at] + other[start : start + 4 * length] + content[at + length :]


def _noise(content: bytes, _: list[Original], rng: Random) -> bytes:
    at, length = _at(content, rng)
    filled = rng.bytes(length) if rng.random() < 0.5 else rng.bytes(1) * length
    return content[:at] + filled + content[at + length :]


def _number(content: bytes, _: list[Original], rng: Random) -> bytes:
    return _exchanged(content, rb"[-+]?\d[\d.]*(?:e[-+]?\d+)?", NUMBERS, rng)


def _word(content: bytes, _: list[Original], rng: Random) -> bytes:
    return _exchanged(content, rb"[A-Za-z_<>|]\w*", WORDS, rng)


def _exchanged(content: bytes, pattern: bytes, by: list[bytes], rng: Random) -> bytes:
    begin = 0 if rng.random() < 0.5 else _at(content, rng)[0]
    found = list(re.finditer(pattern, content[begin : begin + 2000]))
    if not found:
        return content
    start, stop = (begin + at for at in found[rng.integers(len(found))].span())
    return content[:start] + by[rng.integers(len(by))] + content[stop:]


def _line(content: bytes, others: list[Original], rng: Random) -> bytes:
    """A line of the header is lost, said twice, moved, or another file's."""
    lines = content.split(b"\n")
    at, to = (int(rng.integers(min(len(lines), 30))) for _ in range(2))
    match rng.integers(4):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[at])
        case 2:
            lines[at], lines[to] = lines[to], lines[at]
        case _:
            other = others[rng.integers(len(others))].content.split(b"\n")
            lines.insert(at, other[rng.integers(min(len(other), 30))])
    return b"\n".join(lines)


def _float(content: bytes, _: list[Original], rng: Random) -> bytes:
    kind = ("<f8", ">f8", "<f4")[rng.integers(3)]
    with np.errstate(over="ignore"):
        value = np.array(FLOATS[rng.integers(len(FLOATS))]).astype(kind).tobytes()
    at = _at(content, rng)[0]
    at -= at % 4 if rng.random() < 0.5 else 0
    return content[:at] + value + content[at + len(value) :]


def _integer(content: bytes, _: list[Original], rng: Random) -> bytes:
    at, number = _at(content, rng)[0], int(rng.choice([0, 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1]))
    return content[:at] + struct.pack("<I", number) + content[at + 4 :]


def _line_ends(content: bytes, _: list[Original], rng: Random) -> bytes:
    at = _at(content, rng)[0]
    by = (b"\r\n", b"\r", b"\n\n", b" \n", b"")[rng.integers(5)]
    return content[:at] + content[at:].replace(b"\n", by, int(rng.integers(1, 40)))


def _beginning(content: bytes, _: list[Original], rng: Random) -> bytes:
    return (b"\xef\xbb\xbf", b"\xff\xfe", b"\n", b" ", b"\0" * 512, b"#")[rng.integers(6)] + content


_ACCIDENTS: list[Callable[[bytes, list[Original], Random], bytes]] = [
    _bits, _cut, _deleted, _repeated, _spliced, _noise, _number, _number, _word, _line, _float,
    _integer, _line_ends, _beginning,
]  # fmt: skip


def _damaged_members(content: bytes, others: list[Original], rng: Random) -> bytes:
    """An archive that is whole, of arrays that are not."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        members = {name: old.read(name) for name in old.namelist()}
        for name in rng.choice(sorted(members), rng.integers(1, 3)):
            if rng.random() < 0.5:
                members[name] = _array(rng, members[name])
            else:
                members[name] = _ACCIDENTS[rng.integers(len(_ACCIDENTS))](
                    members[name], others, rng
                )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name, member in members.items():
                if rng.random() < 0.97:
                    new.writestr(name, member)
                if rng.random() < 0.02:
                    new.writestr(name, member)
    return out.getvalue()


def _array(rng: Random, npy: bytes) -> bytes:
    """Another array in place of one: of another type, shape, order or size of numbers."""
    try:
        array, out = np.load(BytesIO(npy)), BytesIO()
    except Exception:  # it is damaged already
        return npy
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.save(out, _other_array(array, rng), allow_pickle=False)
    return out.getvalue()


def _other_array(array: np.ndarray, rng: Random) -> np.ndarray:
    if array.dtype.kind not in "fiu":
        text = ["", "{]", "[1]", "null", "{" * 5000, '{"title": 3}', '{"findings": [1]}', "7"]
        return np.array(text[rng.integers(len(text))])
    types = ["<f4", ">f8", "<f2", "<c16", "|i1", "<u8", "<U8", "|b1", "<M8[s]", "|S9", "<i8"]
    match rng.integers(10):
        case 0 | 1 if array.size:
            flat = array.astype(np.float64).ravel()
            flat[rng.integers(flat.size)] = FLOATS[rng.integers(len(FLOATS))]
            return flat.reshape(array.shape)
        case 2:
            return array * FLOATS[rng.integers(len(FLOATS))]
        case 3:
            return array.astype(types[rng.integers(len(types))])
        case 4:
            return np.atleast_1d(array)[: rng.integers(3)]
        case 5:
            return array[..., None]
        case 6:
            return array[::-1]
        case 7:
            return np.asfortranarray(array.T)
        case 8:
            return np.zeros((0, *array.shape[1:]))
        case _:
            return np.zeros(array.shape, [("a", "f8"), ("b", "i4")])


def _damaged_datasets(content: bytes, rng: Random) -> bytes:
    """A file that HDF5 itself finds nothing wrong with."""
    out = BytesIO(content)
    with h5py.File(out, "r+") as file, np.errstate(all="ignore"):
        for name in rng.choice(sorted(file), rng.integers(1, 3), replace=False):
            array = np.asarray(file[name])
            del file[name]
            match rng.integers(7):
                case 0:
                    file.create_group(name)
                case 1:
                    file.create_dataset(name, (1 << 20, 1 << 20), "f8")
                case 2:
                    file.create_dataset(name, data=h5py.Empty("f8"))
                case 3:
                    file.create_dataset(name, data="text")
                case 4:
                    file[name] = h5py.SoftLink("/nowhere")
                case _:
                    other = _other_array(array, rng)
                    if other.dtype.kind not in "UM":
                        file.create_dataset(name, data=other)
    return out.getvalue()


def _damaged_json(content: bytes, rng: Random, *, lines: bool) -> bytes:
    if lines:
        rows = content.decode().splitlines()
        at = int(rng.integers(len(rows)))
        rows[at] = json.dumps(_hostile(json.loads(rows[at]), rng))
        return ("\n".join(rows) + "\n").encode("utf-8", "surrogatepass")
    node = json.loads(content)
    for _ in range(rng.integers(1, 4)):
        node = _hostile(node, rng)
    text = json.dumps(node)
    match rng.integers(12):
        case 0:  # nested deeper than any parser follows
            text = text.replace("null", "[" * 100_000 + "]" * 100_000, 1)
        case 1:  # the same field twice
            text = re.sub(r'("\w+"): ', r"\1: 1, \1: ", text, count=int(rng.integers(1, 4)))
        case 2:
            text = text.replace("1", "1" * 5000, 1)
    return text.encode("utf-8", "surrogatepass")


def _hostile(node: Any, rng: Random) -> Any:
    """`node` with one part somewhere inside it lost, renamed or replaced."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node) if node else 0))
    if not keys or not isinstance(node, dict | list):
        return copy.deepcopy(VALUES[rng.integers(len(VALUES))])
    key = keys[rng.integers(len(keys))]
    if isinstance(node[key], dict | list) and node[key] and rng.random() < 0.8:
        node[key] = _hostile(node[key], rng)
    elif rng.random() < 0.15:
        del node[key]
    elif isinstance(node, dict) and rng.random() < 0.1:
        node[key + "x"] = node.pop(key)
    else:
        node[key] = copy.deepcopy(VALUES[rng.integers(len(VALUES))])
    return node


# -- doors -------------------------------------------------------------------------------------


def doors(path: Path, workspace: Workspace, rng: Random) -> Iterator[Callable[[], Any]]:
    """All ways in which `path` is opened."""
    yield lambda: isoloss.load(path)
    yield lambda: describe(path)
    yield lambda: in_window(path, workspace, rng)
    if is_run(path):
        yield lambda: read_trajectory(Run.open(path))


def in_window(path: Path, workspace: Workspace, rng: Random) -> None:
    """Open `path` as the window does, and work out what a frame needs."""
    opener.load(workspace, path, remember=False)
    workspace.update(time.monotonic() + 1e6)
    workspace.change(texture=rng.choice(list(TEXTURES)))
    scene = workspace.scene
    if not scene.shown:
        return
    frame = scene.frame()
    frame.scale.ticks(5)
    colors = color_scale(scene.shown, scene.appearance, frame)
    if colors is not None:
        colors.ticks()
    for layer in scene.shown:
        mesh = layer.mesh(frame.scale, smooth=bool(rng.random() < 0.05))
        texture_values(layer, mesh, colors, scene.appearance)
        assert np.isfinite(np.concatenate(frame.mesh_to_world(mesh))).all()


class Fault(Exception):
    """Something that is not allowed; its first line names the kind of it."""


def try_doors(path: Path, rng: Random, stderr: Path) -> bool:
    """Open `path` by all doors; whether it opened by any.

    Raises:
        Fault: something happened that must not.
    """
    opened, workspace = False, Workspace(path.parent, Preferences())
    for k, door in enumerate(doors(path, workspace, rng)):
        warned: list[str] = []
        told: list[str] = []

        def warn(message: Any, category: type, filename: str, lineno: int, *_: Any) -> None:
            if category is UserWarning:  # ours: what was left out
                told.append(str(message))  # noqa: B023
                return
            where = f"{Path(filename).name}:{lineno}"
            stack = "".join(traceback.format_stack())
            warned.append(f"{category.__name__} at {where}\n{message}\n{stack}")  # noqa: B023

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = warn
            try:
                door()
                opened = True
            except IsolossError as error:
                _check_line(str(error), path)
            except Exception as error:
                last = traceback.extract_tb(error.__traceback__)
                ours = [f for f in last if "isoloss" in f.filename][-1:] or last[-1:]
                where = f"{Path(ours[0].filename).name}:{ours[0].lineno}"
                raise Fault(
                    f"door {k}: {type(error).__name__} at {where}\n{traceback.format_exc()}"
                ) from error
        for line in told:
            _check_line(line, path)
        if warned:
            raise Fault(f"door {k}: {warned[0]}")
    for message in workspace.messages.lines:
        _check_line(message.text, path)
    if stderr.stat().st_size:
        said = stderr.read_text(errors="replace")
        os.ftruncate(2, 0)
        raise Fault(f"stderr: {said.splitlines()[0][:60]}\n{said}")
    return opened


def _check_line(text: str, path: Path) -> None:
    rest = text.replace(str(path), "")
    if not text or re.search(r"[\n\r]", text):
        raise Fault(f"not one line: {rest[:60]!r}\n{text}")
    if re.search(r"Error\b|Traceback|<class|\bobject at 0x", rest):
        raise Fault(f"no words: {rest[:80]!r}\n{text}")
    if len(rest) > 1000:
        raise Fault(f"a long line: {rest[:80]!r}\n{text}")


# -- processes ---------------------------------------------------------------------------------


class Campaign:
    """Mutants by their number, opened in processes of which each may die."""

    def __init__(self, asked: argparse.Namespace, folder: Path) -> None:
        self.asked, self.folder = asked, folder
        os.environ["ISOLOSS_CONFIG_DIR"] = str(folder / "config")
        wanted = asked.kinds or None
        self.originals = [
            o for o in originals(folder / "whole") if wanted is None or o.kind in wanted
        ]
        self.kinds = sorted({o.kind for o in self.originals})
        self.place = folder
        self.faults: Counter[str] = Counter()
        self.opened: Counter[str] = Counter()
        self.tried: Counter[str] = Counter()
        self.shared = mmap.mmap(-1, 16)  # the number at work, and when it was begun
        self.log = folder / "log.jsonl"
        self.log.touch()

    def run(self) -> int:
        """Try `--count` mutants in `--seconds`; returns how many were tried."""
        began, at = time.monotonic(), 0
        while at < self.asked.count and time.monotonic() - began < self.asked.seconds:
            stop = min(at + BATCH, self.asked.count)
            at = self._batch(at, stop, began)
        self._read_log()
        return at

    def _batch(self, start: int, stop: int, began: float) -> int:
        """Try the mutants from `start` on in a process of their own; returns where it ended."""
        self._say(start)
        self.place = self.folder / f"from{start}"
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                self._work(start, stop, began)
                code = 0
            except Exception:  # of the campaign itself
                os.write(2, traceback.format_exc().encode())
            finally:
                os._exit(code)
        slow, used = -1, 0.0
        while True:
            done, status = os.waitpid(pid, os.WNOHANG)
            number, since = struct.unpack("qd", self.shared)
            if done:
                break
            waited = time.monotonic() - since
            if waited > self.asked.limit and number != slow:
                slow, used = number, _seconds_of(pid)
            # Of the processor from then on, for others may have it too.
            took = max(_seconds_of(pid) - used, waited / PATIENCE) if number == slow else 0.0
            if took > self.asked.limit:
                os.kill(pid, signal.SIGABRT)  # faulthandler says where it was
                os.waitpid(pid, 0)
                self._keep(number, f"hang: more than {self.asked.limit:g} s")
                return number + 1
            time.sleep(0.02)
        if status != 0:
            died = os.waitstatus_to_exitcode(status)
            self._keep(number, f"crash: exit code {died}")
        return number + 1

    def _say(self, number: int) -> None:
        self.shared[:] = struct.pack("qd", number, time.monotonic())

    def _work(self, start: int, stop: int, began: float) -> None:
        stderr = self.folder / "stderr"
        file = os.open(stderr, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_APPEND)
        os.dup2(file, 2)
        faulthandler.enable(2)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        most = used + int(self.asked.gigabytes * 1e9)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        shutil.copytree(self.folder / "whole", self.place)
        with self.log.open("a") as log:
            for number in range(start, stop):
                if time.monotonic() - began > self.asked.seconds:
                    return
                self._say(number)
                rng = np.random.default_rng((self.asked.seed, number))
                kind = self.kinds[rng.integers(len(self.kinds))]
                those = [o for o in self.originals if o.kind == kind]
                original, opened = those[rng.integers(len(those))], False
                opens, file = (self._placed(p) for p in (original.opened, original.file))
                file.write_bytes(damaged(original, self.originals, rng))
                try:
                    opened = try_doors(opens, rng, stderr)
                except Fault as fault:
                    self._keep(number, str(fault), {opens, file})
                file.write_bytes(original.content)
                log.write(json.dumps([kind, opened]) + "\n")
        shutil.rmtree(self.place)

    def _placed(self, whole: Path) -> Path:
        return self.place / whole.relative_to(self.folder / "whole")

    def _keep(self, number: int, what: str, those: Iterable[Path] = ()) -> None:
        """Keep what did what is not allowed, with what that was; all, if its process is gone."""
        fault = what.splitlines()[0]
        with (self.folder / "faults").open("a") as file:
            file.write(json.dumps(fault) + "\n")
        known = (self.folder / "faults").read_text().splitlines()
        if known.count(json.dumps(fault)) > KEPT:
            return
        if not those:
            those = [*self.place.iterdir()]
            what += "\n" + (self.folder / "stderr").read_text(errors="replace")
        kept = self.asked.keep / f"seed{self.asked.seed}-{number}"
        kept.mkdir(parents=True, exist_ok=True)
        for path in those:
            if path.is_dir():
                shutil.copytree(path, kept / path.name, dirs_exist_ok=True)
            elif path.parent == self.place:
                shutil.copy(path, kept)
        (kept / "what.txt").write_text(what, errors="replace")

    def _read_log(self) -> None:
        for line in self.log.read_text().splitlines():
            kind, opened = json.loads(line)
            self.tried[kind] += 1
            self.opened[kind] += opened
        faults = self.folder / "faults"
        if faults.exists():
            self.faults.update(json.loads(line) for line in faults.read_text().splitlines())


def _seconds_of(pid: int) -> float:
    """How long the processor has been at work for a process."""
    said = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(said[11]) + int(said[12])) / os.sysconf("SC_CLK_TCK")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="Which mutants [0]")
    parser.add_argument("--count", type=int, default=10_000, help="How many [10000]")
    parser.add_argument("--seconds", type=float, default=math.inf, help="No longer than this")
    parser.add_argument("--limit", type=float, default=10, help="Seconds a file may compute [10]")
    parser.add_argument("--gigabytes", type=float, default=3, help="Memory it may take [3]")
    parser.add_argument("--keep", type=Path, default=Path("mutants"), help="Where faults are kept")
    parser.add_argument("--kinds", nargs="+", help="Only these [all]")
    asked = parser.parse_args(arguments)
    memory = Path("/dev/shm")  # a disk takes longer than all the rest
    where = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="isoloss-mutants-", dir=where) as folder:
        campaign = Campaign(asked, Path(folder))
        began = time.monotonic()
        tried = campaign.run()
        seconds = time.monotonic() - began
    print(f"seed {asked.seed}: {tried} files in {seconds:.0f} s")
    for kind in sorted(campaign.tried):
        print(f"  {kind:<18} {campaign.tried[kind]:>7}, opened {campaign.opened[kind]:>7}")
    for fault, times in campaign.faults.most_common():
        print(f"  FAULT {times:>5} × {fault}")
    return 1 if campaign.faults else 0


if __name__ == "__main__":
    sys.exit(main())
