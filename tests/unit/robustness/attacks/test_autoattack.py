"""AutoAttack: what its authors publish, and two reports of what it says where it should not."""

import warnings

import pytest
import torch
import torchattacks
from tests.unit.robustness.attacks.test_apgd import distances, linear, seed  # noqa: F401
from tests.unit.robustness.attacks.test_fab import Killing
from torch import nn

from isoloss import IsolossError
from isoloss.robustness import apgd, autoattack
from isoloss.robustness.attacks import autoattack as module
from isoloss.robustness.attacks.autoattack import check_autoattack


@pytest.fixture
def brief(monkeypatch):
    """20 steps and 50 queries."""
    monkeypatch.setattr(module, "STEPS", 20)
    monkeypatch.setattr(module, "QUERIES", 50)


class Counting(nn.Module):
    """Never misclassifies; counts how often it is asked about each image, and for a gradient."""

    def __init__(self, classes):
        super().__init__()
        self.classes, self.asked, self.for_gradients = classes, 0, 0

    def forward(self, images):
        self.asked += len(images)
        self.for_gradients += len(images) if images.requires_grad else 0
        lean = 1e-3 * images.flatten(1)[:, : self.classes]
        return lean + torch.eye(self.classes)[0]


def asked_about_one_image(classes):
    """How often for gradients, and how often for an answer alone."""
    net = Counting(classes)
    x = torch.full((1, 1, 4, 4), 0.5)
    assert not autoattack(net, x, torch.tensor([0]), 0.1, generator=seed()).success.any()
    return net.for_gradients, net.asked - net.for_gradients


def test_its_steps_and_queries_are_those_of_its_authors():
    # Section 5 of the paper.
    assert (module.STEPS, module.QUERIES) == (100, 5000)


@pytest.mark.parametrize(("classes", "targets"), [(12, 9), (5, 4)])
@pytest.mark.usefixtures("brief")
def test_it_takes_so_many_of_each_attack_and_towards_nine_classes_or_all(classes, targets):
    # FAB asks after each step where it has come to; the rest are looks at what there is.
    gradients, answers = asked_about_one_image(classes)
    assert gradients == 20 + targets * 20 + targets * 20
    assert 50 + targets * 20 <= answers <= 50 + targets * 20 + 60


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.015), ("l2", 0.08)])
@pytest.mark.usefixtures("brief")
def test_it_finds_all_that_there_is_on_a_linear_network(linear, norm, eps):  # noqa: F811
    net, x, y = linear
    x, y = x[:20], y[:20]
    nearest = distances(net, x, y, norm)
    clear = (nearest / eps - 1).abs() > 0.01
    found = autoattack(net, x, y, eps, norm, seed())
    assert torch.equal(found.success[clear], nearest[clear] < eps)
    assert not found.without_gradient.any()
    moved = (found.images - x).flatten(1)
    length = moved.norm(dim=1) if norm == "l2" else moved.abs().amax(1)
    assert float(length.max()) <= eps + 1e-6
    assert torch.equal(net(found.images).argmax(1) != y, found.success)


@pytest.mark.usefixtures("brief")
@pytest.mark.usefixtures("brief")
def test_zeros_in_place_of_gradients_are_said_to_be_none(digits):
    # fra31/auto-attack#43: a layer whose backward gives zeros.
    net, x, y = digits
    x, y = x[:5], y[:5]
    killed = Killing(net)
    assert apgd(killed, x, y, 0.15, 10, generator=seed()).without_gradient.all()
    found = autoattack(killed, x, y, 0.15, generator=seed())
    assert found.without_gradient.all(), "and whatever it found, it found without"
    assert found.success.any(), "Square needs none"
    assert not autoattack(net, x, y, 0.15, generator=seed()).without_gradient.any()


class Wavering(nn.Module):
    """Whatever it is shown, it gives the true class, 0, in seven of ten draws."""

    def forward(self, images):
        wrong = (torch.rand(len(images)) < 0.3).float()
        lean = 1e-3 * images.flatten(1)[:, :4]
        return lean + torch.stack([1 - wrong, wrong, 0 * wrong, 0 * wrong], 1)


def test_one_unlucky_draw_is_no_success():
    # fra31/auto-attack#105 (and #104): each image is asked about until one draw is wrong.
    net, x = Wavering(), torch.full((30, 1, 2, 2), 0.5)
    y = torch.zeros(30, dtype=torch.long)
    torch.manual_seed(0)
    theirs = torchattacks.APGD(net, eps=0.1, steps=10, loss="ce", eot_iter=2)
    assert int(theirs.perturb(x, y)[0].sum()) < 3, "it takes nearly all of them to be fooled"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = autoattack(net, x, y, 0.1, generator=seed())
    assert found.success.sum() <= 3, "most of fresh draws are right: of 20 some 4 in 100 times not"
    assert any("gives two answers to the same image" in str(w.message) for w in caught)


def test_fewer_classes_than_its_losses_need_are_refused_with_what_there_is():
    check_autoattack(4)
    with pytest.raises(IsolossError, match="the data have 3: take apgd_ce, fab_t and square"):
        check_autoattack(3)
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    x = torch.rand(2, 1, 2, 2)
    with pytest.raises(IsolossError, match="4 classes and more"):
        autoattack(net, x, net(x).argmax(1), 0.01, generator=seed())


class Counted(nn.Module):
    """As many classes as there are, and how often it was asked for a gradient."""

    def __init__(self, classes, noise=0.0):
        super().__init__()
        self.net, self.noise = nn.Sequential(nn.Flatten(), nn.Linear(4, classes)), noise
        self.gradients = 0

    def forward(self, images):
        self.gradients += images.requires_grad
        logits = self.net(images)
        return logits + self.noise * torch.randn_like(logits) if self.noise else logits


@pytest.mark.parametrize(("classes", "noise", "least"), [(2, 0.0, 4), (3, 0.0, 4), (2, 1.0, 3)])
@pytest.mark.filterwarnings("ignore:this network gives two answers")
def test_too_few_classes_are_refused_before_anything_is_attacked(classes, noise, least):
    net, x = Counted(classes, noise), torch.rand(2, 1, 2, 2)
    message = f"autoattack is for {least} classes and more, this network knows {classes}: take apgd"
    with pytest.raises(IsolossError, match=message):
        autoattack(net, x, torch.zeros(2, dtype=torch.long), 0.01, generator=seed())
    assert net.gradients == 0


@pytest.mark.filterwarnings("ignore:this network gives two answers")
def test_three_classes_are_enough_for_a_network_that_draws_noise():
    net, x = Counted(3, 1e-3), torch.rand(2, 1, 2, 2)
    y = net(x).argmax(1)
    found = autoattack(net, x, y, 1.0, batch_size=40, generator=seed())
    assert found.images.shape == x.shape
    assert net.gradients > 0
