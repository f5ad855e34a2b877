"""Repeat the experiment this program began with, done right; `docs/robustness.md` has its outcome.

    python tools/robustness_protocol.py cpu --data imagefolder:CIFAR --runs runs/protocol
    python tools/robustness_protocol.py gpu --runs runs/protocol
    python tools/robustness_protocol.py cpu --runs runs/protocol --write docs/robustness.md

Trains ResNet-50 with and without CBAM and a denoiser, attacks, defends and certifies both networks.
Every part is a run that is resumed where it is unfinished; --write puts the tables of what is
done between the marks in the page.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from isoloss.compute.machine.memory import keep_freed_memory
from isoloss.compute.networks.models import build_model
from isoloss.events import Metric
from isoloss.files import write_atomic
from isoloss.results.certificates import farthest_radius
from isoloss.results.references import fitting
from isoloss.results.tables import Row, read_report, read_table
from isoloss.robustness.smoothing.denoiser import build_unet
from isoloss.run import Run
from isoloss.settings import (
    AnySettings,
    AttackSettings,
    CertifySettings,
    DefendSettings,
    TrainSettings,
)
from isoloss.settings.attack_kinds import attack_of
from isoloss.terminal import ProgressBar, duration
from isoloss.work import resume

NETWORKS = ("resnet50", "resnet50_cbam")
EPSILONS = (0.005, 0.01, 0.02, 0.04, 0.1, 0.5)
"""Those of the original experiment's table, one at which it saw nothing left of the undefended
network, and one at which nothing may be left."""
RADII = (0.0, 0.25, 0.5, 0.75)
SIZE, TRAINING_IMAGES = 32, 50_000
"""Of CIFAR-10."""
SAMPLES = 500
PAUSE = 600.0
"""Seconds without news after which a run counts as paused."""
# What the original experiment reported, in percent, at ε 0 and EPSILONS; published certificates.
ORIGINAL = {
    "resnet50": {
        "none": ("84.3", *5 * ("≤ 6.6",), ""),
        "σ = 0.25": ("55.3", "51.1", "", "34.4", "24.1", "23.2", ""),
    },
    "resnet50_cbam": {"σ = 0.25": ("60", "54", "", "41", "27", "24", "")},
}
CARLINI = "Carlini et al. 2022, the best σ for each radius", (None, 0.767, 0.630, 0.453)


@dataclass(frozen=True)
class Effort:
    """How much is spent."""

    classifier: dict[str, Any]
    denoiser: dict[str, Any]
    attack: dict[str, Any]
    defend: dict[str, Any]
    certify: dict[str, Any]


EFFORTS = {
    "cpu": Effort(
        {"stem": "imagenet", "epochs": 12},
        {"denoiser": "small", "epochs": 5, "batch_size": 64, "checkpoints_per_epoch": 4},
        {"steps": 20, "queries": 300},
        {"steps": 10, "draws": 2, "votes": 11, "queries": 20, "eps": (0.005, 0.02, 0.04, 0.1, 0.5)},
        {"draws": 310, "pilot": 20},
    ),
    "gpu": Effort(
        {"stem": "cifar", "epochs": 100, "lr": 0.1},
        {"denoiser": "ddpm", "epochs": 500, "batch_size": 128},
        {"steps": 50, "restarts": 5, "queries": 5000},
        {"steps": 40, "draws": 16, "votes": 100, "queries": 1000},
        {"draws": 100_000},
    ),
}


def asked(effort: Effort, data: str, runs: Path) -> dict[str, AnySettings]:
    """All runs in order, by their names."""
    trained = {"source": runs / NETWORKS[0], "also": (runs / NETWORKS[1],), "samples": SAMPLES}
    defended = {**trained, "denoiser": str(runs / "denoiser"), "sigma": (0.25,)}
    classifiers = {
        name: TrainSettings(
            data=data, model=name, schedule="cosine", augment="crop-flip", **effort.classifier
        )
        for name in NETWORKS
    }
    return {
        **classifiers,
        "denoiser": TrainSettings(
            task="denoiser", data=data, largest_sigma=1.0, **effort.denoiser
        ),
        "attack": AttackSettings(**trained, eps=EPSILONS, **effort.attack),
        "legacy": DefendSettings(
            **defended, eps=EPSILONS, protocol="legacy", attacks="transfer", votes=1,
        ),
        "defend": DefendSettings(**{**defended, "eps": EPSILONS, **effort.defend}),
        "certify": CertifySettings(**defended, **effort.certify),
    }  # fmt: skip


def carry_out(runs: Path, wanted: dict[str, AnySettings]) -> None:
    """Do what is missing of all runs."""
    for name, settings in wanted.items():
        folder = runs / name
        run = Run.open(folder) if (folder / "run.json").exists() else Run.create(folder, settings)
        bar = ProgressBar(label=name)
        for event in resume(run):
            bar.show(event)
        bar.close()


def attacked(runs: Path) -> Iterator[str]:
    """Markdown of what attacks on the networks, alone and defended, have come to."""
    for network in NETWORKS:
        yield f"**{network}**, accuracy in percent (95 % interval) against ε in L∞:"
        yield ""
        yield _line(["defense", "attack", "0", *(f"{e:g}" for e in EPSILONS)])
        yield _line(["---"] * (3 + len(EPSILONS)))
        for name, attack in (("attack", ""), ("legacy", "legacy "), ("defend", "")):
            yield from _attacks(runs / name, network, attack, single=name == "legacy")
        for defense, each in ORIGINAL[network].items():
            yield _line([f"*original experiment*, {defense}", "legacy", *each])
        yield ""
    yield from _convergence(runs / "defend" / "report.json")
    yield from _clean(runs)
    yield ""
    yield _time(runs, "attack", "legacy", "defend")


def certified(runs: Path) -> Iterator[str]:
    """Markdown of the certificates."""
    rows, facts = read_table(runs / "certify/robustness.csv"), _facts(runs / "certify")
    draws, sigma = facts["draws"], 0.25
    farthest = farthest_radius(sigma, draws, facts["alpha"])
    yield "Certified accuracy in percent (95 % interval) against the L2 radius:"
    yield ""
    yield _line(["network", *(f"{r:g}" for r in RADII)])
    yield _line(["---"] * (1 + len(RADII)))
    for network in NETWORKS:
        found = {r.eps: r for r in rows if r.network == network}
        if found:
            shares = (_share(found[r]) if r <= farthest else "out of reach" for r in RADII)
            yield _line([f"{network}, σ = {sigma:g}, n = {draws:,}", *shares])
    (cohen,) = fitting("cifar10", "l2", is_certified=True)
    by_cohen = dict(zip(cohen.eps, cohen.accuracy, strict=True))
    named = "Cohen et al. 2019, ResNet-110, σ = 0.25, n = 100,000"
    for label, shares in ((named, [by_cohen.get(r) for r in RADII]), CARLINI):
        yield _line([label, *("" if s is None else f"{100 * s:.1f}" for s in shares)])
    yield ""
    yield (
        f"{draws} draws certify no radius beyond {farthest:.3f}, whatever the network. "
        "Nothing is certain for "
        + ", ".join(
            f"{r.abstained} of {r.samples} images ({r.network})" for r in rows if r.eps == 0
        )
        + "."
    )
    trained = {name: _accuracy(runs / name) for name in dict.fromkeys(r.network for r in rows)}
    yield (
        "Undefended, on the whole test set, the networks certified here are right for "
        + ", ".join(f"{100 * share:.1f} % ({name})" for name, share in trained.items())
        + "."
    )
    yield ""
    yield _time(runs, "certify")


def _facts(folder: Path) -> dict[str, Any]:
    return read_report(folder / "report.json").facts


def _accuracy(folder: Path) -> float:
    """On the test set, at the end of a training."""
    return [e.test_accuracy for _, e in Run.open(folder).events() if isinstance(e, Metric)][-1]


def _time(runs: Path, *names: str) -> str:
    """What trainings and these runs took."""
    return "Time: " + "; ".join(
        f"{name} {duration(_seconds(runs / name))}"
        for name in (*NETWORKS, "denoiser", *names)
        if (runs / name / "events.jsonl").exists() and Run.open(runs / name).is_done
    )


def _convergence(report: Path) -> Iterator[str]:
    """What fewer and more steps and draws of the exact gradients leave."""
    if not report.exists():
        return
    told = [
        f"{study['network']}, {study['varied']} "
        + ", ".join(
            f"{value}: {100 * right / study['samples']:.1f}"
            for value, right in zip(study["values"], study["correct"], strict=True)
        )
        + f" ({study['samples']} images at ε = {study['eps']:g})"
        for study in read_report(report).convergence
        if study["attack"] == "eot"
    ]
    if told:
        yield "Accuracy in percent under EOT with fewer and more: " + "; ".join(told) + "."
        yield ""


def _clean(runs: Path) -> Iterator[str]:
    """Clean accuracy behind the defense beside the original's, and what more would cost."""
    network, theirs = NETWORKS[0], float(ORIGINAL[NETWORKS[0]]["σ = 0.25"][0])
    table = runs / "defend" / "robustness.csv"
    clean = [
        row
        for row in (read_table(table) if table.exists() else [])
        if (row.network, row.eps) == (network, 0.0)
    ]
    undefended = [row for row in clean if row.defense == "none"]
    defended = [row for row in clean if row.defense != "none"]
    if undefended and defended:
        reached = 100 * defended[0].accuracy
        verb = "exceeds" if reached > theirs else "does not exceed"
        yield (
            f"Clean accuracy of {network} behind the defense: {reached:.1f} %, which {verb} the "
            f"original's {theirs} %; the same network undefended: "
            f"{100 * undefended[0].accuracy:.1f} %."
        )
    yield (
        "Training, in 10¹⁵ floating-point operations (multiplications and additions, forward and "
        "backward): " + "; ".join(f"{name}: {training(name)}" for name in EFFORTS) + "."
    )


