"""A convolution whose weights stay: laid out for the processor once, and done in one pass with the
addition and the rectification that follow it. Only what it is given can be differentiated.

It calls the operators of oneDNN that PyTorch's own compiler calls (`torch.ops.mkldnn`).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

LAST = torch.channels_last
FEW_CHANNELS = 4
"""Of so many at most a strided convolution's gradient is worked out phase by phase: one after the
other they fill too few lanes of a vector."""
_ops: Any = torch.ops.mkldnn  # pyright: ignore[reportUnknownMemberType]


class FrozenConvolution(nn.Module):
    """`convolution` of maps; with `rectifies` max(convolution(maps) + added, 0).

    Args:
        convolution: of any stride and dilation, padded with zeros, on the CPU.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution, self.rectifies = convolution, False
        self._laid_out: _LaidOut | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_laid_out": None}  # in a form that cannot be copied

    def forward(self, maps: Tensor, added: Tensor | None = None) -> Tensor:
        """(N, C, H, W) maps to (N, K, H', W'); `added` is of that shape, or fits it."""
        dtype = self.convolution.weight.dtype
        if self._laid_out is None or self._laid_out.dtype != dtype:
            self._laid_out = _LaidOut(self.convolution, maps.shape)
        laid_out = self._laid_out
        maps = maps.to(dtype).contiguous(memory_format=LAST)
        if added is None:
            return _Convolved.apply(maps, None, laid_out, self.rectifies)
        if added.dtype == dtype and tuple(added.shape) == laid_out.shape_of_answer(maps):
            added = added.contiguous(memory_format=LAST)
            return _Convolved.apply(maps, added, laid_out, self.rectifies)
        answer = _Convolved.apply(maps, None, laid_out, False) + added
        return F.relu(answer) if self.rectifies else answer


class _LaidOut:
    """The weights of a convolution as oneDNN takes them, forwards and for the gradient.

    The gradient of a convolution with stride 1 is a convolution with its kernel turned round. One
    with a kernel of one place and a stride sees every so-manieth place and is else the same. That
    with a larger kernel and stride s has a gradient of s² phases: one convolution with s² times as
    many channels, whose places are then put beside each other.
    """

    def __init__(self, convolution: nn.Conv2d, shape: torch.Size) -> None:
        weight = convolution.weight.detach()
        self.weight, self.dtype = weight, weight.dtype
        self.bias = None if convolution.bias is None else convolution.bias.detach().to(self.dtype)
        self.kernel, self.stride, self.dilation = (
            list(convolution.kernel_size), list(convolution.stride), list(convolution.dilation),
        )  # fmt: skip
        self.padding, self.groups = _padding(convolution), convolution.groups
        self.skipped = self.stride if self.kernel == [1, 1] and self.padding == [0, 0] else [1, 1]
        if self.skipped != [1, 1]:
            self.stride = [1, 1]
        self.forward_weight = self._for(weight, self.padding, self.stride, list(shape))
        self.turned_weight: Tensor | None = None
        self.phases: _Phases | None = None
        simple = self.groups == 1 and self.dilation == [1, 1]
        turned_padding = [k - 1 - p for k, p in zip(self.kernel, self.padding, strict=True)]
        if simple and self.stride == [1, 1] and min(turned_padding) >= 0:
            self.turned_padding = turned_padding
            turned = weight.flip(2, 3).transpose(0, 1).contiguous(memory_format=LAST)
            answer = [shape[0], len(weight), *shape[2:]]
            self.turned_weight = self._for(turned, turned_padding, [1, 1], answer)
        elif simple and weight.shape[1] <= FEW_CHANNELS and self._is_square():
            self.phases = _Phases(weight, self.stride[0], self.padding[0])

    def _for(self, weight: Tensor, padding: Any, stride: Any, shape: list[int]) -> Tensor:
        return _ops._reorder_convolution_weight(
            weight, padding, stride, self.dilation, self.groups, shape
        )

    def _is_square(self) -> bool:
        pairs = (self.kernel, self.stride, self.padding)
        return all(a == b for a, b in pairs) and self.kernel[0] >= self.stride[0] > 1

    def seen(self, maps: Tensor) -> Tensor:
        """The places of `maps` that are looked at."""
        if self.skipped == [1, 1]:
            return maps
        down, right = self.skipped
        return maps[:, :, ::down, ::right].contiguous(memory_format=LAST)

    def shape_of_answer(self, maps: Tensor) -> tuple[int, ...]:
        """(N, K, H', W')."""
        sizes = (
            (size + 2 * padding - dilation * (kernel - 1) - 1) // (stride * skipped) + 1
            for size, padding, dilation, kernel, stride, skipped in zip(
                maps.shape[2:], self.padding, self.dilation, self.kernel, self.stride,
                self.skipped, strict=True,
            )
        )  # fmt: skip
        return (len(maps), len(self.weight), *sizes)

    def convolved(self, maps: Tensor, added: Tensor | None, rectifies: bool) -> Tensor:
        """The answer to `maps`."""
        how = (self.padding, self.stride, self.dilation, self.groups)
        seen, weight, rectifier = (
            self.seen(maps),
            self.forward_weight,
            "relu" if rectifies else None,
        )
        if added is None:
            return _ops._convolution_pointwise(
                seen, weight, self.bias, *how, rectifier or "none", [], ""
            )
        return _ops._convolution_pointwise.binary(
            seen, added, weight, self.bias, *how, "add", 1.0, rectifier, [], ""
        )

    def gradient(self, of_answer: Tensor, shape: torch.Size) -> Tensor:
        """Of the maps, which were of `shape`, from that of the answer."""
        of_answer = of_answer.contiguous(memory_format=LAST)
        if self.turned_weight is not None:
            of_seen = _ops._convolution_pointwise(
                of_answer, self.turned_weight, None, self.turned_padding, [1, 1], [1, 1], 1,
                "none", [], "",
            )  # fmt: skip
            return self._put_back(of_seen, shape)
        if self.phases is not None and self.phases.suit(of_answer, shape):
            return self.phases.gradient(of_answer)
        like = of_answer.new_empty(1).expand(shape)
        (of_maps, *_) = torch.ops.aten.convolution_backward(
            of_answer, like, self.weight, None, self.stride, self.padding, self.dilation, False,
            [0, 0], self.groups, [True, False, False],
        )  # fmt: skip
        return of_maps

    def _put_back(self, of_seen: Tensor, shape: torch.Size) -> Tensor:
        """The gradient of all places, 0 of those that were not looked at."""
        if self.skipped == [1, 1]:
            return of_seen
        down, right = self.skipped
        of_maps = torch.zeros(shape, dtype=of_seen.dtype).contiguous(memory_format=LAST)
        of_maps[:, :, ::down, ::right] = of_seen
        return of_maps


