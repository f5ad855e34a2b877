"""What is in a checkpoint on disk, read without running any of its code.

A file is what its first bytes say, whatever it is called. Pickles are read by torch's restricted
reader and nothing else; of a few harmless types that training scripts save beside weights it is
given stand-ins, so that nothing which a file names is ever imported or called.
"""

from __future__ import annotations

import json
import pickle
import re
import struct
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor

from isoloss.errors import IsolossError
from isoloss.files import entries, nothing_at, read_json
from isoloss.naming import in_one_line
from isoloss.paths import is_file, is_folder
from isoloss.settings.checkpoint_paths import INDEX, weights_in

_BEGINNING = 512
_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "C64": torch.complex64,
    "C128": torch.complex128,
}
_OTHERS = {
    b"version https://git-lfs": "is a pointer of Git LFS, not the file it stands for: fetch that "
    "with 'git lfs pull'",
    b"\x1f\x8b": "is a gzip archive: unpack it",
    b"BZh": "is a bzip2 archive: unpack it",
    b"\xfd7zXZ": "is an xz archive: unpack it",
    b"7z\xbc\xaf": "is a 7z archive: unpack it",
    b"Rar!": "is a rar archive: unpack it",
    b"\x89HDF": "is an HDF5 file, as Keras writes it",
    b"\x93NUMPY": "is a NumPy array",
    b"GGUF": "is a GGUF file, as llama.cpp reads it",
    **dict.fromkeys(
        (b"\x03\0\0\0", b"\x04\0\0\0", b"3\n1\n", b"4\n1\n"),
        "is a file of Torch for Lua, which PyTorch reads no more",
    ),
}
_BY_SUFFIX = {
    **dict.fromkeys((".pb", ".index", ".meta", ".tflite", ".keras"), "is a file of TensorFlow"),
    ".onnx": "is an ONNX file",
    ".msgpack": "is a file of Flax",
}
_INSTEAD = ": isoloss reads weights of PyTorch, torch.save(model.state_dict(), …) or safetensors"
_ASKED_FOR = re.compile(r"GLOBAL (\S+)")
_INERT = re.compile(
    r"argparse\.Namespace|types\.SimpleNamespace|pathlib(\._local)?\.\w+|datetime\.\w+|typing\.\w+"
    r"|omegaconf\..+|(builtins\.)?(int|float|str|bool|list|dict|tuple|object)"
    r"|numpy\.(ndarray|dtype|dtypes\.\w+|_?core\.multiarray\._reconstruct)"
)
"""Types of what training scripts save beside weights; what they held is not kept."""
_LIKE_DICTS = re.compile(r"easydict\.EasyDict|yacs\.config\.CfgNode|addict\..+|\S+\.AttributeDict")
_NUMBER = re.compile(r"numpy\._?core\.multiarray\.scalar")


@dataclass(frozen=True)
class Stored:
    """A tensor in a safetensors file.

    Attributes:
        kind: its type, as safetensors names it.
        begin, end: where its bytes are in the file.
    """

    file: Path
    kind: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def outline(self) -> Tensor:
        """A tensor of its type and shape that has no values."""
        return torch.empty(self.shape, dtype=_TYPES.get(self.kind, torch.uint8), device="meta")


def read(path: Path) -> Any:
    """What was saved at a path, on the CPU: tensors, and what else there was in plain Python.

    Args:
        path: a file; or a folder, or an index of several files, as Hugging Face's libraries write.

    Raises:
        IsolossError: if it is missing or damaged, is no checkpoint, or asks for code to be run.
    """
    parts = files_of(path)
    if len(parts) > 1:
        return {name: tensor for part in parts for name, tensor in read(part).items()}
    file = parts[0]
    if is_safetensors(file):
        stored_in(file)
        try:
            return load_file(file)
        except (safetensors.SafetensorError, OSError, ValueError) as error:
            raise IsolossError(f"{file} is not a readable checkpoint: {error}") from error
    wrong = _what_else(file)
    if wrong:
        raise IsolossError(f"{file} {wrong}")
    return _unpickled(file)


