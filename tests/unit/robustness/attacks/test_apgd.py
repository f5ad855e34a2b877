"""Auto-PGD: against torchattacks step for step, against the paper, and in closed form."""

from functools import partial

import pytest
import torch
import torchattacks
from torch import nn

from isoloss import IsolossError
from isoloss.robustness import apgd
from isoloss.robustness.ascent.ascent import ascend
from isoloss.robustness.ascent.ball import ball_of
from isoloss.robustness.ascent.losses import misses
from isoloss.robustness.ascent.objective import objective_of
from isoloss.robustness.attacks.apgd import apgd_ce_attack, check_dlr, check_targeted_dlr
from isoloss.robustness.attacks.context import AttackContext
from isoloss.robustness.smoothing.own_denoiser import denoiser_of
from isoloss.robustness.smoothing.smoothing import DenoisedSmoothing
from isoloss.settings import DefendSettings


def seed(number=0):
    return torch.Generator().manual_seed(number)


class Recording(nn.Module):
    """Keeps what it is asked about."""

    def __init__(self, network):
        super().__init__()
        self.network, self.seen = network, []

    def forward(self, images):
        self.seen.append(images.detach().clone())
        return self.network(images)


def start_of(x, eps, norm):
    """Where torchattacks begins, of seed 0: a direction, as long as the ball is wide."""
    torch.manual_seed(0)
    drawn = 2 * torch.rand(x.shape) - 1 if norm == "linf" else torch.randn(x.shape)
    ends = drawn.flatten(1).abs().amax(1) if norm == "linf" else drawn.flatten(1).norm(dim=1)
    return (x + eps * drawn / ends.view(-1, 1, 1, 1)).clamp(0, 1)


@pytest.mark.parametrize(
    ("norm", "eps", "loss"), [("linf", 0.1, "ce"), ("linf", 0.06, "dlr"), ("l2", 0.6, "ce")]
)
def test_apgd_goes_where_torchattacks_goes_step_for_step(digits, norm, eps, loss):
    net, x, y = digits
    x, y = x[:20], y[:20]
    theirs, ours = Recording(net).eval(), []
    name = {"linf": "Linf", "l2": "L2"}[norm]
    torchattacks.APGD(theirs, name, eps, steps=100, loss=loss, seed=0)(x, y)
    ascend(
        objective_of(net, loss), x, y, start_of(x, eps, norm), ball_of(norm, eps), 100, 2 * eps,
        schedule="apgd", keep_best=False, watch=lambda images: ours.append(images.clone()),
    )  # fmt: skip
    theirs = torch.stack(theirs.seen[1:])
    assert theirs.shape == torch.stack(ours).shape == (101, *x.shape)
    apart = (theirs - torch.stack(ours)).flatten(2).abs().amax(2)
    assert float(apart[:23].max()) < 1e-4
    # Later steps are halved image by image; rounding may tip one that stands at the edge.
    assert float((apart.amax(0) < 1e-3).float().mean()) > 0.9


def test_apgd_towards_a_class_goes_where_torchattacks_goes(digits):
    net, x, y = digits
    x, y = x[:16], y[:16]
    theirs, ours = Recording(net).eval(), []
    attack = torchattacks.APGDT(theirs, eps=0.04, steps=40, n_classes=2, seed=0)
    attack(x, y)
    second = net(x).detach().topk(2).indices[:, 1]
    ascend(
        objective_of(net, "dlr", misses), x, torch.stack([y, second], 1),
        start_of(x, 0.04, "linf"), ball_of("linf", 0.04), 40, 0.08, schedule="apgd",
        keep_best=False, watch=lambda images: ours.append(images.clone()),
    )  # fmt: skip
    theirs = [images for images in theirs.seen if len(images) == len(x)][-41:]
    for step in (0, 1, 2, 5, 8):
        torch.testing.assert_close(ours[step], theirs[step], rtol=0, atol=1e-5)


def distances(net, x, y, norm):
    """(N,) to the nearest other class of a linear network."""
    weight, logits = net[1].weight.detach(), net(x).detach()
    normal = weight[y][:, None] - weight
    ahead = logits.gather(1, y[:, None]) - logits
    dual = normal.abs().sum(2) if norm == "linf" else normal.norm(dim=2)
    return (ahead / dual).scatter(1, y[:, None], torch.inf).amin(1)


