"""The report of a robustness run: `report.json` for programs and `report.md` for people."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from isoloss.files import write_atomic
from isoloss.results.report_tables import (
    Evaluated,
    ReportTable,
    behind,
    how_measured,
    sections_of,
    warned_of,
)
from isoloss.results.tables import (
    EvaluationWarning,
    Report,
    Row,
    average_radius_in_words,
    mean_in_words,
    over_seeds,
    without_repeats,
    write_report,
)
from isoloss.robustness.ascent.protocol import protocol_of
from isoloss.robustness.evaluation.convergence import convergence
from isoloss.robustness.evaluation.evaluation_warnings import warnings_of
from isoloss.robustness.evaluation.results import Results
from isoloss.robustness.evaluation.rounding_of_votes import VotesApart
from isoloss.robustness.evaluation.summary import summary
from isoloss.run import Run
from isoloss.settings import Settings
from isoloss.settings.attack_kinds import attack_of

MUCH_ROUNDING = 0.01  # of the draws


def report_of(
    results: Results, shape: tuple[int, ...], apart: VotesApart | None, facts: dict[str, Any]
) -> Report:
    """All there is to say of a run.

    Args:
        shape: (C, H, W) of the images.
        apart: of a certification, what its precision changes.
        facts: what else the report is to state.
    """
    values = math.prod(shape)
    warnings = warnings_of(results, values)
    if apart is not None and apart.share > MUCH_ROUNDING:
        warnings.insert(0, EvaluationWarning(
            "rounding-changes-answers",
            f"in single precision {apart.others} of {apart.draws} draws are answered otherwise "
            f"than in {apart.precision}, which is what is certified: --precision fp32",
        ))  # fmt: skip
    settings = results.settings
    taken: dict[str, Any] = {}
    kinds = [attack_of(name) for name in results.plan.attacks]
    as_asked = not all(kind.passes or kind.is_baseline for kind in kinds)
    if settings.kind != "certify" and as_asked:
        protocol = protocol_of(settings)
        taken = {
            name: getattr(protocol, name)
            for name in ("steps", "step_size", "random_start", "restarts")
        }
        taken |= {
            name: getattr(settings, name)
            for name in ("loss", "targeted", "schedule", "momentum", "iterate", "draws_by")
            if getattr(settings, name) != settings.before.get(name, _default(settings, name))
        }
    asked = {
        name: getattr(settings, name)
        for name in ("norm", "protocol", "draws", "votes", "queries", "pilot", "alpha", "denoiser")
        if name in type(settings).model_fields and (as_asked or name != "queries")
    }
    if results.plan.purified:
        each = (f"{name} (σ = {sigma:g})" for sigma, name in results.plan.purified.items())
        asked["defense"] = "; ".join(each)
    everything = {
        "kind": settings.kind,
        "chance": 1 / results.classes,
        "shape": list(shape),
        "split": settings.split,
        **_noise_alone(results),
        **asked,
        **taken,
        **facts,
    }
    said = summary(results, warnings, values, computed="" if apart is None else str(apart))
    return Report(said, tuple(warnings), tuple(_studies(results)), everything)


def _default(settings: Settings, name: str) -> Any:
    """What a field is where nothing else is asked for; what is no field is what it always is."""
    field = type(settings).model_fields.get(name)
    return getattr(settings, name) if field is None else field.default


def write(run: Run, results: Results, report: Report) -> None:
    """Write the report; that of programs last, for it says that the run is done."""
    text = "\n".join(_lines(run.name, results, report)) + "\n"
    write_atomic(run.report_text_path, lambda p: p.write_text(text, encoding="utf-8"))
    write_report(run.report_path, report)


def short(table: Sequence[Row]) -> Iterator[str]:
    """A line for each curve, with the seeds put together."""
    for rows in over_seeds(without_repeats(table)):
        radii = dict.fromkeys(row.eps for row in rows)
        each = [
            f"{eps:.4g}: {mean_in_words([row for row in rows if row.eps == eps])}" for eps in radii
        ]
        first = rows[0]
        defended = behind(first.network, first.defense, first.sigma)
        about = f"{defended}, {attack_of(first.attack).in_reports}"
        average = average_radius_in_words(rows)
        yield f"{about}  {'  '.join(each)}" + (f"  average radius: {average}" if average else "")


def _noise_alone(results: Results) -> dict[str, str]:
    """That a defense has no denoiser, and with what noise its networks were trained."""
    if results.settings.kind == "attack" or results.is_denoised:
        return {}
    trained = {name: results.trained_with(k) for k, name in enumerate(results.names)}
    said = [f"{name} {how}" for name, how in trained.items() if how]
    return {"defense": "; ".join(["smoothing without a denoiser", *said])}


def _studies(results: Results) -> Iterator[dict[str, Any]]:
    for (combination, varied), (values, right, eps) in convergence(results).items():
        yield {
            "network": results.names[combination.network],
            "sigma": combination.sigma,
            "attack": combination.attack,
            "varied": varied,
            "eps": eps,
            "values": values,
            "correct": [int(bits.sum()) for bits in right],
            "samples": len(right[0]),
        }


def _lines(name: str, results: Results, report: Report) -> Iterator[str]:
    evaluated = Evaluated(results.settings, results.rows, results.certificates)
    yield f"# {name}"
    yield ""
    yield report.summary
    if report.warnings:
        yield ""
        yield "## What speaks against these numbers"
        for warning in report.warnings:
            about = warned_of(evaluated, warning)
            yield f"- **{warning.id}**{f' ({about})' if about else ''}: {warning.message}."
    for section in sections_of(evaluated, report):
        yield ""
        yield f"## {section.title}"
        if section.remark:
            yield section.remark
        for table in section.tables:
            yield from _table(table)
    yield ""
    yield "## How this was measured"
    for line in how_measured(evaluated, report):
        yield f"- {line}"


def _table(table: ReportTable) -> Iterator[str]:
    yield ""
    if table.title:
        yield f"### {table.title}"
    if table.remark:
        yield table.remark
        yield ""
    yield f"| {' | '.join(table.header)} |"
    yield f"|{'---|' * len(table.header)}"
    for row in table.rows:
        yield f"| {' | '.join(row)} |"
    if table.note:
        yield ""
        yield table.note
