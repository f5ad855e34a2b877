"""How fast attacks and certificates are beside others', and whether they find the same."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, cast

import torch
from torch import Tensor, nn

from isoloss.bench.attack_peers import (
    AttackPeer,
    Attempt,
    Defended,
    Target,
    attackers,
    best_throughput,
    certifiers,
    cohens_certify,
    expecting_attackers,
    gradient_step,
    timed,
)
from isoloss.bench.load import Load
from isoloss.bench.probe import networks, processor
from isoloss.compute.data.dataset import as_inputs
from isoloss.compute.machine.device import choose_device, describe_device
from isoloss.compute.machine.memory import peak_bytes
from isoloss.robustness.attacks.sweep import misclassified
from isoloss.robustness.smoothing.statistics import clopper_pearson_interval
from isoloss.robustness.smoothing.votes import vote

IMAGES, STEPS, BUDGET = 128, 10, 60.0
EPSILONS = (1 / 255, 8 / 255)
"""Of PGD: one that many images resist, and the usual one, that of EOT-PGD."""
EOT_STEPS, DRAWS = 10, 8
PILOT, ESTIMATES = 20, 100
SIGMA = 0.1
SIZE = "small"  # of the denoiser that is trained here
VOTES = 11
FEWEST, ROUNDS = 8, 3
TRAINED_STEPS, _TRAINED_BATCH = 20, 16


@dataclass(frozen=True)
class PeerResult:
    """One peer.

    Attributes:
        rate: units of work a second, in its best round.
        ratio: to the first of the others; the median over rounds, in each of which all took turns.
        found: how many of the images are misclassified, or certified.
        low, high: the exact 95 % interval of their fraction.
        agrees: whether that interval and the first other's have a point in common.
        instead: how to get a peer that is missing.
    """

    name: str
    precision: str
    batch_size: int
    rate: float | None = None
    ratio: float | None = None
    found: int | None = None
    low: float | None = None
    high: float | None = None
    agrees: bool | None = None
    instead: str = ""


@dataclass(frozen=True)
class Comparison:
    """All peers at the same work.

    Attributes:
        unit: what the rates count.
        outcome: what `PeerResult.found` counts.
    """

    what: str
    unit: str
    outcome: str
    images: int
    rounds: int
    rows: list[PeerResult]


@dataclass(frozen=True)
class Figures:
    """What was measured of one network."""

    network: str
    comparisons: list[Comparison]
    peak_mib: float


def bench_attack(
    runs: Sequence[Path],
    images: int | None,
    steps: int | None,
    budget: float,
    denoiser: str | None,
    *,
    as_json: bool,
) -> None:
    """Measure and print.

    Args:
        runs: training runs whose networks are attacked; by default a small CNN, VGG-11 and
            ResNet-50 are trained for a moment on digits.
        images: at most so many; by default as many as suit the time, up to 128.
        steps: of PGD.
        budget: seconds for each network, roughly.
        denoiser: of the defense; by default one is trained for a moment, which cannot do much but
            takes as long.
    """
    device, load = choose_device("auto"), Load()
    where = f"{describe_device(device)}, {processor()}, {torch.get_num_threads()} threads"
    found: list[Figures] = []
    if not as_json:
        print(f"on {where}, torch {torch.__version__}")
    for network in networks(runs, images or IMAGES, device):
        print(f"measuring {network.name} …", file=sys.stderr, flush=True)
        target = Target(
            network.name,
            network.model.to(device).eval(),
            as_inputs(network.images).to(device),
            network.targets.to(device),
            device,
        )
        found.append(measure(target, steps or STEPS, budget, images, denoiser))
        if not as_json:
            _print(found[-1])
    if as_json:
        rows = [asdict(f) for f in found]
        about = {"device": where, "torch": str(torch.__version__), "load": load.as_json()}
        print(json.dumps({**about, "attack": rows}))
    else:
        print(load.in_words)


def measure(
    target: Target, steps: int, budget: float, images: int | None, denoiser: str | None
) -> Figures:
    """All comparisons on one network.

    Args:
        budget: seconds, about, for all of them.
        images: how many; None for as many as there is time for.
        denoiser: its name or folder; None for one made for the purpose.
    """
    unet, scheduler = _denoiser(denoiser, target.images)
    defended = Defended.of(target, unet, scheduler, SIGMA)
    comparisons = [
        *(_pgd(target, eps, steps, budget / 4, images) for eps in EPSILONS),
        _eot(target, defended, budget / 4, images),
        _certification(target, defended, budget / 4, images),
    ]
    return Figures(target.name, comparisons, peak_bytes(target.device) / 2**20)


def _pgd(target: Target, eps: float, steps: int, seconds: float, images: int | None) -> Comparison:
    plain = best_throughput(gradient_step(target.model), target)
    attempt = Attempt(eps, steps)
    some = _some(target, images, plain.rate * seconds / steps)
    return compare(
        f"PGD, ε {eps * 255:.0f}/255, {steps} steps", "image-steps/s", "success",
        attackers(some, attempt, plain.batch_size), some, steps, seconds,
        lambda moved: misclassified(target.model, moved, some.labels, plain.batch_size),
    )  # fmt: skip


def _eot(target: Target, defended: Defended, seconds: float, images: int | None) -> Comparison:
    plain = best_throughput(gradient_step(defended.plain.unclamped()), target)
    attempt = Attempt(EPSILONS[-1], EOT_STEPS, DRAWS)
    some = _some(target, images, plain.rate * seconds / (EOT_STEPS * DRAWS))

    def success(moved: Tensor) -> Tensor:
        counted = vote(defended.plain, moved, some.labels, range(len(moved)), VOTES,
                      batch_size=plain.batch_size)  # fmt: skip
        return ~counted.majority

    return compare(
        f"EOT-PGD behind the denoiser, {EOT_STEPS} steps × {DRAWS} draws", "image-draw-steps/s",
        "success", expecting_attackers(defended, attempt, plain.batch_size), some,
        EOT_STEPS * DRAWS, seconds, success,
    )  # fmt: skip


def _certification(
    target: Target, defended: Defended, seconds: float, images: int | None
) -> Comparison:
    plain = best_throughput(
        lambda x, _: cohens_certify(defended.plain, x[0], 1, len(x), len(x)), target
    )
    some = _some(target, images, plain.rate * seconds / (PILOT + ESTIMATES))
    return compare(
        f"CERTIFY behind the denoiser, {PILOT} + {ESTIMATES} draws", "draws/s", "certified",
        certifiers(defended, PILOT, ESTIMATES, plain.batch_size), some, PILOT + ESTIMATES, seconds,
        lambda answers: answers[:, 0].to(some.labels) == some.labels,
    )  # fmt: skip


def _some(target: Target, asked: int | None, affordable: float) -> Target:
    """As many images as were asked for; else as one round of all peers has time for, which
    takes about four times as long as the slowest of them."""
    wanted = asked or max(min(int(affordable / 4), IMAGES), FEWEST)
    return replace(target, images=target.images[:wanted], labels=target.labels[:wanted])


def compare(
    what: str,
    unit: str,
    outcome: str,
    peers: Iterable[AttackPeer],
    target: Target,
    work: int,
    budget: float,
    is_success: Callable[[Tensor], Tensor],
) -> Comparison:
    """Peers in turn, round by round, so that the machine's drift hits all alike.

    Args:
        work: units of work for each image.
        budget: seconds after which no further round begins.
        is_success: (N,) bool of what came out, whether that is the outcome that is counted.
    """
    field = list(peers)
    seconds: dict[int, list[float]] = {k: [] for k, c in enumerate(field) if c.work is not None}
    found: dict[int, int] = {}
    began = time.perf_counter()
    rounds = 0
    while rounds < ROUNDS and (rounds == 0 or time.perf_counter() - began < budget):
        for k in seconds:
            run = field[k].work
            assert run is not None
            if rounds == 0:
                run(target.images[:4], target.labels[:4])
            torch.manual_seed(rounds)  # what all draw their starts from
            x, y = target.images, target.labels
            came_out, taken = timed(lambda run=run, x=x, y=y: run(x, y), target.device)
            seconds[k].append(taken)
            if rounds == 0:
                found[k] = int(is_success(came_out).sum())
        rounds += 1
    n = len(target.images)
    first = next((k for k in seconds if not field[k].own), None)
    intervals = {k: clopper_pearson_interval(count, n) for k, count in found.items()}
    rows: list[PeerResult] = []
    for k, c in enumerate(field):
        instead = c.instead if c.work is None else ""
        row = PeerResult(c.name, c.precision, c.batch_size, instead=instead)
        if k in seconds:
            low, high = intervals[k]
            rate = n * work / min(seconds[k])
            row = replace(row, rate=rate, found=found[k], low=low, high=high)
            if first is not None:
                pairs = zip(seconds[first], seconds[k], strict=True)
                theirs = intervals[first]
                agrees = max(low, theirs[0]) <= min(high, theirs[1])
                row = replace(row, ratio=median(a / b for a, b in pairs), agrees=agrees)
        rows.append(row)
    return Comparison(what, unit, outcome, n, rounds, rows)


def _denoiser(name: str | None, images: Tensor) -> tuple[nn.Module, Any]:
    """The denoiser called `name`, or one trained for a moment on these images."""
    from isoloss.robustness.smoothing.denoiser import build_scheduler, build_unet, load_denoiser
    from isoloss.robustness.smoothing.denoising_loss import denoising_loss

    if name is not None:
        return load_denoiser(name)
    torch.manual_seed(0)
    unet = cast(nn.Module, build_unet(SIZE, images.shape[-1], images.shape[1])).to(images.device)
    scheduler = build_scheduler(SIGMA)
    optimizer = torch.optim.Adam(unet.parameters(), 1e-3)
    for step in range(TRAINED_STEPS):
        batch = images.roll(-step * _TRAINED_BATCH, 0)[:_TRAINED_BATCH]
        optimizer.zero_grad()
        denoising_loss(unet, scheduler.alphas_cumprod, batch).backward()
        optimizer.step()
    return unet, scheduler


def _print(figures: Figures) -> None:
    print(f"{figures.network}, peak {figures.peak_mib:,.0f} MiB")
    for c in figures.comparisons:
        print(f"  {c.what}; {c.images} images, {c.rounds} rounds")
        print(f"    {'':<26}{'':<6}{'batch':>6}{c.unit:>20}{'ratio':>8}  {c.outcome} (95 %)")
        for r in c.rows:
            if r.rate is None:
                print(f"    {r.name:<26}not installed: {r.instead}")
                continue
            ratio = math.nan if r.ratio is None else r.ratio
            assert r.found is not None
            fraction = f"{r.found / c.images:.3f} [{r.low:.3f}, {r.high:.3f}]"
            other = "  not the same" if r.agrees is False else ""
            print(f"    {r.name:<26}{r.precision:<6}{r.batch_size:>6}{r.rate:>20,.1f}{ratio:>8.2f}"
                  f"  {fraction}{other}")  # fmt: skip
