"""`isoloss.aligned`: a network with its channels in the order in which it is nearest to another."""

from __future__ import annotations

from typing import Any

from torch import nn

from isoloss.compute.data.reading import read_batches
from isoloss.compute.engine.losses import Loss
from isoloss.compute.machine.device import choose_device
from isoloss.compute.machine.for_scripts import in_one_line
from isoloss.compute.networks.checkpoints import Checkpoint, load_into
from isoloss.compute.networks.copying import copied
from isoloss.compute.networks.permutations import symmetries
from isoloss.compute.planes.alignment import aligned as in_order
from isoloss.compute.planes.alignment import check_same_losses
from isoloss.compute.planes.plane import ProbedSamples, state_of
from isoloss.compute.probe.probed_data import ProbedData


@in_one_line()
def aligned(
    model: nn.Module,
    other: Checkpoint,
    data: Any,
    loss: Loss | None = None,
    *,
    key: str | None = None,
    device: str = "auto",
) -> nn.Module:
    """A copy of `other` that computes the same, with its channels in the order in which its weights
    are most similar to those of `model`.

    Which channels can change places follows from the graph of the network: with skip connections,
    batch norms, concatenations and depthwise convolutions too. Between networks aligned so, batch
    norms want their statistics measured anew: `isoloss.probe(…, batch_norm="recalibrated")`
    (Jordan et al. 2023).

    Args:
        model: a network; it is left as it is.
        other: another of the same architecture: a path, a state dict or a network.
        data, loss: as for `isoloss.probe`; a few samples show that it is the same network still.
        key: which network, where a checkpoint holds several.
        device: as for `isoloss.probe`.

    Raises:
        IsolossError: if there is nothing to align, or the graph cannot be traced.

    Source: Ainsworth, Hayase, Srinivasa 2023, "Git Re-Basin: Merging Models modulo Permutation
    Symmetries", section 3.2.
    """
    symmetry = symmetries(model)
    where = choose_device(device)
    given = ProbedData.of(read_batches(data, None, 0), loss, model, where)
    result = copied(model)
    load_into(result, other, str(other) if isinstance(other, str) else "the other network", key)
    before = state_of(result)
    found = in_order(model, symmetry, state_of(model), before)
    samples = ProbedSamples(given.shuffled(0, where), given.loss, where)
    check_same_losses(model, samples, before, found.state)
    load_into(result, found.state, "the other network")
    return result