def files_of(path: Path) -> list[Path]:
    """The files of a checkpoint: itself, or those in its folder or that its index names.

    Raises:
        IsolossError: if there are none.
    """
    path = path.expanduser()
    if is_folder(path):
        found = weights_in(path)
        if found is None:
            raise IsolossError(_why_no_weights(path))
        path = found
    if not is_file(path):
        raise nothing_at(path, "checkpoint")
    if not path.name.lower().endswith(INDEX):
        return [path]
    try:
        names = sorted(set(read_json(path)["weight_map"].values()))
        parts = [path.parent / str(name) for name in names]
    except (KeyError, TypeError, AttributeError) as error:
        raise IsolossError(f"{path} is no index of a checkpoint's files") from error
    missing = [part for part in parts if not is_file(part)]
    if missing or not parts:
        raise IsolossError(f"{path} names files that are not there: {', '.join(map(str, missing))}")
    return parts


def is_safetensors(file: Path) -> bool:
    """Whether a file is safetensors, or is called so and is nothing else that is known."""
    beginning = _beginning(file)
    length = int.from_bytes(beginning[:8], "little")
    if beginning[8:9] == b"{" and 8 + length <= file.stat().st_size:
        return True
    other = bool(_what_else(file)) or beginning[:1] == b"\x80" or beginning[:4] == b"PK\x03\x04"
    return file.suffix.lower() == ".safetensors" and not other


def stored_in(file: Path) -> dict[str, Stored]:
    """The tensors in a safetensors file: the length of a JSON header, the header, their bytes.

    Raises:
        IsolossError: if it is damaged.

    Source: https://huggingface.co/docs/safetensors, "Format".
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if length > size:
                raise ValueError("its header is longer than the file")
            header = json.loads(opened.read(length))
        if not isinstance(header, dict):
            raise ValueError("its header is no table of tensors")
        found: dict[str, Stored] = {}
        for name, about in header.items():
            if name != "__metadata__":
                begin, end = (8 + length + offset for offset in about["data_offsets"])
                found[name] = Stored(file, about["dtype"], tuple(about["shape"]), begin, end)
        if any(tensor.end > size for tensor in found.values()):
            raise ValueError("it is cut short")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IsolossError(f"{file} is not a readable checkpoint: {error}") from error
    return found


def metadata_of(path: Path) -> dict[str, str]:
    """The texts that safetensors files have beside their tensors; none of other files."""
    found: dict[str, str] = {}
    for file in filter(is_safetensors, files_of(path)):
        with safetensors.safe_open(str(file), "pt") as opened:
            found |= opened.metadata() or {}
    return found


def _beginning(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_BEGINNING)
    except OSError as error:
        raise IsolossError(f"cannot read {file}: {error.strerror or error}") from error


def _what_else(file: Path) -> str:
    """What a file is if it is none that torch reads, and what to do; "" where it may be one."""
    beginning = _beginning(file)
    if not beginning.strip(b"\0"):
        said = "holds nothing but zeros" if beginning else "is empty"
        return f"{said}: it was not written, or not copied, to its end"
    for start, what in _OTHERS.items():
        if beginning.startswith(start):
            return what if ": " in what else what + _INSTEAD
    if beginning[257:262] == b"ustar":
        return "is a tar archive: unpack it"
    if beginning[:4] == b"PK\x03\x04":
        return _what_archive(file)
    text = beginning.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return "is a web page, not the file that was to be downloaded: download it again"
    if file.suffix.lower() in _BY_SUFFIX:
        return _BY_SUFFIX[file.suffix.lower()] + _INSTEAD
    if beginning[:1] == b"\x08" and b"onnx" in beginning[:64].lower():
        return _BY_SUFFIX[".onnx"] + _INSTEAD
    is_text = all(32 <= byte < 127 or byte in b"\t\r\n" for byte in beginning)
    return "is a text, no checkpoint" + _INSTEAD if is_text else ""


def _what_archive(file: Path) -> str:
    """What a zip archive is if it is none that torch.save has written; "" where it is."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return "is not a readable checkpoint: it is cut short"
    last = {name.rpartition("/")[2] for name in names}
    if "constants.pkl" in last or any("/code/" in name for name in names):
        return (
            "is a TorchScript program: save its weights alone, "
            "torch.save(torch.jit.load(…).state_dict(), …)"
        )
    if "data.pkl" in last:
        return ""
    if names and all(name.endswith(".npy") for name in names):
        return "is a NumPy archive" + _INSTEAD
    if any(name.endswith(".h5") for name in names):
        return "is a file of Keras" + _INSTEAD
    if any("exported_program" in name or "archive_format" in name for name in names):
        return "is a program of torch.export" + _INSTEAD
    return "is a zip archive: unpack it"


