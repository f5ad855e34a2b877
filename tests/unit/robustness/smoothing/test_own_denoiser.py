"""Denoisers of any kind: functions of one's own, named on the command line."""

import sys

import pytest
import torch

from isoloss.app.state.forms.known_names import problem_with_denoiser
from isoloss.compute.networks.normalized import Normalized
from isoloss.errors import IsolossError
from isoloss.robustness.evaluation.setup import digest_of_denoiser
from isoloss.robustness.smoothing.own_denoiser import denoiser_of
from isoloss.robustness.smoothing.smoothing import DenoisedSmoothing, check_denoises
from isoloss.robustness.speed.fast_denoiser import FastDenoiser
from isoloss.settings import DefendSettings
from isoloss.settings.source import denoiser

FFDNET = '''
"""A small FFDNet (Zhang et al. 2018) of random weights, found when it is first wanted."""
from functools import cache

import torch
import torch.nn.functional as F
from torch import nn

SEED = 0


class FFDNet(nn.Module):
    def __init__(self, width=6):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(13, width, 3, 1, 1), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, 12, 3, 1, 1),
        )

    def forward(self, noisy, sigma):
        height, width = noisy.shape[-2:]
        even = F.pad(noisy, (0, width % 2, 0, height % 2), mode="replicate")
        halves = F.pixel_unshuffle(even, 2)
        level = torch.full_like(halves[:, :1], sigma)
        noise = F.pixel_shuffle(self.layers(torch.cat([halves, level], 1)), 2)
        return noisy - noise[..., :height, :width]


@cache
def network():
    torch.manual_seed(SEED)
    return FFDNet()


def denoise(noisy, sigma):
    return network()(noisy, sigma)


def half(noisy, sigma):
    return noisy[:, :, ::2]


def flat(noisy, sigma):
    return (noisy.detach().clamp(0, 1) * 255).byte()


def nan(noisy, sigma):
    return noisy * float("nan")


def levels(noisy, sigma):
    return noisy * 255


def centred(noisy, sigma):
    return 2 * noisy - 1


def broken(noisy, sigma):
    raise ValueError("no\\nweights")


def one_argument(noisy):
    return noisy


def in_numpy(noisy, sigma):
    return torch.from_numpy(noisy.detach().numpy() * 0.5 + 0.25)


def blurred(noisy, sigma):
    return F.avg_pool2d(noisy, 3, 1, 1)


def listed(noisy, sigma):
    return [noisy]
'''


@pytest.fixture
def users(tmp_path, monkeypatch):
    """A working folder with a module of denoisers; gives what writes it with another text."""

    def write(text=FFDNET):
        sys.modules.pop("ownffd", None)
        (tmp_path / "ownffd.py").write_text(text, encoding="utf-8")
        # Two texts of one length within a second would be one to Python's cache.
        monkeypatch.setattr(sys, "dont_write_bytecode", True)

    write()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield write
    sys.modules.pop("ownffd", None)


def settled(name, sigma=0.25, size=(8, 8)):
    unet, scheduler = denoiser_of(f"ownffd:{name}", [sigma], 3)
    unet.settle(torch.full((2, 3, *size), 0.5))
    return unet, scheduler


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (12, 5)])
@pytest.mark.parametrize("sigma", [0.05, 0.25, 1.0])
def test_a_named_function_is_the_denoiser_for_images_of_any_size(users, size, sigma):
    torch.manual_seed(1)
    classifier = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * size[0] * size[1], 4))
    images, noise = torch.rand(2, 5, 3, *size)
    unet, scheduler = settled("denoise", sigma, size)
    fast = FastDenoiser(unet, images, torch.device("cpu"), "fp32")
    defense = DenoisedSmoothing(classifier, fast, scheduler, sigma).unclamped()
    theirs = sys.modules["ownffd"]
    given = (images + sigma * noise).requires_grad_()
    expected = theirs.denoise(given, sigma)
    (slope,) = torch.autograd.grad(classifier(expected).square().sum(), given)
    mine = images.clone().requires_grad_()
    logits = defense.logits(mine, noise)
    torch.testing.assert_close(logits, classifier(expected), rtol=1e-4, atol=1e-4)
    (found,) = torch.autograd.grad(logits.square().sum(), mine)
    torch.testing.assert_close(found, slope, rtol=1e-3, atol=1e-3)


