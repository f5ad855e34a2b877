"""`package.module:function`: functions of the user's own, by name."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from isoloss.errors import IsolossError

_imported: set[str] = set()


def import_user_function(name: str) -> Callable[..., Any]:
    """Import what `name` names, looking in the working folder too.

    Raises:
        IsolossError: if there is no such module or function, or importing it fails.
    """
    module_name, _, function_name = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise IsolossError(
            f"cannot import {name}: {error}; run isoloss in the folder that contains it"
        ) from error
    except Exception as error:
        raise IsolossError(f"importing {module_name} failed: {_one_line(error)}") from error
    _imported.add(module_name.partition(".")[0])
    function = getattr(module, function_name, None)
    if function is None:
        raise IsolossError(f"there is no {function_name!r} in {module_name}")
    if not callable(function):
        raise IsolossError(f"{name} is not a function")
    return function


def is_of_users(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, as one of the user's own that was not imported here: what goes wrong in its
    module is theirs (`where_users_code_failed`)."""
    own: Any = function
    while hasattr(own, "func"):  # functools.partial
        own = own.func
    module = getattr(own, "__module__", None) or type(own).__module__
    root = str(module).partition(".")[0]
    if root != __name__.partition(".")[0]:
        _imported.add(root)
    return function


def call_user_function(name: str, **arguments: Any) -> Any:
    """Import and call it.

    Raises:
        IsolossError: if it cannot be imported, or fails.
    """
    function = import_user_function(name)
    try:
        return function(**arguments)
    except IsolossError:
        raise
    except Exception as error:
        raise IsolossError(f"{name} failed: {_one_line(error)}") from error


def where_users_code_failed(error: BaseException) -> str | None:
    """The place in modules imported by `import_user_function` that `error` came through last, and
    what it says; None if it came through none of them."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if str(frame.f_globals.get("__name__")).partition(".")[0] in _imported:
            code = frame.f_code
            place = f"{Path(code.co_filename).name}, line {line}, in {code.co_name}"
            return f"{place}: {_one_line(error)}"
    return None


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
