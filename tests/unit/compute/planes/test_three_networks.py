"""The plane through three networks."""

import numpy as np
import pytest
import torch
from torch import nn

import isoloss
from isoloss import IsolossError, three_networks


def network(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 3)).eval()


def vector(model):
    return torch.cat([p.detach().double().flatten() for p in model.parameters()])


def test_the_three_lie_where_their_distances_say():
    one, two, three = map(network, (1, 2, 3))
    plane = three_networks(one, two, three)
    states = [m.state_dict() for m in (one, two, three)]
    places, beside = plane.locate(states)
    np.testing.assert_allclose(places[:2], [[0, 0], [1, 0]], atol=1e-6)
    np.testing.assert_allclose(beside, 0, atol=1e-5)
    assert plane.cosine == pytest.approx(0, abs=1e-6)
    unit = float((vector(one) - vector(two)).norm())
    for k, other in ((0, one), (1, two)):
        apart = float((vector(three) - vector(other)).norm())
        assert unit * np.linalg.norm(places[2] - places[k]) == pytest.approx(apart, rel=1e-5)
    assert plane.kind == "three"
    assert "1.running_mean" not in plane.delta


def test_at_the_second_and_third_the_surface_has_their_losses():
    one, two, three = map(network, (1, 2, 3))
    data = [(torch.randn(20, 4), torch.randint(3, (20,)))]
    plane = three_networks(one, two, three)
    place = plane.project([three.state_dict()])[0]
    surface = isoloss.probe(
        one, data, plane, np.sort([0.0, 1.0, place[0]]), np.array([0.0, place[1]]),
        device="cpu", progress=False, batch_size=20, points_at_once=1,
        trajectory=[m.state_dict() for m in (one, two, three)],
    )  # fmt: skip
    own = surface.trajectories[0].loss
    with torch.no_grad():
        expected = [
            float(nn.functional.cross_entropy(m(data[0][0]), data[0][1])) for m in (one, two, three)
        ]
    np.testing.assert_allclose(own, expected, rtol=1e-5)
    at = {a: i for i, a in enumerate(surface.alpha)}
    found = surface.loss[at[0.0], 0], surface.loss[at[1.0], 0], surface.loss[at[place[0]], 1]
    np.testing.assert_allclose(found, own, rtol=1e-4)
    said = {f["what"]: f["message"] for f in surface.meta["findings"]}
    assert "statistics of the first network" in said["trajectory"]


def test_what_spans_no_plane_is_refused():
    one, two = network(1), network(2)
    middle = {k: (v + two.state_dict()[k]) / 2 if v.is_floating_point() else v
              for k, v in one.state_dict().items()}  # fmt: skip
    for second, third, said in (
        (one, two, "two of the three networks are the same"),
        (two, one, "two of the three networks are the same"),
        (two, two, "the three networks lie on one line"),
        (two, middle, "the three networks lie on one line"),
    ):
        with pytest.raises(IsolossError, match=said):
            three_networks(one, second, third)
    with pytest.raises(IsolossError, match=r"the network 0\.weight"):
        three_networks(one, two, nn.Linear(2, 2))
