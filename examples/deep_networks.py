"""Networks of your own, by name: 56 layers with and without shortcuts.

    isoloss train --model examples.deep_networks:resnet56_noshort --data cifar10 --epochs 10
    isoloss probe runs/resnet56_noshort-cifar10 --samples 256 --grid 51

The pair behind the best-known picture of a loss landscape (Li et al. 2018, figure 1): remove the
shortcuts of a ResNet-56 and the surface around its minimum turns from a bowl into mountains.
"""

import torch
from torch import Tensor, nn


class Block(nn.Module):
    """Two 3×3 convolutions, and a shortcut around them if `shortcut`."""

    def __init__(self, inside: int, outside: int, stride: int, shortcut: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inside, outside, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(inplace=True),
            nn.Conv2d(outside, outside, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outside),
        )
        self.around: nn.Module | None = None
        if shortcut:
            same = inside == outside and stride == 1
            self.around = (
                nn.Identity()
                if same
                else nn.Sequential(
                    nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
                )
            )

    def forward(self, x: Tensor) -> Tensor:
        out = self.body(x)
        return torch.relu(out if self.around is None else out + self.around(x))


class ThinResNet(nn.Module):
    """The CIFAR ResNet of He et al. 2016: 6n + 2 layers, 16, 32 and 64 channels wide."""

    def __init__(self, n: int, num_classes: int, shortcut: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.BatchNorm2d(3, affine=False),  # normalizes the images, as networks here must
            nn.Conv2d(3, 16, 3, 1, 1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(inplace=True),
        ]
        inside = 16
        for outside in (16, 32, 64):
            for i in range(n):
                stride = 2 if i == 0 and outside > 16 else 1
                layers.append(Block(inside, outside, stride, shortcut))
                inside = outside
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, num_classes)]
        self.layers = nn.Sequential(*layers)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


def resnet56(num_classes: int = 10) -> nn.Module:
    """56 layers with shortcuts."""
    return ThinResNet(9, num_classes, shortcut=True)


def resnet56_noshort(num_classes: int = 10) -> nn.Module:
    """The same 56 layers without shortcuts."""
    return ThinResNet(9, num_classes, shortcut=False)


def resnet20(num_classes: int = 10) -> nn.Module:
    """20 layers with shortcuts."""
    return ThinResNet(3, num_classes, shortcut=True)
