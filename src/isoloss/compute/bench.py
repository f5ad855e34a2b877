"""How fast the probe is: beside its peers and its floor, in one process, on the same work."""

from __future__ import annotations

import json
import math
import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from isoloss.compute.checkpoints import load_into, load_state
from isoloss.compute.contestants import Probed, Rates, measure_rates
from isoloss.compute.datasets import Dataset, as_inputs, load_dataset
from isoloss.compute.device import (
    arithmetic,
    choose_device,
    describe_device,
    reduced_precisions,
)
from isoloss.compute.evaluator import Evaluator
from isoloss.compute.memory import peak_bytes
from isoloss.compute.models import build_for_data
from isoloss.compute.multilevel import levels
from isoloss.compute.planes import Plane, random_plane
from isoloss.compute.probing import Request, SurfaceProbing
from isoloss.compute.ranks import Team
from isoloss.compute.trajectory import read_trajectory
from isoloss.errors import IsolossError
from isoloss.geometry.surface import Surface
from isoloss.run import Run
from isoloss.settings import TrainSettings

TOLERANCE = 0.01
CHECKED_CELLS = 6
EPOCHS = 1


@dataclass(frozen=True)
class ToOnePercent:
    """A whole surface to within 1 % of its range.

    Attributes:
        coarse_seconds: from the start to a first surface over the whole plane.
        finished: whether it was done within the budget of time.
        loop_seconds: what the plain loop would take for all images at all points, from its rate.
        worst_error: over some random cells, against all images in fp32, as a share of the range.
    """

    grid: int
    images: int
    coarse_seconds: float
    seconds: float
    finished: bool
    evaluations: int
    loop_seconds: float
    worst_error: float

    @property
    def fewer(self) -> float:
        """How many times fewer evaluations than of all images at all points."""
        return self.grid**2 * self.images / self.evaluations


@dataclass(frozen=True)
class Figures:
    """What was measured of one network."""

    network: str
    rates: list[Rates]
    surface: ToOnePercent | None
    peak_mib: float


def small_cnn(classes: int) -> nn.Module:
    """Three convolutions with batch norm: what tutorials train."""
    layers: list[nn.Module] = []
    for width, following in ((3, 32), (32, 64), (64, 128)):
        layers += [nn.Conv2d(width, following, 3, padding=1, bias=False),
                   nn.BatchNorm2d(following), nn.ReLU(), nn.MaxPool2d(2)]  # fmt: skip
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, classes))


def bench_probe(
    runs: Sequence[Path], images: int | None, grid: int, budget: float, *, as_json: bool
) -> None:
    """Measure and print.

    Args:
        runs: training runs to measure on; by default a small CNN, VGG-11 and ResNet-50 are trained
            for a moment on digits.
        images: of the test split, or of the training split where that is too small.
        grid: points along α and β of the surface that is taken to 1 %.
        budget: seconds that this surface may take; 0 leaves it out.
    """
    device = choose_device("auto")
    where = f"{describe_device(device)}, {processor()}, {torch.get_num_threads()} threads"
    found: list[Figures] = []
    for subject in subjects(runs, images, device):
        print(f"measuring {subject.name} …", file=sys.stderr, flush=True)
        found.append(_measure(subject, grid, budget, device))
        if not as_json:
            _print(found[-1], where if len(found) == 1 else "")
    if as_json:
        rows = [_with_ratios(f) for f in found]
        print(json.dumps({"device": where, "torch": str(torch.__version__), "probe": rows}))


def subjects(runs: Sequence[Path], images: int | None, device: torch.device) -> Iterator[Probed]:
    """Training runs' networks with `images` of their data; without runs, of a small CNN, VGG-11 and
    ResNet-50, trained for a moment on digits.

    Raises:
        IsolossError: for a run that has trained nothing yet.
    """
    for folder in runs:
        run = Run.open(folder)
        asked, points = run.settings, read_trajectory(run)
        if not isinstance(asked, TrainSettings) or not points:
            raise IsolossError(f"{folder} is no training run with checkpoints")
        data = load_dataset(asked.data, asked.image_size)
        model = build_for_data(asked.model, asked.stem, data)
        last = run.checkpoints / points[-1].checkpoint
        load_into(model, load_state(last), str(last))
        yield _subject(f"{asked.model} of {run.name}", model, data, images)
    if runs:
        return
    data = load_dataset("digits")
    for name in ("small CNN", "vgg11", "resnet50"):
        torch.manual_seed(0)
        small = name == "small CNN"
        model = small_cnn(10) if small else build_for_data(name, "auto", data)
        _train(model, data, device)
        yield _subject(name, model, data, images)


def _subject(name: str, model: nn.Module, data: Dataset, images: int | None) -> Probed:
    wanted = images or len(data.test)
    split = data.test if len(data.test) >= wanted else data.train
    sample = split.sample(wanted, 0)
    return Probed(name, model.eval(), sample.inputs, sample.targets)


