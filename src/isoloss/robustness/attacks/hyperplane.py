"""The smallest change of an image that reaches a hyperplane, and keeps it an image.

Croce, Hein 2020, "Minimally distorted adversarial examples with a fast adaptive boundary attack",
equations 4 and 5, https://arxiv.org/abs/1907.02044
"""

from __future__ import annotations

import torch
from torch import Tensor


def offsets_onto(points: Tensor, normal: Tensor, gap: Tensor, norm: str) -> Tensor:
    """(N, C, H, W) the smallest offsets, in the norm, by which ⟨normal, ·⟩ grows by `gap` while all
    values stay in [0, 1]; where it cannot grow by so much, those by which it grows most.

    All values move at once, until their way or the box ends: in L∞ all at the same speed, in L2
    each at that of its component of the normal. How long, follows from the order in which they
    arrive at the box.

    Args:
        points, normal: (N, C, H, W).
        gap: (N,), of either sign.
        norm: "linf" or "l2".
    """
    shape = points.shape
    points, normal = points.flatten(1), normal.flatten(1)
    # By the largest component: the squares of what is very small would be 0.
    largest = normal.abs().amax(1).clamp(min=torch.finfo(normal.dtype).tiny)
    way = normal * (gap.sign().to(points) / largest)[:, None]
    speed = way.abs() if norm == "l2" else (way != 0).to(way)
    room = torch.where(way > 0, 1 - points, points)
    ends = torch.where(speed > 0, room / speed, 0)
    ends, order = ends.sort(1)
    growth = (way.abs() * speed).gather(1, order)  # of ⟨way, ·⟩ in a unit of time
    arrived = (growth * ends).cumsum(1)  # what those have added that are at the box
    moving = growth.flip(1).cumsum(1).flip(1)  # growth by those that are not, before each arrives
    needed = (gap.abs().to(points) / largest)[:, None]
    grown = arrived + (moving - growth) * ends
    k = torch.searchsorted(grown.contiguous(), needed.contiguous()).clamp(max=ends.shape[1] - 1)
    before = (arrived - growth * ends).gather(1, k)
    time = (needed - before) / moving.gather(1, k)
    time = torch.where(needed > grown[:, -1:], ends[:, -1:], time.nan_to_num(0.0))
    return (way.sign() * torch.minimum(speed * time, room)).view(shape)
