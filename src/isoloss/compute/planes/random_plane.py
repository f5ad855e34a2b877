"""Random planes and lines, filter-normalized.

Li, Xu, Taylor, Studer, Goldstein 2018, "Visualizing the Loss Landscape of Neural Nets", section 4.
"""

from __future__ import annotations

from numbers import Integral
from typing import Literal

import torch
from torch import Tensor, nn

from isoloss.compute.networks.reals import as_reals, can_move, from_reals
from isoloss.compute.planes.plane import Direction, Plane, PlaneInputs, state_of, zeros_like
from isoloss.compute.planes.selection import Parameters, Selection, select
from isoloss.errors import IsolossError

Normalize = Literal["filter", "layer", "none"]


def build_plane(inputs: PlaneInputs) -> Plane:
    """The random plane that a probe asks for."""
    asked = inputs.settings
    return random_plane(inputs.model, inputs.seed, asked.normalize, asked.parameters)


def build_line(inputs: PlaneInputs) -> Plane:
    """The random line that a probe asks for."""
    asked = inputs.settings
    return line(inputs.model, inputs.seed, asked.normalize, asked.parameters)


def random_plane(
    model: nn.Module,
    seed: int = 0,
    normalize: Normalize = "filter",
    parameters: Parameters = "auto",
) -> Plane:
    """Two independent Gaussian directions through the parameters of `model`.

    With "filter", every slice along the first dimension of a parameter with two or more dimensions
    (a convolution's output filter, a linear layer's neuron) is scaled to the norm of the network's
    own; with "layer", every such tensor as a whole. Parameters with fewer dimensions (biases,
    batch-norm scales) stay put, and so do integers. Of complex parameters real and imaginary parts
    are drawn independently. The directions are not orthogonalized: see `Plane.cosine`.

    Args:
        parameters: which of them move: "all"; "trainable", those that require a gradient; a name, a
            module's name, a pattern as "layer4.*", or several of these; or a function of a
            parameter's name and the parameter that says whether it moves. By default "trainable"
            where half of the weights or more are frozen and some that could move are not (LoRA,
            adapters, a new head), else "all".

    Raises:
        IsolossError: if no parameter moves, or it is no network with values.

    Source: Li et al. 2018, section 4.
    """
    generator, moving = _generator(seed), select(model, parameters)
    delta, eta = (_gaussian(model, moving, generator, normalize) for _ in range(2))
    return Plane(state_of(model), delta, eta, "random", parameters=moving.in_words)


def line(
    model: nn.Module,
    seed: int = 0,
    normalize: Normalize = "filter",
    parameters: Parameters = "auto",
) -> Plane:
    """The line along the δ that `random_plane` of the same arguments has; η is zero."""
    moving = select(model, parameters)
    delta = _gaussian(model, moving, _generator(seed), normalize)
    return Plane(state_of(model), delta, zeros_like(delta), "line", parameters=moving.in_words)


def _generator(seed: int) -> torch.Generator:
    if not isinstance(seed, Integral):
        raise IsolossError(f"seed must be a whole number, not {seed!r}")
    # On the CPU, so that a seed means the same plane on every device.
    return torch.Generator().manual_seed(int(seed))


def _gaussian(
    model: nn.Module, moving: Selection, generator: torch.Generator, normalize: Normalize
) -> Direction:
    check_normalize(normalize, "normalize")
    return {
        name: _gaussian_like(parameter.detach().cpu(), generator, normalize)
        if name in moving.names
        else torch.zeros_like(parameter, device="cpu")
        for name, parameter in model.named_parameters()
        if can_move(parameter)
    }


def check_normalize(given: object, argument: str) -> None:
    """Refuse what is no normalization."""
    if given not in ("filter", "layer", "none"):
        raise IsolossError(f"{argument} is 'filter', 'layer' or 'none', not {given!r}")


def _gaussian_like(weight: Tensor, generator: torch.Generator, normalize: str) -> Tensor:
    noise = torch.randn(as_reals(weight).shape, generator=generator, dtype=torch.float64)
    return scaled(from_reals(noise, like=weight), weight, normalize).to(weight.dtype)


def scaled(direction: Tensor, weight: Tensor, normalize: str) -> Tensor:
    """`direction` with the norms of `weight`, filter by filter or as a whole, in double precision;
    "none" leaves it as it is."""
    own, moved = (as_reals(t).double() for t in (weight, direction))
    if normalize != "none":
        rows = (len(weight), -1) if normalize == "filter" else (1, -1)
        flat, own = moved.reshape(rows), own.reshape(rows)
        scale = own.norm(dim=1, keepdim=True) / (flat.norm(dim=1, keepdim=True) + 1e-10)
        moved = (flat * scale).view(moved.shape)
    return from_reals(moved, like=weight)
