"""Which channels of a network can change places: its permutation groups, found from its graph.

What a layer gives may come in any order as long as all that take it expect that order. Layers that
add to each other (skip connections) share one; what norms, activations and pooling give has the
order of what they take; concatenated channels keep the order of each part. The order of inputs
and outputs is fixed, and so is that of all that goes through an operation not known here.

Ainsworth, Hayase, Srinivasa 2023, "Git Re-Basin", has these groups written down for each network.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]
from torch.nn.modules.conv import _ConvNd  # pyright: ignore[reportPrivateUsage]

from isoloss.compute.machine.user_code import one_line
from isoloss.compute.networks.copying import copied
from isoloss.errors import IsolossError

Permutations = Mapping[int, Tensor]
"""By group the places from which channels are taken."""
_KEEPING = {
    F.relu, F.relu6, F.gelu, F.silu, F.elu, F.leaky_relu, F.hardswish, F.hardsigmoid, F.mish,
    F.softplus, F.dropout, F.dropout2d, F.avg_pool2d, F.max_pool2d, F.adaptive_avg_pool2d,
    F.adaptive_max_pool2d, torch.relu, torch.relu_, torch.sigmoid, torch.tanh, torch.abs,
    "relu", "relu_", "sigmoid", "tanh", "contiguous", "float", "clone", "abs", "clamp",
}  # fmt: skip
"""Functions and methods that do the same to every channel."""
_MODULES_KEEPING = (
    nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU, nn.ELU, nn.LeakyReLU, nn.Hardswish, nn.Hardsigmoid,
    nn.Mish, nn.Softplus, nn.Sigmoid, nn.Tanh, nn.Identity, nn.Dropout, nn.Dropout2d, nn.MaxPool2d,
    nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d,
)  # fmt: skip
_ASKING = {"size", "dim", "numel"}
"""Methods that give no channels."""
_JOINING = {torch.add, torch.mul, torch.sub, "add", "add_", "mul", "mul_", "sub"}
_JOINING_SIGNS = {"add", "iadd", "mul", "imul", "sub", "truediv"}
"""Of two operands, or of one and a number; of `operator`, by their names."""
_OF_IMAGES = ({2, 3}, {-1, -2}, {2, -1})
"""Dimensions over which a mean leaves channels what they are."""


@dataclass(frozen=True)
class Segment:
    """Channels that lie beside each other, `size` of a group, each `repeat` times in a row."""

    group: int
    size: int
    repeat: int = 1


Axis = tuple[Segment, ...]


@dataclass(frozen=True)
class Symmetries:
    """The permutation groups of a network.

    Attributes:
        sizes: by group the number of its channels, in the order of the data's way through.
        axes: {tensor of the network's state: (dimension, the channels along it), …}, of those along
            which a group lies.
    """

    sizes: Mapping[int, int]
    axes: Mapping[str, tuple[tuple[int, Axis], ...]]

    def applied(self, permutations: Permutations, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """`state` with its channels in other places."""
        return {
            name: permuted(tensor, self.axes.get(name, ()), permutations)
            for name, tensor in state.items()
        }


def permuted(
    tensor: Tensor, axes: Sequence[tuple[int, Axis]], permutations: Permutations
) -> Tensor:
    """A tensor with the channels along some of its dimensions in other places."""
    for dimension, axis in axes:
        tensor = tensor.index_select(dimension, _order(axis, permutations).to(tensor.device))
    return tensor


def _order(axis: Axis, permutations: Permutations) -> Tensor:
    first, parts = 0, list[Tensor]()
    for segment in axis:
        order = permutations.get(segment.group, torch.arange(segment.size))
        parts.append(
            (first + segment.repeat * order[:, None] + torch.arange(segment.repeat)).flatten()
        )
        first += segment.size * segment.repeat
    return torch.cat(parts)


def symmetries(model: nn.Module) -> Symmetries:
    """The permutation groups of a network.

    Raises:
        IsolossError: if its graph cannot be traced, or no channels can change places.
    """
    model = copied(model)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graph = fx.symbolic_trace(model).graph
    except Exception as error:  # tracing a user's network may raise anything
        raise IsolossError(
            f"the network cannot be aligned, for its graph cannot be traced ({one_line(error)}): "
            "leave --align away"
        ) from error
    found = _Walk(model).through(graph)
    if not found.sizes:
        raise IsolossError(
            "there is nothing to align: no channels of this network can change places without "
            "changing what it computes"
        )
    return found


class _Walk:
    """Follows the data through a graph, and binds weights to groups on the way."""

    def __init__(self, model: nn.Module) -> None:
        self._modules = dict(model.named_modules())
        self._names = {id(t): k for k, t in model.state_dict(keep_vars=True).items()}
        self._parents: list[int] = []
        self._sizes: list[int] = []
        self._fixed: set[int] = set()
        self._bound: dict[tuple[str, int], Axis] = {}

    def through(self, graph: fx.Graph) -> Symmetries:
        given: dict[fx.Node, Axis | None] = {}
        for node in graph.nodes:
            given[node] = self._of(node, given)
        live = {
            root: self._sizes[root]
            for root in dict.fromkeys(map(self._root, range(len(self._parents))))
            if root not in self._fixed and self._sizes[root] > 1
        }
        axes: dict[str, tuple[tuple[int, Axis], ...]] = {}
        for (name, dimension), axis in self._bound.items():
            named = tuple(Segment(self._root(s.group), s.size, s.repeat) for s in axis)
            if any(s.group in live for s in named):
                axes[name] = (*axes.get(name, ()), (dimension, named))
        used = {s.group for pairs in axes.values() for _, axis in pairs for s in axis}
        return Symmetries({k: n for k, n in live.items() if k in used}, axes)

    def _of(self, node: fx.Node, given: Mapping[fx.Node, Axis | None]) -> Axis | None:
        """The channels of what a node gives; None of what has none, or an order of its own."""
        taken = [given[n] for n in node.all_input_nodes if given[n] is not None]
        axes = [axis for axis in taken if axis is not None]
        if node.op == "call_module":
            return self._of_module(self._modules[str(node.target)], axes)
        if node.op in ("call_function", "call_method"):
            return self._of_function(node, axes, given)
        self._fix(axes)
        return None

    def _of_module(self, module: nn.Module, axes: list[Axis]) -> Axis | None:
        taken = axes[0] if len(axes) == 1 else None
        if isinstance(module, _MODULES_KEEPING):
            return taken
        if isinstance(module, nn.Flatten) and module.start_dim == 1 and module.end_dim == -1:
            return taken
        if isinstance(module, nn.Linear):
            return self._layer(module, taken, module.in_features, module.out_features)
        if isinstance(module, _ConvNd) and not module.transposed:
            if module.groups == 1:
                return self._layer(module, taken, module.in_channels, module.out_channels)
            if module.groups == module.in_channels == module.out_channels and taken is not None:
                return self._each(module, taken, module.out_channels)
        elif isinstance(module, _BatchNorm) and taken is not None:
            return self._each(module, taken, module.num_features)
        self._fix(axes)
        return None

    def _of_function(
        self, node: fx.Node, axes: list[Axis], given: Mapping[fx.Node, Axis | None]
    ) -> Axis | None:
        target: Any = node.target
        sign = getattr(target, "__name__", "")
        if target is getattr or target in _ASKING:
            return None
        if target in _KEEPING and len(axes) == 1:
            return axes[0]
        is_sign = getattr(target, "__module__", "") == "_operator" and sign in _JOINING_SIGNS
        if axes and (is_sign or target in _JOINING):
            operands = [a for a in node.args if isinstance(a, fx.Node)]
            if len(axes) == len(operands):
                return self._joined(axes)
        if target in (torch.flatten, "flatten") and len(axes) == 1:
            rest: Any = {"start_dim": 0, "end_dim": -1, **node.kwargs}
            rest |= dict(zip(("start_dim", "end_dim"), node.args[1:], strict=False))
            if rest["start_dim"] == 1 and rest["end_dim"] == -1:
                return axes[0]
        if target in ("view", "reshape") and len(axes) == 1 and _keeps_order(node.args):
            return axes[0]
        if target in (torch.mean, "mean", torch.sum, "sum") and len(axes) == 1:
            over: Any = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
            dims = {over} if isinstance(over, int) else set(over or ())
            if dims in _OF_IMAGES:
                return axes[0]
        if target in (torch.cat, torch.concat) and axes:
            args: Any = node.args
            dim, parts = node.kwargs.get("dim", args[1] if len(args) > 1 else 0), args[0]
            each = [given[p] for p in parts] if isinstance(parts, list | tuple) else [None]
            if dim == 1 and all(axis is not None for axis in each):
                return tuple(s for axis in each if axis is not None for s in axis)
        self._fix(axes)
        return None

    # -- groups -------------------------------------------------------------------------------

    def _layer(self, module: nn.Module, taken: Axis | None, inside: int, outside: int) -> Axis:
        if taken is not None:
            if (fitted := self._fitted(taken, inside)) is None:
                self._fix([taken])
            else:
                self._bind(module, "weight", 1, fitted)
        return self._each(module, (Segment(self._new(outside), outside),), outside)

    def _each(self, module: nn.Module, axis: Axis, size: int) -> Axis:
        """Bind all that a layer has one of for each channel."""
        if (fitted := self._fitted(axis, size)) is None:
            self._fix([axis])
            return (Segment(self._new(size, fixed=True), size),)
        for name in ("weight", "bias", "running_mean", "running_var"):
            self._bind(module, name, 0, fitted)
        return fitted

    def _fitted(self, axis: Axis, size: int) -> Axis | None:
        """`axis` of so many entries: flattened, each channel is several."""
        held = sum(s.size * s.repeat for s in axis)
        if size % held:
            return None
        factor = size // held
        if factor > 1 and len(axis) > 1 and len({s.repeat for s in axis}) > 1:
            return None
        return tuple(Segment(s.group, s.size, s.repeat * factor) for s in axis)

    def _bind(self, module: nn.Module, attribute: str, dimension: int, axis: Axis) -> None:
        tensor = getattr(module, attribute, None)
        name = self._names.get(id(tensor))
        if name is None:
            if isinstance(tensor, Tensor):  # computed of something else, as parametrizations are
                self._fix([axis])
            return
        known = self._bound.setdefault((name, dimension), axis)
        if known is not axis:
            self._joined([known, axis])

    def _joined(self, axes: Sequence[Axis]) -> Axis | None:
        """The channels of what is added, or multiplied, entry by entry."""
        # A gate of one channel is for all of them.
        wide = [axis for axis in axes if sum(s.size * s.repeat for s in axis) > 1]
        if not wide:
            return axes[0]
        shapes = {tuple((s.size, s.repeat) for s in axis) for axis in wide}
        if len(shapes) > 1:
            self._fix(wide)
            return None
        for other in wide[1:]:
            for mine, its in zip(wide[0], other, strict=True):
                self._unite(mine.group, its.group)
        return wide[0]

    def _new(self, size: int, *, fixed: bool = False) -> int:
        group = len(self._parents)
        self._parents.append(group)
        self._sizes.append(size)
        if fixed:
            self._fixed.add(group)
        return group

    def _root(self, group: int) -> int:
        while self._parents[group] != group:
            group = self._parents[group]
        return group

    def _unite(self, one: int, other: int) -> None:
        first, second = sorted((self._root(one), self._root(other)))
        self._parents[second] = first
        if second in self._fixed:
            self._fixed.add(first)

    def _fix(self, axes: Sequence[Axis]) -> None:
        self._fixed |= {self._root(s.group) for axis in axes for s in axis}


def _keeps_order(args: Sequence[Any]) -> bool:
    """Whether these are (x, number of samples, −1), or (x, …, …, 1, 1) of a gate."""
    shape: Any = args[1] if len(args) == 2 and isinstance(args[1], list | tuple) else args[1:]
    if len(shape) == 2:
        return shape[1] == -1 and isinstance(shape[0], fx.Node)
    return len(shape) == 4 and tuple(shape[2:]) == (1, 1)
