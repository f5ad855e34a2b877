"""Attacks: against torchattacks, against the geometry of the ball, against what they claim."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchattacks
from sklearn.datasets import load_digits
from torch import nn

from isoloss import IsolossError
from isoloss.robustness import (
    LEGACY,
    Fast,
    GaussianSmoothing,
    Protocol,
    attack,
    eot_pgd,
    pgd,
    square,
    sweep,
)
from isoloss.robustness.attacks.ascent import Attacked
from isoloss.robustness.attacks.ball import L2Ball, LInfBall
from isoloss.robustness.attacks.eot import mean_objective
from isoloss.robustness.attacks.randomized_sweep import Correctness, randomized_sweep
from isoloss.robustness.attacks.rounding import Rounded, in_8_bits, radius_of_files
from isoloss.robustness.attacks.square import HALVINGS, search
from isoloss.robustness.attacks.sweep import misclassified
from isoloss.robustness.smoothing.votes import vote


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Sums in the same order for all; and small networks are quicker so."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def digits(one_thread):
    """A CNN for 8×8 digits, trained for a moment, with 64 images that it knows."""
    data = load_digits()
    images = torch.from_numpy(data.images).float().div_(16)[:, None]
    labels = torch.from_numpy(data.target).long()
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(),
        nn.Conv2d(12, 24, 3, stride=2), nn.BatchNorm2d(24), nn.ReLU(),
        nn.Flatten(), nn.Linear(24 * 9, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(3):
        for batch in torch.randperm(1400).split(128):
            optimizer.zero_grad()
            F.cross_entropy(net(images[batch]), labels[batch]).backward()
            optimizer.step()
    net.eval()
    images, labels = images[1400:], labels[1400:]
    right = (net(images).argmax(1) == labels).nonzero()[:64, 0]
    assert len(right) == 64
    return net, images[right], labels[right]


def accuracy(net, images, labels):
    with torch.no_grad():
        return float((net(images).argmax(1) == labels).float().mean())


@pytest.mark.filterwarnings("ignore:the steps")
def test_pgd_goes_where_torchattacks_goes_step_for_step(digits):
    net, x, y = digits
    for steps in range(1, 9):
        torch.manual_seed(steps)
        theirs = torchattacks.PGD(net, eps=0.1, alpha=0.03, steps=steps)(x, y)
        torch.manual_seed(steps)
        ours = attack(net, x, y, 0.1, Protocol(steps=steps, step_size=0.03, keep_best=False))
        assert float((ours.images - theirs).abs().max()) <= 1e-6


@pytest.mark.filterwarnings("ignore:the steps")
def test_l2_pgd_goes_where_torchattacks_goes_step_for_step(digits):
    net, x, y = digits
    for steps in range(1, 9):
        # Without what they add to the norm, which shortens the steps of images they are sure of.
        theirs = torchattacks.PGDL2(
            net, eps=0.8, alpha=0.2, steps=steps, random_start=False, eps_for_division=0
        )(x, y)
        protocol = Protocol(
            steps=steps, step_size=0.2, norm="l2", random_start=False, keep_best=False
        )
        ours = attack(net, x, y, 0.8, protocol).images
        assert float((ours - theirs).abs().max()) <= 1e-6


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.07), ("linf", 0.5), ("l2", 0.6), ("l2", 5)])
def test_pgd_stays_in_the_ball_and_in_range(digits, norm, eps):
    net, x, y = digits
    moved = pgd(net, x, y, eps, 6, norm=norm, restarts=2) - x
    distance = moved.flatten(1).abs().amax(1) if norm == "linf" else moved.flatten(1).norm(dim=1)
    assert float(distance.max()) <= eps * (1 + 1e-6)
    assert float((x + moved).min()) >= 0
    assert float((x + moved).max()) <= 1


def test_random_starts_are_uniform_in_the_ball():
    generator = torch.Generator().manual_seed(0)
    images = torch.zeros(20_000, 1, 2, 3, dtype=torch.float64)
    d = 6
    offsets = L2Ball(0.5).random_offsets(images, generator).flatten(1)
    radii = offsets.norm(dim=1) / 0.5
    # Of a uniform point in a d-ball: E r = d/(d+1), E r² = d/(d+2), E x xᵀ = 1/(d+2) · I.
    assert float(radii.max()) <= 1
    for power in (1, 2, 4):
        spread = math.sqrt(d / (d + 2 * power) - (d / (d + power)) ** 2)
        error = abs(float((radii**power).mean()) - d / (d + power))
        assert error < 4 * spread / math.sqrt(20_000)
    second = offsets.T @ offsets / len(offsets) / 0.25
    np.testing.assert_allclose(second, torch.eye(d) / (d + 2), atol=0.005)
    flat = LInfBall(0.5).random_offsets(images, generator).flatten()
    assert abs(float(flat.square().mean()) - 0.25 / 3) < 0.002
    assert float(flat.abs().max()) <= 0.5


def test_images_taken_through_a_queue_meet_the_same_fate(digits):
    net, x, y = digits
    net, x = net.double(), x.double()
    try:
        whole = attack(net, x, y, 0.12, Protocol(steps=8, random_start=False))
        queued = attack(net, x, y, 0.12, Protocol(steps=8, random_start=False), batch_size=7)
    finally:
        net.float()
    assert torch.equal(whole.fooled, queued.fooled)
    assert 0 < int(whole.fooled.sum()) < len(x)
    torch.testing.assert_close(queued.losses, whole.losses, rtol=1e-5, atol=1e-6)


def test_who_is_fooled_is_asked_no_more(digits):
    net, x, y = digits
    asked = []
    handle = net.register_forward_hook(lambda _, given, __: asked.append(len(given[0])))
    outcome = attack(net, x, y, 0.3, Protocol(steps=20))
    handle.remove()
    assert outcome.fooled.all()
    assert asked == sorted(asked, reverse=True)
    assert sum(asked) < 20 * len(x) / 2


def test_the_best_iterate_is_kept_and_restarts_only_help(digits):
    net, x, y = digits
    protocol = Protocol(steps=5, restarts=1)
    one, five = (
        attack(net, x, y, 0.1, p, torch.Generator().manual_seed(1))
        for p in (protocol, Protocol(steps=5, restarts=5))
    )
    assert bool((five.fooled | ~one.fooled).all())
    resists = ~five.fooled
    assert resists.any()
    assert bool((five.losses[resists] >= one.losses[resists]).all())
    with torch.no_grad():
        losses = F.cross_entropy(net(five.images), y, reduction="none")
    torch.testing.assert_close(losses, five.losses, rtol=1e-4, atol=1e-5)
    assert torch.equal(net(five.images).argmax(1) != y, five.fooled)


def test_the_network_is_left_as_it_was(digits):
    net, x, y = digits
    net[1].train()
    net[0].weight.requires_grad_(False)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    pgd(net, x, y, 0.1, 3)
    assert net[1].training
    assert not net[4].training
    assert not net[0].weight.requires_grad
    assert net[3].weight.requires_grad
    net[1].eval()
    net[0].weight.requires_grad_(True)
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())
    assert all(p.grad is None or not p.grad.isnan().any() for p in net.parameters())


def test_the_legacy_protocol_cannot_reach_further_than_ten_255ths(digits):
    net, x, y = digits
    with pytest.warns(UserWarning, match="5 × 0.007843, reach 0.03922 and not ε = 0.5"):
        far = attack(net, x, y, 0.5, LEGACY).images
    assert float((far - x).abs().max()) <= 10 / 255 + 1e-6
    near = attack(net, x, y, 10 / 255, LEGACY).images
    torch.testing.assert_close(far, near, rtol=0, atol=1e-6)


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


@pytest.mark.parametrize("ball", [LInfBall(0.01), LInfBall(0.05), L2Ball(0.5), L2Ball(0.03)])
def test_images_of_8_bits_stay_in_the_ball(ball):
    generator = torch.Generator().manual_seed(0)
    clean = torch.randint(256, (6, 3, 8, 8), generator=generator) / 255
    moved = ball.project(clean + ball.random_offsets(clean, generator) * 2, clean).clamp(0, 1)
    for centre in (clean, (clean + 0.3 / 255).clamp(0, 1)):
        moved = ball.project(moved, centre).clamp(0, 1)
        file = in_8_bits(moved, centre, ball)
        torch.testing.assert_close(file * 255, (file * 255).round(), rtol=0, atol=1e-4)
        assert float((file - moved).abs().max()) < 1.001 / 255
        if centre is clean:  # what is itself of 8 bits has a way back
            assert float(ball.distance(file, clean).max()) <= ball.eps + 2e-5
            assert not torch.equal(file, clean) or ball.eps < 0.1
    assert torch.equal(in_8_bits(clean, clean, LInfBall(0.0)), clean)


def test_short_gradients_have_a_direction_too():
    gradient = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    gradient[3] = 0
    ball = L2Ball(1.0)
    for scale in (1e-20, 1e-30):
        torch.testing.assert_close(ball.ascent(gradient * scale), ball.ascent(gradient))
    assert ball.ascent(gradient)[3].abs().max() == 0


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


def test_a_black_box_gains_on_what_draws_noise(digits):
    net, x, y = digits
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


@pytest.mark.parametrize(("eps", "levels"), [(0.005, 1), (2 / 255, 2), (0.01, 2), (0.003, 0)])
def test_files_move_by_whole_levels(eps, levels):
    assert radius_of_files("linf", eps) == pytest.approx(levels / 255)
    assert radius_of_files("l2", eps) == eps


def test_a_rounded_network_sees_a_file_and_has_the_gradient_of_the_network():
    images = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    seen = Rounded(nn.Identity())(images)
    levels = seen.detach() * 255
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-4)
    assert 0 < float((seen - images).detach().abs().max()) <= 0.5001 / 255
    seen.square().sum().backward()
    torch.testing.assert_close(images.grad, 2 * seen.detach())


def test_without_carrying_every_radius_stands_alone(digits):
    net, x, y = digits
    counts = [
        s.attacked
        for s in sweep(lambda *a: attack(net, *a, Protocol(steps=4)), net, x, y, [0.1, 0.3],
                       carry=False)
    ]  # fmt: skip
    assert counts == [len(x), len(x)]


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
    from isoloss.robustness.attacks.square import _fraction

    # Section 4.1: p = 0.8, halved at so many of N = 10,000 queries.
    assert [_fraction(q, 10_000) for q in (10, 11, 200, 201, 9000)] == [
        0.8, 0.4, 0.2, 0.1, 0.8 / 512
    ]  # fmt: skip
    assert _fraction(6, 5000) == 0.4
    assert len(HALVINGS) == 9


def test_the_expected_gradient_is_the_mean_of_single_draws(digits):
    net, x, y = digits
    x, y, draws = x[:4].double(), y[:4], 5
    net.double()
    try:
        defense = GaussianSmoothing(net, 0.3)
        defense.generator = torch.Generator().manual_seed(0)
        sight = mean_objective(defense, draws)(x, y, True)
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
    torch.testing.assert_close(sight.gradient, torch.stack(singles).mean(0))
    torch.testing.assert_close(
        sight.losses.double(), torch.stack(losses).mean(0), rtol=1e-6, atol=0
    )


def test_eot_beats_a_single_draw_at_a_noisy_defense(digits):
    net, x, y = digits
    defense = GaussianSmoothing(net, 0.3)
    judges = torch.randn(200, *x.shape, generator=torch.Generator().manual_seed(9))

    def expected_loss(images):
        with torch.no_grad():
            return sum(F.cross_entropy(defense.logits(images, z), y) for z in judges) / 200

    protocol = Protocol(steps=8, random_start=False)
    one, many = (
        eot_pgd(defense, x, y, 0.1, protocol, draws, batch_size=128).images for draws in (1, 16)
    )
    assert expected_loss(many) > expected_loss(one) > expected_loss(x)
    assert float((many - x).abs().max()) <= 0.1 + 1e-6


def test_a_network_made_fast_is_the_same_function(digits):
    net, x, y = digits
    fast = Fast(net, x[:4], precision="fp32")
    assert not any(isinstance(m, nn.BatchNorm2d) for m in fast.modules())
    torch.testing.assert_close(fast(x), net(x).detach(), rtol=1e-4, atol=1e-4)
    halved = Fast(net, x[:4], precision="bf16")
    assert halved(x).dtype == torch.float32
    assert (halved(x) - net(x)).abs().max() < 0.1 * net(x).abs().max()
    assert not any(p.requires_grad for p in fast.parameters())
    assert any(isinstance(m, nn.BatchNorm2d) for m in net.modules())
    rates = [attack(n, x, y, 0.1, Protocol(random_start=False)).fooled.float().mean()
             for n in (net, fast, halved)]  # fmt: skip
    assert max(rates) - min(rates) <= 0.1


def test_a_vanished_gradient_is_noticed(digits):
    net, x, y = digits

    class Saturated(nn.Module):
        def forward(self, images):
            return net(images) * 1e6

    outcome = attack(Saturated(), x, y, 0.1, Protocol(steps=3, random_start=False))
    assert outcome.without_gradient.float().mean() > 0.5
    assert not attack(net, x, y, 0.1, Protocol(steps=3)).without_gradient.any()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_gradient_of_nan_is_no_robustness(digits, norm):
    net, x, y = digits

    class Rooted(nn.Module):
        def forward(self, images):
            return net(images) + (images[:, :, :2] * 0).sqrt().flatten(1).sum(1)[:, None]

    for attacked in (
        lambda: pgd(Rooted(), x, y, 0.1, 3, norm=norm),
        lambda: eot_pgd(Rooted(), x, y, 0.1, Protocol(steps=3, norm=norm), 2),
    ):
        with pytest.raises(IsolossError, match=f"not finite for {len(x)} of {len(x)} images"):
            attacked()


def nan_network(images):
    return (images.flatten(1).sum(1, keepdim=True) * torch.ones(10)) * torch.nan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"eps": -0.1}, "ε must be a finite number, 0 or more, not -0.1"),
        ({"eps": math.nan}, "ε must be a finite number"),
        ({"x": "normalized"}, r"images must lie in \[0, 1\], these reach from -1 to 1"),
        ({"x": "bytes"}, r"images must be \(N, C, H, W\) floats in \[0, 1\], these are"),
        ({"y": "ten"}, "labels must be 0 to 9 for this network, these reach from 10 to 10"),
        ({"y": "floats"}, "labels must be one int64 class index for each of 2 images"),
        ({"y": "narrow"}, "labels must be one int64 class index .* int32"),
        ({"batch_size": 0}, "batch_size must be 1 or more, not 0"),
        ({"step_size": 0.0}, "the step size must be above 0, not 0"),
        ({"step_size": math.nan}, "the step size must be above 0, not nan"),
        ({"steps": 0}, "steps must be 1 or more, not 0"),
        ({"restarts": 0}, "restarts must be 1 or more, not 0"),
        ({"norm": "l1"}, "the norm is linf or l2, not 'l1'"),
        ({"model": "nan"}, "the network gives NaN for 2 of 2 images"),
        ({"model": "features"}, r"a classifier gives \(N, classes\) logits, this network gives"),
    ],
)
def test_what_cannot_be_attacked_is_refused_in_one_line(digits, change, message):
    net, x, y = digits
    x, y = x[:2].clone(), y[:2]
    replacements = {
        "normalized": torch.linspace(-1, 1, 128).view(2, 1, 8, 8), "bytes": (x * 255).byte(),
        "ten": torch.tensor([10, 10]), "floats": y.float(), "features": nn.Identity(),
        "narrow": y.int(),
    }  # fmt: skip

    class Broken(nn.Module):
        def forward(self, images):
            return nan_network(images)

    replacements["nan"] = Broken()
    given = {"model": net, "x": x, "y": y, "eps": 0.1, "steps": 2}
    given |= {k: replacements.get(v, v) if isinstance(v, str) else v for k, v in change.items()}
    with pytest.raises(IsolossError, match=message) as refusal:
        pgd(**given)
    assert "\n" not in str(refusal.value)


def test_no_images_are_no_trouble(digits):
    net, x, y = digits
    assert pgd(net, x[:0], y[:0], 0.1, 3).shape == (0, 1, 8, 8)
    assert len(misclassified(net, x[:0], y[:0])) == 0


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
