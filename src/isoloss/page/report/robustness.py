"""The page of one or several robustness runs: what `report.md` and the figures say, in that order
in which a reader must know it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from isoloss.figures.robustness.run_results import RunResults, read_run_results, refuse_others
from isoloss.figures.robustness.stamps import Stamps
from isoloss.library.columns import settings_in_words
from isoloss.naming import capitalized, drawable_line, sentence
from isoloss.page.frame import command_facts, escaped, facts
from isoloss.page.report.colours import Colours
from isoloss.page.report.evaluations import charts_of as charts_of_runs
from isoloss.page.report.images import Room, images_of
from isoloss.page.report.tables import charts_of, table_of
from isoloss.page.report.writing import Written, write
from isoloss.results.references import ReferenceLine, fitting
from isoloss.results.report_tables import Evaluated, how_measured, sections_of, warned_of
from isoloss.run import Run
from isoloss.settings.text import command_line

UNFINISHED = "This run is not finished: its numbers are those so far, and nothing has been checked."
SOUND = "No check has found anything that speaks against these numbers."


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
    colours = Colours()
    stamps = Stamps.of_warnings(warning for run in runs for warning in run.warnings)
    main = [_head(runs, title), _verdicts(runs, stamps)]
    main += [
        charts_of(charts_of_runs(group, stamps, colours), f"chart{k}")
        for k, group in enumerate(groups)
    ]
    main += [_references(group, f"published{k}") for k, group in enumerate(groups)]
    main += _tables(runs)
    main += _images(runs, stamps, colours)
    about = [command_facts(command), *map(_measured, runs), *map(_settings, runs)]
    return write(
        Written(_title(runs, title), "".join(main), "".join(about), colours.style(), theme)
    )


def _title(runs: Sequence[RunResults], title: str) -> str:
    return drawable_line(title) or ", ".join(run.name for run in runs)


def _head(runs: Sequence[RunResults], title: str) -> str:
    kinds = {"attack": "Attack", "defend": "Defense", "certify": "Certification"}
    said: list[str] = []
    for run in runs:
        networks = ", ".join(dict.fromkeys(row.network for row in run.rows))
        samples = max(row.samples for row in run.rows)
        images = f"{samples:,} {run.settings.split} images"
        parts = [kinds.get(run.settings.kind, run.settings.kind), networks, run.data, images]
        said.append(" · ".join(_said(part) for part in parts if part))
    below = "<br>".join(said)
    return f'<header><h1>{_said(_title(runs, title))}</h1><p class="quiet">{below}</p></header>'


def _verdicts(runs: Sequence[RunResults], stamps: Stamps) -> str:
    """What each run has come to, and all that speaks against it: first of all, and never folded."""
    several = len(runs) > 1
    parts: list[str] = []
    for run in runs:
        name = f"<h2>{_said(run.name)}</h2>" if several else ""
        said = run.report.summary if run.report is not None else UNFINISHED
        kind = "verdict" if run.report is not None else "verdict doubted"
        parts.append(f'{name}<p class="{kind}">{_said(said)}</p>')
        items = "".join(_doubts(run, stamps))
        if items:
            parts.append(f'<h3>What speaks against these numbers</h3><ol class="doubts">{items}</ol>')
    return f'<section class="verdicts" aria-label="Verdict">{"".join(parts)}</section>'


def _doubts(run: RunResults, stamps: Stamps) -> Iterator[str]:
    evaluated = evaluated_of(run)
    for warning in run.warnings:
        about = warned_of(evaluated, warning)
        beside = f" ({_said(about)})" if about else ""
        number = stamps.messages.index(warning.message) + 1
        yield (
            f'<li><span class="sign">{number}</span><strong>{_said(warning.id)}</strong>{beside}: '
            f"{_said(sentence(warning.message))}</li>"
        )


def evaluated_of(run: RunResults) -> Evaluated:
    """What the report of a run is of."""
    return Evaluated(run.settings, run.rows, run.certificates)


def _tables(runs: Sequence[RunResults]) -> Iterator[str]:
    """Those of `report.md`: of each section the first is seen at once."""
    for run in runs:
        of = f" of {run.name}" if len(runs) > 1 else ""
        for section in sections_of(evaluated_of(run), run.report):
            yield f"<section><h2>{_said(section.title + of)}</h2>"
            if section.remark:
                yield f'<p class="note">{_said(section.remark)}</p>'
            for k, table in enumerate(section.tables):
                title = table.title or section.title
                fold = title if k and table.title else ""
                remark = f'<p class="note">{_said(table.remark)}</p>' if table.remark else ""
                note = f'<p class="note">{_said(table.note)}</p>' if table.note else ""
                yield remark + table_of(table.header, table.rows, title, fold) + note
            yield "</section>"


def _references(runs: Sequence[RunResults], name: str) -> str:
    first = runs[0]
    lines = fitting(first.data, first.norm, is_certified=first.is_certified)
    if not lines:
        return ""
    rows = [_reference(line) for line in lines]
    header = ("network", "accuracy", "paper", "source")
    table = table_of(header, rows, "Published results", f"Published results ({len(lines)})")
    return (
        f'<label class="switch"><input type="checkbox" class="published" id="{name}" checked> '
        f"Published results behind the curves</label>{table}"
    )


def _reference(line: ReferenceLine) -> tuple[str, ...]:
    from isoloss.naming import percent
    from isoloss.results.radii import radius_label

    each = (
        f"{percent(share)} at {radius_label(eps)}"
        for eps, share in zip(line.eps, line.accuracy, strict=True)
    )
    return line.name, ", ".join(each), line.paper, line.source


def _images(runs: Sequence[RunResults], stamps: Stamps, colours: Colours) -> Iterator[str]:
    room = Room()
    for k, run in enumerate(runs):
        pieces = "".join(images_of(run, stamps, colours, f"images{k}", room))
        if pieces:
            of = f" of {run.name}" if len(runs) > 1 else ""
            yield f'<section class="images"><h2>{_said("Images" + of)}</h2>{pieces}</section>'


def _measured(run: RunResults) -> str:
    if run.report is None:
        return ""
    lines = how_measured(evaluated_of(run), run.report)
    items = "".join(f"<li>{_said(capitalized(line))}</li>" for line in lines)
    return f"<h2>{_said(f'How {run.name} was measured')}</h2><ul>{items}</ul>"


def _settings(run: RunResults) -> str:
    opened = Run.open(run.folder)
    asked = opened.asked.model_dump(mode="json")
    words = settings_in_words(opened.asked.kind, asked)
    fields = type(opened.asked).model_fields
    known = {
        name: text.removeprefix(fields[name].title or name).strip() if name in fields else text
        for name, text in words.items()
    }
    titled = {(fields[name].title if name in fields else "") or name: v for name, v in known.items()}
    begun = "" if opened.asked.is_from_python else command_line(opened.asked, Path(run.name))
    said = f"<p>Begun by</p><pre>{escaped(begun)}</pre>" if begun else ""
    return facts(f"Settings of {run.name}", titled) + said + facts("Environment", opened.environment)


def _said(text: str) -> str:
    return f"<bdi>{escaped(drawable_line(text))}</bdi>"
