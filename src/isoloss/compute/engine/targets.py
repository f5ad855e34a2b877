"""Targets as cross-entropy takes them, and the logits of a network that they are of.

Nothing is guessed: what does not say by itself what it means is refused, with what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from isoloss.compute.data.batch import Batch
from isoloss.compute.data.reading import IGNORED, LABELS
from isoloss.compute.engine.losses import named, targets_of
from isoloss.errors import IsolossError
from isoloss.naming import dtype_name

GIVE_A_LOSS = "give --loss, a function of the network and a batch"


def check_targets(batch: Batch) -> None:
    """Refuse batches that do not say what their targets are.

    Raises:
        IsolossError: saying what they are instead.
    """
    if isinstance(batch, Mapping):
        if LABELS not in batch:
            keys = ", ".join(map(str, cast("Mapping[Any, Any]", batch)))
            raise IsolossError(f"a batch has no {LABELS!r}, only {keys}: {GIVE_A_LOSS}")
    elif not isinstance(batch, tuple) or len(cast("tuple[Any, ...]", batch)) == 1:
        raise IsolossError(f"the data have no targets: {GIVE_A_LOSS}")
    elif len(cast("tuple[Any, ...]", batch)) > 2:
        n = len(cast("tuple[Any, ...]", batch))
        raise IsolossError(f"which of the {n} parts of a batch are targets is open: {GIVE_A_LOSS}")
    targets = targets_of(batch)
    if targets is None:
        raise IsolossError(f"the data have no targets: {GIVE_A_LOSS}")
    if not isinstance(targets, Tensor):
        raise IsolossError(
            f"the targets are of type {type(targets).__name__}, not a tensor of class indices: "
            f"{GIVE_A_LOSS}"
        )


def logits_in(outputs: Any, targets: Tensor) -> tuple[Callable[[Any], Tensor] | None, Tensor]:
    """(how the logits are found in what a network returns, None if it is they; these logits).

    Raises:
        IsolossError: if nothing or more than one thing in it may be logits.
    """
    if isinstance(outputs, Tensor):
        return None, outputs
    for key in ("logits", "out"):
        if isinstance(found := named(outputs, key), Tensor):
            return (lambda outputs, key=key: named(outputs, key)), found
    entries: dict[Any, Any] = {}
    if isinstance(outputs, Mapping):
        entries = dict(cast("Mapping[Any, Any]", outputs))
    elif isinstance(outputs, tuple | list):
        entries = dict(enumerate(cast("Sequence[Any]", outputs)))
    fitting = [k for k, v in entries.items() if isinstance(v, Tensor) and _fits(v, targets)]
    if len(fitting) == 1:
        place = fitting[0]
        return (lambda outputs: outputs[place]), entries[place]
    what = f"a {type(outputs).__name__}"
    if entries:
        shapes = (tuple(v.shape) if isinstance(v, Tensor) else type(v).__name__
                  for v in entries.values())  # fmt: skip
        what += f" of {', '.join(map(str, shapes))}"
    raise IsolossError(f"the network returns {what}: which of it are logits is open; {GIVE_A_LOSS}")


def _fits(logits: Tensor, targets: Tensor) -> bool:
    try:
        fitted_to(logits, targets)
    except IsolossError:
        return False
    return True


def fitted_to(logits: Tensor, targets: Tensor) -> tuple[Callable[[Tensor], Tensor], bool]:
    """(what makes targets fit the logits, whether classes are the last axis of these).

    Raises:
        IsolossError: if cross-entropy of these is nothing, or could be two things.
    """
    shapes = f"outputs {tuple(logits.shape)}, targets {tuple(targets.shape)}"
    if logits.ndim < 2 or (logits.shape[1] == 1 and logits.ndim == 2):
        raise IsolossError(
            f"the network gives one output for a sample, and cross-entropy needs one for each "
            f"class: {GIVE_A_LOSS}"
        )
    if targets.dtype.is_floating_point or targets.dtype.is_complex:
        if targets.shape == logits.shape and _are_distributions(targets):
            return _as_distributions, False
        raise IsolossError(
            f"the targets are {dtype_name(targets.dtype)} and no probabilities of classes "
            f"({shapes}): {GIVE_A_LOSS}, or give class indices (.long())"
        )
    if targets.shape == logits.shape and _is_one_hot(targets):
        return _of_one_hot, False
    if targets.ndim == logits.ndim and targets.shape[1] == 1:
        targets = targets.squeeze(1)
        convert = _of_a_column
    else:
        convert = _as_indices
    n, *places = targets.shape
    second = logits.shape[0] == n and list(logits.shape[2:]) == places
    last = logits.ndim > 2 and list(logits.shape[:-1]) == [n, *places]
    if second and last:
        raise IsolossError(
            f"the classes may be the second or the last axis of the outputs ({shapes}): "
            f"{GIVE_A_LOSS}"
        )
    if not second and not last:
        raise IsolossError(f"outputs and targets do not fit together ({shapes}): {GIVE_A_LOSS}")
    return convert, last


def _as_indices(targets: Tensor) -> Tensor:
    return targets.long()


def _of_a_column(targets: Tensor) -> Tensor:
    return targets.squeeze(1).long()


def _of_one_hot(targets: Tensor) -> Tensor:
    if not _is_one_hot(targets):
        raise IsolossError(f"some rows of the targets are not one-hot: {GIVE_A_LOSS}")
    return targets.long().argmax(1)


def _as_distributions(targets: Tensor) -> Tensor:
    if not _are_distributions(targets):
        raise IsolossError(f"some rows of the targets are no probabilities: {GIVE_A_LOSS}")
    return targets.float()


def _is_one_hot(targets: Tensor) -> bool:
    one_or_zero = (targets == 0) | (targets == 1)
    return bool(one_or_zero.all()) and bool((targets.long().sum(1) == 1).all())


def _are_distributions(targets: Tensor) -> bool:
    if targets.dtype.is_complex:
        return False
    sums = targets.double().sum(1)
    rounding = 1e-2 if targets.dtype in (torch.float16, torch.bfloat16) else 1e-4
    return bool((targets >= 0).all()) and bool(((sums - 1).abs() <= rounding).all())


def in_range(targets: Tensor, classes: int) -> Tensor:
    """Targets that are all classes of the network's, or none.

    Raises:
        IsolossError: if they are not.
    """
    if targets.dtype.is_floating_point or targets.numel() == 0:
        return targets
    counted = targets[targets != IGNORED] if bool((targets < 0).any()) else targets
    if counted.numel() == 0:
        return targets
    low, high = int(counted.min()), int(counted.max())
    if low < 0 or high >= classes:
        raise IsolossError(
            f"the targets are classes from {low} to {high}, and the network has {classes}: they "
            f"are counted from 0, and what is to be ignored is {IGNORED}"
        )
    return targets


def with_targets(batch: Batch, targets: Tensor) -> Batch:
    """The batch with other targets."""
    if isinstance(batch, Mapping):
        return {**cast("Mapping[Any, Any]", batch), LABELS: targets}
    return (batch[0], targets)
