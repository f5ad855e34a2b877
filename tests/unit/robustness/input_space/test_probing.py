"""Surfaces over images against plain PyTorch, written down anew."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats

import isoloss
from isoloss import IsolossError
from isoloss.geometry.files.reading import load_trajectories
from isoloss.geometry.growing import GrowingSurface
from isoloss.robustness.input_space.image_plane import ImagePlane
from isoloss.robustness.input_space.probing import InputProbing
from isoloss.robustness.smoothing.votes import count_votes, noise_of
from isoloss.run import Run

from .conftest import halved


def plain_pgd(net, x, y, eps, steps, norm):
    """Madry's attack from the image itself: all iterates."""
    step, at, iterates = 2.5 * eps / steps, x.clone(), [x.clone()]
    for _ in range(steps):
        at.requires_grad_(True)
        (gradient,) = torch.autograd.grad(F.cross_entropy(net(at), y), at)
        with torch.no_grad():
            if norm == "linf":
                at = torch.max(torch.min(at + step * gradient.sign(), x + eps), x - eps)
            else:
                offset = at + step * gradient / gradient.norm() - x
                at = x + offset * min(1.0, eps / float(offset.norm()))
            at = at.clamp(0, 1).detach()
        iterates.append(at)
    return torch.cat(iterates).detach()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_way_of_pgd_and_its_losses_are_those_of_plain_pytorch(
    digits, probing_of, surfaces_of, norm
):
    net, images, labels = digits
    eps = {"linf": 0.1, "l2": 1.0}[norm]
    probing = probing_of(net, images, labels, image=3, eps=eps, norm=norm, steps=7)
    folder = surfaces_of(probing)
    x, y = images[3:4], labels[3:4]
    iterates = plain_pgd(net, x, y, eps, 7, norm)
    (path,) = load_trajectories(folder)
    expected = F.cross_entropy(net(iterates), y.expand(8), reduction="none").detach().numpy()
    np.testing.assert_allclose(path.loss, expected, rtol=0, atol=1e-5)
    # Least squares, by the normal equations.
    plane = ImagePlane.load(folder / "plane.safetensors")
    a, b = (d.double().flatten().numpy() for d in (plane.delta, plane.eta))
    offsets = (iterates - x).double().flatten(1).numpy()
    places = offsets @ np.stack([a / (a @ a), b / (b @ b)], 1)  # they are orthogonal
    np.testing.assert_allclose(np.stack([path.alpha, path.beta], 1), places, atol=1e-5)
    off = np.linalg.norm(offsets - places @ np.stack([a, b]), axis=1)
    np.testing.assert_allclose(path.off_plane, off, atol=1e-5)
    assert (path.alpha[0], path.beta[0]) == (0, 0)
    np.testing.assert_allclose([path.alpha[-1], path.off_plane[-1]], [1, 0], atol=1e-6)
    assert path.epoch.tolist() == list(range(8))


@pytest.mark.parametrize("clamp", [False, True])
@pytest.mark.parametrize("height", ["loss", "margin"])
def test_every_cell_is_the_networks_answer_there(digits, probing_of, surfaces_of, height, clamp):
    net, images, labels = digits
    probing = probing_of(
        net, images, labels, image=5, eps=0.3, height=height, clamp=clamp, grid=(4, 3), batch_size=5
    )
    folder = surfaces_of(probing)
    surface, plane = isoloss.load(folder), ImagePlane.load(folder / "plane.safetensors")
    y = labels[5:6]
    for i, j in itertools.product(range(4), range(3)):
        image = plane.image + surface.alpha[i] * plane.delta + surface.beta[j] * plane.eta
        image = image.clamp(0, 1) if clamp else image
        z = net(image[None].float()).detach()
        others = torch.cat([z[:, : y[0]], z[:, y[0] + 1 :]], 1)
        values = {"loss": float(F.cross_entropy(z, y)), "margin": float(others.max() - z[0, y[0]])}
        named = {"loss": "margin", "margin": "cross_entropy"}[height]
        assert surface.loss[i, j] == pytest.approx(values.pop(height), abs=1e-5)
        (other,) = values.values()
        assert surface.columns[named][i, j] == pytest.approx(other, abs=1e-5)
        assert surface.columns["predicted"][i, j] == z.argmax()
        assert surface.accuracy[i, j] == float(z.argmax() == y)
    assert (surface.count == 1).all()
    assert (surface.loss_stderr == 0).all()
    assert len(np.unique(surface.columns["predicted"])) > 1


