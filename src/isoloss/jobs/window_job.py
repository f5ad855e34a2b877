"""A window: a process that shows files and run folders while a script goes on."""

from __future__ import annotations

import atexit
import os
from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree

from isoloss.jobs.process import ask_to_stop, spawn


class WindowJob:
    """A spawned `python -m isoloss view …`; it stays when this process ends."""

    def __init__(self, paths: Sequence[Path], passing: Path) -> None:
        """Open a window on `paths`.

        Args:
            passing: the folder of those that are for this window alone, which goes with it.

        Raises:
            IsolossError: if the process cannot be started.
        """
        # Our own choice of platform may be for pictures.
        environment = {k: v for k, v in os.environ.items() if k != "PYOPENGL_PLATFORM"}
        words = ["view", "--passing", str(passing), *map(str, paths)]
        self._process = spawn(words, env=environment)
        self._passing = passing
        atexit.register(self._tidy)

    def __repr__(self) -> str:
        return f"<Window: {'open' if self.is_open else 'closed'}>"

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    @property
    def is_open(self) -> bool:
        """Whether it is still open."""
        return self._process.poll() is None

    def close(self) -> None:
        """Close it."""
        ask_to_stop(self._process)
        self.wait()

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it is closed; returns the exit code."""
        code = self._process.wait(timeout)
        self._tidy()
        return code

    def _tidy(self) -> None:
        """Remove what was for a window that is closed; one that stays does that itself."""
        if not self.is_open:
            rmtree(self._passing, ignore_errors=True)
