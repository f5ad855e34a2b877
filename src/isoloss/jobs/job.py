"""A job: a process that carries out runs, followed through their folders."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.run_folder import JOB_LOG


class Job:
    """A spawned `python -m isoloss run DIR…`.

    It owns nothing of this process: killing it leaves us alive, and it goes on when we end.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        """Spawn a process that carries out the runs in `folders`, one after the other.

        What it prints goes to `job.log` in the last folder.

        Raises:
            IsolossError: if it cannot be started.
        """
        self.folders = tuple(folders)
        command = [sys.executable, "-m", "isoloss", "run", "--json", *map(str, folders)]
        # Its own process group: Ctrl+C in our terminal is not Ctrl+C for it.
        windows = sys.platform == "win32"
        flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) if windows else 0
        try:
            with (self.folders[-1] / JOB_LOG).open("ab") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    start_new_session=not windows,
                    creationflags=flags,
                )
        except OSError as error:
            raise IsolossError(f"cannot start a job: {error}") from error

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    def cancel(self) -> None:
        """Ask it to stop; it leaves its run paused, to be resumed."""
        if self._process.poll() is None:
            if sys.platform == "win32":
                self._process.send_signal(signal.CTRL_BREAK_EVENT)
            else:
                self._process.terminate()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; returns the exit code."""
        return self._process.wait(timeout)
