"""The nearest misclassified images: against closed forms on linear networks, and PGD."""

import math

import pytest
import torch
from torch import nn

from isoloss import IsolossError
from isoloss.robustness import GaussianSmoothing, minimal_norm, pgd


class Linear(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.layer = nn.Linear(48, classes)

    def forward(self, images):
        return self.layer(images.flatten(1))


def linear(classes, spread):
    torch.manual_seed(classes)
    net = Linear(classes).double()
    x = torch.rand(30, 3, 4, 4, dtype=torch.float64) * spread + (1 - spread) / 2
    with torch.no_grad():
        net.layer.bias.copy_(-net.layer.weight.sum(1) / 2)  # at grey all classes are as likely
    return net, x, net(x).argmax(1)


def margins(net, x, y):
    """((N, K, D) what moves the lead of each other class, (N, K) how far it is behind)."""
    weights, logits = net.layer.weight.detach(), net(x).detach()
    behind = logits.gather(1, y[:, None]) - logits
    return weights[None] - weights[y][:, None], behind.scatter(1, y[:, None], torch.inf)


@pytest.mark.parametrize("classes", [2, 7])
@pytest.mark.parametrize(("norm", "dual"), [("linf", 1), ("l2", 2), ("l1", math.inf)])
def test_the_nearest_border_of_a_linear_network_is_found(norm, dual, classes):
    net, x, y = linear(classes, 0.02)  # from where no border is beyond [0, 1]
    slopes, behind = margins(net, x, y)
    nearest = (behind / torch.linalg.vector_norm(slopes, ord=dual, dim=2)).amin(1)
    found = minimal_norm(net, x, y, norm)
    order = {"linf": math.inf, "l2": 2, "l1": 1}[norm]
    moved = torch.linalg.vector_norm((found.images - x).flatten(1), ord=order, dim=1)
    torch.testing.assert_close(moved, found.distances)
    assert found.success.all()
    assert (net(found.images).argmax(1) != y).all()
    ratio = found.distances / nearest
    assert float(ratio.min()) >= 1 - 1e-4
    assert float(ratio.median()) <= 1.01
    assert float(ratio.max()) <= 1.15


@pytest.mark.parametrize("classes", [2, 7])
def test_as_few_values_change_as_need_to(classes):
    net, x, y = linear(classes, 0.4)
    slopes, behind = margins(net, x, y)
    reach = torch.where(slopes > 0, 1 - x.flatten(1)[:, None], x.flatten(1)[:, None])
    gains = (slopes.abs() * reach).sort(2, descending=True).values.cumsum(2)
    fewest = ((gains <= behind[:, :, None]).sum(2) + 1).amin(1)
    found = minimal_norm(net, x, y, "l0")
    changed = ((found.images - x).flatten(1) != 0).sum(1)
    assert torch.equal(changed.double(), found.distances)
    assert (net(found.images).argmax(1) != y).all()
    assert (changed >= fewest).all()
    assert float((changed / fewest).mean()) <= 1.15


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_ball_just_larger_than_what_was_found_holds_success_and_a_small_one_none(digits, norm):
    net, x, y = digits
    found = minimal_norm(net, x, y, norm, steps=40, batch_size=32)
    assert found.success.all()
    assert torch.equal(net(found.images).argmax(1) != y, found.success)
    assert float(found.images.min()) >= 0
    assert float(found.images.max()) <= 1
    small = 0.9 * float(found.distances.min())
    assert (net(pgd(net, x, y, small, 10, norm=norm)).argmax(1) == y).all()
    # A run at each radius finds no more images than are nearer than that.
    eps = float(found.distances.median())
    by_radius = (net(pgd(net, x, y, eps, 20, norm=norm)).argmax(1) != y).float().mean()
    assert abs(float(by_radius) - 0.5) < 0.08


def test_images_that_are_wrong_stay_and_those_that_cannot_be_moved_are_said_to(digits):
    net, x, y = digits
    wrong = (y + 1) % 10
    for norm in ("l0", "l1", "l2", "linf"):
        found = minimal_norm(net, x[:4], wrong[:4], norm, steps=2)
        assert torch.equal(found.images, x[:4])
        assert found.distances.tolist() == [0, 0, 0, 0]

    class Deaf(nn.Module):
        def forward(self, images):
            return torch.eye(3)[[0] * len(images)] + 0 * images.sum((1, 2, 3))[:, None]

    found = minimal_norm(Deaf(), x[:3], torch.zeros(3, dtype=torch.long), "l2", steps=3)
    assert found.distances.tolist() == [math.inf] * 3
    assert not found.success.any()
    assert torch.equal(found.images, x[:3])


def test_a_class_that_is_aimed_at_is_farther_than_any(digits):
    net, x, y = digits
    far = minimal_norm(net, x[:12], y[:12], steps=40, targeted="least-likely")
    near = minimal_norm(net, x[:12], y[:12], steps=40)
    assert (net(far.images).argmax(1) == net(x[:12]).argmin(1))[far.success].all()
    assert far.success.sum() > 8
    assert (far.distances >= near.distances * 0.99).all()


def test_what_has_no_nearest_image_is_refused(digits):
    net, x, y = digits
    for refused, message in (
        (lambda: minimal_norm(net, x, y, "l3"), "the norm is l0, l1, l2, linf, not 'l3'"),
        (lambda: minimal_norm(net, x, y, steps=0), "steps must be 1 or more, not 0"),
        (lambda: minimal_norm(GaussianSmoothing(net, 0.1), x, y), "draws noise has no nearest"),
    ):
        with pytest.raises(IsolossError, match=message) as refusal:
            refused()
        assert "\n" not in str(refusal.value)
    assert len(minimal_norm(net, x[:0], y[:0]).images) == 0


@pytest.mark.parametrize("number", [10**20, -1, "9" * 30])
def test_no_network_knows_such_a_class(number):
    net, x, y = linear(3, 0.4)
    with pytest.raises(IsolossError, match=r"class|labels"):
        pgd(net, x, y, 0.1, 2, targeted=number)
