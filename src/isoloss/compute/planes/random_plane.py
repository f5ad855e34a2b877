"""Random planes and lines, filter-normalized.

Li, Xu, Taylor, Studer, Goldstein 2018, "Visualizing the Loss Landscape of Neural Nets", section 4.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from isoloss.compute.planes.plane import Direction, Plane, PlaneInputs, state_of, zeros_like
from isoloss.errors import IsolossError

Normalize = Literal["filter", "layer", "none"]


def build_plane(inputs: PlaneInputs) -> Plane:
    """The random plane that a probe asks for."""
    return random_plane(inputs.model, inputs.seed, inputs.settings.normalize)


def build_line(inputs: PlaneInputs) -> Plane:
    """The random line that a probe asks for."""
    return line(inputs.model, inputs.seed, inputs.settings.normalize)


def random_plane(model: nn.Module, seed: int = 0, normalize: Normalize = "filter") -> Plane:
    """Two independent Gaussian directions through the parameters of `model`.

    With "filter", every slice along the first dimension of a parameter with two or more dimensions
    (a convolution's output filter, a linear layer's neuron) is scaled to the norm of the network's
    own; with "layer", every such tensor as a whole. Parameters with fewer dimensions (biases,
    batch-norm scales) stay put. The directions are not orthogonalized: see `Plane.cosine`.

    Source: Li et al. 2018, section 4.
    """
    generator = _generator(seed)
    delta, eta = (_gaussian(model, generator, normalize) for _ in range(2))
    return Plane(state_of(model), delta, eta, "random")


def line(model: nn.Module, seed: int = 0, normalize: Normalize = "filter") -> Plane:
    """The line along the δ that `random_plane` of the same seed has; η is zero."""
    delta = _gaussian(model, _generator(seed), normalize)
    return Plane(state_of(model), delta, zeros_like(delta), "line")


def _generator(seed: int) -> torch.Generator:
    # On the CPU, so that a seed means the same plane on every device.
    return torch.Generator().manual_seed(seed)


def _gaussian(model: nn.Module, generator: torch.Generator, normalize: Normalize) -> Direction:
    if normalize not in ("filter", "layer", "none"):
        raise IsolossError(f"normalize is 'filter', 'layer' or 'none', not {normalize!r}")
    return {
        name: _gaussian_like(parameter.detach().cpu(), generator, normalize)
        for name, parameter in model.named_parameters()
    }


def _gaussian_like(weight: Tensor, generator: torch.Generator, normalize: str) -> Tensor:
    if weight.ndim <= 1 or not weight.is_floating_point():
        return torch.zeros_like(weight)
    noise = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
    if normalize != "none":
        rows = (len(weight), -1) if normalize == "filter" else (1, -1)
        flat, own = noise.view(rows), weight.double().reshape(rows)
        scale = own.norm(dim=1, keepdim=True) / (flat.norm(dim=1, keepdim=True) + 1e-10)
        noise = (flat * scale).view(weight.shape)
    return noise.to(weight.dtype)
