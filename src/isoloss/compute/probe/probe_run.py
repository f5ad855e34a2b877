"""A probe as a run: from a trained network to its surface and trajectories as files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch

from isoloss.compute.data.reading import GivenBatches
from isoloss.compute.diagnostics.checks import alarms
from isoloss.compute.engine.checkpoint_losses import CheckpointLosses
from isoloss.compute.engine.schedule import carry_out
from isoloss.compute.machine.device import choose_device
from isoloss.compute.machine.process_group import Ranks
from isoloss.compute.machine.torchrun_group import process_group
from isoloss.compute.machine.user_code import import_user_function
from isoloss.compute.networks.checkpoints import digest
from isoloss.compute.planes.plane import Plane, PlaneInputs, build, surrounding
from isoloss.compute.probe.probed_data import ProbedData
from isoloss.compute.probe.probed_network import ProbedNetwork, load_probed_network
from isoloss.compute.probe.surface_probing import (
    CALIBRATION_SAMPLES,
    Request,
    SurfaceProbing,
    recalibration_batches,
)
from isoloss.compute.training.network import Network, TrainedPath
from isoloss.errors import IsolossError
from isoloss.events import Event, Log, Progress
from isoloss.files import write_atomic
from isoloss.geometry.arrays import Array
from isoloss.geometry.centre import centre_in_words
from isoloss.geometry.ensemble import ensemble
from isoloss.geometry.files.ply import save_trajectory_ply
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.run import Run
from isoloss.settings import ProbeSettings

# Of the checkpoints of a trajectory: (n, 2) coordinates and (n,) distances from the plane.
Located = tuple[Array, Array]


@dataclass(frozen=True)
class Probing:
    """A probe run with what it probes at hand."""

    settings: ProbeSettings
    probed: ProbedNetwork
    data: ProbedData
    device: torch.device

    @classmethod
    def prepare(cls, settings: ProbeSettings) -> Probing:
        """Load data and network; refuses what cannot be probed before anything is written."""
        device = Ranks.current().own(choose_device(settings.device))
        probed = load_probed_network(settings)
        settings.plane_kind.check_enough(sum(len(path.checkpoints) for path in probed.paths))
        data = _data(settings, probed.network, settings.split, device)
        return cls(settings, probed, data, device)

    def resume(self, run: Run) -> Iterator[Event]:
        """Cut the plane, evaluate what is missing of the surface, write what came out."""
        settings = self.settings
        run.check_unchanged(**self._depends_on())
        population = self.data.population
        seen = min(self.data.limit(settings.samples) or population, population)
        grid = "×".join(map(str, (settings.points,) if settings.is_curve else settings.grid))
        yield Log(
            f"{settings.plane}, {grid} points, {seen} of {population} {settings.split} "
            f"{settings.loss_of}"
        )
        surface = yield from (self._mean(run) if settings.planes > 1 else self._single(run))
        if (recorded := self._recorded()) is not None:
            surface.meta["centre"]["recorded"] = recorded
        yield Log(f"at the centre: {centre_in_words(surface)}")
        for alarm in alarms(surface):
            yield Log(alarm)
        if settings.is_curve:
            surface.save(run.curve_path.with_suffix(".csv"))
            surface.save(run.curve_path)
        else:
            surface.save(run.surface_path)

    def serve(self, run: Run) -> None:
        """Help the process that resumes the run, from another one."""
        for k in range(self.settings.planes):
            # Rank 0 has then written the plane, and what the surface depends on.
            axes = json.loads(process_group().broadcast("axes"))
            if k == 0 and run.environment["depends_on"] != self._depends_on():
                raise IsolossError(
                    f"the network or the data here are not those rank 0 has in {run.folder}"
                )
            plane = self._plane(run, k)
            probing = SurfaceProbing(self._request(run, plane, axes, k), None)
            probing.serve(process_group())
            for path in self._shown():
                process_group().serve(self._losses(path, probing, None).work)

    def _single(self, run: Run) -> Iterator[Any]:
        """The surface over one plane, and the trajectories it shows."""
        plane = self._plane(run, 0)
        shown = self._shown()
        located = self._located(run, plane, shown) if shown else []
        axes = self._broadcast(self._axes([coordinates for coordinates, _ in located]))
        probing = SurfaceProbing(self._request(run, plane, axes), run.growing_path)
        yield from probing.steps(process_group())
        surface = probing.growing.snapshot()
        trajectories: list[Trajectory] = []
        for k, (path, where) in enumerate(zip(shown, located, strict=True)):
            losses = self._losses(path, probing, run.growing_path / f"path{k}")
            yield from carry_out(losses, losses.rounds(), process_group(), 1, "path")
            process_group().release()
            loss = losses.growing.snapshot().loss[:, 0]
            trajectories.append(_trajectory(path, where, loss, surface.meta))
        for k, trajectory in enumerate(trajectories):
            name = trajectory.meta["name"] if k else None
            save_trajectory_ply(trajectory, run.trajectory_path(name), surface)
        probing.diagnose(surface, trajectories)
        return surface

    def _mean(self, run: Run) -> Iterator[Any]:
        """The mean surface over several random planes, and its spread.

        Each plane has a surface of its own below the one that is shown, their mean so far.
        """
        surfaces: list[Surface] = []
        for k in range(self.settings.planes):
            plane, axes = self._plane(run, k), self._broadcast(self._axes([]))
            request = self._request(run, plane, axes, k)
            if surfaces:  # all planes in the precision that was found good enough for the first
                request = replace(request, precision=surfaces[0].meta["precision"])
            probing = SurfaceProbing(request, run.growing_path / f"{k}")
            for event in probing.steps(process_group()):
                if isinstance(event, Progress):
                    self._show(run, [*surfaces, probing.growing.snapshot()])
                    event = self._over_all_planes(event, k)
                yield event
            surfaces.append(probing.growing.snapshot())
        self._show(run, surfaces)
        mean = ensemble(surfaces)
        probing.diagnose(mean, planes=self.settings.planes)
        return mean

    def _show(self, run: Run, surfaces: list[Surface]) -> None:
        mean = ensemble(surfaces)
        if GrowingSurface.exists(run.growing_path):
            shown = GrowingSurface.open(run.growing_path, writable=True)
        else:
            classifier = bool(np.isfinite(mean.accuracy).any())
            axes = mean.alpha, mean.beta
            shown = GrowingSurface.create(
                run.growing_path, *axes, int(mean.count.max()), classifier, mean.meta
            )
        for i, j in zip(*np.nonzero(mean.computed), strict=True):
            loss, accuracy, stderr = (
                float(a[i, j]) for a in (mean.loss, mean.accuracy, mean.loss_stderr)
            )
            shown.put((int(i), int(j)), loss, accuracy, stderr, int(mean.count[i, j]))

    def _over_all_planes(self, event: Progress, finished: int) -> Progress:
        total = event.total * self.settings.planes
        return Progress(
            event.stage, event.total * finished + event.done, total, event.rate, event.unit
        )

    def _broadcast(self, axes: tuple[Array, Array]) -> tuple[Array, Array]:
        """The grid's coordinates, broadcast to the other processes; the plane is there by now."""
        process_group().broadcast("axes", json.dumps([a.tolist() for a in axes]).encode())
        return axes

    def _shown(self) -> list[TrainedPath]:
        """The trajectories that are shown with the surface."""
        return self.probed.paths if self.settings.plane_kind.needs_trajectory else []

    def _plane(self, run: Run, k: int) -> Plane:
        settings, probed = self.settings, self.probed
        trajectories = tuple(path.checkpoints for path in self._shown())
        inputs = PlaneInputs(
            probed.network.model, settings, settings.seed + k, trajectories, probed.end
        )
        if settings.planes > 1:
            # Quicker built anew than kept: each would take three times the network's size.
            return build(inputs)
        if run.plane_path.exists():
            return Plane.load(run.plane_path)
        plane = build(inputs)
        plane.save(run.plane_path)
        return plane

    def _axes(self, paths: list[Array]) -> tuple[Array, Array]:
        """The grid's coordinates: as asked, else all of the paths with a margin, else the usual.

        Args:
            paths: (n, 2) coordinates of each trajectory that is to be seen.
        """
        settings = self.settings
        asked = [settings.alpha_range, settings.beta_range]
        usual = (settings.plane_kind.usual_range,) * 2
        if paths:
            usual = surrounding(np.concatenate(paths))
        points = (settings.points,) if settings.is_curve else settings.grid
        axes = [
            np.linspace(*(given or default), n)
            for given, default, n in zip(asked, usual, points, strict=False)
        ]
        return axes[0], np.zeros(1) if settings.is_curve else axes[1]

    def _request(self, run: Run, plane: Plane, axes: Any, k: int = 0) -> Request:
        """What is asked of the surface over plane number `k`, which has an order of the samples of
        its own: what chance does to one plane it does not do to the others."""
        settings, dataset = self.settings, self.probed.network.dataset
        calibration = None
        if settings.batch_norm == "recalibrated":
            train = _data(settings, self.probed.network, "train", self.device)
            few = train.shuffled(settings.seed, self.device, CALIBRATION_SAMPLES)
            calibration = recalibration_batches(few)
        alpha, beta = (np.asarray(a, np.float64) for a in axes)
        return Request(
            model=self.probed.network.model,
            plane=plane,
            axes=(alpha, beta),
            data=self.data.shuffled(settings.seed + k, self.device, settings.samples),
            population=self.data.population,
            device=self.device,
            loss=self.data.loss,
            precision=settings.precision,
            tolerance=settings.tolerance,
            batch_size=settings.batch_size,
            points_at_once=settings.points_at_once,
            calibration=calibration,
            meta={
                "run": run.name,
                "model": self.probed.network.name,
                "data": dataset.name,
                "classes": len(dataset.classes),
                "split": settings.split,
                "seed": settings.seed,
                "plane": plane.kind,
                "planes": settings.planes,
                "normalize": settings.normalize if settings.plane_kind.takes("normalize") else None,
                "batch_norm": settings.batch_norm,
                "range": [[float(a[0]), float(a[-1])] for a in (alpha, beta)],
                **self._ends(),
            },
        )

    def _ends(self) -> dict[str, str]:
        """The names of the two networks of an interpolation."""
        end = self.settings.to
        return {} if end is None else {"start": self.settings.source.stem, "end": end.stem}

    def _located(self, run: Run, plane: Plane, paths: list[TrainedPath]) -> list[Located]:
        """Where each trajectory's checkpoints lie; all of them are read for it, once."""
        kept = run.growing_path / "located.npz"
        with suppress(OSError, ValueError, KeyError, EOFError, BadZipFile), np.load(kept) as held:
            return [(held[f"places{k}"], held[f"distances{k}"]) for k in range(len(paths))]
        found = [plane.locate(path.checkpoints) for path in paths]
        both: Any = {f"places{k}": places for k, (places, _) in enumerate(found)}
        both |= {f"distances{k}": distances for k, (_, distances) in enumerate(found)}
        write_atomic(kept, lambda target: np.savez(target, **both))
        return found

    def _losses(
        self, path: TrainedPath, probing: SurfaceProbing, folder: Path | None
    ) -> CheckpointLosses:
        """The checkpoints' own losses, known as well as the surface is."""
        tolerance, known = self.settings.tolerance, probing.growing.snapshot().loss
        known = known[np.isfinite(known)]
        error = 0.0 if tolerance is None or not known.size else tolerance * float(np.ptp(known))
        return CheckpointLosses(
            path.checkpoints, probing.evaluator, len(probing.evaluator.data),
            probing.growing.population, error, folder,
        )  # fmt: skip

    def _recorded(self) -> dict[str, float] | None:
        """What the network's training has recorded of the same split at its end."""
        settings, path = self.settings, self.probed.network.path
        same = settings.data is None and settings.image_size is None and settings.loss is None
        if path is None or not same:
            return None
        last = path.points[-1]
        if settings.split == "train":
            return {"loss": last.loss, "accuracy": last.accuracy}
        return {"loss": last.test_loss, "accuracy": last.test_accuracy}

    def _depends_on(self) -> dict[str, str]:
        """Hashes of all that the surface depends on."""
        asked = self.settings.model_dump_json(exclude_defaults=True)
        return {
            "weights": digest(self._used_checkpoints()),
            "data": self.probed.network.dataset.digest(),
            "settings": hashlib.sha256(asked.encode()).hexdigest(),
        }

    def _used_checkpoints(self) -> list[Path]:
        if self.settings.plane_kind.needs_trajectory:
            return [c for path in self.probed.paths for c in path.checkpoints]
        ends = [] if self.probed.end is None else [self.probed.end]
        return [self.probed.network.checkpoints[-1], *ends]


def _data(
    settings: ProbeSettings, network: Network, split: str, device: torch.device
) -> ProbedData:
    part = network.dataset.split(split)
    loss = None if settings.loss is None else import_user_function(settings.loss)
    given = GivenBatches(part.held(), len(part), part.in_batches)
    return ProbedData.of(
        given, loss, network.model, device,
        per_batch=settings.loss_of == "batches", name=settings.loss,
        batch_size=settings.batch_size, seed=settings.seed,
    )  # fmt: skip


def _trajectory(
    path: TrainedPath, located: Located, losses: Array, meta: dict[str, Any]
) -> Trajectory:
    coordinates, distances = located
    return Trajectory(
        coordinates[:, 0],
        coordinates[:, 1],
        losses,
        distances,
        np.array([p.epoch for p in path.points]),
        np.array([p.lr for p in path.points]),
        {**meta, "name": path.name},
    )
