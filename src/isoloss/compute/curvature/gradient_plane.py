"""The plane of the gradient and another direction: a random one, or an optimizer's momentum."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from isoloss.compute.curvature.along import curvature_over, plane_along, samples_at_hand
from isoloss.compute.curvature.products import Curvature
from isoloss.compute.engine.losses import Loss
from isoloss.compute.machine.for_scripts import in_one_line
from isoloss.compute.machine.randomness import random_numbers_kept
from isoloss.compute.networks.checkpoint_files import read
from isoloss.compute.planes.plane import Plane, PlaneInputs
from isoloss.compute.planes.random_plane import Normalize
from isoloss.compute.planes.selection import Parameters
from isoloss.errors import IsolossError
from isoloss.events import Event, Progress
from isoloss.paths import exists
from isoloss.run import Run

MOMENTA = ("momentum_buffer", "exp_avg")
"""What optimizers call it: SGD, and Adam and its kin."""
PARALLEL = 1e-4
"""The sine of an angle between directions that show the same."""


def build(inputs: PlaneInputs) -> Generator[Event, None, Plane]:
    """The gradient plane that a probe asks for, of the mean loss over its samples."""
    asked, samples = inputs.settings, inputs.samples
    assert samples is not None
    momentum = _momentum_of_run(inputs) if asked.beside == "momentum" else None
    curvature = curvature_over(inputs.model, samples, asked.normalize, asked.parameters)
    yield Progress("gradient", 0, 1, 0.0, "passes")
    return _plane(inputs.model, curvature, momentum, inputs.seed)


@in_one_line()
@random_numbers_kept()
def gradient_plane(
    model: nn.Module,
    data: Any,
    loss: Loss | None = None,
    *,
    beside: Literal["random"] | torch.optim.Optimizer = "random",
    normalize: Normalize = "filter",
    parameters: Parameters = "auto",
    samples: int | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    device: str = "auto",
) -> Plane:
    """The plane of the gradient of the mean loss, δ, and another direction orthogonal to it, η.

    The norm of the gradient is in `Plane.facts["gradient_norm"]`: the slope along δ.

    Args:
        model, data, loss: as for `isoloss.probe`. Batch norms keep their statistics.
        beside: "random", or an optimizer of the network's parameters, whose momentum is taken.
        normalize: "filter" for the gradient in units of the filters' norms: at α = 1 filters have
            moved by 1, in units of their norms, all taken together. "none" for that by the
            parameters as they are.
        parameters: as for `isoloss.random_plane`.
        samples, batch_size, seed, device: as for `isoloss.probe`.

    Raises:
        IsolossError: if there is no gradient, or no momentum.
    """
    momentum = None
    if isinstance(beside, torch.optim.Optimizer):
        momentum = _momentum_of(beside, model)
    elif beside != "random":
        raise IsolossError(f"beside the gradient is 'random' or an optimizer, not {beside!r}")
    given = samples_at_hand(
        model, data, loss, samples=samples, batch_size=batch_size, seed=seed, device=device
    )
    curvature = curvature_over(model, given, normalize, parameters)
    return _plane(model, curvature, momentum, seed)


def _plane(
    model: nn.Module, curvature: Curvature, momentum: Mapping[str, Tensor] | None, seed: int
) -> Plane:
    gradient = curvature.gradient()
    slope = float(torch.linalg.vector_norm(gradient))
    if not 0 < slope < float("inf"):
        raise IsolossError(
            f"the gradient's norm is {slope:g}, and it has no direction: choose another plane"
        )
    first = gradient / slope
    if momentum is None:
        second = _random(curvature, seed)
    else:
        second = curvature.of_gradient(momentum)
        second = second / torch.linalg.vector_norm(second).clamp(min=1e-30)
    for _ in range(2):
        second = second - (second @ first) * first
    aside = float(torch.linalg.vector_norm(second))
    if aside < PARALLEL:
        raise IsolossError(
            "the second direction lies along the gradient, or is 0: choose --beside random"
        )
    facts = {"gradient_norm": slope, "beside": "random" if momentum is None else "momentum"}
    vectors = torch.stack([first, second / aside])
    return plane_along(model, curvature, vectors, "gradient", facts)


def _random(curvature: Curvature, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    if curvature.scale == "filter":
        drawn = curvature.random_filters(generator)
    else:
        drawn = torch.randn(curvature.size, generator=generator).to(
            curvature.device, curvature.dtype
        )
    return drawn / torch.linalg.vector_norm(drawn)


def _momentum_of(optimizer: torch.optim.Optimizer, model: nn.Module) -> dict[str, Tensor]:
    """What an optimizer keeps of past gradients, by the names of the parameters."""
    found: dict[str, Tensor] = {}
    for name, parameter in model.named_parameters():
        state = optimizer.state.get(parameter, {})
        kept = next((state[key] for key in MOMENTA if state.get(key) is not None), None)
        found[name] = torch.zeros_like(parameter) if kept is None else kept
    if not any(kept.any() for kept in found.values()):
        raise IsolossError(
            "the optimizer keeps no momentum of this network's parameters: take a step with "
            "momentum first, or leave beside away"
        )
    return found


def _momentum_of_run(inputs: PlaneInputs) -> dict[str, Tensor]:
    """What a training run's optimizer has kept at its last checkpoint."""
    instead = "choose --beside random"
    if inputs.run is None:
        raise IsolossError(f"a checkpoint has no optimizer's momentum: {instead}")
    path = Run.open(inputs.run).resume_path
    if not exists(path):
        raise IsolossError(f"{inputs.run} keeps no state of its optimizer: {instead}")
    state = read(path)
    found: dict[str, Tensor] = {}
    for k, (name, parameter) in enumerate(inputs.model.named_parameters()):
        kept = next((state[f"{k}.{key}"] for key in MOMENTA if f"{k}.{key}" in state), None)
        if kept is None or kept.shape != parameter.shape:
            raise IsolossError(
                f"the optimizer of {inputs.run} keeps no momentum of {name}: {instead}"
            )
        found[name] = kept
    return found
