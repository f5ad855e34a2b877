"""The two networks that a path is to be trained between."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from isoloss.compute.networks.permutations import symmetries
from isoloss.compute.planes.alignment import aligned, check_same_losses
from isoloss.compute.planes.bezier import Bezier
from isoloss.compute.planes.plane import ProbedSamples, state_of
from isoloss.compute.probe.probed_data import ProbedData
from isoloss.errors import IsolossError


def straight_between(
    model: nn.Module,
    end: dict[str, Tensor],
    given: ProbedData,
    device: torch.device,
    *,
    align: bool = False,
) -> tuple[Bezier, str]:
    """The straight line that a path between two networks begins as, and what there is to say of it.

    Args:
        model: the network at the start; it is left as it is.
        end: the other network's state dict.
        given: data; a few samples show that an aligned network is the same one still.
        align: whether to put the channels of the other network into the order in which its weights
            are nearest to those of the first.

    Raises:
        IsolossError: if there can be no path.
    """
    start = state_of(model)
    path = Bezier.straight(model, start, end)
    own = dict(model.named_parameters(remove_duplicate=False))
    if not any(own[name].requires_grad for name in path.bend):
        raise IsolossError(
            "no parameter of the network is trainable (requires_grad): there is no path to train"
        )
    if not align:
        return path, ""
    found = aligned(model, symmetries(model), start, end)
    samples = ProbedSamples(given.shuffled(0, device), given.loss, device)
    check_same_losses(model, samples, end, found.state)
    said = (
        f"{found.channels} channels aligned, in {found.groups} orders: the networks are "
        f"{found.after:.4g} apart, {found.before:.4g} before"
    )
    return Bezier.straight(model, start, found.state), said
