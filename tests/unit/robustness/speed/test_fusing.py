"""A convolution done in one pass with what follows it: the same function with the same gradient."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from isoloss.robustness import Fast
from isoloss.robustness.speed.frozen_convolution import FrozenConvolution, can_be_frozen
from isoloss.robustness.speed.fusing import fused


def values_and_gradients(function, *inputs):
    leaves = [t.detach().clone().requires_grad_() for t in inputs]
    answer = function(*leaves)
    weights = torch.linspace(-1, 1, answer.numel(), dtype=answer.dtype).view(answer.shape)
    return answer.detach(), *torch.autograd.grad((answer * weights).sum(), leaves)


CONVOLUTIONS = {
    "3x3": {"inputs": 5, "outputs": 7, "kernel_size": 3, "padding": 1},
    "3x3 without padding": {"inputs": 5, "outputs": 7, "kernel_size": 3},
    "wide padding": {"inputs": 5, "outputs": 7, "kernel_size": 3, "padding": 3},
    "1x1": {"inputs": 8, "outputs": 6, "kernel_size": 1},
    "1x1, every second place": {"inputs": 8, "outputs": 6, "kernel_size": 1, "stride": 2},
    "1x1, uneven stride": {"inputs": 8, "outputs": 6, "kernel_size": 1, "stride": (3, 2)},
    "1x1, padded": {"inputs": 8, "outputs": 6, "kernel_size": 1, "stride": 2, "padding": 1},
    "strided": {"inputs": 6, "outputs": 7, "kernel_size": 3, "stride": 2, "padding": 1},
    "stem of ResNet": {"inputs": 3, "outputs": 8, "kernel_size": 7, "stride": 2, "padding": 3},
    "stem of ViT": {"inputs": 3, "outputs": 8, "kernel_size": 4, "stride": 4},
    "stem that leaves places out": {"inputs": 3, "outputs": 8, "kernel_size": 5, "stride": 5},
    "stem of three": {"inputs": 1, "outputs": 4, "kernel_size": 4, "stride": 3, "padding": 2},
    "not square": {
        "inputs": 3, "outputs": 4, "kernel_size": (3, 5), "stride": (2, 1), "padding": (0, 2),
    },
    "dilated": {"inputs": 4, "outputs": 4, "kernel_size": 3, "padding": 2, "dilation": 2},
    "grouped": {"inputs": 6, "outputs": 6, "kernel_size": 3, "padding": 1, "groups": 3},
    "same": {"inputs": 4, "outputs": 5, "kernel_size": 3, "padding": "same", "dilation": 2},
}  # fmt: skip


@pytest.mark.parametrize("name", CONVOLUTIONS)
@pytest.mark.parametrize("bias", [True, False])
def test_a_frozen_convolution_adds_and_rectifies_as_three_operations_do(name, bias):
    torch.manual_seed(0)
    how = dict(CONVOLUTIONS[name])
    convolution = nn.Conv2d(how.pop("inputs"), how.pop("outputs"), **how, bias=bias)
    convolution.requires_grad_(False)
    exact = copy.deepcopy(convolution).double()
    frozen = FrozenConvolution(convolution)
    few = [(2, 3), (1, 1)] if convolution.kernel_size == (1, 1) else []
    for size in [(16, 16), (16, 12), (13, 15), *few]:
        maps = torch.randn(3, convolution.in_channels, *size)
        added = torch.randn_like(convolution(maps))
        for rectifies in (False, True):
            frozen.rectifies = rectifies
            last = torch.relu if rectifies else (lambda t: t)
            for inputs in ((maps,), (maps, added)):
                found = values_and_gradients(frozen, *inputs)
                expected = values_and_gradients(
                    lambda m, *a, last=last: last(exact(m) + (a[0] if a else 0)),
                    *(t.double() for t in inputs),
                )
                for a, b in zip(found, expected, strict=True):
                    torch.testing.assert_close(a.double(), b, rtol=1e-4, atol=1e-4)


def test_what_is_added_may_be_of_another_type_and_shape():
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 4, 3, padding=1).requires_grad_(False)
    frozen = FrozenConvolution(convolution)
    frozen.rectifies = True
    maps = torch.randn(2, 3, 5, 5)
    for added in (torch.randn(4, 1, 1), torch.randn(2, 4, 5, 5, dtype=torch.float64)):
        found = values_and_gradients(frozen, maps, added)
        expected = values_and_gradients(lambda m, a: F.relu(convolution(m) + a), maps, added)
        assert found[0].dtype == expected[0].dtype
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b)


def test_in_half_precision_it_is_no_less_exact_than_one_operation_after_the_other():
    torch.manual_seed(0)
    convolution = nn.Conv2d(16, 32, 3, padding=1).requires_grad_(False)
    exact = copy.deepcopy(convolution).double()
    plain = copy.deepcopy(convolution).bfloat16()
    frozen = FrozenConvolution(convolution.bfloat16())
    frozen.rectifies = True
    maps, added = torch.randn(4, 16, 8, 8).bfloat16(), torch.randn(4, 32, 8, 8).bfloat16()
    truth = F.relu(exact(maps.double()) + added.double())
    off = (frozen(maps, added).double() - truth).norm()
    assert off <= (F.relu(plain(maps) + added).double() - truth).norm()
    assert off < 0.01 * truth.norm()


@pytest.mark.parametrize("size", [(4, 4), (16, 16)])
def test_what_it_gives_may_be_written_over(size):
    torch.manual_seed(0)
    convolution = nn.Conv2d(4, 6, 1).requires_grad_(False)
    maps = torch.randn(2, 4, *size)
    found = values_and_gradients(lambda m: FrozenConvolution(convolution)(m).add_(1).relu_(), maps)
    expected = values_and_gradients(lambda m: F.relu(convolution(m) + 1), maps)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_weights_that_change_their_type_are_laid_out_anew_and_a_copy_is_its_own():
    torch.manual_seed(0)
    frozen = FrozenConvolution(nn.Conv2d(3, 4, 3).requires_grad_(False))
    maps = torch.randn(2, 3, 6, 6)
    single = frozen(maps)
    other = copy.deepcopy(frozen)
    other.convolution.to(torch.bfloat16)
    assert torch.equal(frozen(maps), single)
    assert other(maps).dtype == torch.bfloat16
    torch.testing.assert_close(other(maps).float(), single, rtol=0.05, atol=0.05)


class Bottleneck(nn.Module):
    """Adds what is worked out after the convolution that it is added to."""

    def __init__(self, in_place):
        super().__init__()
        self.first, self.second = nn.Conv2d(4, 6, 1), nn.Conv2d(6, 8, 3, padding=1)
        self.shortcut = nn.Conv2d(4, 8, 1)
        self.relu, self.in_place = nn.ReLU(inplace=in_place), in_place

    def forward(self, maps):
        answer = self.second(self.relu(self.first(maps)))
        shortcut = self.shortcut(maps)
        if self.in_place:
            answer += shortcut
        else:
            answer = shortcut + answer
        return self.relu(answer).mean((2, 3))


@pytest.mark.parametrize("in_place", [True, False])
def test_a_block_with_a_shortcut_rectifies_and_adds_in_its_convolutions(in_place):
    torch.manual_seed(0)
    network, images = Bottleneck(in_place).eval(), torch.randn(3, 4, 9, 9)
    expected = values_and_gradients(network, images)
    changed = fused(copy.deepcopy(network))
    assert not any(
        isinstance(m, nn.ReLU) for n, m in changed.named_modules() if n in called(changed)
    )
    assert not [n for n in changed.graph.nodes if n.op == "call_function"]
    for a, b in zip(values_and_gradients(changed, images), expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def called(network):
    return {n.target for n in network.graph.nodes if n.op == "call_module"}


class Used(nn.Module):
    """What a convolution gives is used before it is rectified, another is called twice."""

    def __init__(self):
        super().__init__()
        self.once, self.twice = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, maps):
        seen = self.once(maps)
        rectified = F.relu(seen)
        return F.relu(self.twice(self.twice(rectified))) - seen


def test_what_somebody_else_uses_is_not_rectified():
    torch.manual_seed(0)
    network, images = Used().eval(), torch.randn(2, 3, 7, 7)
    expected = values_and_gradients(network, images)
    changed = fused(copy.deepcopy(network))
    assert not any(m.rectifies for m in changed.modules() if isinstance(m, FrozenConvolution))
    for a, b in zip(values_and_gradients(changed, images), expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


class DataDependent(nn.Module):
    """Cannot be traced."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3, stride=2)

    def forward(self, images):
        seen = self.convolution(images)
        return (seen if seen.mean() > 1e9 else -seen).mean((2, 3))


def test_of_a_network_that_cannot_be_traced_convolutions_are_frozen_alone():
    torch.manual_seed(0)
    network, images = DataDependent().eval().requires_grad_(False), torch.rand(4, 3, 9, 9)
    fast = Fast(network, images, precision="fp32")
    assert any(isinstance(m, FrozenConvolution) for m in fast.modules())
    for a, b in zip(
        values_and_gradients(fast, images), values_and_gradients(network, images), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_only_plain_convolutions_are_frozen():
    plain = nn.Conv2d(3, 3, 3)
    assert can_be_frozen(plain)
    assert not can_be_frozen(nn.Conv2d(3, 3, 3, padding=1, padding_mode="circular"))
    assert not can_be_frozen(nn.Conv2d(3, 3, 2, padding="same"))
    assert not can_be_frozen(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 3, 3)))
    plain.register_forward_hook(lambda *_: None)
    assert not can_be_frozen(plain)
