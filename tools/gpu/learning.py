"""Training, of classifiers and denoisers, beside plain loops; and what a kill costs a run."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from gpu.subjects import Subjects, forget_memory, memory, timed, worst
from isoloss.compute.data.dataset import as_inputs
from isoloss.compute.networks.models import build_for_data
from isoloss.compute.training.training_run import Training
from isoloss.events import Progress
from isoloss.run import Run
from isoloss.settings import TrainSettings

WITHOUT_END = {"epochs": 10_000, "checkpoints_per_epoch": 1e-4}
"""So that nothing but steps is measured."""
LONGEST = 120
"""Seconds that a command may take: what hangs is not to cost the parts after it."""


def training(on: Subjects) -> dict[str, Any]:
    """Images a second of a training run, and of plain loops in which nothing waits."""
    from isoloss.compute.training.classifier import ClassifierTraining

    found: dict[str, Any] = {}
    batch = on.images(128, 8)
    for name in ("cnn",) if on.tiny else ("resnet50", "vgg11"):
        settings = TrainSettings(model=name, batch_size=batch, **WITHOUT_END)
        model = build_for_data(name, "auto", on.data)
        prepared = ClassifierTraining(settings, on.data, model, on.device)
        forget_memory(on.device)
        found[f"{name}, isoloss"] = batch * steps_a_second(prepared, on.images(6, 1))
        found[f"{name}, gib"] = memory(on.device)
        for fused in (False, True) if on.device.type == "cuda" else (False,):
            step = plain_step(on, build_for_data(name, "auto", on.data), batch, fused)
            took = timed(lambda s=step: [s() for _ in range(on.images(60, 2))], on.device, 2)
            label = f"{name}, plain{', fused optimizer' if fused else ''}"
            found[label] = batch * on.images(60, 2) / took
    return found


def steps_a_second(prepared: Training, seconds: float) -> float:
    """Of a run, from its first news on."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(Path(folder) / "run", prepared.settings)
        first: tuple[float, int] | None = None
        events = prepared.resume(run)
        try:
            for event in events:
                now = time.perf_counter()
                if not isinstance(event, Progress):
                    continue
                if first is None:
                    first = now, event.done
                elif now - first[0] >= seconds:
                    return (event.done - first[1]) / (now - first[0])
        finally:
            events.close()  # type: ignore[attr-defined]
    raise RuntimeError("the training ended too soon to be measured")


