"""Probe runs: from a training run's folder to meshes, stopped and carried on anywhere."""

import itertools

import numpy as np
import pytest
import torch

import isoloss
from isoloss import IsolossError
from isoloss.compute.checkpoints import load_into, load_state
from isoloss.compute.datasets import load_dataset
from isoloss.compute.planes import Plane
from isoloss.compute.training import build_for, evaluate, read_trajectory
from isoloss.geometry.formats import load_trajectory
from isoloss.run import Run
from isoloss.settings import ProbeSettings, TrainSettings
from isoloss.work import carry_on, prepare


@pytest.fixture
def trained(in_folder_of_users_module):
    settings = TrainSettings(
        model="tinyuser:network", data="tinyuser:data", epochs=4, batch_size=15, device="cpu",
        precision="fp32",
    )  # fmt: skip
    run = Run.create(in_folder_of_users_module / "trained", settings)
    list(carry_on(run))
    return run


def asked(trained, **changes):
    given = {"source": trained.folder, "grid": (5, 4), "device": "cpu", "precision": "fp32"}
    return ProbeSettings(**{**given, **changes})


def test_a_stopped_probe_goes_on_bit_for_bit(trained):
    settings = asked(trained, plane="pca")
    whole = Run.create(trained.folder.parent / "whole", settings)
    list(carry_on(whole))
    stopped = Run.create(trained.folder.parent / "stopped", settings)
    attempts = 0
    while not stopped.is_done:
        steps = carry_on(stopped)
        list(itertools.islice(steps, 3 + attempts))
        steps.close()
        attempts += 1
        assert attempts < 30
    a, b = isoloss.load(stopped.folder), isoloss.load(whole.folder)
    for name in ("alpha", "beta", "loss", "accuracy", "loss_stderr", "count"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert attempts > 1


def test_the_pca_surface_and_path_agree_with_the_training_run(trained):
    run = Run.create(trained.folder.parent / "pca", asked(trained, plane="pca", split="test"))
    list(carry_on(run))
    surface, path = isoloss.load(run.folder), load_trajectory(run.folder)
    points = read_trajectory(trained)
    assert path is not None
    np.testing.assert_allclose(path.epoch, [p.epoch for p in points])
    # The path's losses are the checkpoints' own, here those that training measured.
    np.testing.assert_allclose(path.loss, [p.test_loss for p in points], rtol=1e-5)
    assert path.alpha[-1] == pytest.approx(0, abs=1e-9)
    assert path.off_plane[-1] == pytest.approx(0, abs=1e-5)
    for axis, coordinates in ((surface.alpha, path.alpha), (surface.beta, path.beta)):
        margin = 0.25 * np.ptp(coordinates)
        assert axis[0] == pytest.approx(coordinates.min() - margin)
        assert axis[-1] == pytest.approx(coordinates.max() + margin)
    assert surface.meta["plane"] == "pca"
    assert len(surface.meta["explained_variance_ratio"]) == 2
    assert (surface.loss_stderr == 0).all()
    assert (surface.count == 15).all()


def test_the_centre_of_a_random_plane_is_the_network_itself(trained):
    run = Run.create(trained.folder.parent / "random", asked(trained, grid=(3, 3), samples=20))
    list(carry_on(run))
    surface = isoloss.load(run.folder)
    data = load_dataset("tinyuser:data")
    model = build_for(trained.settings, data)
    last = trained.checkpoints / read_trajectory(trained)[-1].checkpoint
    load_into(model, load_state(last), "x")
    loss, accuracy = evaluate(model, data.train.sample(20, 0), bf16=False)
    assert surface.loss[1, 1] == pytest.approx(loss, rel=1e-6)
    assert surface.accuracy[1, 1] == pytest.approx(accuracy)
    assert (surface.loss_stderr[surface.loss > 0.01] > 0).all()
    assert surface.meta["run"] == "random"
    assert Plane.load(run.plane_path).kind == "random"
    assert load_trajectory(run.folder) is None


def test_a_checkpoint_file_is_probed_like_its_run(trained):
    last = trained.checkpoints / read_trajectory(trained)[-1].checkpoint
    of_file = asked(trained, source=last, model="tinyuser:network", data="tinyuser:data")
    surfaces = []
    for name, settings in (("file", of_file), ("run", asked(trained))):
        run = Run.create(trained.folder.parent / name, settings)
        list(carry_on(run))
        surfaces.append(isoloss.load(run.folder))
    np.testing.assert_array_equal(surfaces[0].loss, surfaces[1].loss)


def test_a_probe_whose_network_has_changed_is_refused(trained):
    run = Run.create(trained.folder.parent / "probe", asked(trained))
    steps = carry_on(run)
    list(itertools.islice(steps, 4))
    steps.close()
    last = trained.checkpoints / read_trajectory(trained)[-1].checkpoint
    state = load_state(last)
    torch.manual_seed(0)
    from isoloss.compute.checkpoints import save_tensors

    save_tensors(last, {k: v + 1 for k, v in state.items()})
    with pytest.raises(IsolossError, match="weights have changed"):
        list(carry_on(run))


def test_wrong_sources_are_refused(trained, tmp_path):
    probe = Run.create(trained.folder.parent / "probe", asked(trained))
    with pytest.raises(IsolossError, match="give a training run"):
        prepare(asked(trained, source=probe.folder))
    fresh = Run.create(tmp_path / "fresh", TrainSettings())
    with pytest.raises(IsolossError, match="no checkpoints yet"):
        prepare(asked(trained, source=fresh.folder))
    with pytest.raises(IsolossError, match="classes"):
        prepare(asked(trained, data="digits"))
    last = trained.checkpoints / "0001.safetensors"
    with pytest.raises(IsolossError, match="another architecture"):
        prepare(asked(trained, source=last, model="resnet18", data="digits"))