def training(effort: str) -> str:
    """What the networks and the denoiser of an effort take."""
    spent = EFFORTS[effort]
    statistics = (0.5, 0.5, 0.5)
    classifiers = (
        build_model(n, 10, SIZE, stem=spent.classifier["stem"], mean=statistics, std=statistics)
        for n in NETWORKS
    )
    parts = [
        (name, _operations(model, spent.classifier["epochs"]))
        for name, model in zip(NETWORKS, classifiers, strict=True)
    ]
    unet = build_unet(spent.denoiser["denoiser"], SIZE)
    parts.append(("denoiser", _operations(unet, spent.denoiser["epochs"], torch.tensor(0))))
    return ", ".join(f"{name} {many:,.{0 if many > 10 else 2}f}" for name, many in parts)


def _operations(model: nn.Module, epochs: int, *others: Tensor) -> float:
    """10¹⁵ operations of so many epochs; a backward pass counts as two forward passes."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.eval()(torch.rand(1, 3, SIZE, SIZE), *others)
    return 3 * counter.get_total_flops() * TRAINING_IMAGES * epochs / 1e15


def _attacks(folder: Path, network: str, prefix: str, *, single: bool) -> Iterator[str]:
    table = folder / "robustness.csv"
    rows = [r for r in read_table(table) if r.network == network] if table.exists() else []
    if folder.name == "defend":  # the undefended network is in the table already, attacked harder
        rows = [r for r in rows if r.defense != "none"]
    for curve in dict.fromkeys(row.curve for row in rows):
        found = {r.eps: r for r in rows if r.curve == curve}
        first = next(iter(found.values()))
        defense = "none" if first.defense == "none" else f"σ = {first.sigma:g}"
        name = (
            prefix
            + attack_of(first.attack).in_figures
            + (", single draw" if single and first.votes else "")
        )
        cells = [
            _share(found[e], single=single and first.votes > 0) if e in found else ""
            for e in (0.0, *EPSILONS)
        ]
        yield _line([defense, name, *cells])


def _share(row: Row, *, single: bool = False) -> str:
    share, low, high = (
        (row.single_accuracy, row.single_low, row.single_high)
        if single
        else (row.accuracy, row.low, row.high)
    )
    return f"{100 * share:.1f} ({100 * low:.0f}–{100 * high:.0f})"


def _seconds(folder: Path) -> float:
    """From the first to the last thing that happened, pauses taken out as far as they are known."""
    times = [time for time, _ in Run.open(folder).events()]
    return sum(b - a for a, b in pairwise(times) if b - a < PAUSE)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def write(page: Path, effort: str, runs: Path) -> None:
    """Put what is done between the marks of an effort; what is not stays as it is."""
    parts = {
        effort: (attacked, ("attack", "legacy", "defend")),
        f"{effort}, certificates": (certified, ("certify",)),
    }
    whole = page.read_text(encoding="utf-8")
    for name, (tables, needed) in parts.items():
        if not all((runs / run / "report.json").exists() for run in needed):
            continue
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        found = re.compile(f"{begin}.*?{end}", re.S)
        if not found.search(whole):
            raise SystemExit(f"{page} has no marks {begin} … {end}")
        filled = "\n".join([begin, *tables(runs), end])
        whole = found.sub(lambda _, filled=filled: filled, whole)
    write_atomic(page, lambda path: path.write_text(whole, encoding="utf-8"))


def main() -> None:
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_written)
    parser.add_argument("effort", choices=EFFORTS)
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--runs", type=Path, default=Path("runs/protocol"))
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    runs = given.runs.expanduser().absolute()
    if given.write:
        write(given.write, given.effort, runs)
    else:
        keep_freed_memory()
        carry_out(runs, asked(EFFORTS[given.effort], given.data, runs))


if __name__ == "__main__":
    main()
