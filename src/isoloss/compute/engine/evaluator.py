"""A network that can be put anywhere on a plane and evaluated there."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]

from isoloss.compute.data.batch import Batch, size_of
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.engine.batch_size import effort, suitable_batch_size
from isoloss.compute.engine.losses import BatchLoss, Loss, as_batch_loss
from isoloss.compute.engine.moving import MovingTensors
from isoloss.compute.machine.device import arithmetic
from isoloss.compute.machine.graphs import GraphedCalls
from isoloss.compute.machine.memory import (
    fewer_at_once,
    forget_free_memory,
    is_out_of_memory,
    refuse_out_of_memory,
)
from isoloss.compute.networks.acceleration import in_fast_layout, keep_weights_in_bf16
from isoloss.compute.networks.checkpoints import as_state, load_into, only_tensors
from isoloss.compute.networks.copying import copied, left_alone
from isoloss.compute.networks.folding import Folded, fold_batch_norm, is_same
from isoloss.compute.networks.recalibration import KnownStatistics, recalibrate
from isoloss.compute.planes.plane import Plane
from isoloss.errors import IsolossError

Evaluated = tuple[Tensor, Tensor]
LossesOf = Callable[[Batch], Evaluated]
Looked = TypeVar("Looked", bound="tuple[Tensor | None, ...]")


class Evaluator:
    """A network on a device, its origin and both directions resident beside it.

    It works on a copy, in eval mode. Batch norms are folded into the layers before them where
    that is possible and gives the same losses.

    Args:
        model: any network; it is left as it is.
        data: the samples, on the device.
        loss: as `loss_choice` has chosen it; a function `loss(model, batch) -> (N,)` as it is, and
            cross-entropy of (inputs, targets) by default.
        precision: "fp32", "tf32" or "bf16".
        batch_size: samples evaluated at once; None for what suits the device.
        recalibrate: batches on which batch-norm statistics are measured anew at every point, once
            for each; by default they stay the origin's.
        fold: whether batch norms may be folded.
        recorded: whether batches that come again and again are recorded, on a GPU that can.

    Attributes:
        network: what is evaluated: the copy, folded where that is possible.
        batch_size: samples evaluated at once; halved where the memory does not suffice.
        classifies: whether there are right answers to count.
        products: multiplications in the matrix products and convolutions for one sample.
    """

    def __init__(
        self,
        model: nn.Module,
        plane: Plane,
        data: ShuffledSamples,
        loss: BatchLoss | Loss | None,
        device: torch.device,
        *,
        precision: str = "fp32",
        batch_size: int | None = None,
        recalibrate: Sequence[Batch] | None = None,
        fold: bool = True,
        recorded: bool = True,
    ) -> None:
        self.device = device
        self.data = data
        self.precision = precision
        self.classifies = False
        self._loss = as_batch_loss(loss)
        self._recalibrate = recalibrate
        self._model = model
        self._plain = copied(model, device)
        load_into(self._plain, plane.origin, "the plane's origin")
        _check_names(self._plain, plane)
        if recalibrate is not None and any(
            "BatchNorm" in getattr(m, "original_name", "") for m in self._plain.modules()
        ):
            raise IsolossError(
                "batch norms of a scripted or traced network cannot be recalibrated: choose "
                "--batch-norm frozen, or give the network itself"
            )
        self._origin = copy.deepcopy(only_tensors(self._plain.state_dict()))
        few = list(data.batches(0, data.cut(4), 4))
        self._folded: Folded | None = None
        if fold and self._loss.is_of_logits and recalibrate is None:
            self._folded = self._fold(plane, few)
        self.network = self._plain if self._folded is None else self._folded.network
        self.network = in_fast_layout(self.network, lambda: self._compute(few[0]))
        if precision == "bf16":
            keep_weights_in_bf16(self.network)
        self._known = KnownStatistics(self.network)
        directions: list[dict[str, Tensor]] = []
        for direction in (plane.delta, plane.eta):
            folded = self._folded
            directions.append(
                dict(direction) if folded is None else folded.direction(direction, self._origin)
            )
        self._moving = MovingTensors(self.network, self._fitting(self._origin), *directions)
        self._variances = [
            b for k, b in self.network.named_buffers()
            if k.endswith("running_var") and b.is_floating_point()
        ]  # fmt: skip
        self._between = self._statistics(directions[0]) if plane.moves_buffers else {}
        self._elsewhere = False
        with nullcontext() if self._loss.users_function else left_alone(model):
            widest, self.products = effort(
                self.network, lambda: self._compute(few[0]), size_of(few[0])
            )
        self.batch_size = batch_size or suitable_batch_size(widest, device)
        plain = self._loss.is_of_logits and not self._loss.differentiates
        can_be_recorded = recorded and plain and device.type == "cuda"
        self._graphs = GraphedCalls() if can_be_recorded else None

    @property
    def folded(self) -> int:
        """The number of batch norms folded away."""
        return 0 if self._folded is None else len(self._folded.pairs)

    @property
    def one_by_one(self) -> bool:
        """Whether points cannot be evaluated together: where statistics are measured anew at each,
        or gradients are taken."""
        return self.recalibrates or self._loss.differentiates

    @property
    def unrecorded(self) -> str | None:
        """Why a GPU is not given whole batches at once, where it could not be; what it has been
        given so goes on."""
        return None if self._graphs is None else self._graphs.refused

    @contextmanager
    def without_recording(self) -> Generator[None]:
        """Batches that come for the first time inside are not to come often."""
        if self._graphs is None:
            yield
            return
        before, self._graphs.records = self._graphs.records, False
        try:
            yield
        finally:
            self._graphs.records = before

    @property
    def classes(self) -> int | None:
        """How many classes the network tells apart, where that is known."""
        return self._loss.classes

    def accuracy(self, hits: int, samples: int) -> float:
        """The share of right answers, of which `evaluate` counted so many; NaN where none are."""
        return hits / (samples * self._loss.targets_per_sample) if self.classifies else math.nan

    @property
    def recalibrates(self) -> bool:
        """Whether batch-norm statistics are measured anew at every point."""
        return self._recalibrate is not None

    @property
    def has_batch_norm(self) -> bool:
        """Whether the network as given has batch norms."""
        return any(isinstance(m, _BatchNorm) for m in self._plain.modules())

    @torch.no_grad()
    def move_to(self, alpha: float, beta: float) -> None:
        """Put the network at θ* + α·δ + β·η, always computed from the originals."""
        if self._elsewhere:
            self.network.load_state_dict(self._fitting(self._origin), strict=False)
            self._elsewhere = False
        self._moving.move_to(alpha, beta)
        if self._between and not 0 <= alpha <= 1:
            own = dict(self.network.named_buffers())
            for name, (start, step) in self._between.items():
                own[name].copy_(start + min(max(alpha, 0.0), 1.0) * step)
        for variance in self._variances:
            # Along directions of one's own a variance may turn negative, and its root NaN.
            variance.clamp_(min=0)
        if self._recalibrate is not None and not self._known.put_back((alpha, beta)):
            self._measure_statistics(self._recalibrate)
            self._known.keep((alpha, beta))

    @torch.no_grad()
    def load(self, state: Any) -> None:
        """Give the network all parameters and buffers of a state dict, on the plane or off it."""
        # What the network itself trains says which tensors adapters alone may leave out.
        load_into(self._plain, as_state(state, self._model, label="the checkpoint"))
        if self._folded is not None:
            self.network.load_state_dict(self._fitting(self._plain.state_dict()), strict=False)
        self._elsewhere = True

    @torch.no_grad()
    def evaluate(self, first: int, last: int) -> Evaluated:
        """((n,) losses, (n,) bool right answers) of the data's samples from `first` up to `last`,
        on the device, at the point where the network is."""
        return self._in_batches(first, last, self._of_batch)

    def losses_of(self, batch: Batch) -> Evaluated:
        """((n,) losses, (n,) right answers) of any batch at the point where the network is; where
        gradients are taken, they reach the batch's inputs."""
        return self._compute(batch)

    def looked_at(self, look: Callable[[LossesOf, Batch], Looked], batch: Batch) -> Looked:
        """`look(losses_of, batch)`, which is known by its name, from a recording where such a batch
        comes often."""

        def of(given: Batch) -> Looked:
            return look(self.losses_of, given)

        return of(batch) if self._graphs is None else self._graphs(of, batch, look.__qualname__)

    def mean_loss(self, last: int) -> float:
        """The mean loss of the first `last` samples where the network is."""
        return float(self.evaluate(0, last)[0].cpu().double().mean())

    @torch.no_grad()
    def evaluate_at(
        self, points: Sequence[tuple[float, float]], first: int, last: int
    ) -> Evaluated:
        """((K, n), (K, n)): what `evaluate` gives, at K points in one sweep over the samples.

        Leaves the network where it was. Small networks keep a device busier so.
        """
        alphas, betas = torch.tensor(points, dtype=torch.float64).unbind(1)
        moved = self._moving.at(alphas, betas)
        for name, (start, step) in self._between.items():
            held = alphas.clamp(0, 1).to(step).view(-1, *[1] * step.ndim)
            moved[name] = start + held * step
        for name, tensor in moved.items():
            if name.endswith("running_var"):
                tensor.clamp_(min=0)
        moved = _in_each_module(self.network, moved)
        holder = _Computation(self.network, self._compute)

        def at_all_points(batch: Batch) -> Evaluated:
            def at_point(tensors: dict[str, Tensor]) -> Evaluated:
                named = {f"network.{name}": tensor for name, tensor in tensors.items()}
                return functional_call(holder, named, (batch,), tie_weights=False)

            with warnings.catch_warnings():
                # Operations that are looped over are slow: whether it pays is measured.
                warnings.filterwarnings("ignore", "There is a performance drop")
                return torch.func.vmap(at_point)(moved)

        return self._in_batches(first, last, at_all_points)

    def _in_batches(
        self, first: int, last: int, evaluate: Callable[[Batch], Evaluated]
    ) -> Evaluated:
        """What `evaluate` gives of all batches; they are halved where memory does not suffice."""
        losses: list[Tensor] = []
        hits: list[Tensor] = []
        while True:
            try:
                for batch in self.data.batches(first, last, self.batch_size):
                    ours, right = evaluate(batch)
                    losses.append(ours)
                    hits.append(right)
                    first += ours.shape[-1]
                return torch.cat(losses, -1), torch.cat(hits, -1)
            except (RuntimeError, MemoryError) as error:
                self.take_fewer(error)

    def take_fewer(self, error: Exception) -> None:
        """Halve the batches where memory does not suffice.

        Raises:
            IsolossError: if they are as small as can be, or stay as they came.
            Exception: `error`, if it is another.
        """
        if self.data.stays_in_batches and is_out_of_memory(error):
            raise IsolossError(
                "out of memory with a batch as it came: give smaller ones, or choose --device cpu"
            ) from error
        self.batch_size = fewer_at_once(self.batch_size, error, self.device)
        if self._graphs is not None:
            self._graphs.forget()
            forget_free_memory(self.device)

    def _of_batch(self, batch: Batch) -> Evaluated:
        if self._graphs is None:
            return self._compute(batch)
        return self._graphs(self._compute, batch)

    def _compute(self, batch: Batch) -> Evaluated:
        with arithmetic(self.device, self.precision):
            losses, hits = self._loss(self.network, batch)
        self.classifies = hits is not None
        if hits is None:
            hits = torch.zeros(losses.shape, dtype=torch.bool, device=losses.device)
        return losses, hits

    @torch.no_grad()
    def _fold(self, plane: Plane, few: Sequence[Batch]) -> Folded | None:
        """The network with its batch norms folded away, if it then still gives the same losses."""
        try:
            folded = fold_batch_norm(self._plain, (plane.delta, plane.eta))
            if folded is None:
                return None
            with arithmetic(self.device, "fp32"):
                expected, given = (
                    torch.cat([self._loss(net, batch)[0] for batch in few])
                    for net in (self._plain, folded.network)
                )
        except Exception as error:  # a user's network may raise anything
            refuse_out_of_memory(error)
            return None
        return folded if is_same(given, expected, expected.abs().clamp(min=1)) else None

    def _statistics(self, delta: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
        """Batch-norm statistics that move: {name: (at α = 0, what is added up to α = 1)}.

        Beyond either network they stay that network's: extrapolated, variances soon turn negative.
        """
        return {
            name: (self._origin[name], delta[name].to(self.device))
            for name, buffer in self.network.named_buffers()
            if name.endswith(("running_mean", "running_var")) and name in delta
            and delta[name].shape == buffer.shape
        }  # fmt: skip

    def _fitting(self, state: Any) -> Any:
        """The plain network's state as the state of the network that is evaluated."""
        return state if self._folded is None else self._folded.state(state)

    def _measure_statistics(self, batches: Sequence[Batch]) -> None:
        """Measure the batch-norm statistics anew: their average over `batches`."""
        try:
            recalibrate(self.network, self._compute, batches)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise IsolossError(
                f"out of memory where batch norms are measured anew, {size_of(batches[0])} samples "
                "together: keep the network's statistics (--batch-norm frozen), or choose --device "
                "cpu"
            ) from error
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            raise IsolossError(
                "batch-norm statistics cannot be measured on batches of one sample: give more "
                "samples, or keep the network's statistics (--batch-norm frozen)"
            ) from error


def _check_names(network: nn.Module, plane: Plane) -> None:
    """Refuse directions that say nothing of the network, or two things of one tensor."""
    named = dict(network.named_parameters()) | dict(network.named_buffers())
    first = {id(tensor): name for name, tensor in named.items()}
    every = dict(network.named_parameters(remove_duplicate=False)) | named
    for direction in (plane.delta, plane.eta):
        for name, tensor in direction.items():
            if name in named or not tensor.any():
                continue
            if name not in every:
                raise IsolossError(
                    f"the plane moves {name!r}, which is no parameter of the network: build it "
                    "from this network"
                )
            own = first[id(every[name])]
            if own not in direction or not torch.equal(direction[own], tensor):
                raise IsolossError(f"{name!r} is tied to {own!r}: move it under this name alone")


class _Computation(nn.Module):
    """A network with what is computed with it, so that its tensors can be replaced in a call."""

    def __init__(self, network: nn.Module, compute: Callable[[Batch], Evaluated]) -> None:
        super().__init__()
        self.network = network
        self._compute = compute

    def forward(self, batch: Batch) -> Evaluated:
        return self._compute(batch)


def _in_each_module(network: nn.Module, moved: dict[str, Tensor]) -> dict[str, Tensor]:
    """By all names of a tensor that modules share, but by one of a module that has several: what is
    put into a module twice is not put back."""
    own: list[tuple[str, Tensor]] = [*network.named_parameters(remove_duplicate=False)]
    own += network.named_buffers(remove_duplicate=False)
    named = {id(tensor): moved[name] for name, tensor in own if name in moved}
    modules = {name for name, _ in network.named_modules()}
    return {
        name: named[id(tensor)]
        for name, tensor in own
        if id(tensor) in named and name.rpartition(".")[0] in modules
    }
