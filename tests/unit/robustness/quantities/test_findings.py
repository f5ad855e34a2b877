"""What a surface says of its adversarial and its denoised loss: whether to believe them."""

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from isoloss import probe, random_plane
from isoloss.geometry.ticks import number_label
from isoloss.robustness import Adversarial, Denoised
from isoloss.robustness.smoothing.own_denoiser import denoiser_of

AXIS = np.linspace(-0.4, 0.4, 5)


def findings(net, digits, *quantities, axis=AXIS, **asked):
    _, images, labels = digits
    surface = probe(
        net, [(images, labels)], random_plane(net, seed=3), axis, axis, precision="fp32",
        device="cpu", progress=False, quantities=quantities, **asked,
    )  # fmt: skip
    return surface, {f["what"]: (f["level"], f["message"]) for f in surface.meta["findings"]}


class Levels(nn.Module):
    """Sees images in few grey levels: its gradient is zero everywhere."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net((x * 4).round() / 4)


def test_an_attack_that_works_is_well_and_says_what_it_does(digits):
    surface, found = findings(digits[0], digits, Adversarial(0.05, steps=5))
    assert found["attack"][0] == "ok"
    assert found["attack that goes on"][0] == "ok"
    clean, attacked = surface.loss[2, 2], surface.columns["adversarial"][2, 2]
    assert f"is {clean:.3g}, that of attacked images {attacked:.3g}" in found["attack"][1]


@pytest.mark.parametrize(
    "masked", [Levels, lambda net: nn.Sequential(net, nn.Hardtanh(-1e-3, 1e-3))]
)
def test_an_attack_that_finds_nothing_is_warned_of(digits, masked):
    _, found = findings(masked(digits[0]), digits, Adversarial(0.05, steps=2))
    level, message = found["attack"]
    assert level == "warning"
    assert "finds nothing, and that is no robustness" in message
    assert "(eps)" in message  # from Python, by Python's names


def test_a_radius_of_almost_nothing_finds_nothing(digits):
    assert findings(digits[0], digits, Adversarial(1e-6, steps=2))[1]["attack"][0] == "warning"


def test_nothing_is_said_of_a_centre_that_is_not_on_the_grid(digits):
    axis = np.array([0.1, 0.3])
    assert "attack" not in findings(digits[0], digits, Adversarial(0.05, steps=2), axis=axis)[1]


@pytest.mark.parametrize("lengths", [[0.0], [1e-4] * 3])
def test_an_attack_that_goes_on_too_short_is_warned_of(digits, monkeypatch, lengths):
    monkeypatch.setattr(Adversarial, "lengths_on", lengths)
    axis = np.linspace(-2, 2, 5)
    surface, found = findings(digits[0], digits, Adversarial(0.05, steps=8), axis=axis)
    level, message = found["attack that goes on"]
    assert level == "warning"
    assert "more steps (steps)" in message
    raised, lacking = map(float, re.findall(r"(-?[\d.]+) %", message))
    assert raised + lacking == pytest.approx(100, abs=0.1)
    (kept,) = (f for f in surface.meta["findings"] if f["what"] == "attack that goes on")
    assert kept["remedy"] == {"steps": 16}


def grey(noisy, sigma):
    return 0.5 * noisy + 0.1


def error_over_draws(net, images, labels, sigma):
    """Of the mean loss by one draw for each image, from two hundred."""
    means = []
    for seed in range(200):
        noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))
        seen = grey(images + sigma * noise, sigma).clamp(0, 1)
        means.append(float(F.cross_entropy(net(seen), labels).detach()))
    return np.std(means)


@pytest.mark.parametrize(("reach", "level"), [(1.0, "ok"), (1e-4, "warning")])
def test_a_relief_that_is_lower_than_the_draws_error_is_warned_of(digits, reach, level):
    net, images, labels = digits
    denoised = Denoised(*denoiser_of(grey, [0.3], 1), 0.3)
    surface, found = findings(net, digits, denoised, axis=reach * np.linspace(-1, 1, 3))
    said, message = found["denoised"]
    assert said == level
    relief = np.ptp(surface.columns["denoised"])
    assert f"spans {number_label(float(relief))} over the plane" in message
    error = float(message.split("is about ")[1].split(":")[0])
    assert 0.5 < error / error_over_draws(net, images, labels, 0.3) < 2


def test_what_fails_in_a_check_costs_no_surface(digits, monkeypatch):
    def broken(self, surface, evaluator):
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(Adversarial, "findings", broken)
    surface, found = findings(digits[0], digits, Adversarial(0.05, steps=1))
    assert found["adversarial"][0] == "note"
    assert "by nothing" in found["adversarial"][1]
    assert surface.is_complete
