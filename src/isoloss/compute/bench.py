"""How fast the probe is: beside its peers and its floor, in one process, on the same work."""

from __future__ import annotations

import copy
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from isoloss.compute.checkpoints import load_into, load_state
from isoloss.compute.datasets import Dataset, as_inputs, load_dataset
from isoloss.compute.device import (
    arithmetic,
    choose_device,
    describe_device,
    reduced_precisions,
    synchronize,
)
from isoloss.compute.evaluator import Evaluator
from isoloss.compute.memory import peak_bytes
from isoloss.compute.models import build_for_data
from isoloss.compute.planes import Plane, random_plane
from isoloss.compute.pool import Pool
from isoloss.compute.probing import Request, SurfaceProbing
from isoloss.compute.ranks import Team
from isoloss.compute.training import read_trajectory
from isoloss.errors import IsolossError
from isoloss.geometry.surface import Surface
from isoloss.run import Run
from isoloss.settings import TrainSettings

POINTS = ((0.0, 0.0), (0.5, -0.5), (-1.0, 1.0))
ROUNDS = 3
# Of loss-landscapes, which evaluates its square: points along each direction.
PEER_STEPS = 2
# What the classic programs take.
LOOP_BATCH = 128
TOLERANCE = 0.01
CHECKED_CELLS = 6
EPOCHS = 2


@dataclass(frozen=True)
class Rates:
    """Images a second of each contestant in one precision; None for one that has no such thing."""

    precision: str
    engine: float
    floor: float
    loop: float | None
    loss_landscapes: float | None


@dataclass(frozen=True)
class ToOnePercent:
    """A whole surface to within 1 % of its range.

    Attributes:
        coarse_seconds: from the first forward pass to a first surface over the whole plane.
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


@dataclass(frozen=True)
class Subject:
    """A trained network with the images it is probed on."""

    name: str
    model: nn.Module
    images: Tensor
    targets: Tensor


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
    where = f"{describe_device(device)}, {_processor()}, {torch.get_num_threads()} threads"
    found: list[Figures] = []
    for subject in _subjects(runs, images, device):
        print(f"measuring {subject.name} …", file=sys.stderr, flush=True)
        found.append(_measure(subject, grid, budget, device))
        if not as_json:
            _print(found[-1], where if len(found) == 1 else "")
    if as_json:
        rows = [_with_ratios(f) for f in found]
        print(json.dumps({"device": where, "torch": str(torch.__version__), "probe": rows}))


def _subjects(runs: Sequence[Path], images: int | None, device: torch.device) -> Iterator[Subject]:
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


def _subject(name: str, model: nn.Module, data: Dataset, images: int | None) -> Subject:
    wanted = images or len(data.test)
    split = data.test if len(data.test) >= wanted else data.train
    sample = split.sample(wanted, 0)
    return Subject(name, model.eval(), sample.inputs, sample.targets)


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


def _measure(subject: Subject, grid: int, budget: float, device: torch.device) -> Figures:
    plane = random_plane(subject.model)
    precisions = [*reduced_precisions(device), "fp32"]
    rates = [_rates(subject, plane, precision, device) for precision in precisions]
    loop = rates[-1].loop
    assert loop is not None
    before = peak_bytes(device)
    surface = _to_one_percent(subject, plane, grid, budget, loop, device) if budget else None
    return Figures(subject.name, rates, surface, (peak_bytes(device) or before) / 2**20)


def _rates(subject: Subject, plane: Plane, precision: str, device: torch.device) -> Rates:
    """The contestants in turn, so that the machine's drift hits all alike."""
    pool = _pool(subject, device)
    evaluator = Evaluator(subject.model, plane, pool, None, device, precision=precision)
    n = min(len(pool), max(8 * evaluator.batch_size, 256))
    batches = list(pool.batches(0, n, evaluator.batch_size))

    def engine() -> None:
        for point in POINTS:
            evaluator.move_to(*point)
            evaluator.evaluate(0, n)[0].double().sum().item()

    @torch.no_grad()
    def floor() -> None:
        with arithmetic(device, precision):
            for _ in POINTS:
                for inputs, _targets in batches:
                    evaluator.network(inputs)

    n_points = len(POINTS)
    contestants: dict[str, tuple[Callable[[], object], int]] = {
        "engine": (engine, n_points),
        "floor": (floor, n_points),
    }
    if precision == "fp32":
        loader = _loader(subject, n)
        plain = copy.deepcopy(subject.model).to(device).eval()

        def loop() -> None:
            for point in POINTS:
                _plain_loop(plain, plane, point, loader, device)

        contestants["loop"] = loop, n_points
        if (peer := _loss_landscapes(subject, plane, loader, device)) is not None:
            contestants["loss_landscapes"] = peer, PEER_STEPS**2
    best = dict.fromkeys(contestants, math.inf)
    for round_ in range(ROUNDS + 1):
        for name, (work, _) in contestants.items():
            synchronize(device)
            began = time.perf_counter()
            work()
            synchronize(device)
            if round_ > 0:  # the first warms up
                best[name] = min(best[name], time.perf_counter() - began)
    rate = {name: n * contestants[name][1] / seconds for name, seconds in best.items()}
    return Rates(
        precision, rate["engine"], rate["floor"], rate.get("loop"), rate.get("loss_landscapes")
    )


