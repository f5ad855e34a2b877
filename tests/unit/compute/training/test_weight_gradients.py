"""Gradients of weights that threads work out without meeting: those of PyTorch."""

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from isoloss.compute.training import weight_gradients
from isoloss.compute.training.weight_gradients import _by_channels, _gradients, _How, weights_apart

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
    weight_gradients._workers.cache_clear()
    weight_gradients._can_be_apart.cache_clear()


class Net(nn.Module):
    """Few channels come into its first layer, few places out of its last."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 48, 3, padding=1)
        self.last = nn.Conv2d(48, 64, 3, stride=2, bias=False)

    def forward(self, images):
        return self.last(self.first(images).relu()).mean((2, 3))


def gradients(network, images, **more):
    with torch.autocast("cpu", torch.bfloat16):
        loss = network(images).float().square().sum()
    return loss, torch.autograd.grad(loss, [images, *network.parameters()], **more)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_network_learns_what_it_learns_without(monkeypatch, layout):
    network = Net().to(memory_format=layout)
    images = torch.rand(6, 3, 9, 9).contiguous(memory_format=layout).requires_grad_()
    loss, expected = gradients(network, images)
    monkeypatch.setattr(weight_gradients, "_can_be_apart", lambda how, *_: how.stride == (1, 1))
    with weights_apart(network, CPU):
        ours, found = gradients(network, images)
    assert torch.equal(ours, loss)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-2 * float(other.abs().max()))
    assert all(map(torch.equal, (found[0], *found[3:]), (expected[0], *expected[3:])))
    assert "_conv_forward" not in vars(network.first)


def test_a_gradient_is_differentiated_again(monkeypatch):
    network, images = Net(), torch.rand(6, 3, 9, 9).requires_grad_()

    def curved():
        _, first = gradients(network, images, create_graph=True)
        return torch.autograd.grad(sum(g.square().sum() for g in first), network.parameters())

    expected = curved()
    monkeypatch.setattr(weight_gradients, "_can_be_apart", lambda *_: True)
    with weights_apart(network, CPU):
        found = curved()
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=2e-2, atol=2e-2 * float(other.abs().max()))


@pytest.mark.parametrize(
    ("network", "images"),
    [
        (Net().double(), torch.rand(6, 3, 9, 9).double()),
        (Net().requires_grad_(False), torch.rand(6, 3, 9, 9).requires_grad_()),
        (nn.Conv2d(3, 48, 3), torch.rand(3, 9, 9)),
    ],
    ids=["double", "frozen", "one image"],
)
def test_what_autocast_leaves_or_needs_no_gradient_is_left(monkeypatch, network, images):
    monkeypatch.setattr(weight_gradients, "_can_be_apart", lambda *_: pytest.fail("asked"))
    with torch.autocast("cpu", torch.bfloat16):
        expected = network(images)
        with weights_apart(network, CPU):
            assert torch.equal(network(images), expected)


def test_inside_once_more_it_is_as_it_was():
    network = Net()
    with weights_apart(network, CPU):
        with weights_apart(network, CPU):
            assert "_conv_forward" in vars(network.first)
        assert "_conv_forward" in vars(network.first)
    assert "_conv_forward" not in vars(network.first)


def test_where_sums_are_the_same_they_are_so_bit_for_bit():
    how = _How((1, 1), (1, 1), (1, 1))
    images, weight = torch.rand(15, 3, 16, 16).bfloat16(), torch.rand(64, 3, 3, 3).bfloat16()
    slope = torch.randn(15, 64, 16, 16).bfloat16()
    key = weight_gradients._key
    if weight_gradients._can_be_apart(how, key(images), key(weight)):
        expected = _gradients(slope, images, weight, how, (False, True, True))[1:]
        assert all(map(torch.equal, _by_channels(slope, images, weight, how), expected))


@pytest.mark.parametrize(
    ("channels", "stride", "padding", "dilation"), [(40, 1, 1, 1), (33, 2, 0, 1), (64, 1, 2, 2)]
)
def test_pieces_are_of_the_channels_they_are_said_to_be(channels, stride, padding, dilation):
    torch.manual_seed(1)
    images, weight = torch.randn(4, 5, 8, 8), torch.randn(channels, 5, 3, 3)
    how = _How((stride, stride), (padding, padding), (dilation, dilation))
    leaves = weight.clone().requires_grad_(), torch.zeros(channels, requires_grad=True)
    out = conv2d(images, *leaves, *how)
    slope = torch.randn_like(out)
    expected = torch.autograd.grad(out, leaves, slope)
    for ours, theirs in zip(_by_channels(slope, images, weight, how), expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_what_sums_in_another_order_stays_as_it_is(monkeypatch):
    usual = weight_gradients._by_channels

    def otherwise(slope, images, weight, how):
        parts = (usual(slope[k::2], images[k::2], weight, how) for k in (0, 1))
        return tuple(map(sum, zip(*parts, strict=True)))

    monkeypatch.setattr(weight_gradients, "_by_channels", otherwise)
    key = ((16, 3, 16, 16), False), ((64, 3, 3, 3), False)
    assert not weight_gradients._can_be_apart(_How((1, 1), (1, 1), (1, 1)), *key)


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(4, 64, 3, groups=2),
        nn.Conv2d(3, 64, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(3, 64, 3, padding="same"),
    ],
)
def test_other_convolutions_and_other_devices_are_left_alone(conv):
    for network, device in ((conv, CPU), (Net(), torch.device("cuda"))):
        with weights_apart(network, device):
            assert not any("_conv_forward" in vars(m) for m in network.modules())
