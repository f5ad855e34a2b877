"""Attacks, votes and certificates where memory does not suffice for a whole batch: fewer images go
together, and what comes out is the same."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from isoloss.errors import IsolossError
from isoloss.robustness import GaussianSmoothing, apgd, certify, pgd
from isoloss.robustness.ascent.objective import objective_of, value_at
from isoloss.robustness.attacks.sweep import misclassified
from isoloss.robustness.smoothing.votes import count_votes
from isoloss.robustness.speed.batch_sizes import BatchSizes

CPU = torch.device("cpu")


class Needy(nn.Module):
    """A network for which memory suffices for so many images; `seen` holds how many came."""

    def __init__(self, network, most):
        super().__init__()
        self.network, self.most, self.seen = network, most, []

    def forward(self, images):
        self.seen.append(len(images))
        if len(images) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return self.network(images)


@pytest.fixture
def some(digits):
    net, x, y = digits
    return net, Needy(net, 9), x[:24], y[:24]


def test_an_objective_is_that_of_each_image(some):
    net, needy, x, y = some
    expected, found = (objective_of(n)(x, y, True) for n in (net, needy))
    torch.testing.assert_close(found.losses, expected.losses)
    torch.testing.assert_close(found.gradient, expected.gradient)
    assert torch.equal(found.success, expected.success)
    assert needy.seen == [24, 12, 6, 6, 6, 6]
    value = value_at(objective_of(needy), x, y, None)
    torch.testing.assert_close(value.losses, expected.losses)


def test_what_did_not_suffice_is_not_tried_again(some):
    _, needy, x, y = some
    objective = objective_of(needy)
    for _ in range(3):
        objective(x, y, True)
    assert sum(n > 9 for n in needy.seen) == 2


@pytest.mark.parametrize("attack", [pgd, lambda *a, **k: apgd(*a, **k).images])
def test_attacks_find_the_same(some, attack):
    net, needy, x, y = some
    expected, found = (
        attack(n, x, y, 0.1, steps=4, generator=torch.Generator().manual_seed(3))
        for n in (net, needy)
    )
    assert max(needy.seen) == 24
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_votes_and_certificates_are_the_same(some):
    net, needy, x, _ = some
    needy.most = 30
    plain, ours = (GaussianSmoothing(n, 0.2) for n in (net, needy))
    names = list(range(6))
    assert torch.equal(
        count_votes(ours, x[:6], names, 0, 150), count_votes(plain, x[:6], names, 0, 150)
    )
    assert max(needy.seen) > 30
    expected, found = (list(certify(d, x[:3], [4, 5, 6], 20, 120)) for d in (plain, ours))
    assert found == expected


def test_who_is_misclassified_is_the_same(some):
    net, needy, x, y = some
    y = y.roll(1)
    assert torch.equal(misclassified(needy, x, y), misclassified(net, x, y))
    needy.most = 0
    with pytest.raises(IsolossError, match="out of memory with a single sample"):
        misclassified(needy, x, y)


def test_batches_of_a_run_are_halved_down_to_one_image():
    sizes, error = BatchSizes(16, 64), MemoryError()
    for _ in range(3):
        sizes.halve(error, CPU)
    assert (sizes.attacking, sizes.counting) == (2, 8)
    for _ in range(3):
        sizes.halve(error, CPU)
    assert (sizes.attacking, sizes.counting) == (1, 1)
    with pytest.raises(IsolossError, match="single sample"):
        sizes.halve(error, CPU)
    with pytest.raises(ValueError, match="something else"):
        sizes.halve(ValueError("something else"), CPU)
