"""`package.module:function`: functions of the user's own, by name."""

from __future__ import annotations

import importlib
import inspect
import sys
import sysconfig
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from isoloss.errors import IsolossError
from isoloss.naming import in_one_line
from isoloss.shortening import cited

_imported: set[str] = set()
_INSTALLED = (
    str(Path(__file__).parents[2]),
    *{sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")},
    "<frozen", "<eval_with_key",
)  # fmt: skip
"""How the names of files begin whose code is not the user's: ours, libraries', and generated."""


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
        raise IsolossError(f"importing {module_name} failed: {one_line(error)}") from error
    _imported.add(module_name.partition(".")[0])
    function = getattr(module, function_name, None)
    if function is None:
        raise IsolossError(f"there is no {function_name!r} in {module_name}")
    if not callable(function):
        raise IsolossError(f"{name} is not a function")
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
        raise IsolossError(f"{name} failed: {one_line(error)}") from error


def text_of_module(name: str) -> str | None:
    """The text of the module of package.module:function that was imported, where it has one."""
    with suppress(OSError, TypeError, KeyError):
        return inspect.getsource(sys.modules[name.partition(":")[0]])
    return None


def name_of(function: object) -> str:
    """What a function is called; a `functools.partial` and the like by their class."""
    return str(getattr(function, "__name__", type(function).__name__))


def where_users_code_failed(error: BaseException) -> str | None:
    """The place in the user's own code that `error` came through last, and what it says; None if it
    came through none: modules imported by `import_user_function`, and what is not installed."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        code = frame.f_code
        imported = str(frame.f_globals.get("__name__")).partition(".")[0] in _imported
        installed = "site-packages" in code.co_filename  # of another environment on the path too
        if imported or not (installed or code.co_filename.startswith(_INSTALLED)):
            place = f"{Path(code.co_filename).name}, line {line}, in {code.co_name}"
            return f"{place}: {one_line(error)}"
    return None


def one_line(error: BaseException) -> str:
    """What an error is and says, in one line of at most 200 characters."""
    text = in_one_line(error)
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return cited(said, 200)
