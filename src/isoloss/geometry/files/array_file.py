"""One array of NumPy's, as `.npy` files and members of `.npz` archives keep it."""

from __future__ import annotations

import ast
import math
import warnings
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.geometry.files.exact import MOST_CELLS

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 1 << 16
_LONGEST_TEXT = 1 << 26


def read_array(file: IO[bytes], name: str) -> NDArray[Any]:
    """The array in `file`, which ends with it; nothing is unpickled.

    Nothing is allocated before the file is known to hold it.

    Args:
        name: what it is called in messages.

    Raises:
        IsolossError: it is no array, damaged, cut short, larger than a surface, or Python objects.
    """
    if file.read(6) != _MAGIC:
        raise IsolossError(f"{name} is no array of NumPy's: it does not begin as one")
    dtype, shape, is_fortran = _header(file, name)
    if dtype.hasobject:
        raise IsolossError(
            f"{name} holds pickled Python objects, which are not read: save it as numbers"
        )
    cells = math.prod(shape)
    if cells > MOST_CELLS or cells * dtype.itemsize > max(_LONGEST_TEXT, 16 * MOST_CELLS):
        raise IsolossError(f"{name} promises {cells:,} values, more than {MOST_CELLS:,}")
    data = _read(file, cells * dtype.itemsize, name)
    array = np.frombuffer(data, dtype) if dtype.itemsize else np.zeros(cells, dtype)
    return array.reshape(shape, order="F" if is_fortran else "C")


def _header(file: IO[bytes], name: str) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
    """The type, the shape, and whether the first axis runs fastest."""
    damaged = IsolossError(f"{name} is damaged: its header does not describe an array")
    version = file.read(2)
    size = int.from_bytes(file.read(2 if version[:1] == b"\1" else 4), "little")
    if len(version) < 2 or version[0] not in (1, 2, 3) or size > _LONGEST_HEADER:
        raise damaged
    text = file.read(size).decode("utf-8" if version[0] == 3 else "latin-1", "replace")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged text may look like doubtful Python
            said: Any = ast.literal_eval(text.strip("\0 \n"))
            shape, is_fortran = said["shape"], said["fortran_order"]
            dtype = np.lib.format.descr_to_dtype(said["descr"])
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError) as error:
        raise damaged from error
    if not isinstance(shape, tuple) or not isinstance(is_fortran, bool):
        raise damaged
    lengths = cast("tuple[Any, ...]", shape)
    if len(lengths) > 32 or not all(type(n) is int and n >= 0 for n in lengths):
        raise damaged
    return dtype, lengths, is_fortran


def _read(file: IO[bytes], size: int, name: str) -> bytes:
    """What is left of `file`, which is to be `size` bytes; no more is read than it has."""
    data = bytearray()
    while len(data) <= size and (piece := file.read(min(size + 1 - len(data), 1 << 24))):
        data += piece
    if len(data) != size:
        less = "cut short" if len(data) < size else "damaged"
        raise IsolossError(f"{name} is {less}: its header promises {size:,} bytes of data")
    return bytes(data)
