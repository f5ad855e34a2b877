"""All that decides what a surface will be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from isoloss.compute.data.batch import Batch, size_of
from isoloss.compute.data.shuffled_samples import UNEQUAL, ShuffledSamples
from isoloss.compute.engine.losses import BatchLoss, Loss
from isoloss.compute.engine.multilevel import Multilevel
from isoloss.compute.engine.quantities import Quantity
from isoloss.compute.networks.copying import check_network
from isoloss.compute.planes.plane import Plane
from isoloss.errors import IsolossError
from isoloss.geometry.arrays import Array

PRECISIONS = ("auto", "fp32", "tf32", "bf16")
CALIBRATION_SAMPLES = 1024
CALIBRATION_BATCH = 128


@dataclass(frozen=True)
class Request:
    """All that decides what a surface will be.

    Attributes:
        axes: the grid's coordinates along α and β.
        population: the number of samples of which the loss is the mean, of which the data has some
            or all.
        audited: the precision that a check before has found good enough, where it is "auto".
        calibration: batches to measure batch-norm statistics on at every point, or None.
        meta: what is known of what is probed; JSON-compatible.
        is_from_python: whether a script asks, to which options are named as arguments.
        quantities: what is found at every point beside the loss.
        before: the estimates of another surface on the same grid, of the same samples.
        strict: as of `Multilevel`.
    """

    model: nn.Module
    plane: Plane
    axes: tuple[Array, Array]
    data: ShuffledSamples
    population: int
    device: torch.device
    loss: BatchLoss | Loss | None = None
    precision: str = "auto"
    audited: str | None = None
    tolerance: float | None = None
    samples: int | None = None
    batch_size: int | None = None
    points_at_once: int | None = None
    calibration: Sequence[Batch] | None = None
    meta: dict[str, Any] = field(default_factory=dict[str, Any])
    is_from_python: bool = False
    quantities: Sequence[Quantity] = ()
    before: Multilevel | None = None
    strict: float = 1.0

    def __post_init__(self) -> None:
        check_network(self.model)
        if self.precision not in PRECISIONS:
            raise IsolossError(
                f"precision is one of {', '.join(PRECISIONS)}, not {self.precision!r}"
            )
        if self.tolerance is not None and not 0 < self.tolerance < 1:
            raise IsolossError(f"tolerance is a fraction between 0 and 1, not {self.tolerance}")
        if self.precision == "tf32" and self.device.type != "cuda":
            raise IsolossError("tf32 is a precision of NVIDIA GPUs: choose auto, fp32 or bf16")
        if not self.data.can_be_cut and (self.tolerance or self.samples):
            # Whole batches would be drawn, which says little of the error: lengths go together.
            raise IsolossError(UNEQUAL)
        if self.quantities and self.tolerance is not None:
            raise IsolossError(
                "quantities are found on every sample: leave the tolerance out, or say how many "
                "samples"
            )

    @property
    def limit(self) -> int:
        """The most samples seen at a point."""
        return self.data.cut(min(self.samples or len(self.data), len(self.data)))


def recalibration_batches(data: ShuffledSamples) -> list[Batch]:
    """What batch-norm statistics are measured on: the first samples of the order."""
    last = data.cut(min(CALIBRATION_SAMPLES, len(data)))
    batches = list(data.batches(0, last, CALIBRATION_BATCH))
    # Of a single sample there is no variance.
    return batches[:-1] if len(batches) > 1 and size_of(batches[-1]) == 1 else batches
