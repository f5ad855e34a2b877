"""A probe as a run: from a trained network to its surface and trajectories as files."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isoloss.compute.data.reading import GivenBatches
from isoloss.compute.engine.quantities import Quantity, check_quantities
from isoloss.compute.machine.device import choose_device
from isoloss.compute.machine.hashes import digest_of
from isoloss.compute.machine.process_group import Ranks
from isoloss.compute.machine.torchrun_group import process_group
from isoloss.compute.machine.user_code import import_user_function
from isoloss.compute.networks.checkpoints import digest
from isoloss.compute.planes.bezier import beside, on_plane, path_of
from isoloss.compute.planes.plane import (
    Plane,
    PlaneInputs,
    ProbedSamples,
    build,
    build_in_steps,
    is_built_in_steps,
)
from isoloss.compute.planes.selection import select
from isoloss.compute.probe.plane_probing import (
    Located,
    PlaneProbing,
    among,
    keep,
    locate,
    usual_ranges,
)
from isoloss.compute.probe.probed_data import ProbedData
from isoloss.compute.probe.probed_network import ProbedNetwork, load_probed_network
from isoloss.compute.probe.request import CALIBRATION_SAMPLES, Request, recalibration_batches
from isoloss.compute.probe.shown_paths import ShownPath
from isoloss.compute.probe.surface_probing import SurfaceProbing
from isoloss.compute.probe.through_time import STRICT, EarlierSurfaces, at_themselves
from isoloss.compute.training.network import Network, TrainedPath
from isoloss.errors import IsolossError
from isoloss.events import ABOUT_DATA, Event, Log, Progress
from isoloss.geometry.analysis.ensemble import ensemble
from isoloss.geometry.arrays import Array
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface
from isoloss.paths import exists
from isoloss.run import Run
from isoloss.run_folder import BEZIER
from isoloss.settings import ProbeSettings
from isoloss.settings.base import stride_of
from isoloss.settings.direction_paths import file_of

ON_PATH = 33
"""Places of a path that are shown on its plane."""
AskedFor = Callable[[ProbeSettings, Network, ProbedData, torch.device], tuple[Quantity, ...]]
"""Finds the quantities that settings ask for; those of attacks and defenses lie above."""


@dataclass(frozen=True)
class Probing:
    """A probe run with what it probes at hand."""

    settings: ProbeSettings
    probed: ProbedNetwork
    data: ProbedData
    device: torch.device
    quantities: tuple[Quantity, ...] = ()

    @classmethod
    def prepare(cls, settings: ProbeSettings, asked: AskedFor | None = None) -> Probing:
        """Load data and network; refuses what cannot be probed before anything is written.

        Args:
            asked: finds the quantities that the settings ask for.
        """
        device = Ranks.current().own(choose_device(settings.device))
        probed = load_probed_network(settings)
        settings.plane_kind.check_enough(sum(len(path.checkpoints) for path in probed.paths))
        path, stride = probed.network.path, stride_of(settings.every)
        if stride and (path is None or len(path.each(stride).checkpoints) < 2):
            fewer = " or a smaller number" if stride > 1 else ""
            raise IsolossError(
                f"--every {settings.every} needs two checkpoints at least: train for longer, with "
                f"more checkpoints per epoch{fewer}"
            )
        if settings.plane_kind.takes("parameters"):
            select(probed.network.model, settings.parameters)
        if settings.directions is not None:
            build(PlaneInputs(probed.network.model, settings, settings.seed))
        data = _data(settings, probed.network, settings.split, device)
        if settings.align or is_built_in_steps(settings.plane_kind):
            next(build_in_steps(cls(settings, probed, data, device)._inputs(0)), None)
        if asked is None:
            return cls(settings, probed, data, device)
        quantities = asked(settings, probed.network, data, device)
        few = data.shuffled(settings.seed, device, settings.samples)
        check_quantities(quantities, probed.network.model, data.loss, few, device)
        return cls(settings, probed, data, device, quantities)

    def resume(self, run: Run) -> Iterator[Event]:
        """Cut the plane, evaluate what is missing of the surface, write what came out."""
        settings = self.settings
        run.check_unchanged(**self._depends_on(run))
        yield Log(f"{ABOUT_DATA}{self.probed.network.about_data}")
        population = self.data.population
        seen = min(self.data.limit(settings.samples) or population, population)
        grid = "×".join(map(str, (settings.points,) if settings.is_curve else settings.grid))
        yield Log(
            f"{settings.plane}, {grid} points, {seen} of {population} {settings.split} "
            f"{'batches' if settings.per_batch else 'samples'}"
        )
        surface = yield from (self._mean(run) if settings.planes > 1 else self._single(run))
        if "centre" in surface.meta and (recorded := self._recorded()) is not None:
            surface.meta["centre"]["recorded"] = recorded
        yield from keep(run, surface)

    def serve(self, run: Run) -> None:
        """Help the process that resumes the run, from another one."""
        for k in range(self.settings.planes):
            # Rank 0 has then written the plane, and what the surface depends on.
            axes = json.loads(process_group().broadcast("axes"))
            if k == 0 and run.environment["depends_on"] != self._depends_on(run):
                raise IsolossError(
                    f"the network or the data here are not those rank 0 has in {run.folder}"
                )
            plane = (
                Plane.load(run.plane_path) if self.settings.planes == 1 else build(self._inputs(k))
            )
            request = self._request(run, plane, axes, k)
            shown = self._shown()
            PlaneProbing(request, shown).serve(process_group())
            if self._stride:
                located = self._located(plane, shown, run.growing_path)
                self._before(run, request, located).serve(process_group())

    def _single(self, run: Run) -> Iterator[Any]:
        """The surface over one plane, and the trajectories it shows."""
        plane, paths = (yield from self._plane(run)), self._shown()
        located = self._located(plane, paths, run.growing_path)
        axes = self._broadcast(self._axes(located))
        request, group = self._request(run, plane, axes), process_group()
        if not self._stride:
            probing = PlaneProbing(request, paths, located, run.growing_path)
            return (yield from probing.steps(group))
        before = self._before(run, request, located)
        predicting = replace(request, strict=STRICT)
        probing = PlaneProbing(predicting, paths, located, run.growing_path)
        last = yield from among(probing.steps(group), 0, len(before.path.checkpoints))
        earlier = yield from before.steps(group, last, probing.probing.estimates)
        return replace(last, meta=before.described(last), earlier=earlier)

    def _before(self, run: Run, request: Request, located: Sequence[Located]) -> EarlierSurfaces:
        path, places = self._each, located[0][0]
        assert path is not None
        if len(places) > len(path.checkpoints):  # the plane is built from all of them
            places = places[:: -self._stride][::-1]
        return EarlierSurfaces(request, path, places, run.growing_path, run.surface_path)

    @property
    def _stride(self) -> int:
        return stride_of(self.settings.every)

    @property
    def _each(self) -> TrainedPath | None:
        """The trajectory of those checkpoints that have a surface."""
        path = self.probed.network.path
        return path if path is None or not self._stride else path.each(self._stride)

    def _located(
        self, plane: Plane, paths: Sequence[ShownPath], folder: Path | None
    ) -> list[Located]:
        if self._stride and not self.settings.plane_kind.needs_trajectory:
            return [at_themselves(len(path.checkpoints)) for path in paths]
        return locate(plane, paths, folder)

    def _mean(self, run: Run) -> Iterator[Any]:
        """The mean surface over several random planes, and its spread.

        Each plane has a surface of its own below the one that is shown, their mean so far.
        """
        surfaces: list[Surface] = []
        for k in range(self.settings.planes):
            # Quicker built anew than kept: each would take three times the network's size.
            plane = yield from build_in_steps(self._inputs(k))
            axes = self._broadcast(self._axes(()))
            request = self._request(run, plane, axes, k)
            if surfaces:  # all planes in the precision that was found good enough for the first
                request = replace(request, audited=surfaces[0].meta["precision"])
            probing = SurfaceProbing(request, run.growing_path / f"{k}")
            for event in among(probing.steps(process_group()), k, self.settings.planes):
                if isinstance(event, Progress):
                    self._show(run, [*surfaces, probing.growing.snapshot()])
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

    def _broadcast(self, axes: tuple[Array, Array]) -> tuple[Array, Array]:
        """The grid's coordinates, broadcast to the other processes; the plane is there by now."""
        process_group().broadcast("axes", json.dumps([a.tolist() for a in axes]).encode())
        return axes

    def _shown(self) -> list[ShownPath]:
        """The trajectories shown with the surface, and the networks that it goes through."""
        kind, probed = self.settings.plane_kind, self.probed
        if kind.of_path:
            return self._along_path()
        paths = [*map(ShownPath.of_training, probed.paths)] if kind.needs_trajectory else []
        if not paths and self._stride and self._each is not None:
            paths = [ShownPath.of_training(self._each)]
        if kind.takes("third"):
            names = ", ".join(self._names_of_ends().values())
            ends = [probed.network.checkpoints[-1], *probed.ends]
            paths.append(ShownPath.of_networks(names, ends))
        return paths

    def _along_path(self) -> list[ShownPath]:
        """The path, on its plane with its ends and its bend, or beside the straight line."""
        if self.settings.is_curve:
            alpha = self._axes(())[0]
            return [ShownPath.on_plane("along the path", beside(alpha), alpha, "path")]
        path, t = path_of(self.settings.source), np.linspace(0, 1, ON_PATH)
        bend = path.place_of_bend(build(self._inputs(0)))
        networks = np.array([(0.0, 0.0), bend, (1.0, 0.0)])
        return [
            ShownPath.on_plane("path", on_plane(t, bend), t),
            ShownPath.on_plane("start, bend, end", networks, t[[0, ON_PATH // 2, -1]]),
        ]

    def _plane(self, run: Run) -> Generator[Event, None, Plane]:
        if exists(run.plane_path):
            return Plane.load(run.plane_path)
        plane = yield from build_in_steps(self._inputs(0))
        plane.save(run.plane_path)
        return plane

    def _inputs(self, k: int) -> PlaneInputs:
        """What there is to build plane number `k` from."""
        settings, probed = self.settings, self.probed
        paths = probed.paths if settings.plane_kind.needs_trajectory else []
        seed, network = settings.seed + k, probed.network
        data = self.data.shuffled(seed, self.device, settings.samples)
        return PlaneInputs(
            network.model, settings, seed,
            trajectories=tuple(path.checkpoints for path in paths),
            ends=probed.ends,
            samples=ProbedSamples(data, self.data.loss, self.device, settings.batch_size),
            run=None if network.path is None else settings.source,
        )  # fmt: skip

    def _axes(self, located: Sequence[Located]) -> tuple[Array, Array]:
        """The grid's coordinates: as asked, else what holds the paths, else the usual ones."""
        settings = self.settings
        asked = [settings.alpha_range, settings.beta_range]
        usual = usual_ranges(settings.plane_kind, located)
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
        if settings.recalibrates:
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
            quantities=self.quantities,
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
                "batch_norm": "recalibrated" if settings.recalibrates else "frozen",
                "range": [[float(a[0]), float(a[-1])] for a in (alpha, beta)],
                **self._names_of_ends(),
            },
        )

    def _names_of_ends(self) -> dict[str, str]:
        """Those of the networks that a line or a plane goes through."""
        settings = self.settings
        asked = {"start": settings.source, "end": settings.to, "third": settings.third}
        known = {k: source.stem for k, source in asked.items() if source is not None}
        if settings.plane_kind.of_path:
            trained: Any = Run.open(settings.source).settings
            known = {"start": trained.begin.stem, "end": trained.to.stem}
        return known if len(known) > 1 else {}

    def _recorded(self) -> dict[str, float] | None:
        """What the network's training has recorded of the same split at its end; None where nobody
        has, as of checkpoints that were imported."""
        settings, path = self.settings, self.probed.network.path
        same = settings.data is None and settings.image_size is None and settings.loss is None
        if path is None or not same or settings.plane_kind.of_path:
            return None
        last = path.points[-1]
        trains = settings.split == "train"
        if trains and (path.noise or path.of_several):
            return None
        loss = last.loss if trains else last.test_loss
        accuracy = last.accuracy if trains else last.test_accuracy
        return None if math.isnan(loss) else {"loss": loss, "accuracy": accuracy}

    def _depends_on(self, run: Run) -> dict[str, str]:
        """Hashes of all that the surface depends on."""
        asked = run.asked.model_dump_json(exclude_defaults=True)
        given = self.settings.directions
        return {
            **({} if given is None else {"directions": digest([file_of(given)])}),
            "weights": digest(self._used_checkpoints()),
            "data": self.probed.network.dataset.digest(),
            "settings": hashlib.sha256(asked.encode()).hexdigest(),
            **{f"what {q.title} is": digest_of(q.depends_on) for q in self.quantities},
        }

    def _used_checkpoints(self) -> list[Path]:
        needs_all = self.settings.plane_kind.needs_trajectory
        if needs_all or self._stride:
            return [c for path in self.probed.paths for c in path.checkpoints]
        if self.settings.plane_kind.of_path:
            return [self.settings.source / BEZIER]
        return [self.probed.network.checkpoints[-1], *self.probed.ends]


def _data(
    settings: ProbeSettings, network: Network, split: str, device: torch.device
) -> ProbedData:
    part = network.dataset.split(split)
    loss = None if settings.loss is None else import_user_function(settings.loss)
    given = GivenBatches(part.held(), len(part), part.in_batches)
    return ProbedData.of(
        given, loss, network.model, device,
        per_batch=settings.per_batch, name=settings.loss,
        batch_size=settings.batch_size, seed=settings.seed,
    )  # fmt: skip
