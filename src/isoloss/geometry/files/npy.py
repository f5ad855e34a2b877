"""NumPy's .npy: a matrix of losses, read only."""

from __future__ import annotations

from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.geometry.files.array_file import read_array
from isoloss.geometry.files.named import surface_of_arrays, surface_of_matrix
from isoloss.geometry.surface import Surface


def load_npy(path: Path) -> Surface:
    """The surface whose losses (A, B) an array holds, or the curve of (A,).

    An array says no coordinates: α and β are the numbers of its rows and columns, which is noted.
    One of records has what its fields are called.

    Raises:
        IsolossError: it is damaged, or no array of real numbers with one axis or two.
    """
    try:
        with path.open("rb") as file:
            array = read_array(file, str(path))
    except OSError as error:
        raise IsolossError(f"cannot read {path}: {error.strerror or error}") from error
    meta = {"title": path.stem}
    if array.dtype.names:
        return surface_of_arrays({name: array[name] for name in array.dtype.names}, meta)
    return surface_of_matrix(array, meta)
