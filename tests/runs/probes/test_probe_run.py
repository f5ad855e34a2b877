"""Probe runs: from a training run's folder to meshes, stopped and resumed anywhere."""

import argparse
import itertools
import re

import numpy as np
import pytest
import torch
from tests.runs.probes.asking import asked, assert_equal, trained_network

import isoloss
from isoloss import IsolossError, random_plane
from isoloss.cli.options import add_options, settings_from
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.engine.checkpoint_losses import CheckpointLosses
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.engine.schedule import carry_out
from isoloss.compute.engine.stencils import levels
from isoloss.compute.machine.process_group import ProcessGroup
from isoloss.compute.networks.checkpoints import load_into, load_state
from isoloss.compute.planes.plane import Plane
from isoloss.compute.training.classifier import build_for, evaluate
from isoloss.compute.training.recorded_trajectory import read_trajectory
from isoloss.events import Failed
from isoloss.geometry.files.reading import load_trajectories
from isoloss.geometry.growing import GrowingSurface
from isoloss.run import Run
from isoloss.settings import ProbeSettings, TrainSettings
from isoloss.work import prepare, resume


def stopped_again_and_again(run):
    """Resume a run to its end; returns how many samples each cell had at every stop."""
    stops = []
    while not run.is_done:
        steps = resume(run)
        list(itertools.islice(steps, 10))
        steps.close()
        stops.append(GrowingSurface.open(run.growing_path).count.copy())
        assert len(stops) < 100
    return stops


def test_a_stopped_probe_goes_on_bit_for_bit(trained, every_step, monkeypatch):
    settings = asked(trained, plane="pca")
    whole = Run.create(trained.folder.parent / "whole", settings)
    list(resume(whole))
    stopped = Run.create(trained.folder.parent / "stopped", settings)
    located, evaluated = [], []
    locate, work = Plane.locate, CheckpointLosses.work
    monkeypatch.setattr(
        Plane,
        "locate",
        lambda plane, path, *rest: located.append(len(path)) or locate(plane, path, *rest),
    )
    monkeypatch.setattr(
        CheckpointLosses, "work", lambda self, unit: evaluated.append(unit[2]) or work(self, unit)
    )
    stops = stopped_again_and_again(stopped)
    assert_equal(stopped, whole)
    (path,), (other,) = (load_trajectories(run.folder) for run in (stopped, whole))
    np.testing.assert_array_equal(path.loss, other.loss)
    np.testing.assert_array_equal(path.alpha, other.alpha)
    unfinished = [counts for counts in stops if 0 < counts.sum() < 45 * counts.size]
    assert len(unfinished) > 3
    # The trajectory too is computed once, though the run was stopped while it was.
    assert located == [len(read_trajectory(trained))]
    assert sum((counts == 45).all() for counts in stops) > 1
    assert sorted(evaluated) == list(range(len(read_trajectory(trained))))


def test_the_pca_surface_and_path_agree_with_the_training_run(trained):
    run = Run.create(trained.folder.parent / "pca", asked(trained, plane="pca", split="test"))
    list(resume(run))
    surface, (path,) = isoloss.load(run.folder), load_trajectories(run.folder)
    points = read_trajectory(trained)
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
    list(resume(run))
    surface = isoloss.load(run.folder)
    minima = run.minima_path.read_text().splitlines()[1:]
    assert [float(row.split(",")[3]) for row in minima][:1] == [surface.loss.min()]
    model, data = trained_network(trained)
    loss, accuracy = evaluate(model, data.train.sample(20, 0), precision="fp32")
    assert surface.loss[1, 1] == pytest.approx(loss, rel=1e-6)
    assert surface.accuracy[1, 1] == pytest.approx(accuracy)
    assert (surface.loss_stderr[surface.loss > 0.01] > 0).all()
    assert surface.meta["run"] == "random"
    assert Plane.load(run.plane_path).kind == "random"
    assert load_trajectories(run.folder) == []


def test_a_probe_to_tolerance_goes_on_bit_for_bit(trained, every_step):
    settings = asked(trained, tolerance=0.05, split="train", points_at_once=2, grid=(9, 9))
    runs = [Run.create(trained.folder.parent / name, settings) for name in ("whole", "stopped")]
    list(resume(runs[0]))
    stops = stopped_again_and_again(runs[1])
    assert_equal(*runs)
    assert isoloss.load(runs[0].folder).meta["tolerance"] == 0.05
    # Stopped within the coarsest cells and within finer ones.
    coarsest = np.zeros(81, bool)
    coarsest[levels((9, 9))[0]] = True
    begun = [counts.ravel() > 0 for counts in stops]
    assert any(b.any() and not b[~coarsest].any() for b in begun)
    assert any(b[~coarsest].any() and not b.all() for b in begun)


