"""Attacks on what draws noise: expected gradients, and no success by luck."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from isoloss.robustness import (
    GaussianSmoothing,
    Protocol,
    eot_pgd,
)
from isoloss.robustness.ascent.objective import Draws
from isoloss.robustness.attacks.eot import mean_objective
from isoloss.robustness.attacks.square import search


class Noise(nn.Module):
    """Says anything, whatever it sees."""

    is_random = True

    def __init__(self, generator=None):
        super().__init__()
        self.generator = generator

    def forward(self, images):
        said = torch.randn(len(images), 3, generator=self.generator)
        return said + 0 * images.sum((1, 2, 3))[:, None]


@pytest.mark.parametrize("own", [True, False])
def test_luck_decides_nothing_of_an_attack_on_what_draws_noise(own):
    torch.manual_seed(0)
    model = Noise(torch.Generator().manual_seed(1) if own else None)
    x, y = torch.rand(8, 3, 6, 6), torch.zeros(8, dtype=torch.long)
    begun, *later = [
        replace(at, images=at.images.clone(), margins=at.margins.clone())
        for at in search(model, x, y, 0.1, 40, generator=torch.Generator().manual_seed(0))
    ]
    assert later[-1].queries == 39
    assert all(torch.equal(at.images, begun.images) for at in later)
    assert not torch.equal(later[-1].margins, later[-2].margins)

    def attacked(restarts, **how):
        protocol = Protocol(steps=2, restarts=restarts, **how)
        start = torch.Generator().manual_seed(0)
        return eot_pgd(model, x, y, 0.1, protocol, 4, start).images

    # Its gradient is zero: all of its iterates are where they began, and no other start is better.
    once = attacked(1)
    assert torch.equal(attacked(3), once)
    assert torch.equal(attacked(3, keep_best=False), once)


def test_the_last_iterate_is_what_an_attack_on_noise_returns(digits):
    net, x, y = digits
    defense = GaussianSmoothing(net, 0.2)

    def attacked(keep_best):
        defense.generator = torch.Generator().manual_seed(0)
        protocol = Protocol(steps=6, keep_best=keep_best)
        start = torch.Generator().manual_seed(1)
        return eot_pgd(defense, x[:16], y[:16], 0.1, protocol, 4, start).images

    assert torch.equal(attacked(True), attacked(False))


def test_the_expected_gradient_is_the_mean_of_single_draws(digits):
    net, x, y = digits
    x, y, draws = x[:4].double(), y[:4], 5
    net.double()
    try:
        defense = GaussianSmoothing(net, 0.3)
        defense.generator = torch.Generator().manual_seed(0)
        value = mean_objective(defense, draws)(x, y, True)
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(4 * draws, 1, 8, 8, generator=generator, dtype=torch.float64)
        singles, losses = [], []
        for d in range(draws):
            leaf = x.clone().requires_grad_()
            loss = F.cross_entropy(net(leaf + 0.3 * noise[d::draws]), y, reduction="none")
            singles.append(torch.autograd.grad(loss.sum(), leaf)[0])
            losses.append(loss.detach())
    finally:
        net.float()
    torch.testing.assert_close(value.gradient, torch.stack(singles).mean(0))
    torch.testing.assert_close(
        value.losses.double(), torch.stack(losses).mean(0), rtol=1e-6, atol=0
    )


def test_eot_beats_a_single_draw_at_a_noisy_defense(digits):
    net, x, y = digits
    defense = GaussianSmoothing(net, 0.3)
    noises = torch.randn(200, *x.shape, generator=torch.Generator().manual_seed(9))

    def expected_loss(images):
        with torch.no_grad():
            return sum(F.cross_entropy(defense.logits(images, z), y) for z in noises) / 200

    protocol = Protocol(steps=8, random_start=False)
    one, many = (
        eot_pgd(defense, x, y, 0.1, protocol, draws, batch_size=128).images for draws in (1, 16)
    )
    assert expected_loss(many) > expected_loss(one) > expected_loss(x)
    assert float((many - x).abs().max()) <= 0.1 + 1e-6


class Alternating(nn.Module):
    """Of every few draws one, in which the logits' gradient is not finite."""

    is_random = True

    def __init__(self, net, every):
        super().__init__()
        self.net, self.every = net, every

    def forward(self, images):
        broken = (torch.arange(len(images)) % self.every == 0).view(-1, 1, 1, 1)
        rooted = torch.where(broken, images * 0, 1).sqrt()
        return self.net(images) + torch.where(broken, rooted, 0).flatten(1).sum(1)[:, None]