def test_random_directions_are_orthogonal_and_as_long_as_the_attacks(digits, probing_of, tmp_path):
    net, images, labels = digits
    for norm, eps in (("linf", 0.1), ("l2", 1.0)):
        run = Run.create(
            tmp_path / norm, probing_of(net, images, labels, norm=norm, eps=eps).settings
        )
        plane = probing_of(net, images, labels, norm=norm, eps=eps)._plane(run)
        delta, eta = (d.double() for d in (plane.delta, plane.eta))
        assert float((delta * eta).sum()) == pytest.approx(0, abs=1e-6 * float(delta.norm()) ** 2)
        assert float(eta.norm()) == pytest.approx(float(delta.norm()), rel=1e-6)
        assert plane.axes == ("PGD", "random")
        assert abs(plane.cosine) < 1e-6


def test_two_random_directions_reach_the_ball(digits, probing_of, tmp_path):
    net, images, labels = digits
    asked = {"plane": "random", "eps": 0.2}
    run = Run.create(tmp_path / "run", probing_of(net, images, labels, **asked).settings)
    plane = probing_of(net, images, labels, **asked)._plane(run)
    np.testing.assert_allclose(plane.delta.abs(), 0.2, rtol=1e-6)  # a corner of the ball
    assert plane.axes == ("random", "random")
    assert not plane.paths
    assert abs(plane.cosine) < 1e-6


def test_two_attacks_have_their_images_at_one(digits, probing_of, surfaces_of):
    net, images, labels = digits
    asked = {"plane": "attacks", "attacks": "pgd,square", "eps": 0.2, "queries": 30}
    folder = surfaces_of(probing_of(net, images, labels, **asked))
    first, second = load_trajectories(folder)
    assert {first.name, second.name} == {"PGD", "Square"}
    np.testing.assert_allclose([first.alpha[-1], first.beta[-1]], [1, 0], atol=1e-5)
    np.testing.assert_allclose([second.alpha[-1], second.beta[-1]], [0, 1], atol=1e-5)
    assert len(second) == 2


def test_the_defended_surface_is_the_mean_over_its_frozen_draws(digits, probing_of, surfaces_of):
    net, images, labels = digits
    asked = {"image": 2, "sigma": 0.4, "draws": 6, "grid": (3, 4), "seed": 5, "eps": 0.2}
    probing = probing_of(net, images, labels, halved, batch_size=7, **asked)
    folder = surfaces_of(probing)
    defended = isoloss.load(folder / "defended.ply")
    plane = ImagePlane.load(folder / "plane.safetensors")
    noise = noise_of(images[2], 2, 6, 5)
    y = labels[2:3].expand(6)
    for i, j in itertools.product(range(3), range(4)):
        x = plane.image + defended.alpha[i] * plane.delta + defended.beta[j] * plane.eta
        z = net((halved(x + 0.4 * noise, 0.4)).clamp(0, 1).float()).detach()
        losses = F.cross_entropy(z, y, reduction="none").double().numpy()
        assert defended.loss[i, j] == pytest.approx(losses.mean(), abs=1e-5)
        assert defended.loss_stderr[i, j] == pytest.approx(stats.sem(losses), abs=1e-5)
        assert defended.accuracy[i, j] == pytest.approx(float((z.argmax(1) == y).float().mean()))
        assert defended.columns["predicted"][i, j] == np.bincount(z.argmax(1)).argmax()
    assert (defended.count == 6).all()
    undefended = isoloss.load(folder)
    assert (undefended.count == 1).all()
    assert undefended.meta["cosine"] == defended.meta["cosine"]  # one plane
    assert defended.title.startswith("denoised σ = 0.4, mean of 6 draws: net, image 2")


def test_the_draws_are_those_by_which_an_evaluation_counts(digits, probing_of):
    net, images, labels = digits
    probing = probing_of(net, images, labels, halved, sigma=1.5, draws=130, image=1)
    defense = probing.setup.defense(0, 1.5)
    noise = noise_of(images[1], 1, 130)
    answers = defense.logits(images[1:2].expand(130, -1, -1, -1), noise).argmax(1)
    counted = count_votes(defense, images[1:2], [1], 0, 130)
    assert np.bincount(answers, minlength=10).tolist() == counted[0].tolist()
    assert len(answers.unique()) > 1


