"""What attacks climb and aim at: against torchattacks, and closed forms on linear networks."""

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchattacks
from scipy.optimize import linprog
from torch import nn

from isoloss import IsolossError
from isoloss.robustness import Protocol, attack, eot_pgd, pgd, square, sweep
from isoloss.robustness.ascent.losses import loss_of


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(64, 6, generator=generator), torch.arange(64) % 6


class Linear(nn.Module):
    """z = W x + b, of 2×2 images of one channel."""

    def __init__(self, weights, bias):
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights))
        self.bias = nn.Parameter(torch.tensor(bias))

    def forward(self, images):
        return images.flatten(1) @ self.weights.T + self.bias


@pytest.fixture
def linear():
    weights = [[1.0, -2.0, 0.5, 0.3], [-1.0, 1.0, 0.2, -0.7], [0.4, 0.6, -1.5, 0.9]]
    return Linear(weights, [0.3, 0.0, -0.2])


GREY = torch.full((1, 1, 2, 2), 0.5)


def test_dlr_is_that_of_autoattack(logits):
    z, y = logits
    net = nn.Linear(1, 1)
    theirs = torchattacks.attacks.apgd.APGD(net).dlr_loss(z, y)
    np.testing.assert_allclose(loss_of("dlr", z, y), theirs, rtol=1e-5)
    np.testing.assert_allclose(loss_of("dlr", z, y), loss_of("dlr", 5 * z - 2, y), rtol=1e-5)
    targets = (y + 2) % 6
    theirs = torchattacks.attacks.apgdt.APGDT(net).dlr_loss_targeted(z, y, targets)
    aimed = torch.stack([y, targets], 1)
    np.testing.assert_allclose(loss_of("dlr", z, aimed), theirs, rtol=1e-5)


def test_the_margin_is_that_of_carlini_and_wagner(logits):
    z, y = logits
    z = z - z.min() + 1  # theirs takes what is not the true class for 0
    attacked = torchattacks.CW(nn.Linear(1, 1), kappa=1e9)
    np.testing.assert_allclose(loss_of("margin", z, y), -attacked.f(z, y), rtol=1e-5)
    attacked.targeted = True
    aimed = torch.stack([(y + 1) % 6, y], 1)
    np.testing.assert_allclose(loss_of("margin", z, aimed), -attacked.f(z, y), rtol=1e-5)


@pytest.mark.parametrize("loss", ["ce", "margin", lambda z, y: -z.log_softmax(1)[range(len(y)), y]])
def test_an_aimed_step_goes_where_a_linear_network_says(linear, loss):
    # Of two classes every loss climbs along w_t − w_y.
    weights = linear.weights[:2].detach()
    net = Linear(weights.tolist(), [0.3, 0.0])
    way = (weights[1] - weights[0]).view(1, 1, 2, 2)
    start = Protocol(steps=1, step_size=0.1, random_start=False)
    truth, other = torch.tensor([0]), torch.tensor([1])
    for y, targeted in ((truth, None), (truth, other), (other, other)):
        found = attack(net, GREY, y, 0.1, start, targeted=targeted, loss=loss)
        np.testing.assert_allclose(found.images, GREY + 0.1 * way.sign(), atol=1e-6)
    back = attack(net, GREY, truth, 0.1, start, targeted=truth, loss=loss)
    assert back.success.all(), "it is taken for its class as it is"
    np.testing.assert_array_equal(back.images, GREY)
    long = Protocol(steps=1, step_size=0.1, norm="l2", random_start=False)
    found = attack(net, GREY, truth, 0.1, long, targeted=1, loss=loss)
    np.testing.assert_allclose(found.images, GREY + 0.1 * way / way.norm(), atol=1e-6)


