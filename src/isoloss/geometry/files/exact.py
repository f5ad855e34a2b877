"""Numbers from files, exactly or not at all; how many are taken."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.geometry.arrays import Array

MOST_CELLS = 1 << 26
"""The most points of a surface that are read: more would not fit what it is drawn with."""
EXACT = 1 << 53
"""The largest whole number below which double precision holds all of them."""

_KINDS = {
    "c": "complex numbers",
    "O": "pickled Python objects, which are not read",
    "U": "text",
    "S": "text",
    "V": "records",
    "M": "dates",
    "m": "durations",
}


def reals(values: NDArray[Any], name: str) -> Array:
    """`values` in double precision.

    Raises:
        IsolossError: if they are no real numbers, or double precision does not hold them; `name`
            says what they are.
    """
    if values.dtype.kind not in "biuf":
        held = _KINDS.get(values.dtype.kind, str(values.dtype))
        raise IsolossError(f"{name} holds {held}: real numbers are read")
    with np.errstate(all="ignore"):
        doubles = values.astype(np.float64)
        doubles *= 1.0  # a NaN that would warn wherever it is used warns here
        if values.dtype.itemsize >= 8 and values.dtype != np.float64:
            back = doubles.astype(values.dtype)
            if not ((back == values) | (values != values)).all():
                raise IsolossError(f"{name} holds numbers beyond double precision")
    return doubles


def counts(values: NDArray[Any], name: str = "count") -> NDArray[np.int64]:
    """`values` as whole numbers; whether they are negative is not looked at.

    Raises:
        IsolossError: if some are fractions, not finite, or beyond 64 bits.
    """
    if values.dtype.kind == "f":
        doubles = reals(values, name)
        if not ((doubles == np.floor(doubles)) & (np.abs(doubles) <= EXACT)).all():
            raise IsolossError(f"{name} holds numbers that are not whole")
        return doubles.astype(np.int64)
    if values.dtype.kind not in "biu":
        reals(values, name)
    whole = values.astype(np.int64)
    if values.dtype.kind == "u" and (whole < 0).any():
        raise IsolossError(f"{name} holds numbers beyond 64 bits")
    return whole