def plain_step(on: Subjects, net: nn.Module, batch: int, fused: bool) -> Callable[[], None]:
    net = net.to(on.device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(
        net.parameters(), 0.05, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=fused
    )
    x = on.data.train.inputs[: 50 * batch].to(on.device)
    y = on.data.train.targets[: 50 * batch].to(on.device)
    bf16 = on.precisions[-1] == "bf16"

    def step() -> None:
        chosen = torch.randint(len(x), (batch,), device=on.device)
        with torch.autocast(on.device.type, torch.bfloat16, enabled=bf16):
            loss = F.cross_entropy(net(as_inputs(x[chosen])), y[chosen])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def denoiser_training(on: Subjects) -> dict[str, Any]:
    """Steps a second of a denoiser's training, and of a plain loop that draws on the device."""
    from isoloss.robustness.smoothing.denoiser import build_scheduler, build_unet
    from isoloss.robustness.smoothing.denoiser_training import DenoiserTraining

    batch, size = on.images(128, 4), "tiny" if on.tiny else "small"
    settings = TrainSettings(
        task="denoiser", denoiser=size, batch_size=batch, **WITHOUT_END
    )  # fmt: skip
    unet = build_unet(size, on.data.train.shape[-1], 3)
    found = {
        "isoloss, steps/s": steps_a_second(
            DenoiserTraining(settings, on.data, unet, on.device), on.images(6, 1)
        )
    }
    plain = build_unet(size, on.data.train.shape[-1], 3).to(on.device).train()
    optimizer = torch.optim.AdamW(plain.parameters(), 1e-3, fused=on.device.type == "cuda")
    alphas = build_scheduler(None).alphas_cumprod.to(on.device)
    x = as_inputs(on.data.train.inputs[: 8 * batch].to(on.device))
    average = [p.detach().clone() for p in plain.parameters()]
    bf16 = on.precisions[-1] == "bf16"

    def step() -> None:
        chosen = x[torch.randint(len(x), (batch,), device=on.device)]
        t = torch.randint(len(alphas), (batch,), device=on.device)
        noise, a = torch.randn_like(chosen), alphas[t].view(-1, 1, 1, 1)
        with torch.autocast(on.device.type, torch.bfloat16, enabled=bf16):
            predicted = plain(a.sqrt() * (2 * chosen - 1) + (1 - a).sqrt() * noise, t).sample
        loss = F.mse_loss(predicted.float(), noise)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        optimizer.step()
        torch._foreach_lerp_(average, [p.detach() for p in plain.parameters()], 1e-4)

    count = on.images(40, 1)
    took = timed(lambda: [step() for _ in range(count)], on.device, 2)
    return found | {"plain, steps/s": count / took}


def kill_and_resume(on: Subjects) -> dict[str, Any]:
    """A training and a probe, killed and carried on, beside those that were left alone."""
    from safetensors.torch import load_file

    from isoloss.geometry.files.reading import load
    from isoloss.geometry.growing import GrowingSurface

    found: dict[str, Any] = {}
    where = ("--device", str(on.device))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        epochs = str(on.images(24, 2))
        model = "cnn" if on.tiny else "resnet20"
        train = ("train", "--model", model, "--data", "digits", "--epochs", epochs,
                 "--batch-size", "128", *where, "--out")  # fmt: skip
        whole, killed = folder / "whole", folder / "killed"
        found["train_seconds"] = command(*train, str(whole))
        third = killed / "checkpoints" / f"{on.images(9, 1):04d}.safetensors"
        command(*train, str(killed), kill_when=third.exists)
        probe = ("probe", str(whole), "--grid", str(on.images(21, 4)), "--samples",
                 str(on.images(1400, 64)), "--tolerance", "0.02", *where, "--out")  # fmt: skip
        one, two = folder / "one", folder / "two"
        found["probe_seconds"] = command(*probe, str(one))

        def begun() -> bool:
            try:
                return bool((GrowingSurface.open(two / "surface").count > 0).mean() > 0.4)
            except Exception:
                return False

        command(*probe, str(two), kill_when=begun)
        command("run", str(killed), str(two))
        ends = [load_file(max((f / "checkpoints").glob("0*.safetensors"))) for f in (whole, killed)]
        found["training_killed_apart"] = max(worst(ends[0][k], ends[1][k]) for k in ends[0])
        a, b = (load(f / "surface.ply") for f in (one, two))
        found["probe_killed_apart"] = float(np.nanmax(np.abs(a.loss - b.loss)))
        found["probe_range"] = float(np.ptp(a.loss))
    return found


def command(*words: str, kill_when: Callable[[], bool] | None = None) -> float:
    """Seconds of a command line; it is killed once `kill_when` says so."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "isoloss", *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    while process.poll() is None:
        if time.perf_counter() - began > LONGEST:
            process.kill()
            raise RuntimeError(f"isoloss {words[0]} had not ended after {LONGEST} s")
        if kill_when is not None and kill_when():
            process.send_signal(signal.SIGKILL)
            process.wait()
            return time.perf_counter() - began
        time.sleep(0.02)
    assert process.stderr is not None
    if process.returncode:
        said = process.stderr.read().decode(errors="replace")
        if lacks := re.search("No module named '([^'.]+)", said):
            raise ModuleNotFoundError(name=lacks[1])
        raise RuntimeError(said[-400:])
    return time.perf_counter() - began
