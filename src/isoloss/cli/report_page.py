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


def export_report(namespace: Namespace, paths: Sequence[Path], asked: Sequence[str]) -> Path | None:
    """Write the page of numbers that is asked for; None where it is a page of surfaces.

    Args:
        asked: the options given that are about how surfaces look, as one types them.

    Raises:
        IsolossError: a run has found nothing yet, the runs do not belong together, or an option
            does not fit.
    """
    from isoloss.figures.robustness.run_results import is_robustness_run

    evaluations = [path for path in paths if is_robustness_run(path)]
    if not evaluations:
        return None
    if len(evaluations) < len(paths):
        others = next(path for path in paths if path not in evaluations)
        raise IsolossError(
            f"{others} is no attack, defense or certification: export it to a page of its own"
        )
    if asked:
        raise IsolossError(f"{asked[0]} is of surfaces: leave it out")
    from isoloss.page.report.robustness import robustness_page

    text = robustness_page(evaluations, command(), theme_of(namespace), title_of(namespace))
    return write_atomic(namespace.out, lambda p: p.write_text(text, encoding="utf-8"))


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
