"""What else the machine does while something is measured."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_STAT = Path("/proc/stat")


class Load:
    """What other programs take of the processors from now on, and the load before."""

    def __init__(self, stat: Path = _STAT) -> None:
        self._stat, self.before = stat, _average()
        self._began, self._busy = time.monotonic(), _busy(stat)
        self._own = _own()

    @property
    def others(self) -> float | None:
        """How many processors other programs have kept busy so far, on average; None where the
        system does not tell (all but Linux)."""
        busy, taken = _busy(self._stat), time.monotonic() - self._began
        if busy is None or self._busy is None or taken <= 0:
            return None
        return max(busy - self._busy - (_own() - self._own), 0.0) / taken

    def as_json(self) -> dict[str, Any]:
        """Both, rounded; None for what is not told."""
        return {
            "load_before": None if self.before is None else round(self.before, 2),
            "others": None if (others := self.others) is None else round(others, 2),
            "processors": os.cpu_count(),
        }

    @property
    def in_words(self) -> str:
        """Both, where they are told."""
        told = [] if self.before is None else [f"load before {self.before:.2f}"]
        if (others := self.others) is not None:
            told.append(f"others took {others:.2f} of {os.cpu_count()} processors meanwhile")
        return "; ".join(told) or "the machine's load is not told here"


def _average() -> float | None:
    """Of the last minute; None on Windows."""
    with suppress(AttributeError, OSError):
        return os.getloadavg()[0]
    return None


def _own() -> float:
    """Seconds of processors that this process has had, with its children that have ended."""
    return sum(os.times()[:4])


def _busy(stat: Path) -> float | None:
    """Seconds that all processors together have been at work."""
    try:
        counted = [int(each) for each in stat.read_text("ascii").split("\n")[0].split()[1:9]]
        user, nice, system, _idle, _wait, irq, softirq, steal = counted
        return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError):
        return None