def test_a_draw_without_a_finite_gradient_is_left_out_of_the_mean(digits):
    net, x, y = digits
    leaf = x[:5].clone().requires_grad_()
    (alone,) = torch.autograd.grad(F.cross_entropy(net(leaf), y[:5], reduction="sum"), leaf)
    for every, batch_size in ((4, None), (2, None), (4, 10)):
        with pytest.warns(UserWarning, match="some draws is not finite: they are left out"):
            value = mean_objective(Alternating(net, every), 4, batch_size)(x[:5], y[:5], True)
        torch.testing.assert_close(value.gradient, alone, rtol=1e-4, atol=1e-7)
        assert not value.spoilt.any()
    assert mean_objective(Alternating(net, 1), 4)(x[:5], y[:5], True).spoilt.all()


def test_as_many_draws_go_to_where_signs_are_uncertain():
    from isoloss.robustness.ascent.expectation import shares

    assert shares(torch.tensor([0.0, 0.1, 0.3]), 8).tolist() == [0, 2, 6]
    assert shares(torch.tensor([0.1, 0.1, 0.1]), 8).tolist() == [3, 3, 2]
    assert shares(torch.zeros(4), 12).tolist() == [3, 3, 3, 3]
    asked = []

    class Halves(nn.Module):
        """Dark images have one gradient whatever is drawn, bright ones any."""

        is_random = True

        def forward(self, images):
            bright = images.mean((1, 2, 3)) > 0.5
            asked.append(int(bright.sum()) / len(images))
            total.append(len(images))
            noise = torch.where(bright.view(-1, 1, 1, 1), torch.randn_like(images), 1.0)
            lead = (images * noise).flatten(1).sum(1)
            return torch.stack([-lead, lead], 1)

    total: list[int] = []
    torch.manual_seed(0)
    x = torch.cat([torch.full((5, 1, 4, 4), 0.1), torch.full((5, 1, 4, 4), 0.9)])
    y = torch.zeros(10, dtype=torch.long)
    found = mean_objective(Halves(), 8, by_doubt=True)(x, y, True)
    assert sum(total) == 80, "as many altogether"
    bright = sum(share * count for share, count in zip(asked, total, strict=True))
    assert bright == 20 + 40, "the second half goes to bright ones"
    assert found.votes.sum(1).tolist()[:5] == [4] * 5
    even = mean_objective(Halves(), 8)(x, y, True)
    torch.testing.assert_close(found.gradient[:5], even.gradient[:5])


def test_fresh_draws_choose_an_iterate_that_beats_the_last(digits):
    net, x, y = digits

    def attacked(iterate):
        defense = GaussianSmoothing(net, 0.3)
        defense.generator = torch.Generator().manual_seed(0)
        # Steps so long that the last iterate is any.
        protocol = Protocol(steps=6, step_size=0.2, iterate=iterate)
        start = torch.Generator().manual_seed(1)
        found = eot_pgd(defense, x, y, 0.1, protocol, 4, start).images
        assert float((found - x).abs().max()) <= 0.1 + 1e-6
        defense.generator = torch.Generator().manual_seed(2)
        votes = mean_objective(defense, 60)(found, y, False).votes
        return votes.gather(1, y[:, None]).sum() / votes.sum()

    assert attacked("fresh") < attacked("last")


@pytest.mark.parametrize("own", [True, False])
def test_draws_of_what_is_behind_the_noise_come_again_too(own):
    defense = GaussianSmoothing(Noise(), 0.3)
    defense.generator = torch.Generator().manual_seed(1) if own else None
    x = torch.rand(5, 1, 4, 4)
    drawn = Draws(defense, x.device)
    first = defense(x)
    drawn.again()
    assert torch.equal(defense(x), first)
    assert not torch.equal(defense(x), first)