@pytest.fixture
def linear():
    """A linear network of 6 classes, images in the middle of the range, their classes."""
    torch.manual_seed(3)
    net = nn.Sequential(nn.Flatten(), nn.Linear(48, 6)).double()
    x = 0.4 + 0.2 * torch.rand(60, 3, 4, 4).double()
    return net, x, net(x).argmax(1)


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.015), ("l2", 0.08)])
def test_towards_every_class_apgd_finds_all_that_there_is_on_a_linear_network(linear, norm, eps):
    net, x, y = linear
    nearest = distances(net, x, y, norm)
    assert 10 < int((nearest < eps).sum()) < 50
    clear = (nearest / eps - 1).abs() > 0.01
    found = apgd(net, x, y, eps, 40, norm=norm, targets=9, generator=seed())
    assert torch.equal(found.success[clear], nearest[clear] < eps)
    for loss in ("ce", "dlr"):  # which may climb towards a class that is further
        fewer = apgd(net, x, y, eps, 40, norm=norm, loss=loss, generator=seed()).success
        assert not (fewer & ~(nearest <= eps * 1.01)).any()
        assert fewer.sum() >= 0.6 * found.success.sum()


def test_each_image_goes_its_own_way_in_batches_of_any_size(digits):
    net, x, y = digits
    x, y = x[:6], y[:6]
    together = apgd(net, x, y, 0.05, 30, loss="dlr", generator=seed())
    for size in (1, 4):
        by_parts = apgd(net, x, y, 0.05, 30, loss="dlr", generator=seed(), batch_size=size)
        assert torch.equal(together.success, by_parts.success)
        torch.testing.assert_close(together.images, by_parts.images, rtol=0, atol=1e-3)
    assert 0 < int(together.success.sum()) < len(x)


@pytest.mark.parametrize("how", [{}, {"loss": "dlr"}, {"targets": 9}, {"norm": "l2"}])
def test_an_image_that_is_wrong_as_it_is_is_left_so_and_none_leaves_the_ball(digits, how):
    net, x, y = digits
    y = torch.where(torch.arange(len(y)) < 10, (y + 1) % 10, y)
    found = apgd(net, x, y, 0.05, 10, generator=seed(), **how)
    assert found.success[:10].all()
    assert not found.without_gradient.any()
    assert torch.equal(found.images[:10], x[:10])
    moved = (found.images - x).flatten(1)
    length = moved.norm(dim=1) if how.get("norm") else moved.abs().amax(1)
    assert float(length.max()) <= 0.05 + 1e-6
    assert torch.equal(net(found.images).argmax(1) != y, found.success)
    assert apgd(net, x, y, 0.0, 3, generator=seed(), **how).success.sum() == 10


class Scaled(nn.Module):
    def __init__(self, network, factor):
        super().__init__()
        self.network, self.factor = network, factor

    def forward(self, images):
        return self.network(images) * self.factor


def test_large_logits_hide_a_network_from_cross_entropy_and_not_from_ratios(digits):
    net, x, y = digits
    sure = Scaled(net, 1e4)
    by_ratio = apgd(net, x, y, 0.1, 20, loss="dlr", generator=seed()).success
    assert torch.equal(apgd(sure, x, y, 0.1, 20, loss="dlr", generator=seed()).success, by_ratio)
    hidden = apgd(sure, x, y, 0.1, 20, generator=seed())
    assert hidden.success.sum() < by_ratio.sum()
    assert hidden.without_gradient.any()
    assert not (hidden.without_gradient & hidden.success).any()


