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

from isoloss.bench.load import Load
from isoloss.bench.probe_peers import Probed, Rates, measure_rates
from isoloss.compute.data.dataset import Dataset, as_inputs
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.engine.stencils import levels
from isoloss.compute.machine.device import (
    arithmetic,
    choose_device,
    describe_device,
    reduced_precisions,
)
from isoloss.compute.machine.memory import forget_peak, peak_bytes
from isoloss.compute.machine.process_group import ProcessGroup
from isoloss.compute.networks.checkpoints import load_into
from isoloss.compute.networks.models import build_for_data
from isoloss.compute.planes.plane import Plane
from isoloss.compute.planes.random_plane import random_plane
from isoloss.compute.probe.request import Request
from isoloss.compute.probe.surface_probing import SurfaceProbing
from isoloss.compute.training.recorded_trajectory import read_trajectory
from isoloss.errors import IsolossError
from isoloss.geometry.surface import Surface
from isoloss.paths import exists
from isoloss.run import Run
from isoloss.settings import TrainingSettings
from isoloss.terminal import ProgressBar

NETWORKS = ("small CNN", "vgg11", "resnet50")
TOLERANCE = 0.01
EPOCHS = 1


@dataclass(frozen=True)
class Wanted:
    """The surface that is to be taken to within 1 % of its range.

    Attributes:
        grid: points along α and β.
        budget: seconds that it may take; 0 leaves it out.
        checked: random cells of it that are compared with all images in fp32.
    """

    grid: int = 25
    budget: float = 60.0
    checked: int = 6

    def __post_init__(self) -> None:
        if self.grid < 2:
            raise IsolossError(f"a surface has at least 2 points a side, not {self.grid}")
        if not self.budget >= 0:
            raise IsolossError(f"a budget is a number of seconds, not {self.budget:g}")
        if not 0 <= self.checked <= self.grid**2:
            raise IsolossError(f"of {self.grid**2} cells {self.checked} cannot be checked")


@dataclass(frozen=True)
class ToOnePercent:
    """A whole surface to within 1 % of its range.

    Attributes:
        precision: what the audit chose.
        coarse_seconds: from the start to a first surface over the whole plane.
        finished: whether it was done within the budget of time.
        loop_seconds: what the plain loop would take for all images at all points, from its rate.
        checked: random cells that were compared with all images in fp32.
        worst_error: over those, as a fraction of the range; NaN where none was.
    """

    grid: int
    images: int
    precision: str
    coarse_seconds: float
    seconds: float
    finished: bool
    evaluations: int
    loop_seconds: float
    checked: int
    worst_error: float

    @property
    def fewer(self) -> float:
        """How many times fewer evaluations than of all images at all points."""
        return self.grid**2 * self.images / self.evaluations


@dataclass(frozen=True)
class Figures:
    """What was measured of one network.

    Attributes:
        peak_mib: the most memory while the surface was computed; without one, so far.
    """

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


def bench_probe(runs: Sequence[Path], images: int | None, wanted: Wanted, *, as_json: bool) -> None:
    """Measure and print.

    Args:
        runs: training runs to measure on; by default a small CNN, VGG-11 and ResNet-50 are trained
            for a moment on digits.
        images: of the test split, or of the training split where that is too small.
    """
    device, load = choose_device("auto"), Load()
    where = f"{describe_device(device)}, {processor()}, {torch.get_num_threads()} threads"
    found: list[Figures] = []
    for probed in networks(runs, images, device):
        print(f"measuring {probed.name} …", file=sys.stderr, flush=True)
        found.append(_measure(probed, wanted, device))
        if not as_json:
            _print(found[-1], where if len(found) == 1 else "")
    if as_json:
        rows = [_with_ratios(f) for f in found]
        about = {"device": where, "torch": str(torch.__version__), "load": load.as_json()}
        print(json.dumps({**about, "probe": rows}))
    else:
        print(load.in_words)


def networks(
    runs: Sequence[Path],
    images: int | None,
    device: torch.device,
    *,
    names: Sequence[str] = NETWORKS,
    data: Dataset | None = None,
) -> Iterator[Probed]:
    """Training runs' networks with `images` of their data; without runs, of a small CNN, VGG-11 and
    ResNet-50, trained for a moment on digits.

    Args:
        names, data: others than these.

    Raises:
        IsolossError: for a run that has trained nothing yet, or no images.
    """
    if images is not None and images < 1:
        raise IsolossError(f"a network is measured on at least 1 image, not {images}")
    for folder in runs:
        run = Run.open(folder)
        asked, points = run.settings, read_trajectory(run)
        if not isinstance(asked, TrainingSettings) or not points:
            raise IsolossError(f"{folder} is no training run with checkpoints")
        data = load_dataset(asked.data, asked.image_size)
        model = build_for_data(asked.model, asked.stem, data)
        last = run.checkpoints / points[-1].checkpoint
        load_into(model, last)
        yield _probed(f"{asked.model} of {run.name}", model, data, images)
    if runs:
        return
    data = data or load_dataset("digits")
    for name in names:
        torch.manual_seed(0)
        small = name == "small CNN"
        model = small_cnn(len(data.classes)) if small else build_for_data(name, "auto", data)
        _train(model, data, device)
        yield _probed(name, model, data, images)


