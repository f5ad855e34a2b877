"""Keeps a library in step with the disk beside the window's frames."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from isoloss.jobs.devices import gpu_memory
from isoloss.library.library import Library

PERIOD = 3.0
"""Seconds between two scans, at least."""
_SHARE = 0.25
"""Of the interpreter that a scan takes: the rest is for frames."""
_CHUNK = 0.001
"""Seconds of work after which it pauses."""

Work = Callable[[Callable[[], object]], object]
"""What is done beside the frames; it calls what it is given now and then, to pause there."""


class LibraryWatch:
    """Scans a library now and then: in a thread of its own once that is started, else when asked.

    Args:
        library: whose entries are exchanged whole, so that frames may read them at any time.

    Attributes:
        gpu: the bytes of GPU memory that each process holds, by its id.
    """

    def __init__(self, library: Library) -> None:
        self.library = library
        self.gpu: dict[int, int] = {}
        self._thread: threading.Thread | None = None
        self._asked, self._ended = threading.Event(), False
        self._is_due = False
        self._errands = queue.SimpleQueue[Work]()

    def start(self) -> None:
        """Scan in a thread from now on."""
        self._thread = threading.Thread(target=self._go_on, name="library", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Scan now; in the thread, as soon as it can."""
        if self._thread is None:
            self.library.scan()
        else:
            self._is_due = True
            self._asked.set()

    def soon(self, work: Work) -> None:
        """Do something else in the thread, before a scan goes on; where there is none, at once."""
        if self._thread is None:
            work(lambda: None)
        else:
            self._errands.put(work)
            self._asked.set()

    def keep_up(self) -> None:
        """Scan where no thread does."""
        if self._thread is None:
            self.library.scan()

    def stop(self) -> None:
        """Keep what was read, and scan no more."""
        if self._thread is not None:
            self._ended = True
            self._asked.set()
            self._thread.join(2.0)
            self._thread = None
            self.library.keep()

    def _go_on(self) -> None:
        while not self._ended:
            began = time.monotonic()
            self._is_due = False
            pace = _Pace(self._run_errands)
            self.library.scan(pace.pause)
            self.library.keep(pace.pause)
            self.gpu = gpu_memory()
            due = time.monotonic() + max(PERIOD, 4 * (time.monotonic() - began))
            while not (self._ended or self._is_due) and (left := due - time.monotonic()) > 0:
                self._run_errands()
                self._asked.wait(left)
                self._asked.clear()

    def _run_errands(self) -> None:
        while not self._errands.empty():
            self._errands.get()(_Pace().pause)


class _Pace:
    """Lets others have the interpreter for the larger part of the time."""

    def __init__(self, first: Callable[[], object] = lambda: None) -> None:
        """Args: first: what is done before each pause."""
        self._first = first
        self._since = time.perf_counter()

    def pause(self) -> None:
        """Sleep in proportion to what was worked since the last pause."""
        self._first()
        worked = time.perf_counter() - self._since
        if worked > _CHUNK:
            time.sleep(worked * (1 / _SHARE - 1))
            self._since = time.perf_counter()
