"""`isoloss compare`: several runs on one pair of axes, and a table of what differs."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from isoloss.cli.runs_table import folders_and_words, print_lines
from isoloss.cli.typed_path import path_of
from isoloss.errors import IsolossError
from isoloss.events import Log, to_line
from isoloss.files import check_parent, write_atomic
from isoloss.library.comparison.comparison import Comparing, Comparison, View
from isoloss.library.comparison.sets import RunSets
from isoloss.library.comparison.training import ALONG
from isoloss.library.entry import Entry
from isoloss.library.library import library_in
from isoloss.library.query import query
from isoloss.results.charts import PARTS, WHATS, write_points
from isoloss.results.references import ALL
from isoloss.run_folder import is_run
from isoloss.system.user_folders import cache_folder

_FIGURES = (".pdf", ".svg", ".png")
_PAGES = (".html", ".htm")


def add_compare_options(parser: argparse.ArgumentParser) -> None:
    """Give `parser` all options of `isoloss compare`."""
    parser.add_argument(
        "words", nargs="+", metavar="RUN|WORD",
        help="Run folders or folders with runs, in the order in which they are told, and what the "
        "runs have: tag:sweep, kind:train, accuracy>0.9, … as for 'isoloss runs'",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--out", type=path_of, metavar="FILE",
        help="What to write: a figure, .pdf, .svg or .png; .html: a page that any browser opens; "
        ".csv: the table of differences or, with --what, all points of the curves [none: the table "
        "is printed]",
    )  # fmt: skip
    parser.add_argument(
        "--what", nargs="+", choices=list(WHATS), default=[],
        help="; ".join(f"{name}: {text}" for name, text in WHATS.items()) + " [all there are]",
    )  # fmt: skip
    parser.add_argument(
        "--along", choices=list(ALONG), default="epoch",
        help="What training curves are drawn against [epoch]",
    )  # fmt: skip
    parser.add_argument(
        "--smooth", type=float, default=0.0, metavar="W",
        help="Weight of the exponential moving average of training curves, debiased, from 0 to "
        "below 1; what was smoothed stays faint behind it [0: as they are]",
    )  # fmt: skip
    parser.add_argument(
        "--log", action="store_true", help="Logarithmic axes of loss and learning rate"
    )
    parser.add_argument(
        "--part", nargs="+", choices=PARTS, default=list(PARTS),
        help="Whose losses and accuracies, while training [both]",
    )  # fmt: skip
    parser.add_argument(
        "--by", choices=("majority", "single", "worst"), default="majority",
        help="Whose answer counts behind a defense that draws noise [majority of its draws]",
    )  # fmt: skip
    parser.add_argument(
        "--reference", nargs="+", default=[], metavar="NAME",
        help="Published results to be drawn behind accuracies and certificates, by their names, or "
        "all: of RobustBench's networks and Cohen's certificates those on the same data [none]",
    )  # fmt: skip
    parser.add_argument(
        "--sets", nargs="*", metavar="FIELD",
        help="Runs that differ in nothing but seeds as one set: means with intervals of 95 %%, the "
        "spread between seeds, and whether sets differ from the first. With FIELDs, sets are told "
        "apart by these alone: settings (of the network's training too), name, tag, network, data",
    )  # fmt: skip
    parser.add_argument(
        "--hide", nargs="+", default=[], metavar="NAME",
        help="Runs that keep their place in the table and their colour, but are not drawn",
    )  # fmt: skip
    parser.add_argument(
        "--colours", nargs="+", type=int, metavar="N",
        help="Which colour each run has, as a number from 0 [one after the other]",
    )  # fmt: skip
    parser.add_argument(
        "--theme", choices=("light", "dark"),
        help="[light; of a page that of the reader's system]",
    )  # fmt: skip
    parser.add_argument(
        "--width-mm", type=float, metavar="MM",
        help="Of a figure on paper [85, one column; 178 of several plots]",
    )  # fmt: skip
    parser.add_argument("--dpi", type=float, default=300.0, help="Pixels an inch, of PNG [300]")
    parser.add_argument("--title", default="", metavar="TEXT", help="Above the figure [none]")
    parser.add_argument(
        "--json", action="store_true", help="Print a line of JSON for each run, or for each file"
    )


def compare(namespace: argparse.Namespace) -> int:
    """Write what is asked for, or print the table; returns the exit code."""
    out: Path | None = namespace.out
    if out is not None:
        if out.suffix.lower() not in (*_FIGURES, *_PAGES, ".csv"):
            raise IsolossError(
                "a comparison is written as .pdf, .svg, .png, .html or .csv: give a name that ends "
                f"so, not {out.name}"
            )
        check_parent(out)
    view = View(
        tuple(namespace.what), namespace.along, namespace.smooth, namespace.log,
        tuple(namespace.part), namespace.by, tuple(namespace.reference),
    )  # fmt: skip
    comparing = Comparing()
    comparing.read(_meant(namespace.words))
    sets = None if namespace.sets is None else comparing.sets(namespace.sets)
    found = comparing.seen(view)
    _require(found, view)
    if out is None:
        if sets is None:
            _print(found, as_json=namespace.json)
        else:
            _print_sets(sets, as_json=namespace.json)
        return 0
    if out.suffix.lower() in _PAGES:
        _write_page(found, out, namespace)
    elif out.suffix.lower() != ".csv":
        _draw(found, out, namespace)
    elif namespace.what:
        write_points(out, found.charts, [*found.names])
    else:
        (sets or found.table).write_csv(out)
    print(to_line(Log(f"wrote {out}"), time.time()) if namespace.json else out)
    return 0


def _meant(given: Sequence[str]) -> list[Entry]:
    """The runs that are meant: folder by folder as these are given, in each the oldest first.

    Raises:
        IsolossError: if there are none.
    """
    folders, words = folders_and_words(given)
    for word in words:
        if "/" in word and not re.search("[:<>=]", word):
            raise IsolossError(f"there is no folder {word} with runs: name another")
    wanted = query(words)
    library = library_in(folders, None if all(map(is_run, folders)) else cache_folder())
    library.keep()
    places = {folder: k for k, folder in enumerate(library.folders)}
    found = [entry for entry in library.entries if wanted(entry)]
    if not found:
        raise IsolossError(
            "there is no run that has all of this: isoloss runs without words lists all"
        )

    def place(entry: Entry) -> tuple[int, float, str]:
        above = (places[f] for f in (entry.folder, *entry.folder.parents) if f in places)
        return min(above, default=0), entry.began, str(entry.folder)

    return sorted(found, key=place)


def _require(found: Comparison, view: View) -> None:
    """Refuse what is asked for by name and no run has.

    Raises:
        IsolossError: naming it.
    """
    there = {chart.what for chart in found.charts}
    for what in view.what:
        if what not in there:
            raise IsolossError(f"none of these runs has {WHATS[what]}: leave {what!r} out")
    known = {reference.name for chart in found.charts for reference in chart.references}
    for name in view.reference:
        if name not in known and not (known and name == ALL):
            raise IsolossError(
                f"--reference {name}: nothing of that name is published of the data of these runs "
                "in their norm; all draws what there is"
            )


def _hidden_and_colours(
    found: Comparison, namespace: argparse.Namespace
) -> tuple[list[int], list[int]]:
    """The places of runs that are not drawn, and those of all in the order of colours."""
    for name in namespace.hide:
        if name not in found.names:
            raise IsolossError(f"--hide {name}: none of these runs is called so")
    colours = namespace.colours or [*range(len(found.names))]
    if len(colours) != len(found.names) or min(colours) < 0:
        raise IsolossError(
            f"--colours takes a number from 0 for each of the {len(found.names):,} runs"
        )
    return [found.names.index(name) for name in namespace.hide], colours


def _write_page(found: Comparison, out: Path, namespace: argparse.Namespace) -> None:
    from isoloss.cli.report_page import command
    from isoloss.page.report.comparison import comparison_page

    hidden, colours = _hidden_and_colours(found, namespace)
    charts = [
        replace(c, traces=tuple(t for t in c.traces if t.run not in hidden)) for c in found.charts
    ]
    shown = replace(found, charts=tuple(chart for chart in charts if chart.traces))
    text = comparison_page(shown, command(), namespace.theme or "", namespace.title, colours)
    write_atomic(out, lambda p: p.write_text(text, encoding="utf-8"))


def _draw(found: Comparison, out: Path, namespace: argparse.Namespace) -> None:
    from isoloss.figures.comparison import draw_comparison
    from isoloss.figures.paper import Print
    from isoloss.scene.appearance import Appearance

    hidden, colours = _hidden_and_colours(found, namespace)
    draw_comparison(
        found.charts,
        found.names,
        colours,
        found.remarks,
        out,
        replace(Appearance(), theme=namespace.theme or "light"),
        namespace.title,
        Print(namespace.width_mm, namespace.dpi),
        hidden,
    )


def _print(found: Comparison, *, as_json: bool) -> None:
    if as_json:
        for line, entry in zip(found.table.as_json(), found.entries, strict=True):
            print(json.dumps(line | {"folder": str(entry.folder), "kind": entry.kind}))
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print_lines(found.table.lines(), width)


def _print_sets(found: RunSets, *, as_json: bool) -> None:
    if as_json:
        for line in found.as_json():
            print(json.dumps(line))
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print_lines(found.lines(), width)
    print("\n".join(("", *found.said)))