@pytest.mark.parametrize(("loss", "enough"), [("ce", 1.3), ("margin", 1.03)])
def test_success_is_to_reach_the_class_that_is_aimed_at(linear, loss, enough):
    """The least ε at which it is reached is that of a linear program; the cross-entropy, which is
    about all other classes together, takes a little more."""
    w, b = linear.weights.detach().double(), linear.bias.detach().double()
    y, target = torch.tensor([int(linear(GREY).argmax())]), 2
    # Smallest e so that some |d| ≤ e has (w_2 − w_j) · (x + d) + b_2 − b_j ≥ 0 for all j.
    x = GREY.flatten().double()
    rows = [
        ([*(w[j] - w[target]).tolist(), 0.0], float((w[target] - w[j]) @ x + b[target] - b[j]))
        for j in (0, 1)
    ]
    box = [([*(s * np.eye(4)[k]), -1.0], 0.0) for k in range(4) for s in (1, -1)]
    a, limits = zip(*rows, *box, strict=True)
    bounds = [(None, None)] * 4 + [(0, None)]
    least = linprog([0, 0, 0, 0, 1], A_ub=a, b_ub=limits, bounds=bounds).x[4]
    for factor, reached in ((0.97, False), (enough, True)):
        found = attack(
            linear, GREY, y, factor * least, Protocol(steps=60), targeted=target, loss=loss
        )
        assert bool(found.success) is reached
        assert (int(linear(found.images).argmax()) == target) is reached


@pytest.mark.parametrize("loss", ["ce", "margin", "dlr"])
def test_all_attacks_can_be_aimed(digits, loss):
    net, x, y = digits
    targets = (y + 3) % 10
    found = attack(net, x, y, 0.4, Protocol(steps=30), targeted=targets, loss=loss)
    assert torch.equal(found.success, net(found.images).argmax(1) == targets)
    assert found.success.float().mean() > 0.7
    untargeted = attack(net, x, y, 0.4, Protocol(steps=30), loss=loss)
    assert untargeted.success.float().mean() > 0.95
    averaged = eot_pgd(net, x, y, 0.4, Protocol(steps=30), 1, targeted=targets, loss=loss)
    assert torch.equal(averaged.success, net(averaged.images).argmax(1) == targets)
    assert averaged.success.float().mean() > 0.3, "of the last iterates, unaimed a ninth"
    images = pgd(net, x, y, 0.4, 30, targeted=3, loss=loss)
    assert (net(images).argmax(1) == 3).float().mean() > 0.8


def test_square_can_be_aimed(digits):
    net, x, y = digits
    x, y = x[:16], y[:16]
    targets = (y + 1) % 10
    found = square(
        net, x, y, 0.5, 300, generator=torch.Generator().manual_seed(0), targeted=targets
    )
    assert torch.equal(found.success, net(found.images).argmax(1) == targets)
    assert found.success.float().mean() > 0.5
    lead = net(found.images)
    own = lead.gather(1, targets[:, None])[:, 0]
    others = lead.scatter(1, targets[:, None], -math.inf).amax(1)
    np.testing.assert_allclose(found.losses, (own - others).detach(), atol=1e-5)


def test_a_loss_of_one_s_own_is_climbed(digits):
    net, x, y = digits
    seen = []

    def negative_logit(logits, classes):
        seen.append(logits.shape)
        return -logits.gather(1, classes[:, None])[:, 0]

    images = pgd(net, x, y, 0.1, 4, random_start=False, loss=negative_logit)
    before, after = (negative_logit(net(i), y) for i in (x, images))
    assert (after > before).all()
    assert seen[0] == (64, 10)
    # The same, aimed: the logit of the class that is aimed at rises.
    towards = pgd(net, x, y, 0.1, 4, random_start=False, loss=negative_logit, targeted=5)
    assert (negative_logit(net(towards), y * 0 + 5) <= negative_logit(net(x), y * 0 + 5)).all()