def _train(model: nn.Module, data: Dataset, device: torch.device) -> None:
    model.to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    train = data.train.to(device)
    fast = next(iter(reduced_precisions(device)), "fp32")
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(train)).split(64)[:-1]:
            with arithmetic(device, fast):
                logits = model(as_inputs(train.inputs[chosen.to(device)]))
                loss = F.cross_entropy(logits.float(), train.targets[chosen.to(device)])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.cpu()


def _measure(subject: Probed, grid: int, budget: float, device: torch.device) -> Figures:
    plane = random_plane(subject.model)
    precisions = [*reduced_precisions(device), "fp32"]
    rates = [measure_rates(subject, plane, precision, device) for precision in precisions]
    loop = rates[-1].loop
    assert loop is not None
    surface = _to_one_percent(subject, plane, grid, budget, loop, device) if budget else None
    return Figures(subject.name, rates, surface, peak_bytes(device) / 2**20)


def _to_one_percent(
    subject: Probed,
    plane: Plane,
    grid: int,
    budget: float,
    loop: float,
    device: torch.device,
) -> ToOnePercent:
    axis = np.linspace(-1, 1, grid)
    pool = subject.pool(device)
    request = Request(
        model=subject.model,
        plane=plane,
        axes=(axis, axis),
        pool=pool,
        population=len(pool),
        device=device,
        tolerance=TOLERANCE,
    )
    probing = SurfaceProbing(request, None)
    began = time.perf_counter()
    coarse, coarsest = math.nan, levels((grid, grid))[0]
    finished = True
    for _ in probing.steps(Team()):
        taken = time.perf_counter() - began
        if math.isnan(coarse) and probing.growing.count.ravel()[coarsest].all():
            coarse = taken
        if taken > budget:
            finished = False
            break
    surface = probing.growing.snapshot()
    return ToOnePercent(
        grid,
        len(pool),
        coarse,
        time.perf_counter() - began,
        finished,
        int(surface.count.sum()),
        grid**2 * len(pool) / loop,
        _worst_error(surface, subject, plane, device) if finished else math.nan,
    )


def _worst_error(surface: Surface, subject: Probed, plane: Plane, device: torch.device) -> float:
    pool = subject.pool(device)
    exact = Evaluator(subject.model, plane, pool, None, device)
    worst = 0.0
    for cell in np.random.default_rng(0).choice(surface.loss.size, CHECKED_CELLS, replace=False):
        i, j = divmod(int(cell), surface.shape[1])
        exact.move_to(float(surface.alpha[i]), float(surface.beta[j]))
        truth = exact.mean_loss(len(pool))
        worst = max(worst, abs(float(surface.loss[i, j]) - truth))
    return worst / float(np.ptp(surface.loss))


def _with_ratios(figures: Figures) -> dict[str, Any]:
    loop = figures.rates[-1].loop
    assert loop is not None
    content = asdict(figures)
    for row, rates in zip(content["rates"], figures.rates, strict=True):
        row["of_floor"] = rates.engine / rates.floor
        row["against_loop"] = rates.engine / loop
    if figures.surface is not None:
        done = figures.surface.finished
        sooner = figures.surface.loop_seconds / figures.surface.seconds
        content["surface"]["fewer_evaluations"] = figures.surface.fewer if done else None
        content["surface"]["sooner"] = sooner if done else None
    return content


def _print(figures: Figures, where: str) -> None:
    if where:
        print(f"images/s on {where}, torch {torch.__version__}")
        print(f"{'network':<22}{'precision':<10}{'engine':>9}{'floor':>9}{'loop':>9}{'l.-l.':>9}"
              f"{'of floor':>10}{'× loop':>8}")  # fmt: skip
    loop = figures.rates[-1].loop
    assert loop is not None
    for r in figures.rates:
        peers = "".join(f"{x:>9.0f}" if x else f"{'':>9}" for x in (r.loop, r.loss_landscapes))
        print(f"{figures.network:<22}{r.precision:<10}{r.engine:>9.0f}{r.floor:>9.0f}{peers}"
              f"{r.engine / r.floor:>10.3f}{r.engine / loop:>8.2f}")  # fmt: skip
    s = figures.surface
    if s is not None:
        print(f"  {s.grid}×{s.grid}, {s.images:,} images, to 1 % of the range: "
              f"{'' if s.finished else 'not within '}{s.seconds:.0f} s, "
              f"the loop {s.loop_seconds:,.0f} s; first surface after {s.coarse_seconds:.1f} s; "
              f"peak {figures.peak_mib:.0f} MiB")  # fmt: skip
    if s is not None and s.finished:
        print(f"  {s.fewer:.1f} times fewer evaluations, {s.loop_seconds / s.seconds:.0f} times "
              f"sooner; worst checked error {100 * s.worst_error:.2f} %")  # fmt: skip


def processor() -> str:
    """The processor, as the system calls it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for text in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if text.startswith("model name"):
                return text.partition(":")[2].strip()
    return platform.processor() or platform.machine() or os.name