class SpoiltAt(nn.Module):
    """No gradient is finite at images whose first value is 1."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        first = images[:, 0, 0, 0]
        spoiling = torch.where(first > 0.99, (first - first.detach()).abs(), 1).sqrt()
        return self.network(images) + spoiling[:, None]


def test_a_gradient_that_is_not_finite_is_flagged_and_the_others_are_attacked(digits):
    net, x, y = digits
    x = x.clone()
    x[:, 0, 0, 0] = 0.5
    x[3, 0, 0, 0] = 1
    y = net(x).argmax(1)
    found = apgd(SpoiltAt(net), x, y, 0.005, 5, generator=seed())
    assert found.spoilt is not None
    assert found.spoilt.nonzero().tolist() == [[3]]
    x[:, 0, 0, 0] = 1
    with pytest.raises(IsolossError, match="gradient is not finite for"):
        apgd(SpoiltAt(net), x, net(x).argmax(1), 0.005, 5, generator=seed())


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_images_in_half_precision_come_back_so_and_within_the_ball(digits, kind):
    net, x, y = digits
    given = x.to(kind)
    found = apgd(net, given, y, 0.06, 10, norm="linf", targets=2, generator=seed())
    assert found.images.dtype == kind
    assert float((found.images.float() - given.float()).abs().max()) <= 0.06 + 1e-6
    with torch.no_grad():
        assert torch.equal(net(found.images.float()).argmax(1) != y, found.success)
    assert found.success.any()


def test_few_classes_are_enough_or_refused_in_a_line():
    torch.manual_seed(0)
    x = torch.rand(8, 1, 2, 2)
    for classes, works in ((1, ["ce"]), (2, ["ce"]), (3, ["ce", "dlr"]), (4, ["ce", "dlr", "t"])):
        net = nn.Sequential(nn.Flatten(), nn.Linear(4, classes))
        nn.init.zeros_(net[1].bias).data.sub_(net[1].weight.sum(1) / 2)  # 0 in the middle
        logits = net(x)
        y = (logits[:, 0] > 0).long() if classes == 1 else logits.argmax(1)
        attacks = {
            "ce": partial(apgd, loss="ce"), "dlr": partial(apgd, loss="dlr"),
            "t": partial(apgd, targets=9),
        }  # fmt: skip
        for name, attack in attacks.items():
            if name in works:
                assert attack(net, x, y, 0.99, 5, generator=seed()).success.any()
            else:
                with pytest.raises(IsolossError, match="classes and more, this network knows"):
                    attack(net, x, y, 0.99, 5, generator=seed())
        # A margin and a cross-entropy there are for any number of them.
        assert apgd(net, x, y, 0.99, 5, loss="margin", targets=9, generator=seed()).success.any()
    check_dlr(3)
    check_targeted_dlr(4)
    with pytest.raises(IsolossError, match="apgd_dlr is for 3 classes and more, the data have 2"):
        check_dlr(2)
    with pytest.raises(IsolossError, match="have 3: take apgd_ce or fab_t"):
        check_targeted_dlr(3)


def test_aimed_at_a_class_it_ends_there(digits):
    net, x, y = digits
    goal = (y + 3) % 10
    found = apgd(net, x, y, 0.3, 30, targeted=goal, generator=seed())
    assert found.success.float().mean() > 0.5
    assert torch.equal(net(found.images).argmax(1) == goal, found.success)
    with pytest.raises(IsolossError, match="leave out targeted"):
        apgd(net, x, y, 0.3, 30, targeted=goal, targets=9)


class Noisy(nn.Module):
    """A network behind noise that it draws itself."""

    def __init__(self, network, sigma):
        super().__init__()
        self.network, self.sigma = network, sigma

    def forward(self, images):
        return self.network(images + self.sigma * torch.randn_like(images))


@pytest.mark.filterwarnings("ignore:this network gives two answers")
def test_of_a_network_that_draws_noise_most_of_fresh_draws_decide(digits):
    net, x, y = digits
    noisy = Noisy(net, 0.2)
    torch.manual_seed(0)
    found = apgd(noisy, x, y, 0.1, 10, draws=10, generator=seed())
    with torch.no_grad():
        wrong = torch.stack([noisy(found.images).argmax(1) != y for _ in range(200)]).float()
    often = wrong.mean(0)
    assert found.success[often > 0.8].all()
    assert not found.success[often < 0.2].any()
    assert found.success.sum() > 10


class Bright(nn.Module):
    def forward(self, images):
        mean = images.mean((1, 2, 3))
        return 40 * torch.stack([0.5 - mean, mean - 0.5], 1)


@pytest.mark.parametrize("sigma", [0.01, 0.05])
def test_behind_a_denoiser_no_gradient_ends_at_its_clamp(sigma):
    # Black becomes −0.25 and white 1.25, which are clamped whatever the noise: no draw would tell
    # which way to go.
    unet, scheduler = denoiser_of(lambda noisy, _: 1.5 * noisy - 0.25, [sigma], 1)
    defense = DenoisedSmoothing(Bright(), unet, scheduler, sigma)
    defense.generator = seed()
    y = torch.arange(6) % 2
    x = y.float().view(-1, 1, 1, 1).expand(-1, 1, 4, 4).clone()
    context = AttackContext(
        model=defense, undefended=defense.classifier, generator=seed(),
        settings=DefendSettings(source="/a", denoiser="/b"), classes=2, seed=0, draws=4,
        attack="apgd_ce", own=None, strayed={}, batch_size=64, forward_batch_size=64,
        watch=lambda images: None,  # from the image itself
    )  # fmt: skip
    assert not objective_of(defense)(x, y, True).gradient.any()
    found = apgd_ce_attack(context)(x, y, 0.6)
    assert not found.without_gradient.any()
    with torch.no_grad():
        assert (defense(found.images).argmax(1) != y).all()
