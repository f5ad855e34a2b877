"""What the tests of probes ask for."""

import numpy as np

import isoloss
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.networks.checkpoints import load_into, load_state
from isoloss.compute.training.classifier import build_for
from isoloss.compute.training.recorded_trajectory import read_trajectory
from isoloss.settings import ProbeSettings


def asked(trained, **changes):
    given = {
        "source": trained.folder, "grid": (5, 4), "device": "cpu", "precision": "fp32",
        "points_at_once": 1,
    }  # fmt: skip
    return ProbeSettings(**{**given, **changes})


def trained_network(run):
    data = load_dataset("tinyuser:data")
    model = build_for(run.settings, data)
    last = run.checkpoints / read_trajectory(run)[-1].checkpoint
    load_into(model, load_state(last), "x")
    return model, data


def assert_equal(run, other):
    a, b = isoloss.load(run.folder), isoloss.load(other.folder)
    for name in ("alpha", "beta", "loss", "accuracy", "loss_stderr", "count"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
