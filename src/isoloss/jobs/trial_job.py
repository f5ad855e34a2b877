"""A trial: a process that does a part of a run for a second, and says what the whole will take."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Sequence

from isoloss.jobs.process import ask_to_stop, spawn


class TrialJob:
    """A spawned `python -m isoloss VERB … --estimate`."""

    def __init__(self, words: Sequence[str], *, nice: bool = False) -> None:
        """Spawn it.

        Args:
            words: what asks for the run on a command line, the verb first.
            nice: whether it leaves the processors to others.

        Raises:
            IsolossError: if it cannot be started.
        """
        self._process: subprocess.Popen[str] = spawn(
            [*words, "--estimate", "--json"],
            nice=nice,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        self._said = ("", "")
        # Read as it comes: a network that prints would wait for a reader, and never end.
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def _listen(self) -> None:
        self._said = self._process.communicate()

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""
        return not self._reader.is_alive()

    @property
    def found(self) -> tuple[float, int] | None:
        """(seconds, bytes) that the whole will take; None if it has failed. Waits for its end."""
        try:
            said = json.loads(self._lines(0)[-1])
            return float(said["seconds"]), int(said["memory"])
        except (ValueError, LookupError, TypeError):
            return None

    @property
    def problem(self) -> str:
        """Why it has failed, in one line. Waits for its end."""
        lines = self._lines(1)
        return lines[-1].removeprefix("isoloss: ") if lines else "the trial was stopped"

    def _lines(self, stream: int) -> list[str]:
        """What it has printed in the end, or complained of."""
        self._reader.join()
        return self._said[stream].strip().splitlines()

    def cancel(self) -> None:
        """Ask it to stop."""
        ask_to_stop(self._process)
