"""`isoloss mean A B … [--minus C D …] --out FILE`: several surfaces as one."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from isoloss.cli.typed_path import path_of
from isoloss.errors import IsolossError
from isoloss.files import check_parent
from isoloss.geometry.analysis.beyond_chance import DIFFERS, differs_in_words
from isoloss.geometry.analysis.mean_surface import mean_surface, surface_difference
from isoloss.geometry.files.formats import FORMATS, format_to_write
from isoloss.geometry.files.reading import load_telling
from isoloss.geometry.findings import findings_of
from isoloss.geometry.surface import Surface
from isoloss.naming import listed


def add_mean_options(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the options of `isoloss mean`."""
    parser.add_argument(
        "paths", type=path_of, nargs="+", metavar="PATH",
        help="Files or run folders with surfaces over one grid: of several networks, or planes",
    )  # fmt: skip
    parser.add_argument(
        "--minus", type=path_of, nargs="+", default=[], metavar="PATH",
        help="Take the mean of these away, and mark the cells that differ beyond what networks and "
        "planes explain; of one surface on either side beyond what samples explain",
    )  # fmt: skip
    parser.add_argument(
        "--paired", action="store_true",
        help="Each belongs to that of --minus at its place: they have a seed in common",
    )  # fmt: skip
    kept = [f.name for f in FORMATS if f.write is not None and f.read is not None]
    parser.add_argument(
        "--out", type=path_of, required=True, metavar="FILE", help=f"A {listed(kept, 'or')}"
    )
    parser.add_argument("--json", action="store_true", help="Print what came out as JSON")


def mean(namespace: argparse.Namespace, say: Callable[[str], None]) -> int:
    """Write the mean or the difference; returns the exit code."""
    if namespace.paired and not namespace.minus:
        raise IsolossError("--paired is for --minus: leave it out")
    if format_to_write(namespace.out).write is None:
        raise IsolossError(
            f"{namespace.out.suffix} holds pictures, not values: write a .ply, and draw it with "
            "'isoloss render' or 'isoloss export'"
        )
    check_parent(namespace.out)
    made, said = _made(namespace.paths, namespace.minus, paired=namespace.paired)
    written = made.save(namespace.out)
    if namespace.json:
        said_of = {"wrote": str(written), "said": said, DIFFERS: made.meta.get(DIFFERS)}
        print(json.dumps({k: v for k, v in said_of.items() if v is not None}))
        return 0
    print(written)
    for line in said:
        say(line)
    return 0


def _made(
    paths: Sequence[Path], minus: Sequence[Path], *, paired: bool
) -> tuple[Surface, list[str]]:
    a, b = ([load_telling(path, lambda _: None) for path in each] for each in (paths, minus))
    made = surface_difference(a, b, paired=paired) if b else mean_surface(a)
    said = [differs_in_words(made), *(f.message for f in findings_of(made.meta) or [])]
    return made, [line for line in said if line]
