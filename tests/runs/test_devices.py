"""Memory and the same numbers, as docs/cluster.md has it: on a CPU, on another device, and on a GPU
with little memory, pretended."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from tests.pretended import pretended_gpu
from torch import nn

import isoloss
from isoloss import IsolossError, probe, random_plane
from isoloss.compute.data import streaming
from isoloss.compute.engine import evaluator
from isoloss.compute.machine import recording
from isoloss.compute.networks.checkpoints import load_state
from isoloss.compute.training.recorded_trajectory import read_trajectory
from isoloss.events import Log
from isoloss.robustness import evaluate
from isoloss.robustness.evaluation import plan
from isoloss.robustness.evaluation.same_device import check_same_device, of_device
from isoloss.run import Run
from isoloss.settings import ProbeSettings, TrainSettings
from isoloss.work import resume

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
X = torch.randint(256, (70, 3, 8, 8), generator=torch.Generator().manual_seed(0)).byte()
Y = torch.arange(70) % 4
AXIS = [-1.0, 1.0]
ASKED = {"progress": False, "precision": "fp32", "points_at_once": 1}


@pytest.fixture
def threads():
    """Sets how many threads compute; afterwards as many do as before."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def training(folder):
    settings = TrainSettings(
        model="tinyuser:network", data="tinyuser:data", epochs=2, batch_size=10, device="cpu",
        augment="crop-flip",
    )  # fmt: skip
    return Run.create(folder, settings)


def weights(run):
    last = run.checkpoints / read_trajectory(run)[-1].checkpoint
    return torch.cat([t.double().flatten() for t in load_state(last).values()])


def probed(trained, folder, **changes):
    settings = {
        "source": trained.folder, "grid": (4, 3), "device": "cpu", "precision": "fp32",
        "points_at_once": 1, **changes,
    }  # fmt: skip
    run = Run.create(folder, ProbeSettings(**settings))
    list(resume(run))
    return isoloss.load(run.folder)


def test_a_training_is_the_same_twice_and_by_more_threads_but_for_rounding(
    in_folder_of_users_module, threads
):
    found = []
    for name, count in (("one", 1), ("again", 1), ("two", 2)):
        threads(count)
        run = training(in_folder_of_users_module / name)
        list(resume(run))
        found.append(weights(run))
    assert torch.equal(found[0], found[1])
    torch.testing.assert_close(found[2], found[0], rtol=1e-3, atol=1e-4)


def test_a_surface_is_the_same_twice_and_in_other_batches_but_for_rounding(trained, threads):
    base = trained.folder.parent
    threads(1)
    one = probed(trained, base / "one", batch_size=7)
    assert np.array_equal(probed(trained, base / "again", batch_size=7).loss, one.loss)
    np.testing.assert_allclose(probed(trained, base / "more", batch_size=45).loss, one.loss, 1e-5)
    threads(2)
    np.testing.assert_allclose(probed(trained, base / "two", batch_size=7).loss, one.loss, 1e-5)


def test_a_run_that_goes_on_on_another_device_says_so(in_folder_of_users_module, monkeypatch):
    run = training(in_folder_of_users_module / "run")
    steps = resume(run)
    list(itertools.islice(steps, 4))
    steps.close()
    monkeypatch.setattr(recording, "describe_device", lambda _: "NVIDIA H200")
    said = [event.message for event in resume(run) if isinstance(event, Log)]
    assert any(text.startswith("so far on CPU, it goes on on NVIDIA H200") for text in said)


def test_a_run_that_leaves_a_gpu_alone_says_why(in_folder_of_users_module, monkeypatch):
    monkeypatch.setattr(recording, "unused_gpu", lambda: "the driver is too old")
    chosen = training(in_folder_of_users_module / "chosen")
    left = Run.create(
        in_folder_of_users_module / "left", chosen.settings.model_copy(update={"device": "auto"})
    )
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for run, expected in ((chosen, 0), (left, 1)):
        said = [event.message for event in resume(run) if isinstance(event, Log)]
        assert said.count("a GPU is left alone: the driver is too old") == expected


