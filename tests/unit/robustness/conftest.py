"""What tests of attacks share."""

import copy

import pytest
import torch
import torch.nn.functional as F
from diffusers import UNet2DModel
from sklearn.datasets import load_digits
from torch import nn


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Sums in the same order for all; and small networks are quicker so."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def learned():
    """A CNN for 8×8 digits, trained for a moment, with 64 images that it knows."""
    data = load_digits()
    images = torch.from_numpy(data.images).float().div_(16)[:, None]
    labels = torch.from_numpy(data.target).long()
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(),
        nn.Conv2d(12, 24, 3, stride=2), nn.BatchNorm2d(24), nn.ReLU(),
        nn.Flatten(), nn.Linear(24 * 9, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(3):
        for batch in torch.randperm(1400).split(128):
            optimizer.zero_grad()
            F.cross_entropy(net(images[batch]), labels[batch]).backward()
            optimizer.step()
    net.eval()
    images, labels = images[1400:], labels[1400:]
    right = (net(images).argmax(1) == labels).nonzero()[:64, 0]
    assert len(right) == 64
    return net, images[right], labels[right]


@pytest.fixture(scope="module")
def digits(one_thread, learned):
    """The same, of a module's own."""
    return copy.deepcopy(learned)


@pytest.fixture
def unet_that():
    """Builds the smallest UNet for 8×8 images, with changes to its configuration."""

    def build(**changes):
        return UNet2DModel.from_config(
            {
                "sample_size": 8,
                "block_out_channels": (4, 4),
                "layers_per_block": 1,
                "norm_num_groups": 2,
                "add_attention": False,
                "down_block_types": ("DownBlock2D", "DownBlock2D"),
                "up_block_types": ("UpBlock2D", "UpBlock2D"),
                **changes,
            }
        )

    return build
