"""What is probed: a network with its data and, of a training run, its trajectory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from isoloss.compute.checkpoints import load_into, load_state
from isoloss.compute.classifier import build_for
from isoloss.compute.datasets import Dataset, load_dataset
from isoloss.compute.models import build_for_data, check_fits
from isoloss.compute.trajectory import TrajectoryPoint, read_trajectory
from isoloss.errors import IsolossError
from isoloss.run import Run
from isoloss.settings import CHECKPOINT_SUFFIXES, ProbeSettings, TrainSettings
from isoloss.shipped import located


@dataclass(frozen=True)
class TrainedPath:
    """The checkpoints of a training run, in order, and what is known of each."""

    name: str
    checkpoints: list[Path]
    points: list[TrajectoryPoint]


@dataclass(frozen=True)
class Subject:
    """A network at the end of its training.

    Attributes:
        network: its name, as a training run knows it.
        checkpoints: the network's own at the end; with a training run, all of its trajectory.
        path: the trajectory; None for a checkpoint file.
        also: the trajectories of other runs that are to be seen beside it.
        end: the checkpoint at the other end of an interpolation.
    """

    model: nn.Module
    dataset: Dataset
    network: str
    checkpoints: list[Path]
    path: TrainedPath | None = None
    also: tuple[TrainedPath, ...] = ()
    end: Path | None = None

    @property
    def paths(self) -> list[TrainedPath]:
        """All trajectories, the network's own first."""
        return [p for p in (self.path, *self.also) if p is not None]


def load_subject(settings: ProbeSettings) -> Subject:
    """Load data and network; refuses what cannot be probed before anything is written.

    Raises:
        IsolossError: saying what is missing or does not fit.
    """
    if settings.source.suffix in CHECKPOINT_SUFFIXES:
        return _of_file(settings)
    return _of_run(settings)


def _of_file(settings: ProbeSettings) -> Subject:
    state = load_state(settings.source)
    assert settings.model is not None
    assert settings.data is not None
    dataset = load_dataset(settings.data, settings.image_size)
    model = build_for_data(settings.model, settings.stem, dataset)
    load_into(model, state, str(settings.source))
    check_fits(model, dataset)
    return Subject(
        model, dataset, settings.model, [settings.source], end=_checked_end(settings, model)
    )


def _of_run(settings: ProbeSettings) -> Subject:
    asked, path = _trained(settings.source)
    trained_on = load_dataset(asked.data, asked.image_size)
    dataset = trained_on
    if settings.data not in (None, asked.data) or settings.image_size is not None:
        # The network is probed at the size it knows, unless asked otherwise.
        size = settings.image_size or trained_on.train.inputs.shape[-1]
        dataset = load_dataset(settings.data or asked.data, size)
    _check_same_classes(trained_on, dataset)
    model = build_for(asked, trained_on)
    load_into(model, load_state(path.checkpoints[-1]), str(path.checkpoints[-1]))
    check_fits(model, dataset)
    names = {path.name}
    also: list[TrainedPath] = []
    for folder in settings.also:
        _, other = _trained(folder)
        _check_same_architecture(model, other.checkpoints[-1])
        if other.name in names:
            raise IsolossError(f"two trajectories are called {other.name!r}: rename a run's folder")
        names.add(other.name)
        also.append(other)
    end = _checked_end(settings, model)
    return Subject(model, dataset, asked.model, path.checkpoints, path, tuple(also), end)


def _trained(folder: Path) -> tuple[TrainSettings, TrainedPath]:
    if folder.is_file():
        raise IsolossError(
            f"{folder} is no network: give a training run's folder, or a checkpoint "
            f"({', '.join(CHECKPOINT_SUFFIXES)})"
        )
    run = Run.open(located(folder))
    asked = run.settings
    if not isinstance(asked, TrainSettings):
        raise IsolossError(f"{run.folder} is a {asked.kind} run: give a training run")
    if asked.task != "classifier":
        raise IsolossError(f"{run.folder} has trained a {asked.task}: give a classifier's run")
    points = read_trajectory(run)
    if not points:
        raise IsolossError(
            f"{run.folder} has no checkpoints yet: train it with 'isoloss run {run.folder}'"
        )
    return asked, TrainedPath(run.name, [run.checkpoints / p.checkpoint for p in points], points)


def _checked_end(settings: ProbeSettings, model: nn.Module) -> Path | None:
    if settings.to is None:
        return None
    file = settings.to.suffix in CHECKPOINT_SUFFIXES
    end = settings.to if file else _trained(settings.to)[1].checkpoints[-1]
    _check_same_architecture(model, end)
    return end


def _check_same_architecture(model: nn.Module, checkpoint: Path) -> None:
    own = {k: v.clone() for k, v in model.state_dict().items()}
    load_into(model, load_state(checkpoint), str(checkpoint))
    model.load_state_dict(own)


def _check_same_classes(trained_on: Dataset, dataset: Dataset) -> None:
    known, given = trained_on.classes, dataset.classes
    if len(known) != len(given):
        raise IsolossError(
            f"the network knows {len(known)} classes, {dataset.name} has {len(given)}"
        )
    folders = all(d.name.startswith("imagefolder:") for d in (trained_on, dataset))
    if folders and known != given:
        first = next((a, b) for a, b in zip(known, given, strict=True) if a != b)
        raise IsolossError(
            f"the network's classes are not those of {dataset.name}: it has {first[1]!r} where the "
            f"network knows {first[0]!r}"
        )
