"""How large a file would be: it is written out of sight, and its size is read."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.jobs.render_job import RenderJob

Write = Callable[[Path], Sequence[str]]
"""Writes what is shown into a folder; gives the arguments of `isoloss export` that say what of it
is exported, and how."""

PATIENCE = 5.0
"""Seconds that the window waits for a process that it has ended."""


class SizePreview:
    """The size of one file at a time, worked out by a process of its own, which a thread starts.

    Attributes:
        wanted: what the size is of: a value that tells one file from another; None for nothing.
    """

    def __init__(self) -> None:
        self.wanted: object = None
        self._attempt: _Attempt | None = None

    @property
    def size(self) -> int | None:
        """Bytes of all files that would be written; None until it is known."""
        return None if self._attempt is None else self._attempt.size

    @property
    def problem(self) -> str:
        """Why it cannot be written, in one line; "" if nothing is known against it."""
        return "" if self._attempt is None else self._attempt.problem

    @property
    def is_under_way(self) -> bool:
        """Whether it is still being worked out."""
        return self._attempt is not None and self.size is None and not self.problem

    def want(self, what: object, name: str, write: Write) -> None:
        """Begin to work out how large the file `name` is, unless that is known or under way."""
        if what == self.wanted:
            return
        self.end()
        self.wanted, self._attempt = what, _Attempt(name, write)

    def end(self) -> None:
        """Give up what is under way, and forget the size."""
        if self._attempt is not None:
            self._attempt.cancel()
        self.wanted = self._attempt = None

    def close(self) -> None:
        """As `end`, once what was written is gone: the window closes."""
        attempt = self._attempt
        self.end()
        if attempt is not None:
            attempt.thread.join(PATIENCE)


class _Attempt:
    """One file on its way to being written and thrown away."""

    def __init__(self, name: str, write: Write) -> None:
        self.size: int | None = None
        self.problem = ""
        self._lock = threading.Lock()
        self._job: RenderJob | None = None
        self._cancelled = False
        self.thread = threading.Thread(target=self._run, args=(name, write), daemon=True)
        self.thread.start()

    def cancel(self) -> None:
        """End it; what it has written is removed."""
        with self._lock:
            self._cancelled = True
            if self._job is not None:
                self._job.cancel()

    def _run(self, name: str, write: Write) -> None:
        folder = None
        try:
            folder = Path(tempfile.mkdtemp(prefix="isoloss-"))
            out = folder / "out" / name
            out.parent.mkdir()
            arguments = [*write(folder), "--out", str(out)]
            with self._lock:
                if self._cancelled:
                    return
                self._job = RenderJob(arguments, out, "export", nice=True)
            if self._job.wait() != 0:
                self.problem = self._job.problem or "it was not written"
            else:
                self.size = sum(file.stat().st_size for file in out.parent.iterdir())
        except OSError as error:
            self.problem = f"cannot write it to see: {error.strerror or error}"
        except IsolossError as error:
            self.problem = str(error)
        finally:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
