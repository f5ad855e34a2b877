"""Training: schedules and augmentation against loops, and resuming bit for bit."""

import importlib
import itertools
import math
import signal
import sys
import threading

import numpy as np
import pytest
import torch

from isoloss import IsolossError
from isoloss.compute.machine import interrupts
from isoloss.compute.networks.checkpoints import load_state, save_tensors
from isoloss.compute.training import training_run
from isoloss.compute.training.batches import augment
from isoloss.compute.training.classifier import ClassifierTraining, learning_rate
from isoloss.compute.training.recorded_trajectory import read_trajectory
from isoloss.events import Log, Metric, Paused, Progress
from isoloss.run import Run
from isoloss.settings import TrainSettings
from isoloss.work import resume


def tiny(**changes):
    asked = {
        "model": "tinyuser:network",
        "data": "tinyuser:data",
        "epochs": 3,
        "batch_size": 10,
        "device": "cpu",
        "checkpoints_per_epoch": 2,
    }
    return TrainSettings(**{**asked, **changes})


def weights_of(run):
    return [load_state(run.checkpoints / p.checkpoint) for p in read_trajectory(run)]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_a_run_killed_anywhere_goes_on_bit_for_bit(in_folder_of_users_module, optimizer):
    settings = tiny(optimizer=optimizer, augment="crop-flip")
    whole = Run.create(in_folder_of_users_module / "whole", settings)
    list(resume(whole))
    stopped = Run.create(in_folder_of_users_module / "stopped", settings)
    for attempt in range(20):
        steps = resume(stopped)
        list(itertools.islice(steps, 4 + attempt))
        steps.close()
        stopped.stopped_path.unlink(missing_ok=True)  # which a kill does not leave
        if stopped.is_done:
            break
    assert stopped.is_done
    assert read_trajectory(stopped) == read_trajectory(whole)
    for mine, theirs in zip(weights_of(stopped), weights_of(whole), strict=True):
        assert all(torch.equal(v, theirs[k]) for k, v in mine.items())
    assert list(resume(stopped)) == []


@pytest.fixture
def steps_taken(monkeypatch):
    """Lets trainings be asked to stop in the midst of steps: the list of all steps taken, and of
    those, counted over all, in which SIGTERM comes."""
    update, taken, stops = ClassifierTraining._update, [], []

    def counted(self, model, optimizer):
        taken.append(len(taken) + 1)
        if len(taken) in stops:
            signal.raise_signal(signal.SIGTERM)
        update(self, model, optimizer)

    monkeypatch.setattr(ClassifierTraining, "_update", counted)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield taken, stops
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("asked", "stops"),
    [
        ({"optimizer": "sgd", "augment": "crop-flip"}, [1, 2, 7, 14]),
        ({"optimizer": "adamw", "schedule": "step"}, [3, 10, 11]),  # 10 is a checkpoint's
        ({"optimizer": "adam"}, [9, 15]),  # and 15 the last
    ],
)
def test_a_training_asked_to_stop_loses_no_step(
    in_folder_of_users_module, steps_taken, asked, stops
):
    settings = tiny(**asked, checkpoints_per_epoch=0.5)
    whole = Run.create(in_folder_of_users_module / "whole", settings)
    list(resume(whole))
    taken, asked_in = steps_taken
    assert len(taken) == 15
    taken.clear()
    asked_in += stops
    stopped = Run.create(in_folder_of_users_module / "stopped", settings)
    for step in stops:
        with pytest.raises(KeyboardInterrupt):
            list(resume(stopped))
        assert len(taken) == step
        assert isinstance(stopped.events()[-1][1], Paused)
    list(resume(stopped))
    assert len(taken) == 15
    assert read_trajectory(stopped) == read_trajectory(whole)
    for mine, theirs in zip(weights_of(stopped), weights_of(whole), strict=True):
        assert all(torch.equal(v, theirs[k]) for k, v in mine.items())
    assert not stopped.stopped_path.exists()


