"""What mends a finding is kept for machines, and settings take it; oracles are the messages."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from isoloss import Surface, custom_plane, random_plane
from isoloss.compute.diagnostics.checks import run_diagnostics
from isoloss.compute.diagnostics.origin import Origin
from isoloss.geometry.trajectory import Trajectory
from isoloss.settings import ProbeSettings

AXIS = np.linspace(-1, 1, 9)
BOWL = 0.1 + AXIS[:, None] ** 2 + 2 * AXIS**2
FULL = {"normalize": "filter", "precision": "fp32"}


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(30, 40), nn.ReLU(), nn.Linear(40, 20))


def surface(loss=BOWL, *, stderr=0.0, count=1, axis=AXIS, **meta):
    shape = loss.shape
    return Surface(
        axis, axis, loss, np.full(shape, np.nan), np.full(shape, stderr), np.full(shape, count),
        {**FULL, **meta},
    )  # fmt: skip


def remedies(probed, *, plane=None, own=0.1, shown=None, trajectories=(), **more):
    """(message, remedy) of what is no good news, by its check; each is one that settings take."""
    origin = Origin(own, own if shown is None else shown, **more.pop("origin", {}))
    found = run_diagnostics(
        probed, plane or random_plane(network()), origin=origin, trajectories=trajectories, **more
    )
    for finding in found:
        assert finding.level != "ok" or not finding.remedy
        if finding.remedy and finding.remedy.get("plane") != "pca":  # which asks for a run
            ProbeSettings(source=Path("digits-classifier"), **finding.remedy)
    return {f.what: (f.message, f.remedy) for f in found if f.level != "ok"}


def numbers(message):
    """The numbers after an option, as the message has them."""
    return [float(n) for n in re.search(r"-range (\S+) ([^\s)]+)", message).groups()]


def test_a_flat_surface_asks_for_the_larger_range_that_it_names():
    message, remedy = remedies(surface(2 + 1e-4 * BOWL), own=2.0)["range"]
    assert remedy == {"alpha_range": numbers(message), "beta_range": [-2.0, 2.0]}


def test_what_may_be_chance_asks_for_more_samples_too():
    found = remedies(surface(2 + 0.1 * BOWL, stderr=0.5, count=64), own=2.1)
    assert found["range"][1]["samples"] == 256
    assert found["range"][1]["alpha_range"] == [-2.0, 2.0]
    assert found["standard error"][1] == {"samples": 256, "tolerance": None}


def test_what_is_far_above_guessing_asks_for_a_smaller_range():
    message, remedy = remedies(surface(1e6 * (1 + BOWL), classes=10))["range"]
    assert remedy == {"alpha_range": numbers(message), "beta_range": [-0.25, 0.25]}


def test_a_path_outside_asks_for_the_usual_range():
    places = np.array([0.0, 3.0])
    path = Trajectory(
        places, places, np.array([1.0, 0.1]), np.zeros(2), np.arange(2.0), np.ones(2), {}
    )
    found = remedies(surface(), trajectories=(path,))
    assert found["range"][1] == {"alpha_range": None, "beta_range": None}


@pytest.mark.parametrize(
    ("made", "what", "remedy"),
    [
        (surface(normalize="none"), "normalization", {"normalize": "filter"}),
        (surface(precision="bf16"), "precision", {"precision": "auto"}),
        (surface(precision="tf32", precision_audit_error=0.2), "precision", {"precision": "fp32"}),
        (surface(BOWL[::-1] + AXIS, split="test"), "minimum", {"split": "train"}),
        (surface(BOWL[::-1] + AXIS, split="train"), "minimum", {}),
        (surface(np.where(AXIS > 0.9, np.nan, BOWL), precision="bf16", precision_audit_error=0.0),
         "cells", {"precision": "fp32"}),
        (surface(np.where(AXIS > 0.9, np.inf, BOWL)), "cells",
         {"alpha_range": [-0.5, 0.5], "beta_range": [-0.5, 0.5]}),
        (surface(batch_norm="recalibrated"), "centre", {"batch_norm": "frozen"}),
        (surface(precision="bf16", precision_audit_error=0.0), "centre", {"precision": "fp32"}),
        (surface(), "centre", {}),
    ],
)  # fmt: skip
def test_each_kind_of_finding_says_which_settings_mend_it(made, what, remedy):
    own = 0.5 if what == "centre" else float(made.loss[4, 4])
    assert remedies(made, own=own, shown=float(made.loss[4, 4]))[what][1] == remedy


def test_parallel_directions_ask_for_the_next_seed():
    model = network()
    weight = torch.randn(40, 30)
    plane = custom_plane(model, {"0.weight": weight}, {"0.weight": weight + 1e-3})
    random = random_plane(model)
    parallel = type(random)(plane.origin, plane.delta, plane.eta, "random")
    assert remedies(surface(seed=4), plane=parallel)["directions"][1] == {"seed": 5}
    assert remedies(surface(), plane=parallel)["directions"][1] == {}


def test_frozen_parameters_and_draws():
    plane = random_plane(network())
    name = next(iter(plane.delta))
    found = remedies(surface(), plane=plane, frozen=frozenset({name}))
    assert found["parameters"][1] == {"parameters": "trainable"}
    drawn = remedies(surface(count=50), origin={"draws": True})
    assert drawn["draws"][1] == {"samples": 200, "tolerance": None}
