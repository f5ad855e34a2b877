"""Whether the device computes what a CPU does, and what a review without one feared."""

from __future__ import annotations

import copy
import gc
import json
import subprocess
import sys
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import isoloss
from gpu.subjects import Subjects, timed, worst
from isoloss.compute.data.dataset import as_inputs
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.machine.device import arithmetic, describe_device
from isoloss.compute.planes.random_plane import random_plane
from isoloss.robustness import Protocol, attack
from isoloss.robustness.speed.fast_classifier import Fast

POINTS = ((0.0, 0.0), (0.5, -0.5), (-1.0, 1.0))


def machine(on: Subjects) -> dict[str, Any]:
    """What is measured on, and how quick it is at what nothing here is quicker than."""
    found: dict[str, Any] = {
        "device": describe_device(on.device), "torch": str(torch.__version__),
        "cuda": torch.version.cuda, "isoloss": isoloss.__version__, "data": on.data.name,
        "precisions": on.precisions, "threads": torch.get_num_threads(),
    }  # fmt: skip
    n = 256 if on.tiny else 8192
    a = torch.randn(n, n, device=on.device, dtype=torch.bfloat16)
    found["bf16_tflops"] = round(2 * n**3 / timed(lambda: a @ a, on.device) / 1e12, 3)
    b = torch.empty(n * n * 8, dtype=torch.uint8, device=on.device)
    found["copy_tb_s"] = round(2 * b.numel() / timed(b.clone, on.device) / 1e12, 4)
    if on.device.type == "cuda":
        about = torch.cuda.get_device_properties(on.device)
        found |= {
            "memory_gib": round(about.total_memory / 2**30, 1),
            "multiprocessors": about.multi_processor_count,
            "capability": list(torch.cuda.get_device_capability(on.device)),
            "cudnn": torch.backends.cudnn.version(),
        }  # fmt: skip
    return found


@torch.no_grad()
def by_hand(
    model: nn.Module, plane: Any, point: tuple[float, float], x: Tensor, y: Tensor
) -> Tensor:
    """(n,) losses on the CPU in single precision, with nothing of the engine."""
    moved = copy.deepcopy(model).cpu().eval()
    for name, parameter in moved.named_parameters():
        steps = (plane.delta[name].double(), plane.eta[name].double())
        parameter.copy_(plane.origin[name].double() + point[0] * steps[0] + point[1] * steps[1])
    return F.cross_entropy(moved(as_inputs(x)), y, reduction="none")


def correct(on: Subjects) -> dict[str, Any]:
    """The engine against the CPU; batches that are recorded against the same that are not; a point
    twice."""
    found: dict[str, Any] = {}
    few, n = (16, 64) if on.tiny else (48, 2048)
    for name in on.names:
        probed = on.probed(name)
        model, plane = probed.model.cpu(), random_plane(probed.model.cpu())
        data = probed.samples(on.device)
        n = min(n, len(data))
        ((x, y),) = probed.samples(torch.device("cpu")).batches(0, few, few)
        expected = [by_hand(model, plane, point, x, y) for point in POINTS]
        for precision in on.precisions:
            engine = Evaluator(model, plane, data, None, on.device, precision=precision)
            rows: list[list[Tensor]] = []
            for _ in range(2):
                rows.append([])
                for point in POINTS:
                    engine.move_to(*point)
                    rows[-1].append(engine.evaluate(0, few)[0].cpu())
            scale = torch.stack(expected).abs().clamp(min=1)
            apart, bits = 0.0, True
            for size in sorted({1, 2, 7, 16, min(96, n), n}):
                for _ in range(4):  # one that comes again is recorded by then
                    replayed = engine.evaluate(0, size)[0]
                with torch.no_grad():
                    batches = data.batches(0, size, engine.batch_size)
                    eager = torch.cat([engine.losses_of(batch)[0] for batch in batches])
                apart = max(apart, worst(replayed, eager))
                bits &= torch.equal(replayed, eager)
            found[f"{name}, {precision}"] = {
                "worst_relative_to_cpu_fp32": float(
                    ((torch.stack(rows[0]) - torch.stack(expected)).abs() / scale).max()
                ),
                "a_point_twice_is_the_same": torch.equal(*map(torch.stack, rows)),
                "replays_equal_eager_bit_for_bit": bits, "replays_from_eager": apart,
                "batch_norms_folded": engine.folded, "batch_size": engine.batch_size,
            }  # fmt: skip
    return found