def test_the_networks_it_calls_are_frozen_in_eval_mode_and_hashed(users):
    digests = []
    for text in (FFDNET, FFDNET, FFDNET.replace("SEED = 0", "SEED = 1"), FFDNET + "\nMORE = 2\n"):
        users(text)
        unet, scheduler = settled("denoise")
        digests.append(digest_of_denoiser(unet, scheduler))
        network = sys.modules["ownffd"].network()
        assert not any(module.training for module in network.modules())
        assert not any(parameter.requires_grad for parameter in network.parameters())
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3
    # The same text and other weights, as a file of them would bring.
    users()
    unet, scheduler = denoiser_of("ownffd:denoise", [0.25], 3)
    with torch.no_grad():
        next(sys.modules["ownffd"].network().parameters()).mul_(1.01)
    unet.settle(torch.rand(1, 3, 8, 8))
    assert digest_of_denoiser(unet, scheduler) not in digests


def test_a_network_at_hand_in_a_script_is_left_as_it_is():
    network = Normalized(torch.nn.Conv2d(3, 3, 1), (0.0,), (1.0,)).train()
    unet, _ = denoiser_of(lambda noisy, sigma: network(noisy), [0.25], 3)
    before = unet.digest
    unet.settle(torch.rand(1, 3, 8, 8))
    assert network.training
    assert next(network.parameters()).requires_grad
    assert unet.digest == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("half", r"the denoiser gives \(1, 3, 4, 8\) for images of \(1, 3, 8, 8\)"),
        ("listed", r"the denoiser gives list for images of \(1, 3, 8, 8\)"),
        ("flat", "the denoiser gives uint8: images are floats"),
        ("nan", "the denoiser gives NaN or infinite values"),
        ("broken", "the denoiser failed: ownffd.py, line .*, in broken: ValueError: no weights"),
        ("one_argument", "the denoiser failed: TypeError: one_argument.. takes 1 positional"),
        ("levels", "does not denoise these images: noise of σ = 0.25"),
        ("centred", "does not denoise these images"),
        ("missing", "there is no 'missing' in ownffd"),
    ],
)
def test_what_is_no_denoiser_is_refused_in_one_line(users, name, message):
    def prepared():
        pair = settled(name)
        images = torch.full((4, 3, 8, 8), 0.6)
        check_denoises(DenoisedSmoothing(torch.nn.Identity(), *pair, 0.25), images)

    with pytest.raises(IsolossError, match=message) as caught:
        prepared()
    assert "\n" not in str(caught.value)


def test_whether_gradients_flow_is_found_out(users):
    assert settled("denoise")[0].gives_gradients
    assert settled("blurred")[0].gives_gradients
    assert not settled("in_numpy")[0].gives_gradients


def test_what_a_name_means_is_told_without_importing_it(users):
    assert denoiser("ownffd:denoise").kind == "function"
    assert denoiser("google/ddpm-cifar10-32").kind == "hub"
    assert denoiser("digits-denoiser").kind == "shipped"
    assert problem_with_denoiser("ownffd:denoise") == ""
    assert problem_with_denoiser("ownffd:missing") == "There is no 'missing' in ownffd"
    assert problem_with_denoiser("nowhere:denoise").startswith("There is no module nowhere")
    assert "ownffd" not in sys.modules
    settings = DefendSettings(source="digits-classifier", denoiser="ownffd:denoise")
    assert settings.denoiser == "ownffd:denoise"
