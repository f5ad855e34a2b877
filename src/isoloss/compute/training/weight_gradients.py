"""Gradients of convolutions' weights, by threads that do not wait for one another on the way.

Where oneDNN's threads share the output channels in bf16, they meet at each image and turn round and
round until the last has come (`simple_barrier`): on a busy machine for as long as another program
has its processor, image by image. Each thread can do its channels alone, and what comes out is the
same bit for bit: no sum is another. Only of a convolution that is called several times in a
pass autocast adds the gradients up in bf16, and here they are added up in single precision.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

_FEW_CHANNELS, _FEW_PLACES = 4, 16
"""By either of these, of what comes in and of what goes out, threads share output channels; and
where a kernel leaves places out."""
_BLOCK = 16
"""Output channels that belong together."""


class _How(NamedTuple):
    """Of a convolution."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]


@contextmanager
def weights_apart(model: nn.Module, device: torch.device) -> Generator[None]:
    """Inside, convolutions of `model` do so that gain from it on a CPU, in bf16."""
    changed = []
    if device.type == "cpu" and torch.get_num_threads() > 1:
        changed = [m for m in model.modules() if type(m) is nn.Conv2d and _is_usual(m)]
    for conv in changed:
        how = _How(conv.stride, conv.padding, conv.dilation)  # pyright: ignore[reportArgumentType]
        vars(conv)["_conv_forward"] = partial(_forward, how)
    try:
        yield
    finally:
        for conv in changed:
            del vars(conv)["_conv_forward"]


def _is_usual(conv: nn.Conv2d) -> bool:
    plain = conv.padding_mode == "zeros" and not isinstance(conv.padding, str)
    return plain and conv.groups == 1 and "_conv_forward" not in vars(conv)


def _forward(how: _How, images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if _is_in_bf16(images, weight) and _can_be_apart(how, _key(images), _key(weight)):
        half = (None if given is None else given.bfloat16() for given in (images, weight, bias))
        return _Apart.apply(*half, how)  # pyright: ignore[reportReturnType]
    return torch.conv2d(images, weight, bias, *how)


def _is_in_bf16(images: Tensor, weight: Tensor) -> bool:
    """Whether autocast is about to take a batch so, for a gradient of the weight."""
    if not (torch.is_grad_enabled() and weight.requires_grad and images.ndim == weight.ndim):
        return False
    cast = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    return cast and {images.dtype, weight.dtype} <= {torch.float32, torch.bfloat16}


def _key(tensor: Tensor) -> tuple[tuple[int, ...], bool]:
    return tuple(tensor.shape), tensor.is_contiguous(memory_format=torch.channels_last)


class _Apart(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None, how: _How) -> Tensor:
        ctx.save_for_backward(images, weight)
        ctx.how, ctx.biased = how, bias is not None
        return torch.conv2d(images, weight, bias, *how)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        images, weight = ctx.saved_tensors
        (slope,) = slopes
        of_images = None
        if ctx.needs_input_grad[0]:
            of_images = _gradients(slope, images, weight, ctx.how, (True, False, False))[0]
        of_weight, of_bias = _by_channels(slope, images, weight, ctx.how)
        return of_images, of_weight, of_bias if ctx.biased else None, None


def _gradients(
    slope: Tensor, images: Tensor, weight: Tensor, how: _How, of: tuple[bool, bool, bool]
) -> tuple[Tensor, ...]:
    return torch.ops.aten.convolution_backward(
        slope, images, weight, [len(weight)], *how, False, [0, 0], 1, of
    )


def _by_channels(slope: Tensor, images: Tensor, weight: Tensor, how: _How) -> tuple[Tensor, ...]:
    """The gradients of weight and bias, of some output channels by each thread."""
    threads = torch.get_num_threads()
    some = -(-len(weight) // (threads * _BLOCK)) * _BLOCK

    with_graph = torch.is_grad_enabled()  # of which other threads know nothing

    def of(slope: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
        with torch.set_grad_enabled(with_graph):
            return _gradients(slope, images, weight, how, (False, True, True))[1:]

    pieces = _workers(threads).map(of, slope.split(some, 1), weight.detach().split(some))
    return tuple(map(torch.cat, zip(*pieces, strict=True)))


@cache
def _can_be_apart(how: _How, images: Any, weight: Any) -> bool:
    """Whether threads share output channels, and nothing but these: then every sum is the same.

    What is summed here is 0, so that of any other order the rounding shows.
    """
    shape, channels = images[0], weight[0][0]
    places = torch.conv2d(
        torch.empty(1, *shape[1:], device="meta"), torch.empty(weight[0], device="meta"), None, *how
    ).shape[2:]
    shared = shape[1] <= _FEW_CHANNELS or places.numel() <= _FEW_PLACES
    shared |= max(how.stride) > 1 and max(weight[0][2:]) > 1
    if not shared or channels < 2 * _BLOCK or shape[0] < 2:
        return False
    generator = torch.Generator().manual_seed(0)

    def drawn(kind: tuple[tuple[int, ...], bool], *of: int) -> Tensor:
        layout = torch.channels_last if kind[1] else torch.contiguous_format
        made = torch.randn(of, generator=generator).bfloat16()
        return made.contiguous(memory_format=layout)

    half, odd = divmod(shape[0], 2)
    with torch.no_grad():
        some = drawn(images, half, *shape[1:])
        slope = drawn(images, half, channels, *places)
        both = torch.cat([some, some, some[:odd]])
        opposed = torch.cat([slope, -slope, 0 * slope[:odd]])
        of = drawn(weight, *weight[0])
        together = _gradients(opposed, both, of, how, (False, True, True))[1:]
        return all(map(torch.equal, together, _by_channels(opposed, both, of, how)))


@cache
def _workers(threads: int) -> ThreadPoolExecutor:
    """So many, each with one thread of OpenMP."""
    all_there = threading.Barrier(threads + 1)

    def begin() -> None:
        torch.get_num_threads()  # PyTorch's own number comes with the first question
        torch.set_num_threads(1)
        all_there.wait()

    pool = ThreadPoolExecutor(threads, "weights", initializer=begin)
    for _ in range(threads):
        pool.submit(int)
    all_there.wait()
    torch.set_num_threads(threads)  # what the last of them has set is meant for new ones too
    return pool