class Sums(nn.Module):
    """Texts of different lengths, or batches of them."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(50, 16), nn.Linear(16, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.embed(tokens).sum(1))


def ragged(on: Subjects) -> str:
    torch.manual_seed(0)
    model, axis = Sums(), np.linspace(-1, 1, 3)
    batches = [
        (torch.randint(50, (8, length)), torch.randint(4, (8,)))
        for length in (12, 12, 12, 12, 1, 1)
    ]
    losses = [
        isoloss.probe(model, batches, random_plane(model), axis, axis, precision="fp32",
                      device=device, progress=False, points_at_once=1, seed=2).loss
        for device in ("cpu", str(on.device))
    ]  # fmt: skip
    apart = float(np.abs(losses[0] - losses[1]).max())
    return "ok" if apart < 1e-3 else f"wrong by {apart:.3g}"


def dropped(on: Subjects) -> str:
    if on.device.type != "cuda":
        return "of a GPU only"
    probed = on.probed(on.largest)
    data, plane = probed.samples(on.device), random_plane(probed.model.cpu())
    gc.collect()
    gc.disable()
    before = torch.cuda.memory_allocated(on.device)
    try:
        engine = Evaluator(probed.model, plane, data, None, on.device)
        for _ in range(4):
            engine.evaluate(0, 64)
        del engine
        kept = torch.cuda.memory_allocated(on.device) - before
    finally:
        gc.enable()
    return "ok" if kept < 2**21 else f"{kept / 2**20:.0f} MiB stay until garbage is collected"


def backwards(on: Subjects) -> str:
    """Whether gradients of fp32 are those of fp32."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 64, 3), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.Flatten(1))
    x = torch.rand(4, 3, 12, 12)

    def slope(device: torch.device) -> Tensor:
        leaf, network = x.to(device).requires_grad_(), copy.deepcopy(net).to(device)
        with arithmetic(device, "fp32"):
            out = network(leaf).square().sum()
            return torch.autograd.grad(out, leaf)[0].cpu()

    def attacked(device: torch.device) -> Tensor:
        fast = Fast(net, x, device, "fp32", fold=False)
        leaf = x.to(device).requires_grad_()
        return torch.autograd.grad(fast(leaf).square().sum(), leaf)[0].cpu()

    expected = slope(torch.device("cpu"))
    size = float(expected.abs().max())
    apart = max(worst(slope(on.device), expected), worst(attacked(on.device), expected)) / size
    return "ok" if apart < 1e-4 else f"gradients are {apart:.2g} of the largest from the CPU's"


def again(on: Subjects) -> str:
    """Whether an attack comes out the same twice."""
    model, images, labels = on.attacked(on.largest, 32)
    fast = Fast(model, images, on.device)
    twice = [
        attack(fast, images, labels, 8 / 255, Protocol("again", 3),
               torch.Generator(on.device).manual_seed(1)).images
        for _ in range(2)
    ]  # fmt: skip
    return "ok" if torch.equal(*twice) else f"apart by {worst(*twice):.3g}"


DANGEROUS = """
import json, sys, torch
from torch import nn
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.machine.device import arithmetic
from isoloss.compute.planes.random_plane import random_plane
device, said = torch.device(sys.argv[1]), {}

class Waits(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 4)
    def forward(self, x):
        return self.layer(x) * (1 if x.sum().item() > -1e9 else 2)

def waits():
    batch = (torch.rand(64, 8), torch.randint(4, (64,)))
    data = ShuffledSamples.of_batches([batch], 0, device)
    model = Waits()
    before = torch.cuda.current_stream(device) if device.type == "cuda" else None
    engine = Evaluator(model, random_plane(model), data, None, device)
    for _ in range(5):
        engine.evaluate(0, 64)
    if device.type == "cuda":
        if torch.cuda.current_stream(device) != before:
            return "the current stream is another afterwards"
        torch.cuda.empty_cache()
        torch.randn(4, device=device).sum().item()
    return "ok"

def switches():
    matmul = torch.backends.cuda.matmul
    if not hasattr(matmul, "fp32_precision"):
        return "this PyTorch has no such switch"
    matmul.fp32_precision = "tf32"
    with arithmetic(device, "fp32"), torch.backends.cudnn.flags(enabled=True):
        torch.nn.functional.conv2d(*2 * [torch.ones(1, 1, 1, 1, device=device)])
    return "ok" if matmul.fp32_precision == "tf32" else "it is another afterwards"

for name, work in (("a network that waits for the device", waits),
                   ("the user has set fp32_precision", switches)):
    try:
        said[name] = work()
    except Exception as error:
        said[name] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
print(json.dumps(said))
"""


def apart(on: Subjects) -> dict[str, str]:
    """What may leave PyTorch broken behind it: in a process of its own."""
    words = [sys.executable, "-c", DANGEROUS, str(on.device)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    if done.returncode:
        return {"the process apart": (done.stderr.strip().splitlines() or ["it died"])[-1][:300]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def faults(on: Subjects) -> dict[str, str]:
    """What the review suspects; "ok" where it does not happen."""
    found: dict[str, str] = {}
    for name, work in (
        ("batches of different shapes", ragged),
        ("a dropped evaluator gives its memory back", dropped),
        ("gradients of fp32 are fp32", backwards),
        ("an attack twice is the same", again),
    ):
        try:
            found[name] = work(on)
        except ModuleNotFoundError as error:
            found[name] = f"left out: {error.name} is not installed"
        except Exception as error:
            found[name] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return found | apart(on)
