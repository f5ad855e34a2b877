"""One plane: its surface, and the trajectories that are shown upon it, in memory or in a folder."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np
from torch import nn

from isoloss.compute.diagnostics.checks import alarms
from isoloss.compute.engine.checkpoint_losses import CheckpointLosses
from isoloss.compute.engine.schedule import carry_out
from isoloss.compute.machine.process_group import ProcessGroup
from isoloss.compute.planes.plane import Plane, Range, surrounding
from isoloss.compute.probe.request import Request
from isoloss.compute.probe.shown_paths import ShownPath
from isoloss.compute.probe.surface_probing import SurfaceProbing
from isoloss.events import Event, Log, Progress
from isoloss.files import write_atomic, write_csv
from isoloss.geometry.analysis.barrier import barriers_in_words
from isoloss.geometry.analysis.centre import centre_in_words
from isoloss.geometry.analysis.minima_table import save_minima
from isoloss.geometry.arrays import Array
from isoloss.geometry.files.csv import save_csv
from isoloss.geometry.surface import Surface
from isoloss.geometry.through_time import COLUMNS, at_each_checkpoint
from isoloss.geometry.trajectory import Trajectory
from isoloss.run import Run
from isoloss.settings.plane_kinds import PlaneKind

Found = TypeVar("Found")
# Of the checkpoints of a trajectory: (n, 2) coordinates and (n,) distances from the plane.
Located = tuple[Array, Array]


def locate(
    plane: Plane,
    paths: Sequence[ShownPath],
    folder: Path | None,
    network: nn.Module | None = None,
) -> list[Located]:
    """Where each path's checkpoints lie; all are read for it, and where there is a folder once."""
    kept = None if folder is None else folder / "located.npz"
    if kept is not None:
        with suppress(OSError, ValueError, KeyError, EOFError, BadZipFile), np.load(kept) as held:
            return [(held[f"places{k}"], held[f"distances{k}"]) for k in range(len(paths))]
    found = [_located(plane, path, network) for path in paths]
    if kept is not None and paths:
        both: Any = {f"places{k}": places for k, (places, _) in enumerate(found)}
        both |= {f"distances{k}": distances for k, (_, distances) in enumerate(found)}
        write_atomic(kept, lambda target: np.savez(target, **both))
    return found


def _located(plane: Plane, path: ShownPath, network: nn.Module | None) -> Located:
    if path.places is not None:
        return path.places, np.zeros(len(path.places))
    return plane.locate([c for c in path.checkpoints if not isinstance(c, tuple)], network)


def usual_ranges(kind: PlaneKind, located: Sequence[Located]) -> tuple[Range, Range]:
    """The ranges of α and β where none is asked for: on a plane that is built from trajectories all
    of those that are shown, with a margin."""
    places = np.concatenate([np.zeros((0, 2)), *(coordinates for coordinates, _ in located)])
    places = places[np.isfinite(places).all(axis=1)]  # a diverged checkpoint is nowhere
    if kind.shows_networks and len(places):
        return surrounding(places)
    return kind.usual_range, kind.usual_range


