"""A purification as a run asks for it: its settings, its names, and the same from Python."""

import math
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from isoloss import IsolossError
from isoloss.library.estimate import work_ratio
from isoloss.results.tables import defense_in_words
from isoloss.robustness import evaluate
from isoloss.robustness.smoothing.denoiser import build_scheduler
from isoloss.settings import DefendSettings
from isoloss.settings.text import command_line


def defend(**asked):
    return DefendSettings(source="digits-classifier", denoiser="digits-denoiser", **asked)


def test_a_command_line_asks_for_the_same_again():
    asked = defend(purify="0.2 0.1", purify_steps=5, purify_sampler="ddim", purify_eta=0.5)
    assert asked.purify == (0.1, 0.2)
    line = command_line(asked, Path("run"))
    words = "--purify 0.1 0.2 --purify-steps 5 --purify-sampler ddim --purify-eta 0.5"
    assert words in line
    assert "--sigma" not in line
    plain = command_line(defend(sigma=0.5), Path("run"))
    assert "--sigma 0.5" in plain
    assert "purify" not in plain


def test_settings_of_before_say_what_they_said():
    assert "purif" not in defend(sigma=0.5).model_dump_json(exclude_defaults=True)
    names = [*DefendSettings.model_fields]
    assert names[-4:] == ["purify", "purify_steps", "purify_sampler", "purify_eta"]


@pytest.mark.parametrize("t_star", [0.0, -0.1, 1.5, math.nan, math.inf, "a"])
def test_a_time_that_is_no_fraction_is_refused(t_star):
    with pytest.raises(ValueError, match="purify"):
        defend(purify=t_star)


@pytest.mark.parametrize(
    ("defense", "sigma", "words"),
    [
        ("denoised", 0.25, "σ = 0.25"),
        ("noise", 0.5, "σ = 0.5"),
        ("none", math.nan, ""),
        ("none", -1.0, ""),
        ("purified, t* = 0.1, 20 steps", 0.1694, "purified, t* = 0.1, 20 steps"),
    ],
)
def test_a_defense_is_told_from_others_in_words(defense, sigma, words):
    assert defense_in_words(defense, sigma) == words


def test_a_purification_is_estimated_by_its_steps():
    once, often = defend(), defend(purify=(0.1, 0.2), purify_steps=7)
    assert work_ratio(often, once, (1000, 500)) == 14


class Bright(nn.Module):
    """Tells by their mean whether images are bright."""

    def forward(self, x):
        return 40 * torch.stack([0.5 - x.mean((1, 2, 3)), x.mean((1, 2, 3)) - 0.5], 1)


def towards_grey(noisy, sigma):
    """What is best where all values are N(½, 0.2²)."""
    return 0.5 + (noisy - 0.5) * 0.04 / (0.04 + sigma**2)


def test_from_python_a_function_denoises_at_every_step():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(24) % 2
    x = 0.44 + 0.12 * y.view(-1, 1, 1, 1) + torch.randn(24, 1, 4, 4, generator=generator) / 50
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = evaluate(
            Bright(), x, y, "transfer,eot", eps=(0.02, 0.5), denoiser=towards_grey, purify=0.2,
            purify_steps=4, steps=3, draws=4, votes=11, precision="fp32", progress=False,
        )  # fmt: skip
    rows = {(row.attack, row.eps): row for row in table.rows}
    assert {row.defense for row in table.rows} == {"none", "purified, t* = 0.2, 4 steps"}
    assert rows["eot", 0.0].accuracy > 0.7
    assert rows["eot", 0.5].correct == 0
    assert "Behind the defense (purified, t* = 0.2, 4 steps)" in table.summary


class OfNoise(nn.Module):
    """The best prediction of the noise where all values of images are N(½, 0.1²)."""

    def __init__(self, scheduler):
        super().__init__()
        self.alphas = scheduler.alphas_cumprod

    def forward(self, x_t, t):
        alpha = self.alphas[t]
        return (1 - alpha).sqrt() * x_t / (alpha * 0.2**2 + 1 - alpha)


@pytest.mark.parametrize("largest", [0.25, 0.5, 0.7])
def test_a_denoiser_of_one_noise_purifies_from_its_last_step(largest):
    scheduler = build_scheduler(largest)  # whose last step has a little more than that
    x = 0.5 + 0.1 * torch.randn(6, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    y = (x.mean((1, 2, 3)) > 0.5).long()
    table = evaluate(
        Bright(), x.clamp(0, 1), y, "noise", eps=0.01, denoiser=(OfNoise(scheduler), scheduler),
        purify=1.0, purify_steps=3, steps=1, votes=3, precision="fp32", progress=False,
    )  # fmt: skip
    (sigma,) = {row.sigma for row in table.rows if row.sigma > 0}
    assert sigma == pytest.approx(largest, rel=0.02)


def test_from_python_it_needs_a_denoiser():
    x, y = torch.rand(4, 1, 4, 4), torch.tensor([0, 1, 0, 1])
    with pytest.raises(IsolossError, match="purify is a defense by a denoiser: give that too"):
        evaluate(Bright(), x, y, eps=0.1, purify=0.1, progress=False)
