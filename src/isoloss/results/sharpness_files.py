"""The journal of a run that measures sharpness: what every unit of its work has found.

It has one line of JSON for each finished unit and is only ever appended to. A line that a kill cut
short or a disk has damaged does not count, nor does the second line of one unit; what is not there
is done again, and comes out the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from isoloss.errors import IsolossError
from isoloss.files import append_line, is_plain_file, put_on_disk
from isoloss.results.sharpness import Place, Sharpness
from isoloss.run import Run
from isoloss.settings.sharpness import SharpnessSettings

_LARGEST = 1 << 28
Unit = tuple[int, ...]


class SharpnessJournal:
    """What the units of a run have found so far.

    Attributes:
        found: of each unit, (subject, part, piece), what came out.
        places: of each subject, which network it is.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        self._path, self._facts = path, facts
        self.found: dict[Unit, dict[str, Any]] = {}
        self.places: dict[int, Place] = {}
        self._read()

    def _read(self) -> None:
        if not is_plain_file(self._path, _LARGEST):
            return
        try:
            content = self._path.read_bytes()
        except OSError as error:
            raise IsolossError(f"cannot read {self._path}: {error.strerror}") from error
        for line in content.split(b"\n"):
            try:
                record = json.loads(line)
                subject, part, piece = map(int, record["unit"])
                place, found = Place(**record["place"]), dict(record["found"])
                Sharpness.of([found], {}, place)
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
                continue  # cut short
            self.found.setdefault((subject, part, piece), found)
            self.places.setdefault(subject, place)

    def append(self, unit: Unit, place: Place, result: bytes) -> None:
        """Record what a unit has found, for good.

        Raises:
            IsolossError: if the disk is full or the folder gone.
        """
        found = json.loads(result)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise IsolossError(f"cannot write {self._path}: {error.strerror}") from error
        append_line(
            self._path, json.dumps({"unit": list(unit), "place": asdict(place), "found": found})
        )
        put_on_disk(self._path)
        self.found.setdefault(unit, found)
        self.places.setdefault(unit[0], place)

    @property
    def sharpness(self) -> list[Sharpness]:
        """Of each subject of which something is known, in order, what that is."""
        return [
            Sharpness.of((self.found[u] for u in sorted(self.found) if u[0] == k), self._facts, at)
            for k, at in sorted(self.places.items())
        ]


def read_sharpness(run: Run) -> list[Sharpness]:
    """What a run has found so far.

    Raises:
        IsolossError: if it is none of this kind, or its journal cannot be read.
    """
    settings = run.settings
    if not isinstance(settings, SharpnessSettings):
        raise IsolossError(f"{run.folder} is a {settings.kind} run: give one of sharpness")
    facts = {name: getattr(settings, name) for name in ("radius", "noise", "scale", "matrix")}
    return SharpnessJournal(run.outcomes_path, facts).sharpness
