"""What the window tells the person before it: a log, and notifications that fade."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

from isoloss.naming import capitalized

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
    """The log, and those of its lines that are still shown as notifications."""

    lines: list[Message] = field(default_factory=list[Message])
    shown: list[Message] = field(default_factory=list[Message])
    version: int = 0

    def say(self, text: str, level: Level = "info", *, notify: bool = True) -> None:
        """Add a line to the log and, unless told otherwise, notify."""
        text = " ".join(text.split())
        if level in ("error", "warning") and text.partition(" ")[0].isalpha():
            # The command line puts "isoloss: " before these; here they begin a sentence.
            text = capitalized(text)
        message = Message(text, level, time.time())
        self.lines.append(message)
        del self.lines[:-LINES]
        if notify:
            # The same news twice is shown once, anew.
            others = [m for m in self.shown if m.text != message.text]
            self.shown = [*others[-3:], message]
        self.version += 1

    def dismiss(self, message: Message) -> None:
        """Take a notification away before its time."""
        self.shown = [m for m in self.shown if m is not message]

    def fade(self, now: float) -> None:
        """Take away what has been shown for long enough."""
        self.shown = [m for m in self.shown if now - m.time < SECONDS_SHOWN[m.level]]
