"""A process of the program's own: begun so that Ctrl+C in our terminal is not Ctrl+C for it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from isoloss.errors import IsolossError
from isoloss.system.priority import begun_behind, put_behind

_IS_WINDOWS = sys.platform == "win32"


def spawn(arguments: Sequence[str], *, nice: bool = False, **options: Any) -> subprocess.Popen[Any]:
    """Begin `python -m isoloss` with `arguments`; `options` are those of `subprocess.Popen`.

    Args:
        nice: whether it leaves the processors to others, our own process first of all.

    Raises:
        IsolossError: if it cannot be started.
    """
    group = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) if _IS_WINDOWS else 0
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "isoloss", *arguments],
            stdin=subprocess.DEVNULL,
            start_new_session=not _IS_WINDOWS,
            creationflags=group | (begun_behind() if nice else 0),
            **options,
        )
    except OSError as error:
        raise IsolossError(f"cannot start a job: {error}") from error
    if nice:
        put_behind(process.pid)
    return process


def ask_to_stop(process: subprocess.Popen[Any]) -> None:
    """Interrupt a process, which may still put its things in order; nothing if it has ended."""
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        with suppress(OSError):  # where we have no console, it hears nothing
            process.send_signal(signal.CTRL_BREAK_EVENT)
    else:
        process.terminate()
