"""What tests of defenses share."""

import pytest
import torch
from diffusers import UNet2DModel
from torch import nn


@pytest.fixture(scope="module")
def small():
    """A UNet for 8×8 images and a smooth classifier, both in double precision."""
    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=8, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"), attention_head_dim=8,
    )  # fmt: skip
    classifier = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(144, 5))
    return unet.double().eval(), classifier.double().eval()
