"""Several runs beside each other, kept in step with what they write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from isoloss.errors import IsolossError
from isoloss.files import is_plain_file
from isoloss.library.comparison.differences import (
    DifferenceTable,
    difference_table,
    unique_names,
)
from isoloss.library.comparison.evaluations import evaluation_traces
from isoloss.library.comparison.grouping import run_sets
from isoloss.library.comparison.measured import MeasuredNetwork, networks_of
from isoloss.library.comparison.sets import RunSets
from isoloss.library.comparison.training import ALONG, Along, TrainingCurves, TrainingTail
from isoloss.library.entry import Entry
from isoloss.naming import capitalized, first_of
from isoloss.results.charts import PARTS, WHATS, Chart, Trace, What, smoothed
from isoloss.results.radii import NORMS
from isoloss.results.references import ALL, TEST, ReferenceLine, fitting
from isoloss.results.robustness_files import RobustnessFiles
from isoloss.results.sharpness import Sharpness
from isoloss.results.sharpness_charts import sharpness_charts
from isoloss.results.sharpness_files import read_sharpness
from isoloss.results.tables import Criterion
from isoloss.run import Run
from isoloss.run_folder import EVENTS

_LARGEST = 1 << 26
"""Bytes of a table or of certificates; larger ones are not read."""
_TRAINING: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    ("loss", "loss", (("test", "test_loss"), ("train", "train_loss"))),
    ("accuracy", "accuracy", (("test", "test_accuracy"), ("train", "train_accuracy"))),
    ("lr", "learning rate", (("", "lr"),)),
)
"""The charts of training curves: name, what is upwards, and each curve with its field."""
_AXES = {
    "linf": f"ε in {NORMS['linf']}",
    "l2": f"ε in {NORMS['l2']}",
    "radius": f"radius in {NORMS['l2']}",
}


@dataclass(frozen=True)
class View:
    """How runs are compared.

    Attributes:
        what: which charts; none for all that there are.
        along: what training curves are drawn against.
        smooth: the weight of the moving average of losses and accuracies of training, in [0, 1).
        log: whether losses and learning rates are on logarithmic axes.
        parts: "train", "test": which curves of losses and accuracies.
        by: whose answer counts behind a randomized defense.
        reference: which published results are drawn behind accuracies and certificates, by their
            names or "all".
        sets: by what sets of runs are told apart, none by all but seeds; None: no sets are made.
    """

    what: tuple[What, ...] = ()
    along: Along = "epoch"
    smooth: float = 0.0
    log: bool = False
    parts: tuple[str, ...] = PARTS
    by: Criterion = "majority"
    reference: tuple[str, ...] = ()
    sets: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.smooth < 1:
            raise IsolossError(
                f"--smooth must be from 0 to below 1, not {self.smooth:g}: 0 smooths nothing"
            )


@dataclass(frozen=True)
class Comparison:
    """What there is to see.

    Attributes:
        entries: the runs.
        names: of them, each another.
        charts: those that any run has something for.
        table: in what they differ and what they came to.
        remarks: what is not drawn, and what to know of what is; a sentence each.
        sets: the runs as sets that differ in nothing but seeds, where they were asked for.
    """

    entries: tuple[Entry, ...] = ()
    names: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    table: DifferenceTable = field(default_factory=DifferenceTable)
    remarks: tuple[str, ...] = ()
    sets: RunSets = field(default_factory=RunSets)


class ReadRun:
    """What the folder of one run holds for a comparison; read again only where it has changed."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        epochs = entry.settings.get("epochs")
        is_number = isinstance(epochs, int)
        self._tail = TrainingTail(entry.folder / EVENTS, epochs if is_number else None)
        self.files = RobustnessFiles(_LARGEST)
        self.sharpness: list[Sharpness] = []
        self._run: Run | None = None
        self._size = 0
        self._networks: tuple[object, list[MeasuredNetwork]] = (None, [])

    @property
    def curves(self) -> TrainingCurves | None:
        """Of a training, once there are some."""
        return self._tail.curves

    @property
    def networks(self) -> list[MeasuredNetwork]:
        """Those that it is about, with what they have come to."""
        state = (self.entry, id(self.files.rows), id(self.sharpness))
        if self._networks[0] != state:
            self._networks = state, [*networks_of(self.entry, self.files.rows, self.sharpness)]
        return self._networks[1]

    def read(self, entry: Entry) -> None:
        """Take in what is new."""
        self.entry = entry
        self._tail.read()
        if entry.kind not in ("attack", "defend", "certify", "sharpness"):
            return
        if entry.state == "damaged":
            return
        try:
            self._run = self._run or Run.open(entry.folder)
            if self._run.settings.measures_curvature:
                self._read_sharpness(self._run)
            else:
                self.files.read(self._run)
        except IsolossError:
            return

    def _read_sharpness(self, run: Run) -> None:
        path = run.outcomes_path
        size = path.stat().st_size if is_plain_file(path, _LARGEST) else 0
        if size != self._size:
            self.sharpness, self._size = read_sharpness(run), size


