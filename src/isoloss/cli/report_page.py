"""`isoloss export RUN --out x.html`, where what is to be seen is numbers: robustness runs, curves,
trainings."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.files import write_atomic


def export_report(namespace: Namespace, paths: Sequence[Path]) -> Path | None:
    """Write the page of numbers that is asked for; None where it is a page of surfaces.

    Raises:
        IsolossError: a run has found nothing yet, the runs do not belong together, or an option
            does not fit.
    """
    if (text := _text(namespace, paths)) is None:
        return None
    return write_atomic(namespace.out, lambda p: p.write_text(text, encoding="utf-8"))


def _text(namespace: Namespace, paths: Sequence[Path]) -> str | None:
    from isoloss.figures.robustness.run_results import is_robustness_run
    from isoloss.geometry.files.reading import kind_of_run
    from isoloss.run_folder import is_run
    from isoloss.scene.files.staging import only_curve

    typed = command() if namespace.as_typed is None else namespace.as_typed
    asked = typed, theme_of(namespace), title_of(namespace)
    evaluations = [path for path in paths if is_robustness_run(path)]
    if evaluations:
        from isoloss.page.report.robustness import robustness_page

        if len(evaluations) < len(paths):
            others = next(path for path in paths if path not in evaluations)
            raise IsolossError(
                f"{others} is no attack, defense or certification: export it to a page of its own"
            )
        _refuse_looks(namespace, "numbers")
        return robustness_page(evaluations, *asked)
    if len(paths) == 1 and is_run(paths[0]) and kind_of_run(paths[0]) in ("train", "import"):
        from isoloss.library.reading import read_entry
        from isoloss.page.report.comparison import run_page

        _refuse_looks(namespace, "a training")
        return run_page(read_entry(paths[0].absolute(), {}), *asked)
    if _may_be_curve(paths) and (layer := only_curve(paths)) is not None:
        from isoloss.page.report.curve import curve_page

        _refuse_looks(namespace, "a curve")
        return curve_page(layer, *asked)
    return None


def _may_be_curve(paths: Sequence[Path]) -> bool:
    """Whether it is worth looking: large surfaces are read once."""
    from isoloss.geometry.files.formats import format_of
    from isoloss.geometry.files.reading import finished_file

    path = finished_file(paths[0]) or paths[0]
    found = format_of(path)
    return len(paths) == 1 and (found is None or "curve" in found.holds)


def _refuse_looks(namespace: Namespace, what: str) -> None:
    """Refuse options that say how surfaces look."""
    from isoloss.cli.page_verb import asked_of_page
    from isoloss.scene.files.painted import PAINT

    given = [*asked_of_page(namespace)]
    given += [f"--{name.replace('_', '-')}" for name in PAINT if name in vars(namespace)]
    given += ["--quantity"] * bool(namespace.quantity) + ["--class"] * bool(namespace.classes)
    unfit = [option for option in given if option not in ("--theme", "--title")]
    if unfit:
        raise IsolossError(f"{unfit[0]} is of surfaces, and this is a page of {what}: leave it out")


def command() -> str:
    """What was typed."""
    return shlex.join(["isoloss", *sys.argv[1:]])


def theme_of(namespace: Namespace) -> str:
    """The theme that is asked for; "" for the reader's."""
    return getattr(namespace, "theme", "") or ""


def title_of(namespace: Namespace) -> str:
    """The title that is asked for; "" for the usual one."""
    title = getattr(namespace, "title", "")
    return title if isinstance(title, str) else ""
