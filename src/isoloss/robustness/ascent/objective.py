"""What a gradient attack climbs: the loss at an image, its gradient, whether another class wins."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.compute.machine.device import as_float32
from isoloss.compute.machine.memory import fewer_at_once, in_parts
from isoloss.compute.machine.waiting import is_at_hand, may_hold
from isoloss.errors import IsolossError
from isoloss.robustness.ascent.losses import USUAL, Loss, loss_of, reaches
from isoloss.robustness.ascent.recorded import Answer, Recorded
from isoloss.robustness.ascent.refusals import check_logits, check_logits_of


@dataclass(frozen=True)
class ObjectiveValue:
    """The objective at N images.

    Attributes:
        losses: (N,) what is climbed.
        success: (N,) bool, whether another class wins than the true one, or the one aimed at.
        gradient: (N, C, H, W) of the losses; None where it was not asked for.
        spoilt: (N,) bool, where no gradient was finite; None likewise.
        votes: (N, classes) how many draws of the network's noise chose each class; None where it
            draws none.
        doubt: (N,) the share of a climb along the gradient's signs that draws leave open.
        lacking: (N,) bool, where the gradient of some draws, but not of all, was not finite.
    """

    losses: Tensor
    success: Tensor
    gradient: Tensor | None = None
    spoilt: Tensor | None = None
    votes: Tensor | None = None
    doubt: Tensor | None = None
    lacking: Tensor | None = None

    def of_first(self, n: int) -> ObjectiveValue:
        """At the first `n` images."""
        all_of = (getattr(self, field.name) for field in fields(self))
        first: Any = (None if values is None else values[:n] for values in all_of)
        return ObjectiveValue(*first)


Objective = Callable[[Tensor, Tensor, bool], ObjectiveValue]
"""((N, C, H, W) images, (N,) labels, whether the gradient is asked for) to its value there. Labels
are (N, 2) where an attack aims at classes: the true ones and those. On a GPU losses may be NaN:
whoever asks sees to that (`RefusedLater`)."""


Reached = Callable[[Tensor, Tensor], Tensor]
"""((N,) classes that the network chose, labels) to (N,) bool, whether that is a success."""


def objective_of(
    model: nn.Module,
    loss: Loss = USUAL,
    reached: Reached = reaches,
    *,
    about: Tensor | None = None,
) -> Objective:
    """A loss of `model`; nothing is differentiated but by the images.

    Args:
        about: the labels of all images that it will be asked about, where they are known.
    """
    check = check_logits if about is None else check_logits_of(about)

    def value(
        answer: Answer, images: Tensor, labels: Tensor, with_gradient: bool
    ) -> ObjectiveValue:
        images = images.detach().requires_grad_(with_gradient)
        with torch.set_grad_enabled(with_gradient):
            logits = as_float32(check(answer(images), labels))
            losses = loss_of(loss, logits, labels)
            found = input_gradient(losses, images) if with_gradient else (None, None)
        if is_at_hand(losses):
            refuse_nan(losses)
        return ObjectiveValue(losses.detach(), reached(logits.argmax(1), labels), *found)

    def climbed(
        answer: Answer, images: Tensor, labels: Tensor, _: int
    ) -> tuple[Tensor | None, ...]:
        return tuple(vars(value(answer, images, labels, True)).values())

    asked = Recorded(model, recordable=not callable(loss))

    def together(images: Tensor, labels: Tensor, with_gradient: bool) -> ObjectiveValue:
        if not with_gradient:
            return value(model, images, labels, False)
        return ObjectiveValue(*asked(climbed, images, labels))  # pyright: ignore[reportArgumentType]

    return _InParts(together)


class _InParts:
    """An objective, of so many images at once as the memory suffices for."""

    def __init__(self, objective: Objective) -> None:
        self._objective, self._most = objective, sys.maxsize

    def __call__(self, images: Tensor, labels: Tensor, with_gradient: bool) -> ObjectiveValue:
        if len(images) <= self._most:
            try:
                return self._objective(images, labels, with_gradient)
            except (RuntimeError, MemoryError) as error:
                self._most = fewer_at_once(len(images), error, images.device)
        parts = zip(images.split(self._most), labels.split(self._most), strict=True)
        return _joined([self(some, truth, with_gradient) for some, truth in parts])


def value_at(
    objective: Objective, images: Tensor, labels: Tensor, batch_size: int | None
) -> ObjectiveValue:
    """The objective at images, so many at once, without its gradient."""
    size = batch_size or max(len(images), 1)
    asked = RefusedLater(objective)

    def of(rows: slice) -> ObjectiveValue:
        return asked(images[rows], labels[rows], False)

    found = _joined(list(in_parts(of, len(images), size, images.device)))
    asked.refuse()
    return found


def _joined(values: Sequence[ObjectiveValue]) -> ObjectiveValue:
    """The value at the images of several, one after the other."""
    columns: Any = zip(*(vars(value).values() for value in values), strict=True)
    joined: Any = (None if c[0] is None else torch.cat(c) for c in columns)
    return ObjectiveValue(*joined)


def input_gradient(losses: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
    """(N, C, H, W) the gradient of the sum of `losses` in `images`, 0 where it is not finite; and
    (N,) bool, at which images it was not.

    Raises:
        IsolossError: if the network lets no gradient through: of that no step follows, and an
            attack that stands still would look like robustness.
    """
    (gradient,) = input_gradients(losses, images)
    finite = gradient.isfinite()
    spoilt = ~finite.flatten(1).all(1)
    return (gradient.where(finite, 0) if may_hold(spoilt) else gradient), spoilt


def input_gradients(losses: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    """The gradients of the sum of `losses` in each of `inputs`, of the same images.

    Raises:
        IsolossError: as `input_gradient`.
    """
    gradients: tuple[Tensor | None, ...] = (None,)
    if losses.requires_grad:
        gradients = torch.autograd.grad(losses.sum(), inputs, allow_unused=True)
    gradient = gradients[0]
    if gradient is None and torch.is_inference_mode_enabled():
        raise IsolossError(
            "there are no gradients inside torch.inference_mode(): attack outside of it"
        )
    if gradient is None:
        raise IsolossError(
            "no gradient reaches the images through this network: attack it with square, which "
            "needs none"
        )
    return gradients  # pyright: ignore[reportReturnType]


def refuse_spoilt(spoilt: Tensor | None) -> None:
    """Refuse a network whose gradient is finite at no image.

    Raises:
        IsolossError: saying which attack does without.
    """
    if spoilt is not None and len(spoilt) and bool(spoilt.all()):
        raise IsolossError(
            f"this network's gradient is not finite for {len(spoilt)} of {len(spoilt)} images: "
            "attack it with square, which needs none"
        )


def refuse_nan(values: Tensor) -> None:
    """Refuse what a network gave if it is NaN.

    Raises:
        IsolossError: counting the images.
    """
    refuse_where(values.detach().isnan())


def refuse_where(is_nan: Tensor) -> None:
    """Likewise, of (N,) whether what it gave is NaN."""
    _refuse(int(is_nan.sum()), len(is_nan))


def _refuse(wrong: int, of: int) -> None:
    if wrong:
        raise IsolossError(
            f"the network gives NaN for {wrong} of {of} images: nothing can be said of it"
        )


def warn_of_lacking() -> None:
    """Say that means are over fewer draws than were taken."""
    warnings.warn(
        "the gradient of some draws is not finite: they are left out of its mean", stacklevel=3
    )


class RefusedLater:
    """An objective that is asked many times, on a GPU without a wait each time for whether there is
    something wrong with it; `refuse` is to be called at the end."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._found: Tensor | None = None  # most images with NaN, whether draws are lacking
        self._images = 0

    def __call__(self, images: Tensor, labels: Tensor, with_gradient: bool) -> ObjectiveValue:
        """The objective's value."""
        value = self._objective(images, labels, with_gradient)
        if not is_at_hand(value.losses):
            is_nan = value.losses.isnan()
            lacking = torch.zeros_like(is_nan) if value.lacking is None else value.lacking
            found = torch.stack([is_nan, lacking]).sum(1)
            self._found = found if self._found is None else torch.maximum(self._found, found)
            self._images = max(self._images, len(images))
        return value

    def refuse(self) -> None:
        """Refuse a network that gave NaN; warn of draws that were left out.

        Raises:
            IsolossError: counting the images, of those that it was asked about together.
        """
        if self._found is not None:
            wrong, lacking = self._found.tolist()
            _refuse(wrong, self._images)
            if lacking:
                warn_of_lacking()


