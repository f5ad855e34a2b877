"""A network whose convolutions are done in one pass with what follows them."""

from __future__ import annotations

import operator
from collections import Counter
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

from isoloss.robustness.speed.frozen_convolution import FrozenConvolution, freeze_convolutions
from isoloss.robustness.speed.shortcuts import traced_graph

_SUMS = (operator.add, operator.iadd, torch.add)
_RECTIFYING = (F.relu, torch.relu, "relu", "relu_")


def fused(network: nn.Module) -> nn.Module:
    """`network` with frozen convolutions, which add and rectify where its graph says that this is
    what comes next."""
    graph_module = traced_graph(network)
    network = network if graph_module is None else graph_module
    frozen = freeze_convolutions(network)
    if graph_module is None:
        return network
    graph = graph_module.graph
    calls = Counter(node.target for node in graph.nodes if node.op == "call_module")
    for node in list(graph.nodes):
        if node.op == "call_module" and node.target in frozen and calls[node.target] == 1:
            _take_in(frozen[str(node.target)], node, graph_module)
    graph.lint()
    graph_module.recompile()
    return graph_module


def _take_in(convolution: FrozenConvolution, node: fx.Node, network: fx.GraphModule) -> None:
    """Let a convolution rectify, where all that uses it does, and add what is added before that."""
    follower = _only_user(node)
    if follower is None:
        return
    if not _rectifies(follower, network):
        rectifier = _only_user(follower)
        others = [a for a in follower.args if a is not node]
        adds = follower.op == "call_function" and follower.target in _SUMS and not follower.kwargs
        if not adds or rectifier is None or not _rectifies(rectifier, network):
            return
        if len(others) != 1 or not isinstance(others[0], fx.Node):
            return
        rectifier.replace_all_uses_with(follower)
        network.graph.erase_node(rectifier)
        follower.prepend(node)  # what is added may be worked out after the convolution
        node.args = (*node.args, others[0])
    convolution.rectifies = True
    follower.replace_all_uses_with(node)
    network.graph.erase_node(follower)


def _only_user(node: fx.Node) -> fx.Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None


def _rectifies(node: fx.Node, network: fx.GraphModule) -> bool:
    """Whether a node is max(x, 0) of another one."""
    if node.op == "call_module":
        return type(_module(network, node)) is nn.ReLU
    return node.op in ("call_function", "call_method") and node.target in _RECTIFYING


def _module(network: fx.GraphModule, node: fx.Node) -> Any:
    return network.get_submodule(str(node.target))
