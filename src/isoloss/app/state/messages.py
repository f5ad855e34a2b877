"""What the window tells the person before it: a log, and notifications that fade."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from isoloss.naming import capitalized, in_one_line, printable

Level = Literal["info", "done", "warning", "error"]
LINES = 2000
SECONDS_SHOWN = {"info": 5.0, "done": 6.0, "warning": 9.0, "error": 12.0}


@dataclass(frozen=True)
class Message:
    """One line of the log; `time` is in seconds since the epoch."""

    text: str
    level: Level
    time: float


@dataclass
class Messages:
    """The log, and those of its lines that are still shown as notifications.

    Attributes:
        folder: errors and warnings name paths below it as one would type them.
    """

    folder: Path | None = None
    lines: list[Message] = field(default_factory=list[Message])
    shown: list[Message] = field(default_factory=list[Message])
    version: int = 0

    def say(self, text: str, level: Level = "info", *, notify: bool = True) -> None:
        """Add a line to the log and, unless told otherwise, notify."""
        text = printable(in_one_line(text))
        if level in ("error", "warning"):
            # The command line puts "isoloss: " before these; here they begin a sentence, unless
            # it is a path that they begin with.
            text = capitalized(text) if text.partition(" ")[0].isalpha() else text
            text = self._with_short_paths(text)
        message = Message(text, level, time.time())
        self.lines.append(message)
        del self.lines[:-LINES]
        if notify:
            # The same news twice is shown once, anew.
            others = [m for m in self.shown if m.text != message.text]
            self.shown = [*others[-3:], message]
        self.version += 1

    def _with_short_paths(self, text: str) -> str:
        if self.folder is None:
            return text
        # Within a path the same names may come once more.
        return re.sub(rf"(?<![^\s'\"(]){re.escape(f'{self.folder}{os.sep}')}", "", text)

    def dismiss(self, message: Message) -> None:
        """Take a notification away before its time."""
        self.shown = [m for m in self.shown if m is not message]

    def fade(self, now: float) -> None:
        """Take away what has been shown for long enough."""
        self.shown = [m for m in self.shown if now - m.time < SECONDS_SHOWN[m.level]]
