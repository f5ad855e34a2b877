"""ResNet-50 with CBAM: channel attention, then spatial attention.

Woo, Park, Lee, Kweon 2018, "CBAM: Convolutional Block Attention Module",
https://arxiv.org/abs/1807.06521
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck, ResNet

REDUCTION = 16
KERNEL = 7


class ChannelGate(nn.Module):
    """(N, C, 1, 1) in (0, 1): how much each channel matters, from its mean and its maximum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(channels // REDUCTION, 1)
        self.mlp = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, channels)
        )

    def forward(self, features: Tensor) -> Tensor:
        """The gate (N, C, 1, 1) of features (N, C, H, W)."""
        mean, largest = features.mean((2, 3)), features.amax((2, 3))
        return torch.sigmoid(self.mlp(mean) + self.mlp(largest))[:, :, None, None]


class SpatialGate(nn.Module):
    """(N, 1, H, W) in (0, 1): how much each place matters, from its channels' mean and maximum."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, KERNEL, padding=KERNEL // 2, bias=False)
        self.norm = nn.BatchNorm2d(1)

    def forward(self, features: Tensor) -> Tensor:
        """The gate (N, 1, H, W) of features (N, C, H, W)."""
        mean, largest = features.mean(1, keepdim=True), features.amax(1, keepdim=True)
        return torch.sigmoid(self.norm(self.conv(torch.cat([largest, mean], 1))))


class Cbam(nn.Module):
    """Features (N, C, H, W), each channel and then each place weighed by its gate."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channel = ChannelGate(channels)
        self.spatial = SpatialGate()

    def forward(self, features: Tensor) -> Tensor:
        """The features (N, C, H, W), weighed."""
        features = features * self.channel(features)
        return features * self.spatial(features)


class CbamBottleneck(Bottleneck):
    """ResNet's bottleneck with CBAM after its last batch norm, before the shortcut is added."""

    def __init__(self, inplanes: int, planes: int, *args: Any, **options: Any) -> None:
        super().__init__(inplanes, planes, *args, **options)
        self.cbam = Cbam(planes * self.expansion)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, 4 · planes, H', W')."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.cbam(self.bn3(self.conv3(out)))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(out + shortcut)


def resnet50_cbam(classes: int) -> ResNet:
    """ResNet-50 with CBAM in every bottleneck and the ImageNet stem, freshly initialized."""
    return ResNet(CbamBottleneck, [3, 4, 6, 3], num_classes=classes)
