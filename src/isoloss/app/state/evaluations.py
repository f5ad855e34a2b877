"""The attacks, defenses and certifications that are open: state behind the robustness panel."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path

from isoloss.app.state.accuracy_curves import AccuracyCurve, curves_of
from isoloss.app.state.example_browser import ExampleBrowser
from isoloss.errors import IsolossError
from isoloss.jobs.follow import FollowedRun
from isoloss.results.certificates import (
    CERTIFICATES,
    Certificate,
    farthest_radius,
    read_certificates,
)
from isoloss.results.saved_examples import INDEX, Index, read_index
from isoloss.results.tables import (
    Criterion,
    Curve,
    EvaluationWarning,
    Report,
    Row,
    read_report,
    read_table,
)
from isoloss.settings import AttackingSettings, CertifySettings
from isoloss.settings.robustness import RADII

PERIOD = 0.25
"""Seconds between two looks at the files of a run, at least."""
MOST_BYTES = 16 << 20
"""A table of a thousand curves has a tenth of it; what is larger would hold up the window."""

_Stamp = tuple[int, int] | None


@dataclass(eq=False)
class OpenEvaluation:
    """A robustness run as the window shows it, kept in step with its files.

    Attributes:
        rows: of its table so far.
        certificates: of a certification that is done, image by image.
        report: None until it is done.
        index: which examples it has kept so far; None while there are none.
        problems: what cannot be read, one line each, by file.
        hidden: curves that are switched off.
        judged: which of the answers of a randomized defense the curves count.
        version: grows with the data, so that the panels know when to look again.
    """

    followed: FollowedRun
    rows: list[Row] = field(default_factory=list[Row])
    certificates: list[Certificate] = field(default_factory=list[Certificate])
    report: Report | None = None
    index: Index | None = None
    problems: dict[str, str] = field(default_factory=dict[str, str])
    hidden: set[Curve] = field(default_factory=set[Curve])
    judged: Criterion = "majority"
    browser: ExampleBrowser = field(default_factory=ExampleBrowser)
    version: int = 0
    _stamps: dict[Path, _Stamp] = field(default_factory=dict[Path, _Stamp])
    _looked: float = -PERIOD
    _worked_out: tuple[int, list[AccuracyCurve]] | None = None

    @property
    def folder(self) -> Path:
        return self.followed.run.folder

    @property
    def name(self) -> str:
        return self.followed.run.name

    @property
    def warnings(self) -> tuple[EvaluationWarning, ...]:
        """What automatic checks have found, once the run is done."""
        return self.report.warnings if self.report is not None else ()

    @property
    def curves(self) -> list[AccuracyCurve]:
        """Accuracy against radius, worked out once for each state of the data."""
        if self._worked_out is None or self._worked_out[0] != self.version:
            self._worked_out = (
                self.version,
                curves_of(self.rows, self.warnings, self.certificates),
            )
        return self._worked_out[1]

    @property
    def radii(self) -> tuple[float, ...]:
        """Those that the run was asked for, 0 first, before there is anything of them."""
        settings = self.followed.run.settings
        return (0.0, *settings.epsilons) if isinstance(settings, AttackingSettings) else RADII

    @property
    def reach(self) -> float:
        """Beyond this radius nothing can be certified; ∞ of what certifies nothing."""
        asked = self.followed.run.settings
        if not isinstance(asked, CertifySettings):
            return math.inf
        return max(farthest_radius(s, asked.draws, asked.alpha) for s in asked.sigma)

    @property
    def chance(self) -> float | None:
        """The accuracy of guessing; None while the number of classes is unknown."""
        told = self.report.facts.get("chance") if self.report is not None else None
        if isinstance(told, int | float) and 0 < told < 1:
            return float(told)
        classes = len(self.index.classes) if self.index is not None else 0
        return 1 / classes if classes > 1 else None

    @property
    def problem(self) -> str:
        """The first thing that cannot be read; "" where all can."""
        return next(iter(self.problems.values()), "")

    def update(self, now: float | None = None) -> bool:
        """Read what has changed, every `PERIOD` seconds at most; returns whether anything has."""
        now = time.monotonic() if now is None else now
        if now - self._looked < PERIOD:
            return False
        self._looked = now
        run = self.followed.run
        changed = self._look(run.table_path, self._read_table)
        changed |= self._look(run.folder / CERTIFICATES, self._read_certificates)
        changed |= self._look(run.report_path, self._read_report)
        changed |= self._look(run.examples / INDEX, self._read_index)
        self.version += changed
        return changed

    def _look(self, path: Path, read) -> bool:
        """Read a file if it is another than at the last look; what was read stays if it fails."""
        stamp = _stamp(path)
        if stamp == self._stamps.get(path):
            return False
        self._stamps[path] = stamp
        self.problems.pop(path.name, None)
        if stamp is None:
            return False
        try:
            if stamp[1] > MOST_BYTES:
                raise IsolossError(f"{path} is too large to be that of a run")
            read(path)
        except IsolossError as error:
            self.problems[path.name] = str(error)
        return True

    def _read_table(self, path: Path) -> None:
        self.rows = read_table(path)

    def _read_certificates(self, path: Path) -> None:
        self.certificates = read_certificates(path)

    def _read_report(self, path: Path) -> None:
        self.report = read_report(path)

    def _read_index(self, path: Path) -> None:
        self.index = read_index(path.parent)


class Evaluations:
    """Which robustness runs are open, and which of them is shown."""

    def __init__(self) -> None:
        self.open: list[OpenEvaluation] = []
        self.shown: OpenEvaluation | None = None

    def of(self, folder: Path) -> OpenEvaluation | None:
        """The open one in `folder`."""
        return next((e for e in self.open if e.folder == folder), None)

    def show(self, followed: FollowedRun) -> OpenEvaluation:
        """Bring a run to the front, opening it if need be."""
        found = self.of(followed.run.folder)
        if found is None:
            found = OpenEvaluation(followed)
            self.open.append(found)
        found.followed = followed
        found.update()
        self.shown = found
        return found

    def close(self, evaluation: OpenEvaluation) -> None:
        """Close one; its folder and its job stay as they are."""
        self.open = [e for e in self.open if e is not evaluation]
        if self.shown is evaluation:
            self.shown = self.open[-1] if self.open else None

    def update(self, now: float | None = None) -> list[OpenEvaluation]:
        """Take in what is new; returns those of which something is."""
        return [e for e in self.open if e.update(now)]


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
