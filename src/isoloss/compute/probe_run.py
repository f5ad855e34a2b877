"""Carry a probe run on: from a trained network to its surface and trajectory as PLY files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from isoloss.compute.checkpoints import digest, load_into, load_state
from isoloss.compute.datasets import Dataset, load_dataset
from isoloss.compute.device import choose_device
from isoloss.compute.models import build_for_data, check_fits
from isoloss.compute.pace import Pace
from isoloss.compute.planes import Plane, check_enough, pca_plane, random_plane
from isoloss.compute.probing import Evaluator, corners, describe, fill
from isoloss.compute.training import TrajectoryPoint, build_for, read_trajectory
from isoloss.errors import IsolossError
from isoloss.events import Event, Log
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.ply import save_surface_ply, save_trajectory_ply
from isoloss.geometry.trajectory import Trajectory
from isoloss.run import Run
from isoloss.settings import CHECKPOINT_SUFFIXES, ProbeSettings, TrainSettings

# A PCA plane's range goes this share of the path's extent beyond it on either side.
MARGIN = 0.25


@dataclass
class Probing:
    """A probe run with its network, data and trajectory at hand.

    Attributes:
        checkpoints: the network's own at the end; with a training run, all of its trajectory.
        points: what is known of each checkpoint; empty for a checkpoint file.
    """

    settings: ProbeSettings
    dataset: Dataset
    model: nn.Module
    network: str
    checkpoints: list[Path]
    points: list[TrajectoryPoint]
    device: torch.device

    @classmethod
    def prepare(cls, settings: ProbeSettings) -> Probing:
        """Load data and network; refuses what cannot be probed before anything is written."""
        device = choose_device(settings.device)
        if settings.source.suffix in CHECKPOINT_SUFFIXES:
            return cls._of_file(settings, device)
        return cls._of_run(settings, device)

    @classmethod
    def _of_file(cls, settings: ProbeSettings, device: torch.device) -> Probing:
        state = load_state(settings.source)
        assert settings.model is not None
        assert settings.data is not None
        dataset = load_dataset(settings.data, settings.image_size)
        model = build_for_data(settings.model, settings.stem, dataset)
        load_into(model, state, str(settings.source))
        check_fits(model, dataset)
        return cls(settings, dataset, model, settings.model, [settings.source], [], device)

    @classmethod
    def _of_run(cls, settings: ProbeSettings, device: torch.device) -> Probing:
        if settings.source.is_file():
            raise IsolossError(
                f"{settings.source} is no network: give a training run's folder, or a checkpoint "
                f"({', '.join(CHECKPOINT_SUFFIXES)})"
            )
        source = Run.open(settings.source)
        asked = source.settings
        if not isinstance(asked, TrainSettings):
            raise IsolossError(f"{source.folder} is a {asked.kind} run: give a training run")
        points = read_trajectory(source)
        if not points:
            raise IsolossError(
                f"{source.folder} has no checkpoints yet: train it with 'isoloss run "
                f"{source.folder}'"
            )
        if settings.plane == "pca":
            check_enough(len(points))
        trained_on = load_dataset(asked.data, asked.image_size)
        dataset = trained_on
        if settings.data not in (None, asked.data) or settings.image_size is not None:
            # The network is probed at the size it knows, unless asked otherwise.
            size = settings.image_size or trained_on.train.inputs.shape[-1]
            dataset = load_dataset(settings.data or asked.data, size)
        _check_same_classes(trained_on, dataset)
        model = build_for(asked, trained_on)
        checkpoints = [source.checkpoints / p.checkpoint for p in points]
        load_into(model, load_state(checkpoints[-1]), str(checkpoints[-1]))
        check_fits(model, dataset)
        return cls(settings, dataset, model, asked.model, checkpoints, points, device)

    def carry_on(self, run: Run) -> Iterator[Event]:
        """Cut the plane, evaluate what is missing of the surface, write the meshes."""
        settings = self.settings
        run.check_unchanged(
            weights=digest(self._used_checkpoints()),
            data=self.dataset.digest(),
            settings=hashlib.sha256(
                settings.model_dump_json(exclude_defaults=True).encode()
            ).hexdigest(),
        )
        plane = self._plane(run)
        path = plane.locate(self.checkpoints) if plane.kind == "pca" else None
        axes = self._axes(None if path is None else path[0])

        split = self.dataset.split(settings.split)
        sample = split.sample(settings.samples, settings.seed).to(self.device)
        batches = list(sample.batches(settings.batch_size))
        evaluator = Evaluator(self.model, plane, batches, None, self.device)
        if GrowingSurface.exists(run.growing_path):
            growing = GrowingSurface.open(run.growing_path, writable=True)
            evaluator.bf16 = growing.meta["precision"] == "bf16"
        else:
            error = evaluator.choose_precision(settings.precision, corners(*axes))
            meta = {
                "run": run.name,
                "model": self.network,
                "data": self.dataset.name,
                "split": settings.split,
                "samples": len(sample),
                "seed": settings.seed,
                "normalize": settings.normalize if plane.kind == "random" else None,
                "range": [[float(a[0]), float(a[-1])] for a in axes],
                **describe(plane, evaluator, error),
            }
            growing = GrowingSurface.create(run.growing_path, *axes, len(split), True, meta)
            yield Log(
                f"{settings.plane} plane, {len(axes[0])}×{len(axes[1])} points, {len(sample)} of "
                f"{len(split)} {settings.split} samples, {meta['precision']}"
            )
        yield from fill(growing, evaluator)

        surface = growing.snapshot()
        if path is not None:
            trajectory = yield from self._trajectory(evaluator, *path, surface.meta)
            save_trajectory_ply(trajectory, run.trajectory_path, surface)
        save_surface_ply(surface, run.surface_path)

    def _plane(self, run: Run) -> Plane:
        if run.plane_path.exists():
            return Plane.load(run.plane_path)
        if self.settings.plane == "pca":
            plane = pca_plane(self.model, self.checkpoints)
        else:
            plane = random_plane(self.model, self.settings.seed, self.settings.normalize)
        plane.save(run.plane_path)
        return plane

    def _axes(
        self, path: NDArray[np.float64] | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The grid's coordinates: as asked, else all of the path with a margin, else [−1, 1]."""
        axes: list[NDArray[np.float64]] = []
        asked = (self.settings.alpha_range, self.settings.beta_range)
        for k, (given, points) in enumerate(zip(asked, self.settings.grid, strict=True)):
            low, high = (-1.0, 1.0)
            if path is not None:
                low, high = float(path[:, k].min()), float(path[:, k].max())
                margin = MARGIN * (high - low)
                low, high = low - margin, high + margin
            axes.append(np.linspace(*(given or (low, high)), points))
        return axes[0], axes[1]

    def _trajectory(
        self,
        evaluator: Evaluator,
        coordinates: NDArray[np.float64],
        distances: NDArray[np.float64],
        meta: dict[str, Any],
    ) -> Iterator[Any]:
        """Each checkpoint's own loss on the surface's samples, yielding progress."""
        losses: list[float] = []
        pace = Pace("path", len(self.checkpoints), "checkpoints")
        for checkpoint in self.checkpoints:
            evaluator.load(load_state(checkpoint))
            result = evaluator.evaluate()
            losses.append(result.loss_sum / result.count)
            if (event := pace.at(len(losses))) is not None:
                yield event
        return Trajectory(
            coordinates[:, 0],
            coordinates[:, 1],
            np.array(losses),
            distances,
            np.array([p.epoch for p in self.points]),
            np.array([p.lr for p in self.points]),
            meta,
        )

    def _used_checkpoints(self) -> Sequence[Path]:
        return self.checkpoints if self.settings.plane == "pca" else self.checkpoints[-1:]


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
