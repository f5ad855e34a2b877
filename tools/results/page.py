"""docs/results.md, made of what is kept of runs and of what others have published."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from isoloss.naming import duration
from isoloss.results.intervals import exact_interval
from isoloss.results.radii import radius_label
from results.curvature import beside_pyhessian
from results.defenses import certificates, worst_cases
from results.writing import share, table

Kept = dict[str, Any]

HEAD = """# Results

What the scripts in [examples/reproduce](../examples/reproduce) have come to, beside what others
have published: `make reproduce` computes all of it anew, `tools/write_results.py` writes this page.
Each number stands with the `run.json` of its run in [docs/results](results). Intervals are of 95 %,
exact ones for shares. What has not been computed yet is left out. Images called `cifar10-jpeg` have
been through JPEG, at a median of 30 dB, which costs most networks accuracy; `cifar10-lossless` have
not.
"""
VARIANCE = """The shares of the variance of all checkpoints that lie along the axes of the PCA
plane. Li et al. 2018 found 40 to 90 % in two.
"""
ROUGHNESS = """As `isoloss info` says it. Li et al. 2018: shortcuts keep the surfaces of deep
networks smooth; without them they turn chaotic.
"""
BATCHES = """Keskar et al. 2017: large batches end in sharp minima. Dinh et al. 2017: rescaled
filters change raw eigenvalues at will, and not those in the norms of filters (scale `filter`).
"""
CURVATURE = """The published ResNet-20 on lossless images, in one run of `isoloss bench
curvature --run RUN --images N --json` on one core; seconds are the processor's. Both end by
themselves with the same tolerance (0.1 %) of the eigenvalue; *off* is from one found to 1e-6. The
trace's ± is the standard error over random directions, which falls as the root of their number.
"""
TRUTH = """Robust networks under the attacks of isoloss, beside their authors' figures on all 10,000
test images. *Within*: these lie in the interval. *Kept*: of the images that are right unattacked,
those that are still right, whose share does not depend on how easy the images are.
"""
DEFENSES = """The experiment this program began with. *Original protocol*: 5 steps of 2/255 that
know nothing of the defense, one draw of noise. *Worst case*: an image counts as right only if the
majority of 20 draws is, under each of these attacks, at this ε and at all smaller ones. Undefended,
the experiment saw at most 6.6 % left from ε = 0.005 on.
"""
CERTIFICATES = """Certified accuracy against the radius in L2, at α = 0.001. Cohen et al.'s network
was trained with the noise, and has no denoiser before it.
"""
TIMES = """By the clock, all that a run was at work, with whatever else the machine had to do: those
of hours were stopped and went on several times, beside others.
"""


@dataclass(frozen=True)
class Published:
    """What others say of the same, or of what is nearest to it.

    Attributes:
        at: the radius on the [0, 1] scale, 0 on clean images; None where there is none.
        value: in per cent; None where the source says it of something else.
    """

    run: str
    quantity: str
    at: float | None
    value: float | None
    source: str

    @property
    def in_words(self) -> str:
        return self.source if self.value is None else f"{self.value:.2f} % ({self.source})"


def published(path: Path) -> list[Published]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Published(
                line["run"], line["quantity"],
                float(Fraction(line["at"])) if line["at"] else None,
                float(line["value"]) if line["value"] else None, line["source"],
            )
            for line in csv.DictReader(file)
        ]  # fmt: skip


def page_of(
    recipes: Sequence[Any],
    results: dict[str, Kept],
    known: list[Published],
    benches: Sequence[dict[str, Any]] = (),
) -> str:
    """The whole page; `benches` are those of curvature."""
    of_runs = {name: kept for found in results.values() for name, kept in found.items()}
    of_defense = results.get("defense", {})
    sections = (
        ("Test errors", "", _errors(of_runs, known)),
        ("What two directions hold of a training", VARIANCE, _variance(of_runs)),
        ("How rough surfaces are", ROUGHNESS, _roughness(of_runs)),
        ("Large and small batches", BATCHES, _sharpness(of_runs)),
        ("Curvature beside PyHessian", CURVATURE, beside_pyhessian(benches)),
        ("An attack's truth", TRUTH, _truth(of_runs, known)),
        ("Attacks and defenses", DEFENSES, worst_cases(of_defense, _reported(known))),
        ("Certificates", CERTIFICATES, certificates(of_defense)),
        ("Times", TIMES, _times(recipes, of_runs)),
    )
    parts = (
        "\n".join([f"## {title}", "", *([about] if about else []), *lines, ""])
        for title, about, written in sections
        if len(lines := [*written]) > 2  # more than its head
    )
    return "\n".join([HEAD, *parts])


def _errors(of_runs: Kept, known: list[Published]) -> Iterator[str]:
    said = {p.run: p.in_words for p in known if p.quantity == "test error"}
    rows = []
    for name, kept in of_runs.items():
        found, images = kept["found"], _images(kept)
        if "epoch" in found:
            of = found.get("test_images")
            wrong = (
                share(of - found["right"], of) if of else f"{100 - 100 * found['accuracy']:.1f} %"
            )
            rows.append([name, images, f"{found['epoch']:g}", wrong])
        elif name in said:
            clean = next(row for row in found["rows"] if row["eps"] == 0)
            of = clean["samples"]
            rows.append([name, images, "", share(of - clean["correct"], of)])
        else:
            continue
        rows[-1].append(said.get(name, ""))
    yield from table(["network", "images", "epochs", "test error", "published"], rows)


def _variance(of_runs: Kept) -> Iterator[str]:
    rows = [
        [name, *(f"{100 * part:.1f} %" for part in [*shares[:2], sum(shares[:2])])]
        for name, kept in of_runs.items()
        if (shares := kept["found"].get("explained"))
    ]
    yield from table(["plane", "first", "second", "both"], rows)


def _roughness(of_runs: Kept) -> Iterator[str]:
    rows = []
    for name, kept in of_runs.items():
        found = kept["found"]
        if kept["run"]["settings"]["kind"] != "probe" or found["grid"][1] == 1:
            continue
        words = (found["said"].get(key, "") for key in ("basins", "not convex", "variation"))
        ends = f"{found['lowest']:.4g} to {found['highest']:.4g}"
        size = " × ".join(map(str, found["grid"]))
        rows.append([name, kept["run"]["settings"]["plane"], size, ends, *words])
    head = ["surface", "plane", "points", "loss", "basins", "not convex", "total variation"]
    yield from table(head, rows)


def _sharpness(of_runs: Kept) -> Iterator[str]:
    rows = []
    for kept in of_runs.values():
        if kept["run"]["settings"]["kind"] != "sharpness":
            continue
        for row in kept["found"]["rows"]:
            if row["quantity"] == "trace" and row["of"]:
                continue  # of each tensor
            low, high = row["value"] - row["half_width"], row["value"] + row["half_width"]
            what = f"{row['quantity']} {row['of']}".strip()
            scale = kept["run"]["settings"]["scale"]
            value = f"{row['value']:.4g} ({low:.4g} to {high:.4g})"
            rows.append([row["network"], what, scale, value])
    yield from table(["network", "quantity", "scale", "value"], rows)


def _truth(of_runs: Kept, known: list[Published]) -> Iterator[str]:
    figures = {(p.run, p.at): p for p in known if p.quantity == "accuracy"}
    networks = {run for run, _ in figures}
    rows = []
    for kept in of_runs.values():
        listed = kept["found"].get("rows", [])
        listed = [r for r in listed if r.get("network") in networks and r["attack"] != "worst"]
        clean = next((r["correct"] for r in listed if r["eps"] == 0), 0)
        said_clean = {n: p.value for (n, at), p in figures.items() if at == 0}
        for row in listed:
            network, said = row["network"], figures.get((row["network"], row["eps"]))
            beside = ["", "", ""]
            if said is not None and said.value is not None:
                low, high = exact_interval(row["correct"], row["samples"])
                inside = low <= said.value / 100 <= high
                whole = said_clean[network] or 100.0
                beside = [
                    f"{said.value:.2f} %", "yes" if inside else "no",
                    f"{100 * said.value / whole:.1f} %",
                ]  # fmt: skip
            rows.append([
                network, _images(kept), row["attack"], radius_label(row["eps"]),
                share(row["correct"], row["samples"]), *beside[:2],
                share(row["correct"], clean) if row["eps"] and clean else "",
                beside[2] if row["eps"] else "",
            ])  # fmt: skip
    head = [
        "network", "images", "attack", "ε", "right", "published", "within", "kept",
        "kept, published",
    ]  # fmt: skip
    yield from table(head, rows)


def _reported(known: list[Published]) -> dict[tuple[str, float | None, float], float]:
    """What the experiment this program began with reported, by network, σ and ε."""
    found: dict[tuple[str, float | None, float], float] = {}
    for each in known:
        network, _, sigma = each.quantity.partition(" behind ")
        if each.run.startswith("legacy") and each.at is not None and each.value is not None:
            found[network, float(sigma) if sigma else None, each.at] = each.value
    return found


def _times(recipes: Sequence[Any], of_runs: Kept) -> Iterator[str]:
    rows = [
        [
            f"[{recipe.name}](../examples/reproduce/{recipe.name}.py)", run, kept["device"],
            duration(kept["seconds"]),
        ]
        for recipe in recipes
        for run in recipe.runs
        if (kept := of_runs.get(run))
    ]  # fmt: skip
    yield from table(["script", "run", "on", "took"], rows)


def _images(kept: Kept) -> str:
    return (kept["run"]["settings"]["data"] or "").removeprefix("imagefolder:")
