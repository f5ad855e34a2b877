"""A render: a process that draws a picture, a figure or a movie, and reports how far it is."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from isoloss.events import Event, Log, Progress, from_line
from isoloss.jobs.process import ask_to_stop, spawn


class RenderJob:
    """A spawned `python -m isoloss render …`.

    It ends with this process: a movie nobody waits for is not drawn on. Cancelled, it leaves
    nothing half-written.

    Attributes:
        out: what was asked for.
        written: what has been written, once it has; frames in a folder where there is no ffmpeg.
        progress: of a movie; None before its first frame, and for pictures.
        said: what it had to say besides.
        cancelled: whether it was asked to stop.
    """

    def __init__(
        self, arguments: Sequence[str], out: Path, verb: str = "render", *, nice: bool = False
    ) -> None:
        """Spawn `isoloss render`, or another `verb`, with `arguments`.

        Args:
            nice: whether it leaves the processors to others.

        Raises:
            IsolossError: if it cannot be started.
        """
        self.out = out
        self.written: Path | None = None
        self.progress: Progress | None = None
        self.said: list[str] = []
        self.cancelled = False
        self._complaints: list[str] = []
        # Our own choice of platform is for windows; the job needs none.
        environment = {k: v for k, v in os.environ.items() if k != "PYOPENGL_PLATFORM"}
        self._process = spawn(
            [verb, *arguments, "--json"],
            nice=nice,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=environment,
        )
        self._readers = [
            threading.Thread(target=read, daemon=True) for read in (self._listen, self._collect)
        ]
        for reader in self._readers:
            reader.start()

    @property
    def exit_code(self) -> int | None:
        """None while it runs, or while there is more of it to be read."""
        code = self._process.poll()
        if code is not None:
            for reader in self._readers:
                reader.join(1.0)
        return code

    @property
    def problem(self) -> str:
        """Why it failed, in one line; "" if it has not."""
        code = self.exit_code
        if code in (None, 0) or self.cancelled:
            return ""
        last = self._complaints[-1] if self._complaints else f"it ended with exit code {code}"
        return last.removeprefix("isoloss: ")

    def cancel(self) -> None:
        """Ask it to stop."""
        self.cancelled = True
        ask_to_stop(self._process)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; returns the exit code."""
        code = self._process.wait(timeout)
        for reader in self._readers:
            reader.join(1.0)
        return code

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                stamped = from_line(line)
                if stamped is not None:
                    self._take(stamped[1])

    def _take(self, event: Event) -> None:
        match event:
            case Progress():
                self.progress = event
            case Log(message) if message.startswith("wrote "):
                self.written = Path(message.removeprefix("wrote "))
            case Log(message):
                self.said.append(message)
            case _:
                pass

    def _collect(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            self._complaints += [line.strip() for line in lines if line.strip()]
