"""Expectation over transformation: the gradient of a randomized defense is a mean over its draws.

Athalye, Engstrom, Ilyas, Kwok 2018, "Synthesizing Robust Adversarial Examples",
https://arxiv.org/abs/1707.07397; Athalye, Carlini, Wagner 2018, "Obfuscated Gradients Give a False
Sense of Security", https://arxiv.org/abs/1802.00420
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isoloss.compute.machine.device import as_float32
from isoloss.robustness.attacks.ascent import Attacked, Watch
from isoloss.robustness.attacks.losses import Loss, loss_of, reaches
from isoloss.robustness.attacks.objective import (
    Draws,
    Objective,
    ObjectiveValue,
    frozen,
    input_gradient,
    refuse_nan,
)
from isoloss.robustness.attacks.pgd import climb, with_targets
from isoloss.robustness.attacks.protocol import Protocol
from isoloss.robustness.attacks.refusals import as_images, as_labels, check_at_least, check_logits


def eot_pgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    eps: float,
    protocol: Protocol,
    draws: int = 16,
    generator: torch.Generator | None = None,
    *,
    batch_size: int | None = None,
    targeted: Any = None,
    loss: Loss = "ce",
    watch: Watch | None = None,
) -> Attacked:
    """Gradient attack on a network that draws noise.

    Every step takes the mean gradient over `draws` draws of the network's noise, computed together.
    No image is done early, and the last iterate is returned: being misclassified in one step's
    draws is no lasting success. Restarts are compared on draws that they share. What `success`
    says is the majority of the last draws; count fresh ones.

    Args:
        model, x, y, eps, generator, targeted, loss: as for `pgd`.
        draws: of the noise, at every step and for each image.
        batch_size: images times draws that go through the network together.
        watch: is shown every iterate.

    Raises:
        IsolossError: as `pgd`.
    """
    x, y = as_images(x, model), as_labels(y, x)
    y = with_targets(y, targeted)
    objective = mean_objective(model, draws, batch_size, loss)
    images_at_once = None if batch_size is None else max(batch_size // draws, 1)
    size = images_at_once or max(len(x), 1)

    def anew(outcome: Attacked) -> Attacked:
        batches = zip(outcome.images.split(size), y.split(size), strict=True)
        values = [objective(some, truth, False) for some, truth in batches]
        return replace(
            outcome,
            losses=torch.cat([value.losses for value in values]),
            success=torch.cat([value.success for value in values]),
        )

    def both(known: Attacked, fresh: Attacked) -> tuple[Attacked, Attacked]:
        drawn = Draws(model, x.device)
        known = anew(known)
        drawn.again()
        return known, anew(fresh)

    with frozen(model):
        return climb(
            objective, x, y, eps, replace(protocol, keep_best=False), generator,
            batch_size=images_at_once, compared=both, watch=watch,
        )  # fmt: skip


def mean_objective(
    model: nn.Module, draws: int, batch_size: int | None = None, loss: Loss = "ce"
) -> Objective:
    """Of a randomized `model` the mean loss over `draws` draws, its gradient, and the majority."""
    check_at_least("draws", draws)

    def objective(images: Tensor, labels: Tensor, with_gradient: bool) -> ObjectiveValue:
        n = len(images)
        at_once = draws if batch_size is None else max(min(batch_size // n, draws), 1)
        losses = torch.zeros(n, device=images.device)
        gradient = torch.zeros_like(images) if with_gradient else None
        votes: Tensor | None = None
        for first in range(0, draws, at_once):
            k = min(at_once, draws - first)
            leaf = images.detach().requires_grad_(with_gradient)
            with torch.set_grad_enabled(with_gradient):
                # (n·k, …): the draws of an image lie side by side.
                truth = labels.repeat_interleave(k, 0)
                logits = as_float32(check_logits(model(leaf.repeat_interleave(k, 0)), truth))
                each = loss_of(loss, logits, truth)
                if gradient is not None:
                    gradient.add_(input_gradient(each, leaf) / draws)
            losses += each.detach().view(n, k).sum(1) / draws
            chosen = F.one_hot(logits.detach().argmax(1), logits.shape[1]).view(n, k, -1).sum(1)
            votes = chosen if votes is None else votes + chosen
        refuse_nan(losses)
        assert votes is not None
        return ObjectiveValue(losses, reaches(votes.argmax(1), labels), gradient)

    return objective
