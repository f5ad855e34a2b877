"""A convolutional network so small that it learns the digits in seconds."""

from __future__ import annotations

from torch import nn

WIDTHS = (16, 32, 64)
LEFT = 4
"""Pixels on a side of what is left of an image before its classes are told."""


class Cnn(nn.Sequential):
    """Three convolutions with batch norms, each of which halves the image, and a linear layer.

    Takes normalized images (N, 3, H, W) of any size and gives logits (N, classes).

    Args:
        classes: logits given.
    """

    for_small_images = True

    def __init__(self, classes: int) -> None:
        layers: list[nn.Module] = []
        for before, width in zip((3, *WIDTHS), WIDTHS, strict=False):
            convolution = nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
        head = nn.Linear(WIDTHS[-1] * LEFT**2, classes)
        super().__init__(*layers, nn.AdaptiveAvgPool2d(LEFT), nn.Flatten(), head)
