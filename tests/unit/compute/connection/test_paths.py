"""Bézier paths: where they lie, how they move, and that they go around what the line crosses."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call

import isoloss
from isoloss import IsolossError, bezier_path
from isoloss.compute.connection.moving_bend import MovingBend
from isoloss.compute.planes.bezier import Bezier, beside, build, build_along, on_plane
from isoloss.compute.planes.plane import state_of
from isoloss.compute.training.batches import other_stream, step_seed
from isoloss.run_folder import BEZIER


class Tied(nn.Module):
    """Batch norm, a tied weight, a frozen one, and buffers of either kind."""

    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.first, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)
        self.again = nn.Linear(4, 4, bias=False)
        self.again.weight = self.first.weight
        self.last = nn.Linear(4, 3)
        self.last.bias.requires_grad_(False)
        self.register_buffer("scale", torch.rand(()) + 0.5)
        self.norm.running_mean.normal_()

    def forward(self, x):
        return self.last(self.again(self.norm(self.first(x)).relu()) * self.scale)


class Place(nn.Module):
    """Two parameters, and nothing else."""

    def __init__(self, x, y):
        super().__init__()
        self.at = nn.Parameter(torch.tensor([x, y], dtype=torch.float64))


def around_a_hill(network, batch):
    """(|w|² − 1)²: its valley is the unit circle, and 1 high is the hill in it."""
    return ((network.at**2).sum() - 1).square().expand(len(batch))


def of_tied(bend_seed=3):
    one, two, bend = Tied(1), Tied(2), Tied(bend_seed).state_dict()
    path = Bezier.straight(one, state_of(one), state_of(two))
    return one, two, Bezier(path.start, {k: bend[k] for k in path.bend}, path.end)


def test_a_path_begins_and_ends_at_its_networks_bit_for_bit():
    one, two, path = of_tied()
    for t, network in ((0.0, one), (1.0, two)):
        assert all(torch.equal(v, network.state_dict()[k]) for k, v in path.at(t).items())
    third = path.at(0.3)
    expected = 0.49 * one.last.weight + 0.42 * path.bend["last.weight"] + 0.09 * two.last.weight
    torch.testing.assert_close(third["last.weight"], expected)
    torch.testing.assert_close(third["again.weight"], third["first.weight"], rtol=0, atol=0)
    torch.testing.assert_close(third["scale"], 0.7 * one.scale + 0.3 * two.scale)
    assert third["norm.num_batches_tracked"] == one.norm.num_batches_tracked


@pytest.mark.parametrize("built", [build, build_along])
def test_ends_are_told_as_far_apart_as_their_weights(tmp_path, built):
    one, two, path = of_tied()
    path.save(tmp_path / BEZIER)
    said = next(built(SimpleNamespace(run=tmp_path, model=one)))
    weights = [torch.cat([p.detach().flatten() for p in n.parameters()]) for n in (one, two)]
    apart = float((weights[1] - weights[0]).norm())
    assert said.message == f"the ends of the path are {apart:.4g} apart, which is 1 along α"


@pytest.mark.parametrize("t", [0.0, 0.2, 0.5, 0.93, 1.0])
def test_the_gradient_by_the_bend_is_autograds(t):
    one, _, path = of_tied()
    batch, labels = torch.randn(16, 4), torch.randint(3, (16,))
    bend = {k: v.clone().requires_grad_() for k, v in path.bend.items() if k != "again.weight"}
    at_t = {
        k: (1 - t) ** 2 * path.start[k] + 2 * t * (1 - t) * b + t**2 * path.end[k]
        for k, b in bend.items()
    }
    buffers = {"scale": torch.lerp(path.start["scale"], path.end["scale"], t)}
    model = copy.deepcopy(one).train()
    decay = 0.1
    loss = nn.functional.cross_entropy(functional_call(model, (at_t, buffers), batch), labels)
    trained = [k for k in bend if k != "last.bias"]
    (loss + decay / 2 * sum(at_t[k].square().sum() for k in trained)).backward()

    network = copy.deepcopy(one).train()
    moving = MovingBend(network, path)
    moving.move_to(t)
    nn.functional.cross_entropy(network(batch), labels).backward()
    moving.move_back(penalty=decay)
    own = dict(network.named_parameters())
    for name in trained:
        torch.testing.assert_close(own[name].grad, bend[name].grad, rtol=1e-4, atol=1e-7)
        assert torch.equal(own[name], path.bend[name])
    assert own["last.bias"].grad is None


def test_a_step_that_is_left_leaves_the_bend():
    one, _, path = of_tied()
    moving = MovingBend(one, path)
    moving.move_to(0.4)
    kept = moving.bend(path.bend)
    moving.leave()
    assert all(torch.equal(kept[k], v) for k, v in path.bend.items())
    assert torch.equal(one.last.weight, path.bend["last.weight"])


def test_the_trained_path_goes_around_the_hill_that_the_line_crosses():
    path = bezier_path(
        Place(-1.0, 0.02), Place(1.0, 0.02), torch.zeros(8, 1), around_a_hill, epochs=150,
        batch_size=8, lr=0.1, weight_decay=0.0, device="cpu",
    )  # fmt: skip
    t = np.linspace(0, 1, 201)

    def losses(bend):
        x = 2 * t - 1 + 2 * t * (1 - t) * bend[0]
        y = 0.02 * (1 - 2 * t * (1 - t)) + 2 * t * (1 - t) * bend[1]
        return (x**2 + y**2 - 1) ** 2

    found = path.bend["at"].numpy()
    there = np.stack([path.at(float(k))["at"].numpy() for k in t])
    np.testing.assert_allclose(((there**2).sum(1) - 1) ** 2, losses(found), atol=1e-12)
    heights = np.linspace(0, 4, 401)
    best = min(losses((0.0, y)).mean() for y in heights)
    assert losses(found).mean() < 1.02 * best  # closed form: the best bend on the axis
    assert losses(found).max() < 0.06 < 1 - 1e-3 < losses((0.0, 0.02)).max()


def unequal(*widths):
    return [(torch.zeros(2, width), torch.zeros(2, dtype=torch.long)) for width in widths]


@pytest.mark.parametrize(
    ("data", "batch_size", "steps"),
    [
        ([(torch.zeros(10, 1), torch.zeros(10))], 4, 3),
        ([(torch.zeros(10, 1), torch.zeros(10))], 64, 1),
        (unequal(1, 2, 3, 4), 128, 4),  # which stay what they are: one would be all of them
        (unequal(5, 1, 7), 1, 3),
    ],
)
def test_the_learning_rate_of_every_step_is_that_of_pytorchs_cosine(data, batch_size, steps):
    def downhill(network, batch):
        return network.at.sum().expand(len(batch[0]))

    path = bezier_path(
        Place(-1.0, 0.0), Place(1.0, 0.0), data, downhill, epochs=2, batch_size=batch_size, lr=0.3,
        momentum=0.0, weight_decay=0.0, seed=7, device="cpu",
    )  # fmt: skip
    bend = nn.Parameter(torch.zeros(2, dtype=torch.float64))
    optimizer = torch.optim.SGD([bend], 0.3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 2 * steps)
    for step in range(2 * steps):
        t = float(torch.rand((), generator=other_stream(step_seed(7, step))))
        bend.grad = torch.full_like(bend, 2 * t * (1 - t))
        optimizer.step()
        schedule.step()
    torch.testing.assert_close(path.bend["at"], bend.detach(), rtol=1e-9, atol=1e-12)


def test_training_is_repeatable_and_leaves_networks_and_random_numbers_alone():
    one, two = Tied(1), Tied(2)
    before = copy.deepcopy(one.state_dict())
    data = (torch.randn(24, 4), torch.randint(3, (24,)))
    torch.manual_seed(5)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    several = [bezier_path(one, two, data, epochs=2, batch_size=8, device="cpu") for _ in range(2)]
    assert torch.equal(torch.rand(1), drawn)
    assert all(torch.equal(several[0].bend[k], v) for k, v in several[1].bend.items())
    assert all(torch.equal(before[k], v) for k, v in one.state_dict().items())
    middle = (one.last.bias + two.last.bias) / 2  # frozen: there the path is straight
    torch.testing.assert_close(several[0].bend["last.bias"], middle)


def test_the_plane_holds_the_whole_path():
    one, _, path = of_tied()
    plane, t = path.plane(one), np.array([0.0, 0.25, 0.5, 1.0])
    places, aside = plane.locate([path.at(float(k)) for k in t])
    np.testing.assert_allclose(on_plane(t, path.place_of_bend(plane)), places, atol=1e-5)
    np.testing.assert_allclose(aside, 0, atol=1e-4)
    assert (plane.kind, places[-1].round(5).tolist()) == ("path", [1, 0])


def test_beside_the_straight_line_is_the_path():
    a, b, c = np.random.default_rng(0).normal(size=(3, 5))
    t = np.array([-0.2, 0.0, 0.4, 1.0])
    alpha, beta = beside(t).T[:, :, None]
    expected = (((1 - t) ** 2)[:, None] * a) + (2 * t * (1 - t))[:, None] * c + (t**2)[:, None] * b
    np.testing.assert_allclose(a + alpha * (b - a) + beta * (c - (a + b) / 2), expected)


def test_an_aligned_path_ends_at_the_same_network_in_another_order():
    def network(seed):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)).eval()

    one, two = network(0), network(1)
    data = (torch.randn(32, 4), torch.randint(3, (32,)))
    path = bezier_path(one, two, data, align=True, epochs=1, device="cpu")
    aligned = isoloss.aligned(one, two, data, device="cpu")
    assert all(torch.equal(v, aligned.state_dict()[k]) for k, v in path.end.items())
    again = copy.deepcopy(one)
    order = torch.randperm(8)
    again[0].weight.data, again[0].bias.data = one[0].weight[order], one[0].bias[order]
    again[2].weight.data = one[2].weight[:, order]
    with pytest.raises(IsolossError, match="the two networks are the same"):
        bezier_path(one, again, data, align=True, device="cpu")


def test_what_has_no_path_is_refused_in_a_line():
    one, data = Tied(1), (torch.randn(8, 4), torch.randint(3, (8,)))
    still = Tied(1)
    for parameter in still.parameters():
        parameter.requires_grad_(False)
    for start, end, said in (
        (one, Tied(1), "the two networks are the same"),
        (one, nn.Linear(4, 3), "the other network"),
        (still, Tied(2), "no parameter of the network is trainable"),
    ):
        with pytest.raises(IsolossError, match=said):
            bezier_path(start, end, data, device="cpu")
    with pytest.raises(IsolossError, match="epochs ≥ 1"):
        bezier_path(one, Tied(2), data, epochs=0, device="cpu")


def test_a_path_is_kept_as_it_is(tmp_path):
    _, _, path = of_tied()
    again = Bezier.load(path.save(tmp_path / "bezier.safetensors"))
    for part in ("start", "bend", "end"):
        mine, its = getattr(path, part), getattr(again, part)
        assert mine.keys() == its.keys()
        assert all(torch.equal(v, its[k]) for k, v in mine.items())
