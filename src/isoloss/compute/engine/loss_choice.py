"""Which loss is evaluated, chosen once from the first batch and what the network gives for it.

Nothing is guessed: what does not say by itself what it means is refused, with what to do.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from isoloss.compute.data.batch import (
    Batch,
    as_network_takes,
    can_be_cut,
    mapped,
    moved,
    rows,
    size_of,
)
from isoloss.compute.data.dataset import as_inputs
from isoloss.compute.data.reading import IGNORED, LABELS
from isoloss.compute.engine.losses import (
    BatchLoss,
    CrossEntropy,
    Forward,
    Loss,
    NetworksOwnLoss,
    UsersLoss,
    name_of,
    on_inputs,
    own_loss,
    targets_of,
)
from isoloss.compute.machine.user_code import one_line, where_users_code_failed
from isoloss.compute.networks.checkpoints import State, load_into
from isoloss.compute.networks.copying import copied
from isoloss.errors import IsolossError

# So many samples of a batch that can be cut are enough to see what a network gives.
FEW = 32
GIVE_A_LOSS = "give --loss, a function of the network and a batch"
# A network's own loss is that of its logits where they differ by no more than rounding.
SAME = 1e-4


@dataclass(frozen=True)
class Chosen:
    """A loss, and the data as it takes them.

    Attributes:
        batches: targets are class indices (int64) or probabilities; without samples none of whose
            targets count.
        left_out: how many samples were left out for that.
    """

    loss: BatchLoss
    batches: list[Batch]
    left_out: int = 0


def choose_loss(
    loss: Loss | None,
    model: nn.Module,
    batches: Sequence[Batch],
    device: torch.device,
    *,
    origin: State | None = None,
    per_batch: bool = False,
    name: str | None = None,
) -> Chosen:
    """What is evaluated of `model` on `batches`.

    Args:
        loss: the user's own; None for cross-entropy, or what a network gives as its own.
        origin: the weights that are probed; by default those of `model`.
        per_batch: whether the user's own gives one number for a batch.
        name: what the user's own is called.

    Raises:
        IsolossError: if network, data and loss do not fit together, or more than one loss does.
    """
    if loss is None and per_batch:
        raise IsolossError(f"--per-batch is for a loss of your own: {GIVE_A_LOSS}")
    if loss is not None and not callable(loss):
        raise IsolossError(f"a loss is a function of the network and a batch, not {loss!r}")
    network = copied(model, device)
    if origin is not None:
        load_into(network, origin, "the plane's origin")
    trial = _Trial(network, device)
    if loss is not None:
        own = UsersLoss(name or name_of(loss), whole=per_batch, function=loss)
        batches, own = trial.of_users_loss(own, batches)
        return _weighted(own, list(batches))
    return _weighted(*trial.of_default(batches))


class _Trial:
    """A network that is tried out on the first batch."""

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self._network = network
        self._device = device

    def of_users_loss(
        self, loss: UsersLoss, batches: Sequence[Batch]
    ) -> tuple[Sequence[Batch], UsersLoss]:
        """The loss as it can be evaluated, and the batches in a type that the network takes."""

        def run(batch: Batch) -> Any:
            return replace(loss, differentiates=torch.is_grad_enabled())(self._network, batch)

        first = batches[0] if loss.whole else _few(batches[0])
        try:
            batches, _, differentiates = self._run(run, first, batches)
        except IsolossError:
            raise
        except Exception as error:  # a user's loss may raise anything
            why = where_users_code_failed(error) or one_line(error)
            raise IsolossError(
                f"the loss, given the network and a batch, failed on the first: {why}"
            ) from error
        return batches, replace(loss, differentiates=differentiates)

    def of_default(self, batches: Sequence[Batch]) -> tuple[BatchLoss, list[Batch]]:
        """Cross-entropy where the network is a classifier, or the loss it gives itself."""
        first = _few(batches[0])
        _check_targets(first)
        failure: Exception | None = None
        for call in self._calls(first):
            try:
                run = lambda batch, call=call: call(self._network, batch)  # noqa: E731
                batches, outputs, differentiates = self._run(run, first, batches)
            except IsolossError:
                raise
            except Exception as error:  # a user's network may raise anything
                failure = failure or error
                continue
            loss, batches = self._of_outputs(call, outputs, _few(batches[0]), batches)
            return replace(loss, differentiates=differentiates), list(batches)
        assert failure is not None
        why = where_users_code_failed(failure) or one_line(failure)
        raise IsolossError(f"the network does not take these data: {why}") from failure

    def _calls(self, batch: Batch) -> Iterator[Callable[[nn.Module, Batch], Any]]:
        """The ways in which the network may want to be given a batch."""
        if isinstance(batch, Mapping):
            names = _accepted(self._network, cast("Mapping[str, Any]", batch))
            yield lambda network, batch: network(**{k: batch[k] for k in names})
            return
        yield on_inputs
        if isinstance(batch[0], Mapping):
            yield lambda network, batch: network(**batch[0])
        elif isinstance(batch[0], tuple | list):
            yield lambda network, batch: network(*batch[0])

    def _run(
        self, run: Callable[[Batch], Any], first: Batch, batches: Sequence[Batch]
    ) -> tuple[Sequence[Batch], Any, bool]:
        """(batches, what `run` gives of the first, whether it needs gradients), the batches in
        another type where the network takes no other."""
        try:
            with torch.no_grad():
                return batches, run(self._given(first)), False
        except IsolossError:
            raise
        except Exception as error:
            with_gradients = self._with_gradients(run, first)
            if with_gradients is not None:
                return batches, with_gradients, True
            dtype = _floating_type(self._network)
            if dtype is None or not _is_about_types(error):
                raise
            as_dtype = _in_type(dtype)
            outputs, differentiates = None, False
            try:
                with torch.no_grad():
                    outputs = run(self._given(_converted(first, as_dtype)))
            except Exception:
                outputs, differentiates = (
                    self._with_gradients(run, _converted(first, as_dtype)),
                    True,
                )
            if outputs is None:
                raise
            return (
                [_converted(batch, _exactly(as_dtype)) for batch in batches],
                outputs,
                differentiates,
            )

    def _with_gradients(self, run: Callable[[Batch], Any], first: Batch) -> Any:
        try:
            with torch.enable_grad():
                return run(self._given(first))
        except IsolossError:
            raise
        except Exception:  # the reason that counts is the first one
            return None

    def _given(self, batch: Batch) -> Batch:
        return as_network_takes(moved(batch, self._device))

    def _of_outputs(
        self,
        call: Callable[[nn.Module, Batch], Any],
        outputs: Any,
        first: Batch,
        batches: Sequence[Batch],
    ) -> tuple[BatchLoss, Sequence[Batch]]:
        targets = targets_of(first)
        own = own_loss(outputs) if isinstance(first, Mapping) else None
        if own is not None:
            return self._of_own(call, outputs, own, first), batches
        find, logits = _logits_in(outputs, targets)
        convert, classes_last = _fitting(logits, targets)
        classes = logits.shape[-1 if classes_last else 1]
        fitted = [_with_targets(batch, _checked(convert(targets_of(batch)), classes))
                  for batch in batches]  # fmt: skip
        several = logits.ndim > 2
        name = "cross-entropy, mean over all targets" if several else "cross-entropy"
        return CrossEntropy(
            name, classes=classes, forward=Forward(call, find), classes_last=classes_last
        ), fitted

    def _of_own(
        self, call: Callable[[nn.Module, Batch], Any], outputs: Any, own: Any, first: Batch
    ) -> BatchLoss:
        """Cross-entropy, shifted or not, where that is what the network gives; else its own."""
        logits, labels = _named(outputs, "logits"), targets_of(first)
        if isinstance(logits, Tensor) and not labels.dtype.is_floating_point:
            find = lambda outputs: _named(outputs, "logits")  # noqa: E731
            for shifted in (False, True):
                loss = CrossEntropy(
                    "cross-entropy, mean over tokens" if logits.ndim > 2 else "cross-entropy",
                    forward=Forward(lambda network, batch: outputs, find),
                    classes_last=logits.ndim > 2,
                    shifted=shifted,
                )
                try:
                    losses, _ = loss(self._network, mapped(lambda t: t.to(logits.device), first))
                    mean = float(losses.sum() / loss.counted(first).sum())
                except Exception:  # another shape, other labels
                    continue
                if math.isclose(mean, float(own), rel_tol=SAME, abs_tol=SAME**2):
                    return replace(loss, forward=Forward(call, find))
        return NetworksOwnLoss(forward=Forward(call))


def _weighted(loss: BatchLoss, batches: list[Batch]) -> Chosen:
    """The loss with the mean number of targets that count, and the data without those of which
    none does."""
    counted = [loss.counted(batch) for batch in batches]
    left_out = 0
    kept: list[Batch] = []
    total = samples = 0.0
    for batch, counts in zip(batches, counted, strict=True):
        some = counts > 0
        if not bool(some.all()) and (loss.whole or not bool(some.any()) or can_be_cut(batch)):
            left_out += int((~some).sum())
            if loss.whole or not bool(some.any()):
                continue
            batch = rows(batch, some)
        kept.append(batch)
        total += float(counts.sum())
        samples += 1 if loss.whole else size_of(batch)
    if not kept:
        raise IsolossError(f"all targets are {IGNORED}, which means that they do not count")
    return Chosen(replace(loss, targets_per_sample=total / samples), kept, left_out)


def _check_targets(batch: Batch) -> None:
    """Refuse batches that do not say what their targets are."""
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


def _logits_in(outputs: Any, targets: Tensor) -> tuple[Callable[[Any], Tensor] | None, Tensor]:
    """(how the logits are found in what a network returns, these logits)."""
    if isinstance(outputs, Tensor):
        return None, outputs
    for key in ("logits", "out"):
        if isinstance(found := _named(outputs, key), Tensor):
            return (lambda outputs, key=key: _named(outputs, key)), found
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


def _named(outputs: Any, name: str) -> Any:
    if isinstance(outputs, Mapping):
        return cast("Mapping[Any, Any]", outputs).get(name)
    return getattr(outputs, name, None)


def _fits(logits: Tensor, targets: Tensor) -> bool:
    try:
        _fitting(logits, targets)
    except IsolossError:
        return False
    return True


def _fitting(logits: Tensor, targets: Tensor) -> tuple[Callable[[Tensor], Tensor], bool]:
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
            f"the targets are {_type_name(targets)} and no probabilities of classes ({shapes}): "
            f"{GIVE_A_LOSS}, or give class indices (.long())"
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


def _checked(targets: Tensor, classes: int) -> Tensor:
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


def _with_targets(batch: Batch, targets: Tensor) -> Batch:
    if isinstance(batch, Mapping):
        return {**cast("Mapping[Any, Any]", batch), LABELS: targets}
    return (batch[0], targets)


def _few(batch: Batch) -> Batch:
    """The first samples of a batch, or all of it where it cannot be cut."""
    return rows(batch, slice(FEW)) if can_be_cut(batch) else batch


def _accepted(network: nn.Module, batch: Mapping[str, Any]) -> list[str]:
    """Those entries of a batch that a network's forward takes, as Hugging Face's Trainer has it."""
    taken = inspect.signature(network.forward).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in taken.values()):
        return list(batch)
    return [name for name in batch if name in taken]


def _floating_type(network: nn.Module) -> torch.dtype | None:
    """The type of a network's weights, if they have one type."""
    types = {p.dtype for p in network.parameters() if p.is_floating_point()}
    return types.pop() if len(types) == 1 else None


def _is_about_types(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, RuntimeError | TypeError) and any(
        word in text for word in ("dtype", "scalar type", "input type", "should be the same")
    )


def _in_type(dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    return lambda tensor: tensor if tensor.dtype.is_complex else as_inputs(tensor).to(dtype)


def _exactly(convert: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def exact(tensor: Tensor) -> Tensor:
        given = convert(tensor)
        if tensor.dtype == torch.uint8 or torch.equal(given.to(tensor.dtype), tensor):
            return given
        raise IsolossError(
            f"the inputs are {_type_name(tensor)} and the network's weights {_type_name(given)}: "
            "convert the inputs (.float()), or the network (.double())"
        )

    return exact


def _converted(batch: Batch, convert: Callable[[Tensor], Tensor]) -> Batch:
    """The batch with its inputs in another type."""
    if isinstance(batch, Mapping):
        return {
            k: v if k == LABELS else mapped(lambda t: convert(t) if t.is_floating_point() else t, v)
            for k, v in cast("Mapping[Any, Any]", batch).items()
        }
    if isinstance(batch, tuple):
        inputs, *others = cast("tuple[Any, ...]", batch)
        return (mapped(convert, inputs), *others)
    return mapped(convert, batch)


def _type_name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
