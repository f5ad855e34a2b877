"""The same network with fewer operations: what convolutions and poolings waste on small images."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import torch
from torch import Tensor, fx, nn

# Weights of a matrix that replaces a convolution; a larger one is slow to read.
MOST_WEIGHTS = 1 << 24


class SmallMap(nn.Module):
    """A convolution over a map so small that most of its products are with padding.

    As a matrix from the whole map to the whole map it needs fewer: of a 3 × 3 kernel on 2 × 2
    places 16 of 36. Maps of another size go through the convolution.

    Args:
        size: (channels, height, width) of the map.
    """

    def __init__(self, convolution: nn.Conv2d, size: tuple[int, ...]) -> None:
        super().__init__()
        self.convolution, self.size = convolution, size
        channels, height, width = size
        inputs = channels * height * width
        with torch.no_grad():
            weight, bias = convolution.weight, convolution.bias
            one_by_one = torch.eye(inputs, dtype=weight.dtype, device=weight.device)
            # Channels last: the order in which a map of that layout lies in memory.
            maps = one_by_one.view(inputs, height, width, channels).permute(0, 3, 1, 2)
            linear = copy.deepcopy(convolution)
            linear.bias = None
            answers = linear(maps)
            self.shape = tuple(answers.shape[1:])
            matrix = answers.permute(0, 2, 3, 1).reshape(inputs, -1).T.contiguous()
            self.product = nn.Linear(inputs, len(matrix), bias is not None, device="meta")
            self.product.weight = nn.Parameter(matrix, requires_grad=False)
            if bias is not None:
                places = self.shape[1] * self.shape[2]
                self.product.bias = nn.Parameter(bias.repeat(places), requires_grad=False)

    def forward(self, maps: Tensor) -> Tensor:
        """What the convolution makes of (N, C, H, W) maps."""
        if tuple(maps.shape[1:]) != self.size:
            return self.convolution(maps)
        channels, height, width = self.shape
        lines = maps.permute(0, 2, 3, 1).reshape(len(maps), -1)
        return self.product(lines).view(-1, height, width, channels).permute(0, 3, 1, 2)


@torch.no_grad()
def with_small_maps(network: nn.Module, few: Tensor) -> nn.Module:
    """`network`, changed in place where a convolution sees a map that is smaller than its kernel.

    Args:
        few: (n, C, H, W) images it is run on, to see the sizes of maps.
    """
    sizes: dict[str, set[tuple[int, ...]]] = {}
    handles: list[Any] = []

    def watch(name: str, convolution: nn.Conv2d) -> None:
        seen = sizes.setdefault(name, set())
        handles.append(
            convolution.register_forward_pre_hook(
                lambda _, given: seen.add(tuple(given[0].shape[1:]))
            )
        )

    for name, module in network.named_modules():
        if type(module) is nn.Conv2d and name:
            watch(name, module)
    try:
        network(few)
    finally:
        for handle in handles:
            handle.remove()
    for name, seen in sizes.items():
        convolution = network.get_submodule(name)
        assert isinstance(convolution, nn.Conv2d)
        if len(seen) == 1 and _wastes(convolution, next(iter(seen))):
            parent, _, last = name.rpartition(".")
            setattr(network.get_submodule(parent), last, SmallMap(convolution, next(iter(seen))))
    return network


def _wastes(convolution: nn.Conv2d, size: tuple[int, ...]) -> bool:
    """Whether a matrix needs fewer products than the kernel takes at each place."""
    if convolution.padding_mode != "zeros" or convolution.groups > 1 or len(size) != 3:
        return False
    height, width = convolution.kernel_size
    inputs, outputs = size[0] * size[1] * size[2], convolution.out_channels * size[1] * size[2]
    return size[1] * size[2] < height * width and inputs * outputs <= MOST_WEIGHTS


def pooling_first(network: nn.Module) -> nn.Module:
    """max(relu(x)) as relu(max(x)): the same values and gradients, with fewer places to rectify.

    Where the graph cannot be traced, the network as it is.
    """
    kinds = {type(m) for m in network.modules()}
    traced = traced_graph(network) if {nn.ReLU, nn.MaxPool2d} <= kinds else None
    if traced is None:
        return network
    modules = dict(traced.named_modules())
    swapped = False
    for pool in list(traced.graph.nodes):
        relu = pool.args[0] if pool.op == "call_module" and len(pool.args) == 1 else None
        if not isinstance(relu, fx.Node) or relu.op != "call_module" or len(relu.users) > 1:
            continue
        first, second = modules.get(str(relu.target)), modules.get(str(pool.target))
        if type(first) is not nn.ReLU or type(second) is not nn.MaxPool2d or second.return_indices:
            continue
        before = relu.args[0]
        pool.replace_all_uses_with(relu)
        pool.args, relu.args = (before,), (pool,)
        pool.append(relu)
        swapped = True
    if not swapped:
        return network
    traced.graph.lint()
    traced.recompile()
    return traced


def traced_graph(network: nn.Module) -> fx.GraphModule | None:
    """The graph of a network; None where there is none, as where it depends on the data."""
    if isinstance(network, fx.GraphModule):
        return network
    tracer = _Tracer()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return fx.GraphModule(network, tracer.trace(network))
    except Exception:  # tracing a user's network may raise anything
        return None


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, SmallMap) or super().is_leaf_module(m, module_qualified_name)
