"""The plane of the two leading eigenvectors of the Hessian."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.compute.curvature.along import curvature_over, plane_along, samples_at_hand
from isoloss.compute.curvature.lanczos import outermost
from isoloss.compute.curvature.products import Curvature
from isoloss.compute.curvature.trace import random_signs
from isoloss.compute.engine.losses import Loss
from isoloss.compute.machine.for_scripts import in_one_line, watch
from isoloss.compute.machine.randomness import random_numbers_kept
from isoloss.compute.planes.plane import Plane, PlaneInputs
from isoloss.compute.planes.random_plane import Normalize
from isoloss.compute.planes.selection import Parameters
from isoloss.events import Event, Progress

TOLERANCE = 1e-4
"""The error at which the eigenvalues are known well enough, in fractions of the largest."""
STEPS = 200
"""Products with vectors at most, to find them."""


def build(inputs: PlaneInputs) -> Generator[Event, None, Plane]:
    """The Hessian plane that a probe asks for, of the mean loss over its samples."""
    asked, samples = inputs.settings, inputs.samples
    assert samples is not None
    curvature = curvature_over(inputs.model, samples, asked.normalize, asked.parameters)
    return (yield from _found(inputs.model, curvature, inputs.seed, TOLERANCE, STEPS))


@in_one_line()
@random_numbers_kept()
def hessian_plane(
    model: nn.Module,
    data: Any,
    loss: Loss | None = None,
    *,
    normalize: Normalize = "filter",
    parameters: Parameters = "auto",
    tolerance: float = TOLERANCE,
    steps: int = STEPS,
    samples: int | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: bool = True,
    on_event: Callable[[Event], object] | None = None,
) -> Plane:
    """The plane of the two leading eigenvectors of the Hessian of the mean loss.

    Along each of them the loss rises, at first, as λ/2·α²: the eigenvalues λ are in
    `Plane.facts["eigenvalues"]`, and `isoloss.probe` compares the surface with them.

    Args:
        model, data, loss: as for `isoloss.probe`. Batch norms keep their statistics.
        normalize: "filter" for the Hessian in units of the filters' norms, which is the same for
            networks that differ by a scale of their filters: at α = 1 filters have moved by 1, in
            units of their norms, all taken together. "none" for the Hessian by the parameters
            as they are, biases and batch norms too.
        parameters: as for `isoloss.random_plane`.
        tolerance: the error at which the eigenvalues are known well enough, in fractions of the
            largest.
        steps: products with vectors at most, to find them.
        samples, batch_size, seed, device, progress, on_event: as for `isoloss.probe`.

    Raises:
        IsolossError: if something in the request cannot be, or there is no second derivative.

    Source: Yao et al. 2020, "PyHessian: Neural Networks Through the Lens of the Hessian".
    """
    given = samples_at_hand(
        model, data, loss, samples=samples, batch_size=batch_size, seed=seed, device=device
    )
    curvature = curvature_over(model, given, normalize, parameters)
    found: list[Plane] = []

    def all_of_it() -> Generator[Event]:
        found.append((yield from _found(model, curvature, seed, tolerance, steps)))

    watch(all_of_it(), progress, on_event)
    return found[0]


def _found(
    model: nn.Module, curvature: Curvature, seed: int, tolerance: float, steps: int
) -> Generator[Event, None, Plane]:
    start = random_signs(1, curvature, torch.Generator().manual_seed(seed))[0]
    yield Progress("eigenvalues", 0, steps, 0.0, "products")
    ritz = None
    for ritz in outermost(curvature.times, start, largest=2, tolerance=tolerance, most_steps=steps):
        yield Progress("eigenvalues", ritz.steps, steps, 0.0, "products")
    assert ritz is not None
    places = ritz.wanted(2, 0)
    facts = {
        "eigenvalues": ritz.values[places].tolist(),
        "eigenvalue_error": float(ritz.errors(places).max()),
    }
    return plane_along(model, curvature, _signed(ritz.vectors(places)), "hessian", facts)


def _signed(vectors: Tensor) -> Tensor:
    """Each with its largest entry above 0: an eigenvector may as well be its opposite."""
    largest = vectors.abs().argmax(1, keepdim=True)
    return vectors * vectors.gather(1, largest).sign()
