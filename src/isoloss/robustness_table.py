"""The table that `isoloss.robustness.evaluate` gives, and figures of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoloss.figures.paper import Print
from isoloss.figures.robustness.choice import Choice
from isoloss.figures.robustness.drawing import figure_of_runs
from isoloss.figures.sheet import write_figure
from isoloss.naming import told_in_python
from isoloss.results.tables import EvaluationWarning, Row, read_report, read_table, write_table
from isoloss.robustness.evaluation.report import short
from isoloss.run import Run
from isoloss.scene.appearance import Appearance
from isoloss.shown.itself import ShowsItself

if TYPE_CHECKING:
    from isoloss.figures.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class Table(ShowsItself, by="isoloss.notebook.evaluations"):
    """What an attack or a defense has come to.

    Attributes:
        rows: one for each attack, σ, ε and seed, 0 being the clean images; after them those of the
            attack "worst", which all attacks are together, image by image. Of a row, `accuracy`
            with its exact 95 % interval `low`, `high` (Clopper and Pearson) is a fraction of
            `samples` images; behind a defense by the majority of `votes` draws, and
            `accuracy_by("single" | "worst")` by a single one or the worst.
        doubts: what automatic checks hold against these numbers, the gravest first: each has an
            `id`, a `message` and the `attack` it concerns ("" for all).
        summary: two or three plain sentences.
        convergence: of the attacks whose steps, draws, restarts or queries were varied: the values
            and what was right.
        facts: what was asked for, and what it ran on.
        folder: the run's; unless `out` was given, it goes away with the table.
    """

    rows: tuple[Row, ...]
    doubts: tuple[EvaluationWarning, ...]
    summary: str
    convergence: tuple[dict[str, Any], ...]
    facts: dict[str, Any]
    folder: Path

    @classmethod
    def of(cls, run: Run) -> Table:
        """That of a run that is done.

        Raises:
            IsolossError: if it is none, or not done.
        """
        report = read_report(run.report_path)
        return cls(
            tuple(read_table(run.table_path)), report.warnings, report.summary,
            report.convergence, report.facts, run.folder,
        )  # fmt: skip

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        doubts = [f"doubt: {doubt.message} [{doubt.id}]" for doubt in self.doubts]
        return "\n".join([*short(self.rows), *doubts])

    def save(self, path: str | Path) -> Path:
        """Write the rows as CSV, a column for each field of a row.

        Raises:
            IsolossError: if it cannot be written.
        """
        return write_table(Path(path), list(self.rows))

    def figure(
        self,
        path: str | Path | None = None,
        *,
        width_mm: float | None = None,
        dpi: float = 300.0,
        **choice: Any,
    ) -> Figure:
        """Draw a figure, as `isoloss render` does.

        Args:
            path: a PNG, SVG or PDF; by default none is written.
            width_mm: on paper; by default one column or two of them.
            dpi: pixels an inch.
            choice: `what`, "accuracy" by default, "examples" or "maps"; `by`, "majority", "single"
                or "worst" of a defense's draws; `reference`, names of published results on the
                same data, or "all"; of images `attack`, `sigma`, `eps`, `image`.

        Returns:
            A `matplotlib.figure.Figure`, to go on with; `numpy.asarray` has its pixels, (H, W, 4)
            uint8, RGBA with straight alpha, top row first.

        Raises:
            IsolossError: if there is no such figure, or it cannot be written.
        """
        light = replace(Appearance(), theme="light")
        where = None if path is None else Path(path)
        with told_in_python():
            figure, sheet = figure_of_runs(
                [self.folder], where, Choice(**choice), light, print_=Print(width_mm, dpi)
            )
            if where is not None:
                write_figure(figure, where, sheet, transparent=False)
        return figure
