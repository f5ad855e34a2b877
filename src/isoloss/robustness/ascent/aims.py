"""Which class an attack aims at: one for all images, one for each, or what the network thinks of
them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from isoloss.compute.machine.device import as_float32
from isoloss.errors import IsolossError
from isoloss.robustness.ascent.objective import frozen
from isoloss.robustness.ascent.refusals import as_labels, check_logits_of
from isoloss.settings.attacking import AIMS


def with_targets(y: Tensor, targeted: Any) -> Tensor:
    """(N, 2) true classes and those to be taken for; `y` alone where there are none.

    Args:
        y: (N,) true classes.
        targeted: (N,) classes, or one for all.

    Raises:
        IsolossError: if they are no classes, or not as many.
    """
    if targeted is None:
        return y
    one_for_all = isinstance(targeted, int) or getattr(targeted, "ndim", 1) == 0
    if one_for_all and not 0 <= int(targeted) <= torch.iinfo(y.dtype).max:
        raise IsolossError(f"one aims at a class, and there is none of number {int(targeted)}")
    targets = y.new_full(y.shape, int(targeted)) if one_for_all else as_labels(targeted, y)
    return torch.stack([y, targets], 1)


def aimed(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    targeted: Any,
    generator: torch.Generator | None,
    *,
    draws: int = 1,
    batch_size: int | None = None,
) -> Tensor:
    """`with_targets`, which may also be chosen by what the network says of the images as they are.

    Args:
        targeted: also "runner-up", the most likely class but the true one; "least-likely", the
            least likely one; "random", any other by the generator; or a class's number as text.
        draws, batch_size: as for `mean_logits`.

    Raises:
        IsolossError: also if a text says something else, or the network knows one class only.
    """
    if not isinstance(targeted, str):
        return with_targets(y, targeted)
    if targeted.isdecimal():
        return with_targets(y, int(targeted))
    if targeted not in AIMS:
        raise IsolossError(
            f"one aims at a class, not at {targeted!r}: give its number, or {', '.join(AIMS)}"
        )
    if len(x) == 0:
        return with_targets(y, y)
    logits = mean_logits(model, x, y, draws, batch_size)
    classes = logits.shape[1]
    if classes < 2:
        raise IsolossError("this network knows one class only: there is no other to aim at")
    if targeted == "random":
        shape, device = y.shape, y.device
        further = torch.randint(1, classes, shape, generator=generator, device=device)
        return with_targets(y, (y + further) % classes)
    sign = 1 if targeted == "runner-up" else -1
    return with_targets(y, (sign * logits).scatter(1, y[:, None], -torch.inf).argmax(1))


@torch.no_grad()
def likeliest(
    model: nn.Module, x: Tensor, y: Tensor, count: int, draws: int, batch_size: int | None
) -> tuple[Tensor, ...]:
    """So many times (N,) classes, the likeliest other than the true one first; as many as there
    are.

    Args:
        draws, batch_size: as for `mean_logits`.
    """
    if len(x) == 0:
        return ()
    logits = mean_logits(model, x, y, draws, batch_size).scatter(1, y[:, None], -torch.inf)
    return logits.topk(min(count, logits.shape[1] - 1), 1).indices.unbind(1)


@torch.no_grad()
def mean_logits(
    model: nn.Module, x: Tensor, y: Tensor, draws: int, batch_size: int | None
) -> Tensor:
    """(N, classes) logits.

    Args:
        draws: of a randomized network's noise, over which they are the mean.
        batch_size: images times draws that go through the network together; by default all.
    """
    at_once = max((batch_size or len(x) * draws) // draws, 1)
    found: list[Tensor] = []
    check = check_logits_of(y)
    with frozen(model):
        for some, truth in zip(x.split(at_once), y.split(at_once), strict=True):
            each = truth.repeat_interleave(draws)
            logits = as_float32(check(model(some.repeat_interleave(draws, 0)), each))
            found.append(logits.view(len(some), draws, -1).mean(1))
    return torch.cat(found)
