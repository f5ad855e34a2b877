"""A ResNet-20 and the same function with other filters have one curvature in units of filters."""

import copy
import math

import pytest
import torch

from isoloss.compute.curvature.products import Curvature
from isoloss.compute.curvature.trace import random_signs
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.networks.cifar_resnet import resnet20

CPU = torch.device("cpu")


@pytest.fixture
def network():
    torch.manual_seed(0)
    made = resnet20(10).double().eval()
    for norm in (m for m in made.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        norm.running_mean.normal_(0, 0.1)
        norm.running_var.uniform_(0.5, 2)
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.normal_(norm.bias, 0, 0.1)
    return made


@torch.no_grad()
def rescaled(network):
    """Every filter before a batch norm by a factor of its own, and what comes of a norm by another,
    which the convolution after it undoes."""
    other = copy.deepcopy(network)
    parts = dict(other.named_modules())
    for name, norm in parts.items():
        if isinstance(norm, torch.nn.BatchNorm2d):
            before = parts[name.replace("bn", "conv").replace("downsample.1", "downsample.0")]
            factors = torch.exp(2 * torch.rand(len(norm.weight), dtype=torch.float64) - 1)
            before.weight *= factors[:, None, None, None]
            norm.running_mean *= factors
            norm.running_var.copy_(factors**2 * (norm.running_var + norm.eps) - norm.eps)
            if name.endswith(".bn1"):
                norm.weight *= math.e
                norm.bias *= math.e
                parts[name.replace("bn1", "conv2")].weight /= math.e
    return other


def test_products_in_units_of_filters_are_equal(network):
    other = rescaled(network)
    batch = torch.rand(4, 3, 16, 16, dtype=torch.float64), torch.arange(4)
    with torch.no_grad():
        assert other(batch[0]).sub(network(batch[0])).abs().max() < 1e-12
    data = ShuffledSamples.of_batches([batch], 0, CPU)
    for scale, close in (("filter", True), ("none", False)):
        one, two = (Curvature(n, data, None, CPU, scale=scale) for n in (network, other))
        signs = random_signs(1, one, torch.Generator().manual_seed(0))
        assert torch.allclose(one.times(signs), two.times(signs), rtol=1e-9, atol=1e-9) is close
