"""Probes between networks and along curvature, as runs: from the command line to what they say."""

import shutil

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import isoloss
from isoloss import IsolossError
from isoloss.cli.describe import describe
from isoloss.cli.main import main
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.networks.checkpoints import load_into, load_state
from isoloss.compute.training.classifier import build_for
from isoloss.jobs.follow import FollowedRun
from isoloss.library.key_figures import figures_of, in_words
from isoloss.run import Run
from isoloss.settings import ProbeSettings, TrainSettings
from isoloss.work import resume


@pytest.fixture
def train(in_folder_of_users_module):
    """Trains a tiny network: `train(name, **settings)` gives the run."""

    def trained(name, **changes):
        settings = TrainSettings(
            **{"model": "tinyuser:network", **changes}, data="tinyuser:data", epochs=2,
            batch_size=15, device="cpu", precision="fp32",
        )  # fmt: skip
        run = Run.create(in_folder_of_users_module / name, settings)
        list(resume(run))
        return run

    return trained


def probe(source, name, **options):
    settings = ProbeSettings(
        source=source.folder, device="cpu", precision="fp32", points_at_once=1, **options
    )
    run = Run.create(source.folder.parent / name, settings)
    list(resume(run))
    return run


def loss_of(run):
    data = load_dataset("tinyuser:data")
    model = build_for(run.settings, data).eval()
    last = run.checkpoints / "0002.safetensors"
    load_into(model, load_state(last), str(last))
    with torch.no_grad():
        return float(F.cross_entropy(model(data.train.inputs), data.train.targets))


def test_through_three_networks_each_lies_at_its_own_loss(train):
    runs = [train(name, seed=seed) for seed, name in enumerate(("a", "b", "c"))]
    code = main([
        "probe", "a", "--plane", "three", "--to", "b", "--to", "c", "--grid", "3", "--out", "t",
        "--device", "cpu", "--precision", "fp32",
    ])  # fmt: skip
    assert code == 0
    surface = isoloss.load(runs[0].folder.parent / "t")
    (path,) = surface.trajectories
    np.testing.assert_allclose(path.loss, [loss_of(run) for run in runs], rtol=1e-5)
    np.testing.assert_allclose(path.off_plane, 0, atol=1e-4)
    assert path.name == "a, b, c"
    for places, axis in ((path.alpha, surface.alpha), (path.beta, surface.beta)):
        assert axis[0] < places.min()
        assert places.max() < axis[-1]


def test_an_interpolation_comes_to_its_barrier(train):
    start, end = train("a", seed=0), train("b", seed=1)
    run = probe(start, "line", plane="interpolate", to=end.folder, points=9)
    curve = isoloss.load(run.folder)
    assert curve.meta["barrier"]["ends"] == pytest.approx([loss_of(start), loss_of(end)], rel=1e-5)
    figures = figures_of(run, FollowedRun(run))
    assert figures["barrier"] == curve.meta["barrier"]["value"]
    assert in_words("probe", figures).startswith("barrier ")
    assert "  barrier     " in describe(run.folder)
    header = run.curve_path.with_suffix(".csv").read_text(encoding="utf-8").splitlines()[0]
    assert header.endswith(",barrier")


def test_a_run_is_stopped_and_goes_on_along_the_same_hessian(train):
    trained = train("a")
    settings = ProbeSettings(source=trained.folder, plane="hessian", grid=(5, 5), device="cpu",
                             precision="fp32", points_at_once=1)  # fmt: skip
    whole, stopped = (Run.create(trained.folder.parent / n, settings) for n in ("w", "s"))
    list(resume(whole))
    for event in resume(stopped):
        if stopped.plane_path.exists():
            del event
            break
    list(resume(stopped))
    one, other = (isoloss.load(run.folder) for run in (whole, stopped))
    np.testing.assert_allclose(other.loss, one.loss, rtol=1e-6)
    assert one.meta["eigenvalues"] == other.meta["eigenvalues"]
    assert "curvature" in {f["what"] for f in one.meta["findings"]}


def test_the_momentum_is_that_of_the_run(train):
    trained = train("a", momentum=0.9)
    run = probe(trained, "g", plane="gradient", beside="momentum", normalize="none", grid=(3, 3))
    assert isoloss.load(run.folder).meta["beside"] == "momentum"
    imported = trained.folder.with_name("copy")
    shutil.copytree(trained.folder, imported)
    (imported / "checkpoints" / "resume.safetensors").unlink()
    with pytest.raises(IsolossError, match="keeps no state of its optimizer: choose --beside rand"):
        probe(Run.open(imported), "h", plane="gradient", beside="momentum")
    assert not trained.folder.with_name("h").joinpath("surface").exists()


def test_what_cannot_be_is_told_before_anything_is_written(train, capsys):
    first, _ = train("a"), train("b", seed=1)
    for options, said in (
        (["--plane", "three", "--to", "b"], "goes through three networks: give --to twice"),
        (["--plane", "three", "--to", "b", "--to", "b"], "lie on one line, and span no plane"),
        (["--plane", "three", "--to", "a", "--to", "b"], "two of the three networks are the same"),
        (["--plane", "hessian", "--normalize", "layer"], "choose --normalize filter or none"),
        (["--plane", "random", "--align"], "--align is for --plane interpolate"),
        (["--plane", "line", "--beside", "momentum"], "--beside is for --plane gradient"),
    ):
        assert main(["probe", "a", "--out", "refused", "--device", "cpu", *options]) != 0
        out = capsys.readouterr().err.strip().splitlines()
        assert said in out[-1]
    assert not first.folder.with_name("refused").exists()


def test_aligned_networks_are_nearer_to_each_other(train):
    start, end = train("a", seed=0), train("b", seed=1)
    run = probe(start, "i", plane="interpolate", to=end.folder, points=3, align=True)
    meta = isoloss.load(run.folder).meta
    assert meta["distance"] < meta["distance_before_alignment"]
    assert meta["batch_norm"] == "recalibrated"
    assert any("4 channels aligned" in line for line in FollowedRun(run).log)


FLAT = """
from torch import nn

def network(num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(192, num_classes))
"""


def test_where_there_is_nothing_to_align_no_run_is_begun(train, in_folder_of_users_module, capsys):
    (in_folder_of_users_module / "flat.py").write_text(FLAT, encoding="utf-8")
    train("a", model="flat:network")
    options = ["--plane", "interpolate", "--to", "a", "--align", "--out", "i", "--device", "cpu"]
    assert main(["probe", "a", *options]) != 0
    assert "there is nothing to align" in capsys.readouterr().err
    assert not (in_folder_of_users_module / "i").exists()