@pytest.mark.parametrize(
    ("begun", "now", "refused"),
    [
        (("bf16", GPU, "NVIDIA A100"), ("bf16", GPU, "NVIDIA A100"), None),
        (("bf16", GPU, "NVIDIA A100"), ("bf16", GPU, "NVIDIA H200"), "A100, and this is .* H200"),
        (("bf16", GPU, "NVIDIA A100"), ("fp32", CPU, "CPU"), "bf16 on NVIDIA A100, .* fp32 on cpu"),
        (("fp32", CPU, "CPU"), ("fp32", GPU, "NVIDIA H200"), "fp32 on cpu, and this is fp32 on NV"),
        (("fp32", CPU, "CPU"), ("fp32", CPU, "CPU"), None),
        (("bf16", CPU, "CPU"), ("fp32", CPU, "CPU"), "bf16 on cpu, and this is fp32 on cpu"),
        ("bf16 on cuda", ("bf16", GPU, "NVIDIA H200"), None),  # begun before GPUs had names
        ("bf16 on cuda", ("fp32", CPU, "CPU"), "begun in bf16 on cuda"),
        (None, ("fp32", GPU, "NVIDIA H200"), None),
    ],
)
def test_attacks_go_on_on_the_kind_of_device_they_were_begun_on(
    in_folder_of_users_module, monkeypatch, begun, now, refused
):
    def dependence(precision, device, name):
        monkeypatch.setattr(
            "isoloss.robustness.evaluation.same_device.describe_device", lambda _: name
        )
        return of_device(device, precision)

    run = training(in_folder_of_users_module / "run")
    if begun is not None:
        recorded = {"arithmetic": begun} if isinstance(begun, str) else dependence(*begun)
        run.record_environment(depends_on=recorded)
    if refused is None:
        check_same_device(run, dependence(*now))
        return
    with pytest.raises(IsolossError, match=refused):
        check_same_device(run, dependence(*now))


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 4))


@pytest.fixture
def in_large_batches(monkeypatch):
    """Batches as large as if memory had no end."""
    monkeypatch.setattr(evaluator, "suitable_batch_size", lambda *_: 128)


def test_a_surface_of_data_that_do_not_fit_is_the_same():
    model = network()
    plane, said = random_plane(model), []
    expected = probe(model, [(X, Y)], plane, AXIS, AXIS, device="cpu", **ASKED)
    with pretended_gpu(memory=1 << 20):
        times = 3 * torch.cuda.mem_get_info()[0] // X.nbytes // 2
        many = [(X.repeat(times, 1, 1, 1), Y.repeat(times))]
        ours = probe(model, many, plane, AXIS, AXIS, device="cuda", on_event=said.append, **ASKED)
    assert any("batch by batch" in str(event) for event in said)
    np.testing.assert_allclose(ours.loss, expected.loss, rtol=1e-4)


def test_a_surface_for_which_memory_does_not_suffice_is_the_same(in_large_batches):
    model = network()
    plane = random_plane(model)
    expected = probe(model, [(X, Y)], plane, AXIS, AXIS, device="cpu", **ASKED)
    with pretended_gpu(memory=300_000):
        ours = probe(model, [(X, Y)], plane, AXIS, AXIS, device="cuda", **ASKED)
    np.testing.assert_allclose(ours.loss, expected.loss, rtol=1e-5)


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_a_surface_on_a_gpu_is_that_of_a_cpu(kind):
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), network()[1:3], nn.Linear(288, 4))
    plane = random_plane(model)
    expected = probe(model, [(X, Y)], plane, AXIS, AXIS, device="cpu", **ASKED)
    with pretended_gpu(kind=kind):
        ours = probe(model, [(X, Y)], plane, AXIS, AXIS, device=kind, **ASKED)
    np.testing.assert_allclose(ours.loss, expected.loss, rtol=1e-5)


