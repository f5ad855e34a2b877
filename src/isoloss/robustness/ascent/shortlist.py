"""Which iterate of an attack on a random network is taken: the one that fresh draws say is best.

Of several estimates from few draws the best one flatters. So every image's best few, as they seemed
on the way, and its last are asked about again, by draws that nobody has looked at and that all of
them share.
"""

from __future__ import annotations

import torch
from torch import Tensor

from isoloss.compute.machine.waiting import put
from isoloss.robustness.ascent.losses import reached_share
from isoloss.robustness.ascent.objective import ObjectiveValue

SHORT = 3
"""Iterates that are asked about again, beside the last."""


def order_of(value: ObjectiveValue, labels: Tensor) -> Tensor:
    """(N,) by which the better of two images has the larger: first by how many of the draws it
    succeeds, then by loss."""
    assert value.votes is not None
    draws = value.votes.sum(1)
    within = value.losses / (1 + value.losses.abs())
    return reached_share(value.votes, labels) + within / (4 * draws)


class Shortlist:
    """The best iterates of N images so far, as they seemed.

    Args:
        images: (N, C, H, W), in whose place iterates come.
    """

    def __init__(self, images: Tensor) -> None:
        self._images = torch.cat([images] * SHORT)  # one list after the other
        self._orders = torch.full((SHORT, len(images)), -torch.inf, device=images.device)

    @property
    def images(self) -> Tensor:
        """(SHORT, N, C, H, W)."""
        return self._images.view(SHORT, -1, *self._images.shape[1:])

    def look(self, rows: Tensor, here: Tensor, order: Tensor) -> None:
        """Take iterates (n, C, H, W) of some of the images where they seem better than the worst
        of the list."""
        worst = self._orders[:, rows].argmin(0)
        better = order > self._orders[worst, rows]
        places = worst * self._orders.shape[1] + rows
        put(places, better, (self._images, here), (self._orders.view(-1), order.to(self._orders)))
