"""Losses and data of the user's own, from the command line to the surface, killed on the way."""

import importlib
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import isoloss
from isoloss import IsolossError
from isoloss.cli.describe import describe
from isoloss.cli.main import main
from isoloss.compute.data.dataset import IMAGENET_MEAN, IMAGENET_STD
from isoloss.compute.networks.checkpoints import save_tensors
from isoloss.compute.networks.models import build_model
from isoloss.run import Run
from isoloss.settings import AttackSettings, ProbeSettings, TrainSettings
from isoloss.work import prepare, resume

MINE = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))


def data():
    x = torch.linspace(0, 1, 40)[:, None]
    set = TensorDataset(x, torch.sin(3 * x))
    return DataLoader(set, 16, shuffle=True), [(x[:10], torch.sin(3 * x[:10]))]


def squares(network, batch):
    return (network(batch[0]) - batch[1]).square().mean(1)


def equation(network, batch):
    x = batch[0].requires_grad_(True)
    u = network(x)
    (du,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    return (du + u).square().mean(1)


def of_batches(network, batch):
    return squares(network, batch).max()


def language():
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 9))


def texts():
    tokens = torch.randint(0, 9, (30, 6), generator=torch.Generator().manual_seed(0))
    targets = tokens.roll(-1, 1)
    targets[:, -1] = -100
    return (tokens, targets), (tokens[:5], targets[:5])


def classifier(num_classes):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, num_classes))


