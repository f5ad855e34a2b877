"""What a picture file holds: of each value of an image one of 256."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from isoloss.robustness.ascent.ball import SLACK, Ball


class Rounded(nn.Module):
    """A network that sees images as a file would hold them, the rounding being the identity when
    differentiated (BPDA): attacked instead of the network, it is fooled by files.

    Args:
        network: (N, C, H, W) images in [0, 1] to (N, classes) logits.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of the images as a file would hold them."""
        return self.network(_nearest(images).detach() + (images - images.detach()))


def radius_of_files(norm: str, eps: float) -> float:
    """The radius within which rounding images does not take them out of the ball of `eps`, where
    what they come from is of 8 bits itself: in L∞ a multiple of 1/255, in L2 all of it, where
    `in_8_bits` sees to the rest."""
    return math.floor(eps * 255 + SLACK) / 255 if norm == "linf" else eps


def in_8_bits(images: Tensor, clean: Tensor, ball: Ball) -> Tensor:
    """(N, C, H, W) `images` as a picture file would hold them, still in the ball around `clean`.

    Each value is the nearest of 256, or where that would leave the ball the next one towards the
    clean image. Where there is none between the two, since the clean image is not of 8 bits itself,
    it is the nearest after all.
    """
    levels = images * 255
    nearest = _nearest(images)
    inward = torch.where(images >= clean, (levels + SLACK).floor(), (levels - SLACK).ceil()) / 255
    between = (inward - clean).abs() <= (images - clean).abs() + SLACK
    return ball.keep(nearest, torch.where(between, inward, nearest), clean)


def in_type(images: Tensor, clean: Tensor, kind: torch.dtype) -> Tensor:
    """(N, C, H, W) `images` in a type of fewer bits, each value the nearest that lies no further
    from that of `clean`, so that they stay in every ball around it."""
    spacing = torch.finfo(kind).eps * images.abs().clamp(min=torch.finfo(kind).tiny)
    found, near = clean.to(kind), (clean - images).abs()
    for candidate in (images + (clean - images).sign() * spacing, images):
        rounded = candidate.to(kind)
        found = torch.where((rounded.to(clean) - clean).abs() <= near, rounded, found)
    return found


def _nearest(images: Tensor) -> Tensor:
    return (images * 255).round() / 255
