"""What a probe through an image says of attacks that find nothing, and of gradient masking."""

import numpy as np
import pytest
import torch
from torch import nn

import isoloss
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.robustness.input_space.masking import inside, masking

from .conftest import halved

DIAMOND = np.array([[1.0, 0], [0, 1], [-1, 0], [0, -1]])


def surface_of(loss, axis, error=0.0, answers=None):
    surface = Surface.from_loss(axis, axis, loss, label=3)
    columns = {"predicted": np.full(loss.shape, 3.0) if answers is None else answers}
    stderr = np.full(loss.shape, error)
    return Surface(
        surface.alpha, surface.beta, loss, surface.accuracy, stderr, surface.count, surface.meta,
        columns=columns,
    )  # fmt: skip


def way(*losses):
    n = len(losses)
    zero = np.zeros(n)
    return Trajectory(
        np.linspace(0, 1, n), zero, np.array(losses), zero, np.arange(n), zero, {"name": "PGD"}
    )


def test_a_surface_that_rises_along_the_attack_is_well():
    axis = np.linspace(-2, 2, 41)
    loss = 1 + np.maximum(axis, 0)[:, None] + 0.3 * np.abs(axis)[None, :]
    found = masking(surface_of(loss, axis), way(1.0, 1.5, 2.0), DIAMOND, is_transferred=False)
    assert found.level == "ok"


def test_a_surface_that_rises_beside_the_attack_is_masked():
    axis = np.linspace(-2, 2, 41)
    loss = 1 + 2 * np.maximum(axis, 0)[None, :] + 0 * axis[:, None]
    answers = np.where(loss > 2, 4.0, 3.0)
    found = masking(
        surface_of(loss, axis, answers=answers), way(1.0, 1.0, 1.1), DIAMOND, is_transferred=False
    )
    assert found.level == "warning"
    # The highest cell of the diamond |α| + |β| ≤ 1 is (0, 1), though the surface goes on to 5.
    assert "rises by 2 at α = 0, β = 1, where another class wins" in found.message
    assert "by 0.1 only" in found.message


def test_an_attack_on_another_network_that_does_nothing_here_is_no_masking():
    axis = np.linspace(-2, 2, 41)
    loss = 1 + 2 * np.maximum(axis, 0)[None, :] + 0 * axis[:, None]
    found = masking(surface_of(loss, axis), way(1.0, 1.1), DIAMOND, is_transferred=True)
    assert (found.level, found.what) == ("note", "transfer")
    assert "made for the network without its defense" in found.message


@pytest.mark.parametrize(("height", "error"), [(0.04, 0.0), (1.0, 0.5)])
def test_neither_a_ripple_nor_noise_is_masking(height, error):
    axis = np.linspace(-2, 2, 41)
    loss = 1 + height * np.maximum(axis, 0)[None, :] + 0 * axis[:, None]
    found = masking(surface_of(loss, axis, error), way(1.0, 1.0), DIAMOND, is_transferred=False)
    assert found.level == "ok"


def test_what_lies_beyond_the_ball_is_no_masking():
    axis = np.linspace(-2, 2, 41)
    loss = np.where(np.abs(axis)[None, :] + np.abs(axis)[:, None] > 1.01, 9.0, 1.0)
    assert (
        masking(surface_of(loss, axis), way(1.0, 1.0), DIAMOND, is_transferred=False).level == "ok"
    )


def test_what_lies_inside_a_polygon():
    x, y = np.array([0.0, 0.5, 0.6, 1.0, -1.0]), np.array([0.0, 0.5, 0.5, 0.0, 0.1])
    assert inside(DIAMOND, x, y).tolist() == [True, True, False, True, False]