def test_a_curve_between_two_networks_takes_their_statistics_along(trained):
    other = Run.create(
        trained.folder.parent / "other", trained.settings.model_copy(update={"seed": 5})
    )
    list(resume(other))
    run = Run.create(
        trained.folder.parent / "between",
        asked(trained, plane="interpolate", to=other.folder, points=5, alpha_range=(0, 1)),
    )
    list(resume(run))
    curve = isoloss.load(run.folder)
    assert curve.shape == (5, 1)
    data = load_dataset("tinyuser:data")
    for k, source in ((0, trained), (-1, other)):
        model = build_for(trained.settings, data)
        last = source.checkpoints / read_trajectory(source)[-1].checkpoint
        load_into(model, load_state(last), "x")
        loss, accuracy = evaluate(model, data.train, precision="fp32")
        assert curve.loss[k, 0] == pytest.approx(loss, rel=1e-5)
        assert curve.accuracy[k, 0] == pytest.approx(accuracy)
    assert (run.folder / "curve.csv").read_text().startswith("alpha,")
    assert not run.surface_path.exists()


@pytest.mark.parametrize("points_at_once", [1, 3])
def test_beyond_the_ends_of_an_interpolation_statistics_stay_those_of_the_end(
    trained, points_at_once
):
    first = trained.checkpoints / "0000.safetensors"
    asks = asked(
        trained, plane="interpolate", to=first, points=9, alpha_range=(-2, 2),
        points_at_once=points_at_once,
    )  # fmt: skip
    run = Run.create(trained.folder.parent / "beyond", asks)
    list(resume(run))
    curve, (model, data) = isoloss.load(run.folder), trained_network(trained)
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    end = load_state(first)
    for k in (0, 3, 5, 7, 8):
        alpha = float(curve.alpha[k])
        state = {}
        for name, at_start in start.items():
            share = min(max(alpha, 0.0), 1.0) if "running" in name else alpha
            state[name] = at_start + share * (end[name] - at_start)
        load_into(model, state, "x")
        expected = evaluate(model, data.train, precision="fp32")[0]
        assert curve.loss[k, 0] == pytest.approx(expected, rel=1e-4)


def test_two_trajectories_share_a_plane(trained):
    settings = trained.settings.model_copy(update={"optimizer": "adam", "lr": 0.01})
    other = Run.create(trained.folder.parent / "adam", settings)
    list(resume(other))
    run = Run.create(
        trained.folder.parent / "both", asked(trained, plane="pca", also=(other.folder,))
    )
    list(resume(run))
    first, second = load_trajectories(run.folder)
    assert [t.meta["name"] for t in (first, second)] == ["trained", "adam"]
    surface = isoloss.load(run.folder)
    for path in (first, second):
        assert surface.alpha[0] < path.alpha.min() <= path.alpha.max() < surface.alpha[-1]
        assert surface.beta[0] < path.beta.min() <= path.beta.max() < surface.beta[-1]
    # Both began at the same weights, and the plane passes through where the first one ended.
    assert (first.alpha[0], first.beta[0]) == pytest.approx((second.alpha[0], second.beta[0]))
    assert (first.alpha[-1], first.beta[-1]) == pytest.approx((0, 0), abs=1e-9)
    data = load_dataset("tinyuser:data")
    model = build_for(trained.settings, data)
    last = other.checkpoints / read_trajectory(other)[-1].checkpoint
    load_into(model, load_state(last), "x")
    assert second.loss[-1] == pytest.approx(
        evaluate(model, data.train, precision="fp32")[0], rel=1e-5
    )


def test_an_ensemble_is_the_mean_over_its_planes(trained):
    run = Run.create(trained.folder.parent / "mean", asked(trained, planes=3, seed=4))
    steps = resume(run)
    for _ in range(6):
        next(steps)
    steps.close()
    list(resume(run))
    mean = isoloss.load(run.folder)
    parts = []
    for seed in (4, 5, 6):
        one = Run.create(trained.folder.parent / f"seed{seed}", asked(trained, seed=seed))
        list(resume(one))
        parts.append(isoloss.load(one.folder).loss)
    np.testing.assert_allclose(mean.loss, np.mean(parts, 0), rtol=1e-6)
    np.testing.assert_allclose(mean.spread, np.std(parts, 0, ddof=1), rtol=1e-4, atol=1e-7)
    assert (mean.loss_stderr == 0).all()


def test_planes_of_an_ensemble_do_not_share_the_chance_of_their_samples(trained):
    run = Run.create(
        trained.folder.parent / "mean", asked(trained, planes=4, samples=12, grid=(3, 3))
    )
    list(resume(run))
    centres = [GrowingSurface.open(run.growing_path / f"{k}").snapshot() for k in range(4)]
    losses = [s.loss[1, 1] for s in centres]
    assert len(set(losses)) == 4  # one network, on samples of each plane's own
    mean = isoloss.load(run.folder)
    assert mean.loss[1, 1] == pytest.approx(np.mean(losses))
    errors = [s.loss_stderr[1, 1] for s in centres]
    assert mean.loss_stderr[1, 1] == pytest.approx(np.linalg.norm(errors) / 4)
    assert np.std(losses, ddof=1) < 3 * np.mean(errors)


