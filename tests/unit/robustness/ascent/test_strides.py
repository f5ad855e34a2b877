"""How steps get shorter and go on, against torchattacks and closed forms; at what they aim."""

import math

import pytest
import torch
import torchattacks
from torch import nn

from isoloss import IsolossError
from isoloss.robustness import Protocol, attack, pgd
from isoloss.robustness.ascent.strides import looks_at

FROM_THE_IMAGE = {"random_start": False, "keep_best": False}


class Slope(nn.Module):
    """One logit rises with the mean, the other falls: an image's gradient is the same all over."""

    def forward(self, images):
        mean = images.mean((1, 2, 3))
        return torch.stack([-mean, mean], 1)


class Ridge(nn.Module):
    """The first class leads by how far the mean is from 0.6, and 0.1 more: it always does."""

    def forward(self, images):
        away = (images.mean((1, 2, 3)) - 0.6).abs()
        return torch.stack([0.1 + away, torch.zeros_like(away)], 1)


@pytest.mark.filterwarnings("ignore:the steps")
def test_momentum_goes_where_that_of_torchattacks_goes(digits):
    net, x, y = digits
    for decay in (1.0, 0.5):
        theirs = torchattacks.MIFGSM(net, eps=0.1, alpha=0.02, steps=7, decay=decay)(x, y)
        protocol = Protocol(steps=7, step_size=0.02, momentum=decay, **FROM_THE_IMAGE)
        ours = attack(net, x, y, 0.1, protocol, loss="ce").images
        assert float((ours - theirs).abs().max()) <= 1e-6


@pytest.mark.filterwarnings("ignore:the steps")
@pytest.mark.parametrize(
    ("schedule", "reach"),
    [("constant", 4.0), ("linear", 1 + 3 / 4 + 2 / 4 + 1 / 4),
     ("cosine", 1 + (1 + math.sqrt(0.5)) / 2 + 1 / 2 + (1 - math.sqrt(0.5)) / 2)],
)  # fmt: skip
def test_steps_are_as_long_as_their_schedule_says(schedule, reach):
    x, y = torch.full((3, 1, 4, 4), 0.2), torch.zeros(3, dtype=torch.long)
    protocol = Protocol(steps=4, step_size=0.01, schedule=schedule, **FROM_THE_IMAGE)
    moved = attack(Slope(), x, y, 0.5, protocol).images - x
    torch.testing.assert_close(moved, torch.full_like(x, 0.01 * reach))
    usual = Protocol(steps=4, schedule=schedule)
    assert usual.step_at(0.1) * reach == pytest.approx(0.25)
    assert usual.shortfall(0.1) is None
    assert "reach" in (protocol.shortfall(0.5) or "")


def test_steps_are_halved_where_the_paper_looks():
    # Section 3.1: p_0 = 0, p_1 = 0.22, p_{j+1} = p_j + max(p_j - p_{j-1} - 0.03, 0.06).
    assert list(looks_at(100)) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert list(looks_at(100).values()) == [22, 19, 16, 13, 10, 7, 6, 6]
    assert list(looks_at(20)) == [5, 9, 12, 14, 16, 18, 19]
    assert list(looks_at(10)) == [3, 5, 6, 7, 8, 9]
    assert list(looks_at(1)) == []


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_halved_steps_come_to_rest_on_a_ridge_that_constant_ones_cross(norm):
    x, y = torch.rand(5, 1, 4, 4) * 0.1 + 0.3, torch.zeros(5, dtype=torch.long)
    eps = 0.5 if norm == "linf" else 2.0

    def apart(**how):
        protocol = Protocol(steps=40, step_size=0.17, norm=norm, random_start=False, **how)
        images = attack(Ridge(), x, y, eps, protocol, loss="margin").images
        return (images.mean((1, 2, 3)) - 0.6).abs().max()

    halved = apart(schedule="halving")
    assert halved < 0.1 * apart()
    assert apart(schedule="halving", momentum=0.5) < 0.03


def test_images_in_batches_have_steps_of_their_own(digits):
    net, x, y = digits
    net, x = net.double(), x.double()
    try:
        for how in ({"schedule": "halving"}, {"schedule": "cosine", "momentum": 1.0}):
            protocol = Protocol(steps=9, random_start=False, **how)
            whole = attack(net, x, y, 0.08, protocol)
            queued = attack(net, x, y, 0.08, protocol, batch_size=7)
            torch.testing.assert_close(whole.images, queued.images)
            assert 0 < int(whole.success.sum()) < len(x)
    finally:
        net.float()


def test_the_runner_up_and_the_least_likely_class_are_those_of_the_clean_image(digits):
    net, x, y = digits
    order = net(x).detach().argsort(1)
    assert torch.equal(order[:, -1], y), "all of them are right"
    for aim, classes in (("runner-up", order[:, -2]), ("least-likely", order[:, 0])):
        by_name, by_class = (
            pgd(net, x, y, 0.2, 5, random_start=False, targeted=t) for t in (aim, classes)
        )
        assert torch.equal(by_name, by_class)
    nearer = (net(pgd(net, x, y, 0.2, 9, targeted="runner-up")).argmax(1) == order[:, -2]).sum()
    farther = (net(pgd(net, x, y, 0.2, 9, targeted="least-likely")).argmax(1) == order[:, 0]).sum()
    assert nearer > farther
    assert torch.equal(
        pgd(net, x, y, 0.1, 3, random_start=False, targeted="4"),
        pgd(net, x, y, 0.1, 3, random_start=False, targeted=4),
    )


def test_random_aims_are_other_classes_and_follow_the_generator(digits):
    from isoloss.robustness.ascent.aims import aimed

    net, x, y = digits
    first, again, other = (
        aimed(net, x, y, "random", torch.Generator().manual_seed(k))[:, 1] for k in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not (first == y).any()
    assert len(first.unique()) > 5
    with pytest.raises(IsolossError, match="one aims at a class, not at 'nearest'"):
        pgd(net, x, y, 0.1, 2, targeted="nearest")
