"""Attacks of one's own: `f(model, x, y, eps) -> images`. What they give is never taken on trust.

    model: a `torch.nn.Module` in eval mode, its parameters frozen: (N, C, H, W) images in [0, 1] to
        (N, classes) logits. Behind a defense it draws noise at every call. It is the attack's own
        copy: whatever is done to it, nobody else sees it.
    x: (N, C, H, W) floats in [0, 1], on the model's device;  y: (N,) int64 true classes.
    eps: the radius on the [0, 1] scale, in the norm of the run.
    images: (N, C, H, W) as tensor or array, of the same images in the same order.

PyTorch's, NumPy's and Python's random numbers are seeded before every call, from the run's seed,
the attack's name and the block of images, and stand afterwards where they stood. What is not finite
counts as not attacked. What lies outside [0, 1] or the ball is brought back to it: still an image
that an adversary may show, so that the accuracy is one that robustness does not exceed. Of both the
run says how often they happened. Where the image itself fools more, that is taken.
"""

from __future__ import annotations

import copy
import inspect
import random
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from isoloss.compute.machine.randomness import random_numbers_kept
from isoloss.compute.machine.recording import explain
from isoloss.compute.machine.user_code import one_line
from isoloss.errors import IsolossError
from isoloss.naming import dtype_name
from isoloss.robustness.ascent.ascent import Attacked
from isoloss.robustness.ascent.ball import SLACK, Ball, ball_of, column
from isoloss.robustness.ascent.expectation import mean_objective
from isoloss.robustness.ascent.objective import Draws, ObjectiveValue, value_at
from isoloss.robustness.attacks.context import Attack, AttackContext, Strayed


def check_signature(name: str, function: Callable[..., Any]) -> None:
    """Refuse what cannot be called as an attack of one's own is.

    Raises:
        IsolossError: saying why.
    """
    try:
        inspect.signature(function).bind("model", "x", "y", "eps")
    except ValueError:  # what is written in C says nothing of its arguments
        return
    except TypeError as error:
        raise IsolossError(
            f"the attack {name} must be a function of (model, x, y, eps): {error}"
        ) from error


def own_attack(context: AttackContext) -> Attack:
    """The attack of one's own that the context brings, its results checked image by image."""
    function, name = context.own, context.attack
    assert function is not None

    def attack(x: Tensor, y: Tensor, eps: float) -> Attacked:
        ball = ball_of(context.settings.norm, eps)
        seed = torch.randint(
            2**31, (1,), generator=context.generator, device=context.generator.device
        )
        found: list[Tensor] = []
        strayed = context.strayed.setdefault(eps, Strayed())
        with seeded(int(seed)), torch.enable_grad():
            for some, truth in zip(
                x.split(context.batch_size), y.split(context.batch_size), strict=True
            ):
                try:
                    given = function(_copied(context.model), some.clone(), truth.clone(), eps)
                except Exception as error:
                    told = str(error) if isinstance(error, IsolossError) else explain(error)
                    raise IsolossError(
                        f"the attack {name} failed: {told or one_line(error)}"
                    ) from error
                found.append(_as_images(given, some, name))
        images, now = _allowed(torch.cat(found), x, ball)
        if now.outside + now.spoilt > strayed.outside + strayed.spoilt:
            context.strayed[eps] = now
        return _better(context, images, x, y)

    return attack


@torch.no_grad()  # else a scripted one's parameters are computed ones
def _copied(model: nn.Module) -> nn.Module:
    # A defense's noise goes on in one stream.
    generator = getattr(model, "generator", None)
    return copy.deepcopy(model, {} if generator is None else {id(generator): generator})


def _as_images(given: Any, x: Tensor, name: str) -> Tensor:
    """What a function gave, as images like `x`.

    Raises:
        IsolossError: if that is something else.
    """
    shape = tuple(x.shape)
    if not isinstance(given, Tensor | np.ndarray):
        raise IsolossError(
            f"the attack {name} gives a {type(given).__name__}: it must give the images alone, "
            f"{shape}"
        )
    images = torch.as_tensor(given).detach()
    if tuple(images.shape) != shape:
        raise IsolossError(
            f"the attack {name} gives {tuple(images.shape)} for images of {shape}: it must give "
            "as many of the same shape"
        )
    if not images.is_floating_point():
        raise IsolossError(
            f"the attack {name} gives {dtype_name(images.dtype)}: images are floats in [0, 1]"
        )
    return images.to(x.device, x.dtype)


def _allowed(images: Tensor, x: Tensor, ball: Ball) -> tuple[Tensor, Strayed]:
    """The images in the ball and in [0, 1], and how many were not.

    Rounding may take an image out by as much as `SLACK`, of radii above 1 by `SLACK` · ε.
    """
    slack = SLACK * max(1.0, ball.eps)
    finite = images.flatten(1).isfinite().all(1)
    images = torch.where(column(finite), images, x)
    distance = ball.distance(images, x)
    too_far = distance > ball.eps + slack
    out_of_range = ((images < -slack) | (images > 1 + slack)).flatten(1).any(1)
    strayed = Strayed(
        int((too_far | out_of_range).sum()),
        float(distance[too_far].max()) if too_far.any() else 0.0,
        int((~finite).sum()),
    )
    return ball.project(images.clamp(0, 1), x).clamp_(0, 1), strayed


@torch.no_grad()
def _better(context: AttackContext, images: Tensor, x: Tensor, y: Tensor) -> Attacked:
    """Of each image what was found or the image itself: what is misclassified before what is not,
    then by loss; of a defense by the same draws of its noise."""
    drawn = Draws(context.model, x.device)
    of_found = _values(context, images, y)
    drawn.again()
    of_clean = _values(context, x, y)
    clean = of_clean.success & ~of_found.success
    clean |= (of_clean.success == of_found.success) & (of_clean.losses > of_found.losses)
    return Attacked(
        torch.where(column(clean), x, images),
        torch.where(clean, of_clean.losses, of_found.losses),
        torch.where(clean, of_clean.success, of_found.success),
        torch.zeros_like(clean),
    )


def _values(context: AttackContext, images: Tensor, y: Tensor) -> ObjectiveValue:
    size = max(context.forward_batch_size // context.draws, 1)
    objective = mean_objective(context.model, context.draws, context.forward_batch_size, about=y)
    return value_at(objective, images, y, size)


@contextmanager
def seeded(seed: int) -> Generator[None]:
    """All random numbers that a function may draw follow from `seed` inside, and stand afterwards
    where they stood; so does the default type of floats."""
    kind = torch.get_default_dtype()
    with random_numbers_kept():
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            yield
        finally:
            torch.set_default_dtype(kind)
