"""A network with fewer operations is the same function, in its values and in its gradients."""

import pytest
import torch
import torch.nn.functional as F
from torch import fx, nn

from isoloss.robustness import Fast, Protocol, attack
from isoloss.robustness.speed.shortcuts import SmallMap, pooling_first, with_small_maps


def gradients(network, images):
    leaf = images.clone().requires_grad_()
    logits = network(leaf)
    (gradient,) = torch.autograd.grad(logits.square().sum(), leaf)
    return logits.detach(), gradient


def small_network(dtype=torch.float64):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
        nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.ReLU(),
        nn.Conv2d(8, 5, 3, stride=2, padding=1), nn.Flatten(), nn.Linear(5, 4),
    ).to(dtype).eval()  # fmt: skip


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation", "size"),
    [(3, 1, 1, 1, (2, 2)), (3, 2, 1, 1, (2, 2)), (5, 1, 2, 1, (4, 3)), (3, 1, 2, 2, (1, 2)),
     (3, 1, "same", 1, (1, 1))],
)  # fmt: skip
@pytest.mark.parametrize("bias", [True, False])
def test_a_matrix_stands_for_a_convolution_over_a_small_map(
    kernel, stride, padding, dilation, size, bias
):
    torch.manual_seed(0)
    convolution = nn.Conv2d(6, 4, kernel, stride, padding, dilation, bias=bias).double()
    product = SmallMap(convolution, (6, *size))
    for layout in (torch.contiguous_format, torch.channels_last):
        maps = torch.randn(3, 6, *size, dtype=torch.float64).contiguous(memory_format=layout)
        for found, expected in zip(
            gradients(product, maps), gradients(convolution, maps), strict=True
        ):
            torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    other = torch.randn(2, 6, 7, 7, dtype=torch.float64)
    assert torch.equal(product(other), convolution(other))


def test_only_convolutions_whose_map_is_smaller_than_their_kernel_are_replaced():
    network, images = small_network(), torch.rand(5, 3, 8, 8, dtype=torch.float64)
    expected = gradients(network, images)
    changed = with_small_maps(network, images[:2])
    replaced = [k for k, m in enumerate(changed) if isinstance(m, SmallMap)]
    assert replaced == [7, 9]
    for a, b in zip(gradients(changed, images), expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def test_pooling_before_rectifying_changes_nothing():
    network = small_network()
    # Whole windows without a positive value too, and ties.
    images = torch.rand(6, 3, 8, 8, dtype=torch.float64).mul(4).round().div(4)
    expected = gradients(network, images)
    changed = pooling_first(network)
    assert isinstance(changed, fx.GraphModule)
    order = [type(network.get_submodule(n.target)).__name__ for n in changed.graph.nodes
             if n.op == "call_module"]  # fmt: skip
    assert order[:7] == ["Conv2d", "MaxPool2d", "ReLU", "Conv2d", "BatchNorm2d", "MaxPool2d",
                         "ReLU"]  # fmt: skip
    for a, b in zip(gradients(changed, images), expected, strict=True):
        assert torch.equal(a, b)


class Twice(nn.Module):
    """Rectifies once, and uses what came out in two places."""

    def __init__(self):
        super().__init__()
        self.conv, self.relu, self.pool = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2)

    def forward(self, images):
        kept = self.relu(self.conv(images))
        return self.pool(kept).mean((2, 3)) + kept.mean((2, 3))


class Choosy(Twice):
    """Does what depends on the data."""

    def forward(self, images):
        return self.pool(self.relu(self.conv(images if images.sum() > 0 else -images)))


@pytest.mark.parametrize("network", [Twice(), Choosy(), nn.Sequential(nn.Flatten())])
def test_what_cannot_be_swapped_is_left_alone(network):
    assert pooling_first(network) is network


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_fast_network_takes_all_shortcuts_and_is_attacked_alike(precision):
    network = small_network(torch.float32).requires_grad_(False)
    images = torch.rand(32, 3, 8, 8)
    labels = network(images).argmax(1)
    fast = Fast(network, images, precision=precision)
    assert sum(isinstance(m, SmallMap) for m in fast.modules()) == 2
    assert not any(isinstance(m, nn.BatchNorm2d) for m in fast.modules())
    largest = float(network(images).abs().max())
    error = float((fast(images) - network(images)).abs().max())
    assert error < (1e-5 if precision == "fp32" else 0.03) * largest
    protocol = Protocol(steps=10, random_start=False)
    climbed = [attack(n, images, labels, 0.1, protocol) for n in (network, fast)]
    losses = [F.cross_entropy(network(c.images), labels) for c in climbed]
    assert float(losses[1]) == pytest.approx(float(losses[0]), rel=0.02)
