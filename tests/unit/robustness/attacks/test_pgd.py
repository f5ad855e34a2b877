"""PGD: against torchattacks, against the geometry of the ball; what it claims, what it refuses."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchattacks
from torch import nn

from isoloss import IsolossError
from isoloss.robustness import (
    LEGACY,
    Fast,
    Protocol,
    attack,
    eot_pgd,
    pgd,
)
from isoloss.robustness.ascent.ball import L2Ball, LInfBall
from isoloss.robustness.attacks.sweep import misclassified


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


def test_images_taken_through_a_queue_come_out_the_same(digits):
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
    first, alone, attacked = asked[0], asked[1:9], asked[9:]
    assert [first, *alone] == [8] + [1] * 8, "in a batch and alone, once"
    assert attacked == sorted(attacked, reverse=True)
    assert sum(attacked) < 20 * len(x) / 2


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


def test_short_gradients_have_a_direction_too():
    gradient = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    gradient[3] = 0
    ball = L2Ball(1.0)
    for scale in (1e-20, 1e-30):
        torch.testing.assert_close(ball.ascent(gradient * scale), ball.ascent(gradient))
    assert ball.ascent(gradient)[3].abs().max() == 0


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

    outcome = attack(Saturated(), x, y, 0.1, Protocol(steps=3, random_start=False), loss="ce")
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
        ({"eps": "8/255"}, "ε must be a finite number, 0 or more, not 8/255"),
        ({"eps": 8}, "ε = 8 reaches beyond all of them: of 256 levels 8 are 8/255"),
        ({"x": "normalized"}, r"images must lie in \[0, 1\], these reach from -1 to 1"),
        ({"x": "wide"}, r"images must be \(N, C, H, W\) floats in \[0, 1\], these are"),
        ({"y": "ten"}, "labels must be 0 to 9 for this network, these reach from 10 to 10"),
        ({"y": "floats"}, "labels must be one int64 class index for each of 2 images"),
        ({"batch_size": 0}, "batch_size must be 1 or more, not 0"),
        ({"step_size": 0.0}, "the step size must be a number above 0, not 0"),
        ({"step_size": math.nan}, "the step size must be a number above 0, not nan"),
        ({"step_size": "a"}, "the step size must be a number above 0, not 'a'"),
        ({"generator": 5}, "generator must be a torch.Generator, not int"),
        ({"steps": 2.5}, "steps must be a whole number, 1 or more, not 2.5"),
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
        "normalized": torch.linspace(-1, 1, 128).view(2, 1, 8, 8), "wide": (x * 255).int(),
        "ten": torch.tensor([10, 10]), "floats": y.float(), "features": nn.Identity(),
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
