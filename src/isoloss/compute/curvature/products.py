"""A network's Hessian, or Gauss–Newton matrix, times vectors, block of samples by block.

Products are exact (Pearlmutter 1994, "Fast exact multiplication by the Hessian"): a gradient is
differentiated once more along each vector, and several vectors share what is computed before. Batch
norms are folded inside the derivative, W' = γ/√(σ² + ε)·W being a function of W and γ like any
other, so that no pass goes through their activations and derivatives are still those by W and γ.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from isoloss.compute.curvature.convolutions import QuickConvolutions
from isoloss.compute.data.batch import Batch, size_of
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.engine.batch_size import effort, suitable_batch_size
from isoloss.compute.engine.losses import BatchLoss, CrossEntropy, Loss, as_batch_loss
from isoloss.compute.machine.memory import is_out_of_memory
from isoloss.compute.machine.user_code import one_line
from isoloss.compute.networks.acceleration import in_fast_layout
from isoloss.compute.networks.copying import copied
from isoloss.compute.networks.folding import Folded, fold_batch_norm, is_same
from isoloss.compute.networks.reals import as_reals, can_move, from_reals
from isoloss.errors import IsolossError

Matrix = Literal["hessian", "gauss-newton"]
Scale = Literal["none", "filter"]
TWICE = 4
"""So many times the activations of a forward pass are at hand while it is differentiated twice."""
FEW, SHARE = 32, 8
"""Samples on which directions are looked for first: so many at least, and such a part of all."""
HALF = (torch.bfloat16, torch.float16)


class NotFinite(IsolossError):
    """A network's loss, or its curvature, is not finite at the network itself."""


@dataclass(frozen=True)
class Group:
    """Where the entries of one tensor lie in a flat vector."""

    name: str
    place: slice


