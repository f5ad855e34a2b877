"""How often attacks and certificates wait for a GPU, and that they find what they find without."""

from __future__ import annotations

import copy
from collections import Counter

import pytest
import torch
from tests.pretended import pretended_gpu
from torch import nn

from isoloss import IsolossError
from isoloss.robustness import Protocol, apgd, attack, eot_pgd, fab, square
from isoloss.robustness.ascent.few_sizes import size_for
from isoloss.robustness.smoothing.certify import certify_together
from isoloss.robustness.smoothing.smoothing import GaussianSmoothing
from isoloss.robustness.smoothing.votes import count_votes

N = 24
AROUND = 12
"""Waits of an attack beside those of its steps: what is asked before it and at its end."""


class Noted(nn.Module):
    """A small network, and of how many images its batches are."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(384, 5)
        ).eval()
        self.sizes: Counter[int] = Counter()

    def forward(self, images):
        self.sizes[len(images)] += 1
        return self.layers(images)


@pytest.fixture(scope="module")
def subject():
    network = Noted()
    torch.manual_seed(1)
    images = torch.rand(N, 1, 8, 8)
    labels = network(images).argmax(1)
    network.sizes.clear()
    return network, images, labels


def on_both(subject, attacked):
    """What is found on the CPU and on the GPU, the GPU's counts, and sizes of batches there."""
    network, images, labels = subject
    here = attacked(copy.deepcopy(network), images, labels)
    with pretended_gpu() as gpu:
        there, x, y = copy.deepcopy(network).to("cuda"), images.to("cuda"), labels.to("cuda")
        gpu.clear()
        there.sizes.clear()
        found = attacked(there, x, y)
        counts = gpu.waits.copy()
        counts.replays = gpu.state.replays  # batches that the network's own Python does not see
        return here, _plain(found), counts, there.sizes


def _plain(found):
    return type(found)(**{k: v if v is None else v.cpu() for k, v in vars(found).items()})


ASCENTS = {
    "constant": Protocol(steps=8, random_start=False),
    "l2": Protocol(steps=8, norm="l2", random_start=False),
    "momentum": Protocol(steps=8, schedule="linear", momentum=0.5, random_start=False),
    "halving": Protocol(steps=8, schedule="halving", random_start=False),
}


@pytest.mark.parametrize("name", ASCENTS)
def test_an_ascent_waits_once_a_step_and_finds_what_it_finds_on_a_cpu(subject, name):
    protocol, eps = ASCENTS[name], 0.5 if name == "l2" else 0.03

    def attacked(network, x, y):
        seen.clear()
        return attack(network, x, y, eps, protocol, batch_size=10, watch=seen.append)

    seen = []
    here, there, waits, sizes = on_both(subject, attacked)
    assert 0 < here.success.sum() < N
    assert torch.equal(here.success, there.success)
    torch.testing.assert_close(here.images, there.images)
    torch.testing.assert_close(here.losses, there.losses)
    assert waits.total() <= len(seen) + AROUND
    assert set(sizes) <= {1, 8, 10}  # asked twice about 8 and about each; then full, or filled up


def test_an_ascent_that_goes_to_its_end_does_not_wait_on_its_way(subject):
    def attacked(steps):
        protocol = Protocol(steps=steps, random_start=False, keep_best=False)
        return on_both(subject, lambda *given: attack(*given, 0.03, protocol))

    here, there, few, _ = attacked(3)
    assert torch.equal(here.success, there.success)
    assert attacked(8)[2].total() == few.total()


def test_auto_pgd_and_fab_wait_once_a_step(subject):
    for attacked, per_step in (
        (lambda *given: apgd(*given, 0.03, 12, loss="margin"), 1),
        (lambda *given: fab(*given, 0.03, 4, targets=2), 1 / 2),  # two passes a step
    ):
        here, there, waits, sizes = on_both(subject, attacked)
        assert torch.equal(here.success, there.success)
        assert waits.total() <= per_step * sum(sizes.values()) + 2 * AROUND


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_square_waits_once_a_query(subject, norm):
    def attacked(network, x, y):
        generator = torch.Generator(x.device).manual_seed(3)
        return square(network, x, y, 0.04 if norm == "linf" else 0.5, 25, norm, generator)

    here, there, waits, sizes = on_both(subject, attacked)
    assert 0 < here.success.sum() < N
    assert torch.equal(here.success, there.success)
    torch.testing.assert_close(here.images, there.images)
    assert waits.total() <= 25 + AROUND
    assert set(sizes) <= {1, 8, 16, 24}


