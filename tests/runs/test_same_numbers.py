"""What docs/cluster.md says of the same numbers, on a CPU; and of going on on another device."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import isoloss
from isoloss import IsolossError
from isoloss.compute.machine import recording
from isoloss.compute.networks.checkpoints import load_state
from isoloss.compute.training.recorded_trajectory import read_trajectory
from isoloss.events import Log
from isoloss.robustness.evaluation.same_device import check_same_device, of_device
from isoloss.run import Run
from isoloss.settings import ProbeSettings, TrainSettings
from isoloss.work import resume

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


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
    assert run.environment["begun_on"] == "CPU"
    monkeypatch.setattr(recording, "describe_device", lambda _: "NVIDIA H200")
    said = [event.message for event in resume(run) if isinstance(event, Log)]
    assert any(text.startswith("begun on CPU, it goes on on NVIDIA H200") for text in said)
    assert run.environment["begun_on"] == "CPU"


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