class Curvature:
    """A network's loss around where it is, as far as its second derivatives.

    It works on a copy, in eval mode: batch-norm statistics stay what they are. Vectors are flat, of
    `size` reals on `device`.

    Args:
        model: any network; it is left as it is. What it holds in half precision is widened.
        data: the samples, on the device.
        loss: as `loss_choice` has chosen it; cross-entropy of (inputs, targets) by default.
        parameters: the names of those by which is differentiated; all that are floats by default.
        scale: "filter" measures every weight tensor in the norms of its own filters, and leaves out
            what has fewer than two dimensions: then networks that differ by a scale of their
            filters have the same curvature. "none" is the Hessian as it is.
        batch_size: samples at once; by default what suits the device.

    Raises:
        IsolossError: if there is nothing to differentiate by, or no second derivative.
    """

    def __init__(
        self,
        model: nn.Module,
        data: ShuffledSamples,
        loss: BatchLoss | Loss | None,
        device: torch.device,
        *,
        parameters: Sequence[str] | None = None,
        scale: Scale = "none",
        batch_size: int | None = None,
    ) -> None:
        self.device, self.data, self.scale = device, data, scale
        self._loss = as_batch_loss(loss)
        if self._loss.differentiates:
            raise IsolossError(
                f"the loss {self._loss.name} takes gradients itself, and is not differentiated "
                "again: curvature is of losses that are computed of forward passes"
            )
        plain = copied(model, device)
        if any(p.dtype in HALF for p in plain.parameters()):
            plain = plain.float()
        few = next(iter(data.batches(0, data.cut(4), 4)))
        self._folded = self._fold(plain, few)
        network = plain if self._folded is None else self._folded.network
        network = in_fast_layout(network, lambda: self._loss(network, few))
        self._holder = _Holder(network, self._loss)
        named = {k: p.detach() for k, p in plain.named_parameters()}
        self._like = {
            name: p for name, p in named.items()
            if can_move(p) and p.numel() and (parameters is None or name in parameters)
            and (scale == "none" or p.ndim > 1)
        }  # fmt: skip
        self._at = {name: as_reals(p) for name, p in self._like.items()}
        buffers = {k: b for k, b in plain.named_buffers() if isinstance(b, Tensor)}
        self._still = {**named, **buffers}
        if not self._at:
            raise IsolossError(
                "there is nothing to differentiate by: the network has no such parameters of floats"
            )
        self.groups = tuple(_laid_out(self._at))
        self.size = self.groups[-1].place.stop
        self.dtype = reduce(
            torch.promote_types, (p.dtype for p in self._at.values()), torch.float32
        )
        self._scales = self._filter_norms() if scale == "filter" else None
        widest, _ = effort(network, lambda: self._loss(network, few), size_of(few))
        self.batch_size = batch_size or suitable_batch_size(TWICE * widest, device)
        self._convolutions: Callable[[], AbstractContextManager[object]] = nullcontext
        self._check(few)

    # -- what it is asked ---------------------------------------------------------------------

    @property
    def has_gauss_newton(self) -> bool:
        """Whether the loss is of logits, and so has a Gauss–Newton matrix."""
        return isinstance(self._loss, CrossEntropy)

    def times(
        self,
        vectors: Tensor,
        matrix: Matrix = "hessian",
        samples: ShuffledSamples | None = None,
    ) -> Tensor:
        """(K, P) vectors times the matrix, of the mean loss over all samples, or over `samples`.

        Raises:
            NotFinite: if they are not.
        """
        total, data = torch.zeros_like(vectors), self.data if samples is None else samples
        for batch in data.batches(0, len(data), self.batch_size):
            total += self._of_batch(vectors, batch, matrix)
        return finite(total.div_(len(data)))

    @cached_property
    def foremost(self) -> list[int]:
        """The places of those samples whose losses are the largest, which mostly have the most of
        the curvature, in their order; none where they would be too few."""
        count = len(self.data) // SHARE
        if count < FEW or not self.data.can_be_cut:
            return []
        return sorted(self.losses().argsort(descending=True)[:count].tolist())

    @cached_property
    def few(self) -> ShuffledSamples | None:
        """The foremost samples, if there are any: directions are looked for there first."""
        return self.data.in_order(self.foremost) if self.foremost else None

    def blocks(
        self, vectors: Tensor, count: int, matrix: Matrix = "hessian"
    ) -> Iterator[tuple[int, Tensor]]:
        """Of `count` blocks of the samples, as equal as they can be cut, the number of samples and
        the (K, P) products of the matrix of the mean loss over these."""
        for first, last in self.cuts(count):
            total = torch.zeros_like(vectors)
            for batch in self._batches(first, last):
                total += self._of_batch(vectors, batch, matrix)
            yield last - first, total / (last - first)

    def cuts(self, count: int) -> list[tuple[int, int]]:
        """Where `count` blocks begin and end; fewer where there are fewer samples."""
        n = len(self.data)
        ends = sorted({self.data.cut(round(n * k / count)) for k in range(count + 1)})
        return list(pairwise(ends))

    def gradient(self, offset: Tensor | None = None) -> Tensor:
        """(P,) that of the mean loss over all samples, at the network or a (P,) offset from it."""
        return next(self.gradients(1, offset))[1]

    def gradients(self, count: int, offset: Tensor | None = None) -> Iterator[tuple[int, Tensor]]:
        """Of `count` blocks of the samples the number of samples and the (P,) gradient of the mean
        loss over these."""
        for first, last in self.cuts(count):
            total = torch.zeros(self.size, dtype=self.dtype, device=self.device)
            for batch in self._batches(first, last):
                leaves = self._leaves(offset)
                total += self._flat(_grad(self._losses(leaves, batch).sum(), leaves))
            yield last - first, total / (last - first)

    @torch.no_grad()
    def losses(self, offset: Tensor | None = None) -> Tensor:
        """(n,) of all samples, at the network or a (P,) offset from it, in the units of vectors."""
        leaves = self._leaves(offset)
        found = [self._losses(leaves, batch) for batch in self._batches(0, len(self.data))]
        return torch.cat(found)

    def random_filters(self, generator: torch.Generator) -> Tensor:
        """(P,) normal numbers, of norm 1 in every filter; the same on every device."""
        parts = (torch.randn(at.shape, generator=generator).flatten(1) for at in self._at.values())
        unit = (part / torch.linalg.vector_norm(part, dim=1, keepdim=True) for part in parts)
        return torch.cat([part.reshape(-1) for part in unit]).to(self.device, self.dtype)

    def direction(self, vector: Tensor) -> dict[str, Tensor]:
        """By how much a (P,) vector moves each parameter that moves, by name, on the CPU."""
        moved = zip(self._like.items(), self._views(self._scaled(vector)), strict=True)
        return {name: from_reals(part.cpu(), like) for (name, like), part in moved}

    def of_gradient(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """(P,) a gradient, or a sum of gradients, by the names of the parameters, as a vector."""
        return self._flat([as_reals(tensors[name]).to(self.device) for name in self._at])

    # -- how it is done -----------------------------------------------------------------------

    def _of_batch(self, vectors: Tensor, batch: Batch, matrix: Matrix) -> Tensor:
        product = self._hessian if matrix == "hessian" else self._gauss_newton
        with once_more():
            return torch.stack([self._flat(found) for found in product(vectors, batch)])

    def _hessian(self, vectors: Tensor, batch: Batch) -> Iterator[Sequence[Tensor]]:
        leaves = self._leaves()
        with self._convolutions():
            losses = self._losses(leaves, batch)
        gradient = _grad(losses.sum(), leaves, create_graph=True)
        for k, vector in enumerate(vectors):
            along = [*self._views(self._scaled(vector))]
            yield _grad(gradient, leaves, along, retain_graph=k + 1 < len(vectors))

    def _gauss_newton(self, vectors: Tensor, batch: Batch) -> Iterator[Sequence[Tensor]]:
        assert isinstance(self._loss, CrossEntropy)
        leaves = self._leaves()
        logits = self._holder.logits(self._tensors(leaves), batch)
        outside = logits.detach().requires_grad_()
        by_logits = _grad(
            self._loss.of_logits(outside, batch)[0].sum(), [outside], create_graph=True
        )
        # A product with the transposed Jacobian is linear in `weights`: its derivative by them is
        # the product with the Jacobian.
        weights = torch.zeros_like(outside, requires_grad=True)
        transposed = _grad(logits, leaves, [weights], create_graph=True)
        for vector in vectors:
            along = [*self._views(self._scaled(vector))]
            moved = _grad(transposed, [weights], along, retain_graph=True)
            bent = _grad(by_logits, [outside], moved, retain_graph=True)
            yield _grad(logits, leaves, bent, retain_graph=True)

    def _losses(self, leaves: Sequence[Tensor], batch: Batch) -> Tensor:
        return self._holder.losses(self._tensors(leaves), batch)

    def _leaves(self, offset: Tensor | None = None) -> list[Tensor]:
        leaves = [reals.clone(memory_format=torch.preserve_format) for reals in self._at.values()]
        if offset is not None:
            for leaf, step in zip(leaves, self._views(self._scaled(offset)), strict=True):
                leaf += step
        return [leaf.requires_grad_() for leaf in leaves]

    def _tensors(self, leaves: Sequence[Tensor]) -> dict[str, Tensor]:
        """By name what the network that is run computes with."""
        moved = {
            name: from_reals(leaf.to(like.dtype.to_real()), like)
            for (name, like), leaf in zip(self._like.items(), leaves, strict=True)
        }
        return moved if self._folded is None else self._folded.tensors({**self._still, **moved})

    def _batches(self, first: int, last: int) -> Iterator[Batch]:
        return self.data.batches(first, last, self.batch_size)

    def _views(self, vector: Tensor) -> Iterator[Tensor]:
        for group, at in zip(self.groups, self._at.values(), strict=True):
            yield vector[group.place].view(at.shape).to(at.dtype)

    def _flat(self, tensors: Sequence[Tensor]) -> Tensor:
        return self._scaled(torch.cat([t.detach().reshape(-1).to(self.dtype) for t in tensors]))

    def _scaled(self, vector: Tensor) -> Tensor:
        return vector if self._scales is None else vector * self._scales

    def _filter_norms(self) -> Tensor:
        norms = (
            torch.linalg.vector_norm(at.flatten(1), dim=1, keepdim=True).expand_as(at.flatten(1))
            for at in self._at.values()
        )
        return torch.cat([each.reshape(-1).to(self.dtype) for each in norms])

    def _fold(self, plain: nn.Module, few: Batch) -> Folded | None:
        """The network without its batch norms, if it then still gives the same losses."""
        if not self._loss.is_of_logits:
            return None
        try:
            folded = fold_batch_norm(plain, ())
            if folded is None:
                return None
            with torch.no_grad():
                expected, given = (self._loss(n, few)[0] for n in (plain, folded.network))
        except Exception:  # a user's network may raise anything
            return None
        return folded if is_same(given, expected, expected.abs().clamp(min=1)) else None

    def _check(self, few: Batch) -> None:
        """Refuse what has no second derivative."""
        leaves = self._leaves()
        with once_more():
            gradient = _grad(self._losses(leaves, few).sum(), leaves, create_graph=True)
            if not any(part.requires_grad for part in gradient):
                raise IsolossError(
                    f"the loss {self._loss.name} has no second derivatives: it, or the network, "
                    "is linear, or its gradient is computed by a function that is not "
                    "differentiated again"
                )
            if any("autograd::Error" in node.name() for node in _nodes(gradient)):
                raise IsolossError(
                    "the loss cannot be differentiated twice: a function in it, or in the "
                    "network, is marked as differentiable once (@once_differentiable)"
                )
            ones = torch.ones(1, self.size, dtype=self.dtype, device=self.device)
            found = _grad(gradient, leaves, [*self._views(self._scaled(ones[0]))])
        if self._is_quick(few, ones, self._flat(found)):
            self._convolutions = QuickConvolutions

    def _is_quick(self, few: Batch, vectors: Tensor, expected: Tensor) -> bool:
        """Whether there are convolutions that can be replaced, and that then nothing else is."""
        with QuickConvolutions() as quick:
            try:
                found = self._of_batch(vectors, few, "hessian")[0]
            except Exception:  # a user's network may raise anything
                return False
        return quick.count > 0 and is_same(found, expected, expected.abs().max())


class _Holder(nn.Module):
    """A network with its loss, so that its tensors can be replaced in a call."""

    def __init__(self, network: nn.Module, loss: BatchLoss) -> None:
        super().__init__()
        self.network = network
        self._loss = loss

    def losses(self, tensors: dict[str, Tensor], batch: Batch) -> Tensor:
        """(n,) with these in place of the network's."""
        return self._called(tensors, batch, self._losses)

    def logits(self, tensors: dict[str, Tensor], batch: Batch) -> Tensor:
        """With these in place of the network's; of losses of logits."""
        return self._called(tensors, batch, self._logits)

    def forward(self, run: Callable[[Batch], Tensor], batch: Batch) -> Tensor:
        return run(batch)

    def _called(
        self, tensors: dict[str, Tensor], batch: Batch, run: Callable[[Batch], Tensor]
    ) -> Tensor:
        named = {f"network.{name}": tensor for name, tensor in tensors.items()}
        return functional_call(self, named, (run, batch))

    def _losses(self, batch: Batch) -> Tensor:
        return self._loss(self.network, batch)[0]

    def _logits(self, batch: Batch) -> Tensor:
        assert isinstance(self._loss, CrossEntropy)
        return self._loss.forward.logits(self.network, batch)


def finite(found: Tensor) -> Tensor:
    """What is given, if it is.

    Raises:
        NotFinite: if it is not.
    """
    if not bool(found.isfinite().all()):
        raise NotFinite("the loss has second derivatives that are not finite: no curvature")
    return found


@contextmanager
def once_more() -> Generator[None]:
    """Inside, attention is computed so that its gradient can be differentiated again.

    Raises:
        IsolossError: in place of what PyTorch says of operations of which it cannot be.
    """
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    except (RuntimeError, NotImplementedError) as error:
        if is_out_of_memory(error) or isinstance(error, IsolossError):
            raise
        raise IsolossError(
            f"the loss cannot be differentiated twice ({one_line(error)}): curvature is of "
            "networks whose operations all have second derivatives"
        ) from error


def _grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Sequence[Tensor],
    along: Sequence[Tensor] | None = None,
    *,
    create_graph: bool = False,
    retain_graph: bool | None = None,
) -> tuple[Tensor, ...]:
    """The gradient, with zeros by what has no part in it."""
    if not isinstance(outputs, Tensor):
        kept = [k for k, output in enumerate(outputs) if output.requires_grad]
        outputs = [outputs[k] for k in kept]
        along = None if along is None else [along[k] for k in kept]
    return torch.autograd.grad(
        outputs, inputs, along, create_graph=create_graph,
        retain_graph=retain_graph or create_graph, materialize_grads=True,
    )  # fmt: skip


def _nodes(tensors: Sequence[Tensor]) -> Iterator[Node]:
    """What tensors were computed by. A gradient computed by what is differentiable once ends in a
    node of its own, which PyTorch does not visit, and says nothing of, where it leads nowhere else.
    """
    waiting = [t.grad_fn for t in tensors if t.grad_fn is not None]
    seen = set(waiting)
    while waiting:
        node = waiting.pop()
        yield node
        for before, _ in node.next_functions:
            if before is not None and before not in seen:
                seen.add(before)
                waiting.append(before)


def _laid_out(tensors: Mapping[str, Tensor]) -> Iterator[Group]:
    first = 0
    for name, tensor in tensors.items():
        yield Group(name, slice(first, first + tensor.numel()))
        first += tensor.numel()
