"""A convolution whose weights stay: laid out for the processor once, and done in one pass with the
addition and the rectification that follow it. Only what it is given can be differentiated.

It calls the operators of oneDNN that PyTorch's own compiler calls (`torch.ops.mkldnn`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

LAST = torch.channels_last
FEW_CHANNELS = 4
"""Of so many at most a strided convolution's gradient is worked out phase by phase: one after the
other they fill too few lanes of a vector."""
FEW_PLACES = 16
"""In maps of so many at most a kernel of one place is a matrix: a convolution takes image by image,
and one image's places are too few for its loops."""
_ops: Any = torch.ops.mkldnn  # pyright: ignore[reportUnknownMemberType]


class FrozenConvolution(nn.Module):
    """`convolution` of maps; with `rectifies` max(convolution(maps) + added, 0).

    Args:
        convolution: of any stride and dilation, padded with zeros, on the CPU.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.convolution, self.rectifies = convolution, False
        self._laid_out: dict[tuple[torch.dtype, int, int], _LaidOut] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_laid_out": {}}  # in a form that cannot be copied

    def forward(self, maps: Tensor, added: Tensor | None = None) -> Tensor:
        """(N, C, H, W) maps to (N, K, H', W'); `added` is of that shape, or fits it."""
        dtype = self.convolution.weight.dtype
        key = (dtype, maps.shape[2], maps.shape[3])
        if key not in self._laid_out:
            self._laid_out[key] = _LaidOut(self.convolution, maps.shape)
        laid_out = self._laid_out[key]
        maps = maps.to(dtype).contiguous(memory_format=LAST)
        if added is None:
            return _Convolved.apply(maps, None, laid_out, self.rectifies)
        if added.dtype == dtype and added.shape == (len(maps), *laid_out.shape_of_one):
            added = added.contiguous(memory_format=LAST)
            return _Convolved.apply(maps, added, laid_out, self.rectifies)
        answer = _Convolved.apply(maps, None, laid_out, False) + added
        return F.relu(answer) if self.rectifies else answer


class _LaidOut:
    """The weights of a convolution as oneDNN takes them, forwards and for the gradient.

    The gradient of a convolution with stride 1 is a convolution with its kernel turned round. One
    with a kernel of one place and a stride sees every so-manieth place and is else the same.

    Attributes:
        shape_of_one: (K, H', W') of the answer to one image.
    """

    def __init__(self, convolution: nn.Conv2d, shape: torch.Size) -> None:
        weight = convolution.weight.detach()
        bias = None if convolution.bias is None else convolution.bias.detach().to(weight.dtype)
        kernel, dilation = list(convolution.kernel_size), list(convolution.dilation)
        stride, padding, groups = (
            list(convolution.stride),
            _padding(convolution),
            convolution.groups,
        )
        sizes = [
            (size + 2 * p - d * (k - 1) - 1) // s + 1
            for size, p, d, k, s in zip(shape[2:], padding, dilation, kernel, stride, strict=True)
        ]
        self.shape_of_one = (len(weight), *sizes)
        self.skipped: list[int] | None = None
        if kernel == [1, 1] and padding == [0, 0] and stride != [1, 1]:
            self.skipped, stride = stride, [1, 1]
        self.weight = weight
        self.how: tuple[Any, ...] = (padding, stride, dilation, groups)
        seen = sizes if self.skipped else list(shape[2:])
        self.forwards = _laid_out(weight, bias, [shape[0], *seen], *self.how)
        self.backwards: Callable[[Tensor], Tensor] | None = None
        simple = groups == 1 and dilation == [1, 1]
        turned_padding = [k - 1 - p for k, p in zip(kernel, padding, strict=True)]
        if simple and stride == [1, 1] and min(turned_padding) >= 0:
            turned = weight.flip(2, 3).transpose(0, 1).contiguous(memory_format=LAST)
            how = (turned_padding, [1, 1], [1, 1], 1)
            self.backwards = _laid_out(turned, None, [shape[0], *sizes], *how)
        elif simple and weight.shape[1] <= FEW_CHANNELS and _is_square(convolution, shape, sizes):
            self.backwards = _Phases(weight, stride[0], padding[0])

    def answer(self, maps: Tensor, added: Tensor | None, rectifies: bool) -> Tensor:
        """To `maps`."""
        if self.skipped is not None:
            down, right = self.skipped
            maps = maps[:, :, ::down, ::right].contiguous(memory_format=LAST)
        return self.forwards(maps, added, rectifies)

    def gradient(self, of_answer: Tensor, shape: torch.Size) -> Tensor:
        """Of the maps, which were of `shape`, from that of the answer."""
        of_answer = of_answer.contiguous(memory_format=LAST)
        if self.backwards is None:
            padding, stride, dilation, groups = self.how
            (of_maps, *_) = torch.ops.aten.convolution_backward(
                of_answer, of_answer.new_empty(1).expand(shape), self.weight, None, stride, padding,
                dilation, False, [0, 0], groups, [True, False, False],
            )  # fmt: skip
            return of_maps
        of_seen = self.backwards(of_answer)
        if self.skipped is None:
            return of_seen
        down, right = self.skipped
        of_maps = torch.zeros(shape, dtype=of_seen.dtype).contiguous(memory_format=LAST)
        of_maps[:, :, ::down, ::right] = of_seen
        return of_maps


def _laid_out(weight: Tensor, bias: Tensor | None, seen: list[int], *how: Any) -> _Kernel | _Matrix:
    """What suits maps of (N, H, W) places.

    Args:
        how: padding, stride, dilation, groups.
    """
    images, height, width = seen
    is_matrix = weight.shape[2:] == (1, 1) and how == ([0, 0], [1, 1], [1, 1], 1)
    if is_matrix and height * width <= FEW_PLACES:
        return _Matrix(weight, bias)
    return _Kernel(weight, bias, [images, weight.shape[1] * how[3], height, width], *how)


class _Kernel:
    def __init__(self, weight: Tensor, bias: Tensor | None, shape: list[int], *how: Any) -> None:
        self.weight, self.bias, self.how = (
            _ops._reorder_convolution_weight(weight, *how, shape), bias, how,
        )  # fmt: skip

    def __call__(
        self, maps: Tensor, added: Tensor | None = None, rectifies: bool = False
    ) -> Tensor:
        rectifier = "relu" if rectifies else None
        if added is None:
            return _ops._convolution_pointwise(
                maps, self.weight, self.bias, *self.how, rectifier or "none", [], ""
            )
        return _ops._convolution_pointwise.binary(
            maps, added, self.weight, self.bias, *self.how, "add", 1.0, rectifier, [], ""
        )


class _Matrix:
    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        matrix = weight.flatten(1).contiguous()
        self.weight, self.bias = _ops._reorder_linear_weight(matrix), bias
        self.answers = len(weight)

    def __call__(
        self, maps: Tensor, added: Tensor | None = None, rectifies: bool = False
    ) -> Tensor:
        n, channels, height, width = maps.shape
        lines = maps.permute(0, 2, 3, 1).reshape(-1, channels)
        if added is None:
            rectifier = "relu" if rectifies else "none"
            answer = _ops._linear_pointwise(lines, self.weight, self.bias, rectifier, [], "")
        else:
            terms = added.permute(0, 2, 3, 1).reshape(-1, self.answers)
            answer = _ops._linear_pointwise.binary(lines, terms, self.weight, self.bias, "add")
            if rectifies:
                answer.relu_()
        shaped = answer.view(n, height, width, self.answers).permute(0, 3, 1, 2)
        # No view: what a function of autograd returns may then be written over.
        return answer.new_empty(0).set_(
            answer.untyped_storage(), answer.storage_offset(), shaped.shape, shaped.stride()
        )


class _Phases:
    """The gradient of a convolution with a stride s, for each of the s × s places that one of the
    answer's stands for: one convolution with s² times as many channels, whose places are then put
    beside each other.

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

    def __call__(self, of_answer: Tensor) -> Tensor:
        """(N, C, s·H', s·W')."""
        around = (self.before, self.after, self.before, self.after)
        of_phases = F.conv2d(F.pad(of_answer, around).contiguous(memory_format=LAST), self.weight)
        return F.pixel_shuffle(of_phases, self.stride).contiguous(memory_format=LAST)


