"""Carry a probe run on: from a trained network to its surface and trajectories as files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from isoloss.compute.checkpoints import digest, load_state
from isoloss.compute.device import choose_device
from isoloss.compute.doctor import diagnose
from isoloss.compute.evaluator import Evaluator
from isoloss.compute.network import TrainedPath
from isoloss.compute.pace import Pace
from isoloss.compute.planes import (
    Plane,
    check_enough,
    interpolation,
    line,
    pca_plane,
    random_plane,
    surrounding,
)
from isoloss.compute.pool import Pool
from isoloss.compute.probing import (
    CALIBRATION_SAMPLES,
    Request,
    SurfaceProbing,
    recalibration_batches,
)
from isoloss.compute.ranks import Ranks, team
from isoloss.compute.subject import Subject, load_subject
from isoloss.errors import IsolossError
from isoloss.events import Event, Log, Progress
from isoloss.geometry.ensemble import ensemble
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.ply import save_trajectory_ply
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.run import Run
from isoloss.settings import ProbeSettings

Array = NDArray[np.float64]
# The network's own loss is measured in fp32 on so many of the samples.
OWN_LOSS_SAMPLES = 2048


@dataclass(frozen=True)
class Probing:
    """A probe run with what it probes at hand."""

    settings: ProbeSettings
    subject: Subject
    device: torch.device

    @classmethod
    def prepare(cls, settings: ProbeSettings) -> Probing:
        """Load data and network; refuses what cannot be probed before anything is written."""
        device = Ranks.current().own(choose_device(settings.device))
        subject = load_subject(settings)
        if settings.plane == "pca":
            check_enough(sum(len(path.checkpoints) for path in subject.paths))
        return cls(settings, subject, device)

    def carry_on(self, run: Run) -> Iterator[Event]:
        """Cut the plane, evaluate what is missing of the surface, write what came out."""
        settings = self.settings
        run.check_unchanged(**self._depends_on())
        split = self.subject.network.dataset.split(settings.split)
        seen = min(settings.samples or len(split), len(split))
        grid = "×".join(map(str, (settings.points,) if settings.is_curve else settings.grid))
        yield Log(
            f"{settings.plane}, {grid} points, {seen} of {len(split)} {settings.split} samples"
        )
        surface = yield from (self._mean(run) if settings.planes > 1 else self._single(run))
        for finding in surface.meta["findings"]:
            if finding["level"] != "ok":
                yield Log(f"{finding['level']}: {finding['message']}")
        if settings.is_curve:
            surface.save(run.curve_path.with_suffix(".csv"))
            surface.save(run.curve_path)
        else:
            surface.save(run.surface_path)

    def serve(self, run: Run) -> None:
        """Help the process that carries the run on, from another one."""
        for k in range(self.settings.planes):
            # Rank 0 has then written the plane, and what the surface depends on.
            axes = json.loads(team().share("axes"))
            if k == 0 and run.environment["depends_on"] != self._depends_on():
                raise IsolossError(
                    f"the network or the data here are not those rank 0 has in {run.folder}"
                )
            plane = self._plane(run, k)
            SurfaceProbing(self._request(run, plane, axes), None).serve(team())

    def _single(self, run: Run) -> Iterator[Any]:
        """The surface over one plane, and the trajectories it shows."""
        plane = self._plane(run, 0)
        shown = self.subject.paths if plane.kind == "pca" else []
        located = [plane.locate(path.checkpoints) for path in shown]
        axes = self._told(self._axes([coordinates for coordinates, _ in located]))
        probing = SurfaceProbing(self._request(run, plane, axes), run.growing_path)
        yield from probing.steps(team())
        surface = probing.growing.snapshot()
        trajectories: list[Trajectory] = []
        for path, where in zip(shown, located, strict=True):
            trajectory = yield from self._trajectory(probing.evaluator, path, where, surface.meta)
            trajectories.append(trajectory)
        for k, trajectory in enumerate(trajectories):
            name = trajectory.meta["name"] if k else None
            save_trajectory_ply(trajectory, run.trajectory_path(name), surface)
        own = self._own_loss(run, plane, axes, probing.evaluator, surface)
        findings = diagnose(surface, plane, own_loss=own, trajectories=trajectories)
        surface.meta["findings"] = [asdict(f) for f in findings]
        return surface

    def _mean(self, run: Run) -> Iterator[Any]:
        """The mean surface over several random planes, and its spread.

        Each plane has a surface of its own below the one that is shown, their mean so far.
        """
        surfaces: list[Surface] = []
        for k in range(self.settings.planes):
            plane, axes = self._plane(run, k), self._told(self._axes([]))
            request = self._request(run, plane, axes)
            if surfaces:  # all planes in the precision that was found good enough for the first
                request = replace(request, precision=surfaces[0].meta["precision"])
            probing = SurfaceProbing(request, run.growing_path / f"{k}")
            for event in probing.steps(team()):
                if isinstance(event, Progress):
                    self._show(run, [*surfaces, probing.growing.snapshot()])
                    event = self._over_all_planes(event, k)
                yield event
            surfaces.append(probing.growing.snapshot())
        self._show(run, surfaces)
        mean = ensemble(surfaces)
        own = self._own_loss(run, plane, axes, probing.evaluator, mean)
        mean.meta["findings"] = [
            asdict(f) for f in diagnose(mean, plane, own_loss=own, trajectories=[])
        ]
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

    def _told(self, axes: tuple[Array, Array]) -> tuple[Array, Array]:
        """The grid's coordinates, told to the other processes; the plane is there by now."""
        team().share("axes", json.dumps([a.tolist() for a in axes]).encode())
        return axes

    def _plane(self, run: Run, k: int) -> Plane:
        settings, model = self.settings, self.subject.network.model
        if settings.planes > 1:
            # Quicker drawn anew than kept: each would take three times the network's size.
            return random_plane(model, settings.seed + k, settings.normalize)
        if run.plane_path.exists():
            return Plane.load(run.plane_path)
        match settings.plane:
            case "pca":
                first, *others = (path.checkpoints for path in self.subject.paths)
                plane = pca_plane(model, first, *others)
            case "random":
                plane = random_plane(model, settings.seed, settings.normalize)
            case "line":
                plane = line(model, settings.seed, settings.normalize)
            case "interpolate":
                assert self.subject.end is not None
                plane = interpolation(model, self.subject.network.checkpoints[-1], self.subject.end)
        plane.save(run.plane_path)
        return plane

    def _axes(self, paths: list[Array]) -> tuple[Array, Array]:
        """The grid's coordinates: as asked, else all of the paths with a margin, else the usual.

        Args:
            paths: (n, 2) coordinates of each trajectory that is to be seen.
        """
        settings = self.settings
        asked = [settings.alpha_range, settings.beta_range]
        usual: list[tuple[float, float]] = [(-1.0, 1.0), (-1.0, 1.0)]
        if settings.plane == "interpolate":
            usual[0] = (-0.5, 1.5)
        if paths:
            usual = list(surrounding(np.concatenate(paths)))
        points = (settings.points,) if settings.is_curve else settings.grid
        axes = [
            np.linspace(*(given or default), n)
            for given, default, n in zip(asked, usual, points, strict=False)
        ]
        return axes[0], np.zeros(1) if settings.is_curve else axes[1]

    def _request(self, run: Run, plane: Plane, axes: Any) -> Request:
        settings, dataset = self.settings, self.subject.network.dataset
        split = dataset.split(settings.split)
        calibration = None
        if settings.batch_norm == "recalibrated":
            n = CALIBRATION_SAMPLES
            train = Pool.of_split(dataset.train, n, settings.seed, self.device)
            calibration = recalibration_batches(train)
        alpha, beta = (np.asarray(a, np.float64) for a in axes)
        return Request(
            model=self.subject.network.model,
            plane=plane,
            axes=(alpha, beta),
            pool=Pool.of_split(split, settings.samples, settings.seed, self.device),
            population=len(split),
            device=self.device,
            precision=settings.precision,
            tolerance=settings.tolerance,
            batch_size=settings.batch_size,
            points_at_once=settings.points_at_once,
            calibration=calibration,
            meta={
                "run": run.name,
                "model": self.subject.network.name,
                "data": dataset.name,
                "classes": len(dataset.classes),
                "split": settings.split,
                "seed": settings.seed,
                "plane": plane.kind,
                "planes": settings.planes,
                "normalize": settings.normalize if plane.kind in ("random", "line") else None,
                "batch_norm": settings.batch_norm,
                "range": [[float(a[0]), float(a[-1])] for a in (alpha, beta)],
                **self._ends(),
            },
        )

    def _ends(self) -> dict[str, str]:
        """The names of the two networks of an interpolation."""
        end = self.settings.to
        return {} if end is None else {"start": self.settings.source.stem, "end": end.stem}

    def _trajectory(
        self,
        evaluator: Evaluator,
        path: TrainedPath,
        located: tuple[Array, Array],
        meta: dict[str, Any],
    ) -> Iterator[Any]:
        """Each checkpoint's own loss on the surface's samples, yielding progress."""
        losses: list[float] = []
        pace = Pace("path", len(path.checkpoints), "checkpoints")
        for checkpoint in path.checkpoints:
            evaluator.load(load_state(checkpoint))
            losses.append(evaluator.mean_loss(len(evaluator.pool)))
            if (event := pace.at(len(losses))) is not None:
                yield event
        coordinates, distances = located
        return Trajectory(
            coordinates[:, 0],
            coordinates[:, 1],
            np.array(losses),
            distances,
            np.array([p.epoch for p in path.points]),
            np.array([p.lr for p in path.points]),
            {**meta, "name": path.name},
        )

    def _own_loss(
        self, run: Run, plane: Plane, axes: Any, evaluator: Evaluator, surface: Surface
    ) -> float | None:
        """The loss of the network as it came, in fp32 and with nothing folded, on the samples that
        the centre of the surface has seen; None where the surface has no centre.

        Of many samples only the first are measured both ways, and the difference is taken over.
        """
        here = np.argwhere(
            (np.abs(surface.alpha)[:, None] < 1e-12) & (np.abs(surface.beta) < 1e-12)
        )
        if len(here) == 0 or self.settings.batch_norm == "recalibrated":
            return None
        i, j = (int(k) for k in here[0])
        plain = Evaluator(
            self.subject.network.model, plane, evaluator.pool, None, self.device,
            batch_size=evaluator.batch_size, fold=False,
        )  # fmt: skip
        count = int(surface.count[i, j]) // self.settings.planes
        last = min(count, OWN_LOSS_SAMPLES)
        own = plain.mean_loss(last)
        if last == count and self.settings.tolerance is None:
            return own
        evaluator.move_to(0.0, 0.0)
        difference = own - evaluator.mean_loss(last)
        return float(surface.loss[i, j]) + difference

    def _depends_on(self) -> dict[str, str]:
        """Hashes of all that the surface depends on."""
        asked = self.settings.model_dump_json(exclude_defaults=True)
        return {
            "weights": digest(self._used_checkpoints()),
            "data": self.subject.network.dataset.digest(),
            "settings": hashlib.sha256(asked.encode()).hexdigest(),
        }

    def _used_checkpoints(self) -> list[Path]:
        if self.settings.plane == "pca":
            return [c for path in self.subject.paths for c in path.checkpoints]
        ends = [] if self.subject.end is None else [self.subject.end]
        return [self.subject.network.checkpoints[-1], *ends]
