"""A trained network, loaded with the data it is evaluated on."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from isoloss.compute.data.dataset import Dataset
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.networks.checkpoints import State, load_into, load_state
from isoloss.compute.networks.models import build_for_data, check_fits
from isoloss.compute.networks.pretrained import fetch_weights, framing_of
from isoloss.compute.training.classifier import build_for
from isoloss.compute.training.recorded_trajectory import TrajectoryPoint, read_trajectory
from isoloss.errors import IsolossError
from isoloss.run import Run
from isoloss.settings import NetworkSettings, TrainSettings
from isoloss.settings.source import (
    CHECKPOINT_SUFFIXES,
    Source,
    data_set,
    network_type,
    trained_network,
)


@dataclass(frozen=True)
class TrainedPath:
    """The checkpoints of a training run, in order, and what is known of each."""

    name: str
    checkpoints: list[Path]
    points: list[TrajectoryPoint]


@dataclass(frozen=True)
class Network:
    """A trained network and the data it is evaluated on.

    Attributes:
        name: what it is built by, as a training run knows it.
        checkpoints: the network's own at the end; with a training run, all of its trajectory.
        path: the trajectory; None for a checkpoint file.
    """

    model: nn.Module
    dataset: Dataset
    name: str
    checkpoints: list[Path]
    path: TrainedPath | None = None


def load_network(
    settings: NetworkSettings, source: Source | None = None, *, read: bool = True
) -> Network:
    """Load data and a network.

    Args:
        source: which of `settings.networks`; by default the only one.
        read: whether to read all images of folders now (`load_dataset`).

    Raises:
        IsolossError: saying what is missing or does not fit.
    """
    source = source or settings.networks[0]
    if source.kind == "python":
        raise IsolossError(
            f"{source.text} is a network that a Python script has at hand: give a training run's "
            "folder or a checkpoint"
        )
    if source.kind == "published":
        return _published(settings, source.text, read)
    if source.kind == "checkpoint":
        return _of_file(settings, source.path, read)
    return _of_run(settings, source.path, read)


def _published(settings: NetworkSettings, name: str, read: bool) -> Network:
    dataset = _data_for(name, settings, read)
    weights = fetch_weights(name, len(dataset.classes))
    return _filled(settings, name, dataset, load_state(weights), weights)


def _of_file(settings: NetworkSettings, source: Path, read: bool) -> Network:
    state = load_state(source)
    assert settings.model is not None
    dataset = _data_for(settings.model, settings, read)
    try:
        return _filled(settings, settings.model, dataset, state, source)
    except IsolossError:
        # A network of one's own for some classes of ImageNet knows no others.
        fewer = dataset.of_those_present()
        if len(fewer.classes) == len(dataset.classes):
            raise
        with suppress(IsolossError):
            return _filled(settings, settings.model, fewer, state, source)
        raise


def _data_for(model: str, settings: NetworkSettings, read: bool) -> Dataset:
    """The data that were asked for, as a network is to be given them."""
    assert settings.data is not None
    published = network_type(model).kind == "published"
    framing = framing_of(model, settings.image_size) if published else None
    return load_dataset(settings.data, settings.image_size, framing=framing, read=read)


def _filled(
    settings: NetworkSettings, name: str, dataset: Dataset, state: State, weights: Path
) -> Network:
    model = build_for_data(name, settings.stem, dataset)
    load_into(model, state, str(weights))
    check_fits(model, dataset)
    return Network(model, dataset, name, [weights])


def _of_run(settings: NetworkSettings, source: Path, read: bool) -> Network:
    asked, path = load_path(source)
    if settings.model not in (None, asked.model):
        raise IsolossError(f"{source} is a training of {asked.model}: leave --model away")
    trained_on = load_dataset(asked.data, asked.image_size, read=read)
    dataset = trained_on
    if settings.data not in (None, asked.data) or settings.image_size is not None:
        # The network is evaluated on images of the size it knows, unless asked otherwise.
        size = settings.image_size or trained_on.train.shape[-1]
        dataset = load_dataset(settings.data or asked.data, size, read=read)
    _check_same_classes(trained_on, dataset)
    model = build_for(asked, trained_on)
    load_into(model, load_state(path.checkpoints[-1]), str(path.checkpoints[-1]))
    check_fits(model, dataset)
    return Network(model, dataset, asked.model, path.checkpoints, path)


def load_path(folder: Path) -> tuple[TrainSettings, TrainedPath]:
    """What a classifier's training was asked for, and the trajectory it has left so far.

    Raises:
        IsolossError: if the folder holds no such run.
    """
    if folder.is_file():
        raise IsolossError(
            f"{folder} is no network: give a training run's folder, or a checkpoint "
            f"({', '.join(CHECKPOINT_SUFFIXES)})"
        )
    run = Run.open(trained_network(folder).path)
    asked = run.settings
    if asked.kind != "train":
        raise IsolossError(f"{run.folder} is a {asked.kind} run: give a training run")
    if asked.task != "classifier":
        raise IsolossError(f"{run.folder} has trained a {asked.task}: give a classifier's run")
    points = read_trajectory(run)
    if not points:
        raise IsolossError(
            f"{run.folder} has no checkpoints yet: train it with 'isoloss run {run.folder}'"
        )
    return asked, TrainedPath(run.name, [run.checkpoints / p.checkpoint for p in points], points)


def _check_same_classes(trained_on: Dataset, dataset: Dataset) -> None:
    known, given = trained_on.classes, dataset.classes
    if len(known) != len(given):
        raise IsolossError(
            f"the network knows {len(known)} classes, {dataset.name} has {len(given)}"
        )
    folders = all(data_set(d.name).kind == "imagefolder" for d in (trained_on, dataset))
    if folders and known != given:
        first = next((a, b) for a, b in zip(known, given, strict=True) if a != b)
        raise IsolossError(
            f"the network's classes are not those of {dataset.name}: it has {first[1]!r} where the "
            f"network knows {first[0]!r}"
        )
