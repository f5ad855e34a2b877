"""On which kind of device a run's numbers come out the same: draws of noise and what reduced
precision makes of them are others elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from isoloss.compute.machine.device import describe_device
from isoloss.errors import IsolossError
from isoloss.files import as_object
from isoloss.run import Run

ARITHMETIC, GPU = "arithmetic", "the GPU"


def of_device(device: torch.device, precision: str) -> dict[str, str]:
    """What a run depends on of its device; a CPU's name is not among it."""
    kind = {ARITHMETIC: f"{precision} on {device.type}"}
    return kind if device.type == "cpu" else {**kind, GPU: describe_device(device)}


def check_same_device(run: Run, depends_on: Mapping[str, str]) -> None:
    """Refuse to go on on another kind of device than a run was begun on.

    Raises:
        IsolossError: naming both.
    """
    begun = as_object(run.environment.get("depends_on"))
    if begun.get(ARITHMETIC) is None:
        return
    was, now = (
        f"{d[ARITHMETIC].partition(' on ')[0]} on {d.get(GPU, d[ARITHMETIC].partition(' on ')[2])}"
        for d in (begun, depends_on)
    )
    # One that was begun before GPUs had names goes on on any.
    known = GPU in begun or begun[ARITHMETIC] != depends_on[ARITHMETIC]
    if known and was != now:
        raise IsolossError(
            f"{run.folder} was begun in {was}, and this is {now}, where noise and rounding are "
            "others: go on there, or start a new run"
        )
