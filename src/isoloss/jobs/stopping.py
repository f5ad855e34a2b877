"""Stopping whoever is at work on a run: asked by a signal where that can be heard, else by a file;
or at once, without being asked."""

from __future__ import annotations

import os
import platform
import signal
import sys

from isoloss.errors import IsolossError
from isoloss.run import Run

_IS_WINDOWS = sys.platform == "win32"


def ask_process(run: Run, pid: int, host: str) -> None:
    """Ask the process that is at work on `run` to leave it paused.

    Args:
        pid, host: which process on which machine, as the run's own events say; "" if these do not.

    Raises:
        IsolossError: if it cannot be asked.
    """
    try:
        if _IS_WINDOWS or not is_here(host):  # a signal would end it there and then, or another
            run.stop_path.touch()
        else:
            # A script is to go on, or a notebook, with what there is; what is asked to end, ends.
            os.kill(pid, signal.SIGINT if run.settings.is_from_python else signal.SIGTERM)
    except OSError as error:
        raise IsolossError(f"cannot stop {run.name}: {error.strerror}") from error


def end_process(run: Run, pid: int, host: str) -> None:
    """End the process that is at work on `run` at once; what was not on disk is done again.

    Raises:
        IsolossError: if it is on another machine, or the system refuses.
    """
    if not is_here(host):
        raise IsolossError(f"cannot end the job of {run.name} at once: it is on {host}")
    try:
        os.kill(pid, signal.SIGTERM if _IS_WINDOWS else signal.SIGKILL)
    except OSError as error:
        raise IsolossError(f"cannot end the job of {run.name}: {error.strerror}") from error


def is_here(host: str) -> bool:
    """Whether that is the name of this machine, or nobody has said which it is."""
    return host in ("", platform.node())
