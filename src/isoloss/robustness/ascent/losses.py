"""What attacks climb: losses of (N, classes) logits, one value an image.

"ce" is the cross-entropy. "margin" is by how much the best other class leads, max_{j≠y} z_j − z_y:
Carlini, Wagner 2017, "Towards Evaluating the Robustness of Neural Networks", f_6 without its bound,
https://arxiv.org/abs/1608.04644. "dlr" divides it by z_π1 − z_π3, π being the order of the logits
from the largest on, so that it does not depend on their scale: Croce, Hein 2020, "Reliable
evaluation of adversarial robustness", equation 6, https://arxiv.org/abs/2003.01690.

"auto" is the cross-entropy, but the margin where this has rounded to 0: there the network is so
sure that the gradient has lost what pulls the true class down, or all of itself (section 4 of that
paper). Such a value is negative, and the larger the nearer to the border: the order stays.

Aimed at a class t, an attack climbs −loss(z, t); for "dlr" that is equation 7 of the paper,
−(z_y − z_t) / (z_π1 − (z_π3 + z_π4) / 2). "lead", for aims alone, is z_t − z_y.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from isoloss.compute.machine.user_code import one_line, where_users_code_failed
from isoloss.compute.machine.waiting import may_hold
from isoloss.errors import IsolossError

OwnLoss = Callable[[Tensor, Tensor], Tensor]
"""A function of (N, classes) logits and (N,) classes that gives (N,) losses."""
Loss = str | OwnLoss
"""A name, or a function of one's own."""
USUAL: Loss = "auto"
TINY = 1e-12
"""Added to what is divided by, as in the authors' code."""


def loss_of(loss: Loss, logits: Tensor, labels: Tensor, draws: int = 1) -> Tensor:
    """(N,) what an attack climbs.

    Args:
        labels: (N,) true classes, or (N, 2) of them and of the classes that are aimed at.
        draws: so many rows that lie side by side are of one image, whose cross-entropy has rounded
            to 0 where it has at all of them.

    Raises:
        IsolossError: if there is no such loss, it is not for so few classes, or a function gives
            something else than (N,) floats.
    """
    if labels.ndim == 2 and loss == "dlr":
        return _dlr_towards(logits, labels[:, 0], labels[:, 1])
    if labels.ndim == 2 and loss == "lead":
        return _lead(logits, labels[:, 0], labels[:, 1])
    sign, classes = (1, labels) if labels.ndim == 1 else (-1, labels[:, 1])
    if loss == "auto" and labels.ndim == 1:
        return _cross_entropy_or_margin(logits, labels, draws)
    if callable(loss):
        return sign * _checked(_of_user(loss, logits, classes), len(logits))
    if loss not in _BY_NAME:
        raise IsolossError(
            f"there is no loss {loss!r}: choose of {', '.join(_BY_NAME)}, or give a function of "
            "(N, classes) logits and (N,) classes"
        )
    return sign * _BY_NAME[loss](logits, classes)


def _of_user(loss: Callable[[Tensor, Tensor], Any], logits: Tensor, classes: Tensor) -> Any:
    try:
        return loss(logits, classes)
    except IsolossError:
        raise
    except Exception as error:  # a user's function may raise anything
        why = where_users_code_failed(error) or one_line(error)
        raise IsolossError(f"the loss failed: {why}") from error


def reaches(chosen: Tensor, labels: Tensor) -> Tensor:
    """(N,) bool, whether classes (N,) are what an attack is after: others than the true ones, or
    those that are aimed at."""
    return chosen != labels if labels.ndim == 1 else chosen == labels[:, 1]


def misses(chosen: Tensor, labels: Tensor) -> Tensor:
    """(N,) bool, whether classes (N,) are others than the true ones, whatever is aimed at."""
    return chosen != (labels if labels.ndim == 1 else labels[:, 0])


def reached_share(votes: Tensor, labels: Tensor) -> Tensor:
    """(N,) the share of (N, classes) votes that is what an attack is after."""
    share = votes / votes.sum(1, keepdim=True)
    return 1 - _at(share, labels) if labels.ndim == 1 else _at(share, labels[:, 1])


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """(N,) max_{j≠y} z_j − z_y."""
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    return others - _at(logits, labels)


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits, labels, reduction="none")


def _cross_entropy_or_margin(logits: Tensor, labels: Tensor, draws: int) -> Tensor:
    losses = _cross_entropy(logits, labels)
    saturated = losses.detach() == 0
    if not may_hold(saturated):
        return losses
    if draws > 1:
        saturated = saturated.view(-1, draws).all(1).repeat_interleave(draws)
    return torch.where(saturated, margin(logits, labels), losses)


def _dlr(logits: Tensor, labels: Tensor) -> Tensor:
    first, _, third = _largest(logits, 3).unbind(1)
    return margin(logits, labels) / (first - third + TINY)


def _dlr_towards(logits: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    first, _, third, fourth = _largest(logits, 4).unbind(1)
    return _lead(logits, labels, targets) / (first - (third + fourth) / 2 + TINY)


def _lead(logits: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
    return _at(logits, targets) - _at(logits, labels)


def _largest(logits: Tensor, count: int) -> Tensor:
    if logits.shape[1] < count:
        aimed = " aimed at a class" if count == 4 else ""
        raise IsolossError(
            f"the loss dlr{aimed} is for {count} classes and more, this network knows "
            f"{logits.shape[1]}: take margin"
        )
    return logits.topk(count, 1).values


def _at(logits: Tensor, classes: Tensor) -> Tensor:
    return logits.gather(1, classes[:, None])[:, 0]


def _checked(losses: Any, n: int) -> Tensor:
    if not isinstance(losses, Tensor) or losses.shape != (n,) or not losses.is_floating_point():
        given = tuple(losses.shape) if isinstance(losses, Tensor) else type(losses).__name__
        raise IsolossError(f"a loss gives ({n},) floats for {n} images, this one gives {given}")
    return losses


_BY_NAME = {"auto": _cross_entropy, "ce": _cross_entropy, "margin": margin, "dlr": _dlr}
