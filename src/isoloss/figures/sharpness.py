"""Figures of runs that measure sharpness: eigenvalues, spectra, both over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.figures.comparison import draw_comparison
from isoloss.figures.paper import Print
from isoloss.geometry.arrays import Pixels
from isoloss.paths import exists
from isoloss.results.sharpness_charts import sharpness_charts
from isoloss.results.sharpness_files import read_sharpness
from isoloss.run import Run
from isoloss.run_folder import FIGURES
from isoloss.scene.appearance import Appearance

USUAL = ("sharpness.png", "sharpness.svg")


def is_sharpness_run(path: Path) -> bool:
    """Whether `path` is the folder of a run that measures sharpness."""
    try:
        return Run.open(path).settings.measures_curvature
    except IsolossError:
        return False


def draw_sharpness(
    folders: Sequence[Path],
    path: Path | None,
    appearance: Appearance,
    heading: str = "",
    print_: Print | None = None,
) -> Pixels:
    """A figure with a plot for each chart that these runs have, written to `path` if there is one.

    Returns:
        (H, W, 4) uint8, RGBA with straight alpha, top row first.

    Raises:
        IsolossError: if they have found nothing yet, or the file is no figure's.
    """
    runs = [Run.open(folder) for folder in folders]
    charts = [*sharpness_charts([read_sharpness(run) for run in runs])]
    if not charts:
        raise IsolossError(f"{runs[0].folder} has found nothing yet: resume it with isoloss run")
    names, places = [run.name for run in runs], range(len(runs))
    return draw_comparison(charts, names, places, [], path, appearance, heading, print_)


def write_usual(folder: Path) -> None:
    """That of a run, as PNG and SVG into its `figures/`, unless they are newer than its table."""
    table, paths = Run.open(folder).sharpness_path, [folder / FIGURES / name for name in USUAL]
    newest = table.stat().st_mtime_ns
    if all(exists(path) and path.stat().st_mtime_ns >= newest for path in paths):
        return
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        draw_sharpness([folder], path, replace(Appearance(), theme="light"))
