"""Batch norm folded into the layers before it, once for a whole plane.

In eval mode a batch norm is an affine map, y = s·(x − μ) + b with s = γ/√(σ² + ε), and so is the
convolution or linear layer before it. As long as γ, μ and σ² stay the origin's all over the plane,
s is constant, the folded weights s·W are linear in α and β as W itself is, and folding the origin
and the two directions folds every point of the plane.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm  # pyright: ignore[reportPrivateUsage]

from isoloss.compute.networks.checkpoints import only_tensors
from isoloss.compute.networks.copying import copied

Tensors = Mapping[str, Tensor]
TOLERANCE = 1e-3
"""So far may rounding take what a changed network gives; a wrong graph takes it further."""
_FOLDS_INTO = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


@dataclass(frozen=True)
class _Pair:
    """The names of a layer and of the batch norm that follows it."""

    layer: str
    norm: str
    eps: float


@dataclass(frozen=True)
class Folded:
    """A network without the batch norms that could be folded away.

    Attributes:
        network: computes what the original does; for another state of the original give it what
            `state` returns.
    """

    network: nn.Module
    pairs: tuple[_Pair, ...]

    def state(self, state: Tensors) -> dict[str, Tensor]:
        """What the parameters and buffers of the original become, on the CPU."""
        state = _on_cpu(state)
        folded = dict(state)
        for pair in self.pairs:
            scale = _scale(state, pair)
            norm_bias = state.get(f"{pair.norm}.bias", torch.zeros_like(scale))
            mean = state[f"{pair.norm}.running_mean"].double()
            bias = state.get(f"{pair.layer}.bias", torch.zeros_like(scale)).double()
            _put(folded, pair, scale, (bias - mean) * scale + norm_bias.double())
        return folded

    def tensors(self, state: Tensors) -> dict[str, Tensor]:
        """What `state` gives, computed where the tensors are and in their own precision, so that it
        can be differentiated by them."""
        folded = dict(state)
        for pair in self.pairs:
            layer, norm = pair.layer, pair.norm
            scale = torch.rsqrt(state[f"{norm}.running_var"] + pair.eps)
            if f"{norm}.weight" in state:
                scale = state[f"{norm}.weight"] * scale
            weight = state[f"{layer}.weight"]
            folded[f"{layer}.weight"] = weight * scale.view(-1, *[1] * (weight.ndim - 1))
            shift = state.get(f"{layer}.bias", 0) - state[f"{norm}.running_mean"]
            folded[f"{layer}.bias"] = shift * scale + state.get(f"{norm}.bias", 0)
            for name in [n for n in folded if n.startswith(f"{norm}.")]:
                del folded[name]
        return folded

    def direction(self, direction: Tensors, origin: Tensors) -> dict[str, Tensor]:
        """What a direction through the original becomes at its `origin`, on the CPU."""
        direction, origin = _on_cpu(direction), _on_cpu(origin)
        folded = dict(direction)
        for pair in self.pairs:
            scale = _scale(origin, pair)
            bias, norm_bias = (
                direction.get(f"{name}.bias", torch.zeros_like(scale)).double()
                for name in (pair.layer, pair.norm)
            )
            _put(folded, pair, scale, bias * scale + norm_bias)
        return folded


def _put(folded: dict[str, Tensor], pair: _Pair, scale: Tensor, bias: Tensor) -> None:
    """Replace in a state, or a direction, what belongs to a layer and its norm."""
    weight = folded.get(f"{pair.layer}.weight")
    if weight is not None:
        rows = scale.view(-1, *[1] * (weight.ndim - 1))
        folded[f"{pair.layer}.weight"] = (weight.double() * rows).to(weight.dtype)
    folded[f"{pair.layer}.bias"] = bias
    for name in [n for n in folded if n.startswith(f"{pair.norm}.")]:
        del folded[name]


def fold_batch_norm(model: nn.Module, directions: Sequence[Tensors]) -> Folded | None:
    """A copy of `model`, in eval mode, without its batch norms where its graph allows that.

    A batch norm stays where it follows no layer of its own, or where a direction moves its scale
    or its statistics. None if nothing can be folded or the graph cannot be traced, as with
    control flow that depends on the data.
    """
    if not any(isinstance(m, _BatchNorm) for m in model.modules()):
        return None
    model = copied(model)
    modules = dict(model.named_modules())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = fx.symbolic_trace(model)
    except Exception:  # tracing a user's network may raise anything
        return None
    parameters = {name for name, _ in model.named_parameters()}
    uses = Counter(id(p) for m in model.modules() for p in m.parameters(recurse=False))
    calls = Counter(
        n.target if n.op == "call_module" else str(n.target).rpartition(".")[0]
        for n in network.graph.nodes
        if n.op in ("call_module", "get_attr")
    )
    pairs: list[_Pair] = []
    for node in list(network.graph.nodes):
        before = node.args[0] if node.op == "call_module" and node.args else None
        if not isinstance(before, fx.Node) or before.op != "call_module":
            continue
        norm, layer = modules.get(str(node.target)), modules.get(str(before.target))
        alone = len(before.users) == 1 and calls[node.target] == calls[before.target] == 1
        if not (alone and isinstance(norm, _BatchNorm) and isinstance(layer, _FOLDS_INTO)):
            continue
        if norm.running_mean is None or _moves(str(node.target), directions):
            continue
        if f"{before.target}.weight" not in parameters:  # it is computed from something else
            continue
        if any(uses[id(p)] > 1 for p in layer.parameters()):
            continue
        if layer.weight.dtype not in (torch.float32, torch.float64):  # it would round otherwise
            continue
        node.replace_all_uses_with(before)
        network.graph.erase_node(node)
        folded_layer = cast(nn.Conv2d, network.get_submodule(str(before.target)))
        if folded_layer.bias is None:
            folded_layer.bias = nn.Parameter(torch.zeros(len(layer.weight)).to(layer.weight))
        pairs.append(_Pair(str(before.target), str(node.target), norm.eps))
    if not pairs:
        return None
    network.delete_all_unused_submodules()
    network.recompile()
    folded = Folded(network, tuple(pairs))
    network.load_state_dict(folded.state(model.state_dict()), strict=False)
    return folded


def is_same(given: Tensor, expected: Tensor, scale: Tensor) -> bool:
    """Whether what a changed network gives is what the original does, up to rounding, relative to
    `scale`."""
    return bool(((given - expected).abs() <= TOLERANCE * scale).all())


def _moves(norm: str, directions: Sequence[Tensors]) -> bool:
    """Whether a direction moves what the scale or the mean of `norm` are made of."""
    return any(
        bool(direction[name].any())
        for direction in directions
        for name in (f"{norm}.weight", f"{norm}.running_mean", f"{norm}.running_var")
        if name in direction
    )


def _on_cpu(tensors: Tensors) -> dict[str, Tensor]:
    # Folding is in float64, which Apple's GPUs have not.
    return {name: tensor.detach().cpu() for name, tensor in only_tensors(tensors).items()}


def _scale(state: Tensors, pair: _Pair) -> Tensor:
    variance = state[f"{pair.norm}.running_var"].double()
    weight = state.get(f"{pair.norm}.weight", torch.ones_like(variance))
    return weight.double() / torch.sqrt(variance + pair.eps)
