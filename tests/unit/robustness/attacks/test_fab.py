"""FAB: the geometry of its steps, closed forms on linear networks, and against torchattacks."""

import numpy as np
import pytest
import torch
import torchattacks
from scipy.optimize import linprog, minimize
from tests.unit.robustness.attacks.test_apgd import distances, linear, seed  # noqa: F401
from torch import nn

from isoloss import IsolossError
from isoloss.robustness import GaussianSmoothing, fab
from isoloss.robustness.attacks.hyperplane import offsets_onto


def shortest(normal, gap, low, high, norm):
    """The length of the smallest change within a box by which ⟨normal, ·⟩ grows by `gap`."""
    n = len(normal)
    if norm == "linf":
        unit, column = np.eye(n), np.ones((n, 1))
        found = linprog(
            np.append(np.zeros(n), 1),
            A_ub=np.block([[unit, -column], [-unit, -column]]), b_ub=np.zeros(2 * n),
            A_eq=np.append(normal, 0)[None], b_eq=[gap],
            bounds=[*zip(low, high, strict=True), (0, None)],
        )  # fmt: skip
        return found.fun
    found = minimize(
        lambda z: z @ z, np.zeros(n), jac=lambda z: 2 * z, method="SLSQP",
        bounds=list(zip(low, high, strict=True)), options={"ftol": 1e-14, "maxiter": 300},
        constraints={"type": "eq", "fun": lambda z: normal @ z - gap, "jac": lambda z: normal},
    )  # fmt: skip
    return found.fun**0.5


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("scale", [1.0, 1e-30])
def test_steps_onto_a_plane_are_the_shortest_in_the_box(norm, scale):
    generator = seed()
    points, normals = (torch.rand(12, 1, 2, 4, generator=generator).double() for _ in range(2))
    normals = 2 * normals - 1
    normals[0, 0, 0] = 0
    gaps = torch.linspace(-2.5, 2.5, 12).double()
    found = offsets_onto(points, normals * scale, gaps * scale, norm).flatten(1).numpy()
    reached = 0
    for point, normal, gap, offsets in zip(
        points.flatten(1).numpy(), normals.flatten(1).numpy(), gaps.numpy(), found, strict=True
    ):
        low, high = -point, 1 - point
        assert (offsets >= low - 1e-12).all()
        assert (offsets <= high + 1e-12).all()
        most = np.abs(normal * np.where(normal * gap > 0, high, low)).sum()
        assert normal @ offsets == pytest.approx(np.sign(gap) * min(abs(gap), most))
        if abs(gap) < most:
            reached += 1
            length = np.abs(offsets).max() if norm == "linf" else np.linalg.norm(offsets)
            assert length == pytest.approx(shortest(normal, gap, low, high, norm), abs=1e-5)
    assert 4 <= reached < 12


def test_a_plane_without_direction_moves_nothing():
    points = torch.rand(2, 1, 2, 2)
    gaps = torch.tensor([1.0, torch.inf])
    for norm in ("linf", "l2"):
        assert not offsets_onto(points, torch.zeros_like(points), gaps, norm).any()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_fab_reaches_the_exact_distance_on_a_linear_network(linear, norm):  # noqa: F811
    net, x, y = linear
    nearest = distances(net, x, y, norm)
    found = fab(net, x, y, None, 20, norm)
    assert found.success.all()
    torch.testing.assert_close(-found.losses, nearest, rtol=2e-3, atol=0)
    moved = (found.images - x).flatten(1)
    reached = moved.abs().amax(1) if norm == "linf" else moved.norm(dim=1)
    torch.testing.assert_close(-found.losses, reached)
    eps = float(nearest.median())
    clear = (nearest / eps - 1).abs() > 0.01
    within = fab(net, x, y, eps, 20, norm)
    assert torch.equal(within.success[clear], nearest[clear] < eps)


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.06), ("l2", 0.35)])
def test_fab_comes_as_near_as_torchattacks(digits, norm, eps):
    net, x, y = digits
    x, y = x[:24], y[:24]
    name = {"linf": "Linf", "l2": "L2"}[norm]
    theirs = torchattacks.FAB(net, name, 10.0, steps=15, multi_targeted=True, n_classes=4)(x, y)

    def length(images):
        moved = (images - x).flatten(1)
        return moved.abs().amax(1) if norm == "linf" else moved.norm(dim=1)

    ours = fab(net, x, y, None, 15, norm, targets=3)
    assert ours.success.all()
    assert not (net(ours.images).argmax(1) == y).any()
    # They end where they were last misclassified, ours on the border itself.
    assert bool((length(ours.images) <= 1.001 * length(theirs)).all())
    within = fab(net, x, y, eps, 15, norm, targets=3)
    assert 0 < int(within.success.sum()) < len(x)
    assert float(length(within.images).max()) <= eps + 1e-6
    assert not (~within.success & (length(theirs) <= eps)).any()


def test_what_is_wrong_needs_no_change_and_aims_are_reached(digits):
    net, x, y = digits
    x, y = x[:10], y[:10]
    wrong = torch.where(torch.arange(10) < 3, (y + 1) % 10, y)
    found = fab(net, x, wrong, None, 5, targets=2)
    assert torch.equal(found.images[:3], x[:3])
    assert found.losses[:3].abs().max() == 0
    goal = (y + 5) % 10
    aimed = fab(net, x, y, None, 20, "l2", targeted=goal)
    assert torch.equal(net(aimed.images).argmax(1) == goal, aimed.success)
    assert aimed.success.sum() >= 8


class Killing(nn.Module):
    """Lets no gradient through, and says that it is 0."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        return self.network(images.detach()) + 0 * images.sum()


def test_where_there_is_no_gradient_it_says_so_and_finds_nothing(digits):
    net, x, y = digits
    found = fab(Killing(net), x[:6], y[:6], 0.1, 3, targets=2)
    assert not found.success.any()
    assert found.without_gradient.all()
    assert fab(Killing(net), x[:6], y[:6], None, 3, targets=2).losses.isneginf().all()


def test_what_draws_noise_is_refused(digits):
    net, x, y = digits
    with pytest.raises(IsolossError, match="this one draws random numbers: take apgd"):
        fab(GaussianSmoothing(net, 0.2), x, y, 0.1)
