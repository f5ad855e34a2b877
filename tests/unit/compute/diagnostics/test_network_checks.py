"""What the checks hold against a network: guesses, draws, dependence on the batch."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from isoloss import probe, random_plane

X = torch.randn(200, 6, generator=torch.Generator().manual_seed(0))


def layers():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 4))


def found(model, targets, **options):
    """(the findings that are no good news, by what they are of; the surface)."""
    surface = probe(
        model, [(X, targets)], random_plane(model), [-0.5, 0.0, 0.5], [-0.5, 0.0, 0.5],
        device="cpu", precision="fp32", progress=False, points_at_once=1, **options,
    )  # fmt: skip
    findings = surface.meta["findings"]
    return {f["what"]: f["message"] for f in findings if f["level"] != "ok"}, surface


def test_the_centres_loss_and_accuracy_are_said(capsys):
    model = layers()
    targets = model(X).argmax(1)
    targets[:50] = (targets[:50] + 1) % 4
    surface = probe(model, [(X, targets)], random_plane(model), [-1.0, 0.0], [0.0, 1.0],
                    device="cpu", precision="fp32")  # fmt: skip
    loss = float(F.cross_entropy(model(X).detach(), targets))
    assert surface.meta["centre"] == {
        "split": None, "loss": pytest.approx(loss, rel=1e-5), "accuracy": pytest.approx(0.75)
    }  # fmt: skip
    assert f"at the centre: loss {loss:.4g}, accuracy 75 %" in capsys.readouterr().err


@pytest.mark.parametrize(("right", "guesses"), [(60, True), (100, False)])
def test_answers_like_guesses(right, guesses):
    model = layers()
    targets = model(X).argmax(1)
    targets[right:] = (targets[right:] + 1) % 4
    alarms, _ = found(model, targets)
    assert ("accuracy" in alarms) == guesses
    if guesses:
        assert "30 %" in alarms["accuracy"]
        assert "guessing gives 25 %" in alarms["accuracy"]


def test_a_network_that_is_often_right_and_worse_than_guessing():
    model = layers()
    targets = model(X).argmax(1)
    targets[100:] = (targets[100:] + 1) % 4
    with torch.no_grad():
        for parameter in list(model.parameters())[-2:]:
            parameter *= 100  # as sure of what is wrong as of what is right
        loss = float(F.cross_entropy(model(X), targets))
    alarms, _ = found(model, targets)
    assert loss > math.log(4)
    assert f"the loss, {loss:.3g}, is above that of guessing, 1.39" in alarms["accuracy"]


class Dropping(nn.Module):
    """Dropout that is on in eval mode, of the features or of the weights."""

    def __init__(self, of_weights):
        super().__init__()
        self.layers, self.of_weights = layers(), of_weights

    def forward(self, x):
        hidden = self.layers[1](self.layers[0](x))
        if self.of_weights:
            return F.linear(hidden, F.dropout(self.layers[2].weight), self.layers[2].bias)
        return self.layers[2](F.dropout(hidden))


@pytest.mark.parametrize("of_weights", [False, True])
def test_standard_errors_include_what_a_network_draws(of_weights):
    model, targets = Dropping(of_weights).eval(), torch.arange(200) % 4
    torch.manual_seed(1)
    alarms, surface = found(model, targets)
    assert "draws at random" in alarms["draws"]
    assert "centre" not in alarms
    with torch.no_grad():
        means = [float(F.cross_entropy(model(X), targets)) for _ in range(400)]
    # Passes see 32, 96 and 72 samples, and draws that batches share are theirs.
    assert 0.5 < surface.loss_stderr[1, 1] / np.std(means) < 2.5
    assert (surface.loss_stderr > 0).all()


class OfTheBatch(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = layers()
        self.norm = nn.BatchNorm1d(12, track_running_stats=False)

    def forward(self, x):
        return self.layers[2](self.norm(self.layers[0](x)))


def test_a_loss_that_depends_on_the_rest_of_the_batch():
    alarms, surface = found(OfTheBatch(), torch.arange(200) % 4, batch_size=100)
    assert "batches of up to 100" in alarms["batch"]
    assert not {"draws", "batch"} & found(layers(), torch.arange(200) % 4)[0].keys()
    assert (surface.loss_stderr == 0).all()


def test_a_loss_that_is_one_number_for_a_batch_is_said_to_be():
    alarms, _ = found(layers(), torch.arange(200) % 4, per_batch=True,
                      loss=lambda net, b: F.cross_entropy(net(b[0]), b[1]))  # fmt: skip
    assert "standard errors are over batches" in alarms["batch"]
