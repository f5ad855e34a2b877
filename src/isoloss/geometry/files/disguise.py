"""What a file really is that is not what its name says: found by how it begins."""

from __future__ import annotations

from pathlib import Path

from isoloss.paths import is_file

_UNPACK = "packed: unpack it first"
_ARCHIVE = (
    "a zip archive: unpack it; if it is a workbook save it as .csv, if it is NumPy's call it .npz"
)
_PICTURE = "a picture"
_PICKLE = "a pickle of Python's, which is not read: save the numbers as .npz"
_PAGE = "a web page: a browser opens it, unless a failed download left it"
_BEGINNINGS = (
    (b"version https://git-lfs", None, "a pointer of Git LFS: 'git lfs pull' fetches the file"),
    (b"\x1f\x8b", None, _UNPACK),
    (b"BZh", None, _UNPACK),
    (b"\xfd7zXZ", None, _UNPACK),
    (b"\x28\xb5\x2f\xfd", None, _UNPACK),
    (b"7z\xbc\xaf", None, _UNPACK),
    (b"PK\x03\x04", ".npz", _ARCHIVE),
    (b"\xd0\xcf\x11\xe0", None, "a workbook of an office program: save it as .csv"),
    (b"\x89HDF\r\n\x1a\n", ".h5", "an HDF5 file: call it .h5"),
    (b"MATLAB 7.3", ".h5", "an HDF5 file: call it .h5"),
    (b"MATLAB 5.0", None, "a file of MATLAB's of the old kind: save it with -v7.3 as .h5"),
    (b"\x93NUMPY", ".npy", "an array of NumPy's: call it .npy"),
    (b"ply\n", ".ply", "a PLY file: call it .ply"),
    (b"ply\r", ".ply", "a PLY file: call it .ply"),
    (b"\x89PNG", None, _PICTURE),
    (b"\xff\xd8\xff", None, _PICTURE),
    (b"GIF8", None, _PICTURE),
    (b"%PDF", None, "a PDF document"),
    *((bytes([0x80, protocol]), None, _PICKLE) for protocol in range(2, 6)),
    (b"<!doctype html", None, _PAGE),
    (b"<html", None, _PAGE),
)
"""How files begin, in lower case where they are text; of which format that is; what it is."""


def disguise(path: Path, suffix: str) -> str | None:
    """What a file is, and what to do with it, where that is not what `suffix`, the usual one of a
    format, says; None where nothing is known of how it begins, or it cannot be read."""
    if not is_file(path):
        return None
    try:
        with path.open("rb") as file:
            begin = file.read(64).removeprefix(b"\xef\xbb\xbf")
    except OSError:
        return None
    for beginning, usual, words in _BEGINNINGS:
        if begin.startswith(beginning) or begin.lstrip().lower().startswith(beginning):
            return None if usual == suffix else words
    return None