def test_images_that_do_not_fit_are_attacked_block_by_block(monkeypatch):
    monkeypatch.setattr(plan, "LARGEST_ON_CUDA", 32)
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 4))
    images = (X / 255).repeat(10, 1, 1, 1)
    given = model, images, model(images).argmax(1), ["pgd"], [0.03]
    asked = {"steps": 1, "keep": 0, "batch_size": 50, "precision": "fp32", "progress": False}
    expected = evaluate(*given, device="cpu", **asked)
    with pretended_gpu(memory=images.nbytes):
        ours = evaluate(*given, device="cuda", **asked)
    assert [row.correct for row in ours.rows] == [row.correct for row in expected.rows]


def test_one_sample_that_is_too_large_gets_one_line(in_large_batches):
    model = network()
    with pretended_gpu(memory=40_000), pytest.raises(IsolossError, match="out of memory"):
        probe(model, [(X, Y)], random_plane(model), AXIS, AXIS, device="cuda", **ASKED)


def trained(folder, device):
    settings = TrainSettings(
        model="tinyuser:network", data="tinyuser:data", epochs=2, batch_size=10, device=device,
        augment="crop-flip", precision="fp32",
    )  # fmt: skip
    run = Run.create(folder, settings)
    said = [event.message for event in resume(run) if isinstance(event, Log)]
    last = read_trajectory(run)[-1]
    return load_state(run.checkpoints / last.checkpoint), last, said


def test_a_training_on_data_that_do_not_fit_is_the_same(in_folder_of_users_module, monkeypatch):
    expected, at_end, _ = trained(in_folder_of_users_module / "cpu", "cpu")
    monkeypatch.setattr(streaming, "SHARE_OF_FREE", 1 << 40)
    with pretended_gpu():
        found, there, said = trained(in_folder_of_users_module / "gpu", "cuda")
    assert any("batch by batch" in text for text in said)
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name].cpu(), tensor, rtol=1e-3, atol=1e-5)
    assert there.test_loss == pytest.approx(at_end.test_loss, rel=1e-3)


def test_an_evaluation_for_which_memory_does_not_suffice_finds_the_same():
    torch.manual_seed(0)
    wide = nn.Sequential(
        nn.Conv2d(3, 128, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 4)
    )
    asked = {"precision": "fp32", "progress": False, "steps": 2, "queries": 3, "device": "cuda"}
    asked["convergence"] = "none"
    rows, peaks = [], []
    for memory in (1 << 30, 700_000):
        with pretended_gpu(memory=memory) as gpu:
            table = evaluate(wide, X[:30].float() / 255, Y[:30], ["pgd", "square"], 0.05, **asked)
            rows.append([(r.attack, r.eps, r.accuracy) for r in table.rows])
            peaks.append(gpu.marks.peak)
    assert rows[0] == rows[1]
    assert peaks[0] > 900_000


def test_why_attacks_are_not_recorded_is_said_once_and_kept_in_the_report():
    class Asks(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 3)

        def forward(self, images):
            return self.layer(images.flatten(1)) * (1 + 0 * images.sum().item())

    torch.manual_seed(0)
    events = []
    with pretended_gpu():
        table = evaluate(
            Asks(), torch.rand(8, 1, 2, 2), torch.arange(8) % 3, "pgd", eps=[0.05, 0.1], steps=5,
            restarts=1, convergence=False, device="cuda", precision="fp32", progress=False,
            on_event=events.append,
        )  # fmt: skip
    told = [e.message for e in events if isinstance(e, Log) and "CUDA graphs" in e.message]
    assert len(told) == 1
    assert "Asks (RuntimeError: called a synchroniz" in told[0]
    assert "synchroniz" in table.facts["unrecorded"]
