"""The report of a robustness run: `report.json` for programs and `report.md` for people."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from isoloss.files import write_atomic
from isoloss.naming import listed
from isoloss.results.certificates import CertificateRow
from isoloss.results.tables import (
    Curve,
    EvaluationWarning,
    Report,
    Row,
    average_radius_in_words,
    behind_in_words,
    by_curve,
    mean_in_words,
    over_seeds,
    without_repeats,
    write_report,
)
from isoloss.robustness.ascent.protocol import protocol_of
from isoloss.robustness.evaluation.combination_on_block import FEWEST_VOTES
from isoloss.robustness.evaluation.evaluation_warnings import convergence, warnings_of
from isoloss.robustness.evaluation.plan import Combination
from isoloss.robustness.evaluation.results import Results
from isoloss.robustness.evaluation.rounding_of_votes import VotesApart
from isoloss.robustness.evaluation.summary import summary
from isoloss.robustness.smoothing.statistics import clopper_pearson_interval
from isoloss.run import Run
from isoloss.settings import Settings
from isoloss.settings.attack_kinds import attack_of, strongest, transfer_from

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
        behind = behind_in_words(first.network, first.defense, first.sigma)
        about = f"{behind}, {attack_of(first.attack).in_reports}"
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
    yield f"# {name}"
    yield ""
    yield report.summary
    if report.warnings:
        yield ""
        yield "## What speaks against these numbers"
        for warning in report.warnings:
            behind = _defended(results, warning.network, warning.sigma)
            about = f" ({behind})" if warning.network else ""
            yield f"- **{warning.id}**{about}: {warning.message}."
    yield ""
    yield "## Accuracies"
    yield "In percent, with exact 95 % intervals."
    yield from _tables(results)
    yield from _transfers(results)
    if report.convergence:
        yield ""
        yield "## Convergence"
        yield "| attack | ε | varied | accuracy |"
        yield "|---|---|---|---|"
        for study in report.convergence:
            each, n = zip(study["values"], study["correct"], strict=True), study["samples"]
            accuracies = ", ".join(f"{v}: {_of_count(k, n)}" for v, k in each)
            yield (
                f"| {_defended(results, study['network'], study['sigma'])}, {study['attack']} | "
                f"{study['eps']:.4g} | {study['varied']} | {accuracies} ({n} images) |"
            )
    yield ""
    yield "## How this was measured"
    for key, value in report.facts.items():
        if value is not None:
            yield f"- {key.replace('_', ' ')}: {_plain(value)}"
    yield from _reading(results)


def _tables(results: Results) -> Iterator[str]:
    """A table for each curve, after one of all curves side by side."""
    rows = without_repeats(results.rows)
    curves = by_curve(rows)
    several = results.settings.seeds > 1
    heads = [_head(curve, several) for curve in curves]
    by_place = {(row.curve, row.eps): row for row in rows}
    certified = results.settings.is_certified
    yield ""
    yield f"| {'L2 radius' if certified else 'ε'} | {' | '.join(heads)} |"
    yield f"|---{'|---' * len(curves)}|"
    for eps in dict.fromkeys(row.eps for row in rows):
        cells = [by_place.get((curve, eps)) for curve in curves]
        texts = ["" if c is None else _percent(c.accuracy, c.low, c.high) for c in cells]
        yield f"| {eps:.4g} | {' | '.join(texts)} |"
    if certified:
        cells = [average_radius_in_words(its) for its in curves.values()]
        yield f"| average radius | {' | '.join(cells)} |"
        yield ""
        yield (
            "The average is over all images, 0 where the true class is not certified; ± one "
            "standard error (Zhai et al. 2020)."
        )
        yield from _predictions(results)
        return
    for its, head in zip(curves.values(), heads, strict=True):
        yield ""
        yield f"### {head}"
        votes = its[-1].votes
        if votes:
            yield (
                f"| ε | majority of {votes} | single draw | worst of {votes} | "
                "single draw, after rounding to 8 bits |"
            )
            yield "|---|---|---|---|---|"
        else:
            yield "| ε | accuracy | after rounding to 8 bits |"
            yield "|---|---|---|"
        yield from map(_line, its)


def _transfers(results: Results) -> Iterator[str]:
    """Of images made on each network, which every one gets right."""
    made = [c for c in results.curves if attack_of(c.attack).made_on]
    if not made:
        return
    names, several = results.names, results.settings.seeds > 1
    yield ""
    yield "## Transfer between networks"
    yield (
        "Accuracy of the network above on images that were made on the one at the left without its "
        "defense; a network's own are those of its strongest attack."
    )
    for sigma, seed in dict.fromkeys((c.sigma, c.seed) for c in made):
        yield ""
        if sigma is not None or several:
            yield (
                f"{_defended(results, 'undefended' if sigma is None else 'defended', sigma)}"
                + (f", seed {seed}" if several else "")
            )
            yield ""
        yield f"| ε | made on | {' | '.join(names)} |"
        yield f"|---|---{'|---' * len(names)}|"
        for eps in results.epsilons[1:]:
            for source in names:
                cells = [_shown_to(results, k, sigma, seed, source, eps) for k in range(len(names))]
                yield f"| {eps:.4g} | {source} | {' | '.join(cells)} |"


def _shown_to(
    results: Results, network: int, sigma: float | None, seed: int, source: str, eps: float
) -> str:
    own = [c for c in results.curves if (c.network, c.sigma, c.seed) == (network, sigma, seed)]
    attack = transfer_from(source)
    if source == results.names[network]:
        attack = strongest([c.attack for c in own if not attack_of(c.attack).made_on] or [""])
    row = results.row(Combination(network, sigma, attack, seed), eps)
    return "" if row is None else _percent(row.accuracy, row.low, row.high)


def _predictions(results: Results) -> Iterator[str]:
    """What PREDICT says of the images, from the draws that certify them."""
    groups: dict[tuple[str, float, int], list[CertificateRow]] = {}
    for one in results.certificates:
        groups.setdefault((one.network, one.sigma, one.seed), []).append(one)
    yield ""
    yield "### PREDICT"
    yield "The most frequent class of the same draws, without a radius."
    yield ""
    yield "| network | right | wrong | abstains |"
    yield "|---|---|---|---|"
    for (network, sigma, seed), its in groups.items():
        right = sum(one.answer == one.label for one in its)
        abstains = sum(one.answer < 0 for one in its)
        fractions = (_of_count(k, len(its)) for k in (right, len(its) - right - abstains, abstains))
        several = f", seed {seed}" if results.settings.seeds > 1 else ""
        yield f"| {_defended(results, network, sigma)}{several} | {' | '.join(fractions)} |"


def _head(curve: Curve, with_seed: bool) -> str:
    network, defense, sigma, attack, _, seed = curve
    head = f"{behind_in_words(network, defense, sigma)}: {attack_of(attack).in_reports}"
    return head + (f", seed {seed}" if with_seed else "")


def _line(row: Row) -> str:
    cells = [f"{row.eps:.4g}", _percent(row.accuracy, row.low, row.high)]
    if row.votes:
        cells.append(_percent(row.single_accuracy, row.single_low, row.single_high))
        cells.append(_percent(row.worst_accuracy, row.worst_low, row.worst_high))
    cells.append(_of_count(row.correct_in_8_bits, row.samples))
    return f"| {' | '.join(cells)} |"


_TAKEN_OVER = "every image that a smaller ε fools counts as fooled by a larger one too"
_LEFT_ALONE = "an image that none of the counted draws gets right counts for larger ε too"


def _reading(results: Results) -> Iterator[str]:
    settings = results.settings
    kinds = [attack_of(name) for name in results.plan.attacks]
    as_published = [kind.in_reports for kind in kinds if kind.passes]
    if as_published:
        yield (
            "- whatever steps, losses, aims and queries are stated here, for "
            f"{listed(as_published, 'and')} those of its authors hold"
        )
    if any(row.is_worst_case for row in without_repeats(results.rows)):
        yield (
            "- the worst of all attacks counts an image as right only if it is so under every one, "
            "at this ε and at every smaller one"
        )
    if any(attack_of(name).is_own for name in settings.attack_names):
        yield (
            "- images of attacks of one's own were checked one by one: what lay outside the ball "
            "or [0, 1] was brought back, and where the image itself fools more, that counts"
        )
    if settings.kind == "defend":
        yield (
            "- transfer says what an adversary does who does not know of the defense; only the "
            "other attacks say anything about one who does"
        )
        if settings.protocol == "standard":
            yield f"- without a defense, {_TAKEN_OVER}"
            if settings.votes >= FEWEST_VOTES:
                yield f"- behind it, {_LEFT_ALONE}"
    elif settings.kind == "certify":
        yield "- radii are in L2 and do not belong on an axis of L∞"
    elif settings.protocol == "legacy":
        yield "- every ε is attacked anew, as in the legacy protocol"
    elif any(row.votes for row in results.rows):
        yield f"- {_LEFT_ALONE}"
    else:
        yield f"- {_TAKEN_OVER}"
        yield "- what rounding to 8 bits undoes was attacked again, through the rounding"


def _defended(results: Results, network: str, sigma: float | None) -> str:
    sigma = math.nan if sigma is None else sigma
    return behind_in_words(network, results.plan.purified.get(sigma, "denoised"), sigma)


def _percent(fraction: float, low: float, high: float) -> str:
    return f"{100 * fraction:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def _of_count(k: int, n: int) -> str:
    low, high = clopper_pearson_interval(k, n)
    return _percent(k / n, low, high)


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " × ".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
