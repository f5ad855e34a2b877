"""The page of one or several robustness runs: what `report.md` and the figures say, in the order in
which a reader must know it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from isoloss.figures.robustness.run_results import RunResults, read_run_results, refuse_others
from isoloss.figures.robustness.stamps import Stamps
from isoloss.naming import capitalized, drawable_line, percent
from isoloss.page.frame import command_facts
from isoloss.page.report.colours import Colours
from isoloss.page.report.evaluations import charts_of_runs
from isoloss.page.report.facts import settings_of
from isoloss.page.report.images import Room, images_of
from isoloss.page.report.tables import charts_of, folded, note_of, said, table_of
from isoloss.page.report.verdicts import evaluated_of, verdicts
from isoloss.page.report.writing import Written, write
from isoloss.results.radii import radius_label
from isoloss.results.references import ReferenceLine
from isoloss.results.report_tables import how_measured, sections_of

KINDS = {"attack": "Attack", "defend": "Defense", "certify": "Certification"}


def robustness_page(
    folders: Sequence[Path], command: str = "", theme: str = "", title: str = ""
) -> str:
    """The text of a page of runs on the same images.

    Args:
        command: what made it, as typed.
        theme: "dark" or "light"; unless given, that of the reader's system.
        title: unless given, the runs' names.

    Raises:
        IsolossError: a run has found nothing yet or is damaged, or they do not belong together.
    """
    runs = [read_run_results(folder) for folder in folders]
    groups = [[r for r in runs if r.is_certified == certified] for certified in (False, True)]
    groups = [group for group in groups if group]
    for group in groups:
        refuse_others(group)
    colours, several = Colours(), len(runs) > 1
    stamps = Stamps.of_warnings(warning for run in runs for warning in run.warnings)
    heading = drawable_line(title) or ", ".join(run.name for run in runs)
    main = [_head(runs, heading), verdicts(runs, stamps, named=several)]
    for k, group in enumerate(groups):
        main.append(charts_of(charts_of_runs(group, stamps, colours), f"chart{k}"))
        main.append(_references(group))
    main += _tables(runs)
    main += _images(runs, stamps, colours)
    about = [command_facts(command), *map(_measured, runs), *(settings_of(r.folder) for r in runs)]
    return write(Written(heading, "".join(main), "".join(about), colours.style(), theme))


def _head(runs: Sequence[RunResults], heading: str) -> str:
    lines: list[str] = []
    for run in runs:
        networks = ", ".join(dict.fromkeys(row.network for row in run.rows))
        images = f"{max(row.samples for row in run.rows):,} {run.settings.split} images"
        parts = [KINDS.get(run.settings.kind, run.settings.kind), networks, run.data, images]
        lines.append(" · ".join(said(part) for part in parts if part))
    return f'<header><h1>{said(heading)}</h1><p class="quiet">{"<br>".join(lines)}</p></header>'


def _tables(runs: Sequence[RunResults]) -> Iterator[str]:
    """Those of `report.md`: of each section the first is seen at once."""
    for run in runs:
        of = f" of {run.name}" if len(runs) > 1 else ""
        for section in sections_of(evaluated_of(run), run.report):
            yield f"<section><h2>{said(section.title + of)}</h2>{note_of(section.remark)}"
            for k, table in enumerate(section.tables):
                title = table.title or section.title
                drawn = table_of(table.header, table.rows, title)
                drawn = note_of(table.remark) + drawn + note_of(table.note)
                yield folded(title, drawn) if k else drawn
            yield "</section>"


def _references(runs: Sequence[RunResults]) -> str:
    lines = runs[0].published
    if not lines:
        return ""
    title = f"Published results ({len(lines)})"
    table = table_of(("network", "accuracy", "paper", "source"), map(_reference, lines), title)
    return (
        '<label class="switch"><input type="checkbox" class="published" checked> Published results '
        f"behind the curves</label>{folded(title, table)}"
    )


def _reference(line: ReferenceLine) -> tuple[str, ...]:
    each = (
        f"{percent(share)} at {radius_label(eps)}"
        for eps, share in zip(line.eps, line.accuracy, strict=True)
    )
    return line.name, ", ".join(each), line.paper, line.source


def _images(runs: Sequence[RunResults], stamps: Stamps, colours: Colours) -> Iterator[str]:
    room = Room()
    for k, run in enumerate(runs):
        if pieces := "".join(images_of(run, stamps, colours, f"images{k}", room)):
            of = f" of {run.name}" if len(runs) > 1 else ""
            yield f'<section class="images"><h2>{said("Images" + of)}</h2>{pieces}</section>'


def _measured(run: RunResults) -> str:
    if run.report is None:
        return ""
    lines = how_measured(evaluated_of(run), run.report)
    items = "".join(f"<li>{said(capitalized(line))}</li>" for line in lines)
    return f"<h2>{said(f'How {run.name} was measured')}</h2><ul>{items}</ul>"
