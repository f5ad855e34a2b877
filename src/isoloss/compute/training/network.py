"""A trained network, loaded with the data it is evaluated on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from isoloss.compute.data.dataset import Dataset
from isoloss.compute.data.datasets import load_dataset
from isoloss.compute.data.imagenet_classes import CLASSES, as_imagenet, class_names
from isoloss.compute.data.in_words import in_words as about
from isoloss.compute.networks.checkpoints import load_into, saved_in
from isoloss.compute.networks.models import build_for_data, check_fits
from isoloss.compute.networks.normalized import Normalized
from isoloss.compute.networks.pretrained import classes_of, fetch_weights, framing_of
from isoloss.compute.networks.statistics import Statistics, in_words, others_than, statistics_for
from isoloss.compute.training.recorded_trajectory import TrajectoryPoint, read_trajectory
from isoloss.errors import IsolossError
from isoloss.paths import is_file, is_folder
from isoloss.run import Run
from isoloss.run_folder import is_run
from isoloss.settings import (
    ImportSettings,
    NetworkSettings,
    ProbeSettings,
    SharpnessSettings,
    TrainingSettings,
    TrainSettings,
)
from isoloss.settings.checkpoint_paths import CHECKPOINT_SUFFIXES, holds_checkpoints
from isoloss.settings.source import (
    Source,
    data_set,
    network_type,
    trained_network,
)


@dataclass(frozen=True)
class TrainedPath:
    """The checkpoints of a training run, in order, and what is known of each.

    Attributes:
        noise: σ of the noise that images got in training; None where nothing says it.
        of_several: whether training losses are those of many networks, along a path between two.
    """

    name: str
    checkpoints: list[Path]
    points: list[TrajectoryPoint]
    noise: float | None = None
    of_several: bool = False

    def each(self, n: int) -> TrainedPath:
        """That of each nth checkpoint, counted from the last, which stays."""
        checkpoints, points = self.checkpoints[::-n][::-1], self.points[::-n][::-1]
        return replace(self, checkpoints=checkpoints, points=points)


@dataclass(frozen=True)
class Network:
    """A trained network and the data it is evaluated on.

    Attributes:
        name: what it is built by, as a training run knows it.
        checkpoints: the network's own at the end; with a training run, all of its trajectory.
        path: the trajectory; None for a checkpoint file.
        other_statistics: of a checkpoint file, by what else than it is its images may have been
            normalized in its training, by what to ask for.
    """

    model: nn.Module
    dataset: Dataset
    name: str
    checkpoints: list[Path]
    path: TrainedPath | None = None
    other_statistics: Mapping[str, Statistics] = field(default_factory=dict[str, Statistics])

    @property
    def about_data(self) -> str:
        """The data in words, and how images are given to a network of which nothing says it."""
        said = about(self.dataset)
        return f"{said}; the network is given them {self.is_given}" if self.is_assumed else said

    @property
    def is_assumed(self) -> bool:
        """Whether nothing but what was asked for says how it is given its images."""
        return bool(self.other_statistics) and isinstance(self.model, Normalized)

    @property
    def is_given(self) -> str:
        """How it is given its images, in words."""
        return in_words(Statistics.of(self.model), self.dataset)

    @property
    def recorded(self) -> float:
        """The accuracy on the test images that its training has recorded; NaN where none has."""
        return math.nan if self.path is None else self.path.points[-1].test_accuracy


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
    dataset = data_for(name, settings, read)
    if classes_of(name) == CLASSES and _is_folder(dataset) and dataset.classes != class_names():
        dataset = as_imagenet(dataset)
    weights = fetch_weights(name, len(dataset.classes))
    model, dataset = filled(name, settings, dataset, weights)
    return Network(model, dataset, name, [weights])


def _of_file(settings: NetworkSettings, source: Path, read: bool) -> Network:
    assert settings.model is not None
    dataset = data_for(settings.model, settings, read)
    model, dataset = filled(settings.model, settings, dataset, source, settings.key)
    others = others_than(Statistics.of(model), settings.model, dataset)
    return Network(model, dataset, settings.model, [source], None, others)


def data_for(model: str, asked: NetworkSettings | ImportSettings, read: bool = True) -> Dataset:
    """The data that were asked for, as a network is to be given them."""
    assert asked.data is not None
    published = network_type(model).kind == "published"
    framing = framing_of(model, asked.image_size) if published else None
    return load_dataset(
        asked.data, asked.image_size, framing=framing, read=read, targets=asked.targets
    )


def filled(
    name: str, asked: NetworkSettings | TrainingSettings, dataset: Dataset, weights: Path,
    key: str | None = None,
) -> tuple[nn.Module, Dataset]:  # fmt: skip
    """A network with its weights, and the data with those classes that it knows: of a folder of
    some of ImageNet's, whatever they are called, all 1,000.

    Raises:
        IsolossError: if the weights cannot be read or do not fit.
    """
    saved = saved_in(weights)
    classifies = bool(dataset.classes) and asked.targets != "as given"
    is_asked_for = any(getattr(asked, field, None) for field in ("normalization", "mean"))

    def network(dataset: Dataset, stem: str) -> tuple[nn.Module, Dataset]:
        torch.manual_seed(asked.seed)
        statistics = statistics_for(name, asked, dataset)
        model = build_for_data(name, stem, dataset, statistics)
        load_into(model, saved, str(weights), key)
        if is_asked_for and statistics is not None and isinstance(model, Normalized):
            model.set_statistics(statistics.mean, statistics.std)  # the file may have others
        outputs = _check_fits(model, dataset, asked) if classifies else None
        return model, _as_told_apart(dataset, outputs)

    try:
        return network(dataset, asked.stem)
    except IsolossError as error:
        # A network of one's own for some classes of ImageNet knows no others.
        fewer = dataset.of_those_present() if classifies else dataset
        if len(fewer.classes) < len(dataset.classes):
            with suppress(IsolossError):
                return network(fewer, asked.stem)
        if classifies and _is_folder(dataset):
            with suppress(IsolossError):
                return network(as_imagenet(dataset), asked.stem)
        # A network of one's own has no stem that could be another.
        for other in () if network_type(name).kind == "function" else ("imagenet", "cifar"):
            with suppress(IsolossError):
                network(dataset, other)
                break
        else:
            raise
        raise IsolossError(f"{error}: it fits with --stem {other}") from error


def _as_told_apart(dataset: Dataset, outputs: int | None) -> Dataset:
    """The data as a network with so many outputs tells them apart: a folder's classes with the
    labels of ImageNet's, if they are called so; of others it is said which outputs are meant."""
    classes = len(dataset.classes)
    if outputs is None or not _is_folder(dataset) or dataset.classes == class_names():
        return dataset
    if outputs == CLASSES:
        with suppress(IsolossError):
            return as_imagenet(dataset)
    if outputs <= classes:
        return dataset
    found = f"the first {classes:,} of the network's {outputs:,} outputs taken for its classes"
    return replace(dataset, found=f"{dataset.found}, {found}")