def test_one_draw_has_no_standard_error(digits, probing_of, surfaces_of):
    net, images, labels = digits
    folder = surfaces_of(probing_of(net, images, labels, halved, sigma=0.4, draws=1, grid=3))
    defended = isoloss.load(folder / "defended.ply")
    assert np.isnan(defended.loss_stderr).all()
    assert (defended.count == 1).all()
    assert set(np.unique(defended.accuracy)) <= {0.0, 1.0}


def test_standard_errors_hold_the_true_mean_as_often_as_they_say(digits, probing_of, tmp_path):
    net, images, labels = digits
    probing = probing_of(net, images, labels, halved, sigma=0.6, draws=1)
    many = noise_of(images[0], 0, 20_000, 99)
    plain = net(halved(images[0] + 0.6 * many, 0.6).clamp(0, 1)).detach()
    true = float(F.cross_entropy(plain, labels[:1].expand(20_000)).double())
    run, held = Run.create(tmp_path / "run", probing.settings), []
    for seed in range(120):
        asked = probing.settings.model_copy(update={"seed": seed, "draws": 30})
        *_, part = InputProbing(asked, probing.setup)._parts(run)
        mean, error, *_ = part.seen.values(images[:1], 30)[0]
        held.append(abs(mean - true) <= stats.t.ppf(0.975, 29) * error)
    # About 95 %, and what a skewed loss makes of it.
    assert 0.86 <= np.mean(held) < 1


def test_batch_sizes_change_no_draw(digits, probing_of, surfaces_of):
    net, images, labels = digits
    asked = {"sigma": 0.5, "draws": 5, "grid": 4, "eps": 0.1}
    one, other = (
        isoloss.load(
            surfaces_of(probing_of(net, images, labels, halved, batch_size=n, **asked), f"{n}")
            / "defended.ply"
        )
        for n in (3, 64)
    )
    np.testing.assert_allclose(one.loss, other.loss, rtol=1e-5)
    np.testing.assert_array_equal(one.columns["predicted"], other.columns["predicted"])


def test_a_stopped_probe_goes_on_bit_for_bit(
    digits, probing_of, surfaces_of, tmp_path, monkeypatch
):
    monkeypatch.setattr("isoloss.compute.machine.progress.INTERVAL", 0.0)
    net, images, labels = digits
    asked = {"sigma": 0.5, "draws": 4, "grid": 4, "eps": 0.1, "batch_size": 4}
    whole = surfaces_of(probing_of(net, images, labels, halved, **asked), "whole")
    probing = probing_of(net, images, labels, halved, **asked)
    stops = 0
    run = Run.create(tmp_path / "stopped", probing.settings)
    while not run.surface_path.exists():
        steps = probing.resume(run)
        list(itertools.islice(steps, 9))  # five events are of no unit, and some of findings
        steps.close()
        stops += 1
        assert stops < 100
    assert stops > 4
    for name in ("surface.ply", "defended.ply", "trajectory.ply", "defended-trajectory.ply"):
        assert (run.folder / name).read_bytes() == (whole / name).read_bytes(), name


def test_the_first_draw_is_there_before_the_mean(digits, probing_of, tmp_path, monkeypatch):
    monkeypatch.setattr("isoloss.compute.machine.progress.INTERVAL", 0.0)
    net, images, labels = digits
    probing = probing_of(net, images, labels, halved, sigma=0.4, draws=8, grid=4, batch_size=4)
    run = Run.create(tmp_path / "run", probing.settings)
    seen = []
    for _ in probing.resume(run):
        if GrowingSurface.exists(run.defended_growing_path):
            seen.append(GrowingSurface.open(run.defended_growing_path).count)
    assert any((counts == 1).all() for counts in seen)
    assert (seen[-1] == 8).all()


def test_a_run_of_another_network_is_refused(digits, probing_of, tmp_path):
    net, images, labels = digits
    probing = probing_of(net, images, labels)
    run = Run.create(tmp_path / "run", probing.settings)
    list(itertools.islice(probing.resume(run), 2))
    other = probing_of(net, 1 - images, labels)
    with pytest.raises(IsolossError, match="data changed"):
        list(other.resume(run))
