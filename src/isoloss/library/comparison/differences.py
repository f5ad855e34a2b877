"""In what several runs differ and what they came to, as a table with a row for each."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from isoloss.files import write_csv
from isoloss.geometry.analysis.roughness import Bounded
from isoloss.library.columns import setting_in_words
from isoloss.library.comparison.evaluations import interval
from isoloss.library.entry import Entry
from isoloss.library.key_figures import KEY_FIGURES
from isoloss.naming import in_words, percent
from isoloss.results.intervals import exact_interval
from isoloss.results.radii import radius_label
from isoloss.results.tables import Row, average_radius_in_words, average_radius_of, over_seeds
from isoloss.settings import KINDS

_NONE = "–"
"""Stands where a run has no such thing."""
NORMAL = 1.96
"""Standard errors to either side of a mean within which 95 % lie."""


@dataclass(frozen=True)
class Cell:
    """What one run has in one column.

    Attributes:
        text: in words; "–" where there is nothing.
        value: a number, a text, or what JSON has; None where there is nothing.
        low, high: of a share the ends of its exact 95 % interval, of a mean those of the normal
            one; NaN where there is none.
    """

    text: str = _NONE
    value: Any = None
    low: float = math.nan
    high: float = math.nan

    @property
    def key(self) -> tuple[bool, float, str]:
        """By which cells are sorted: numbers, then texts."""
        is_number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        return not is_number, float(self.value) if is_number else 0.0, self.text.casefold()


@dataclass(frozen=True)
class TableColumn:
    """A setting that is not the same in all runs, or a figure.

    Attributes:
        name: as JSON and CSV have it.
        cells: (R,) one for each run.
    """

    name: str
    title: str
    cells: tuple[Cell, ...]
    is_figure: bool = False


@dataclass(frozen=True)
class DifferenceTable:
    """The runs by their names, and the columns: first what differs, then what resulted."""

    names: tuple[str, ...] = ()
    columns: tuple[TableColumn, ...] = ()

    def order(self, column: int, *, reverse: bool = False) -> list[int]:
        """The runs sorted by a column, 0 being the names; those that have nothing come last."""
        rows = range(len(self.names))
        if column == 0:
            return sorted(rows, key=lambda k: self.names[k].casefold(), reverse=reverse)
        cells = self.columns[column - 1].cells
        there = [k for k in rows if cells[k].value is not None]
        found = sorted(there, key=lambda k: cells[k].key, reverse=reverse)
        return found + [k for k in rows if cells[k].value is None]

    def lines(self, order: Sequence[int] | None = None) -> list[list[str]]:
        """The table in words, its header first."""
        rows = range(len(self.names)) if order is None else order
        header = ["Run", *(column.title for column in self.columns)]
        return [header, *([self.names[k], *(c.cells[k].text for c in self.columns)] for k in rows)]

    def as_json(self) -> Iterator[dict[str, Any]]:
        """Of each run its name, the settings that differ and the figures, with intervals."""
        for k, name in enumerate(self.names):
            settings = {c.name: c.cells[k].value for c in self.columns if not c.is_figure}
            there = [c for c in self.columns if c.is_figure and c.cells[k].value is not None]
            yield {
                "name": name,
                "settings": settings,
                "figures": {c.name: c.cells[k].value for c in there},
                "intervals": {
                    c.name: [c.cells[k].low, c.cells[k].high]
                    for c in there
                    if not math.isnan(c.cells[k].low)
                },
            }

    def write_csv(self, path: Path) -> Path:
        """Write values as they are, and the ends of intervals in columns of their own."""
        has_interval = [any(not math.isnan(cell.low) for cell in c.cells) for c in self.columns]
        header = ["run"]
        for column, wide in zip(self.columns, has_interval, strict=True):
            header += [column.name, *([f"{column.name}_low", f"{column.name}_high"] * wide)]

        def row(k: int) -> Iterator[str]:
            yield self.names[k]
            for column, wide in zip(self.columns, has_interval, strict=True):
                cell = column.cells[k]
                yield _plain(cell.value)
                yield from [_plain(end) for end in (cell.low, cell.high)] * wide

        return write_csv(path, header, map(row, range(len(self.names))))


def difference_table(
    entries: Sequence[Entry], rows: Sequence[Sequence[Row]], names: Sequence[str]
) -> DifferenceTable:
    """The table of some runs.

    Args:
        rows: of each run's robustness table, empty where it has none.
        names: of the runs, each another.
    """
    settings = [*_settings(entries)]
    columns = *_descriptions(entries, settings), *settings, *_figures(entries, rows)
    return DifferenceTable(tuple(names), columns)


def _descriptions(
    entries: Sequence[Entry], settings: Sequence[TableColumn]
) -> Iterator[TableColumn]:
    """What they are, where that differs and no setting says it of all."""
    said = {c.name for c in settings if all(cell.value is not None for cell in c.cells)}
    for name, title, setting in (
        ("kind", "Kind", ""), ("network", "Network type", "model"), ("data", "Data", "data"),
    ):  # fmt: skip
        texts = [str(getattr(entry, name)) for entry in entries]
        if len({*texts}) > 1 and setting not in said:
            yield TableColumn(name, title, tuple(Cell(t, t) if t else Cell() for t in texts))
    states = [entry.state for entry in entries]
    if {*states} != {"done"}:
        yield TableColumn("state", "State", tuple(Cell(state, state) for state in states))


def _settings(entries: Sequence[Entry]) -> Iterator[TableColumn]:
    """The settings in which runs that have them differ, in the order of forms."""
    kinds = dict.fromkeys(entry.kind for entry in entries)
    fields: dict[str, FieldInfo] = {}
    titles: dict[str, set[str]] = {}
    for kind in kinds:
        for name, field in KINDS[kind].model_fields.items() if kind in KINDS else ():
            fields[name] = field
            if any(entry.kind == kind and name in entry.settings for entry in entries):
                titles.setdefault(name, set()).add(field.title or name)
    for name in dict.fromkeys([*fields, *(n for entry in entries for n in entry.settings)]):
        if not _differs(name, entries):
            continue
        field = fields.get(name)
        there = {_plain(e.settings[name]): e.settings[name] for e in entries if name in e.settings}
        words = {text: setting_in_words(value, field) for text, value in there.items()}
        paths = [text for text, value in there.items() if isinstance(value, str)]
        if len({words[path] for path in paths}) < len(paths):  # that end alike are told whole
            words |= {path: path for path in paths}
        cells = (
            Cell(words[_plain(e.settings[name])], e.settings[name])
            if name in e.settings
            else Cell()
            for e in entries
        )
        called = titles.get(name, {name})  # a name of several meanings is told as it is
        title = in_words(name.replace("_", "-")) if len(called) > 1 else next(iter(called))
        yield TableColumn(name, title, tuple(cells))


def _differs(name: str, entries: Sequence[Entry]) -> bool:
    """Whether runs of one kind differ in a setting, or what runs of several kinds say of it."""
    there = [(e.kind, _plain(e.settings[name])) for e in entries if name in e.settings]
    several = any(len({text for k, text in there if k == kind}) > 1 for kind, _ in there)
    return several or len({text for _, text in there if text}) > 1


def _figures(entries: Sequence[Entry], rows: Sequence[Sequence[Row]]) -> Iterator[TableColumn]:
    """What they came to; a figure of another kind of run is another one."""
    found: dict[str, str] = {}
    for entry in entries:
        known = KEY_FIGURES.get(entry.kind)
        if known is not None:
            found |= {known.title(name): name for name in known.names if name in entry.figures}
    for title, name in found.items():
        cells = [
            _figure(entry, name, own)
            if (known := KEY_FIGURES.get(entry.kind)) is not None
            and name in entry.figures
            and known.title(name) == title
            else Cell()
            for entry, own in zip(entries, rows, strict=True)
        ]
        yield TableColumn(key_of(title), title, tuple(cells), is_figure=True)


def _figure(entry: Entry, name: str, rows: Sequence[Row]) -> Cell:
    value = entry.figures[name]
    if name in ("accuracy", "clean", "certified"):
        low, high = _ends(entry, name, value, rows)
        text = percent(value)
        if not math.isnan(low):
            text += f" ({100 * low:.1f} to {100 * high:.1f})"
        return Cell(text, value, low, high)
    low, high = (entry.figures.get(f"{name}_{end}", math.nan) for end in ("low", "high"))
    if name in ("nonconvex", "variation", "logvariation"):
        estimate = Bounded(value, low, high)
        said = estimate.as_share if name == "nonconvex" else str(estimate)
        return Cell(said, value, low, high) if low < high else Cell(said, value)
    if name == "average":
        return _average(value, rows)
    if name in ("eps", "radius"):
        return Cell(radius_label(value), value)
    return Cell(f"{value:.4g}".replace("-", "−"), value)


def _average(value: float, rows: Sequence[Row]) -> Cell:
    """An average certified radius, of the defense that it was taken from."""
    known = over_seeds(row for row in rows if not math.isnan(row.average_radius))
    taken = min(known, key=lambda seeds: abs(average_radius_of(seeds)[0] - value), default=[])
    error = NORMAL * average_radius_of(taken)[1]
    text = average_radius_in_words(taken) or f"{value:.4g}"
    return Cell(text, value, value - error, value + error)


def _ends(entry: Entry, name: str, value: float, rows: Sequence[Row]) -> tuple[float, float]:
    """The interval of a share: of a training its test images', of an evaluation that of the row or
    the seeds it was taken from; NaN where that is not known."""
    if entry.is_training and entry.samples is not None and entry.samples[1]:
        return exact_interval(round(value * entry.samples[1]), entry.samples[1])
    eps = 0.0 if name == "clean" else entry.figures.get("radius" if name == "certified" else "eps")
    near = [row for row in rows if (row.network, row.eps) == (rows[0].network, eps)]
    taken = min(
        ([[row] for row in near] + over_seeds(near)),
        key=lambda group: abs(interval(group)[0] - value),
        default=None,
    )
    return interval(taken)[1:] if taken else (math.nan, math.nan)


def key_of(title: str) -> str:
    """What tables on disk call a column with a title."""
    return title.lower().replace(" ", "_").replace("ε", "eps")


def _plain(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def unique_names(entries: Iterable[Entry]) -> list[str]:
    """What runs are called, each by another name: those called alike with their folder."""
    entries = list(entries)
    names = [entry.name for entry in entries]
    return [
        name
        if names.count(name) == 1
        else f"{name} ({entry.folder.parent.name}/{entry.folder.name})"
        for name, entry in zip(names, entries, strict=True)
    ]
