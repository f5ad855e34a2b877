"""Reading what a run says has happened, while it says more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from isoloss.events import Event, from_line
from isoloss.paths import is_file

_CHUNK = 1 << 20
"""Bytes of events that are read at once, where not all are."""
_PROGRESS = b'{"event": "progress"'


class EventTail:
    """Reads an `events.jsonl` as it grows; each call gives what is new.

    Attributes:
        is_behind: whether the last call has left something to the next.
    """

    def __init__(self, path: Path, is_wanted: Callable[[str], object] = bool) -> None:
        """Args: is_wanted: whether a line is to be read, told from its text."""
        self._path, self._is_wanted = path, is_wanted
        self._offset = 0
        self.is_behind = False

    def read(self, most: int | None = None) -> list[tuple[float, Event]]:
        """The (time, event) pairs appended since the last call; damaged lines are passed over.

        Args:
            most: so many of them at most; of progress, which is nearly all of a long run's, only
                the last. By default all.
        """
        self.is_behind = False
        if not is_file(self._path):
            return []
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                new = file.read() if most is None else file.read(_CHUNK)
        except OSError:
            return []
        end = new.rfind(b"\n") + 1  # a line without its newline is still being written
        if most is not None and len(new) == _CHUNK:
            end = end or _CHUNK  # no line of ours is as long
        lines = new[:end].splitlines(keepends=True)
        if most is not None:
            lines, taken = _some(lines, most)
            self.is_behind = len(new) == _CHUNK or taken < end
            end = taken
        self._offset += end
        texts = (line.decode("utf-8", errors="replace") for line in lines)
        pairs = (from_line(text) for text in texts if self._is_wanted(text))
        return [pair for pair in pairs if pair is not None]


def _some(lines: list[bytes], most: int) -> tuple[list[bytes], int]:
    """The first `most` of `lines`, not counting progress that more of it follows; and how many
    bytes these come from."""
    kept, size = list[bytes](), 0
    for line in lines:
        is_superseded = bool(kept) and kept[-1].startswith(_PROGRESS)
        if is_superseded and line.startswith(_PROGRESS):
            kept.pop()
        if len(kept) == most:
            break
        kept.append(line)
        size += len(line)
    return kept, size