class Comparing:
    """Reads runs, and puts what they have beside each other."""

    def __init__(self) -> None:
        self._read: dict[Path, ReadRun] = {}

    def read(self, entries: Sequence[Entry], pause: Callable[[], object] = lambda: None) -> None:
        """Read what is new of these runs, and forget others.

        Args:
            pause: called after each run, so that a thread that reads leaves others their turn.
        """
        known, self._read = self._read, {}
        for entry in entries:
            self._read[entry.folder] = known.get(entry.folder) or ReadRun(entry)
            self._read[entry.folder].read(entry)
            pause()

    def sets(self, fields: Sequence[str] = ()) -> RunSets:
        """The runs as sets, told apart by `fields`, or by all but seeds.

        Raises:
            IsolossError: there is no such field, or the runs are of different data.
        """
        return run_sets([network for r in self._read.values() for network in r.networks], fields)

    def _sets_or_why_not(self, fields: Sequence[str]) -> RunSets:
        try:
            return self.sets(fields)
        except IsolossError as error:
            return RunSets(remarks=(f"{capitalized(str(error))}.",))

    def seen(self, view: View) -> Comparison:
        """The runs that were read, in their order."""
        runs = [*self._read.values()]
        entries = [run.entry for run in runs]
        names = unique_names(entries)
        rows = [run.files.rows for run in runs]
        charts = [chart for chart in _charts(runs, view) if chart.traces]
        return Comparison(
            tuple(entries),
            tuple(names),
            tuple(charts),
            difference_table(entries, rows, names),
            tuple(_remarks(runs, names, charts, view)),
            RunSets() if view.sets is None else self._sets_or_why_not(view.sets),
        )


def _charts(runs: Sequence[ReadRun], view: View) -> Iterator[Chart]:
    wanted = view.what or tuple(WHATS)
    if "training" in wanted:
        for name, up, columns in _TRAINING:
            smooth = 0.0 if name == "lr" else view.smooth
            shown = [c for c in columns if c[0] in ("", *view.parts)]
            traces = tuple(
                trace
                for k, run in enumerate(runs)
                for part, column in shown
                if (trace := _trace(k, part, run.curves, column, view.along, smooth)) is not None
            )
            is_log = view.log and name != "accuracy"
            yield Chart(
                name, "training", ALONG[view.along], up, traces, is_log, is_share=name == "accuracy"
            )
    if "sharpness" in wanted:
        yield from sharpness_charts([run.sharpness for run in runs])
    found = [
        each
        for k, run in enumerate(runs)
        for each in evaluation_traces(k, run.files.rows, run.files.certificates, view.by)
    ]
    for axis, across in _AXES.items():
        what: What = "radius" if axis == "radius" else "accuracy"
        if what in wanted:
            traces = tuple(trace for place, trace in found if place == axis)
            up = "certified accuracy" if what == "radius" else "accuracy"
            behind = _references([runs[t.run].entry for t in traces], axis, view)
            yield Chart(axis, what, across, up, traces, is_share=True, references=behind)


def published(entries: Iterable[Entry], axis: str) -> tuple[ReferenceLine, ...]:
    """What others have published of the images that these evaluations are about.

    Args:
        axis: "radius" of certificates, or the norm of ε.
    """
    is_certified, norm = axis == "radius", "l2" if axis == "radius" else axis
    of = sorted({(e.data, str(e.settings.get("split", TEST))) for e in entries})
    there = (fitting(data, norm, is_certified=is_certified, split=split) for data, split in of)
    return tuple(dict.fromkeys(chain.from_iterable(there)))


def _references(entries: Iterable[Entry], axis: str, view: View) -> tuple[ReferenceLine, ...]:
    asked = view.reference
    return tuple(r for r in published(entries, axis) if ALL in asked or r.name in asked)


def _trace(
    k: int, part: str, curves: TrainingCurves | None, column: str, along: Along, smooth: float
) -> Trace | None:
    """A training curve; None where the run has none."""
    xs = curves.along(along) if curves is not None else None
    if curves is None or xs is None or not np.isfinite(curves.columns[column]).any():
        return None
    values = curves.columns[column]
    if not smooth:
        return Trace(k, part, xs, values)
    return Trace(k, part, xs, smoothed(values, smooth), raw=values)


def _remarks(
    runs: Sequence[ReadRun], names: Sequence[str], charts: Sequence[Chart], view: View
) -> Iterator[str]:
    """What is not drawn, and why; what is drawn together though it is not of one kind."""
    drawn = {what: {t.run for c in charts if c.what == what for t in c.traces} for what in WHATS}
    for what, title in WHATS.items():
        if what in view.what or (not view.what and drawn[what]):
            without = [name for k, name in enumerate(names) if k not in drawn[what]]
            if without:
                known = [run for k, run in enumerate(runs) if k not in drawn[what] and run.curves]
                by = f" by {ALONG[view.along]}" if what == "training" and known else ""
                yield f"Without {title}{by}: {first_of(without)}."
    of = [runs[k].entry for k in sorted(drawn["accuracy"] | drawn["radius"])]
    tells: dict[str, Callable[[Entry], object]] = {
        "data": lambda e: e.data, "split": lambda e: e.settings.get("split"), "samples": _chosen,
    }  # fmt: skip
    for what, tell in tells.items():
        found = [str(value) for value in dict.fromkeys(map(tell, of)) if value]
        if len(found) > 1:
            yield f"Accuracies are not of the same images: {what} {first_of(found)}."
    if view.smooth and drawn["training"]:
        yield (
            f"Smoothed: exponential moving average of weight {view.smooth:g}, debiased; "
            "the values themselves are faint."
        )


def _chosen(entry: Entry) -> str:
    """Which images of a split an evaluation sees; "" where that is not known."""
    if entry.samples is None:
        return ""
    there = entry.samples[entry.settings.get("split") == "test"]
    samples, seed = (entry.settings.get(name) for name in ("samples", "seed"))
    is_part = isinstance(samples, int) and samples < there
    return f"{samples:,} by seed {seed}" if is_part else "all"
