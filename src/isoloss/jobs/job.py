"""A job: a process that carries out runs, followed through their folders."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.jobs.process import ask_to_stop, spawn
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
        try:
            log = (self.folders[-1] / JOB_LOG).open("ab")
        except OSError as error:
            raise IsolossError(f"cannot start a job: {error}") from error
        with log:
            self._process = spawn(
                ["run", "--json", *map(str, folders)], stdout=subprocess.DEVNULL, stderr=log
            )

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
        ask_to_stop(self._process)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; returns the exit code."""
        return self._process.wait(timeout)