def test_a_step_that_takes_too_long_is_cut_and_taken_again(
    in_folder_of_users_module, steps_taken, monkeypatch
):
    monkeypatch.setattr(interrupts, "PATIENCE", 0.01)
    settings = tiny(epochs=2)
    whole = Run.create(in_folder_of_users_module / "whole", settings)
    list(resume(whole))
    slow, loss = [], ClassifierTraining._loss

    def waits(self, network, batch):
        found = loss(self, network, batch)  # which moves the statistics of batch norm
        if len(slow) == 2:
            signal.raise_signal(signal.SIGTERM)
            threading.Event().wait(20)
        slow.append(0)
        return found

    monkeypatch.setattr(training_run, "_SLOW", 0.0)
    monkeypatch.setattr(ClassifierTraining, "_loss", waits)
    stopped = Run.create(in_folder_of_users_module / "stopped", settings)
    with pytest.raises(KeyboardInterrupt):
        list(resume(stopped))
    taken, _ = steps_taken
    assert len(taken) == 10 + 2
    monkeypatch.setattr(ClassifierTraining, "_loss", loss)
    list(resume(stopped))
    assert len(taken) == 10 + 10
    assert read_trajectory(stopped) == read_trajectory(whole)
    for mine, theirs in zip(weights_of(stopped), weights_of(whole), strict=True):
        assert all(torch.equal(v, theirs[k]) for k, v in mine.items())


def test_a_stop_on_a_full_disk_goes_on_from_the_checkpoint(
    in_folder_of_users_module, steps_taken, monkeypatch
):
    settings = tiny(epochs=2, checkpoints_per_epoch=1)
    whole = Run.create(in_folder_of_users_module / "whole", settings)
    list(resume(whole))
    stopped = Run.create(in_folder_of_users_module / "stopped", settings)
    steps_taken[1].append(10 + 7)

    def full(path, *_):
        if path == stopped.stopped_path:
            raise IsolossError(f"cannot write {path}: No space left on device")
        return save_tensors(path, *_)

    monkeypatch.setattr(training_run, "save_tensors", full)
    with pytest.raises(KeyboardInterrupt):
        list(resume(stopped))
    log, paused = [event for _, event in stopped.events()][-2:]
    assert isinstance(paused, Paused)
    assert log.message.startswith("it goes on from epoch 1, since cannot write ")
    list(resume(stopped))
    assert read_trajectory(stopped) == read_trajectory(whole)


def test_a_run_stopped_before_its_first_step_goes_on(in_folder_of_users_module):
    run = Run.create(in_folder_of_users_module / "run", tiny(epochs=1))
    steps = resume(run)
    next(event for event in steps if isinstance(event, Metric))
    steps.close()
    assert [p.epoch for p in read_trajectory(run)] == [0]
    events = list(resume(run))
    assert any("resuming at epoch 0" in e.message for e in events if isinstance(e, Log))
    assert run.is_done


def test_training_learns_and_reports(in_folder_of_users_module):
    run = Run.create(in_folder_of_users_module / "run", tiny(epochs=8, augment="none"))
    events = list(resume(run))
    curve = [e for e in events if isinstance(e, Metric)]
    assert curve[0].epoch == 0
    assert curve[-1].epoch == 8
    assert curve[-1].train_loss < 0.5 * curve[0].train_loss
    assert curve[-1].test_accuracy > 0.8
    assert any(isinstance(e, Progress) and e.done == e.total == 40 for e in events)
    points = read_trajectory(run)
    assert [p.checkpoint for p in points] == [f"{i:04d}.safetensors" for i in range(len(points))]
    assert all((run.checkpoints / p.checkpoint).exists() for p in points)
    assert not any(isinstance(e, Log) and "resuming" in e.message for e in events)


def test_step_schedule_is_the_papers():
    settings = tiny(lr=0.1, schedule="step")
    rates = [
        learning_rate(settings, epoch, 300) for epoch in (0, 149, 150, 224, 225, 274, 275, 299)
    ]
    np.testing.assert_allclose(rates, [0.1, 0.1, 1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4])


def test_cosine_schedule():
    settings = tiny(lr=0.2, schedule="cosine")
    assert learning_rate(settings, 0, 10) == 0.2
    assert learning_rate(settings, 5, 10) == pytest.approx(0.1)
    assert learning_rate(settings, 9, 10) == pytest.approx(0.1 * (1 + math.cos(0.9 * math.pi)))
    assert learning_rate(tiny(lr=0.2, schedule="constant"), 9, 10) == 0.2