def test_what_does_not_fit_is_refused(digits, linear):
    net, x, y = digits
    two = Linear([[1.0, 0, 0, 0], [0, 1.0, 0, 0]], [0.0, 0.0])
    zero = torch.tensor([0])
    for call, message in (
        (
            lambda: pgd(net, x, y, 0.1, 2, loss="hinge"),
            "no loss 'hinge': choose of auto, ce, margin, dlr",
        ),
        (lambda: pgd(two, GREY, zero, 0.1, 2, loss="dlr"), "dlr is for 3 classes and more, .* 2"),
        (
            lambda: pgd(linear, GREY, zero, 0.1, 2, loss="dlr", targeted=1),
            "dlr aimed at a class is for 4 classes and more, this network knows 3",
        ),
        (
            lambda: pgd(net, x, y, 0.1, 2, loss=lambda z, y: z.sum()),
            r"gives \(64,\) floats .* \(\)",
        ),
        (lambda: pgd(net, x, y, 0.1, 2, loss=lambda z, y: None), "this one gives NoneType"),
        (lambda: pgd(net, x, y, 0.1, 2, loss=lambda z, y: z / {}), "the loss failed: .*TypeError"),
        (lambda: square(net, x, y, 0.1, 5, generator=5), "must be a torch.Generator, not int"),
        (lambda: pgd(net, x, y, 0.1, 2, targeted=10), "labels must be 0 to 9"),
        (lambda: pgd(net, x, y, 0.1, 2, targeted=y[:3]), "for each of 64 images, these are .3"),
        (lambda: pgd(net, x, y, 0.1, 2, targeted=y.float()), "float32"),
        (lambda: square(net, x, y, 0.1, 5, targeted=y[:1]), "for each of 64 images"),
        (lambda: eot_pgd(net, x, y, 0.1, Protocol(steps=1), 1, loss="dl"), "no loss 'dl'"),
    ):
        with pytest.raises(IsolossError, match=message) as refusal:
            call()
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "given",
    [
        lambda x, y: (x, y.tolist()),
        lambda x, y: (x.double(), y.int()),
        lambda x, y: (x.double().numpy(), y.numpy().astype(np.uint8)),
        lambda x, y: ((x * 255).round().byte(), F.one_hot(y, 10)),
        lambda x, y: ((x * 255).round().byte().numpy(), F.one_hot(y, 10).float().numpy()),
        lambda x, y: (x + (x == 1) * 1e-6 - (x == 0) * 1e-6, y[:, None]),
    ],
)
def test_images_and_labels_of_every_kind_are_right(digits, given):
    net, x, y = digits
    x = (x * 255).round() / 255
    expected = pgd(net, x, y, 0.1, 3, random_start=False)
    images, labels = given(x, y)
    ours = pgd(net, images, labels, 0.1, 3, random_start=False)
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours, expected, atol=2e-6)
    reached = next(iter(sweep(lambda x, y, e: attack(net, x, y, e, Protocol(steps=3)), net, images,
                              labels, [0.0])))  # fmt: skip
    assert not reached.success.any()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda x, y: (x * 255, y), "reach from 0 to 255: divide them by 255"),
        (lambda x, y: ([x], y), "must be a tensor or an array, not a list"),
        (lambda x, y: (np.array(["a"]), y), "must be a tensor or an array, not a ndarray"),
        (lambda x, y: (x[:, 0], y), r"these are \(64, 8, 8\) float32"),
        (lambda x, y: (x, y.float()), r"these are \(64,\) float32"),
        (lambda x, y: (x, F.one_hot(y, 10) * 0.5), r"these are \(64, 10\) float32"),
        (lambda x, y: (x, "cat"), "must be a tensor, an array or a list, not a str"),
        (lambda x, y: (x, None), "not a NoneType"),
    ],
)
def test_images_and_labels_of_other_kinds_are_refused(digits, given, message):
    net, x, y = digits
    images, labels = given(x, y)
    with pytest.raises(IsolossError, match=message):
        pgd(net, images, labels, 0.1, 2)


def test_a_network_of_doubles_takes_single_images(digits):
    net, x, y = digits
    doubles = copy.deepcopy(net).double()
    images = pgd(doubles, x[:8], y[:8], 0.1, 3, random_start=False)
    assert images.dtype == torch.float64
    np.testing.assert_allclose(
        images, pgd(net, x[:8], y[:8], 0.1, 3, random_start=False), atol=1e-5
    )
