"""Hashes of what a script has at hand: values, and code as far as it can be seen."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from types import CodeType
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

# Deeper, or in circles, nothing is looked at.
_DEEPEST = 8


def digest_of(*values: Any) -> str:
    """SHA-256 over values of any kind, tensors and arrays by what they hold."""
    sha = hashlib.sha256()
    for piece in _pieces(values, 0):
        sha.update(piece)
    return sha.hexdigest()


def digest_of_network(model: nn.Module) -> str:
    """Of a network without its tensors: its modules, and the code of each type of them."""
    # Of a scripted module the class says nothing of what it computes.
    scripted = [m for m in model.modules() if isinstance(m, torch.jit.ScriptModule)]
    kinds = {type(module) for module in model.modules()} - {type(m) for m in scripted}
    code = sorted(f"{kind.__qualname__} {digest_of_code(kind.forward)}" for kind in kinds)
    code += [getattr(module, "code", "") for module in scripted]
    return digest_of(_without_addresses(repr(model)), code)


def digest_of_code(function: Callable[..., Any] | None) -> str:
    """Of a function's code, or of what an object does when it is called; not of what it refers to
    by name."""
    is_plain = hasattr(function, "__code__") or not callable(function)
    called = function if is_plain else type(function).__call__
    return digest_of(type(function).__qualname__, getattr(called, "__code__", None))


def bytes_of(tensor: Tensor) -> memoryview:
    """What a tensor of any type holds, also of those that NumPy has not."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data


def _pieces(value: Any, depth: int) -> Iterable[bytes | memoryview]:
    """What `value` is, piece by piece."""
    if isinstance(value, Tensor):
        yield f"{value.dtype}{tuple(value.shape)}".encode()
        yield bytes_of(value)
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        yield f"{value.dtype}{value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, str | bytes | int | float | complex | None):
        yield f"{type(value).__name__} {value!r};".encode()
    elif depth > _DEEPEST:
        yield type(value).__qualname__.encode()
    elif isinstance(value, CodeType):
        yield value.co_code
        yield from _pieces((value.co_consts, value.co_names), depth + 1)
    elif isinstance(value, Mapping):
        for key, each in cast("Mapping[Any, Any]", value).items():
            yield from _pieces((key, each), depth + 1)
        yield b"}"
    elif isinstance(value, set | frozenset):
        yield repr(sorted(map(repr, cast("set[Any]", value)))).encode()
    elif isinstance(value, list | tuple):
        for each in cast("list[Any]", value):
            yield from _pieces(each, depth + 1)
        yield b"]"
    else:
        yield type(value).__qualname__.encode()
        yield from _pieces(getattr(value, "__dict__", {}), depth + 1)


def _without_addresses(text: str) -> str:
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)