def test_augmentation_is_a_shifted_window_one_image_at_a_time():
    images = torch.arange(6 * 2 * 5 * 7, dtype=torch.float32).view(6, 2, 5, 7) + 1
    shifted = augment(images, shift=2, mirror=True, seed=3)
    padded = torch.nn.functional.pad(images, (2, 2, 2, 2))
    flips = 0
    for image, source in zip(shifted, padded, strict=True):
        windows = [
            source[:, i : i + 5, j : j + 7] for i, j in itertools.product(range(5), range(5))
        ]
        plain = any(torch.equal(image, w) for w in windows)
        mirrored = any(torch.equal(image, w.flip(2)) for w in windows)
        assert plain or mirrored
        flips += mirrored and not plain
    assert 0 < flips < 6
    assert augment(images, 0, False, 0) is images


def test_what_cannot_be_trained_is_refused_before_anything_is_written(in_folder_of_users_module):
    from isoloss.work import prepare

    for changes, message in (
        ({"model": "nosuchnet"}, "no network 'nosuchnet'"),
        ({"model": "timm:resnet18x"}, "timm has no network"),
        ({"model": "torchvision:nothing"}, "no network"),
        ({"model": "tinyuser:nothing"}, "no 'nothing' in tinyuser"),
        ({"model": "nomodule:f"}, "cannot import"),
        ({"model": "tinyuser:not_a_network"}, "not a torch.nn.Module"),
        ({"model": "tinyuser:broken"}, "ValueError: two lines"),
        ({"data": "nosuchdata"}, "no data set"),
        ({"data": "tinyuser:wrong_data"}, "must return"),
        ({"data": "imagefolder:nowhere"}, "no file or folder"),
        ({"device": "cuda:99"}, "no device"),
    ):
        with pytest.raises(IsolossError, match=message) as caught:
            prepare(tiny(**changes))
        assert "\n" not in str(caught.value)
    assert {p.name for p in in_folder_of_users_module.iterdir()} <= {"tinyuser.py", "__pycache__"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": "digits"}, "does not take this data"),
        ({"model": "timm:vit_tiny_patch16_224", "data": "digits"}, "does not take this data"),
        ({"model": "tinyuser:too_narrow"}, "3\\) logits"),
        ({"data": "tinyuser:between_classes"}, "with one class index ≥ 0 for each"),
    ],
)
def test_a_network_and_data_that_do_not_fit_are_refused(
    in_folder_of_users_module, changes, message
):
    run = Run.create(in_folder_of_users_module / "run", tiny(**changes))
    with pytest.raises(IsolossError, match=message):
        list(resume(run))
    assert not run.is_done
    assert not run.checkpoints.exists()


def test_a_lone_last_sample_joins_the_batch_before_it(in_folder_of_users_module):
    run = Run.create(in_folder_of_users_module / "run", tiny(batch_size=4, epochs=1))
    list(resume(run))
    assert read_trajectory(run)[-1].step == 11  # 45 samples: ten batches of 4 and one of 5


def test_training_on_changed_data_is_refused(in_folder_of_users_module):
    run = Run.create(in_folder_of_users_module / "run", tiny())
    steps = resume(run)
    list(itertools.islice(steps, 4))
    steps.close()
    module = in_folder_of_users_module / "tinyuser.py"
    module.write_text(module.read_text().replace("manual_seed(0)", "manual_seed(1)"))
    sys.modules.pop("tinyuser")
    importlib.invalidate_caches()
    with pytest.raises(IsolossError, match="data changed"):
        list(resume(run))


def test_what_a_kill_left_half_written_is_removed(in_folder_of_users_module):
    run = Run.create(in_folder_of_users_module / "run", tiny(epochs=1))
    run.checkpoints.mkdir()
    (run.checkpoints / ".partial-abc.safetensors").write_bytes(b"half")
    list(resume(run))
    assert not list(run.folder.rglob(".partial-*"))


def test_a_done_run_whose_result_is_gone_is_carried_on(in_folder_of_users_module):
    run = Run.create(in_folder_of_users_module / "run", tiny(epochs=1))
    list(resume(run))
    assert run.is_done
    (run.checkpoints / "trajectory.json").unlink()
    assert not run.is_done
    list(resume(run))
    assert len(read_trajectory(run)) == 3


def test_a_damaged_resume_file_is_named(in_folder_of_users_module):
    run = Run.create(in_folder_of_users_module / "run", tiny())
    steps = resume(run)
    list(itertools.islice(steps, 3))
    steps.close()
    (run.checkpoints / "resume.safetensors").write_bytes(b"nothing")
    with pytest.raises(IsolossError, match=r"resume\.safetensors is damaged"):
        list(resume(run))
