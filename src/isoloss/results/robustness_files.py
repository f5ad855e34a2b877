"""What the files of a robustness run hold so far: read for the window, for figures, for whoever
wants it all at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.paths import exists
from isoloss.results.certificates import CertificateRow, farthest_radius, read_certificates
from isoloss.results.saved_examples import INDEX, Index, read_index
from isoloss.results.tables import EvaluationWarning, Report, Row, read_report, read_table
from isoloss.results.worst_case import with_worst_case
from isoloss.run import Run
from isoloss.settings import EvaluationSettings, RobustnessSettings

_Stamp = tuple[int, int] | None


@dataclass(eq=False)
class RobustnessFiles:
    """The table, certificates, report and list of examples of one run.

    Attributes:
        largest: bytes; a file beyond that is not read.
        rows: of the table so far.
        certificates: of a certification that is done, image by image.
        report: None until the run is done.
        index: which examples are saved so far; None while there are none.
        problems: what cannot be read, one line each, by the file's name.
    """

    largest: float = math.inf
    rows: list[Row] = field(default_factory=list[Row])
    certificates: list[CertificateRow] = field(default_factory=list[CertificateRow])
    report: Report | None = None
    index: Index | None = None
    problems: dict[str, str] = field(default_factory=dict[str, str])
    _stamps: dict[Path, _Stamp] = field(default_factory=dict[Path, _Stamp])
    _journal: Path | None = None

    def read(self, run: Run) -> bool:
        """Read those files of the run that have changed since the last call; returns whether any
        has. Of what cannot be read, what was read before stays."""
        self._journal = run.outcomes_path if exists(run.report_path) else None
        changed = [
            self._read_if_changed(run.table_path, self._read_table),
            self._read_if_changed(run.certificates_path, self._read_certificates),
            self._read_if_changed(run.report_path, self._read_report),
            self._read_if_changed(run.examples / INDEX, self._read_index),
        ]
        return any(changed)

    @property
    def warnings(self) -> tuple[EvaluationWarning, ...]:
        """What automatic checks have found, once the run is done."""
        return self.report.warnings if self.report is not None else ()

    @property
    def chance(self) -> float | None:
        """The accuracy of guessing; None while the number of classes is unknown."""
        stated = self.report.facts.get("chance") if self.report is not None else None
        if isinstance(stated, int | float) and 0 < stated < 1:
            return float(stated)
        classes = len(self.index.classes) if self.index is not None else 0
        return 1 / classes if classes > 1 else None

    def _read_if_changed(self, path: Path, read: Callable[[Path], None]) -> bool:
        """Read a file if it is another than at the last call."""
        stamp = _stamp(path)
        if stamp == self._stamps.get(path):
            return False
        self._stamps[path] = stamp
        self.problems.pop(path.name, None)
        if stamp is None:
            return False
        try:
            if stamp[1] > self.largest:
                raise IsolossError(f"{path} is too large to be that of a run")
            read(path)
        except IsolossError as error:
            self.problems[path.name] = str(error)
        return True

    def _read_table(self, path: Path) -> None:
        self.rows = read_table(path)
        size = _stamp(self._journal) if self._journal is not None else None
        if self._journal is not None and size is not None and size[1] <= self.largest:
            self.rows = with_worst_case(self.rows, self._journal)

    def _read_certificates(self, path: Path) -> None:
        self.certificates = read_certificates(path)

    def _read_report(self, path: Path) -> None:
        self.report = read_report(path)

    def _read_index(self, path: Path) -> None:
        self.index = read_index(path.parent)


def evaluation_settings(run: Run) -> EvaluationSettings:
    """What an attack, a defense or a certification was asked for.

    Raises:
        IsolossError: if the run is none of them.
    """
    settings = run.settings
    if not isinstance(settings, RobustnessSettings):
        raise IsolossError(f"{run.folder} is no attack, defense or certification")
    return settings


def reach_of(settings: EvaluationSettings) -> float:
    """Beyond this radius nothing can be certified; ∞ of what certifies nothing."""
    if settings.kind != "certify":
        return math.inf
    return max(farthest_radius(s, settings.draws, settings.alpha) for s in settings.sigma)


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
