"""The residual networks of He et al. for 32×32 images: 6n + 2 layers, of few parameters.

He, Zhang, Ren, Sun 2016, "Deep Residual Learning for Image Recognition", section 4.2,
https://arxiv.org/abs/1512.03385; the networks of Li et al.'s landscapes are of this family.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

WIDTHS = (16, 32, 64)


class CifarResNet(nn.Module):
    """Three stages of n blocks of two convolutions, at full, half and quarter resolution.

    Where a stage halves the image, the shortcut is a strided 1×1 convolution (He et al.'s option
    B, and Li et al.'s).

    Args:
        depth: 6n + 2, the count of layers with weights.
        classes: logits given.
    """

    for_small_images = True

    def __init__(self, depth: int, classes: int) -> None:
        super().__init__()
        blocks = (depth - 2) // 6
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.relu = nn.ReLU(inplace=True)
        self.stages = nn.Sequential(
            _stage(WIDTHS[0], WIDTHS[0], blocks, stride=1),
            _stage(WIDTHS[0], WIDTHS[1], blocks, stride=2),
            _stage(WIDTHS[1], WIDTHS[2], blocks, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(WIDTHS[-1], classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of normalized images (N, 3, H, W)."""
        features = self.stages(self.relu(self.bn1(self.conv1(images))))
        return self.fc(self.avgpool(features).flatten(1))


resnet20, resnet32, resnet44, resnet56, resnet110 = (
    partial(CifarResNet, depth) for depth in (20, 32, 44, 56, 110)
)
"""Called with the number of classes: those of He et al., freshly initialized."""


def _stage(before: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    shortcut = None
    if stride != 1:
        shortcut = nn.Sequential(
            nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width)
        )
    rest = (BasicBlock(width, width) for _ in range(blocks - 1))
    return nn.Sequential(BasicBlock(before, width, stride, shortcut), *rest)