def pictures():
    x = torch.rand(24, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return x, torch.arange(24) % 4


def as_tensors():
    return pictures(), pictures()


def as_loaders():
    return [DataLoader(TensorDataset(*pictures()), 10) for _ in range(2)]


def as_lists():
    x, y = pictures()
    return [[(x[:10], y[:10]), (x[10:], y[10:])] for _ in range(2)]


def focal(network, batch):
    right = network(batch[0]).log_softmax(1).gather(1, batch[1][:, None]).squeeze(1)
    return -((1 - right.exp()) ** 2) * right


def numbers():
    torch.rand(())
    while True:
        yield torch.rand(3, 1), torch.rand(3)


def endless():
    return numbers(), numbers()
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The module `myloss`, and what a probe of its network asks for."""
    (tmp_path / "myloss.py").write_text(MINE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    sys.modules.pop("myloss", None)
    module = importlib.import_module("myloss")
    with torch.random.fork_rng([]):
        save_tensors(tmp_path / "net.safetensors", module.network().state_dict())
        save_tensors(tmp_path / "text.safetensors", module.language().state_dict())
    yield module
    sys.modules.pop("myloss", None)


def asked(**changes):
    return ProbeSettings.model_validate(
        {
            "source": "net.safetensors", "model": "myloss:network", "data": "myloss:data",
            "grid": (3, 3), "device": "cpu", "precision": "fp32", "points_at_once": 1, **changes,
        }
    )  # fmt: skip


def done(folder, settings):
    run = Run.create(folder, settings)
    list(resume(run))
    return isoloss.load(run.folder)


@pytest.mark.parametrize("loss", ["squares", "equation"])
def test_a_loss_by_its_name(mine, tmp_path, loss):
    surface = done(tmp_path / "run", asked(loss=f"myloss:{loss}"))
    x = torch.linspace(0, 1, 40)[:, None]
    expected = getattr(mine, loss)(mine.network(), (x, torch.sin(3 * x))).mean().detach()
    assert surface.loss[1, 1] == pytest.approx(float(expected), rel=1e-5)
    assert surface.count[1, 1] == 40
    assert np.isnan(surface.accuracy).all()
    said = describe(tmp_path / "run")
    assert f"(myloss:{loss})" in said
    assert f"centre      train loss {float(expected):.4g}" in said


@pytest.mark.parametrize("data", ["as_tensors", "as_loaders", "as_lists"])
@pytest.mark.parametrize("model", ["myloss:classifier", "resnet20"])
def test_a_loss_of_a_classifier_on_data_with_classes(mine, tmp_path, data, model):
    with torch.random.fork_rng([]):
        torch.manual_seed(1)
        network = mine.classifier(4) if model != "resnet20" else build_model(
            model, 4, 32, mean=IMAGENET_MEAN, std=IMAGENET_STD
        )  # fmt: skip
    save_tensors(tmp_path / "net.safetensors", network.state_dict())
    settings = asked(model=model, data=f"myloss:{data}", loss="myloss:focal")
    surface = done(tmp_path / "run", settings)
    with torch.no_grad():
        expected = mine.focal(network.eval(), mine.pictures()).mean()
    assert surface.loss[1, 1] == pytest.approx(float(expected), rel=1e-5)


def test_batches_are_those_the_data_came_in_also_after_a_kill(mine, tmp_path):
    settings = asked(loss="myloss:of_batches", per_batch=True)
    whole = done(tmp_path / "whole", settings)
    assert (whole.count == 3).all()
    stopped = Run.create(tmp_path / "stopped", settings)
    for _ in range(20):
        steps = resume(stopped)
        list(itertools.islice(steps, 7))
        steps.close()
        torch.rand(7)  # what a DataLoader shuffles by
        if stopped.is_done:
            break
    list(resume(stopped))
    np.testing.assert_array_equal(isoloss.load(stopped.folder).loss, whole.loss)


def test_a_language_model_without_classes(mine, tmp_path):
    surface = done(
        tmp_path / "run",
        asked(source="text.safetensors", model="myloss:language", data="myloss:texts"),
    )
    (tokens, targets), _ = mine.texts()
    logits = mine.language()(tokens).detach()
    expected = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
    assert surface.loss[1, 1] == pytest.approx(float(expected), rel=1e-5)
    right = (logits.argmax(-1) == targets)[:, :-1].float().mean()
    assert surface.accuracy[1, 1] == pytest.approx(float(right))
    assert "mean over" in surface.meta["loss"]


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "one output"),
        ({"loss": "myloss:of_batches"}, "--per-batch"),
        ({"loss": "myloss:nothing"}, "no 'nothing' in myloss"),
        ({"loss": "myloss:squares", "per_batch": True}, "one number for a batch"),
        ({"model": "resnet20"}, "no classes"),
        ({"data": "myloss:endless", "loss": "myloss:squares"}, "go on"),
    ],
)
def test_what_does_not_fit_is_told_before_anything_is_written(changes, words, monkeypatch):
    monkeypatch.setattr("isoloss.compute.data.reading.MOST_BATCHES", 100)
    with pytest.raises(IsolossError, match=words) as caught:
        prepare(asked(**changes))
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("mine")
def test_what_has_no_classes_is_neither_trained_on_nor_attacked():
    for settings in (
        TrainSettings(model="myloss:network", data="myloss:data", device="cpu"),
        AttackSettings.model_validate(
            {"source": "net.safetensors", "model": "myloss:network", "data": "myloss:data"}
        ),
    ):
        with pytest.raises(IsolossError, match="one class index ≥ 0 for each"):
            prepare(settings)


@pytest.mark.parametrize(
    ("given", "words"), [({"per_batch": True}, "give --loss"), ({"loss": "mse"}, "module:function")]
)
def test_wrong_settings(given, words):
    with pytest.raises(ValueError, match=words):
        asked(**given)


NAMED = """
import torch
from torch import nn
from types import SimpleNamespace
class Net(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.head = nn.Linear(4, num_classes)
    def forward(self, x):
        return SimpleNamespace(logits=self.head(x))
def data():
    x = torch.rand(30, 4, generator=torch.Generator().manual_seed(0))
    return (x[:20], torch.arange(20) % 3), (x[20:], torch.arange(10) % 3)
"""


def test_classifiers_that_name_their_logits_are_probed_with_class_indices(
    in_folder_of_users_module, capsys
):
    Path("named_logits.py").write_text(NAMED, encoding="utf-8")
    import named_logits  # pyright: ignore[reportMissingImports]

    model = named_logits.Net(3)
    torch.save({"state_dict": {f"model.{k}": v for k, v in model.state_dict().items()}}, "n.ckpt")
    given = ["n.ckpt", "--model", "named_logits:Net", "--data", "named_logits:data", "--device",
             "cpu", "--precision", "fp32"]  # fmt: skip
    assert main(["probe", *given, "--grid", "3", "--out", "probed"]) == 0

    (x, y), _ = named_logits.data()
    loss = F.cross_entropy(model.head(x), y).item()
    assert isoloss.load("probed").meta["centre"]["loss"] == pytest.approx(loss, rel=1e-5)
    assert main(["attack", *given, "--out", "attacked"]) == 2
    assert "needs (samples, 3) logits, the network gives SimpleNamespace" in capsys.readouterr().err
