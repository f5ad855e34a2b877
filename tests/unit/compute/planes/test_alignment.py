"""Permutation groups out of graphs, and networks put back into the order they were in."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import isoloss
from isoloss import IsolossError
from isoloss.compute.networks.permutations import symmetries
from isoloss.compute.planes.alignment import aligned
from isoloss.compute.planes.plane import state_of


class Skipping(nn.Module):
    """Skip connections, batch norms, a depthwise convolution, a gate, channels beside each other,
    and a linear layer behind images of 2×2."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)
        self.inner, self.back = nn.Conv2d(6, 5, 1), nn.Conv2d(5, 6, 3, padding=1)
        self.depthwise, self.gate = nn.Conv2d(6, 6, 3, padding=1, groups=6), nn.Linear(6, 6)
        self.beside, self.pool = nn.Conv2d(6, 4, 1), nn.AdaptiveAvgPool2d(2)
        self.last = nn.Linear(10 * 4, 3)

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        x = x + self.back(torch.tanh(self.inner(x)))
        x = self.depthwise(x) * torch.sigmoid(self.gate(x.mean((2, 3)))).view(-1, 6, 1, 1)
        x = torch.cat([x, self.beside(x)], 1)
        return self.last(self.pool(x).view(x.size(0), -1))


class Residual(nn.Module):
    """Two layers added to each other behind a norm, twice."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6)
        self.first, self.second = nn.Conv2d(6, 8, 1), nn.Conv2d(8, 6, 1)
        self.last = nn.Linear(6 * 4, 3)

    def forward(self, x):
        x = F.relu(self.norm(self.stem(x)))
        x = x + self.second(F.relu(self.first(x)))
        return self.last(torch.flatten(x, 1))


def with_statistics(model):
    """One whose batch norms are not as they begin."""
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and ("norm" in name or name.startswith("1.")):
            tensor.uniform_(0.5, 1.5)
    return model.eval()


def convolutions():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 6, 1), nn.GELU(),
        nn.Flatten(), nn.Linear(24, 3),
    )  # fmt: skip


NETWORKS = {
    "perceptron": (lambda: nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3)), (5,), {7}),
    "convolutions": (convolutions, (1, 4, 4), {4, 6}),
    "residual": (Residual, (1, 4, 4), {6, 8}),
    "all of it": (Skipping, (3, 5, 5), {6, 5, 4}),
}


def at_random(symmetry, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return {g: torch.randperm(n, generator=draw) for g, n in symmetry.sizes.items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_permuted_copy_computes_the_same_and_is_found_again(name):
    make, shape, sizes = NETWORKS[name]
    torch.manual_seed(3)
    model = with_statistics(make())
    symmetry = symmetries(model)
    assert set(symmetry.sizes.values()) == sizes
    own, x = state_of(model), torch.randn(4, *shape)
    expected = model(x).detach()
    other = symmetry.applied(at_random(symmetry), own)
    assert any(not torch.equal(own[k], other[k]) for k in own)
    model.load_state_dict(other)
    torch.testing.assert_close(model(x).detach(), expected)
    found = aligned(model, symmetry, own, other)
    assert found.before > 0.1
    assert found.after == 0
    assert all(torch.equal(found.state[k], own[k]) for k in own)


@pytest.mark.parametrize("seed", range(3))
def test_no_order_of_one_group_is_better(seed):
    """Of networks that share nothing: of the hidden layer each order is tried."""
    from itertools import permutations

    torch.manual_seed(seed)
    one, other = (nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2)) for _ in range(2))
    found = aligned(one, symmetries(one), state_of(one), state_of(other))
    mine = np.hstack([
        one[0].weight.detach(), one[0].bias.detach()[:, None], one[2].weight.detach().T
    ])  # fmt: skip
    its = np.hstack([
        other[0].weight.detach(), other[0].bias.detach()[:, None], other[2].weight.detach().T
    ])  # fmt: skip
    best = min(((mine - its[list(p)]) ** 2).sum() for p in permutations(range(4)))
    outside = float((one[2].bias - other[2].bias).detach().square().sum())
    assert found.after**2 == pytest.approx(best + outside, rel=1e-5)


def test_tied_layers_share_their_order():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.hidden, self.last = (
                nn.Linear(3, 5), nn.Linear(5, 5), nn.Linear(5, 2),
            )  # fmt: skip

        def forward(self, x):
            x = torch.relu(self.first(x))
            return self.last(torch.relu(self.hidden(torch.relu(self.hidden(x)))))

    model = Tied()
    symmetry = symmetries(model)
    assert list(symmetry.sizes.values()) == [5]
    own, x = state_of(model), torch.randn(4, 3)
    expected = model(x).detach()
    model.load_state_dict(symmetry.applied(at_random(symmetry), own))
    torch.testing.assert_close(model(x).detach(), expected)


def test_from_python_a_permuted_copy_has_no_barrier():
    torch.manual_seed(0)
    model = with_statistics(Residual())
    symmetry = symmetries(model)
    other = symmetry.applied(at_random(symmetry, 1), state_of(model))
    data = [(torch.randn(16, 1, 4, 4), torch.randint(3, (16,)))]
    options = {"alpha": np.linspace(0, 1, 5), "progress": False, "device": "cpu"}
    apart = isoloss.probe(model, data, isoloss.interpolation(model, model, other), **options)
    assert apart.meta["barrier"]["value"] > 0.01
    back = isoloss.aligned(model, other, data, device="cpu")
    near = isoloss.probe(model, data, isoloss.interpolation(model, model, back), **options)
    assert near.meta["barrier"]["value"] == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(near.loss, near.loss[0, 0], rtol=1e-5)


class Deciding(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x):
        return self.layer(x) if x.sum() > 0 else self.layer(-x)


def test_where_nothing_can_be_aligned_it_is_said_in_one_line():
    with pytest.raises(IsolossError, match=r"^there is nothing to align: no channels"):
        symmetries(nn.Linear(4, 2))
    with pytest.raises(IsolossError, match=r"^the network cannot be aligned, for its graph"):
        symmetries(Deciding())


def test_what_has_diverged_is_not_aligned():
    one, two = convolutions(), convolutions()
    next(two.parameters()).data.fill_(torch.nan)
    data = [(torch.rand(4, 1, 4, 4), torch.zeros(4, dtype=torch.int64))]
    for model, other, where in ((one, two, "end"), (two, one, "start")):
        with pytest.raises(IsolossError, match=rf"of the network at the {where} is not finite"):
            isoloss.aligned(model, other, data, device="cpu")


class Sorting(nn.Module):
    """Says that it keeps channels apart, and does not."""

    def __init__(self):
        super().__init__()
        self.first, self.act, self.last = nn.Linear(3, 6), Sorted(), nn.Linear(6, 2)

    def forward(self, x):
        return self.last(self.act(self.first(x)))


class Sorted(nn.ReLU):
    def forward(self, input):
        return input * torch.arange(input.shape[1])


def test_an_order_in_which_the_network_is_another_is_refused():
    torch.manual_seed(0)
    # Seen as a rectifier, for it says that it is one.
    Sorted.__module__ = "torch.nn.modules.activation"
    data = [(torch.randn(8, 3), torch.randint(2, (8,)))]
    with pytest.raises(IsolossError, match="it is another network, which its graph does not show"):
        isoloss.aligned(Sorting(), Sorting().state_dict(), data, device="cpu")
