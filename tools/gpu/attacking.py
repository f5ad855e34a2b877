"""Attacks and certificates beside serial loops, and whether they find the same."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gpu.subjects import Subjects, timed
from isoloss.bench.attack import compare
from isoloss.bench.attack_peers import (
    AttackPeer,
    Attempt,
    Defended,
    Target,
    attackers,
    certifiers,
    expecting_attackers,
)
from isoloss.robustness.attacks.square import search
from isoloss.robustness.attacks.sweep import misclassified
from isoloss.robustness.evaluation.unit_work import reasons_unrecorded
from isoloss.robustness.speed.fast_classifier import Fast

SIGMA = 0.25


def pgd(on: Subjects) -> dict[str, Any]:
    """PGD beside plain loops, at an ε that many images resist and at the usual one."""
    found: dict[str, Any] = {}
    with reasons_unrecorded() as reasons:
        compare_pgd(on, found)
    return found | {"unrecorded": said(reasons)}


def compare_pgd(on: Subjects, found: dict[str, Any]) -> None:
    steps, size = on.images(10, 2), on.images(512, 16)
    for name in on.names[1:] or on.names:
        target = Target(name, *on.attacked(name, size), on.device)
        for eps in (8 / 255,) if on.tiny else (1 / 255, 8 / 255):
            field = [*loops(target, eps, steps), *attackers(target, Attempt(eps, steps), size)]
            compared = compare(
                f"PGD, ε {eps * 255:.0f}/255, {steps} steps", "image-steps/s", "success", field,
                target, steps, budget(on, 20.0),
                lambda moved, t=target: misclassified(t.model, moved, t.labels, size),
            )  # fmt: skip
            found[f"{name}, {eps * 255:.0f}/255"] = rows(compared)
        found[f"{name}, a gradient of a batch of a new size"] = new_sizes(on, target)


def random_search(on: Subjects) -> dict[str, Any]:
    """Queries a second of Square, beside the forward passes that they need at least."""
    found: dict[str, Any] = {}
    size, queries = on.images(128, 8), on.images(400, 6)
    model, images, labels = on.attacked(on.largest, size)
    for precision in on.precisions:
        fast = Fast(model, images, on.device, precision)
        done = 0

        def searched(fast: nn.Module = fast) -> None:
            nonlocal done
            done = 0
            generator = torch.Generator(on.device).manual_seed(0)
            for state in search(fast, images, labels, 1 / 255, queries, generator=generator):
                done = state.queries

        @torch.no_grad()
        def passes(fast: nn.Module = fast) -> None:
            for _ in range(on.images(50, 2)):
                fast(images)

        with reasons_unrecorded() as reasons:
            took = timed(searched, on.device, 1)
        found[f"{precision}, queries/s"] = done / took
        found[f"{precision}, forward passes/s"] = on.images(50, 2) / timed(passes, on.device)
        found[f"{precision}, unrecorded"] = said(reasons)
    return found


def said(reasons: set[str]) -> str:
    """Why CUDA graphs did without a network, if they did."""
    return "; ".join(sorted(reasons)) or "nothing"


def budget(on: Subjects, seconds: float) -> float:
    """Seconds after which no further round begins."""
    return 0.0 if on.tiny else min(seconds, max(on.left / 4, 1.0))


def loops(target: Target, eps: float, steps: int) -> Iterator[AttackPeer]:
    """PGD as it is usually written, and as a careful user writes it."""
    last = copy.deepcopy(target.model).to(memory_format=torch.channels_last)
    kind, size = target.device.type, len(target.images)
    for name, precision, model, under in (
        ("plain loop", "default", target.model, nullcontext),
        ("plain, channels last", "bf16", last, lambda: torch.autocast(kind, torch.bfloat16)),
    ):

        def work(
            x: Tensor, y: Tensor, model: nn.Module = model, under: Callable[[], Any] = under
        ) -> Tensor:
            return plain_pgd(model, x, y, eps, steps, under)

        yield AttackPeer(name, precision, False, size, work)


def plain_pgd(
    model: nn.Module, x: Tensor, y: Tensor, eps: float, steps: int, under: Callable[[], Any]
) -> Tensor:
    length = 2.5 * eps / steps
    moved = (x + torch.empty_like(x).uniform_(-eps, eps)).clamp(0, 1)
    for _ in range(steps):
        moved = moved.detach().requires_grad_()
        with under():
            loss = F.cross_entropy(model(moved).float(), y)
        (slope,) = torch.autograd.grad(loss, moved)
        moved = moved.detach() + length * slope.sign()
        moved = (x + (moved - x).clamp(-eps, eps)).clamp(0, 1)
    return moved.detach()


def rows(compared: Any) -> list[dict[str, Any]]:
    return [
        {k: v for k, v in asdict(row).items() if v not in (None, "")}
        for row in compared.rows
        if row.rate is not None
    ]


def new_sizes(on: Subjects, target: Target) -> dict[str, float]:
    """Milliseconds of a gradient of so many images for the first time, and again."""
    fast = Fast(target.model, target.images, on.device, on.precisions[-1])

    def look(k: int) -> None:
        leaf = target.images[:k].clone().requires_grad_()
        torch.autograd.grad(F.cross_entropy(fast(leaf), target.labels[:k]), leaf)

    look(8)
    sizes = [k for k in (131, 133, 135, 137) if k <= len(target.images)] or [5, 7]
    first = [timed_once(lambda k=k: look(k), on) for k in sizes]
    later = [timed(lambda k=k: look(k), on.device) for k in sizes]
    return {
        "first_ms": 1e3 * sorted(first)[len(first) // 2],
        "again_ms": 1e3 * sorted(later)[len(later) // 2],
    }


def timed_once(work: Callable[[], object], on: Subjects) -> float:
    from isoloss.bench.attack_peers import timed as once

    return once(work, on.device)[1]


def behind_noise(on: Subjects) -> dict[str, Any]:
    """EOT-PGD and CERTIFY behind a denoiser beside serial loops."""
    from isoloss.robustness.smoothing.denoiser import build_scheduler, build_unet

    torch.manual_seed(0)
    images = on.images(64, 4)
    target = Target(on.largest, *on.attacked(on.largest, images), on.device)
    unet = build_unet("tiny" if on.tiny else "small", 32, 3)
    defended = Defended.of(target, unet, build_scheduler(1.0), SIGMA)
    attempt = Attempt(8 / 255, on.images(10, 1), on.images(8, 2))
    seconds = budget(on, 25.0)
    with reasons_unrecorded() as reasons:
        eot = compare(
            "EOT", "image-draw-steps/s", "success",
            expecting_attackers(defended, attempt, on.images(64, 4)), target,
            attempt.steps * attempt.draws, seconds,
            lambda moved: misclassified(target.model, moved, target.labels, images),
        )  # fmt: skip
    few = Target(on.largest, *on.attacked(on.largest, on.images(16, 2)), on.device)
    pilot, draws = on.images(100, 4), on.images(1000, 16)
    certified = compare(
        "CERTIFY", "draws/s", "certified",
        certifiers(defended, pilot, draws, on.images(512, 16)), few, pilot + draws, seconds,
        lambda answers: answers[:, 0].to(few.labels) == few.labels,
    )  # fmt: skip
    return {
        "EOT, image-draw-steps/s": rows(eot), "CERTIFY, draws/s": rows(certified),
        "unrecorded": said(reasons),
    }  # fmt: skip
