"""Accidents that befall files, and malice: the same random numbers make the same of them."""

from __future__ import annotations

import copy
import json
import math
import re
import struct
import warnings
import zipfile
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import h5py
import numpy as np

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


def damaged(content: bytes, suffix: str, others: Sequence[bytes], rng: Random) -> bytes:
    """The content of a file after one to six accidents, or malice.

    Args:
        suffix: what kind of file it is.
        others: contents of files, of which pieces come into it.
    """
    if suffix == ".npz" and rng.random() < 0.6:
        return _damaged_members(content, others, rng)
    if suffix == ".h5" and rng.random() < 0.5:
        return _damaged_datasets(content, rng)
    if suffix in (".json", ".isoloss", ".jsonl") and rng.random() < 0.6:
        return _damaged_json(content, rng, lines=suffix == ".jsonl")
    for _ in range(min(int(rng.geometric(0.6)), 6)):
        content = _ACCIDENTS[rng.integers(len(_ACCIDENTS))](content, others, rng)
    return content


def _at(content: bytes, rng: Random) -> tuple[int, int]:
    """A place and a length; every other time in the beginning, where headers are."""
    reach = len(content) if rng.random() < 0.5 else min(len(content), 400)
    return int(rng.integers(0, max(reach, 1))), int(2 ** rng.uniform(0, 7))


