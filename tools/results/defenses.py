"""What is left of networks under attack, undefended and behind noise; as the experiment this
program began with has measured it, and under all attacks together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from isoloss.results.certificates import farthest_radius
from isoloss.results.radii import radius_label
from isoloss.results.references import fitting
from results.writing import share, table

Kept = dict[str, Any]
Subject = tuple[str, float | None]
"""A network, and σ of the noise before it; None where there is none."""
Bits = dict[int, bool]
"""Which images, by their places in the data, are right."""
RADII = (0.0, 0.25, 0.5, 0.75, 1.0)


def worst_cases(
    of_runs: Kept, reported: dict[tuple[str, float | None, float], float]
) -> Iterator[str]:
    """Accuracy as the original protocol sees it, beside the worst case over all attacks of all
    other runs.

    Args:
        reported: by that experiment, in per cent, by network, σ and ε.
    """
    legacy = _legacy(of_runs)
    worst = _worst(of_runs)
    rows = []
    for subject in dict.fromkeys((*legacy, *worst)):
        its_legacy, its_worst = legacy.get(subject, {}), worst.get(subject, {})
        for eps in sorted({*its_legacy, *its_worst}):
            network, sigma = subject
            said = reported.get((network, sigma, eps))
            attacks, bits = its_worst.get(eps, ([], {}))
            rows.append([
                network, _sigma(sigma), radius_label(eps),
                "" if said is None else f"{said:g} %",
                share(*its_legacy[eps]) if eps in its_legacy else "",
                f"**{share(sum(bits.values()), len(bits))}**" if bits else "",
                str(len(bits)) if bits else "", ", ".join(attacks),
            ])  # fmt: skip
    head = [
        "network", "σ", "ε", "reported", "original protocol", "worst case", "images", "over",
    ]  # fmt: skip
    yield from table(head, rows)


def certificates(of_runs: Kept) -> Iterator[str]:
    """Certified accuracy against the radius, with Cohen et al.'s last."""
    certified = [kept for kept in of_runs.values() if kept["run"]["settings"]["kind"] == "certify"]
    rows = [line for kept in certified for line in _certified(kept)]
    data = {kept["run"]["settings"]["data"] or "cifar10" for kept in certified}
    for line in sorted(
        {r for name in data for r in fitting(name, "l2", is_certified=True)}, key=str
    ):
        said = dict(zip(line.eps, line.accuracy, strict=True))
        shares = [f"{100 * said[r]:.1f} %" if r in said else "" for r in RADII]
        rows.append([f"[{line.name}]({line.paper})", "0.25", "500", "100,000", *shares])
    head = ["network", "σ", "images", "draws", *(radius_label(r) for r in RADII)]
    yield from table(head, rows)


def _certified(kept: Kept) -> Iterator[list[str]]:
    asked = kept["run"]["settings"]
    found: dict[tuple[str, float], dict[float, dict[str, Any]]] = {}
    for row in kept["found"]["rows"]:
        found.setdefault((row["network"], row["sigma"]), {})[row["eps"]] = row
    for (network, sigma), by_radius in found.items():
        reach = farthest_radius(sigma, asked["draws"], asked["alpha"])
        shares = [
            "out of reach" if radius > reach
            else share(row["correct"], row["samples"]) if (row := by_radius.get(radius)) else ""
            for radius in RADII
        ]  # fmt: skip
        images = str(by_radius[0.0]["samples"])
        yield [network, _sigma(sigma), images, f"{asked['draws']:,}", *shares]


def _legacy(of_runs: Kept) -> dict[Subject, dict[float, tuple[int, int]]]:
    """{network and σ: {ε: (right, images)}} by one draw, as the original has it."""
    found: dict[Subject, dict[float, tuple[int, int]]] = {}
    for row in _told(of_runs, "rows", is_legacy=True):
        if row["attack"] != "worst":
            right = row["single_correct" if row["votes"] else "correct"]
            found.setdefault((row["network"], row["sigma"]), {})[row["eps"]] = right, row["samples"]
    return found


def _worst(of_runs: Kept) -> dict[Subject, dict[float, tuple[list[str], Bits]]]:
    """{network and σ: {ε: the attacks, and which images withstand them all}}, of the images that
    all runs have seen."""
    by_subject: dict[Subject, list[tuple[list[str], dict[float, Bits]]]] = {}
    for each in _told(of_runs, "right", is_legacy=False):
        bits = {
            float(eps): {i: bit == "1" for i, bit in zip(each["images"], text, strict=True)}
            for eps, text in each["right"].items()
        }
        found = by_subject.setdefault((each["network"], each["sigma"]), [])
        found.append((each["attacks"], bits))
    return {subject: _together(several) for subject, several in by_subject.items()}


def _together(several: list[tuple[list[str], dict[float, Bits]]]) -> dict[float, Any]:
    """Of the runs of one subject, at every ε of any; what withstands one does so within smaller ε
    too."""
    found: dict[float, tuple[list[str], Bits]] = {}
    for eps in sorted({eps for _, bits in several for eps in bits}):
        asked = [(attacks, bits) for attacks, bits in several if eps in bits]
        common = set.intersection(*(set(bits[eps]) for _, bits in asked))
        within = [right for _, bits in several for e, right in bits.items() if e <= eps]
        attacks = dict.fromkeys(name for names, _ in asked for name in names)
        right = {i: all(each.get(i, True) for each in within) for i in sorted(common)}
        found[eps] = [*attacks] if eps else [], right
    return found


def _told(of_runs: Kept, what: str, *, is_legacy: bool) -> Iterator[dict[str, Any]]:
    """What attacks on undefended networks and on defended ones have found; not the attack on the
    undefended that stands beside a defense for comparison."""
    for kept in of_runs.values():
        asked = kept["run"]["settings"]
        if asked["kind"] in ("attack", "defend") and (asked["protocol"] == "legacy") == is_legacy:
            for each in kept["found"].get(what, ()):
                if (each["sigma"] is None) == (asked["kind"] == "attack"):
                    yield each


def _sigma(sigma: float | None) -> str:
    return "" if sigma is None else f"{sigma:g}"
