"""Convolutions whose gradients are differentiated in no more than four convolutions.

Of the gradient by its input PyTorch finds the derivative by its weights as a convolution with a
kernel of the size of the image, images in place of channels, which is slow. It is the gradient by
the weights of a convolution of another input, as are all derivatives of something bilinear.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_AXES = {torch.conv1d: 1, torch.conv2d: 2, torch.conv3d: 3}
_aten: Any = torch.ops.aten


class QuickConvolutions(TorchFunctionMode):
    """Inside, convolutions are these; those that are not like most are left as they are.

    Attributes:
        count: of those that were replaced.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        axes = _AXES.get(func)
        given = _given(axes, *args, **(kwargs or {})) if axes else None
        if given is None:
            return func(*args, **(kwargs or {}))
        self.count += 1
        return _Convolved.apply(*given)


def _given(
    axes: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> tuple[Any, ...] | None:
    """What `_Convolved` takes, if it computes this one."""
    if isinstance(padding, str) or input.ndim != axes + 2 or weight.is_complex():
        return None
    each = ([v] * axes if isinstance(v, int) else [*v] for v in (stride, padding, dilation))
    return input, weight, bias, (*each, False, [0] * axes, groups)


class _Convolved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, how: Any) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.how = how
        return _aten.convolution(x, weight, bias, *how)

    @staticmethod
    def backward(ctx: Any, of_answer: Tensor) -> Any:
        wanted = list(ctx.needs_input_grad[:3])
        return *_Gradients.apply(of_answer, *ctx.saved_tensors, ctx.how, wanted), None


class _Gradients(torch.autograd.Function):
    """By input, weight and bias."""

    @staticmethod
    def forward(
        ctx: Any, of_answer: Tensor, x: Tensor, weight: Tensor, how: Any, wanted: list[bool]
    ) -> Any:
        ctx.save_for_backward(of_answer, x, weight)
        ctx.set_materialize_grads(False)
        ctx.how = how
        return _aten.convolution_backward(of_answer, x, weight, [len(weight)], *how, wanted)

    @staticmethod
    def backward(ctx: Any, by_x: Tensor | None, by_weight: Tensor | None, by_bias: Any) -> Any:
        of_answer, x, weight = ctx.saved_tensors
        back, how = _aten.convolution_backward, ctx.how
        by_answer = of_x = of_weight = None
        for maps, filters in ((by_x, weight), (x, by_weight)):
            if maps is not None and filters is not None:
                found = _aten.convolution(maps, filters, by_bias, *how)
                by_answer, by_bias = found if by_answer is None else by_answer + found, None
        if by_bias is not None:
            by_answer = by_bias.view(-1, *[1] * (x.ndim - 2)).expand_as(of_answer)
        if by_weight is not None and ctx.needs_input_grad[1]:
            of_x = back(of_answer, x, by_weight, None, *how, [True, False, False])[0]
        if by_x is not None and ctx.needs_input_grad[2]:
            of_weight = back(of_answer, by_x, weight, None, *how, [False, True, False])[1]
        return by_answer, of_x, of_weight, None, None