class PlaneProbing:
    """Computes the surface over one plane, then the losses of the trajectories shown upon it.

    Args:
        located: where the `paths` lie; needed by `steps` alone.
        folder: where what is known is kept; in memory if None.

    Attributes:
        trajectories: those whose losses are known.
    """

    def __init__(
        self,
        request: Request,
        paths: Sequence[ShownPath] = (),
        located: Sequence[Located] = (),
        folder: Path | None = None,
    ) -> None:
        self.probing = SurfaceProbing(request, folder)
        self.trajectories: tuple[Trajectory, ...] = ()
        self._request = request
        self._paths = paths
        self._located = located
        self._folder = folder
        self._whole: Surface | None = None
        self._columns, self._titles = dict[str, Array](), dict[str, str]()

    def steps(self, group: ProcessGroup) -> Generator[Event, None, Surface]:
        """Compute what is missing, yielding what happens; returns the surface, with findings."""
        yield from self.probing.steps(group)
        for k, path in enumerate(self._paths):
            (places, off_plane), folder = self._located[k], self._folder
            place = None if folder is None else folder / f"path{k}"
            losses = self._losses(path, place)
            try:
                yield from carry_out(losses, losses.rounds(), group, 1, "path")
            except Exception as error:  # a user's network may raise anything
                yield self.probing.leave_precision(error)
                losses = self._losses(path, place)
                yield from carry_out(losses, losses.rounds(), group, 1, "path")
            group.release()
            known = losses.growing.snapshot()
            if path.column:
                self._columns |= _columns_of(known, path.column)
                self._titles[path.column] = path.name
                continue
            loss = known.loss[:, 0]
            counted = {} if path.counted == "epoch" else {"counted": path.counted}
            meta = {**self.probing.growing.meta, "name": path.name, **counted}
            alpha, beta = places.T
            seen = Trajectory(alpha, beta, loss, off_plane, path.epoch, path.lr, meta)
            self.trajectories += (seen,)
        surface = self.surface()
        assert surface is not None
        self.probing.diagnose(surface)
        self._whole = surface
        return surface

    def surface(self) -> Surface | None:
        """What has been computed so far; None where nothing has been begun."""
        if self._whole is not None:  # its errors may be larger by what the network draws
            return self._whole
        if not hasattr(self.probing, "growing"):
            return None
        known = self.probing.growing.snapshot()
        if not self._columns:
            return replace(known, trajectories=self.trajectories)
        columns = {**known.columns, **self._columns}
        return replace(known, columns=columns, meta={**known.meta, "quantities": self._titles})

    def serve(self, group: ProcessGroup) -> None:
        """Help the first process, from another."""
        self.probing.serve(group)
        for path in self._paths:
            group.serve(self._losses(path, None).work)

    def _losses(self, path: ShownPath, folder: Path | None) -> CheckpointLosses:
        """The checkpoints' own losses, known as well as the surface is."""
        tolerance, known = self._request.tolerance, self.probing.growing.snapshot().loss
        known = known[np.isfinite(known)]
        error = 0.0 if tolerance is None or not known.size else tolerance * float(np.ptp(known))
        return CheckpointLosses(
            path.checkpoints, self.probing.evaluator, self._request.limit,
            self._request.population, error, folder,
        )  # fmt: skip


def among(
    steps: Generator[Event, None, Found], finished: int, surfaces: int
) -> Generator[Event, None, Found]:
    """What happens while one of several surfaces is computed, with the progress of all of them.

    Args:
        finished: how many have been, before.
    """
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            return end.value
        if isinstance(event, Progress) and event.stage == "probe":
            done, total = event.total * finished + event.done, event.total * surfaces
            event = replace(event, done=done, total=total)
        yield event


def _columns_of(known: Surface, name: str) -> dict[str, Array]:
    """The columns of a quantity, of what there is to know of it."""
    of_answers = {f"{name}_accuracy": known.accuracy} if np.isfinite(known.accuracy).any() else {}
    return {name: known.loss, f"{name}_stderr": known.loss_stderr, **of_answers}


def said_of(surface: Surface) -> Iterator[Event]:
    """What there is at a surface's centre, and what diagnostics hold against it."""
    if centre := centre_in_words(surface):
        yield Log(f"at the centre: {centre}")
    barriers = barriers_in_words(surface)
    if len(barriers) > 1:
        yield Log(f"barrier: {', '.join(f'{name} {said}' for name, said in barriers.items())}")
    elif barriers:
        yield Log(f"barrier: {barriers['barrier']}")
    for alarm in alarms(surface):
        yield Log(alarm)


def keep(run: Run, surface: Surface) -> Iterator[Event]:
    """Say what there is to say of a surface, and write it where its run has it."""
    yield from said_of(surface)
    if surface.is_curve:
        save_csv(surface, run.curve_path.with_suffix(".csv"))
        surface.save(run.curve_path)
        return
    surface.save(run.surface_path)
    save_minima(surface, run.minima_path)
    if facts := at_each_checkpoint(surface):
        write_csv(run.epochs_path, COLUMNS, [astuple(each) for each in facts])