def _probed(name: str, model: nn.Module, data: Dataset, images: int | None) -> Probed:
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


def _measure(probed: Probed, wanted: Wanted, device: torch.device) -> Figures:
    plane = random_plane(probed.model)
    precisions = [*reduced_precisions(device), "fp32"]
    rates = [measure_rates(probed, plane, precision, device) for precision in precisions]
    loop = rates[-1].loop
    assert loop is not None
    forget_peak(device)
    surface = to_one_percent(probed, plane, wanted, loop, device) if wanted.budget else None
    return Figures(probed.name, rates, surface, peak_bytes(device) / 2**20)


def to_one_percent(
    probed: Probed, plane: Plane, wanted: Wanted, loop: float, device: torch.device
) -> ToOnePercent:
    """Compute the surface to within `TOLERANCE`, or as far as the budget goes, and compare cells of
    it with all images in fp32; `loop` is the classic programs' rate, in samples a second."""
    axis = np.linspace(-1, 1, wanted.grid)
    data = probed.samples(device)
    request = Request(
        model=probed.model,
        plane=plane,
        axes=(axis, axis),
        data=data,
        population=len(data),
        device=device,
        tolerance=TOLERANCE,
    )
    probing = SurfaceProbing(request, None)
    bar = ProgressBar()
    began = time.perf_counter()
    coarse, coarsest = math.nan, levels((wanted.grid, wanted.grid))[0]
    finished = True
    for event in probing.steps(ProcessGroup()):
        bar.show(event)
        taken = time.perf_counter() - began
        if math.isnan(coarse) and probing.growing.count.ravel()[coarsest].all():
            coarse = taken
        if taken > wanted.budget:
            finished = False
            break
    seconds = time.perf_counter() - began
    bar.close()
    surface = probing.growing.snapshot()
    checked = wanted.checked if finished else 0
    return ToOnePercent(
        wanted.grid,
        len(data),
        probing.growing.meta["precision"],
        coarse,
        seconds,
        finished,
        int(surface.count.sum()),
        wanted.grid**2 * len(data) / loop,
        checked,
        _worst_error(surface, checked, probed, plane, device) if checked else math.nan,
    )


def _worst_error(
    surface: Surface, checked: int, probed: Probed, plane: Plane, device: torch.device
) -> float:
    data = probed.samples(device)
    exact = Evaluator(probed.model, plane, data, None, device)
    worst = 0.0
    for cell in np.random.default_rng(0).choice(surface.loss.size, checked, replace=False):
        i, j = divmod(int(cell), surface.shape[1])
        exact.move_to(float(surface.alpha[i]), float(surface.beta[j]))
        truth = exact.mean_loss(len(data))
        worst = max(worst, abs(float(surface.loss[i, j]) - truth))
    return worst / float(np.ptp(surface.loss))


def _with_ratios(figures: Figures) -> dict[str, Any]:
    loop = figures.rates[-1].loop
    assert loop is not None
    content = asdict(figures)
    for row, rates in zip(content["rates"], figures.rates, strict=True):
        row["against_loop"] = rates.engine / loop
    if figures.surface is not None:
        done = figures.surface.finished
        sooner = figures.surface.loop_seconds / figures.surface.seconds
        content["surface"]["fewer_evaluations"] = figures.surface.fewer if done else None
        content["surface"]["sooner"] = sooner if done else None
        for name in ("coarse_seconds", "worst_error"):  # JSON has no NaN
            if math.isnan(content["surface"][name]):
                content["surface"][name] = None
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
              f"{r.of_floor:>10.3f}{r.engine / loop:>8.2f}")  # fmt: skip
    s = figures.surface
    if s is not None:
        print(f"  {s.grid}×{s.grid}, {s.images:,} images, to 1 % of the range in {s.precision}: "
              f"{'' if s.finished else 'not within '}{s.seconds:.0f} s, "
              f"the loop {s.loop_seconds:,.0f} s; first surface after {s.coarse_seconds:.1f} s; "
              f"peak {figures.peak_mib:.0f} MiB")  # fmt: skip
    if s is not None and s.finished:
        worst = f"; worst error of {s.checked} checked cells {100 * s.worst_error:.2f} %"
        print(f"  {s.evaluations:,} evaluations, {s.fewer:.1f} times fewer; "
              f"{s.loop_seconds / s.seconds:.0f} times sooner"
              f"{worst if s.checked else ''}")  # fmt: skip


def processor() -> str:
    """The processor, as the system calls it."""
    info = Path("/proc/cpuinfo")
    if exists(info):
        for text in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if text.startswith("model name"):
                return text.partition(":")[2].strip()
    return platform.processor() or platform.machine() or os.name
