"""`isoloss runs`: the run library as a table, as wide as the terminal."""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import unicodedata
from collections.abc import Sequence, Sized
from pathlib import Path
from typing import Any

from isoloss.cli.runs_editing import EDITS, edit
from isoloss.errors import IsolossError
from isoloss.library.columns import COLUMNS, Column, total_size
from isoloss.library.entry import Entry
from isoloss.library.library import library_in
from isoloss.library.query import in_order, query
from isoloss.naming import size_in_words
from isoloss.paths import is_folder
from isoloss.run_folder import is_run
from isoloss.shortening import shortened
from isoloss.system.user_folders import cache_folder

_GAP = 2
_NARROWEST = 8
"""Characters of a column, below which nothing is shortened."""
_USUAL = Path("runs")


def list_runs(namespace: argparse.Namespace) -> int:
    """Print the runs that are asked for; returns the exit code."""
    folders, words = folders_and_words(namespace.words)
    wanted = query(words)
    library = library_in(folders, cache_folder())
    library.keep()
    found = [entry for entry in library.entries if wanted(entry)]
    if namespace.sort or namespace.reverse:
        found = in_order(found, namespace.sort or "date", reverse=namespace.reverse)
    if edits := {k: v for k in EDITS if (v := getattr(namespace, k)) not in (None, False)}:
        _require_some(found, asked=bool(words) or all(map(is_run, folders)))
        for said in edit(found, edits):
            print(said)
        return 0
    if namespace.json:
        for entry in found:
            print(json.dumps(_as_json(entry)))
        return 0
    print_table(found)
    counted = f"{len(found):,} run{'' if len(found) == 1 else 's'}"
    if len(found) < len(library.entries):
        counted = f"{len(found):,} of {len(library.entries):,} runs"
    print(f"{counted}, {size_in_words(total_size(found))}")
    return 0


def print_table(entries: Sequence[Entry]) -> None:
    """Print runs as a table that fits into the terminal, or whole where there is none."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in table(entries, width):
        print(line)


def table(entries: Sequence[Entry], width: int | None) -> list[str]:
    """Runs as lines of a table with a header, none wider than `width`."""
    cells = [(c, [_plain(c.text(entry)) for entry in entries]) for c in COLUMNS]
    shown = [(c, texts) for c, texts in cells if any(texts)]
    natural = {c: max(map(_width, [c.title, *texts])) for c, texts in shown}
    widths = natural if width is None else _fitted(natural, width)
    shown = [(c, texts) for c, texts in shown if c in widths]
    lines = [[_cell(c.title, widths[c], c) for c, _ in shown]]
    lines += [[_cell(texts[k], widths[c], c) for c, texts in shown] for k in range(len(entries))]
    return [(" " * _GAP).join(line).rstrip() for line in lines] if entries else []


def print_lines(lines: Sequence[Sequence[str]], width: int | None) -> None:
    """Print lines of cells below each other; none is wider than `width`, but for what cannot be
    shortened any more."""
    columns = [[_plain(text) for text in column] for column in zip(*lines, strict=True)]
    widths = [max(map(_width, column)) for column in columns]
    room = math.inf if width is None else width - _GAP * (len(columns) - 1)
    while sum(widths) > room and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
    for k in range(len(lines)):
        cells = [_shortened(c[k], w) for c, w in zip(columns, widths, strict=True)]
        padded = [t + " " * (w - _width(t)) for t, w in zip(cells, widths, strict=True)]
        print((" " * _GAP).join(padded).rstrip())


def _fitted(natural: dict[Column, int], width: int) -> dict[Column, int]:
    """Widths with which all fits: the least important columns go, what can be shortened is."""
    shown = dict(natural)
    while len(shown) > 1 and sum(map(_least, shown, shown.values())) + _gaps(shown) > width:
        del shown[min(shown, key=lambda c: c.importance)]
    while (excess := sum(shown.values()) + _gaps(shown) - width) > 0:
        column = max(shown, key=lambda c: shown[c] - _least(c, natural[c]))
        spare = shown[column] - _least(column, natural[column])
        if spare <= 0:  # a single column, wider than the terminal
            shown[column] = max(width, 1)
            break
        shown[column] -= min(max(spare // 4, 1), excess)
    return shown


def _least(column: Column, natural: int) -> int:
    return min(column.least, natural) if column.least else natural


def _gaps(columns: Sized) -> int:
    return _GAP * (len(columns) - 1)


def _cell(text: str, width: int, column: Column) -> str:
    text = _shortened(text, width)
    room = " " * (width - _width(text))
    return room + text if column.is_number else text + room


def _shortened(text: str, width: int) -> str:
    return shortened(text, lambda part: _width(part) <= width)


def _width(text: str) -> int:
    """The columns of a terminal that a text takes."""
    wide = (unicodedata.east_asian_width(c) in "WF" for c in text)
    return sum(0 if unicodedata.combining(c) else 1 + w for c, w in zip(text, wide, strict=True))


def _plain(text: str) -> str:
    """A text of one line without what a terminal would take for a command."""
    return "".join(c if c.isprintable() else "�" for c in " ".join(text.split()))


def folders_and_words(given: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The folders among what was given, and the words; where there is no folder, the usual one.

    Raises:
        IsolossError: if a path leads nowhere.
    """
    folders = [Path(each) for each in given if _is_folder(each)]
    words = [each for each in given if not _is_folder(each)]
    for word in words:
        if word.startswith(("/", "./", "../", "~/")):
            raise IsolossError(f"there is no folder {word} with runs: name another")
    return folders or [_USUAL], words


def _require_some(found: Sequence[Entry], *, asked: bool) -> None:
    """Refuse to change all runs because nobody has said which.

    Raises:
        IsolossError: also if there is none.
    """
    if not asked:
        raise IsolossError("say which runs: give the folder of one, or words such as state:failed")
    if not found:
        raise IsolossError("there is no such run: isoloss runs without words lists all")


def _is_folder(text: str) -> bool:
    try:
        return is_folder(Path(text).expanduser())
    except RuntimeError:  # "~nobody"
        return False


def _as_json(entry: Entry) -> dict[str, Any]:
    """An entry as a program reads it."""
    return {"name": entry.name, "date": entry.date, **entry.as_json()}
