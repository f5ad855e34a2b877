"""Quantities over a plane against loops of plain PyTorch, written down anew."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.func import functional_call

from isoloss import OfClass, probe, random_plane
from isoloss.compute.data.dataset import shuffled
from isoloss.robustness import Adversarial, Denoised
from isoloss.robustness.smoothing.own_denoiser import denoiser_of
from isoloss.robustness.smoothing.votes import first_noise

ALPHA, BETA = np.array([-0.4, 0.0, 0.5]), np.array([-0.6, -0.1, 0.0, 0.3])


@pytest.fixture
def plane(digits):
    return random_plane(digits[0], seed=3)


def probed(digits, plane, *quantities, **asked):
    net, images, labels = digits
    given = {"precision": "fp32", "device": "cpu", "progress": False, **asked}
    return probe(net, [(images, labels)], plane, ALPHA, BETA, quantities=quantities, **given)


def network_at(net, plane, i, j):
    """The network at a point, as a function of images."""
    moved = {
        name: tensor + ALPHA[i] * plane.delta[name] + BETA[j] * plane.eta[name]
        if name in plane.delta else tensor
        for name, tensor in net.state_dict().items()
    }  # fmt: skip
    return lambda images: functional_call(net, {k: t.float() for k, t in moved.items()}, images)


def losses_at(net, plane, i, j, images, labels):
    logits = network_at(net, plane, i, j)(images)
    return F.cross_entropy(logits, labels, reduction="none"), logits.argmax(1) == labels


def climbed(at, x, y, start, lengths, eps, norm):
    """Plain PGD: the best of its iterates, the clean image among them."""
    best, losses, right = x.clone(), None, None
    iterates, here = [x, start], start
    for length in lengths:
        here = here.clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(F.cross_entropy(at(here), y, reduction="sum"), here)
        with torch.no_grad():
            if norm == "linf":
                here = torch.max(torch.min(here + length * gradient.sign(), x + eps), x - eps)
            else:
                unit = gradient / gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
                offset = here + length * unit - x
                sizes = offset.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
                here = x + offset * (eps / sizes).clamp(max=1)
            here = here.clamp(0, 1).detach()
        iterates.append(here)
    for images in iterates:
        logits = at(images).detach()
        found, hits = F.cross_entropy(logits, y, reduction="none"), logits.argmax(1) == y
        if losses is None:
            losses, right = found, hits
            continue
        better = found > losses
        best[better], losses, right = images[better], torch.maximum(found, losses), right & hits
    return best, losses, right


@pytest.mark.parametrize(("norm", "eps", "chain"), [("linf", 0.05, 24), ("l2", 0.6, 4)])
def test_adversarial_losses_are_those_of_plain_pgd_from_the_same_start(
    digits, plane, monkeypatch, norm, eps, chain
):
    monkeypatch.setattr("isoloss.compute.engine.quantities.CHAIN", chain)
    surface = probed(digits, plane, Adversarial(eps, steps=5, norm=norm), batch_size=40)
    net, images, labels = digits
    path = [(i, j) for i in range(3) for j in (range(4) if i % 2 == 0 else range(3, -1, -1))]
    made = images
    for k, (i, j) in enumerate(path):
        fresh = k % chain == 0
        start, lengths = (images, [0.5] * 5) if fresh else (made, [1, 0.5])
        made, losses, right = climbed(
            network_at(net, plane, i, j), images, labels, start, eps * np.array(lengths), eps, norm
        )
        assert surface.columns["adversarial"][i, j] == pytest.approx(float(losses.mean()), abs=1e-5)
        found = surface.columns["adversarial_accuracy"][i, j]
        assert found == pytest.approx(float(right.double().mean()), abs=1e-9)
    assert (surface.columns["adversarial"] >= surface.loss).all()
    assert (surface.columns["adversarial_accuracy"] <= surface.accuracy).all()
    assert (surface.columns["adversarial"] > surface.loss + 1e-3).mean() > 0.8


def test_it_goes_on_from_the_neighbour_no_weaker_than_all_steps_from_the_images(digits, plane):
    on = probed(digits, plane, Adversarial(0.05, steps=8)).columns["adversarial"]
    net, images, labels = digits
    anew = np.zeros_like(on)
    for i, j in np.ndindex(on.shape):
        at = network_at(net, plane, i, j)
        _, losses, _ = climbed(at, images, labels, images, [2.5 * 0.05 / 8] * 8, 0.05, "linf")
        anew[i, j] = float(losses.mean())
    assert (on > 0.97 * anew).all()
    assert on.mean() > 0.99 * anew.mean()


def towards_grey(noisy, sigma):
    return 0.4 * noisy + 0.18


def test_denoised_losses_are_those_of_images_denoised_by_hand(digits, plane):
    net, images, labels = digits
    unet, scheduler = denoiser_of(towards_grey, [0.5], 1)
    places = list(range(100, 164))
    denoised = Denoised(unet, scheduler, 0.5, indices=places, seed=7)
    surface = probed(digits, plane, denoised, batch_size=20)
    order = shuffled(64, 0)
    noise = first_noise(images[order], places, 7)
    seen = (0.4 * (images[order] + 0.5 * noise) + 0.18).clamp(0, 1)
    for i, j in np.ndindex(3, 4):
        losses, right = losses_at(net, plane, i, j, seen, labels[order])
        assert surface.columns["denoised"][i, j] == pytest.approx(float(losses.mean()), abs=1e-5)
        found = surface.columns["denoised_accuracy"][i, j]
        assert found == pytest.approx(float(right.double().mean()), abs=1e-9)


def test_the_loss_of_a_class_is_that_of_its_samples(digits, plane):
    net, images, labels = digits
    surface = probed(digits, plane, OfClass(4), OfClass(4, others=True), batch_size=10)
    for i, j in np.ndindex(3, 4):
        losses, right = losses_at(net, plane, i, j, images, labels)
        for name, rows in (("class_4", labels == 4), ("all_but_4", labels != 4)):
            mean = float(losses[rows].mean())
            assert surface.columns[name][i, j] == pytest.approx(mean, abs=1e-5)
            found = surface.columns[f"{name}_accuracy"][i, j]
            assert found == pytest.approx(float(right[rows].double().mean()), abs=1e-9)
            assert surface.columns[f"{name}_stderr"][i, j] == 0


def test_the_loss_beside_quantities_is_that_of_a_plain_probe(digits, plane):
    plain = probed(digits, plane, points_at_once=1)
    beside = probed(digits, plane, Adversarial(0.1, steps=2), OfClass(1))
    np.testing.assert_allclose(beside.loss, plain.loss, rtol=1e-6)
    np.testing.assert_array_equal(beside.accuracy, plain.accuracy)
    np.testing.assert_array_equal(beside.count, plain.count)
