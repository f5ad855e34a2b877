"""What is not what its name says: it is told what it is, and what to do with it."""

import gzip
import io
import pickle
import zipfile

import h5py
import numpy as np
import pytest

import isoloss
from isoloss import IsolossError
from isoloss.geometry.files.formats import Format, register, unregister
from isoloss.geometry.surface import Surface


def _saved(suffix, tmp_path):
    axis = np.arange(3.0)
    return Surface.from_loss(axis, axis, np.ones((3, 3))).save(tmp_path / f"w{suffix}").read_bytes()


def _zipped():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "a")
    return out.getvalue()


def _hdf5():
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        file["a"] = 1
    return out.getvalue()


DISGUISED = [
    (".ply", lambda p: gzip.compress(_saved(".ply", p)), "is packed: unpack it first"),
    (".ply.gz", lambda p: gzip.compress(_saved(".ply", p)), "is packed: unpack it first"),
    (".ply", lambda p: _zipped(), "is a zip archive: unpack it"),
    (".csv", lambda p: _zipped(), "if it is a workbook save it as .csv"),
    (".ply", lambda p: _saved(".npz", p), "if it is NumPy's call it .npz"),
    ("", lambda p: _saved(".ply", p), "is a PLY file: call it .ply"),
    (".csv", lambda p: _saved(".ply", p), "is a PLY file: call it .ply"),
    (".npz", lambda p: _hdf5(), "is an HDF5 file: call it .h5"),
    (".mat", lambda p: b"MATLAB 7.3 MAT-file".ljust(512) + _hdf5(), "call it .h5"),
    (".npz", lambda p: b"\x93NUMPY\1\0", "is an array of NumPy's: call it .npy"),
    (".npy", lambda p: pickle.dumps([1]), "is a pickle of Python's, which is not read"),
    (".h5", lambda p: b"version https://git-lfs.github.com/spec/v1\noid", "'git lfs pull'"),
    (".vtp", lambda p: b"version https://git-lfs.github.com/spec/v1\noid", "'git lfs pull'"),
    (".csv", lambda p: b"\xef\xbb\xbf\n<!DOCTYPE HTML>\n<html>", "is a web page"),
    (".vts", lambda p: b"<html>404</html>", "is a web page"),
    (".ply", lambda p: b"\x89PNG\r\n\x1a\n", "is a picture"),
]


@pytest.mark.parametrize(("suffix", "content", "message"), DISGUISED)
def test_what_a_file_really_is_is_said(tmp_path, suffix, content, message):
    path = tmp_path / f"s{suffix}"
    path.write_bytes(content(tmp_path))
    with pytest.raises(IsolossError) as caught:
        isoloss.load(path)
    assert str(caught.value).startswith(f"{path} is ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("suffix", "begin"), [(".ply", b"ply\n"), (".npz", b"PK\3\4"), (".npy", b"\x93NUMPY")]
)
def test_what_is_damaged_is_called_so(tmp_path, suffix, begin):
    path = tmp_path / f"s{suffix}"
    path.write_bytes(begin + b"???")
    with pytest.raises(IsolossError, match=r"damaged|not a readable"):
        isoloss.load(path)


def test_what_does_not_fit_into_memory_is_told_in_a_line(tmp_path):
    register(Format((".huge",), ("surface",), read=lambda path: bytes(10**18)))
    try:
        (tmp_path / "s.huge").write_bytes(b"x")
        with pytest.raises(IsolossError, match="takes more memory than there is"):
            isoloss.load(tmp_path / "s.huge")
    finally:
        unregister(".huge")
