"""Hashes of what a script has at hand: values, and code as far as it can be seen."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

# Deeper, or in circles, nothing is looked at.
_DEEPEST = 8
_PLAIN = str | bytes | int | float | complex | Tensor | np.ndarray


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
    """Of a function's code and what it is bound to (arguments, variables around it, numbers and
    functions of its own module), or of what an object does when it is called, and holds."""
    is_plain = hasattr(function, "__code__") or not callable(function)
    called = function if is_plain else type(function).__call__
    if isinstance(function, nn.Module):
        called = type(function).forward
    code = getattr(called, "__code__", None)
    return digest_of(type(function).__qualname__, code, *_bound_to(function))


def _bound_to(function: Any) -> list[Any]:
    """What the results of a call depend on beside its code and its arguments."""
    if isinstance(function, MethodType):
        return [function.__self__, *_bound_to(function.__func__)]
    if isinstance(function, partial):
        return [function.func, function.args, function.keywords]
    if not isinstance(function, FunctionType):
        return [] if function is None else [function]
    around = [_content(cell) for cell in function.__closure__ or ()]
    named = {k: function.__globals__.get(k) for k in sorted(function.__code__.co_names)}
    own = {k: v for k, v in named.items() if isinstance(v, _PLAIN) or _is_of(function, v)}
    return [x for x in (around, function.__defaults__, function.__kwdefaults__, own) if x]


def _is_of(function: FunctionType, other: Any) -> bool:
    return isinstance(other, FunctionType) and other.__module__ == function.__module__


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet assigned
        return None


def _of_module(module: nn.Module) -> Iterable[Any]:
    """What a module holds, but for the mode that it is in."""
    for name, part in module.named_modules():
        held = {k: v for k, v in vars(part).items() if isinstance(v, _PLAIN) and k != "training"}
        yield name, type(part).__qualname__, held
    yield module.state_dict()


def bytes_of(tensor: Tensor) -> memoryview:
    """What a tensor of any type holds, also of those that NumPy has not."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data


def _pieces(value: Any, depth: int, seen: set[int] | None = None) -> Iterable[bytes | memoryview]:
    """What `value` is, piece by piece; an object that comes again, by its type alone."""
    seen = set() if seen is None else seen
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
        yield from _pieces((value.co_consts, value.co_names), depth + 1, seen)
    elif isinstance(value, Mapping):
        for key, each in cast("Mapping[Any, Any]", value).items():
            yield from _pieces((key, each), depth + 1, seen)
        yield b"}"
    elif isinstance(value, set | frozenset):
        yield repr(sorted(map(repr, cast("set[Any]", value)))).encode()
    elif isinstance(value, list | tuple):
        for each in cast("list[Any]", value):
            yield from _pieces(each, depth + 1, seen)
        yield b"]"
    else:
        yield getattr(value, "__qualname__", type(value).__qualname__).encode()
        if isinstance(value, type) or id(value) in seen:
            return
        seen.add(id(value))
        if isinstance(value, nn.Module):
            held: Any = list(_of_module(value))
        elif isinstance(value, FunctionType | MethodType | partial):
            held = [getattr(value, "__code__", None), *_bound_to(value)]
        else:
            held = getattr(value, "__dict__", {})
        yield from _pieces(held, depth + 1, seen)


def _without_addresses(text: str) -> str:
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)
