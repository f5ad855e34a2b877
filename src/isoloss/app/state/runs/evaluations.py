"""The attacks, defenses and certifications that are open: state behind the robustness panel."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree

from isoloss.app.state.runs.accuracy_curves import AccuracyCurve, curves_of
from isoloss.app.state.runs.example_browser import ExampleBrowser
from isoloss.errors import IsolossError
from isoloss.jobs.follow import FollowedRun
from isoloss.results.certificates import CertificateRow, write_certificates
from isoloss.results.references import ReferenceLine, fitting
from isoloss.results.robustness_files import RobustnessFiles, evaluation_settings, reach_of
from isoloss.results.saved_examples import Index
from isoloss.results.tables import (
    Criterion,
    Curve,
    EvaluationWarning,
    Report,
    Row,
    write_report,
    write_table,
)
from isoloss.run import Run
from isoloss.settings import EvaluationSettings

PERIOD = 0.25
"""Seconds between two readings of the files of a run, at least."""
MOST_BYTES = 16 << 20
"""A table of a thousand curves has a tenth of it; what is larger would hold up the window."""


@dataclass(eq=False)
class OpenEvaluation:
    """A robustness run as the window shows it, kept in step with its files.

    Attributes:
        files: what it has written so far.
        hidden: curves that are switched off.
        criterion: which of the answers of a randomized defense the curves count.
        has_references: whether published results are drawn behind them.
        version: grows with the data, so that the panels know when to draw anew.
    """

    followed: FollowedRun
    files: RobustnessFiles = field(default_factory=lambda: RobustnessFiles(MOST_BYTES))
    hidden: set[Curve] = field(default_factory=set[Curve])
    criterion: Criterion = "majority"
    has_references: bool = False
    browser: ExampleBrowser = field(default_factory=ExampleBrowser)
    version: int = 0
    _updated: float = -PERIOD
    _worked_out: tuple[int, list[AccuracyCurve]] | None = None

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.followed.run.folder

    @property
    def name(self) -> str:
        """The run's name."""
        return self.followed.run.name

    @property
    def rows(self) -> list[Row]:
        """The rows of the run's table so far."""
        return self.files.rows

    @property
    def certificates(self) -> list[CertificateRow]:
        """One certificate for each image of a finished certification; else none."""
        return self.files.certificates

    @property
    def report(self) -> Report | None:
        """The run's report; None until it is done."""
        return self.files.report

    @property
    def index(self) -> Index | None:
        """Which examples it has saved so far; None while there are none."""
        return self.files.index

    @property
    def problems(self) -> dict[str, str]:
        """What cannot be read, one line each, by file."""
        return self.files.problems

    @property
    def warnings(self) -> tuple[EvaluationWarning, ...]:
        """What automatic checks have found, once the run is done."""
        return self.files.warnings

    @property
    def settings(self) -> EvaluationSettings:
        """What the run was asked for."""
        return evaluation_settings(self.followed.run)

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
        return self.settings.radii

    @property
    def reach(self) -> float:
        """Beyond this radius nothing can be certified; ∞ of what certifies nothing."""
        return reach_of(self.settings)

    @property
    def chance(self) -> float | None:
        """The accuracy of guessing; None while the number of classes is unknown."""
        return self.files.chance

    @property
    def references(self) -> tuple[ReferenceLine, ...]:
        """What others have published of the same data in the same norm."""
        settings, told = self.settings, self.report.facts if self.report is not None else {}
        data = told.get("data") or (self.index.data if self.index is not None else settings.data)
        return fitting(
            str(data or ""), settings.norm, is_certified=settings.is_certified, split=settings.split
        )

    @property
    def problem(self) -> str:
        """The first thing that cannot be read; "" where all can."""
        return next(iter(self.problems.values()), "")

    def update(self, now: float | None = None) -> bool:
        """Read what has changed, every `PERIOD` seconds at most; returns whether anything has."""
        now = time.monotonic() if now is None else now
        if now - self._updated < PERIOD:
            return False
        self._updated = now
        changed = self.files.read(self.followed.run)
        self.version += changed
        return changed

    def write_down(self, folder: Path, *, with_images: bool) -> Path:
        """Write what is shown into a folder of this run's name in `folder`, as a run of its own.

        Args:
            with_images: the saved examples too, which stay on disk until they are looked at.

        Raises:
            IsolossError: if it cannot be written, or the examples cannot be read any more.
        """
        run = Run.create(folder / self.name, self.followed.run.settings)
        write_table(run.table_path, self.rows)
        if self.report is not None:
            write_report(run.report_path, self.report)
        if self.certificates:
            write_certificates(run.certificates_path, self.certificates)
        if with_images:
            try:
                copytree(self.followed.run.examples, run.examples)
            except OSError as error:
                raise IsolossError(
                    f"the examples of {self.name} cannot be read any more: {error}"
                ) from error
        return run.folder


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