def _bits(content: bytes, _: Sequence[bytes], rng: Random) -> bytes:
    changed = bytearray(content)
    for _k in range(rng.integers(1, 9)):
        if changed:
            changed[_at(content, rng)[0] % len(changed)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _cut(content: bytes, _: Sequence[bytes], rng: Random) -> bytes:
    return content[: _at(content, rng)[0]]


def _deleted(content: bytes, _: Sequence[bytes], rng: Random) -> bytes:
    at, length = _at(content, rng)
    return content[:at] + content[at + length :]


def _repeated(content: bytes, _: Sequence[bytes], rng: Random) -> bytes:
    at, length = _at(content, rng)
    return content[: at + length] * int(rng.integers(1, 3)) + content[at:]


def _spliced(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    at, length = _at(content, rng)
    other = others[rng.integers(len(others))]
    start = _at(other, rng)[0]
    return content[:at] + other[start : start + 4 * length] + content[at + length :]


def _noise(content: bytes, _: Sequence[bytes], rng: Random) -> bytes:
    at, length = _at(content, rng)
    filled = rng.bytes(length) if rng.random() < 0.5 else rng.bytes(1) * length
    return content[:at] + filled + content[at + length :]


def _number(content: bytes, _: Sequence[bytes], rng: Random) -> bytes:
    return _exchanged(content, rb"[-+]?\d[\d.]*(?:e[-+]?\d+)?", NUMBERS, rng)


def _word(content: bytes, _: Sequence[bytes], rng: Random) -> bytes:
    return _exchanged(content, rb"[A-Za-z_<>|]\w*", WORDS, rng)


def _exchanged(content: bytes, pattern: bytes, by: list[bytes], rng: Random) -> bytes:
    begin = 0 if rng.random() < 0.5 else _at(content, rng)[0]
    found = list(re.finditer(pattern, content[begin : begin + 2000]))
    if not found:
        return content
    start, stop = (begin + at for at in found[rng.integers(len(found))].span())
    return content[:start] + by[rng.integers(len(by))] + content[stop:]


def _line(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
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
            other = others[rng.integers(len(others))].split(b"\n")
            lines.insert(at, other[rng.integers(min(len(other), 30))])
    return b"\n".join(lines)


def _float(content: bytes, _: Sequence[bytes], rng: Random) -> bytes:
    kind = ("<f8", ">f8", "<f4")[rng.integers(3)]
    with np.errstate(over="ignore"):
        value = np.array(FLOATS[rng.integers(len(FLOATS))]).astype(kind).tobytes()
    at = _at(content, rng)[0]
    at -= at % 4 if rng.random() < 0.5 else 0
    return content[:at] + value + content[at + len(value) :]


def _integer(content: bytes, _: Sequence[bytes], rng: Random) -> bytes:
    at, number = _at(content, rng)[0], int(rng.choice([0, 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1]))
    return content[:at] + struct.pack("<I", number) + content[at + 4 :]


def _line_ends(content: bytes, _: Sequence[bytes], rng: Random) -> bytes:
    at = _at(content, rng)[0]
    by = (b"\r\n", b"\r", b"\n\n", b" \n", b"")[rng.integers(5)]
    return content[:at] + content[at:].replace(b"\n", by, int(rng.integers(1, 40)))


def _beginning(content: bytes, _: Sequence[bytes], rng: Random) -> bytes:
    return (b"\xef\xbb\xbf", b"\xff\xfe", b"\n", b" ", b"\0" * 512, b"#")[rng.integers(6)] + content


_ACCIDENTS: list[Callable[[bytes, Sequence[bytes], Random], bytes]] = [
    _bits, _cut, _deleted, _repeated, _spliced, _noise, _number, _number, _word, _line, _float,
    _integer, _line_ends, _beginning,
]  # fmt: skip


def _damaged_members(content: bytes, others: Sequence[bytes], rng: Random) -> bytes:
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
                entry = zipfile.ZipInfo(name)  # which has no time of its own
                if rng.random() < 0.97:
                    new.writestr(entry, member)
                if rng.random() < 0.02:
                    new.writestr(entry, member)
    return out.getvalue()


def _array(rng: Random, npy: bytes) -> bytes:
    """Another array in place of one."""
    try:
        array, out = np.load(BytesIO(npy)), BytesIO()
    except Exception:  # it is damaged already
        return npy
    np.save(out, other_array(array, rng), allow_pickle=False)
    return out.getvalue()


def other_array(array: np.ndarray, rng: Random) -> np.ndarray:
    """An array of another type, shape, order or size of numbers."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _other_array(array, rng)


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
    with h5py.File(out, "r+") as file:
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
                    other = other_array(array, rng)
                    if other.dtype.kind not in "UM":
                        file.create_dataset(name, data=other)
    return out.getvalue()


def _damaged_json(content: bytes, rng: Random, *, lines: bool) -> bytes:
    if lines:
        rows = content.decode().splitlines()
        at = int(rng.integers(len(rows)))
        rows[at] = json.dumps(hostile(json.loads(rows[at]), rng))
        return ("\n".join(rows) + "\n").encode("utf-8", "surrogatepass")
    node = json.loads(content)
    for _ in range(rng.integers(1, 4)):
        node = hostile(node, rng)
    text = json.dumps(node)
    match rng.integers(12):
        case 0:  # nested deeper than any parser follows
            text = text.replace("null", "[" * 100_000 + "]" * 100_000, 1)
        case 1:  # the same field twice
            text = re.sub(r'("\w+"): ', r"\1: 1, \1: ", text, count=int(rng.integers(1, 4)))
        case 2:
            text = text.replace("1", "1" * 5000, 1)
    return text.encode("utf-8", "surrogatepass")


def hostile(node: Any, rng: Random) -> Any:
    """`node` with one part somewhere inside it lost, renamed or replaced."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node) if node else 0))
    if not keys or not isinstance(node, dict | list):
        return copy.deepcopy(VALUES[rng.integers(len(VALUES))])
    key = keys[rng.integers(len(keys))]
    if isinstance(node[key], dict | list) and node[key] and rng.random() < 0.8:
        node[key] = hostile(node[key], rng)
    elif rng.random() < 0.15:
        del node[key]
    elif isinstance(node, dict) and rng.random() < 0.1:
        node[key + "x"] = node.pop(key)
    else:
        node[key] = copy.deepcopy(VALUES[rng.integers(len(VALUES))])
    return node
