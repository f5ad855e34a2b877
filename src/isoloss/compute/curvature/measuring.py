"""All that the sharpness of a network is made of, in parts that do not depend on each other."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import torch
from torch import nn

from isoloss.compute.curvature.density import quadrature
from isoloss.compute.curvature.eigenvalues import beginning, with_errors
from isoloss.compute.curvature.lanczos import KEPT, outermost
from isoloss.compute.curvature.products import Curvature, Matrix, NotFinite, Scale, finite
from isoloss.compute.curvature.rise import ASCENTS, gradient_norm, mean, mean_of_samples, most
from isoloss.compute.curvature.trace import SKETCHED, products, random_signs, trace
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.engine.losses import BatchLoss
from isoloss.compute.machine.progress import ProgressRate
from isoloss.compute.networks.reals import can_move
from isoloss.errors import IsolossError
from isoloss.events import Event
from isoloss.results.estimates import Estimate
from isoloss.settings.sharpness import DENSITY_DIRECTIONS

TOGETHER = 8
"""Directions of which products are taken in one pass over the samples."""
NOISES = 8
"""Draws of noise under which the rise is the mean."""
PIECE = 4
"""Random directions of the density that are one unit of work."""

Found = Generator[int, None, dict[str, Any]]
"""What a part finds, as JSON has it; yields how much of its work is done, in products."""
Unit = tuple[int, ...]
"""The number of a part, and of a piece of it."""
PARTS = ("rise", "eigenvalues", "trace", "density")


@dataclass(frozen=True)
class Asked:
    """What is to be found; fields as the arguments of `isoloss.sharpness`."""

    largest: int = 5
    smallest: int = 1
    tolerance: float = 1e-3
    steps: int = 100
    probes: int = 16
    density: int = 0
    radius: float = 0.05
    noise: float = 0.1
    scale: Scale = "none"
    matrix: Matrix = "hessian"
    seed: int = 0

    @property
    def units(self) -> list[Unit]:
        """The pieces of work, in the order in which they are done."""
        pieces = math.ceil(DENSITY_DIRECTIONS / PIECE) if self.density else 0
        return [(0, 0), (1, 0), (2, 0), *((3, piece) for piece in range(pieces))]

    def work(self, unit: Unit) -> int:
        """What a unit costs at most, in products."""
        of_trace = 2 * SKETCHED + products(self.probes)
        own = 2 * ASCENTS + NOISES, self.steps, of_trace, PIECE * self.density
        return own[unit[0]]

    @property
    def facts(self) -> dict[str, Any]:
        """Those by which the numbers are to be read."""
        return {name: getattr(self, name) for name in ("radius", "noise", "scale", "matrix")}


class Measuring:
    """Measures one network.

    Args:
        model, data, loss, device, parameters, batch_size: as for `Curvature`.
        population: of which the samples are drawn.

    Raises:
        IsolossError: if there is no such matrix, or not as many eigenvalues.
    """

    def __init__(
        self,
        asked: Asked,
        model: nn.Module,
        data: ShuffledSamples,
        loss: BatchLoss,
        device: torch.device,
        population: int,
        *,
        parameters: Sequence[str] | None = None,
        batch_size: int | None = None,
    ) -> None:
        if len(data) < 2:
            raise IsolossError("the sharpness of one sample has no error: give two or more")
        self._asked, self._population = asked, population
        self._curvature_of = cache(
            lambda scale: Curvature(
                model, data, loss, device,
                parameters=parameters, scale=scale, batch_size=batch_size,
            )
        )  # fmt: skip
        self.curvature: Curvature = self._curvature_of(asked.scale)
        self._has_filters = any(
            p.ndim > 1 and can_move(p) and p.numel() and (parameters is None or name in parameters)
            for name, p in model.named_parameters()
        )
        wanted, size = asked.largest + asked.smallest, self.curvature.size
        if wanted > size:
            raise IsolossError(f"{wanted} eigenvalues are asked for, the parameters are {size}")
        if asked.matrix == "gauss-newton" and not self.curvature.has_gauss_newton:
            raise IsolossError(
                "a Gauss–Newton matrix is of cross-entropy of logits: take the Hessian"
            )

    def part(self, unit: Unit) -> Found:
        """Find what a unit is about; what is random in it is its own.

        Raises:
            NotFinite: if the loss is not, or its derivatives.
        """
        if not bool(self._losses.isfinite().all()):
            raise NotFinite("the loss is not finite at the network itself, which has no curvature")
        which, piece = unit
        generator = torch.Generator().manual_seed((self._asked.seed << 8) + 16 * which + piece)
        return (self._rise, self._eigenvalues, self._trace, self._density)[which](generator)

    @cached_property
    def _losses(self) -> torch.Tensor:
        return self.curvature.losses()

    def _times(self, vectors: torch.Tensor) -> torch.Tensor:
        return self.curvature.times(vectors, self._asked.matrix)

    def _rise(self, generator: torch.Generator) -> Found:
        asked, n, curvature = self._asked, self._population, self.curvature
        loss = mean_of_samples(curvature, self._losses, n)
        slope = gradient_norm(curvature, n)
        yield 2
        at_most = most(curvature, n, asked.radius)
        yield 2 * ASCENTS
        in_mean = None
        if self._has_filters:
            in_mean = mean(self._curvature_of("filter"), n, asked.noise, NOISES, generator)
        return {
            "loss": _plain(loss),
            "gradient_norm": _plain(slope),
            "rise_at_most": _plain(at_most),
            "rise_in_mean": in_mean and _plain(in_mean),
        }

    def _eigenvalues(self, generator: torch.Generator) -> Found:
        asked, curvature, ritz = self._asked, self.curvature, None
        start = beginning(
            curvature, random_signs(1, curvature, generator)[0],
            largest=asked.largest, smallest=asked.smallest, matrix=asked.matrix,
        )  # fmt: skip
        for ritz in outermost(
            self._times, start,
            largest=asked.largest, smallest=asked.smallest, tolerance=asked.tolerance,
            most_steps=asked.steps,
        ):  # fmt: skip
            yield ritz.steps
        assert ritz is not None
        ends = with_errors(
            curvature, ritz, self._population,
            largest=asked.largest, smallest=asked.smallest, matrix=asked.matrix,
        )  # fmt: skip
        return {
            "largest": [*map(_plain, ends[: asked.largest])],
            "smallest": [*map(_plain, ends[asked.largest :])],
            "error": float(ritz.errors(ritz.wanted(asked.largest, asked.smallest)).max()),
        }

    def _trace(self, generator: torch.Generator) -> Found:
        steps = trace(
            self.curvature, self._population, generator,
            probes=self._asked.probes, matrix=self._asked.matrix, together=TOGETHER,
        )  # fmt: skip
        found = yield from steps
        finite(torch.tensor(found.total.value))
        groups = {name: _plain(each) for name, each in found.groups.items()}
        return {"trace": _plain(found.total), "groups": groups}

    def _density(self, generator: torch.Generator) -> Found:
        steps, found = self._asked.density, None
        starts = random_signs(PIECE, self.curvature, generator)
        keep = starts.nbytes * steps <= KEPT
        for found in quadrature(self._times, starts, steps, keep=keep):
            yield PIECE * found.nodes.shape[1]
        assert found is not None
        return {"nodes": found.nodes.tolist(), "weights": found.weights.tolist()}


def _plain(estimate: Estimate) -> list[float]:
    return [estimate.value, estimate.over_samples, estimate.over_probes, estimate.half_width]


def told(steps: Found, rate: ProgressRate, before: int) -> Generator[Event, None, dict[str, Any]]:
    """Go through a part, telling how far all of it is.

    Args:
        before: products that were done before it.
    """
    while True:
        try:
            done = next(steps)
        except StopIteration as end:
            return end.value
        if (event := rate.at(before + done)) is not None:
            yield event


def found_at_once(steps: Found) -> dict[str, Any]:
    """Go through a part without a word."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
