"""Directions of a plane that are vectors of a curvature: of norm 1, in units of the parameters or
of the filters' norms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from isoloss.compute.curvature.products import Curvature
from isoloss.compute.data.reading import read_batches
from isoloss.compute.engine.losses import Loss
from isoloss.compute.machine.device import choose_device
from isoloss.compute.networks.copying import check_network
from isoloss.compute.planes.custom_plane import custom_plane
from isoloss.compute.planes.plane import Plane, ProbedSamples
from isoloss.compute.planes.random_plane import Normalize, check_normalize
from isoloss.compute.planes.selection import Parameters, select
from isoloss.compute.probe.probed_data import ProbedData
from isoloss.errors import IsolossError


def samples_at_hand(
    model: nn.Module,
    data: Any,
    loss: Loss | None,
    *,
    samples: int | None,
    batch_size: int | None,
    seed: int,
    device: str,
) -> ProbedSamples:
    """What a script gives, as a probe takes it."""
    check_network(model)
    where = choose_device(device)
    given = ProbedData.of(
        read_batches(data, samples, seed), loss, model, where, batch_size=batch_size, seed=seed
    )
    return ProbedSamples(given.shuffled(seed, where, samples), given.loss, where, batch_size)


def curvature_over(
    model: nn.Module, samples: ProbedSamples, normalize: Normalize, parameters: Parameters
) -> Curvature:
    """The curvature by the parameters that are to move; by all, not by weights alone, where none
    are chosen and nothing is normalized.

    Raises:
        IsolossError: if it cannot be in these units, or has no two parameters to move.
    """
    check_normalize(normalize, "normalize")
    if normalize == "layer":
        raise IsolossError(
            "a gradient and a Hessian are in units of the filters' norms, or as they are: choose "
            "--normalize filter or none"
        )
    chosen = select(model, parameters)
    curvature = Curvature(
        model, samples.data, samples.loss, samples.device,
        parameters=None if chosen.in_words is None else tuple(chosen.names),
        scale=normalize,
        batch_size=samples.batch_size,
    )  # fmt: skip
    if curvature.size < 2:
        raise IsolossError("a plane takes two parameters that move, and there is one")
    return curvature


def plane_along(
    model: nn.Module, curvature: Curvature, vectors: Tensor, kind: str, facts: Mapping[str, Any]
) -> Plane:
    """The plane along two (2, P) vectors that are orthogonal and of norm 1."""
    delta, eta = (curvature.direction(vector) for vector in vectors)
    units = "filters" if curvature.scale == "filter" else "parameters"
    plane = custom_plane(model, delta, eta)
    return replace(plane, kind=kind, facts={"orthonormal_in": units, **facts})
