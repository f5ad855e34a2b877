"""What the window tells the person before it: a log, and notifications that fade."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from isoloss.app.state.next_steps import NextStep
from isoloss.naming import capitalized, in_one_line, printable

Level = Literal["info", "done", "warning", "error"]
LINES = 2000
SECONDS_SHOWN = {"info": 5.0, "done": 6.0, "warning": 9.0, "error": 12.0}
SECONDS_OFFERED = 20.0
"""What offers something to be done stays so long."""


@dataclass(frozen=True)
class Message:
    """One line of the log.

    Attributes:
        time: when it was said, in seconds since 1970.
        since: when it was shown, on the clock of `time.monotonic`.
        run: the folder of the run that it is about; with the `steps` that are offered.
    """

    text: str
    level: Level
    time: float
    since: float = 0.0
    run: Path | None = None
    steps: tuple[NextStep, ...] = ()

    @property
    def seconds_shown(self) -> float:
        """How long it is shown."""
        return SECONDS_OFFERED if self.steps else SECONDS_SHOWN[self.level]


@dataclass
class Messages:
    """The log, and those of its lines that are still shown as notifications.

    Attributes:
        folder: errors and warnings name paths below it as one would type them.
        urgent: those that a person who looks elsewhere is to hear of; whoever tells them takes them
            away.
    """

    folder: Path | None = None
    lines: list[Message] = field(default_factory=list[Message])
    shown: list[Message] = field(default_factory=list[Message])
    urgent: list[Message] = field(default_factory=list[Message])
    version: int = 0

    def say(
        self,
        text: str,
        level: Level = "info",
        *,
        notify: bool = True,
        urgent: bool = False,
        run: Path | None = None,
        steps: tuple[NextStep, ...] = (),
    ) -> None:
        """Add a line to the log and, unless told otherwise, notify."""
        text = printable(in_one_line(text))
        if level in ("error", "warning"):
            # The command line puts "isoloss: " before these; here they begin a sentence, unless
            # it is a path that they begin with.
            text = capitalized(text) if text.partition(" ")[0].isalpha() else text
            text = self._with_short_paths(text)
        message = Message(text, level, time.time(), time.monotonic(), run, steps)
        self.lines.append(message)
        del self.lines[:-LINES]
        if notify:
            # The same news twice is shown once, anew.
            others = [m for m in self.shown if m.text != message.text]
            self.shown = [*others[-3:], message]
        if urgent:
            self.urgent.append(message)
        self.version += 1

    def _with_short_paths(self, text: str) -> str:
        if self.folder is None:
            return text
        # Within a path the same names may come once more.
        return re.sub(rf"(?<![^\s'\"(]){re.escape(f'{self.folder}{os.sep}')}", "", text)

    def dismiss(self, message: Message) -> None:
        """Take a notification away before its time."""
        self.shown = [m for m in self.shown if m is not message]

    def dismiss_of(self, run: Path) -> None:
        """Take the notifications about a run away, for another place says it."""
        self.shown = [m for m in self.shown if m.run != run]

    def linger(self, message: Message) -> None:
        """Show a notification for as long again."""
        later = replace(message, since=time.monotonic())
        self.shown = [later if m is message else m for m in self.shown]

    def fade(self, now: float) -> None:
        """Take away what has been shown for long enough, on the clock of `time.monotonic`."""
        self.shown = [m for m in self.shown if now - m.since < m.seconds_shown]

    def take_urgent(self) -> list[Message]:
        """What a person who looks elsewhere is to hear of, since it was last taken."""
        taken, self.urgent = self.urgent, []
        return taken
