"""Who is measured against whom: the engine, its floor, and how others evaluate a plane."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.machine.device import arithmetic, synchronize
from isoloss.compute.planes.plane import Plane

Loader = DataLoader[tuple[Tensor, ...]]
POINTS = ((0.5, -0.5), (-1.0, 1.0))
# Of loss-landscapes, which evaluates its square: points along each direction.
PEER_STEPS = 2
# After one that warms up. The engine and its floor differ by a few percent, the others by more.
TURNS, TURNS_OF_OTHERS = 8, 2
# What the classic programs take.
LOOP_BATCH = 128


@dataclass(frozen=True)
class Probed:
    """A network with the images it is probed on."""

    name: str
    model: nn.Module
    images: Tensor
    targets: Tensor

    def samples(self, device: torch.device) -> ShuffledSamples:
        """All its images on a device."""
        return ShuffledSamples.of_batches([(self.images, self.targets)], 0, device)


@dataclass(frozen=True)
class Rates:
    """Images a second of each peer in one precision, the median of its turns; None for one
    that has no such thing.

    Attributes:
        of_floor: the engine's rate over the floor's, the median of ratios within a turn: what the
            machine's drift between turns does to both is not in it.
    """

    precision: str
    engine: float
    floor: float
    of_floor: float
    loop: float | None
    loss_landscapes: float | None


@dataclass(frozen=True)
class Peer:
    """What is measured.

    Attributes:
        work: what it does at one of POINTS.
        points: how many it evaluates then.
    """

    work: Callable[[tuple[float, float]], object]
    points: int = 1
    turns: int = TURNS_OF_OTHERS


def measure_rates(probed: Probed, plane: Plane, precision: str, device: torch.device) -> Rates:
    """The rates of all that can evaluate a point of `plane` in a precision on a device."""
    n, peers = peers_in(probed, plane, precision, device)
    return rates_of(peers, n, precision, device)


def peers_in(
    probed: Probed, plane: Plane, precision: str, device: torch.device
) -> tuple[int, dict[str, Peer]]:
    """(images that each of them sees at a point, {name: who evaluates a point})."""
    data = probed.samples(device)
    evaluator = Evaluator(probed.model, plane, data, None, device, precision=precision)
    n = min(len(data), max(8 * evaluator.batch_size, LOOP_BATCH))
    batches = list(data.batches(0, n, evaluator.batch_size))

    def engine(point: tuple[float, float]) -> None:
        evaluator.move_to(*point)
        evaluator.mean_loss(n)

    @torch.no_grad()
    def floor(_: tuple[float, float]) -> None:
        with arithmetic(device, precision):
            for inputs, _targets in batches:
                evaluator.network(inputs)

    peers = {"engine": Peer(engine, turns=TURNS), "floor": Peer(floor, turns=TURNS)}
    if precision == "fp32":
        loader = loader_of(data, n)
        plain = copy.deepcopy(probed.model).to(device).eval()
        peers["loop"] = Peer(lambda point: plain_loop(plain, plane, point, loader, device))
        if (package := _loss_landscapes(probed, plane, loader, device)) is not None:
            peers["loss_landscapes"] = Peer(lambda _: package(), PEER_STEPS**2)
    return n, peers


def rates_of(
    peers: dict[str, Peer],
    n: int,
    precision: str,
    device: torch.device,
    clock: Callable[[], float] = time.perf_counter,
) -> Rates:
    """The peers in turn, point by point, so that the machine's drift hits all alike.

    Args:
        n: images that each sees at a point.
        clock: seconds.
    """
    seconds: dict[str, list[float]] = {name: [] for name in peers}
    for turn in range(1 + TURNS):
        for name, peer in peers.items():
            if turn > peer.turns:
                continue
            synchronize(device)
            began = clock()
            peer.work(POINTS[turn % len(POINTS)])
            synchronize(device)
            taken = clock() - began
            if turn > 0:
                seconds[name].append(taken)
    rate = {name: n * peers[name].points / median(all_) for name, all_ in seconds.items()}
    pairs = zip(seconds["engine"], seconds["floor"], strict=True)
    return Rates(
        precision,
        rate["engine"],
        rate["floor"],
        median(least / own for own, least in pairs),
        rate.get("loop"),
        rate.get("loss_landscapes"),
    )


def loader_of(data: ShuffledSamples, n: int) -> Loader:
    """The first `n` samples in batches of `LOOP_BATCH`, in the host's memory."""
    ((images, targets),) = data.batches(0, n, n)
    return DataLoader(TensorDataset(images.cpu(), targets.cpu()), batch_size=LOOP_BATCH)


@torch.no_grad()
def plain_loop(
    model: nn.Module,
    plane: Plane,
    point: tuple[float, float],
    loader: Loader,
    device: torch.device,
) -> float:
    """The summed loss at one grid point (α, β) as the classic programs compute it: set weights,
    load batches, fp32, `.item()`."""
    for name, parameter in model.named_parameters():
        moved = plane.origin[name] + point[0] * plane.delta[name] + point[1] * plane.eta[name]
        parameter.copy_(moved)
    return _loop_loss(model, loader, device)


def _loop_loss(model: Any, loader: Loader, device: torch.device) -> float:
    total = 0.0
    for inputs, targets in loader:
        logits = model(inputs.to(device))
        total += F.cross_entropy(logits, targets.to(device), reduction="sum").item()
    return total


def _loss_landscapes(
    probed: Probed, plane: Plane, loader: Loader, device: torch.device
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

    start = copy.deepcopy(probed.model).to(device).eval()
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
