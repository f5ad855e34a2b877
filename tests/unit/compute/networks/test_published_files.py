"""Files as others publish them, in modules of a user's own that describe their networks."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from isoloss.compute.networks.checkpoints import load_into


class Standardized(nn.Module):
    """A network that takes images in [0, 1]; the statistics are not among what is saved."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        self.register_buffer("mean", mean.view(3, 1, 1), persistent=False)
        self.register_buffer("std", std.view(3, 1, 1), persistent=False)

    def forward(self, x):
        return self.network((x - self.mean) / self.std)


class ShortcutA(nn.Module):
    """He et al.'s block with option A: strided, padded with channels of zeros."""

    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(after), nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.shortcut = nn.Sequential()
        self.stride, self.pad = stride, (after - before) // 2

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.pad:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(x + y)


class SmallResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4)
        self.layer1 = nn.Sequential(ShortcutA(4, 4, 1), ShortcutA(4, 4, 1))
        self.layer2 = nn.Sequential(ShortcutA(4, 8, 2), ShortcutA(8, 8, 1))
        self.linear = nn.Linear(8, 10)

    def forward(self, x):
        x = self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x)))))
        return self.linear(x.mean((2, 3)))


class WithoutNorms(nn.Module):
    """As networks that are to be verified: biases, no norms, two dense layers."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, 2, 1)
        self.layer1 = nn.Sequential(nn.Conv2d(4, 4, 3, 2, 1), nn.Conv2d(4, 4, 3, 1, 1))
        self.linear1, self.linear2 = nn.Linear(64, 16), nn.Linear(16, 10)

    def forward(self, x):
        x = self.layer1(F.relu(self.conv1(x))).flatten(1)
        return self.linear2(F.relu(self.linear1(x)))


def denoising(norms):
    layers = [nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.ReLU()]
    for _ in range(norms):
        layers += [nn.Conv2d(6, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(6, 3, 3, padding=1, bias=False))


class Holding(nn.Module):
    def __init__(self, name, module):
        super().__init__()
        self.name = name
        setattr(self, name, module)

    def forward(self, x):
        return getattr(self, self.name)(x)


PUBLISHED = {
    "resnet20.th": (SmallResNet, lambda s: {"state_dict": s, "best_prec1": 91.7}),
    "resnet2b.pth": (WithoutNorms, lambda s: {"state_dict": s, "test_acc": 0.69, "epoch": 159}),
    "ffdnet.pth": (lambda: Holding("inner", Holding("dncnn", denoising(3))), dict),
}


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_files_fill_modules_that_describe_them(name, parallel, tmp_path):
    build, packed = PUBLISHED[name]
    published, mine = build().eval(), Standardized(build()).eval()
    with torch.no_grad():
        for tensor in published.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(0.1 * torch.rand(tensor.shape))
    state = (nn.DataParallel(published) if parallel else published).state_dict()
    torch.save(packed(state), tmp_path / name, _use_new_zipfile_serialization=False)
    load_into(mine, tmp_path / name)
    x = torch.rand(4, 3, 16, 16)
    torch.testing.assert_close(mine(x), published((x - mine.mean) / mine.std))


def test_modules_may_be_called_otherwise_where_that_tells_nothing(tmp_path):
    published = Holding("intermediate", Holding("itermediate", denoising(2)))
    torch.save(nn.DataParallel(published).state_dict(), tmp_path / "net.pth")
    mine = Holding("body", denoising(2))
    load_into(mine, tmp_path / "net.pth")
    x = torch.rand(2, 3, 8, 8)
    torch.testing.assert_close(mine.eval()(x), published.eval()(x))
