"""Probes: images a second, surfaces to a tolerance, sizes of batches, memory."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpu.subjects import Subjects, forget_memory, memory, timed, worst
from isoloss.bench.probe import Wanted, small_cnn, to_one_percent
from isoloss.bench.probe_peers import Probed, measure_rates
from isoloss.compute.data.dataset import as_inputs
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.machine.device import arithmetic
from isoloss.compute.networks.acceleration import in_fast_layout
from isoloss.compute.planes.random_plane import random_plane

LOOPS: dict[str, float] = {}
"""Images a second of the classic loop, by network: what surfaces are compared with."""


def rates(on: Subjects) -> dict[str, Any]:
    """Images a second: the engine, its floor, the classic loop, and loops over data on the device
    as a careful user writes them."""
    found: dict[str, Any] = {}
    for name in on.names:
        probed = on.probed(name)
        plane = random_plane(probed.model.cpu())
        for precision in on.precisions:
            measured = measure_rates(probed, plane, precision, on.device)
            found[f"{name}, {precision}"] = {k: v for k, v in asdict(measured).items() if v}
            LOOPS[name] = measured.loop or LOOPS.get(name, 0.0)
        for label, how in (("default", nullcontext), ("bf16", None)):
            loop = resident_loop(on, probed, how)
            row = found.setdefault(f"{name}, {label}", {})
            row["resident_loop"] = len(probed.images) / timed(loop, on.device)
    return found


def resident_loop(
    on: Subjects, probed: Probed, how: Callable[[], Any] | None
) -> Callable[[], float]:
    """A loop in PyTorch's default precision (tf32 in convolutions), or under bf16: channels last,
    data on the device, large batches, one wait."""
    model = copy.deepcopy(probed.model).to(on.device, memory_format=torch.channels_last).eval()
    x, y = probed.images.to(on.device), probed.targets.to(on.device)
    step = on.images(1024, 32)

    @torch.no_grad()
    def loop() -> float:
        total = torch.zeros((), device=on.device)
        with how() if how is not None else torch.autocast(on.device.type, torch.bfloat16):
            for k in range(0, len(x), step):
                logits = model(as_inputs(x[k : k + step])).float()
                total += F.cross_entropy(logits, y[k : k + step], reduction="sum")
        return float(total)

    return loop


def surfaces(on: Subjects) -> dict[str, Any]:
    """A surface to 1 % of its range, as `isoloss bench probe` has it, and the memory it takes."""
    found: dict[str, Any] = {}
    for name in on.names:
        probed = on.probed(name)
        probed.model.cpu()
        forget_memory(on.device)
        seconds = max(min(45.0, on.left / 2), 1.0)
        wanted = Wanted(on.images(25, 5), seconds, on.images(4, 1))
        loop = LOOPS.get(name) or 1.0
        surface = to_one_percent(probed, random_plane(probed.model), wanted, loop, on.device)
        row = {k: v for k, v in asdict(surface).items() if v == v}  # JSON has no NaN
        found[name] = {
            **row, "fewer": surface.fewer, "sooner": surface.loop_seconds / surface.seconds,
            "gib": memory(on.device),
        }  # fmt: skip
    return found


def sizes(on: Subjects) -> dict[str, Any]:
    """Images a second of the engine by the size of its batches, and of both layouts."""
    found: dict[str, Any] = {}
    for name in on.names:
        probed = on.probed(name)
        model, data = probed.model.cpu(), probed.samples(on.device)
        plane, precision = random_plane(model), on.precisions[-1]
        row = {}
        for size in (16, 32) if on.tiny else (16, 32, 128, 512, 1024, 2048, 4096):
            size = min(size, len(data))
            engine = Evaluator(
                model, plane, data, None, on.device, precision=precision, batch_size=size
            )
            last = min(len(data), max(size, on.images(4096, 32))) // size * size
            for _ in range(3):
                engine.evaluate(0, last)
            row[size] = round(last / timed(lambda e=engine, n=last: e.evaluate(0, n), on.device))
        found[f"{name}, {precision}"] = row
        few = as_inputs(probed.images[: on.images(512, 16)].to(on.device))
        for precision in on.precisions:
            for layout in ("contiguous", "channels_last"):
                net = copy.deepcopy(model).to(on.device).eval()
                if layout == "channels_last":
                    net = in_fast_layout(net, lambda n=net, x=few: n(x[:2]))

                @torch.no_grad()
                def forward(n: nn.Module = net, p: str = precision, x: Tensor = few) -> None:
                    with arithmetic(on.device, p):
                        n(x)

                found[f"{name}, {precision}, {layout}"] = round(
                    len(few) / timed(forward, on.device)
                )
    return found


def recordings(on: Subjects) -> dict[str, Any]:
    """What recorded batches of six sizes hold."""
    probed = on.probed(on.largest)
    model, data = probed.model.cpu(), probed.samples(on.device)
    forget_memory(on.device)
    found: dict[str, Any] = {"before": memory(on.device)}
    engine = Evaluator(
        model, random_plane(model), data, None, on.device, precision=on.precisions[-1]
    )
    engine.evaluate(0, min(1024, len(data)))
    found["one size, once"] = memory(on.device)
    for size in (1024, 784, 512, 384, 96, 16):
        for _ in range(4):
            engine.evaluate(0, min(size, len(data)))
    found["six sizes, four times each"] = memory(on.device)
    del engine
    forget_memory(on.device)
    found["the evaluator dropped"] = memory(on.device)
    return found


def large(on: Subjects) -> dict[str, Any]:
    """Activations of more than 2³¹ values: 1,024 images of 224 pixels through VGG-11."""
    import torchvision

    torch.manual_seed(0)
    side, n = on.images(224, 32), on.images(1024, 8)
    model = small_cnn(10) if on.tiny else torchvision.models.vgg11(num_classes=10)
    probed = Probed("vgg11", model.eval(), torch.rand(n, 3, side, side), torch.arange(n) % 10)
    data, plane = probed.samples(on.device), random_plane(model)
    forget_memory(on.device)
    engine = Evaluator(model, plane, data, None, on.device, precision=on.precisions[-1])
    engine.move_to(0.1, 0.1)
    together, chosen = engine.evaluate(0, n)[0], engine.batch_size
    peak = memory(on.device)
    engine.batch_size = min(64, n)
    apart = worst(together, engine.evaluate(0, n)[0])
    return {"batch_size": chosen, "gib": peak, "from_batches_of_64": apart}
