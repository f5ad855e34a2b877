"""The layout in which convolutions are faster, and networks that have more than convolutions."""

import pytest
import torch
from torch import nn

from isoloss.compute.networks.acceleration import in_fast_layout

LAST = torch.channels_last


class WithFiveAxes(nn.Module):
    """A convolution beside something of five axes, as the masks of Swin's windows are."""

    def __init__(self, held):
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3, padding=1)
        if held == "a parameter":
            self.far = nn.Conv3d(4, 4, 1)
        else:
            self.register_buffer("mask", torch.rand(1, 2, 4, 1, 1))
            self.register_buffer("scale", torch.rand(1, 4, 5, 5))

    def forward(self, x):
        features = self.convolution(x)
        if hasattr(self, "far"):
            return self.far(features[:, :, None]).mean((2, 3, 4))
        return (features[:, None] * self.mask).mean((1, 3, 4))


@pytest.mark.parametrize("held", ["a parameter", "a buffer"])
def test_what_has_five_axes_stays_as_it_is(held):
    torch.manual_seed(0)
    network, x = WithFiveAxes(held).eval(), torch.rand(2, 3, 5, 5)
    expected = network(x)
    parameters = list(network.parameters())
    assert in_fast_layout(network, lambda: network(x)) is network
    torch.testing.assert_close(network(x), expected)
    assert network.convolution.weight.is_contiguous(memory_format=LAST)
    for tensor in (*network.parameters(), *network.buffers()):
        assert tensor.is_contiguous(
            memory_format=LAST if tensor.ndim == 4 else torch.contiguous_format
        )
    assert all(a is b for a, b in zip(parameters, network.parameters(), strict=True))


def test_a_network_that_does_not_take_it_has_its_own_layout_back():
    class Viewing(nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return self.convolution(x).view(len(x), -1)

    network, x = Viewing().train(), torch.rand(2, 3, 8, 8)
    expected = network(x)
    torch.testing.assert_close(in_fast_layout(network, lambda: network(x))(x), expected)
    assert network.convolution.weight.is_contiguous()
    assert network.training
