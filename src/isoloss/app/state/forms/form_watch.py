"""Looks at what is typed into forms beside the window's frames."""

from __future__ import annotations

import threading
from collections.abc import Callable

from isoloss.app.state.forms.known_names import Here
from isoloss.app.state.forms.settings_form import Form
from isoloss.app.state.forms.verdict import Typed, Verdict, judge
from isoloss.naming import in_one_line

PATIENCE = 0.004
"""Seconds that a frame waits for a verdict, which mostly takes less."""


class FormWatch:
    """Looks at forms: in a thread of its own once that is started, else at once."""

    def __init__(self, here: Here) -> None:
        self.here = here
        self._wanted: dict[int, tuple[Form, Typed]] = {}
        self._errands: list[Callable[[], object]] = []
        self._asked, self._done = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._ended = False

    @property
    def is_busy(self) -> bool:
        """Whether a verdict is still to come."""
        return self._thread is not None and not self._done.is_set()

    def start(self) -> None:
        """Look in a thread from now on."""
        self._done.set()
        self._thread = threading.Thread(target=self._go_on, name="forms", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more, once what was asked for is done."""
        if self._thread is not None:
            self._ended = True
            self._asked.set()
            self._thread.join(2.0)
            self._thread = None

    def look_at(self, form: Form, typed: Typed) -> None:
        """Look at what is typed; what was typed into the form before need not be looked at."""
        if self._thread is None:
            form.take(typed, judge(typed, self.here))
            return
        self._done.clear()
        self._wanted[id(form)] = (form, typed)
        self._asked.set()
        self._done.wait(PATIENCE)

    def do(self, errand: Callable[[], object]) -> None:
        """Do something that takes the disk."""
        if self._thread is None:
            errand()
            return
        self._errands.append(errand)
        self._asked.set()

    def _go_on(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            while self._wanted or self._errands:
                self._do_one()
            self._done.set()
            if self._ended:
                return

    def _do_one(self) -> None:
        if self._errands:
            self._errands.pop(0)()
            return
        form, typed = self._wanted.pop(next(iter(self._wanted)))
        try:
            verdict = judge(typed, self.here)
        except Exception as error:  # a thread that ends in silence would judge no more
            verdict = Verdict(error=f"This cannot be checked: {in_one_line(error)}")
        form.take(typed, verdict)
