"""Figures of attacks, defenses and certifications: which there are, and how they are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from isoloss.errors import IsolossError
from isoloss.figures.paper import COLUMN, PAGE, Print
from isoloss.figures.robustness.choice import Choice, What
from isoloss.figures.robustness.run_results import RunResults, read_run_results
from isoloss.figures.robustness.series import by_defense, by_network, series_of
from isoloss.figures.sheet import Sheet, write_figure
from isoloss.geometry.arrays import Pixels
from isoloss.paths import exists
from isoloss.results.references import ReferenceLine, chosen
from isoloss.run import Run
from isoloss.run_folder import FIGURES
from isoloss.scene.appearance import Appearance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
USUAL_SUFFIXES = (".png", ".svg")
"""Within a run."""
OF_ACCURACY = ("by", "reference")
OF_IMAGES = ("network", "attack", "sigma", "eps", "image")


def draw_robustness(
    folders: Sequence[Path],
    path: Path | None,
    choice: Choice,
    appearance: Appearance,
    heading: str = "",
    size: tuple[int, int] | None = None,
    scale: float | None = None,
    print_: Print | None = None,
) -> Pixels:
    """A figure of robustness runs, written to `path` if there is one.

    Args:
        folders: of one run; of several on the same images for accuracy and certificates.
        heading: above it; unless given, plots have titles of their own if `appearance` has.
        size: of which the shape counts, as in other figures; images and maps are as high as they
            need to be.

    Returns:
        (H, W, 4) uint8, RGBA with straight alpha, top row first.

    Raises:
        IsolossError: a run has no such thing, or an option does not fit.
    """
    if path is not None and path.suffix.lower() not in SUFFIXES:
        raise IsolossError(
            f"figures are PNG, SVG or PDF: give a name that ends so, not {path.name}"
        )
    if scale is not None and not 0.05 <= scale <= 100:
        raise IsolossError(f"--scale must be from 0.05 to 100, not {scale:g}")
    runs = [read_run_results(folder) for folder in folders]
    what: What = choice.what or ("certified" if runs[0].is_certified else "accuracy")
    _refuse_what_does_not_fit(choice, what, runs)
    if what in ("examples", "maps") and size is not None:
        raise IsolossError(f"a figure of {what} is as high as it needs to be: give --width-mm")
    print_ = print_ or Print()
    if size is None and print_.width_mm is None:
        print_ = replace(print_, width_mm=_usual_width(runs, what))
    sheet = Sheet.paper(size, scale or 1.0, print_)
    figure = _figure(runs, what, choice, sheet, appearance, heading)
    return write_figure(figure, path, sheet, appearance.transparent)


def write_usual(folder: Path) -> Iterator[Path]:
    """All figures of a run that there are, as PNG and SVG into its `figures/`; those that are
    newer than what they show are left alone."""
    results = read_run_results(folder)
    run = Run.open(folder)
    shown = (run.report_path, run.table_path)
    newest = max(path.stat().st_mtime_ns for path in shown if exists(path))
    appearance = replace(Appearance(), theme="light")
    for what in _usual(results):
        paths = [folder / FIGURES / f"{what}{suffix}" for suffix in USUAL_SUFFIXES]
        if not all(exists(path) and path.stat().st_mtime_ns >= newest for path in paths):
            print_ = Print(width_mm=_usual_width([results], what))
            sheet = Sheet.paper(None, 1.0, print_)
            figure = _figure([results], what, Choice(), sheet, appearance, "")
            for path in paths:
                write_figure(figure, path, sheet, appearance.transparent)
        yield from paths


def _usual(run: RunResults) -> Iterator[What]:
    from isoloss.figures.robustness.saved_images import read_saved_images

    yield "certified" if run.is_certified else "accuracy"
    try:
        saved = read_saved_images(run, Choice())
    except IsolossError:
        return
    yield "examples"
    if saved.maps and len(saved.eps) > 1:
        yield "maps"


def _figure(
    runs: Sequence[RunResults],
    what: What,
    choice: Choice,
    sheet: Sheet,
    appearance: Appearance,
    heading: str,
) -> Figure:
    # Each brings matplotlib, half a second, with it.
    match what:
        case "accuracy":
            from isoloss.figures.robustness.accuracy import accuracy_figure

            return accuracy_figure(
                runs, sheet, appearance, heading, choice.by, _references(runs, choice)
            )
        case "certified":
            from isoloss.figures.robustness.certified import certified_figure

            return certified_figure(runs, sheet, appearance, heading, _references(runs, choice))
        case "examples":
            from isoloss.figures.robustness.strips import strip_figure

            return strip_figure(runs[0], choice, sheet, appearance, heading)
        case "maps":
            from isoloss.figures.robustness.maps import map_figure

            return map_figure(runs[0], choice, sheet, appearance, heading)


def _references(runs: Sequence[RunResults], choice: Choice) -> list[ReferenceLine]:
    first = runs[0]
    return chosen(
        choice.reference, first.data, first.norm, is_certified=first.is_certified,
        split=first.settings.split,
    )  # fmt: skip


def _usual_width(runs: Sequence[RunResults], what: What) -> float:
    """One column of a paper, where that is enough."""
    if what == "examples":
        return COLUMN
    if what == "maps":
        return PAGE
    series = series_of(runs)
    groups = by_network(series) if what == "certified" else by_defense(series)
    return COLUMN if len(groups) == 1 else PAGE


def _refuse_what_does_not_fit(choice: Choice, what: What, runs: Sequence[RunResults]) -> None:
    given = {f.name for f in fields(Choice) if getattr(choice, f.name) != f.default}
    of = {
        "accuracy": OF_ACCURACY,
        "certified": ("reference",),
        "examples": OF_IMAGES,
        "maps": [name for name in OF_IMAGES if name != "eps"],
    }[what]
    for name in sorted(given - {"what", *of}):
        raise IsolossError(f"a figure of {what} has no --{name}")
    if what == "accuracy":
        for run in runs:
            if run.is_certified:
                raise IsolossError(
                    f"{run.name} is a certification: its radii are drawn with --what certified"
                )
    if what in ("examples", "maps") and len(runs) > 1:
        raise IsolossError(f"a figure of {what} is of one run: name one")