@contextmanager
def frozen(model: nn.Module) -> Generator[nn.Module]:
    """`model` in eval mode with frozen parameters inside, given images that are in [0, 1]; as it
    was afterwards."""
    modules = list(model.modules())
    training = [m for m in modules if m.training]
    # What a module has not is looked for long.
    checking: list[Any] = [m for m in modules if hasattr(type(m), "checks_range")]
    checking = [defense for defense in checking if defense.checks_range]
    learning = [p for p in model.parameters() if p.requires_grad]
    model.eval()
    for parameter in learning:
        parameter.requires_grad_(False)
    for defense in checking:
        defense.checks_range = False
    try:
        yield model
    finally:
        for defense in checking:
            defense.checks_range = True
        for module in training:
            module.training = True
        for parameter in learning:
            parameter.requires_grad_(True)


class Draws:
    """Where a network's random numbers stand, so that it can be asked with the same ones again.

    Two images whose answers are to be compared are asked with the same draws: else the luckier
    draw wins, and an attack ends at what it was lucky with.

    Args:
        model: draws from its `generator`, and from PyTorch's own where it has none or what is
            behind its noise draws too.
    """

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        self._own: torch.Generator | None = getattr(model, "generator", None)
        self._of_own = self._own.get_state() if self._own else None
        self._device, self._state = device, state_of(device)

    def again(self) -> None:
        """Go back to where they stood."""
        if self._own and self._of_own is not None:
            self._own.set_state(self._of_own)
        set_state_of(self._device, self._state)


def state_of(device: torch.device) -> Tensor:
    """Where PyTorch's random numbers stand on a device."""
    match device.type:
        case "cuda":
            return torch.cuda.get_rng_state(device)
        case "mps":
            return torch.mps.get_rng_state()
        case _:
            return torch.get_rng_state()


def set_state_of(device: torch.device, state: Tensor) -> None:
    """Let them stand there again."""
    match device.type:
        case "cuda":
            torch.cuda.set_rng_state(state, device)
        case "mps":
            torch.mps.set_rng_state(state)
        case _:
            torch.set_rng_state(state)