class Levels(nn.Module):
    """A network that sees images in few grey levels: its gradient is zero everywhere."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net((x * 8).round() / 8)


def findings_of(folder, level):
    return [f for f in isoloss.load(folder).meta["findings"] if f["level"] == level]


def test_a_network_without_gradient_is_shown_in_random_directions_and_warned_of(
    digits, probing_of, surfaces_of
):
    net, images, labels = digits
    folder = surfaces_of(probing_of(Levels(net), images, labels))
    surface = isoloss.load(folder)
    assert surface.meta["axes"] == ["random", "random"]
    assert not surface.trajectories
    (warning,) = findings_of(folder, "warning")
    assert "PGD leaves this image as it is, for the gradient there is zero" in warning["message"]


def test_an_attack_of_ones_own_that_gives_the_image_back_has_the_gradients_direction(
    digits, probing_of, surfaces_of
):
    net, images, labels = digits
    probing = probing_of(net, images, labels, attacks="python:idle", eps=0.1)
    probing.setup.own_attacks["idle"] = lambda model, x, y, eps: x
    folder = surfaces_of(probing)
    surface = isoloss.load(folder)
    assert surface.meta["axes"] == ["gradient", "random"]
    (note,) = findings_of(folder, "note")
    assert "idle leaves this image as it is" in note["message"]
    plane_file = (folder / "plane.safetensors").read_bytes()
    from safetensors.torch import load

    x = images[:1].clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(nn.functional.cross_entropy(net(x), labels[:1]), x)
    np.testing.assert_allclose(load(plane_file)["delta"], 0.1 * gradient.sign()[0], atol=1e-6)


def test_two_attacks_of_one_direction_leave_room_for_a_random_one(digits, probing_of, surfaces_of):
    net, images, labels = digits
    probing = probing_of(net, images, labels, plane="attacks", attacks="python:a,python:b")
    probing.setup.own_attacks["a"] = lambda model, x, y, eps: x + 0.5 * eps * torch.ones_like(x)
    probing.setup.own_attacks["b"] = lambda model, x, y, eps: x + eps * torch.ones_like(x)
    folder = surfaces_of(probing)
    # Images of black and white pixels are brought back to [0, 1] by both alike.
    surface = isoloss.load(folder)
    assert surface.meta["axes"][0] == "a"
    assert abs(surface.meta["cosine"]) <= 1
    axes = surface.meta["axes"]
    assert (axes[1] == "random") == any(
        "go the same way" in f["message"] for f in surface.meta["findings"]
    )


def test_a_masked_network_is_found_out_on_its_surface(digits, probing_of, surfaces_of):
    """Where the gradient shows to the wrong side, the attack goes where nothing rises."""
    net, images, labels = digits

    class Misleading(nn.Module):
        def forward(self, x):
            there = net(x)
            return there.detach() * 2 - there  # the value of the network, its gradient turned round

    folder = surfaces_of(
        probing_of(Misleading(), images, labels, image=0, plane="attacks", attacks="pgd,square",
                   eps=0.3, queries=200, grid=21)
    )  # fmt: skip
    (warning,) = findings_of(folder, "warning")
    assert warning["what"] == "gradient masking"
    assert "where another class wins" in warning["message"]


def test_what_is_said_of_a_defense_and_of_an_image_that_is_misclassified(
    digits, probing_of, surfaces_of
):
    net, images, labels = digits
    wrong = (labels + 1) % 10
    asked = {"sigma": 0.5, "draws": 5, "plane": "attacks", "eps": 0.2, "steps": 4}
    folder = surfaces_of(probing_of(net, images, wrong, halved, **asked))
    (note,) = findings_of(folder, "note")
    assert note["message"] == (
        f"the image is taken for {labels[0]} as it is, not for its own class, {wrong[0]}"
    )
    judged = {
        name: [f["what"] for f in isoloss.load(folder / name).meta["findings"]]
        for name in ("surface.ply", "defended.ply")
    }
    # PGD has the network's own gradients, EOT those of the defense.
    assert judged["surface.ply"].count("gradient masking") == 1
    assert len(judged["defended.ply"]) == len(judged["surface.ply"]) + 1
