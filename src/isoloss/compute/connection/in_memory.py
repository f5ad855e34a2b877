"""`isoloss.bezier_path`: a path of low loss between two networks, trained in a script."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from isoloss.compute.connection.ends import straight_between
from isoloss.compute.connection.moving_bend import MovingBend
from isoloss.compute.data.batch import Batch
from isoloss.compute.data.dataset import shuffled
from isoloss.compute.data.reading import read_batches
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.engine.losses import Loss
from isoloss.compute.machine.device import choose_device
from isoloss.compute.machine.for_scripts import in_one_line
from isoloss.compute.machine.randomness import random_numbers_kept
from isoloss.compute.networks.checkpoints import Checkpoint
from isoloss.compute.networks.copying import check_network, copied
from isoloss.compute.planes.bezier import Bezier
from isoloss.compute.planes.interpolation import state_in
from isoloss.compute.probe.probed_data import ProbedData
from isoloss.compute.training.batches import other_stream, step_seed
from isoloss.compute.training.learning_rates import along_cosine
from isoloss.errors import IsolossError


@in_one_line()
def bezier_path(
    model: nn.Module,
    other: Checkpoint,
    data: Any,
    loss: Loss | None = None,
    *,
    align: bool = False,
    epochs: int = 5,
    batch_size: int = 128,
    lr: float = 0.05,
    momentum: float = 0.9,
    weight_decay: float = 5e-4,
    samples: int | None = None,
    seed: int = 0,
    key: str | None = None,
    device: str = "auto",
) -> Bezier:
    """Train a path of low loss from `model` to `other`: a Bézier curve
    φ(t) = (1 − t)²·start + 2t(1 − t)·bend + t²·end, of which the bend is found.

    Each step draws a t from 0 to 1, and moves the bend by the gradient of the loss at φ(t), with
    Nesterov momentum and a learning rate that goes down to zero along a cosine. Batch norms
    normalize by each batch then; on the path that was found measure their statistics anew:
    `isoloss.probe(…, plane=path.plane(model), batch_norm="recalibrated")`.

    Args:
        model: the network at the start; it is left as it is.
        other: another of the same architecture: a path, a state dict or a network.
        data, loss, samples: as for `isoloss.probe`.
        align: whether to put the channels of `other` first into the order in which its weights are
            nearest to those of `model`.
        epochs: passes over the data.
        batch_size: samples in one step.
        lr, momentum: the learning rate in the first step, and Nesterov's momentum.
        weight_decay: of the network on the path (an L2 penalty), not of the bend.
        seed: of the order of samples and of t.
        key: which network, where a checkpoint holds several.
        device: as for `isoloss.probe`.

    Returns:
        The path: `path.at(t)` is a state dict, at 0 and 1 those of the ends, bit for bit.

    Raises:
        IsolossError: if the networks are of different shapes, or the same, or nothing is trainable.

    Source: Garipov et al. 2018, "Loss Surfaces, Mode Connectivity, and Fast Ensembling of DNNs",
    section 3.
    """
    check_network(model)
    if epochs < 1 or batch_size < 1 or not 0 < lr < math.inf:
        raise IsolossError("a path is trained for epochs ≥ 1, with batch_size ≥ 1 and lr > 0")
    where = choose_device(device)
    given = ProbedData.of(read_batches(data, samples, seed), loss, model, where, seed=seed)
    end = state_in(model, other, "the other network", key)
    path, _ = straight_between(model, end, given, where, align=align)
    network = copied(model, where).train()
    for parameter, own in zip(network.parameters(), model.parameters(), strict=True):
        parameter.requires_grad_(own.requires_grad)
    moving = MovingBend(network, path)
    optimizer = torch.optim.SGD(
        [p for p in network.parameters() if p.requires_grad], lr, momentum=momentum,
        nesterov=momentum > 0,
    )  # fmt: skip
    order = given.shuffled(seed, where, samples)
    total = epochs * order.batch_count(batch_size)
    with random_numbers_kept():
        for step, batch in enumerate(_batches(order, epochs, batch_size, seed)):
            place = step_seed(seed, step)
            optimizer.param_groups[0]["lr"] = along_cosine(lr, step / total)
            moving.move_to(float(torch.rand((), generator=other_stream(place))))
            torch.manual_seed(place)
            optimizer.zero_grad(set_to_none=True)
            given.loss(network, batch)[0].mean().backward()
            moving.move_back(penalty=weight_decay)
            optimizer.step()
    return Bezier(path.start, moving.bend(path.bend), path.end)


def _batches(data: ShuffledSamples, epochs: int, size: int, seed: int) -> Iterator[Batch]:
    """Those of all epochs, each in an order of its own where samples can be told apart."""
    for epoch in range(epochs):
        order = shuffled(len(data), step_seed(seed, -1 - epoch)).tolist()
        mixed = data.in_order(order) if data.can_be_cut else data
        yield from mixed.batches(0, len(mixed), size)
