"""Figures of attacks, defenses and certifications: which there are, and how they are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from isoloss.errors import IsolossError
from isoloss.figures.choice import Choice, What
from isoloss.figures.findings import Findings, read_findings
from isoloss.figures.print import COLUMN, PAGE, Print
from isoloss.figures.series import by_defense, by_network, series_of
from isoloss.figures.sheet import Sheet, write_figure
from isoloss.geometry.arrays import Pixels
from isoloss.run import Run
from isoloss.scene.appearance import Appearance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
USUAL_SUFFIXES = (".png", ".svg")
FOLDER = "figures"
"""Within a run."""
OF_ACCURACY = ("by",)
OF_IMAGES = ("network", "attack", "sigma", "eps", "image")


def draw_robustness(
    folders: Sequence[Path],
    path: Path | None,
    choice: Choice,
    look: Appearance,
    heading: str = "",
    size: tuple[int, int] | None = None,
    scale: float | None = None,
    print_: Print | None = None,
) -> Pixels:
    """A figure of robustness runs, written to `path` if there is one.

    Args:
        folders: of one run; of several on the same images for accuracy and certificates.
        heading: above it; unless given, plots have titles of their own if `look` has.
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
    findings = [read_findings(folder) for folder in folders]
    what: What = choice.what or ("certified" if findings[0].is_certified else "accuracy")
    _refuse_what_does_not_fit(choice, what, findings)
    if what in ("examples", "maps") and size is not None:
        raise IsolossError(f"a figure of {what} is as high as it needs to be: give --width-mm")
    print_ = print_ or Print()
    if size is None and print_.width_mm is None:
        print_ = replace(print_, width_mm=_usual_width(findings, what))
    sheet = Sheet.paper(size, scale or 1.0, print_)
    figure = _figure(findings, what, choice, sheet, look, heading)
    return write_figure(figure, path, sheet, look.transparent)


def write_usual(folder: Path) -> Iterator[Path]:
    """All figures of a run that there are, as PNG and SVG into its `figures/`; those that are
    newer than what they show are left alone."""
    findings = read_findings(folder)
    run = Run.open(folder)
    shown = (run.report_path, run.table_path)
    newest = max(path.stat().st_mtime_ns for path in shown if path.exists())
    look = replace(Appearance(), theme="light")
    for what in _usual(findings):
        paths = [folder / FOLDER / f"{what}{suffix}" for suffix in USUAL_SUFFIXES]
        if not all(path.exists() and path.stat().st_mtime_ns >= newest for path in paths):
            print_ = Print(width_mm=_usual_width([findings], what))
            sheet = Sheet.paper(None, 1.0, print_)
            figure = _figure([findings], what, Choice(), sheet, look, "")
            for path in paths:
                write_figure(figure, path, sheet, look.transparent)
        yield from paths


def _usual(findings: Findings) -> Iterator[What]:
    from isoloss.figures.kept import read_kept

    yield "certified" if findings.is_certified else "accuracy"
    try:
        kept = read_kept(findings, Choice())
    except IsolossError:
        return
    yield "examples"
    if kept.maps and len(kept.eps) > 1:
        yield "maps"


def _figure(
    findings: Sequence[Findings],
    what: What,
    choice: Choice,
    sheet: Sheet,
    look: Appearance,
    heading: str,
) -> Figure:
    # Each brings matplotlib, half a second, with it.
    match what:
        case "accuracy":
            from isoloss.figures.accuracy import accuracy_figure

            return accuracy_figure(findings, sheet, look, heading, choice.by)
        case "certified":
            from isoloss.figures.certified import certified_figure

            return certified_figure(findings, sheet, look, heading)
        case "examples":
            from isoloss.figures.strips import strip_figure

            return strip_figure(findings[0], choice, sheet, look, heading)
        case "maps":
            from isoloss.figures.maps import map_figure

            return map_figure(findings[0], choice, sheet, look, heading)


def _usual_width(findings: Sequence[Findings], what: What) -> float:
    """One column of a paper, where that is enough."""
    if what == "examples":
        return COLUMN
    if what == "maps":
        return PAGE
    series = series_of(findings)
    groups = by_network(series) if what == "certified" else by_defense(series)
    return COLUMN if len(groups) == 1 else PAGE


def _refuse_what_does_not_fit(choice: Choice, what: What, findings: Sequence[Findings]) -> None:
    given = {f.name for f in fields(Choice) if getattr(choice, f.name) != f.default}
    of = {
        "accuracy": OF_ACCURACY,
        "certified": (),
        "examples": OF_IMAGES,
        "maps": [name for name in OF_IMAGES if name != "eps"],
    }[what]
    for name in sorted(given - {"what", *of}):
        raise IsolossError(f"a figure of {what} has no --{name}")
    if what == "accuracy":
        for run in findings:
            if run.is_certified:
                raise IsolossError(
                    f"{run.name} is a certification: its radii are drawn with --what certified"
                )
    if what in ("examples", "maps") and len(findings) > 1:
        raise IsolossError(f"a figure of {what} is of one run: name one")