def _why_no_weights(folder: Path) -> str:
    names = [f.name for f in entries(folder)]
    if any(name.endswith(".distcp") for name in names):
        return (
            f"{folder} is a distributed checkpoint: make one file of it with "
            "'python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER FILE'"
        )
    return f"{folder} holds no weights: no model.safetensors, pytorch_model.bin or their index"


class _Inert:
    """Stands where a file has an object of a type that is not imported."""

    def __new__(cls, *given: Any) -> _Inert:
        made = super().__new__(cls)
        made.given = given
        return made

    def __init__(self, *given: Any) -> None:
        self.given = given

    def __setstate__(self, state: object) -> None:
        """Keep nothing."""


def _number(kind: Any, raw: Any = b"") -> float:
    """NumPy's scalar of a type, out of its bytes; NaN for those that are no common number."""
    code = {"f8": "d", "f4": "f", "i8": "q", "i4": "i"}.get((*getattr(kind, "given", ()), "")[0])
    try:
        return struct.unpack(f"<{code}", raw)[0] if code else float("nan")
    except (struct.error, TypeError):
        return float("nan")


def _stand_in(name: str) -> Callable[..., Any] | None:
    """What is built in place of a type that a file asks for; None if that is refused."""
    if _NUMBER.fullmatch(name):
        return _number
    if name == "collections.defaultdict":
        return _no_default
    if _LIKE_DICTS.fullmatch(name):
        return OrderedDict
    return _Inert if _INERT.fullmatch(name) else None


def _no_default(*_: Any) -> OrderedDict[Any, Any]:
    return OrderedDict()


def _unpickled(file: Path) -> Any:
    stand_ins: dict[str, Callable[..., Any]] = {}
    # Zip archives, PyTorch's own format, are mapped: tensors are read when they are needed.
    mapped = zipfile.is_zipfile(file)
    # Of a path torch would believe the suffix.
    misnamed = file.suffix.lower() == ".safetensors"
    while True:
        try:
            given: list[Any] = [(made, name) for name, made in stand_ins.items()]
            with torch.serialization.safe_globals(given), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if misnamed:
                    with file.open("rb") as opened:
                        return torch.load(opened, map_location="cpu", weights_only=True)
                return torch.load(file, map_location="cpu", weights_only=True, mmap=mapped)
        except pickle.UnpicklingError as error:
            asked = _ASKED_FOR.search(str(error))
            name = asked[1] if asked else ""
            if "." not in name and name:
                name = f"builtins.{name}"
            made = _stand_in(name)
            if made is None or name in stand_ins:
                raise IsolossError(f"{file} {_why_refused(name, str(error))}") from error
            stand_ins[name] = made
        except Exception as error:  # A damaged archive surfaces as one of many types.
            reason = in_one_line(error)[:160] or "it is cut short"
            if "magic number" in reason:
                reason = "it is a pickle, but not one that torch.save has written"
            raise IsolossError(f"{file} is not a readable checkpoint: {reason}") from error


def _why_refused(name: str, message: str) -> str:
    if name:
        return (
            f"holds more than weights, a {name}, and to import that could run code: save the "
            "weights alone, torch.save(model.state_dict(), …)"
        )
    if "Unsupported operand" in message:
        return (
            "is not a readable checkpoint: it is damaged, or written in another pickle protocol "
            "than torch.save's usual one"
        )
    if "DTensor" in message:
        return "holds tensors that several processes share: gather them before saving"
    return "holds more than weights, and to read it could run code: save its state_dict() alone"
