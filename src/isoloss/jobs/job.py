"""A job: a process that carries out runs, followed through their folders."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.jobs.process import ask_to_stop, spawn
from isoloss.run_folder import JOB_LOG, STOP

_LAST = 4096
"""Bytes of what it printed that are read for its last word."""


class Job:
    """A spawned `python -m isoloss run DIR…`.

    It owns nothing of this process: killing it leaves us alive, and it goes on when we end.
    """

    def __init__(self, folders: Sequence[Path], *, nice: bool = False) -> None:
        """Spawn a process that carries out the runs in `folders`, one after the other.

        What it prints goes to `job.log` in the last folder.

        Args:
            nice: whether it leaves the processors to others.

        Raises:
            IsolossError: if it cannot be started.
        """
        self.folders = tuple(folders)
        self.log_path = self.folders[-1] / JOB_LOG
        try:
            log = self.log_path.open("ab")
        except OSError as error:
            raise IsolossError(f"cannot start a job: {error}") from error
        with log:
            self._log_began = log.seek(0, os.SEEK_END)
            words = ["run", "--json", *map(str, folders)]
            self._process = spawn(words, nice=nice, stdout=subprocess.DEVNULL, stderr=log)

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
        if sys.platform == "win32":
            for folder in self.folders:
                with suppress(OSError):
                    (folder / STOP).touch()
        ask_to_stop(self._process)

    def end(self) -> None:
        """End it at once; what was not on disk is done again."""
        self._process.kill()

    @property
    def last_word(self) -> str:
        """What it has said last, in a line; "" if it has said nothing."""
        try:
            with self.log_path.open("rb") as log:
                log.seek(max(self._log_began, log.seek(0, os.SEEK_END) - _LAST))
                said = log.read().decode("utf-8", errors="replace").strip()
        except OSError:
            return ""
        return said.splitlines()[-1].removeprefix("isoloss: ") if said else ""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; returns the exit code."""
        return self._process.wait(timeout)
