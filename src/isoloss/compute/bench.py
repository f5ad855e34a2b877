"""How fast the probe is: beside the plain loop that others write, and beside the floor."""

from __future__ import annotations

import copy
import json
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from isoloss.compute.datasets import as_inputs, load_dataset
from isoloss.compute.device import choose_device, describe_device, synchronize
from isoloss.compute.models import build_model
from isoloss.compute.planes import Plane, random_plane
from isoloss.compute.probing import Evaluator

POINTS = ((0.0, 0.0), (0.5, -0.5), (-1.0, 1.0))


@dataclass(frozen=True)
class ProbeFigures:
    """Images a second of one network: this engine, the plain loop, and bare forward passes."""

    network: str
    precision: str
    images: int
    engine: float
    plain_loop: float
    floor: float

    @property
    def against_loop(self) -> float:
        return self.engine / self.plain_loop

    @property
    def against_floor(self) -> float:
        return self.engine / self.floor


def bench_probe(*, as_json: bool) -> None:
    """Measure on digits, with ResNet-50 and VGG-11, in this process, and print the ratios."""
    device = choose_device("auto")
    where = f"{describe_device(device)} ({platform.processor() or platform.machine()})"
    figures = [
        _measure(name, images, device) for name, images in (("vgg11", 512), ("resnet50", 128))
    ]
    if as_json:
        rows = [
            asdict(f) | {"against_loop": f.against_loop, "against_floor": f.against_floor}
            for f in figures
        ]
        print(json.dumps({"device": where, "torch": str(torch.__version__), "probe": rows}))
        return
    print(
        f"probe, images/s on {where}, torch {torch.__version__}, {torch.get_num_threads()} threads"
    )
    print(f"{'network':<10}{'precision':<11}{'engine':>9}{'loop':>9}{'floor':>9}"
          f"{'× loop':>9}{'of floor':>10}")  # fmt: skip
    for f in figures:
        print(f"{f.network:<10}{f.precision:<11}{f.engine:>9.0f}{f.plain_loop:>9.0f}{f.floor:>9.0f}"
              f"{f.against_loop:>9.2f}{f.against_floor:>10.3f}")  # fmt: skip


def _measure(name: str, images: int, device: torch.device) -> ProbeFigures:
    data = load_dataset("digits")
    torch.manual_seed(0)
    model = build_model(name, 10, 32, mean=data.mean, std=data.std).eval()
    plane = random_plane(model)
    sample = data.train.sample(images, 0).to(device)
    evaluator = Evaluator(model, plane, sample.batches(256), None, device)
    evaluator.choose_precision("auto", POINTS)

    def engine() -> None:
        for point in POINTS:
            evaluator.move_to(*point)
            evaluator.evaluate()

    floor_model, batches = (
        copy.deepcopy(evaluator.model),
        [as_inputs(x) for x, _ in evaluator.batches],
    )

    @torch.no_grad()
    def floor() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=evaluator.bf16):
            for _ in POINTS:
                for batch in batches:
                    floor_model(batch)

    plain = copy.deepcopy(model).to(device)
    inputs = as_inputs(sample.inputs.cpu())
    loader = DataLoader(TensorDataset(inputs, sample.targets.cpu()), batch_size=128)

    def loop() -> None:
        for point in POINTS:
            _plain_loop(plain, plane, point, loader, device)

    count = images * len(POINTS)
    seconds = _interleaved((engine, loop, floor), device)
    rates = [count / s for s in seconds]
    precision = "bf16" if evaluator.bf16 else "fp32"
    return ProbeFigures(name, precision, images, *rates)


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
    total = 0.0
    for inputs, targets in loader:
        logits = model(inputs.to(device))
        total += F.cross_entropy(logits, targets.to(device), reduction="sum").item()
    return total


def _interleaved(works: tuple[Callable[[], None], ...], device: torch.device) -> list[float]:
    """The fastest of three rounds of each, in turn, so that drift of the machine hits all alike."""
    best = [float("inf")] * len(works)
    for round_ in range(4):
        for i, work in enumerate(works):
            synchronize(device)
            began = time.perf_counter()
            work()
            synchronize(device)
            if round_ > 0:  # the first warms up
                best[i] = min(best[i], time.perf_counter() - began)
    return best
