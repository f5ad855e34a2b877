"""What a run's folder holds, read with NumPy and the standard library alone, and how it differs
from what is expected. What a clock, a process or a machine has put there is left out."""

from __future__ import annotations

import csv
import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
Content = dict[str, Any]


def contents(folder: Path) -> tuple[Arrays, Content]:
    """(arrays, all other numbers) of a run folder, by `FILE:PART`; what is said in words is left
    out."""
    arrays: Arrays = {}
    facts: Content = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if (
            path.name in (".lock", "job.log", "report.md", "surface-minima.csv")
            or ".partial-" in path.name
        ):
            continue
        if name == "run.json":
            facts |= _run(name, path)
        elif name == "events.jsonl":
            facts |= _events(name, path)
        elif name == "report.json":
            facts |= _report(name, path)
        elif name == "outcomes/units.jsonl":
            facts[name] = _units(path)
        elif path.suffix == ".csv":
            facts[name] = _table(path)
        elif path.name == "surface.json":
            described = _json(path)
            described["meta"].pop("versions", None)
            facts[name] = described
        elif path.suffix == ".json":
            facts[name] = _json(path)
        elif path.suffix == ".safetensors":
            tensors, facts[f"{name}:metadata"] = _safetensors(path)
            arrays |= {f"{name}:{k}": v for k, v in tensors.items()}
        elif path.suffix == ".npy":
            arrays[name] = np.load(path)
        elif path.suffix == ".npz":
            _npz(name, path, arrays, facts)
        elif path.suffix == ".ply":
            _ply(name, path, arrays, facts)
        else:  # losses.float32, hits.uint8
            arrays[name] = np.frombuffer(path.read_bytes(), np.uint8)
    _only_valid_slots(arrays)
    return arrays, json.loads(json.dumps(facts))


def differences(expected: Path, folder: Path) -> list[str]:
    """What is not equal bit for bit, a line each."""
    arrays, facts = contents(folder)
    found = _compared(_prints(expected), {k: _print(v) for k, v in arrays.items()})
    return found + _compared(_json(expected / "facts.json"), facts)


def large_differences(expected: Path, folder: Path, share: float) -> list[str]:
    """Where numbers are off by more than this fraction of the largest of them, or are missing."""
    arrays, facts = contents(folder)
    known_facts, prints = _json(expected / "facts.json"), _prints(expected)
    found = [f"{k} is missing or new" for k in prints.keys() ^ arrays.keys()]
    found += [f"{k} is missing or new" for k in known_facts.keys() ^ facts.keys()]
    with np.load(expected / "arrays.npz") as held:
        for key in prints.keys() & arrays.keys():
            got, entry = arrays[key], key.replace("/", "|")
            if _print(got).rpartition(" ")[0] != prints[key].rpartition(" ")[0]:
                found.append(f"{key} is of another type or shape")
            elif entry in held.files and got.dtype.kind == "f":
                known = held[entry]
                reach = share * float(np.nanmax(np.abs(known), initial=0.0))
                if not np.allclose(got, known, rtol=share, atol=reach, equal_nan=True):
                    found.append(f"{key}: {known} expected, {got} found")
    return found + [
        key
        for key in known_facts.keys() & facts.keys()
        if not _is_close(known_facts[key], facts[key], share)
    ]


def _prints(expected: Path) -> Content:
    """Of what was recorded, without how a surface looked in other programs."""
    prints = _json(expected / "arrays.json")
    return {key: v for key, v in prints.items() if not _is_looks(*key.rpartition(":")[::2])}


def _is_looks(name: str, field: str) -> bool:
    return name.endswith(".ply") and field in _LOOKS


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _run(name: str, path: Path) -> Content:
    content = _json(path)
    environment = dict(content["environment"])
    for volatile in ("isoloss", "torch", "python", "system", "peak_memory"):
        environment.pop(volatile, None)
    # What the settings' hash is of holds paths (prepare.py).
    if "depends_on" in environment:
        environment["depends_on"] = {
            k: v for k, v in environment["depends_on"].items() if k != "settings"
        }
    settings = {k: _placeless(v) for k, v in content["settings"].items()}
    return {f"{name}:settings": settings, f"{name}:environment": environment}


def _placeless(value: Any) -> Any:
    """Paths without their folders."""
    if isinstance(value, list):
        return [_placeless(v) for v in value]
    return f"…/{Path(value).name}" if isinstance(value, str) and value.startswith("/") else value


def _events(name: str, path: Path) -> Content:
    """What the process that ended the run has recorded."""
    events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    last = max(k for k, e in enumerate(events) if e["event"] == "started")
    recorded = events[last:]
    for event in recorded:
        for volatile in ("time", "pid", "seconds"):
            event.pop(volatile, None)
    return {
        f"{name}:metrics": [e for e in recorded if e["event"] == "metric"],
        f"{name}:end": recorded[-1],
        f"{name}:device": recorded[0]["device"],
    }


def _report(name: str, path: Path) -> Content:
    content = _json(path)
    del content["verdict"]
    doubts = content.pop("doubts")
    return {
        f"{name}:doubts": [{k: v for k, v in d.items() if k != "message"} for d in doubts],
        name: content,
    }


def _units(path: Path) -> Content:
    """By unit, since their order is that in which they were done; the first line of one counts."""
    found: Content = {}
    for line in path.read_bytes().split(b"\n"):
        try:
            record = json.loads(line)
            unit = ",".join(map(str, record.pop("unit")))
        except (ValueError, KeyError):
            continue  # a kill cut it short
        record.pop("seconds")
        found.setdefault(unit, record)
    return dict(sorted(found.items()))