def _pool(subject: Subject, device: torch.device) -> Pool:
    return Pool.of_batches([(subject.images, subject.targets)], 0, device)


def _loader(subject: Subject, n: int) -> DataLoader[tuple[Tensor, ...]]:
    images = as_inputs(subject.images[:n])
    return DataLoader(TensorDataset(images, subject.targets[:n]), batch_size=LOOP_BATCH)


@torch.no_grad()
def _plain_loop(
    model: nn.Module,
    plane: Plane,
    point: tuple[float, float],
    loader: DataLoader[tuple[Tensor, ...]],
    device: torch.device,
) -> float:
    """One grid point as the classic programs do it: set weights, load batches, fp32, `.item()`."""
    for name, parameter in model.named_parameters():
        moved = plane.origin[name] + point[0] * plane.delta[name] + point[1] * plane.eta[name]
        parameter.copy_(moved)
    return _loop_loss(model, loader, device)


def _loop_loss(model: Any, loader: DataLoader[tuple[Tensor, ...]], device: torch.device) -> float:
    total = 0.0
    for inputs, targets in loader:
        logits = model(inputs.to(device))
        total += F.cross_entropy(logits, targets.to(device), reduction="sum").item()
    return total


def _loss_landscapes(
    subject: Subject, plane: Plane, loader: DataLoader[tuple[Tensor, ...]], device: torch.device
) -> Callable[[], object] | None:
    """The package of that name on PyPI over the same plane; None where it is not installed."""
    try:
        import loss_landscapes
        from loss_landscapes.metrics import Metric
    except ImportError:
        return None

    class MeanLoss(Metric):
        """Its own metrics take one batch; over a loader its users write one like this."""

        def __call__(self, model_wrapper: Any) -> float:
            with torch.no_grad():
                return _loop_loss(model_wrapper.forward, loader, device)

    start = copy.deepcopy(subject.model).to(device).eval()
    ends: list[nn.Module] = []
    for direction in (plane.delta, plane.eta):
        end = copy.deepcopy(start)
        with torch.no_grad():
            for name, parameter in end.named_parameters():
                parameter += direction[name].to(device)
        ends.append(end)
    return lambda: loss_landscapes.planar_interpolation(
        start, ends[0], ends[1], MeanLoss(), steps=PEER_STEPS, deepcopy_model=True
    )


def _to_one_percent(
    subject: Subject,
    plane: Plane,
    grid: int,
    budget: float,
    loop: float,
    device: torch.device,
) -> ToOnePercent:
    axis = np.linspace(-1, 1, grid)
    pool = _pool(subject, device)
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
    coarse = math.nan
    finished = True
    for _ in probing.steps(Team()):
        taken = time.perf_counter() - began
        if math.isnan(coarse) and probing.growing.count.any():
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


def _worst_error(surface: Surface, subject: Subject, plane: Plane, device: torch.device) -> float:
    pool = _pool(subject, device)
    exact = Evaluator(subject.model, plane, pool, None, device)
    worst = 0.0
    for cell in np.random.default_rng(0).choice(surface.loss.size, CHECKED_CELLS, replace=False):
        i, j = divmod(int(cell), surface.shape[1])
        exact.move_to(float(surface.alpha[i]), float(surface.beta[j]))
        truth = float(exact.evaluate(0, len(pool))[0].double().mean())
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
        content["surface"]["fewer_evaluations"] = figures.surface.fewer
        content["surface"]["sooner"] = figures.surface.loop_seconds / figures.surface.seconds
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
              f"the loop {s.loop_seconds:,.0f} s (× {s.loop_seconds / s.seconds:.0f}); "
              f"{s.fewer:.1f} times fewer evaluations; "
              f"first surface after {s.coarse_seconds:.1f} s; worst checked error "
              f"{100 * s.worst_error:.2f} %; peak {figures.peak_mib:.0f} MiB")  # fmt: skip


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for text in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if text.startswith("model name"):
                return text.partition(":")[2].strip()
    return platform.processor() or platform.machine() or os.name
