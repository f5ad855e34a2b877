"""Interrupts that wait until what must not be cut in two is done, and that do not get lost."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

PATIENCE = 2.0
"""Seconds that an interrupt waits at most."""


class Interrupts:
    """While entered, an interrupt that comes inside `with interrupts.held` waits for its end.

    A second one does not wait, nor one that has waited for `PATIENCE`. Elsewhere than on the main
    thread, which alone hears interrupts, there is nothing to be held.

    Where Python calls back (a destructor, a weak reference's end), it prints what is raised and
    goes on: an interrupt that came there is raised again by `raise_lost`.
    """

    def __init__(self) -> None:
        self.held = _Held()
        self._before: dict[int, Any] = {}
        self._raised: BaseException | None = None

    def raise_lost(self) -> None:
        """Raise what an interrupt has raised, if we are still here."""
        if self._raised is not None:
            raise self._raised

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
                number = getattr(signal, name, None)
                if number is not None and callable(before := signal.getsignal(number)):
                    self._before[number] = before
                    signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            if signal.getsignal(number) == self._take:  # else somebody has chosen another since
                signal.signal(number, before)

    def _take(self, number: int, frame: FrameType | None) -> None:
        def act() -> None:
            try:
                self._before[number](number, frame)
            except BaseException as error:
                self._raised = error
                raise

        if not self.held.hold(act):
            act()
            return
        threading.Thread(target=self._insist, args=[number], daemon=True).start()

    def _insist(self, number: int) -> None:
        time.sleep(PATIENCE)
        if self.held.waiting is not None:
            interrupt_main_thread(number)


class _Held:
    """What must not be cut in two.

    Attributes:
        waiting: what an interrupt that waits is to do.
    """

    def __init__(self) -> None:
        self.waiting: Callable[[], object] | None = None
        self._is_held = False

    def hold(self, act: Callable[[], object]) -> bool:
        """Let `act` wait; returns whether it does, or is to be done now."""
        waits = self._is_held and self.waiting is None
        self.waiting = act if waits else None
        return waits

    def __enter__(self) -> None:
        self._is_held = True

    def __exit__(self, *_: object) -> None:
        self._is_held = False
        act, self.waiting = self.waiting, None
        if act is not None:
            act()


def interrupt_main_thread(number: int = signal.SIGINT) -> None:
    """Let the main thread be interrupted as by a signal that comes from outside."""
    if sys.platform == "win32":
        import _thread

        _thread.interrupt_main(number)
    else:
        signal.pthread_kill(threading.main_thread().ident or 0, number)
