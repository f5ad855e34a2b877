"""A trial: a process that does a part of a run for a second, and says what the whole will take."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from isoloss.jobs.process import ask_to_stop, spawn


class TrialJob:
    """A spawned `python -m isoloss VERB … --estimate`."""

    def __init__(self, words: Sequence[str]) -> None:
        """Spawn it.

        Args:
            words: what asks for the run on a command line, the verb first.

        Raises:
            IsolossError: if it cannot be started.
        """
        self._process: subprocess.Popen[str] = spawn(
            [*words, "--estimate", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        self._said: tuple[str, str] | None = None

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    @property
    def found(self) -> tuple[float, int] | None:
        """(seconds, bytes) that the whole will take; None if it has failed. Waits for its end."""
        try:
            said = json.loads(self._all[0])
            return float(said["seconds"]), int(said["memory"])
        except (ValueError, KeyError, TypeError):
            return None

    @property
    def problem(self) -> str:
        """Why it has failed, in one line. Waits for its end."""
        lines = self._all[1].strip().splitlines()
        return lines[-1].removeprefix("isoloss: ") if lines else "the trial was stopped"

    @property
    def _all(self) -> tuple[str, str]:
        if self._said is None:
            self._said = self._process.communicate()
        return self._said

    def cancel(self) -> None:
        """Ask it to stop."""
        ask_to_stop(self._process)
