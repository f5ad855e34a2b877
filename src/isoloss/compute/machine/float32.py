"""How an NVIDIA GPU rounds products of single precision: two sets of switches in PyTorch.

The new ones, `fp32_precision`, are set for all, for CUDA, or for one kind of product; what has not
been told itself follows what stands above it. The old ones, `allow_tf32` and
`float32_matmul_precision`, set the new ones too, but not the other way round: once they disagree,
reading the old ones raises, and so do `torch.backends.cudnn.flags` and `torch.compile`, which do.
(`aten/src/ATen/Context.cpp`)
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch

_ALL: Any = torch.backends
_CUDA, _MATRICES, _ON_CPU = _ALL.cudnn, _ALL.cuda.matmul, _ALL.mkldnn.matmul
_PRODUCTS = (_MATRICES, _CUDA.conv, _CUDA.rnn)


@contextmanager
def float32_products(rounding: str) -> Generator[None]:
    """Products are "ieee" or "tf32" inside, and old switches that could be read still can be.

    Afterwards all say what they said, and follow what they followed. PyTorch lets nobody put back
    one thing, and its own `cudnn.flags` does not: that convolutions have never been told anything.
    """
    with (
        _new_kept(_ALL, _ALL.fp32_precision, (_CUDA, _ON_CPU)) as (of_cuda, _),
        _new_kept(_CUDA, of_cuda, _PRODUCTS),
        _old_set(tf32=rounding == "tf32"),
    ):
        for switch in (_CUDA, *_PRODUCTS):
            if switch.fp32_precision != rounding:
                switch.fp32_precision = rounding
        yield


@contextmanager
def _new_kept(above: Any, told: str, switches: Sequence[Any]) -> Generator[list[str]]:
    """Afterwards `switches` are as they were, below one that has been `told` so itself."""
    said, own = [switch.fp32_precision for switch in switches], _own(above, told, switches)
    try:
        yield own
    finally:
        now = _own(above, told, switches)
        for switch, is_told, was_told, was in zip(switches, now, own, said, strict=True):
            if is_told != was_told:
                switch.fp32_precision = was_told
            if switch.fp32_precision != was:
                switch.fp32_precision = was


def _own(above: Any, told: str, switches: Sequence[Any]) -> list[str]:
    """What `switches` have been told themselves; "none" where they follow the one above."""
    found: list[list[str]] = []
    for trial in ("ieee", "tf32"):
        above.fp32_precision = trial
        found.append([switch.fp32_precision for switch in switches])
    above.fp32_precision = told
    return [one if one == other else "none" for one, other in zip(*found, strict=True)]


@contextmanager
def _old_set(*, tf32: bool) -> Generator[None]:
    """Where they can be read, which they cannot once somebody has mixed the two."""
    convolutions, matrices = _old_of_convolutions(), _old_of_matrices()
    if convolutions not in (None, tf32):
        _CUDA.allow_tf32 = tf32
    if matrices == "highest" and tf32:
        _MATRICES.allow_tf32 = True
    elif matrices in ("high", "medium") and not tf32:
        torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        if convolutions not in (None, _old_of_convolutions()):
            _CUDA.allow_tf32 = convolutions
        if matrices not in (None, _old_of_matrices()):
            torch.set_float32_matmul_precision(matrices)


def _old_of_convolutions() -> bool | None:
    with suppress(RuntimeError):
        return _CUDA.allow_tf32
    return None


def _old_of_matrices() -> str | None:
    with suppress(RuntimeError):
        if not _MATRICES.allow_tf32:
            return "highest"  # of which the other switch says nothing where those of CPUs disagree
        return torch.get_float32_matmul_precision()
    return None
