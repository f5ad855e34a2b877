"""Sweeps over several ε: what is taken over, what rounding undoes, who is done."""

import itertools

import pytest
import torch
from torch import nn

from isoloss.robustness import (
    Protocol,
    attack,
    sweep,
)
from isoloss.robustness.ascent.ascent import Attacked
from isoloss.robustness.ascent.ball import LInfBall
from isoloss.robustness.ascent.rounding import Rounded, in_8_bits
from isoloss.robustness.attacks.randomized_sweep import Correctness, randomized_sweep


def test_a_sweep_takes_successes_to_larger_radii(digits):
    net, x, y = digits
    attacked = []

    def gradient_attack(images, labels, eps):
        attacked.append(len(images))
        start = torch.Generator().manual_seed(0)
        return attack(net, images, labels, eps, Protocol(steps=8), start)

    radii = [0.2, 0.0, 0.05, 0.1, 0.4]
    steps = list(sweep(gradient_attack, net, x, y, radii))
    assert [s.eps for s in steps] == sorted(radii)
    assert int((~steps[0].success).sum()) == len(x)
    assert steps[-1].success.all()
    resist = [int((~(s.fooled & s.fooled_in_8_bits)).sum()) for s in steps[:-1]]
    assert attacked == [many for many in resist if many]
    for smaller, larger in itertools.pairwise(steps):
        assert bool((larger.fooled | ~smaller.fooled).all())
    for step in steps:
        assert float((step.images - x).abs().max()) <= step.eps + 1e-6
        assert torch.equal(net(step.images).argmax(1) != y, step.fooled)
        file = in_8_bits(step.images, x, LInfBall(step.eps)).mul(255).round().to(torch.uint8)
        survived = net(file[~step.fooled].float() / 255).argmax(1) != y[~step.fooled]
        assert torch.equal(step.fooled_in_8_bits[~step.fooled], survived)
    resumed = list(sweep(gradient_attack, net, x, y, radii, after=steps[2]))
    assert [s.eps for s in resumed] == [0.2, 0.4]
    assert torch.equal(resumed[0].images, steps[3].images)


def test_what_fools_once_it_is_rounded_is_kept_rounded():
    class Pedant(nn.Module):
        """Right but for images of 8 bits."""

        def forward(self, images):
            levels = images * 255
            whole = ((levels - levels.round()).abs() < 0.01).flatten(1).all(1)
            return torch.stack([~whole, whole], 1).float()

    x, y = torch.full((2, 1, 2, 2), 100.3 / 255), torch.zeros(2, dtype=torch.long)

    def attack(images, labels, eps):
        nowhere = torch.zeros(len(images), dtype=torch.bool)
        return Attacked(images + 0.9 / 255, torch.zeros(len(images)), nowhere, nowhere)

    clean, attacked = sweep(attack, Pedant(), x, y, [0.0, 2 / 255])
    assert not clean.fooled.any(), "rounding a clean image moves it"
    assert attacked.fooled.all()
    assert attacked.fooled_in_8_bits.all()
    torch.testing.assert_close(attacked.images, torch.full_like(x, 101 / 255))


def test_what_rounding_undoes_is_attacked_again_at_larger_radii():
    value = 128 / 255

    class Brighter(torch.nn.Module):
        """Class 1 where the mean is larger than a value between two of 256."""

        def forward(self, images):
            over = 100 * (images.mean((1, 2, 3)) - value - 0.001)
            return torch.stack([-over, over], 1)

    x, y = torch.full((2, 3, 4, 4), value), torch.tensor([0, 0])
    steps = list(
        sweep(
            lambda *a: attack(Brighter(), *a, Protocol(steps=10)), Brighter(), x, y, [0.0015, 0.01]
        )
    )
    assert [s.fooled.tolist() for s in steps] == [[True, True], [True, True]]
    assert [s.fooled_in_8_bits.tolist() for s in steps] == [[False, False], [True, True]]
    assert [s.attacked for s in steps] == [2, 2]


class TwoLevelsBrighter(nn.Module):
    """Class 1 where the mean is more than one and a quarter of 256 levels above a half."""

    def forward(self, images):
        over = images.mean((1, 2, 3)) * 255 - 128 - 1.25
        return torch.stack([-over, over], 1)


def test_what_rounding_undoes_is_attacked_through_the_rounding():
    net, protocol = TwoLevelsBrighter(), Protocol(steps=10, random_start=False)
    x, y = torch.full((2, 3, 4, 4), 128 / 255), torch.tensor([0, 1])
    eps = 0.01  # 2.55 levels, of which a file can hold 2
    (alone,) = sweep(lambda *a: attack(net, *a, protocol), net, x, y, [eps])
    assert alone.fooled.tolist() == [True, True]
    assert alone.fooled_in_8_bits.tolist() == [False, True], "0.64 levels a step, and it stops at 2"
    (both,) = sweep(
        lambda *a: attack(net, *a, protocol), net, x, y, [eps],
        through_rounding=lambda *a: attack(Rounded(net), *a, protocol),
    )  # fmt: skip
    assert both.fooled_in_8_bits.all()
    levels = both.images[0] * 255
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-4)
    assert float((both.images - x).abs().max()) <= eps
    # Where no other file lies in the ball, no attack makes one.
    (small,) = sweep(
        lambda *a: attack(net, *a, protocol), net, x, y, [0.9 / 255],
        through_rounding=lambda *a: pytest.fail("there is no such file"),
    )  # fmt: skip
    assert small.fooled.tolist() == [False, True]


def test_without_carrying_every_radius_stands_alone(digits):
    net, x, y = digits
    counts = [
        s.attacked
        for s in sweep(lambda *a: attack(net, *a, Protocol(steps=4)), net, x, y, [0.1, 0.3],
                       carry=False)
    ]  # fmt: skip
    assert counts == [len(x), len(x)]


def nudge(asked):
    """An attack that adds ε, and notes which images it was asked to attack."""

    def attack_(x, y, eps):
        asked.append((eps, y.tolist()))
        moved = x + eps
        none = torch.zeros(len(x), dtype=torch.bool)
        return Attacked(moved, torch.zeros(len(x)), none, none)

    return attack_


def ten_draws(images, rows, eps):
    """Of images of one pixel, tenths of their value are votes against their class."""
    votes = (10 - 10 * images.flatten(1)[:, 0]).round().clamp(0, 10).long()
    return Correctness(votes, votes > 5, votes > 5, votes == 10, votes > 5)


@pytest.mark.parametrize("carry", [True, False])
def test_who_fools_all_draws_is_attacked_no_more(carry):
    x, y = torch.tensor([0.0, 0.7, 1.0]).view(3, 1, 1, 1), torch.arange(3)
    asked = []
    epsilons = (0.3, 0.5, 1.0)
    found = list(randomized_sweep(nudge(asked), ten_draws, x, y, epsilons, carry=carry))
    if carry:
        assert asked == [(0.3, [0, 1]), (0.5, [0]), (1.0, [0])]
        assert found[2].images.flatten().tolist() == pytest.approx([1.0, 1.0, 1.0])
    else:
        assert asked == [(eps, [0, 1, 2]) for eps in epsilons]
    assert [f.correctness.votes.tolist() for f in found] == [[7, 0, 0], [5, 0, 0], [0, 0, 0]]
    assert [f.correctness.majority.tolist()[0] for f in found] == [True, False, False]
    clean = next(randomized_sweep(nudge(asked), ten_draws, x, y, (0.0,), carry=carry))
    assert clean.correctness.votes.tolist() == [10, 3, 0]
    assert torch.equal(clean.images, x)
