"""Sharpness: right beside the CPU, and how quick its products with the Hessian are."""

from __future__ import annotations

import copy
import time
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import isoloss
from gpu.subjects import Subjects, forget_memory, memory, timed
from isoloss.compute.curvature.measuring import Asked
from isoloss.compute.data.dataset import as_inputs
from isoloss.compute.machine.device import arithmetic

CPU = torch.device("cpu")


def sharpness(on: Subjects) -> dict[str, Any]:
    """Samples a second through products with the Hessian, all that a measurement does counted,
    beside a loop that does one such product; the largest eigenvalue beside the CPU's."""
    found: dict[str, Any] = {}
    count, few = on.images(1024, 8), on.images(64, 4)
    wanted = {"largest": 1, "smallest": 0, "steps": on.images(30, 2), "probes": on.images(8, 2)}
    asked = Asked(**wanted)
    for name in on.names:
        probed = on.probed(name)
        model, images, labels = probed.model.cpu(), as_inputs(probed.images), probed.targets

        def measured(n: int, device: torch.device) -> isoloss.Sharpness:
            return isoloss.sharpness(
                model, [(images[:n], labels[:n])], tolerance=0.0, device=str(device),  # noqa: B023
                progress=False, **wanted,
            )  # fmt: skip

        measured(few, on.device)
        forget_memory(on.device)
        began = time.perf_counter()
        measured(count, on.device)
        seconds = time.perf_counter() - began
        rate = count * sum(map(asked.work, asked.units)) / seconds
        batch = on.images(256, 8)
        x, y = images[:batch].to(on.device), labels[:batch].to(on.device)
        network = copy.deepcopy(model).to(on.device).eval()
        loop = len(x) / timed(
            lambda net=network, x=x, y=y: product(net, x, y, on.device), on.device
        )
        found[name] = {
            "seconds": seconds, "rate": rate, "loop": loop, "of_loop": rate / loop,
            "gib": memory(on.device),
        }  # fmt: skip
        if name == on.names[0]:
            there, here = (measured(few, device).largest[0].value for device in (on.device, CPU))
            found[name]["eigenvalue_relative_to_cpu"] = abs(there - here) / abs(here)
    return found


def product(network: nn.Module, x: Tensor, y: Tensor, device: torch.device) -> list[Tensor]:
    """The Hessian's with a vector, differentiated twice, as one writes it."""
    weights = [w for w in network.parameters() if w.requires_grad]
    with arithmetic(device, "fp32"):
        slope = torch.autograd.grad(F.cross_entropy(network(x), y), weights, create_graph=True)
        along = torch.stack([g.sum() for g in slope]).sum()
        return list(torch.autograd.grad(along, weights))
