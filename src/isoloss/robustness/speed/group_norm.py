"""Group normalization of bf16 images on a processor, in two passes over them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_LARGE_MAP = 1024
"""Places from which on PyTorch normalizes groups of bf16 quickly on a CPU."""


class Bf16GroupNorm(nn.GroupNorm):
    """Of bf16 images: statistics in single precision, the images themselves touched once.

    PyTorch's kernels for channels last in bf16 take many times as long: forwards on maps that are
    small, backwards on all.
    """

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, …) normalized images, in the type they came in."""
        is_large = input[0, 0].numel() >= _LARGE_MAP
        if input.dtype is not torch.bfloat16 or (is_large and not torch.is_grad_enabled()):
            return super().forward(input)
        return _Normalized.apply(input, self.weight, self.bias, self.num_groups, self.eps)


class _Normalized(torch.autograd.Function):
    """Group normalization with frozen weights, in either direction two passes over the images.

    With r = 1/√(variance + ε) and x̂ = (x − mean) r, y = w x̂ + b and, over the m values of a group,
    dx = r (w dy − Σ w dy / m − x̂ Σ w dy x̂ / m).
    """

    @staticmethod
    def forward(
        ctx: Any, images: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float
    ) -> Tensor:
        values = images.float().flatten(2)
        by_group = (len(images), groups, -1)
        size = values[0].numel() // groups
        mean = values.sum(2).view(by_group).sum(2, keepdim=True) / size
        square = values.square_().sum(2).view(by_group).sum(2, keepdim=True) / size
        inverse = (square - mean.square()).clamp_min(0).add(eps).rsqrt()
        scale = weight.view(by_group[1:]) * inverse
        shift = bias.view(by_group[1:]) - mean * scale
        ctx.save_for_backward(images, mean, inverse, scale)
        return torch.addcmul(_to_each(shift, images), images, _to_each(scale, images))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor, None, None, None, None]:
        (slope,) = given
        images, mean, inverse, scale = ctx.saved_tensors
        size = images[0].numel() // scale.shape[1]
        # Σ w r dy and Σ w r dy x of each group.
        total, product = (
            (sums.view(scale.shape) * scale).sum(2, keepdim=True) / size
            for sums in (
                slope.flatten(2).sum(2, dtype=torch.float32),
                (slope * images).flatten(2).sum(2, dtype=torch.float32),
            )
        )
        bend = -inverse.square() * (product - mean * total)
        shift = (-total - bend * mean).expand_as(scale)
        along = torch.addcmul(
            _to_each(shift, images), images, _to_each(bend.expand_as(scale), images)
        )
        return torch.addcmul(along, slope, _to_each(scale, images)), None, None, None, None


def _to_each(values: Tensor, images: Tensor) -> Tensor:
    """(N, groups, channels of a group) `values` as they are multiplied with (N, C, …) images."""
    return values.reshape(*images.shape[:2], *(1,) * (images.ndim - 2)).to(images)
