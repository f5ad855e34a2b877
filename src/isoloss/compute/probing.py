"""Probe: evaluate the loss over a plane."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

import isoloss
from isoloss.compute.checkpoints import load_into
from isoloss.compute.datasets import as_inputs
from isoloss.compute.device import choose_device, compute_in, has_fast_bf16, summing_dtype
from isoloss.compute.pace import Pace
from isoloss.compute.planes import Plane
from isoloss.errors import IsolossError
from isoloss.events import Event, Progress
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface
from isoloss.terminal import ProgressBar

Batch = tuple[Any, Any]
Loss = Callable[[nn.Module, Batch], Tensor]
# bf16 is taken where it moves no audited mean loss by more than this share of their range.
AUDIT_TOLERANCE = 0.005
AUDIT_SAMPLES = 128


@dataclass(frozen=True)
class CellResult:
    """Sums over the samples at one grid point; `hits` is None where there is no right answer."""

    loss_sum: float
    square_sum: float
    hits: int | None
    count: int


class Evaluator:
    """A network on a device that can be put anywhere on a plane and evaluated there.

    It works on a copy of the network, in eval mode; batch-norm statistics stay the origin's.

    Args:
        data: (inputs, targets) batches; uint8 inputs are images and become floats in [0, 1].
        loss: `loss(model, batch) -> (N,)` per-sample losses; cross-entropy by default.
    """

    def __init__(
        self,
        model: nn.Module,
        plane: Plane,
        data: Iterable[Batch],
        loss: Loss | None,
        device: torch.device,
    ) -> None:
        self.device = device
        self.model = copy.deepcopy(model).to(device).eval()
        if any(p.ndim == 4 for p in self.model.parameters()):
            self.model = cast(nn.Module, self.model.to(memory_format=torch.channels_last))
        self.batches = [_to_device(batch, device) for batch in data]
        if not self.batches:
            raise IsolossError("there is no data to evaluate on: the iterable is empty")
        self.loss = loss
        self.bf16 = False
        self.load(plane.origin)
        named = dict(self.model.named_parameters())
        moving = [k for k in plane.delta if bool(plane.delta[k].any()) or bool(plane.eta[k].any())]
        self._parameters = [named[k] for k in moving]
        self._origin = [named[k].detach().clone() for k in moving]
        # In the parameters' own memory layout, which the fused updates need.
        self._delta = [torch.empty_like(named[k]).copy_(plane.delta[k]) for k in moving]
        self._eta = [torch.empty_like(named[k]).copy_(plane.eta[k]) for k in moving]
        self._row = [tensor.clone() for tensor in self._origin]
        self._row_alpha = 0.0

    def load(self, state: Any) -> None:
        """Give the network all parameters and buffers of a state dict."""
        load_into(self.model, state, "the checkpoint")

    @torch.no_grad()
    def move_to(self, alpha: float, beta: float) -> None:
        """Put the network at θ* + α·δ + β·η, always computed from the originals.

        Cells of one row come one after the other, so θ* + α·δ is kept for the next.
        """
        # The fused updates behind PyTorch's own optimizers: a few kernels for all parameters.
        if alpha != self._row_alpha:
            torch._foreach_copy_(self._row, self._origin)  # pyright: ignore
            torch._foreach_add_(self._row, self._delta, alpha=alpha)  # pyright: ignore
            self._row_alpha = alpha
        torch._foreach_copy_(self._parameters, self._row)  # pyright: ignore
        torch._foreach_add_(self._parameters, self._eta, alpha=beta)  # pyright: ignore

    @torch.no_grad()
    def evaluate(self, batches: Sequence[Batch] | None = None) -> CellResult:
        """Sums of the loss over the samples, at the point where the network is."""
        wide = summing_dtype(self.device)
        sums = torch.zeros(3, dtype=wide, device=self.device)
        count = 0
        classifies, loss = False, self.loss
        for inputs, targets in self.batches if batches is None else batches:
            # Kept as bytes: as floats they would take four times the memory.
            batch = (as_inputs(inputs) if isinstance(inputs, Tensor) else inputs, targets)
            with compute_in(self.device, bf16=self.bf16):
                if loss is None:
                    losses, hits, classifies = _cross_entropy(self.model, batch)
                else:
                    losses = loss(self.model, batch)
                    hits = torch.zeros((), device=self.device)
            if losses.ndim != 1:
                raise IsolossError(
                    f"the loss must give one value for each sample, it gave {tuple(losses.shape)}"
                )
            losses = losses.to(wide)
            sums += torch.stack([losses.sum(), losses.square().sum(), hits.to(wide)])
            count += len(losses)
        loss_sum, square_sum, hits_sum = sums.tolist()
        return CellResult(loss_sum, square_sum, int(hits_sum) if classifies else None, count)

    def choose_precision(self, precision: str, corners: Sequence[tuple[float, float]]) -> float:
        """Decide between bf16 and fp32; returns the audited error as a share of the range.

        "auto" compares both at `corners` of the grid on the first samples, and takes bf16 where
        the hardware has it and no mean loss moves by more than `AUDIT_TOLERANCE` of the range.
        """
        if precision not in ("auto", "fp32", "bf16"):
            raise IsolossError(f"precision is 'auto', 'fp32' or 'bf16', not {precision!r}")
        self.bf16 = precision == "bf16"
        if precision != "auto" or not has_fast_bf16(self.device):
            return float("nan")
        few = _first_samples(self.batches, AUDIT_SAMPLES)
        means: dict[bool, list[float]] = {False: [], True: []}
        for corner in corners:
            self.move_to(*corner)
            for self.bf16 in (False, True):
                result = self.evaluate(few)
                means[self.bf16].append(result.loss_sum / result.count)
        exact, reduced = np.array(means[False]), np.array(means[True])
        spread = float(np.ptp(exact))
        with np.errstate(all="ignore"):
            error = float(np.max(np.abs(reduced - exact))) / spread if spread > 0 else float("nan")
        self.bf16 = bool(error <= AUDIT_TOLERANCE)
        return error


def probe(
    model: nn.Module,
    data: Iterable[Batch],
    plane: Plane,
    alpha: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    loss: Loss | None = None,
    precision: str = "auto",
    device: str = "auto",
    progress: bool = True,
) -> Surface:
    """The loss over the grid θ* + alpha[i]·δ + beta[j]·η.

    Args:
        model: any network; it is left untouched. The plane's origin is what is probed.
        data: any iterable of (inputs, targets) batches of tensors; read once and kept.
        alpha, beta: (A,), (B,) strictly increasing; 25 points from −1 to 1 by default.
        loss: `loss(model, batch) -> (N,)` per-sample losses; by default cross-entropy, and then
            the surface carries accuracies too.
        precision: "fp32" (the parameters' own), "bf16", or "auto".
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        progress: whether to show a progress bar on stderr.

    Returns:
        The surface; its losses are means over samples, not over batches. All of `data` is seen, so
        that as an estimate over it the standard errors are 0.

    Raises:
        IsolossError: if something in the request cannot be.
    """
    axes = _axis(alpha, "alpha"), _axis(beta, "beta")
    evaluator = Evaluator(model, plane, data, loss, choose_device(device))
    error = evaluator.choose_precision(precision, corners(*axes))
    count = sum(_length(batch) for batch in evaluator.batches)
    meta = {**describe(plane, evaluator, error), "model": type(model).__name__}
    evaluator.move_to(0.0, 0.0)
    classifies = evaluator.evaluate(evaluator.batches[:1]).hits is not None
    growing = GrowingSurface.in_memory(*axes, count, classifies, meta)
    bar = ProgressBar() if progress else None
    for event in fill(growing, evaluator):
        if bar is not None:
            bar.show(event)
    if bar is not None:
        bar.close()
    return growing.snapshot()


def fill(growing: GrowingSurface, evaluator: Evaluator) -> Iterator[Event]:
    """Evaluate every cell that has not been computed, coarse to fine, yielding progress."""
    todo = [cell for cell in coarse_to_fine(growing.count.shape) if growing.count[cell] == 0]
    total = growing.count.size
    done = total - len(todo)
    pace = Pace("probe", total, "cells", done)
    yield Progress("probe", done, total, 0.0, "cells")
    for cell in todo:
        evaluator.move_to(float(growing.alpha[cell[0]]), float(growing.beta[cell[1]]))
        result = evaluator.evaluate()
        growing.put(cell, result.loss_sum, result.square_sum, result.hits or 0, result.count)
        done += 1
        if (event := pace.at(done)) is not None:
            yield event


def coarse_to_fine(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """All cells of an (A, B) grid, every 8th first, then every 4th, …: early results span it."""
    rows, columns = shape
    seen = np.zeros(shape, bool)
    order: list[tuple[int, int]] = []
    for stride in (8, 4, 2, 1):
        # The last row and column belong to every level, so that nothing has to be extrapolated.
        level_rows = sorted({*range(0, rows, stride), rows - 1})
        level_columns = sorted({*range(0, columns, stride), columns - 1})
        for i in level_rows:
            for j in level_columns:
                if not seen[i, j]:
                    seen[i, j] = True
                    order.append((i, j))
    return order


def corners(alpha: NDArray[np.float64], beta: NDArray[np.float64]) -> list[tuple[float, float]]:
    """The origin and the corners of the grid: where the precision is audited."""
    ends = [(float(a), float(b)) for a in alpha[[0, -1]] for b in beta[[0, -1]]]
    return [(0.0, 0.0), *ends]


def describe(plane: Plane, evaluator: Evaluator, audit_error: float) -> dict[str, Any]:
    """What made a surface, as far as the engine knows; JSON-compatible."""
    shares = plane.explained_variance_ratio
    return {
        "plane": plane.kind,
        "cosine": plane.cosine,
        "explained_variance_ratio": None if shares is None else shares.tolist(),
        "precision": "bf16" if evaluator.bf16 else "fp32",
        "precision_audit_error": None if np.isnan(audit_error) else audit_error,
        "device": evaluator.device.type,
        "versions": {"isoloss": isoloss.__version__, "torch": str(torch.__version__)},
    }


def _cross_entropy(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor, bool]:
    """(per-sample losses, right answers, whether the model is a classifier)."""
    inputs, targets = batch
    logits = model(inputs)
    logits = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
    losses = F.cross_entropy(logits, targets, reduction="none")
    if targets.dtype.is_floating_point or logits.ndim != 2:
        return losses, torch.zeros((), device=losses.device), False
    return losses, (logits.argmax(1) == targets).sum(), True


def _axis(values: ArrayLike | None, name: str) -> NDArray[np.float64]:
    axis = np.linspace(-1, 1, 25) if values is None else np.asarray(values, np.float64)
    if axis.ndim != 1 or len(axis) < 1 or not np.isfinite(axis).all() or (np.diff(axis) <= 0).any():
        raise IsolossError(f"{name} must be finite numbers in strictly increasing order")
    return axis


def _to_device(batch: Batch, device: torch.device) -> Batch:
    if not (isinstance(batch, tuple | list) and len(batch) == 2):
        raise IsolossError("data must give (inputs, targets) pairs")
    inputs, targets = (b.to(device) if isinstance(b, Tensor) else b for b in batch)
    return inputs, targets


def _length(batch: Batch) -> int:
    return len(batch[1])


def _first_samples(batches: Sequence[Batch], n: int) -> list[Batch]:
    """The first about `n` samples; whole batches where they cannot be cut."""
    taken: list[Batch] = []
    for inputs, targets in batches:
        if n <= 0:
            break
        cut = isinstance(inputs, Tensor) and isinstance(targets, Tensor)
        taken.append((inputs[:n], targets[:n]) if cut else (inputs, targets))
        n -= _length(taken[-1])
    return taken
