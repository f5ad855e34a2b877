"""Networks that others have published, with the names that their files have.

    isoloss attack resnet4b.pth --model examples.reproduce.published_networks:resnet4b \\
        --normalization cifar10 --data cifar10 --eps 1/255 2/255

ResNet-20 and -56 of https://github.com/akamaster/pytorch_resnet_cifar10 (He et al. 2016, shortcuts
of option A), normalized by ImageNet's statistics; ResNet-2b and -4b of
https://github.com/Verified-Intelligence/alpha-beta-CROWN, trained against an adversary of 2/255 in
L∞, normalized by CIFAR-10's.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Padded(nn.Module):
    """Option A: every second pixel, and channels of zeros on both sides."""

    def __init__(self, more: int) -> None:
        super().__init__()
        self.more = more // 2

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more, self.more))


class NormedBlock(nn.Module):
    """Two 3×3 convolutions with batch norm, and a shortcut without parameters."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.shortcut = Padded(outside - inside) if inside != outside else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        inner = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(inner)) + self.shortcut(x))


class ThinResNet(nn.Module):
    """6n + 2 layers, 16, 32 and 64 channels wide."""

    def __init__(self, n: int, num_classes: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*(NormedBlock(16, 16, 1) for _ in range(n)))
        self.layer2 = _stage(NormedBlock, n, 16, 32)
        self.layer3 = _stage(NormedBlock, n, 32, 64)
        self.linear = nn.Linear(64, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.layer1(torch.relu(self.bn1(self.conv1(images))))
        return self.linear(self.layer3(self.layer2(x)).mean((2, 3)))


class PlainBlock(nn.Module):
    """Two 3×3 convolutions with biases, and a 1×1 one around them where the size changes."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1)
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut.append(nn.Conv2d(inside, outside, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv2(torch.relu(self.conv1(x))) + self.shortcut(x))


class VerifiableResNet(nn.Module):
    """No batch norm: a strided convolution, stages of two blocks, two dense layers."""

    def __init__(self, width: int, stages: int, num_classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 2, 1)
        self.layer1 = _stage(PlainBlock, 2, width, 2 * width)
        self.layer2 = _stage(PlainBlock, 2, 2 * width, 2 * width) if stages > 1 else nn.Identity()
        side = 32 // 2 ** (stages + 1)
        self.linear1 = nn.Linear(2 * width * side * side, 100)
        self.linear2 = nn.Linear(100, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.layer2(self.layer1(torch.relu(self.conv1(images))))
        return self.linear2(torch.relu(self.linear1(x.flatten(1))))


def _stage(block: type[nn.Module], blocks: int, inside: int, outside: int) -> nn.Sequential:
    """Blocks of which the first halves the image."""
    later = (block(outside, outside, 1) for _ in range(blocks - 1))
    return nn.Sequential(block(inside, outside, 2), *later)


def resnet20(num_classes: int = 10) -> nn.Module:
    """20 layers."""
    return ThinResNet(3, num_classes)


def resnet56(num_classes: int = 10) -> nn.Module:
    """56 layers."""
    return ThinResNet(9, num_classes)


def resnet2b(num_classes: int = 10) -> nn.Module:
    """One stage of two blocks."""
    return VerifiableResNet(8, 1, num_classes)


def resnet4b(num_classes: int = 10) -> nn.Module:
    """Two stages of two blocks."""
    return VerifiableResNet(16, 2, num_classes)
