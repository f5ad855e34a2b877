"""What is measured on: a device, data, and networks trained for a moment."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.bench.probe import networks
from isoloss.bench.probe_peers import Probed
from isoloss.compute.data.dataset import Dataset, Split, as_inputs
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.machine.device import reduced_precisions, synchronize

GIB = 1 << 30


@dataclass
class Subjects:
    """What all parts share.

    Attributes:
        name: of the data, as `--data` has it; "patterns" are made here.
        until: on the clock of `time.monotonic`, when all is to be done.
        tiny: whether this is to be quick, on a CPU, and says nothing of speed.
    """

    device: torch.device
    name: str
    until: float
    tiny: bool
    made: dict[str, Probed] = field(default_factory=dict)

    def __post_init__(self) -> None:
        data = patterns() if self.name == "patterns" else load_dataset(self.name, self.side)
        if self.tiny:
            data = replace(data, train=data.train.sample(128, 0), test=data.test.sample(96, 0))
        self.data = data

    @property
    def side(self) -> int | None:
        return 32 if self.name.startswith("imagefolder:") else None

    @property
    def names(self) -> tuple[str, ...]:
        return ("small CNN",) if self.tiny else ("small CNN", "vgg11", "resnet50")

    @property
    def largest(self) -> str:
        return self.names[-1]

    @property
    def precisions(self) -> list[str]:
        return ["fp32", *reversed(reduced_precisions(self.device))]

    @property
    def left(self) -> float:
        return self.until - time.monotonic()

    def images(self, many: int, few: int) -> int:
        return few if self.tiny else many

    def probed(self, name: str) -> Probed:
        """A network on the CPU with images of the test split, as many as there are up to 10,000."""
        if name not in self.made:
            wanted = min(self.images(10_000, 96), len(self.data.test))
            (self.made[name],) = networks((), wanted, self.device, names=[name], data=self.data)
        return self.made[name]

    def attacked(self, name: str, count: int) -> tuple[nn.Module, Tensor, Tensor]:
        """The same network on the device, with floats and labels of so many images."""
        probed = self.probed(name)
        model = copy.deepcopy(probed.model).to(self.device).eval()
        images = as_inputs(probed.images[:count]).to(self.device)
        return model, images, probed.targets[:count].to(self.device)


def patterns() -> Dataset:
    """Ten patterns under noise, 32 × 32: for where there are no data at hand."""
    generator = torch.Generator().manual_seed(0)
    shapes = torch.rand(10, 3, 8, 8, generator=generator)
    shapes = torch.nn.functional.interpolate(shapes, size=32, mode="bilinear")

    def split(n: int) -> Split:
        targets = torch.arange(n) % 10
        noise = torch.randn(n, 3, 32, 32, generator=generator) * 0.2
        return Split((255 * (shapes[targets] + noise).clamp(0, 1)).byte(), targets)

    names = tuple(f"pattern {k}" for k in range(10))
    return Dataset("patterns", split(4000), split(1000), names, (0.5,) * 3, (0.25,) * 3)


def timed(work: Callable[[], Any], device: torch.device, turns: int = 3) -> float:
    """Seconds of the quickest turn, what the device does included; one before it warms up."""
    work()
    best = float("inf")
    for _ in range(turns):
        synchronize(device)
        began = time.perf_counter()
        work()
        synchronize(device)
        best = min(best, time.perf_counter() - began)
    return best


def memory(device: torch.device) -> dict[str, float]:
    """GiB of a GPU's memory: now, and the peak since `forget_memory`."""
    if device.type != "cuda":
        return {}
    of = {
        "allocated": torch.cuda.memory_allocated(device),
        "reserved": torch.cuda.memory_reserved(device),
        "peak_allocated": torch.cuda.max_memory_allocated(device),
        "peak_reserved": torch.cuda.max_memory_reserved(device),
    }
    return {name: round(n / GIB, 3) for name, n in of.items()}


def forget_memory(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def worst(a: Tensor, b: Tensor) -> float:
    return float((a.double() - b.double()).abs().max())
