"""Writes docs/results.md: what the runs of examples/reproduce came to, beside what was published.

    python tools/write_results.py runs/reproduce   # keeps what is done, and writes the page
    python tools/write_results.py                  # writes the page of what is kept

Of each run its run.json, its time and its numbers are kept in docs/results, a file for each script;
the page is made of these and of docs/results/bench/curvature_N.json, which `isoloss bench curvature
--json` has printed. No number in it is typed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

from results.keeping import Kept, done_runs, kept_of
from results.page import page_of, published

ROOT = Path(__file__).absolute().parent.parent
RECIPES = ROOT / "examples" / "reproduce"
KEPT, PAGE = ROOT / "docs" / "results", ROOT / "docs" / "results.md"


def main(arguments: list[str] | None = None) -> int:
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("runs", nargs="*", type=Path, help="folders of runs")
    parser.add_argument("--kept", type=Path, default=KEPT)
    parser.add_argument("--page", type=Path, default=PAGE)
    asked = parser.parse_args(arguments)
    sys.path.insert(0, str(RECIPES))
    recipes = importlib.import_module("recipe").recipes()
    keep(asked.runs, recipes, asked.kept)
    results = {r.name: read(asked.kept / f"{r.name}.json") for r in recipes}
    benches = [read(path) for path in asked.kept.glob("bench/curvature_*.json")]
    page = page_of(recipes, results, published(RECIPES / "published.csv"), benches)
    asked.page.write_text(page, encoding="utf-8")
    print(f"wrote {asked.page}")
    return 0


def keep(folders: list[Path], recipes: list, kept: Path) -> None:
    """Add what is done to what is kept of each recipe."""
    there = done_runs(folders)
    kept.mkdir(parents=True, exist_ok=True)
    for recipe in recipes:
        path = kept / f"{recipe.name}.json"
        found = read(path) | {n: kept_of(there[n]) for n in recipe.runs if n in there}
        if found:
            in_order = {name: found[name] for name in recipe.runs if name in found}
            path.write_text(json.dumps(in_order, indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Kept:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


if __name__ == "__main__":
    sys.exit(main())
