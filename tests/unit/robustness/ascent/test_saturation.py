"""Cross-entropy that has rounded to 0 hides no network."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from isoloss.robustness import GaussianSmoothing, Protocol, attack, eot_pgd
from isoloss.robustness.ascent.expectation import mean_objective
from isoloss.robustness.ascent.losses import loss_of


class Scaled(nn.Module):
    def __init__(self, net, scale):
        super().__init__()
        self.net, self.scale = net, scale

    def forward(self, images):
        return self.net(images) * self.scale


def attacked(net, x, y, **how):
    protocol = Protocol(steps=10, norm=how.pop("norm", "linf"))
    eps = 0.12 if protocol.norm == "linf" else 0.7
    return attack(net, x, y, eps, protocol, torch.Generator().manual_seed(0), **how)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("scale", [30.0, 1e3, 1e6, 1e12])
def test_logits_times_anything_hide_no_network(digits, scale, norm):
    net, x, y = digits
    plain = attacked(net, x, y, norm=norm).success.float().mean()
    hidden = attacked(Scaled(net, scale), x, y, norm=norm)
    assert 0.3 < plain < 1
    assert hidden.success.float().mean() >= plain - 0.05
    assert not hidden.without_gradient.any()
    assert torch.equal(net(hidden.images).argmax(1) != y, hidden.success)


def test_cross_entropy_that_is_asked_for_does_saturate(digits):
    net, x, y = digits
    hidden = attacked(Scaled(net, 1e6), x, y, loss="ce")
    assert hidden.without_gradient.float().mean() > 0.3
    assert hidden.success.sum() < attacked(net, x, y).success.sum()


def test_images_whose_cross_entropy_is_not_0_go_where_they_went(digits):
    net, x, y = digits
    usual, ce = attacked(net, x, y), attacked(net, x, y, loss="ce")
    assert torch.equal(usual.images, ce.images)
    assert torch.equal(usual.losses, ce.losses)

    class Partly(nn.Module):
        """Sure of the second half of the images only."""

        def forward(self, images):
            sure = (images[:, 0, 0, 0] > 0.4)[:, None]
            return torch.where(sure, 1e4, 1.0) * net(images)

    x = x.clone()
    x[:, 0, 0, 0] = torch.where(torch.arange(len(x)) < len(x) // 2, 0.0, 1.0)
    usual, ce = attacked(Partly(), x, y), attacked(Partly(), x, y, loss="ce")
    half = len(x) // 2
    torch.testing.assert_close(usual.images[:half], ce.images[:half])
    assert usual.success[half:].sum() > ce.success[half:].sum()


def test_what_is_climbed_keeps_the_order_of_margins():
    lead = torch.linspace(-300, 20, 2000)
    logits = torch.stack([torch.zeros_like(lead), lead], 1)
    losses = loss_of("auto", logits, torch.zeros(2000, dtype=torch.long))
    assert (losses.diff() >= 0).all()
    assert (losses.diff() > 0)[lead[1:] < -17].all()
    exact = F.cross_entropy(logits.double(), torch.zeros(2000, dtype=torch.long), reduction="none")
    seen = losses > 0
    torch.testing.assert_close(losses[seen].double(), exact[seen], rtol=1e-3, atol=1e-7)
    torch.testing.assert_close(losses[~seen], lead[~seen])


def test_an_image_is_sure_only_where_all_of_its_draws_are():
    lead = torch.tensor([-50.0, -50.0, -50.0, -1.0])
    logits, y = torch.stack([torch.zeros(4), lead], 1), torch.zeros(4, dtype=torch.long)
    losses = loss_of("auto", logits, y, 2)
    torch.testing.assert_close(losses, torch.tensor([-50.0, -50.0, 0.0, 0.313262]))


class Moody(nn.Module):
    """At each draw sure, or not, of the class that it gives; notes by how much the other leads."""

    is_random = True

    def __init__(self, sure):
        super().__init__()
        self.sure, self.leads = sure, []

    def forward(self, images):
        drawn = torch.where(torch.rand(len(images)) < self.sure, -50.0, -1.0)
        lead = drawn + 0.5 * images.flatten(1).sum(1)
        self.leads.append(lead.detach())
        return torch.stack([torch.zeros_like(lead), lead], 1)


@pytest.mark.parametrize("by_doubt", [False, True])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 6, None])
@pytest.mark.parametrize(("sure", "seed"), [(0.7, 0), (0.7, 1), (0.7, 2), (0.0, 0), (1.0, 0)])
def test_all_draws_of_an_image_go_by_one_loss(sure, seed, batch_size, by_doubt):
    torch.manual_seed(seed)
    net, x, y = Moody(sure), torch.full((1, 1, 2, 2), 0.1), torch.zeros(1, dtype=torch.long)
    objective = mean_objective(net, 6, batch_size, by_doubt=by_doubt)
    value = objective(x, y, True)
    leads = torch.cat(net.leads)
    assert all(torch.equal(leads[:6], again) for again in leads.split(6)), (
        "the same draws, if twice"
    )
    of_ce, of_margin = F.softplus(leads[:6]).mean(), leads[:6].mean()
    slope = leads[:6].sigmoid().mean() if of_ce > 1e-6 else torch.tensor(1.0)
    torch.testing.assert_close(value.losses, (of_ce if of_ce > 1e-6 else of_margin)[None])
    torch.testing.assert_close(value.gradient, (0.5 * slope).expand_as(x))
    net.leads.clear()
    plain = objective(x, y, False)
    leads = torch.cat(net.leads)[:6]
    expected = F.softplus(leads).mean() if (leads > -40).any() else leads.mean()
    torch.testing.assert_close(plain.losses, expected[None])


def test_draws_go_on_where_they_would_whatever_was_sure():
    x, y = torch.full((3, 1, 2, 2), 0.1), torch.zeros(3, dtype=torch.long)
    stands = []
    for sure in (0.0, 0.5, 1.0):
        torch.manual_seed(0)
        mean_objective(Moody(sure), 8, 4)(x, y, True)
        stands.append(torch.rand(4))
    assert torch.equal(stands[0], stands[1])
    assert torch.equal(stands[0], stands[2])


def test_a_defense_that_is_sure_is_attacked_too(digits):
    net, x, y = digits
    losses = {}
    for loss in ("auto", "ce"):
        defense = GaussianSmoothing(Scaled(net, 1e5), 0.05)
        defense.generator = torch.Generator().manual_seed(0)
        protocol = Protocol(steps=5, random_start=False)
        found = eot_pgd(defense, x, y, 0.12, protocol, 4, loss=loss)
        losses[loss] = int((net(found.images).argmax(1) != y).sum())
    assert losses["auto"] > losses["ce"] + 5
