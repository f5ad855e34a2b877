"""A network behind the normalization of its images."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Normalized(nn.Module):
    """A network behind a fixed per-channel normalization.

    Args:
        network: takes normalized images (N, 3, H, W).
        mean, std: per-channel statistics on the [0, 1] scale.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, 3, H, W) in [0, 1]."""
        return self.network((images - self.mean) / self.std)

    def set_statistics(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        """Normalize by others from now on."""
        self.mean = torch.tensor(mean).view(-1, 1, 1).to(self.mean)
        self.std = torch.tensor(std).view(-1, 1, 1).to(self.std)
