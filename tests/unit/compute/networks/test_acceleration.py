"""The layout in which convolutions are faster, and networks that have more than convolutions."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from isoloss.compute.networks import acceleration
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


class Elsewhere(nn.Conv2d):
    """A convolution on a GPU whose kernels for channels that come last give something else.

    Its parameters say that they are there (`meta` stands for it), its values are a CPU's."""

    def __init__(self, wrong_by):
        super().__init__(3, 4, 3)
        self.wrong_by = wrong_by

    def forward(self, x):
        if self.weight.is_contiguous():
            return super().forward(x)
        return super().forward(x) + self.wrong_by


@pytest.mark.parametrize(("wrong_by", "is_taken"), [(0.0, True), (1e-4, True), (0.5, False)])
def test_on_a_gpu_a_layout_that_gives_something_else_is_not_taken(monkeypatch, wrong_by, is_taken):
    torch.manual_seed(0)
    monkeypatch.setattr(acceleration, "_kinds_of", lambda _: {"cuda"})
    network, x = Elsewhere(wrong_by).eval(), torch.rand(2, 3, 8, 8)
    in_fast_layout(network, lambda: network(x))
    assert network.weight.is_contiguous() is not is_taken
    assert network.weight.is_contiguous(memory_format=LAST) is is_taken


def test_that_a_layout_is_compared_draws_no_numbers(monkeypatch):
    monkeypatch.setattr(acceleration, "_kinds_of", lambda _: {"cuda"})
    network, x = nn.Sequential(nn.Conv2d(3, 4, 3)), torch.rand(2, 3, 8, 8)
    before = torch.get_rng_state()
    in_fast_layout(network, lambda: F.dropout(network(x)))
    assert torch.equal(torch.get_rng_state(), before)


def test_on_apples_gpus_channels_never_come_last(monkeypatch):
    """Views of one buffer begin within it: https://github.com/pytorch/pytorch/issues/174345."""
    monkeypatch.setattr(acceleration, "_kinds_of", lambda _: {"mps"})
    network = nn.Conv2d(3, 4, 3).to(memory_format=LAST)
    in_fast_layout(network, lambda: network(torch.rand(2, 3, 8, 8)))
    assert network.weight.is_contiguous()
