"""Denoisers made fast are the same function; batch sizes follow from the network."""

import pytest
import torch
from torch import nn

from isoloss.robustness import (
    Fast,
)
from isoloss.robustness.smoothing.denoiser import (
    build_unet,
)
from isoloss.robustness.speed.fast_denoiser import FastDenoiser


def images(n=3, size=8):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(n, 3, size, size, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("precision", "largest"), [("fp32", 1e-5), ("bf16", 0.05)])
def test_a_denoiser_made_fast_is_the_same_function(precision, largest):
    torch.manual_seed(0)
    unet = build_unet("tiny", 16).eval()
    x = torch.rand(4, 3, 16, 16)
    fast = FastDenoiser(unet, x, torch.device("cpu"), precision)
    found = []
    for network in (lambda images: unet(images, torch.tensor(7)).sample,
                    lambda images: fast(images, torch.tensor(7))):  # fmt: skip
        leaf = x.clone().requires_grad_()
        predicted = network(leaf)
        (gradient,) = torch.autograd.grad(predicted.square().sum(), leaf)
        found.append((predicted.detach(), gradient))
    for expected, given in zip(*found, strict=True):
        assert given.dtype == torch.float32
        assert float((given - expected).norm()) <= largest * float(expected.norm())
    with torch.no_grad():  # and where it may write over what a backward pass would need
        given, expected = fast(x, torch.tensor(7)), found[0][0]
    assert float((given - expected).norm()) <= largest * float(expected.norm())
    assert all(p.requires_grad for p in unet.parameters())
    assert not any(p.requires_grad for p in fast.parameters())


@pytest.mark.parametrize("size", [3, 32])
def test_group_norms_of_a_bf16_denoiser_are_those_of_single_precision(size):
    torch.manual_seed(0)
    unet = build_unet("tiny", 16).eval().requires_grad_(False)
    made = FastDenoiser(unet, torch.rand(1, 3, 16, 16), torch.device("cpu"), "bf16").unet
    plain, fast = (
        next(m for m in network.modules() if isinstance(m, nn.GroupNorm))
        for network in (unet, made)
    )
    assert type(fast) is not nn.GroupNorm
    for module in (plain, fast):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            module.weight.uniform_(0.5, 2)
            module.bias.normal_()
    maps = torch.randn(5, plain.num_channels, size, size) * 2 + 1
    slope = torch.randn_like(maps)
    found = []
    for module, dtype in ((plain, torch.float32), (fast, torch.bfloat16)):
        leaf = maps.to(dtype).contiguous(memory_format=torch.channels_last).requires_grad_()
        normal = module(leaf)
        (gradient,) = torch.autograd.grad(normal, leaf, slope.to(dtype))
        found.append((normal.detach(), gradient))
    for expected, given in zip(*found, strict=True):
        assert given.dtype == torch.bfloat16
        assert float((given.float() - expected).norm() / expected.norm()) < 0.005


def test_a_fast_denoiser_s_rows_do_not_depend_on_how_many_there_are():
    torch.manual_seed(0)
    unet = build_unet("tiny", 16).eval()
    x = torch.rand(70, 3, 16, 16)  # diffusers treats 64 and more in another way
    fast = FastDenoiser(unet, x, torch.device("cpu"), "fp32")
    with torch.no_grad():
        expected = unet(x, torch.tensor(7)).sample
        torch.testing.assert_close(fast(x, torch.tensor(7)), expected, rtol=1e-4, atol=1e-5)
        apart = [fast(some, torch.tensor(7)) for some in x.split(9)]
    torch.testing.assert_close(torch.cat(apart), expected, rtol=1e-4, atol=1e-5)


def test_batches_follow_from_how_wide_a_network_is():
    x = torch.rand(1, 3, 32, 32)
    sizes = {}
    for width in (8, 64, 256, 4096):
        narrow = nn.Sequential(nn.Conv2d(3, width, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        sizes[width] = Fast(narrow, x, precision="fp32").batch_sizes
    # 8 MiB of the widest activations within 64 to 256 images, but never more than 64 MiB.
    assert {width: each.attacking for width, each in sizes.items()} == {
        8: 256, 64: 64, 256: 64, 4096: 4,
    }  # fmt: skip
    # Four times as many bytes where nothing is kept for a backward pass.
    assert {width: each.counting for width, each in sizes.items()} == {
        8: 256, 64: 128, 256: 64, 4096: 4,
    }  # fmt: skip
