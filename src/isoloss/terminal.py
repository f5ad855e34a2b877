"""What long work looks like in a terminal."""

from __future__ import annotations

import math
import shutil
import sys
import time
from typing import TextIO

from isoloss.events import Done, Event, Log, Metric, Paused, Progress
from isoloss.naming import duration


def said(event: Event) -> str:
    """What an event says in a line; "" of progress, and of what is said elsewhere."""
    match event:
        case Metric():
            text = f"epoch {event.epoch:6.2f}"
            if not math.isnan(event.train_loss):
                text += f"  loss {event.train_loss:.4f}"
            elif not math.isnan(event.test_loss + event.test_accuracy):
                text += f"  test loss {event.test_loss:.4f}"
            if not math.isnan(event.test_accuracy):
                text += f"  test accuracy {100 * event.test_accuracy:.1f} %"
            elif not math.isnan(event.test_loss):
                text += f"  test loss {event.test_loss:.4f}"
            if not math.isnan(event.noisy_accuracy):
                text += f", with noise {100 * event.noisy_accuracy:.1f} %"
            return text
        case Log():
            return event.message
        case Done():
            return f"done in {duration(event.seconds)}"
        case Paused():
            return "paused"
        case _:
            return ""  # the cause of a failure is printed once, by whoever has asked


def how_far(event: Progress) -> str:
    """What is written beside a bar: how much is done, how fast, and for how long yet."""
    finished = event.done >= event.total
    eta = "" if finished or math.isnan(event.eta) else f"  {duration(event.eta)} left"
    return f"{event.done:,}/{event.total:,} {event.unit}  {event.rate:,.1f}/s{eta}"


class ProgressBar:
    """Shows events: a bar that redraws itself on a terminal, elsewhere a line now and then."""

    def __init__(self, stream: TextIO | None = None, label: str = "") -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._label = f"{label}  " if label else ""
        self._drawn = self._full = False
        self._last_line = -math.inf
        # Elsewhere than on a terminal: the stage, and its last line where that was left out.
        self._stage, self._left_out = "", ""

    def show(self, event: Event) -> None:
        """Draw `event`."""
        if isinstance(event, Progress):
            self._progress(event)
        elif line := said(event):
            self._line(line)

    def close(self) -> None:
        """End the bar's line."""
        self._make_up()
        if self._drawn:
            self._stream.write("\n")
            self._stream.flush()
            self._drawn = False

    def _progress(self, event: Progress) -> None:
        finished = event.done >= event.total
        head, tail = f"{self._label}{event.stage:<6}", f" {how_far(event)}"
        if not self._live:
            if event.stage != self._stage:
                self._make_up()
                self._stage, self._last_line = event.stage, -math.inf
            text = f"{head}{100 * event.fraction:4.0f} %{tail}"
            if time.monotonic() - self._last_line < 5:
                # What takes a guessed number of steps may seem to end more than once.
                self._left_out = text if finished else ""
            else:
                self._last_line, self._left_out = time.monotonic(), ""
                self._write(text)
            return
        width = max(10, min(40, shutil.get_terminal_size().columns - len(head) - len(tail) - 4))
        filled = round(width * event.fraction)
        self._stream.write(f"\r\x1b[2K{head}▕{'█' * filled}{'░' * (width - filled)}▏{tail}")
        self._stream.flush()
        self._drawn, self._full = True, finished

    def _make_up(self) -> None:
        """Show the end of a stage, if that was left out."""
        if self._left_out:
            text, self._left_out = self._left_out, ""
            self._write(text)

    def _line(self, text: str) -> None:
        self._make_up()
        self._write(text)

    def _write(self, text: str) -> None:
        # A full bar stays; what takes a guessed number of steps may be full more than once.
        clear = ("\n" if self._full else "\r\x1b[2K") if self._drawn else ""
        prefix = "" if text.startswith(self._label) else self._label
        self._stream.write(f"{clear}{prefix}{text}\n")
        self._stream.flush()
        self._drawn = False
