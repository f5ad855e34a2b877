"""`isoloss.sharpness`: of a network and data that are at hand."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

import torch
from torch import nn

from isoloss.compute.curvature.density import quadrature
from isoloss.compute.curvature.eigenvalues import with_errors
from isoloss.compute.curvature.lanczos import outermost
from isoloss.compute.curvature.products import Curvature, Matrix, Scale
from isoloss.compute.curvature.rise import mean, mean_of_samples, most
from isoloss.compute.curvature.trace import random_signs, trace
from isoloss.compute.data.reading import read_batches
from isoloss.compute.engine.losses import Loss
from isoloss.compute.machine.device import choose_device
from isoloss.compute.machine.for_scripts import in_one_line, watch
from isoloss.compute.machine.randomness import random_numbers_kept
from isoloss.compute.networks.copying import check_network
from isoloss.compute.probe.probed_data import ProbedData
from isoloss.errors import IsolossError
from isoloss.events import Event, Progress
from isoloss.results.sharpness import Density, Sharpness

KEPT = 1 << 31
"""Bytes of vectors that are kept for the method of Lanczos, at most."""
TOGETHER = 8
"""Directions of which products are taken in one pass over the samples."""
NOISES = 8
"""Draws of noise under which the rise is the mean."""


@in_one_line()
@random_numbers_kept()
def sharpness(
    model: nn.Module,
    data: Any,
    loss: Loss | None = None,
    *,
    largest: int = 5,
    smallest: int = 1,
    tolerance: float = 1e-3,
    steps: int = 100,
    probes: int = 16,
    density: int = 0,
    radius: float = 0.05,
    noise: float = 0.1,
    scale: Scale = "none",
    matrix: Matrix = "hessian",
    parameters: Sequence[str] | None = None,
    samples: int | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: bool = True,
    on_event: Callable[[Event], object] | None = None,
) -> Sharpness:
    """How the mean loss curves around a network, and how far it rises nearby.

    Batch norms keep their statistics. Of a loss with kinks, as of rectifiers, second derivatives
    are those between the kinks.

    Args:
        model, data, loss: as for `isoloss.probe`.
        largest, smallest: how many eigenvalues at either end.
        tolerance: the error at which they are known well enough, in fractions of the largest |λ|.
        steps: products with vectors at most, to find them.
        probes: random directions for the trace.
        density: steps of the quadrature of the spectral density; 0 leaves it out.
        radius: of the ball in which the largest rise is looked for; with filters for a scale in
            units of their norms.
        noise: size of the filter-normalized noise under which the mean rise is found.
        scale: "none" for the Hessian as it is; "filter" for that in units of the filters' norms, of
            weights of two dimensions and more: the same for networks that differ by a scale of
            their filters, which the plain one is not (Dinh et al. 2017).
        matrix: "hessian", or "gauss-newton" of losses of logits.
        parameters: the names of those that are to move; by default all.
        samples: see at most so many, drawn at random once; errors say what the rest may change.
        batch_size: samples at once; by default what suits the device.
        seed: of the order of samples, of directions and noise.
        device: as for `isoloss.probe`.
        progress: whether to show a progress bar on stderr.
        on_event: called with each of `isoloss.events` as it happens.

    Raises:
        IsolossError: if something in the request cannot be, or there is no second derivative.
    """
    check_network(model)
    _check_numbers(largest=largest, smallest=smallest, steps=steps, probes=probes, density=density)
    if largest + smallest == 0:
        raise IsolossError("ask for one eigenvalue at least: largest=1")
    where = choose_device(device)
    given = ProbedData.of(
        read_batches(data, samples, seed), loss, model, where, batch_size=batch_size, seed=seed
    )
    shuffled = given.shuffled(seed, where, samples)
    if len(shuffled) < 2:
        raise IsolossError("the sharpness of one sample has no error: give two or more")
    has_filters = any(
        p.ndim > 1 and (parameters is None or name in parameters)
        for name, p in model.named_parameters()
    )
    scales: set[Scale] = {scale, "filter"} if has_filters else {scale}
    by_scale = {
        each: Curvature(
            model, shuffled, given.loss, where,
            parameters=parameters, scale=each, batch_size=batch_size,
        )
        for each in scales
    }  # fmt: skip
    curvature = by_scale[scale]
    if largest + smallest > curvature.size:
        raise IsolossError(
            f"{largest + smallest} eigenvalues are asked for, the parameters are {curvature.size}"
        )
    if matrix == "gauss-newton" and not curvature.has_gauss_newton:
        raise IsolossError("a Gauss–Newton matrix is of cross-entropy of logits: take the Hessian")
    n = given.population
    found: dict[str, Any] = {}

    def all_of_it() -> Generator[Event]:
        generator = torch.Generator().manual_seed(seed)
        before = curvature.losses()
        found["loss"] = mean_of_samples(curvature, before, n)
        found["gradient_norm"] = float(torch.linalg.vector_norm(curvature.gradient()))
        ritz = None
        for ritz in outermost(
            lambda v: curvature.times(v, matrix),
            random_signs(1, curvature, generator)[0],
            largest=largest, smallest=smallest, tolerance=tolerance, most_steps=steps,
            most_vectors=max(KEPT // (4 * curvature.size), 1),
        ):  # fmt: skip
            yield Progress("eigenvalues", ritz.steps, steps, 0.0, "products")
        assert ritz is not None
        places = ritz.wanted(largest, smallest)
        found["error"] = float(ritz.errors(places).max())
        ends = with_errors(curvature, ritz, n, largest=largest, smallest=smallest, matrix=matrix)
        found["largest"], found["smallest"] = tuple(ends[:largest]), tuple(ends[largest:])
        known = ritz.vectors(ritz.wanted(largest, 0))
        traced = trace(
            curvature, n, generator, probes=probes, known=known, matrix=matrix, together=TOGETHER
        )
        found["trace"], found["groups"] = traced.total, traced.groups
        found["rise_at_most"] = most(curvature, n, radius)
        found["rise_in_mean"] = (
            mean(by_scale["filter"], n, noise, NOISES, generator) if has_filters else None
        )
        if density:
            starts = random_signs(min(probes, TOGETHER), curvature, generator)
            keep = starts.numel() * 4 * density <= KEPT
            so_far = quadrature(lambda v: curvature.times(v, matrix), starts, density, keep=keep)
            for step, each in enumerate(so_far, 1):
                found["density"] = Density(each.nodes.numpy(), each.weights.numpy())
                yield Progress("density", step, density, 0.0, "products")

    watch(all_of_it(), progress, on_event)
    facts = {
        "parameters": curvature.size, "samples": len(shuffled), "population": n, "scale": scale,
        "matrix": matrix, "radius": radius, "noise": noise, "probes": probes, "seed": seed,
        "loss": given.loss.name,
    }  # fmt: skip
    return Sharpness(**found, facts=facts)


def _check_numbers(**numbers: int) -> None:
    for name, value in numbers.items():
        if not isinstance(value, int) or value < 0:
            raise IsolossError(f"{name} must be a whole number, 0 or more, not {value!r}")
