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
from isoloss.compute.data.reading import IGNORED
from isoloss.compute.engine.input_types import in_type, wanted_type
from isoloss.compute.engine.losses import (
    BatchLoss,
    CrossEntropy,
    Forward,
    Loss,
    NetworksOwnLoss,
    UsersLoss,
    named,
    on_inputs,
    own_loss,
    targets_of,
)
from isoloss.compute.engine.targets import (
    GIVE_A_LOSS,
    check_targets,
    fitted_to,
    in_range,
    logits_in,
    with_targets,
)
from isoloss.compute.machine.memory import refuse_out_of_memory
from isoloss.compute.machine.user_code import name_of, one_line, where_users_code_failed
from isoloss.compute.networks.checkpoints import State, load_into
from isoloss.compute.networks.copying import copied
from isoloss.errors import IsolossError

# So many samples of a batch that can be cut are enough to see what a network gives.
FEW = 32
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
            refuse_out_of_memory(error)
            why = where_users_code_failed(error) or one_line(error)
            raise IsolossError(
                f"the loss, given the network and a batch, failed on the first: {why}"
            ) from error
        return batches, replace(loss, differentiates=differentiates)

    def of_default(self, batches: Sequence[Batch]) -> tuple[BatchLoss, list[Batch]]:
        """Cross-entropy where the network is a classifier, or the loss it gives itself."""
        first = _few(batches[0])
        check_targets(first)
        failure: Exception | None = None
        for call in self._calls(first):
            try:
                run = lambda batch, call=call: call(self._network, batch)  # noqa: E731
                batches, outputs, differentiates = self._run(run, first, batches)
            except IsolossError:
                raise
            except Exception as error:  # a user's network may raise anything
                refuse_out_of_memory(error)
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
            return batches, *self._outputs(run, first)
        except IsolossError:
            raise
        except Exception as error:
            dtype = wanted_type(self._network, error)
            if dtype is None:
                raise
            try:
                found = self._outputs(run, in_type(first, dtype))
            except IsolossError:
                raise
            except Exception:  # it was not the type
                raise error from None
            return [in_type(batch, dtype, exactly=True) for batch in batches], *found

    def _outputs(self, run: Callable[[Batch], Any], batch: Batch) -> tuple[Any, bool]:
        """(what `run` gives of a batch, whether it needs gradients for that)."""
        try:
            with torch.no_grad():
                return run(self._given(batch)), False
        except IsolossError:
            raise
        except Exception as error:
            try:
                with torch.enable_grad():
                    return run(self._given(batch)), True
            except IsolossError:
                raise
            except Exception:  # it was not the gradients
                raise error from None

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
        find, logits = logits_in(outputs, targets)
        convert, classes_last = fitted_to(logits, targets)
        classes = logits.shape[-1 if classes_last else 1]
        fitted = [with_targets(batch, in_range(convert(targets_of(batch)), classes))
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
        logits, labels = named(outputs, "logits"), targets_of(first)
        if isinstance(logits, Tensor) and not labels.dtype.is_floating_point:
            find = lambda outputs: named(outputs, "logits")  # noqa: E731
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
                except Exception as error:  # another shape, other labels
                    refuse_out_of_memory(error)
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


def _few(batch: Batch) -> Batch:
    """The first samples of a batch, or all of it where it cannot be cut."""
    return rows(batch, slice(FEW)) if can_be_cut(batch) else batch


def _accepted(network: nn.Module, batch: Mapping[str, Any]) -> list[str]:
    """Those entries of a batch that a network's forward takes, as Hugging Face's Trainer has it."""
    taken = inspect.signature(network.forward).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in taken.values()):
        return list(batch)
    return [name for name in batch if name in taken]
