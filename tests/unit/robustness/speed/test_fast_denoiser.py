"""Denoisers made fast are the same function; batch sizes follow from the network."""

import copy

import diffusers
import pytest
import torch
from torch import nn

from isoloss import IsolossError
from isoloss.robustness import (
    Fast,
)
from isoloss.robustness.smoothing.denoiser import (
    build_unet,
)
from isoloss.robustness.speed import fast_denoiser
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


def given_by(unet, x, precision="fp32"):
    with torch.no_grad():
        return FastDenoiser(unet, x, torch.device("cpu"), precision)(x, torch.tensor(7))


@pytest.mark.parametrize(
    "changes",
    [
        {"resnet_time_scale_shift": "scale_shift"},
        {"downsample_type": "resnet", "upsample_type": "resnet"},
        {"act_fn": "gelu"},
        {"mid_block_type": None},
        {"mid_block_scale_factor": 2.0},
        {"time_embedding_type": "fourier"},
        {"down_block_types": ("SkipDownBlock2D",) * 2, "up_block_types": ("SkipUpBlock2D",) * 2},
        {"down_block_types": ("ResnetDownsampleBlock2D", "DownBlock2D"), "out_channels": 6},
    ],
    ids=str,
)
def test_a_denoiser_of_any_blocks_is_the_same_function(unet_that, changes):
    torch.manual_seed(0)
    groups = {"block_out_channels": (8, 8), "norm_num_groups": 2}
    unet, x = unet_that(**groups, **changes).eval(), images().float()
    with torch.no_grad():
        expected = unet(x, torch.tensor(7)).sample
    torch.testing.assert_close(given_by(unet, x), expected, rtol=1e-4, atol=1e-5)


def test_where_the_fast_way_is_another_function_the_denoiser_stays_as_it_is(unet_that, monkeypatch):
    unet, x = unet_that().eval(), images().float()

    def makes_another(fast):
        with torch.no_grad():
            fast.conv_out.bias.add_(0.01)
        return True

    monkeypatch.setattr(fast_denoiser, "avoid_repetitions", makes_another)
    with torch.no_grad():
        expected = unet(x, torch.tensor(7)).sample
    torch.testing.assert_close(given_by(unet, x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_any_precision_compute_in_single(unet_that, kind):
    torch.manual_seed(0)
    unet, x = unet_that().eval().to(kind), images().float()
    with torch.no_grad():
        expected = copy.deepcopy(unet).float()(x, torch.tensor(7)).sample
    torch.testing.assert_close(given_by(unet, x), expected, rtol=1e-4, atol=1e-5)
    assert unet.dtype == kind


class Plain(nn.Module):
    """A network that is none of diffusers' and gives what it predicts in its own way."""

    def __init__(self, wrap):
        super().__init__()
        self.wrap, self.conv = wrap, nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x_t, t):
        return self.wrap(self.conv(x_t))


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: (x,)])
def test_a_network_without_a_configuration_is_taken_as_it_is(wrap):
    network, x = Plain(wrap), images().float()
    with torch.no_grad():
        torch.testing.assert_close(given_by(network, x), network.conv(x))


@pytest.mark.parametrize(
    ("changes", "shape", "message"),
    [
        ({"sample_size": 9}, (3, 9, 9), "halves images 1 times, and 9×9 cannot be: .* of 2, or"),
        ({"sample_size": None}, (3, 8, 11), "and 8×11 cannot be"),
        (
            {
                "sample_size": 28, "block_out_channels": (4,) * 4,
                "down_block_types": ("DownBlock2D",) * 4, "up_block_types": ("UpBlock2D",) * 4,
            },
            (3, 28, 28), "halves images 3 times, and 28×28 cannot be: .* multiples of 8, or",
        ),
        ({"sample_size": [8, 16]}, (3, 16, 8), "is for 8×16 images, these are 16×8"),
        ({}, (1, 8, 8), "is for images of 3 channels, these have 1"),
        ({"in_channels": 4, "out_channels": 4}, (3, 8, 8), "of 4 channels .as codes of latent"),
        ({"num_class_embeds": 3}, (3, 8, 8), "wants to know the class"),
        ({"center_input_sample": True}, (3, 8, 8), r"for inputs in \[0, 1\]"),
    ],
    ids=lambda what: str(what)[:30],
)  # fmt: skip
def test_a_denoiser_that_does_not_fit_is_refused_in_one_line(unet_that, changes, shape, message):
    with pytest.raises(IsolossError, match=message) as refusal:
        given_by(unet_that(**changes), torch.rand(2, *shape))
    assert "\n" not in str(refusal.value)


def test_networks_that_want_a_text_or_a_class_are_refused():
    text = diffusers.UNet2DConditionModel(
        sample_size=8, in_channels=3, out_channels=3, block_out_channels=(4, 4),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), layers_per_block=1,
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), norm_num_groups=2,
        cross_attention_dim=4, attention_head_dim=2,
    )  # fmt: skip
    classes = diffusers.DiTTransformer2DModel(
        num_attention_heads=1, attention_head_dim=8, in_channels=3, out_channels=3, num_layers=1,
        sample_size=8, norm_num_groups=1,
    )  # fmt: skip
    for network, message in [(text, "wants a text"), (classes, "fails with these images: ")]:
        with pytest.raises(IsolossError, match=message):
            given_by(network, images().float())