def _is_square(convolution: nn.Conv2d, shape: torch.Size, sizes: list[int]) -> bool:
    """Whether both directions are alike, every place of the maps is seen, and each of the answer
    stands for as many."""
    kernel, stride, padding = convolution.kernel_size, convolution.stride, _padding(convolution)
    alike = len(set(kernel)) == len(set(stride)) == len(set(padding)) == 1
    covered = all(size == stride[0] * n for size, n in zip(shape[2:], sizes, strict=True))
    return alike and covered and kernel[0] >= stride[0] > 1


def _padding(convolution: nn.Conv2d) -> list[int]:
    """In numbers, where it can be: "same" pads as much on both sides for odd kernels only."""
    if convolution.padding == "valid":
        return [0, 0]
    if convolution.padding == "same":
        return [spread // 2 for spread in _spreads(convolution)]
    return [int(p) for p in convolution.padding]


def _spreads(convolution: nn.Conv2d) -> list[int]:
    """How many places its kernel reaches beyond one, in each direction."""
    return [d * (k - 1) for d, k in zip(convolution.dilation, convolution.kernel_size, strict=True)]


def freeze_convolutions(network: nn.Module) -> dict[str, FrozenConvolution]:
    """Replace, in place, those that can be; {name: what stands there now}."""
    frozen: dict[nn.Module, FrozenConvolution] = {}
    names: dict[str, FrozenConvolution] = {}
    for name, module in list(network.named_modules(remove_duplicate=False)):
        if name and isinstance(module, nn.Conv2d) and can_be_frozen(module):
            names[name] = frozen.setdefault(module, FrozenConvolution(module))
            parent, _, last = name.rpartition(".")
            setattr(network.get_submodule(parent), last, names[name])
    return names


def can_be_frozen(convolution: nn.Conv2d) -> bool:
    """Whether a convolution is one that `FrozenConvolution` computes."""
    if type(convolution) is not nn.Conv2d or convolution.padding_mode != "zeros":
        return False
    hooks: Any = (convolution._forward_hooks, convolution._forward_pre_hooks)
    uneven = convolution.padding == "same" and any(s % 2 for s in _spreads(convolution))
    on_cpu = convolution.weight.device.type == "cpu"
    return on_cpu and not any(hooks) and not uneven


class _Convolved(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, added: Tensor | None, laid_out: _LaidOut, rectifies: bool
    ) -> Tensor:
        answer = laid_out.answer(maps, added, rectifies)
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