def _is_folder(dataset: Dataset) -> bool:
    return data_set(dataset.name).kind == "imagefolder"


def _check_fits(
    model: nn.Module, dataset: Dataset, asked: NetworkSettings | TrainingSettings
) -> int | None:
    """Probes look for the logits themselves; an adversary does with one for two classes."""
    probed = isinstance(asked, ProbeSettings | SharpnessSettings)
    attacked = isinstance(asked, NetworkSettings) and not probed
    return check_fits(model, dataset, logits_alone=not probed, one_logit=attacked)


def _of_run(settings: NetworkSettings, source: Path, read: bool) -> Network:
    asked, path = load_path(source)
    if settings.model not in (None, asked.model):
        raise IsolossError(f"{source} is a training of {asked.model}: leave --model away")
    trained_on = _trained_on(asked, settings.data, source, read)
    model, trained_on = filled(asked.model, asked, trained_on, path.checkpoints[-1])
    dataset = trained_on
    if settings.data not in (None, asked.data) or settings.image_size is not None:
        # The network is evaluated on images of the size it knows, unless asked otherwise.
        size = settings.image_size or trained_on.train.shape[-1]
        dataset = load_dataset(
            settings.data or asked.data, size, read=read, targets=settings.targets
        )
    if not trained_on.classes and settings.targets == "classes":
        raise IsolossError(f"{source} tells no classes apart: it can be probed, not attacked")
    if dataset is not trained_on and trained_on.classes and settings.targets != "as given":
        _check_same_classes(trained_on, dataset)
        _check_fits(model, dataset, settings)
    return Network(model, dataset, asked.model, path.checkpoints, path)


def _trained_on(asked: TrainingSettings, data: str | None, source: Path, read: bool) -> Dataset:
    """What a network was trained on; where that is gone, the `data` it is now to be given."""

    def load(asked: TrainingSettings) -> Dataset:
        if isinstance(asked, ImportSettings):
            return data_for(asked.model, asked, read)
        # Trained on images as they were read, published or not.
        return load_dataset(asked.data, asked.image_size, read=read)

    try:
        return load(asked)
    except IsolossError as error:
        if data_set(asked.data).kind != "imagefolder":
            raise
        if data is None:
            raise IsolossError(
                f"the data that {source} was trained on: {error}; where they lie now: isoloss run "
                f"{source} --data DATA"
            ) from error
        return load(asked.model_copy(update={"data": data}))


def load_path(folder: Path) -> tuple[TrainingSettings, TrainedPath]:
    """What a classifier's training was asked for, and the trajectory it has left so far.

    Raises:
        IsolossError: if the folder holds no such run.
    """
    if is_file(folder):
        raise IsolossError(
            f"{folder} is no network: give a training run's folder, or a checkpoint "
            f"({', '.join(CHECKPOINT_SUFFIXES)})"
        )
    path = trained_network(folder).path
    if is_folder(path) and not is_run(path) and holds_checkpoints(path):
        raise IsolossError(
            f"{folder} is a folder of checkpoints: give one of them, or make a training run of "
            "all with 'isoloss import'"
        )
    run = Run.open(path)
    asked = run.settings
    if not isinstance(asked, TrainingSettings):
        raise IsolossError(f"{run.folder} is a {asked.kind} run: give a training run")
    if asked.task == "denoiser":
        raise IsolossError(f"{run.folder} has trained a {asked.task}: give a classifier's run")
    points = read_trajectory(run)
    if not points:
        raise IsolossError(
            f"{run.folder} has no checkpoints yet: train it with 'isoloss run {run.folder}'"
        )
    checkpoints = [run.checkpoints / p.checkpoint for p in points]
    noise = None if isinstance(asked, ImportSettings) else asked.noise
    is_path = isinstance(asked, TrainSettings) and asked.task == "path"
    return asked, TrainedPath(run.name, checkpoints, points, noise, is_path)


def _check_same_classes(trained_on: Dataset, dataset: Dataset) -> None:
    known, given = trained_on.classes, dataset.classes
    if len(known) != len(given):
        raise IsolossError(
            f"the network knows {len(known)} classes, {dataset.name} has {len(given)}"
        )
    if _is_folder(trained_on) and _is_folder(dataset) and known != given:
        first = next((a, b) for a, b in zip(known, given, strict=True) if a != b)
        raise IsolossError(
            f"the network's classes are not those of {dataset.name}: it has {first[1]!r} where the "
            f"network knows {first[0]!r}"
        )