def test_the_losses_of_a_path_are_known_as_well_as_the_surface(trained, monkeypatch):
    monkeypatch.setattr("isoloss.compute.engine.checkpoint_losses.FIRST", 8)
    model, data = trained_network(trained)
    data = ShuffledSamples.of_batches(data.train.held(), 0, torch.device("cpu"))
    evaluator = Evaluator(model, random_plane(model), data, None, torch.device("cpu"))
    paths = [trained.checkpoints / p.checkpoint for p in read_trajectory(trained)]

    def schedule(error, folder=None):
        return CheckpointLosses(paths, evaluator, len(data), len(data), error, folder)

    def losses(error, folder=None):
        whole = schedule(error, folder)
        list(carry_out(whole, whole.rounds(), ProcessGroup(), 1))
        return whole.growing.snapshot()

    exact = losses(0.0)
    assert (exact.count == 45).all()
    rough = losses(0.3)
    assert rough.count.sum() < exact.count.sum()
    assert (rough.loss_stderr <= 0.1).all()
    assert (np.abs(rough.loss - exact.loss) <= 0.3).all()
    # Stopped after the first round, it goes on with the second.
    monkeypatch.setattr("isoloss.compute.engine.checkpoint_losses.MOST", 8)
    for error, expected in ((0.3, losses(0.3)), (0.0, exact)):
        begun = schedule(error, trained.folder.parent / f"begun {error}")
        list(carry_out(begun, itertools.islice(begun.rounds(), 1), ProcessGroup(), 1))
        assert 0 < begun.growing.count.sum() < expected.count.sum()
        resumed = losses(error, trained.folder.parent / f"begun {error}")
        np.testing.assert_array_equal(resumed.count, expected.count)
        np.testing.assert_allclose(resumed.loss, expected.loss, rtol=1e-6)


def test_recalibrated_statistics_are_those_of_the_training_samples(trained):
    asks = asked(trained, batch_norm="recalibrated", split="test", alpha_range=(0, 1), grid=(2, 2))
    run = Run.create(trained.folder.parent / "recalibrated", asks)
    list(resume(run))
    surface = isoloss.load(run.folder)
    data = load_dataset("tinyuser:data")
    model = build_for(trained.settings, data)
    plane = Plane.load(run.plane_path)
    state = {k: v.clone() for k, v in plane.origin.items()}
    for name, step in plane.delta.items():
        state[name] += surface.alpha[1] * step + surface.beta[0] * plane.eta[name]
    load_into(model, state, "x")
    norm = model[1] if isinstance(model, torch.nn.Sequential) else model.network[1]
    first = model[0] if isinstance(model, torch.nn.Sequential) else model.network[0]
    with torch.no_grad():
        seen = first(data.train.inputs.float())
    norm.running_mean.copy_(seen.mean((0, 2, 3)))
    norm.running_var.copy_(seen.var((0, 2, 3)))
    expected = evaluate(model, data.test, precision="fp32")[0]
    assert surface.loss[1, 0] == pytest.approx(expected, rel=1e-4)


def test_what_does_not_go_together_is_refused(trained):
    parser = argparse.ArgumentParser()
    add_options(parser, ProbeSettings)
    for words, message in (
        ("run --plane line --grid 5x5", "--grid is for --plane random or --plane pca"),
        ("run --plane pca --normalize layer", "--normalize is for --plane random or --plane line"),
        ("run --points 9", "--points is for --plane line or --plane interpolate"),
    ):
        with pytest.raises(IsolossError, match=message):
            settings_from(ProbeSettings, parser.parse_args(words.split()))
    for changes, message in (
        ({"plane": "interpolate"}, "--to"),
        ({"to": trained.folder}, "--plane interpolate"),
        ({"also": (trained.folder,)}, "--plane pca"),
        ({"plane": "pca", "planes": 2}, "--plane random"),
    ):
        with pytest.raises(ValueError, match=message):
            asked(trained, **changes)
    with pytest.raises(IsolossError, match="two trajectories are called"):
        prepare(asked(trained, plane="pca", also=(trained.folder,)))


def test_a_users_network_that_fails_on_the_way_is_told_where(in_folder_of_users_module):
    settings = TrainSettings(
        model="tinyuser:wild", data="tinyuser:data", epochs=400, lr=0.5, device="cpu",
        precision="fp32", checkpoints_per_epoch=0.01,
    )  # fmt: skip
    run = Run.create(in_folder_of_users_module / "wild", settings)
    message = r"^tinyuser.py, line \d+, in forward: ValueError: weights are too large$"
    with pytest.raises(IsolossError, match=message):
        list(resume(run))
    failed = [event for _, event in run.events() if isinstance(event, Failed)]
    assert [re.match(message, event.message) is not None for event in failed] == [True]
