"""What a robustness run has come to, as far as figures of it go."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isoloss.errors import IsolossError
from isoloss.paths import exists
from isoloss.results.certificates import CertificateRow
from isoloss.results.radii import NORMS
from isoloss.results.references import ReferenceLine, fitting
from isoloss.results.robustness_files import RobustnessFiles, evaluation_settings
from isoloss.results.tables import EvaluationWarning, Report, Row
from isoloss.run import Run
from isoloss.settings import EvaluationSettings


@dataclass(frozen=True)
class RunResults:
    """A run's table and what is to be said of it.

    Attributes:
        rows: without those of which nothing is known yet.
        warnings: what automatic checks have found.
        chance: the fraction that guessing gets right; None where that is not known.
        alpha: of certificates, the probability with which one may be wrong; NaN of others.
        is_finished: whether there is a report; before, nothing has been checked.
        data: its name; `data_hash` tells the same data by other names; "" if not known.
        norm: "linf" or "l2".
        certificates: image by image; of a certification that is finished.
        report: what there is to say of a run that is finished; None before.
    """

    folder: Path
    settings: EvaluationSettings
    rows: tuple[Row, ...]
    warnings: tuple[EvaluationWarning, ...]
    chance: float | None
    alpha: float
    is_finished: bool
    data: str
    data_hash: str
    certificates: tuple[CertificateRow, ...] = ()
    report: Report | None = None

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def norm(self) -> str:
        """The norm of its radii, "linf" or "l2"."""
        return self.settings.norm

    @property
    def published(self) -> tuple[ReferenceLine, ...]:
        """What others have published of the same images in the same norm."""
        return fitting(
            self.data, self.norm, is_certified=self.is_certified, split=self.settings.split
        )

    @property
    def is_certified(self) -> bool:
        """Whether its accuracies are certificates."""
        return self.settings.is_certified


def is_robustness_run(path: Path) -> bool:
    """Whether `path` is the folder of an attack, a defense or a certification."""
    try:
        return Run.open(path).settings.is_robustness
    except IsolossError:
        return False


def read_run_results(folder: Path) -> RunResults:
    """What the run in `folder` has found so far.

    Raises:
        IsolossError: if it is another kind of run, has found nothing yet, or is damaged.
    """
    run = Run.open(folder)
    settings = evaluation_settings(run)
    if not exists(run.table_path):
        raise IsolossError(
            f"{run.name} has found nothing yet: resume it with 'isoloss run {folder}'"
        )
    files = RobustnessFiles()
    files.read(run)
    for problem in files.problems.values():
        raise IsolossError(problem)
    rows = [row for row in files.rows if row.samples > 0 and _is_known(row)]
    _check(rows, run.table_path)
    if not rows:
        raise IsolossError(f"{run.table_path} has no accuracies: resume the run")
    facts = files.report.facts if files.report is not None else {}
    return RunResults(
        run.folder,
        settings,
        tuple(rows),
        files.warnings,
        files.chance,
        settings.alpha if settings.kind == "certify" else math.nan,
        files.report is not None,
        str(facts.get("data") or settings.data or ""),
        str(_recorded_hashes(run).get("data", "")),
        tuple(files.certificates),
        files.report,
    )


def refuse_others(runs: Sequence[RunResults]) -> None:
    """Refuse runs that do not belong into one figure.

    Raises:
        IsolossError: naming two that are of other data or another norm.
    """
    first = runs[0]
    for other in runs[1:]:
        if other.folder == first.folder:
            raise IsolossError(f"{other.folder} is given twice")
        if other.data_hash != first.data_hash or other.settings.split != first.settings.split:
            raise IsolossError(
                f"{first.name} and {other.name} are not of the same images: draw a figure of each"
            )
        if other.norm != first.norm:
            raise IsolossError(
                f"{first.name} is in {NORMS[first.norm]} and {other.name} in {NORMS[other.norm]}, "
                "which do not belong on one axis: draw a figure of each"
            )


def with_run_names(runs: Sequence[RunResults]) -> list[RunResults]:
    """Several runs, whose warnings about all of a run say of which."""
    if len(runs) < 2:
        return list(runs)
    return [
        replace(run, warnings=tuple(
            replace(d, message=f"{run.name}: {d.message}") if is_general(d) else d
            for d in run.warnings
        ))
        for run in runs
    ]  # fmt: skip


def is_general(warning: EvaluationWarning) -> bool:
    """Whether it is about all of a run."""
    return not warning.network and not warning.attack and warning.sigma is None


def _is_known(row: Row) -> bool:
    return not any(math.isnan(x) for x in (row.accuracy, row.low, row.high, row.eps))


def _check(rows: Iterable[Row], path: Path) -> None:
    for row in rows:
        in_order = 0 <= row.low <= row.accuracy <= row.high <= 1
        if not in_order or not 0 <= row.eps < math.inf:
            raise IsolossError(
                f"{path} says that accuracy is {row.accuracy:g} ({row.low:g} to {row.high:g}) at "
                f"ε = {row.eps:g}: it is damaged"
            )


def _recorded_hashes(run: Run) -> dict[str, Any]:
    recorded = run.environment.get("depends_on", {})
    return recorded if isinstance(recorded, dict) else {}
