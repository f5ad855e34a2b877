"""Another network's channels put into the order in which its weights lie nearest to those of one.

Weight matching: Ainsworth, Hayase, Srinivasa 2023, "Git Re-Basin", section 3.2. Group by group the
best order, all others as they are, is an assignment, which SciPy solves, until none is better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from isoloss.compute.networks.checkpoints import State, load_into
from isoloss.compute.networks.copying import copied
from isoloss.compute.networks.folding import is_same
from isoloss.compute.networks.permutations import Permutations, Symmetries, permuted
from isoloss.compute.networks.reals import check_finite
from isoloss.compute.planes.plane import ProbedSamples
from isoloss.errors import IsolossError

FEW = 8
"""Samples of which losses are compared."""
PASSES = 100
"""Over all groups, at most."""
ENOUGH = 1e-12
"""A gain in similarity, relative to what there is, that is rounding."""

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Aligned:
    """A network with its channels in another order.

    Attributes:
        state: the network's, in that order.
        groups, channels: how many could change places.
        before, after: its distance from the other network.
    """

    state: dict[str, Tensor]
    groups: int
    channels: int
    before: float
    after: float


def aligned(
    model: nn.Module, symmetry: Symmetries, start: Mapping[str, Tensor], end: Mapping[str, Tensor]
) -> Aligned:
    """The state `end` of a network, in the order in which it is nearest to `start`.

    Raises:
        IsolossError: if weights of either are not finite.
    """
    check_finite(start, "the network at the start")
    check_finite(end, "the network at the end")
    names = [k for k, p in model.named_parameters() if k in symmetry.axes and not p.is_complex()]
    mine, its = ({k: state[k].double() for k in names} for state in (start, end))
    found = _improved(mine, its, symmetry, _with_the_data(mine, its, symmetry))
    # Where it is not better than what there was, it is not taken.
    if _similarity(mine, its, symmetry, found) < _similarity(mine, its, symmetry, {}):
        found = _improved(mine, its, symmetry, {})
    state = symmetry.applied(found, end)
    moving = [k for k, _ in model.named_parameters() if k in end]
    return Aligned(
        state, len(symmetry.sizes), sum(symmetry.sizes.values()),
        _distance(start, end, moving), _distance(start, state, moving),
    )  # fmt: skip


@torch.no_grad()
def check_same_losses(
    model: nn.Module, samples: ProbedSamples, before: State, after: State
) -> None:
    """Refuse an order in which a network is not the same one.

    Raises:
        IsolossError: if the losses of a few samples are others.
    """
    few = next(iter(samples.data.batches(0, samples.data.cut(FEW), FEW)))
    network, losses = copied(model, samples.device), list[Tensor]()
    for state in (before, after):
        load_into(network, state, "the other network")
        losses.append(samples.loss(network, few)[0])
    if not is_same(losses[1], losses[0], losses[0].abs().clamp(min=1)):
        raise IsolossError(
            "the network cannot be aligned: with its channels in another order it is another "
            "network, which its graph does not show; leave --align away"
        )


def _with_the_data(mine: Weights, its: Weights, symmetry: Symmetries) -> Permutations:
    """A first order, group after group in the data's way: of weights only those are looked at whose
    other sides are known. Networks that differ by an order alone are then found to be the same."""
    known: dict[int, Tensor] = {}
    for group in symmetry.sizes:
        usable = [
            name for name, axes in symmetry.axes.items()
            if name in mine and all(
                s.group == group or s.group in known for _, axis in axes for s in axis
            )
        ]  # fmt: skip
        known[group] = _best(group, mine, its, symmetry, known, usable)
    return known


def _improved(
    mine: Weights, its: Weights, symmetry: Symmetries, first: Permutations
) -> Permutations:
    """Orders of which none can be improved alone."""
    found = {group: torch.arange(size) for group, size in symmetry.sizes.items()} | dict(first)
    similar = _similarity(mine, its, symmetry, found)
    for _ in range(PASSES):
        for group in symmetry.sizes:
            found[group] = _best(group, mine, its, symmetry, found, [*mine])
        before, similar = similar, _similarity(mine, its, symmetry, found)
        if similar - before <= ENOUGH * abs(similar):
            break
    return found


def _best(
    group: int, mine: Weights, its: Weights, symmetry: Symmetries, others: Permutations,
    names: list[str],
) -> Tensor:  # fmt: skip
    """The order of a group in which weights are most similar, all other groups as they are."""
    size = symmetry.sizes[group]
    gain = torch.zeros(size, size, dtype=torch.float64)
    rest = {k: p for k, p in others.items() if k != group}
    for name in names:
        axes = symmetry.axes[name]
        theirs = permuted(its[name], axes, rest)
        for dimension, axis in axes:
            first = 0
            for segment in axis:
                width = segment.size * segment.repeat
                if segment.group == group:
                    rows = (
                        w.narrow(dimension, first, width).movedim(dimension, 0).reshape(size, -1)
                        for w in (mine[name], theirs)
                    )
                    one, other = rows
                    gain += one @ other.T
                first += width
    return torch.from_numpy(linear_sum_assignment(gain.numpy(), maximize=True)[1])


def _similarity(
    mine: Weights, its: Weights, symmetry: Symmetries, permutations: Permutations
) -> float:
    """Of which the squared distance is less twice as much."""
    return sum(
        float((mine[k] * permuted(its[k], symmetry.axes[k], permutations)).sum()) for k in mine
    )


def _distance(one: Mapping[str, Tensor], other: Mapping[str, Tensor], names: list[str]) -> float:
    apart = (float((one[k].double() - other[k].double()).square().sum()) for k in names)
    return sum(apart) ** 0.5