@pytest.mark.parametrize("how", [{}, {"draws_by": "doubt"}, {"iterate": "fresh"}])
def test_expectations_wait_for_less_than_each_batch(subject, how):
    def attacked(network, x, y):
        defense = GaussianSmoothing(network, 0.1)
        defense.generator = torch.Generator(x.device).manual_seed(2)
        protocol = Protocol(steps=3, random_start=False, **how)
        return eot_pgd(defense, x, y, 0.05, protocol, 4, batch_size=32)

    _, there, waits, sizes = on_both(subject, attacked)
    assert there.images.isfinite().all()
    batches = sum(sizes.values()) + waits.replays
    assert waits.replays > 0
    assert waits.total() <= batches * (0.6 if how else 0.1) + AROUND


def test_certificates_wait_once_for_all_batches_of_some_images(subject):
    network, images, _ = subject
    with pretended_gpu() as gpu:
        defense = GaussianSmoothing(copy.deepcopy(network).to("cuda"), 0.2)
        x = images.to("cuda")
        gpu.clear()
        found = list(certify_together(defense, x, range(N), 50, 150, batch_size=100))
        waits, sizes = gpu.waits.total(), defense.classifier.sizes
    assert len(found) == N
    assert waits == 2  # 16 images at once, then 8
    assert sum(sizes.values()) >= N * 200 / 100
    assert set(sizes) <= {100}


def test_what_a_network_may_not_give_is_refused_on_a_gpu_too(subject):
    network, images, labels = subject

    class Broken(nn.Module):
        def __init__(self, way):
            super().__init__()
            self.network, self.way, self.asked = copy.deepcopy(network), way, 0

        def forward(self, x):
            self.asked += len(x) > 8  # not where it is asked twice
            logits = self.network(x)
            if self.asked > 2:
                logits = logits * torch.where(x.mean((1, 2, 3), keepdim=True)[:, :, 0, 0] > 0.5,
                                              self.way, 1.0)  # fmt: skip
            return logits

    few = Protocol(steps=5, random_start=False)
    attacks = {
        "pgd": lambda m, x, y: attack(m, x, y, 0.02, few),
        "last": lambda m, x, y: attack(
            m, x, y, 0.02, Protocol(steps=5, random_start=False, keep_best=False)
        ),
        "apgd": lambda m, x, y: apgd(m, x, y, 0.02, 8),
        "fab": lambda m, x, y: fab(m, x, y, 0.02, 5),
        "square": lambda m, x, y: square(m, x, y, 0.02, 9),
    }
    with pretended_gpu():
        x, y = images.to("cuda"), labels.to("cuda")
        for attacked in attacks.values():
            with pytest.raises(IsolossError, match=r"the network gives NaN for \d+ of \d+ images"):
                attacked(Broken(torch.nan).to("cuda"), x, y)
            with pytest.raises(IsolossError, match="labels must be 0 to 4"):
                attacked(copy.deepcopy(network).to("cuda"), x, y + 1)
        defense = GaussianSmoothing(Broken(torch.nan).to("cuda"), 0.1)
        with pytest.raises(IsolossError, match="the defended network gives NaN"):
            count_votes(defense, x, range(N), 0, 5, batch_size=16)
        with pytest.raises(IsolossError, match=r"images must lie in \[0, 1\]"):
            GaussianSmoothing(copy.deepcopy(network).to("cuda"), 0.1)(x + 1)


def test_sizes_of_batches_are_few_and_not_much_too_large():
    sizes = {n: size_for(n, 1000) for n in range(1, 1001)}
    assert all(n <= size <= max(n * 1.25, n + 7) for n, size in sizes.items())
    assert len(set(sizes.values())) == 24
    assert size_for(1000, 1000) == 1000
    assert size_for(9, 9) == 9
    assert size_for(7, 4) == 7
    assert [size_for(n, 64) for n in (1, 8, 9, 33, 57, 64)] == [8, 8, 16, 40, 64, 64]
