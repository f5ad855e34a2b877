"""Square: against torchattacks, against the paper, in the ball."""

import pytest
import torch
import torch.nn.functional as F
import torchattacks
from torch import nn

from isoloss import IsolossError
from isoloss.robustness import (
    GaussianSmoothing,
    pgd,
    square,
)
from isoloss.robustness.attacks.square import HALVINGS, search
from isoloss.robustness.smoothing.votes import vote


def accuracy(net, images, labels):
    with torch.no_grad():
        return float((net(images).argmax(1) == labels).float().mean())


def test_a_black_box_gains_on_what_draws_noise(digits):
    net, x, y = digits
    x, y = x[:32], y[:32]
    defense = GaussianSmoothing(net, 0.3)
    left = {}
    for queries in (1, 400):
        defense.generator = torch.Generator().manual_seed(0)
        found = square(
            defense, x, y, 0.2, queries, generator=torch.Generator().manual_seed(1), draws=8
        )
        assert float((found.images - x).abs().max()) <= 0.2 + 1e-6
        left[queries] = int(vote(defense, found.images, y, range(len(x)), 50).majority.sum())
    assert left[400] < 0.5 * left[1]


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.15), ("l2", 1.2)])
def test_square_stays_in_the_ball_and_only_gains(digits, norm, eps):
    net, x, y = digits
    generator = torch.Generator().manual_seed(0)
    margins, survivors = None, []
    for at in search(net, x, y, eps, 60, norm, generator):
        moved = (at.images - x).flatten(1)
        reached = moved.abs().amax(1) if norm == "linf" else moved.norm(dim=1)
        assert float(reached.max()) <= eps * (1 + 1e-5)
        assert float(at.images.min()) >= 0
        assert float(at.images.max()) <= 1
        assert margins is None or bool((at.margins <= margins).all())
        margins = at.margins.clone()
        survivors.append(accuracy(net, at.images, y))
    assert survivors == sorted(survivors, reverse=True)
    assert survivors[-1] < survivors[0] - 0.2
    logits = net(at.images).detach()
    own = logits.gather(1, y[:, None])[:, 0]
    best_other = logits.masked_fill(F.one_hot(y, 10).bool(), -torch.inf).amax(1)
    torch.testing.assert_close(own - best_other, at.margins, rtol=1e-4, atol=1e-4)


def test_square_needs_no_gradient_and_finds_about_what_torchattacks_finds(digits):
    net, x, y = digits

    class Opaque(nn.Module):
        def forward(self, images):
            return net(images.detach()).detach()

    ours = square(Opaque(), x, y, 0.12, 300, generator=torch.Generator().manual_seed(0))
    theirs = torchattacks.Square(net, eps=0.12, n_queries=300, seed=0)(x, y)
    assert abs(float(ours.fooled.float().mean()) - (1 - accuracy(net, theirs, y))) <= 0.15
    with pytest.raises(IsolossError, match="no gradient reaches the images"):
        pgd(Opaque(), x, y, 0.1, 2)


def test_squares_shrink_as_the_paper_says():
    from isoloss.robustness.attacks.square import fraction_at

    # Section 4.1: p = 0.8, halved at so many of N = 10,000 queries.
    assert [fraction_at(q, 10_000) for q in (10, 11, 200, 201, 9000)] == [
        0.8, 0.4, 0.2, 0.1, 0.8 / 512
    ]  # fmt: skip
    assert fraction_at(6, 5000) == 0.4
    assert len(HALVINGS) == 9