class _Phases:
    """The gradient of a convolution with a stride s as that of each of the s × s places that an
    answer's place stands for.

    The gradient at place s·i + a sums weights at s·t + a + padding over answers at i − t.
    """

    def __init__(self, weight: Tensor, stride: int, padding: int) -> None:
        answers, channels, kernel, _ = weight.shape
        self.stride = stride
        shifts = [
            t for t in range(-kernel, kernel + 1)
            if any(0 <= stride * t + a + padding < kernel for a in range(stride))
        ]  # fmt: skip
        self.before, self.after = max(shifts), -min(shifts)
        size = self.before + self.after + 1
        phases = weight.new_zeros(channels, stride, stride, answers, size, size)
        places = [
            (a, self.before - t, stride * t + a + padding)
            for t in shifts
            for a in range(stride)
            if 0 <= stride * t + a + padding < kernel
        ]
        for down, row, y in places:
            for right, column, x in places:
                phases[:, down, right, :, row, column] = weight[:, :, y, x].T
        self.weight = phases.flatten(0, 2).contiguous(memory_format=LAST)

    def suit(self, of_answer: Tensor, shape: torch.Size) -> bool:
        """Whether every place of the maps stands behind one of the answer's."""
        return all(
            s == self.stride * n for s, n in zip(shape[2:], of_answer.shape[2:], strict=True)
        )

    def gradient(self, of_answer: Tensor) -> Tensor:
        """(N, C, s·H', s·W')."""
        around = (self.before, self.after, self.before, self.after)
        of_phases = F.conv2d(F.pad(of_answer, around).contiguous(memory_format=LAST), self.weight)
        return F.pixel_shuffle(of_phases, self.stride).contiguous(memory_format=LAST)


def _padding(convolution: nn.Conv2d) -> list[int]:
    """In numbers, where it can be: "same" pads as much on both sides for odd kernels only."""
    if convolution.padding == "valid":
        return [0, 0]
    if convolution.padding == "same":
        spread = [
            d * (k - 1) for d, k in zip(convolution.dilation, convolution.kernel_size, strict=True)
        ]
        return [s // 2 for s in spread]
    return [int(p) for p in convolution.padding]


def can_be_frozen(convolution: nn.Conv2d) -> bool:
    """Whether a convolution is one that `FrozenConvolution` computes."""
    if type(convolution) is not nn.Conv2d or convolution.padding_mode != "zeros":
        return False
    hooks: Any = (convolution._forward_hooks, convolution._forward_pre_hooks)
    spread = [
        d * (k - 1) for d, k in zip(convolution.dilation, convolution.kernel_size, strict=True)
    ]
    uneven = convolution.padding == "same" and any(s % 2 for s in spread)
    on_cpu = convolution.weight.device.type == "cpu"
    return on_cpu and not any(hooks) and not uneven


class _Convolved(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, added: Tensor | None, laid_out: _LaidOut, rectifies: bool
    ) -> Tensor:
        answer = laid_out.convolved(maps, added, rectifies)
        ctx.laid_out, ctx.shape, ctx.adds = laid_out, maps.shape, added is not None
        if rectifies:
            ctx.save_for_backward(answer)
        return answer

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_answer: Tensor) -> Any:
        if ctx.saved_tensors:
            of_answer = torch.ops.aten.threshold_backward(of_answer, ctx.saved_tensors[0], 0)
        of_maps = ctx.laid_out.gradient(of_answer, ctx.shape) if ctx.needs_input_grad[0] else None
        return of_maps, of_answer if ctx.adds else None, None, None