_ADDED = ("average_radius", "average_radius_error")
"""Columns that tables have had since."""


def _table(path: Path) -> list[list[str]]:
    """The header and the rows, as text; without the worst case, which earlier versions did not put
    together from what all attacks have found."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if "worst" not in row]
    kept = [k for k, column in enumerate(rows[0]) if column not in ("seconds", "barrier", *_ADDED)]
    return [[row[k] for k in kept] for row in rows]


_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1", "BOOL": "?",
}  # fmt: skip


def _safetensors(path: Path) -> tuple[Arrays, Any]:
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    metadata = header.pop("__metadata__", None)
    body = content[8 + length :]
    tensors: Arrays = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        flat = np.frombuffer(body[first:last], _TYPES[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"])
    if metadata is not None:
        metadata = {k: _parsed(v) for k, v in metadata.items()}
    return tensors, metadata


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _npz(name: str, path: Path, arrays: Arrays, facts: Content) -> None:
    with np.load(path) as held:
        # Earlier versions measured no barrier.
        for key in (k for k in held.files if k != "barrier"):
            value = held[key]
            if value.dtype.kind == "U" and value.ndim == 0:
                _meta(f"{name}:{key}", _parsed(str(value)), facts)
            else:
                arrays[f"{name}:{key}"] = value


_NOT_COMPARED = ("versions", "findings", "centre", "barrier", "columns")


def _meta(name: str, meta: Any, facts: Content) -> None:
    if isinstance(meta, dict):
        meta = {k: v for k, v in meta.items() if k not in _NOT_COMPARED}
    facts[name] = meta


_PLY_TYPES = {
    "float": "<f4", "float32": "<f4", "double": "<f8", "float64": "<f8", "int": "<i4",
    "int32": "<i4", "uchar": "u1", "uint8": "u1", "short": "<i2", "uint": "<u4",
}  # fmt: skip

_LOOKS = ("x", "y", "z", "nx", "ny", "nz", "red", "green", "blue")
"""Of a PLY, what is there for other programs and may look better in another version."""


def _ply(name: str, path: Path, arrays: Arrays, facts: Content) -> None:
    content = path.read_bytes()
    end = content.index(b"end_header\n") + len(b"end_header\n")
    vertices, fields, element = 0, [], ""
    for line in content[:end].decode("ascii").splitlines():
        parts = line.split()
        if line.startswith("comment isoloss "):
            _meta(f"{name}:meta", json.loads(line.removeprefix("comment isoloss ")), facts)
        elif parts[0] == "element":
            element = parts[1]
            facts[f"{name}:{element}"] = int(parts[2])
            if element == "vertex":
                vertices = int(parts[2])
        elif parts[0] == "property" and element == "vertex":
            fields.append((parts[2], _PLY_TYPES[parts[1]]))
    dtype = np.dtype(fields)
    vertex = np.frombuffer(content[end : end + vertices * dtype.itemsize], dtype)
    fields_of = {field: field for field in dtype.names or () if field not in _LOOKS}
    for field, column in ({"alpha": "x", "beta": "y"} | fields_of).items():
        arrays[f"{name}:{field}"] = np.ascontiguousarray(vertex[column])
    arrays[f"{name}:rest"] = np.frombuffer(content[end + vertices * dtype.itemsize :], np.uint8)


def _only_valid_slots(arrays: Arrays) -> None:
    """Of a growing surface's two slots to a cell only one counts, whichever that is."""
    for key in [k for k in arrays if k.endswith("slots.npy")]:
        slots, valid = arrays.pop(key), arrays.pop(key.replace("slots.npy", "valid.npy"))
        which = valid.astype(np.int64)[..., None]
        cells = np.take_along_axis(slots, which, axis=2)[..., 0]
        for field in cells.dtype.names:
            arrays[f"{key}:{field}"] = np.ascontiguousarray(cells[field])


def _print(array: np.ndarray) -> str:
    """Type, shape and BLAKE2 digest of the bytes."""
    array = np.ascontiguousarray(array)
    digest = hashlib.blake2b(array.tobytes(), digest_size=16).hexdigest()
    return f"{array.dtype.str} {list(array.shape)} {digest}"


def _is_close(a: Any, b: Any, close: float) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_is_close(a[k], b[k], close) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_is_close(x, y, close) for x, y in zip(a, b, strict=True))
    if isinstance(a, float) and isinstance(b, float):
        return a == b or abs(a - b) <= close * max(abs(a), abs(b), 0.1)
    if isinstance(a, str) and isinstance(b, str) and a != b:
        try:  # a cell of a table
            return _is_close(float(a), float(b), close)
        except ValueError:
            return False
    return json.dumps(a) == json.dumps(b)


def _compared(expected: Content, got: Content) -> list[str]:
    found = [f"{key} is missing or new" for key in expected.keys() ^ got.keys()]
    for key in expected.keys() & got.keys():
        # As text: NaN is then equal to itself, and 1 is not 1.0.
        a, b = (json.dumps(c[key], sort_keys=True) for c in (expected, got))
        if a != b:
            at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), 0)
            around = slice(max(at - 60, 0), at + 60)
            found.append(f"{key}: …{a[around]}… expected, …{b[around]}… found")
    return sorted(found)
