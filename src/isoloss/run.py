"""The run folder: what was asked, what happened, what came out.

A run is a folder and resuming it is idempotent; this module knows where its parts lie and
nothing of how they are computed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import filelock
from pydantic import ValidationError

from isoloss import run_folder as names
from isoloss.errors import IsolossError
from isoloss.event_tail import EventTail
from isoloss.events import Done, Event, to_line
from isoloss.files import append_line, as_object, entries, nothing_at, read_json, write_json
from isoloss.naming import printable
from isoloss.paths import exists, is_folder
from isoloss.settings import AnySettings, TrainingSettings, as_before, explain, parse_saved
from isoloss.settings.elsewhere import anchored, found_again, given_elsewhere, missing

SCHEMA = 1
_ENDING = re.compile(r'\s*\{\s*"event"\s*:\s*"(done|failed|paused)"')


class RunIsHeld(IsolossError):
    """Another process is at work on the run."""


@dataclass(frozen=True)
class Run:
    """A run's folder and what was asked of it.

    Attributes:
        settings: with the paths of networks and data where these lie now.
        asked: as they were asked for when the run was begun.
        elsewhere: where a person says that some of them lie now, as JSON; kept in `run.json` once
            they are found to be those that the run was begun with.
    """

    folder: Path
    settings: AnySettings
    asked: AnySettings
    elsewhere: dict[str, Any] = field(default_factory=dict[str, Any], compare=False)

    @classmethod
    def create(cls, folder: Path, settings: AnySettings) -> Run:
        """Make the folder and write `run.json`; the same request in the same folder is reused.

        Raises:
            IsolossError: if the folder holds a run that was asked for something else, or something
                that is no run, or cannot be written.
        """
        folder, settings = folder.expanduser().absolute(), anchored(settings)
        if (run := cls.begun(folder, settings)) is not None:
            return run
        write_json(
            folder / names.RUN,
            {
                "schema": SCHEMA,
                "folder": str(folder),
                "settings": settings.model_dump(mode="json"),
                "environment": {},
            },
        )
        return cls(folder, settings, settings)

    @classmethod
    def begun(cls, folder: Path, settings: AnySettings) -> Run | None:
        """The run of this request in a folder; None where there is nothing yet.

        Raises:
            IsolossError: if the folder holds a run that was asked for something else, or something
                that is no run.
        """
        folder, settings = folder.expanduser().absolute(), anchored(settings)
        if names.is_run(folder):
            run = cls.open(folder)
            if as_before(settings, run.asked) not in (run.settings, anchored(run.asked)):
                again = f"resume that one with 'isoloss run {folder}'"
                if settings.is_from_python:
                    again = "ask for what it was begun with"
                raise IsolossError(
                    f"{folder} already holds a run with other settings: choose another folder, or "
                    f"{again}"
                )
            return run
        if is_folder(folder):
            is_taken = any(not entry.name.startswith(".") for entry in entries(folder))
        else:
            is_taken = exists(folder)
        if is_taken:
            raise IsolossError(f"{folder} exists and is not a run: choose another folder")
        return None

    @classmethod
    def open(cls, folder: Path) -> Run:
        """Read the run in `folder`.

        Raises:
            IsolossError: if it is no run folder, damaged, or of a newer version of the program.
        """
        folder = folder.expanduser().absolute()
        path = folder / names.RUN
        if not exists(folder):
            raise nothing_at(folder)
        if not exists(path):
            entries(folder)  # which says so where it is closed, or no folder
            raise IsolossError(f"{folder} is not a run folder: it has no run.json")
        content = as_object(read_json(path))
        if not isinstance(content.get("schema"), int):
            raise IsolossError(f"{path} does not describe a run")
        if content["schema"] > SCHEMA:
            raise IsolossError(f"{path} was written by a newer isoloss: update to read it")
        begun_in, elsewhere = content.get("folder"), as_object(content.get("elsewhere"))
        try:
            asked = parse_saved(content.get("settings"))
            now = given_elsewhere(asked, elsewhere) if elsewhere else asked
        except IsolossError as error:
            raise IsolossError(f"{path}: {error}") from error
        except ValidationError as error:
            raise IsolossError(f"{path}: {explain(error)}") from error
        begun_in = begun_in if isinstance(begun_in, str) else None
        return cls(folder, found_again(now, folder, begun_in), asked)

    @property
    def name(self) -> str:
        """The folder's name, as it can be written anywhere."""
        return printable(self.folder.name)

    def with_elsewhere(self, given: dict[str, Any]) -> Run:
        """The run with networks or data that lie elsewhere than where they were asked for, as
        {name of a field: where}.

        Raises:
            IsolossError: if this kind of run has no such field, or nothing lies there.
        """
        if not given:
            return self
        try:
            settings = given_elsewhere(self.settings, given)
        except ValidationError as error:
            raise IsolossError(explain(error)) from error
        if (gone := missing(settings, given)) is not None:
            raise nothing_at(gone[1])
        said = settings.model_dump(mode="json", include=set(given))
        return replace(self, settings=settings, elsewhere=said)

    def keep_elsewhere(self) -> None:
        """Write `elsewhere` into `run.json`."""
        content = as_object(read_json(self.folder / names.RUN))
        content["elsewhere"] = {**as_object(content.get("elsewhere")), **self.elsewhere}
        write_json(self.folder / names.RUN, content)
        self.elsewhere.clear()

    @property
    def environment(self) -> dict[str, Any]:
        """What the run has recorded of what it ran on."""
        return as_object(as_object(read_json(self.folder / names.RUN)).get("environment"))

    def record_environment(self, **facts: Any) -> None:
        """Add what the run runs on (versions, device, hashes) to `run.json`."""
        content = as_object(read_json(self.folder / names.RUN))
        content["environment"] = {**as_object(content.get("environment")), **facts}
        write_json(self.folder / names.RUN, content)

    @property
    def events_path(self) -> Path:
        """What happened, a line of JSON for each event."""
        return self.folder / names.EVENTS

    @property
    def stop_path(self) -> Path:
        """A file that asks the process at work on the run to stop, wherever that is."""
        return self.folder / names.STOP

    @property
    def checkpoints(self) -> Path:
        """The folder of a training's checkpoints, in order."""
        return self.folder / names.CHECKPOINTS

    @property
    def points_path(self) -> Path:
        """What is known of each checkpoint; written when the training is done."""
        return self.folder / names.CHECKPOINTS / names.POINTS

    @property
    def resume_path(self) -> Path:
        """What a training needs to go on, optimizer state included."""
        return self.folder / names.CHECKPOINTS / names.RESUME

    @property
    def stopped_path(self) -> Path:
        """What a training needs to go on from the step it was stopped at, between checkpoints."""
        return self.folder / names.CHECKPOINTS / names.STOPPED

    @property
    def denoiser_path(self) -> Path:
        """Where a training for the task "denoiser" keeps what it has learnt."""
        return self.folder / names.DENOISER

    @property
    def bezier_path(self) -> Path:
        """Where a training for the task "path" keeps both ends of it and its bend."""
        return self.folder / names.BEZIER

    @property
    def plane_path(self) -> Path:
        """The origin and the directions of a probe."""
        return self.folder / names.PLANE

    @property
    def samples_path(self) -> Path:
        """Which samples a probe begun from Python sees first: their hashes, in that order."""
        return self.folder / names.SAMPLES

    @property
    def growing_path(self) -> Path:
        """The folder of a growing surface."""
        return self.folder / names.GROWING

    @property
    def surface_path(self) -> Path:
        """A finished surface."""
        return self.folder / names.SURFACE

    @property
    def minima_path(self) -> Path:
        """The local minima of a finished surface."""
        return self.folder / names.MINIMA

    @property
    def epochs_path(self) -> Path:
        """A table of the surfaces around all checkpoints, where a probe was asked for them."""
        return self.folder / names.EPOCHS

    @property
    def defended_growing_path(self) -> Path:
        """The folder of the growing surface of the same plane behind a defense."""
        return self.folder / names.DEFENDED_GROWING

    @property
    def defended_path(self) -> Path:
        """That surface, finished."""
        return self.folder / names.DEFENDED

    @property
    def curve_path(self) -> Path:
        """A finished curve."""
        return self.folder / names.CURVE

    @property
    def outcomes_path(self) -> Path:
        """What an attack, a defense or a certification has found, image by image."""
        return self.folder / names.OUTCOMES / names.UNITS

    @property
    def table_path(self) -> Path:
        """The table of these, as far as it has come."""
        return self.folder / names.TABLE

    @property
    def certificates_path(self) -> Path:
        """Of a certification, image by image."""
        return self.folder / names.CERTIFICATES

    @property
    def sharpness_path(self) -> Path:
        """The table of what a run of sharpness has found, as far as it has come."""
        return self.folder / names.SHARPNESS

    @property
    def report_path(self) -> Path:
        """The report on these, for programs."""
        return self.folder / names.REPORT

    @property
    def report_text_path(self) -> Path:
        """The report on these, for people."""
        return self.folder / names.REPORT_TEXT

    @property
    def examples(self) -> Path:
        """The folder of the first images, attacked."""
        return self.folder / names.EXAMPLES

    @property
    def figures(self) -> Path:
        """The folder of the figures that are drawn when such a run is done."""
        return self.folder / names.FIGURES

    def trajectory_path(self, name: str | None = None) -> Path:
        """Where the trajectory lies; those of other runs beside it have a `name`."""
        first = self.folder / names.TRAJECTORY
        return first if name is None else first.with_stem(f"{first.stem}-{name}")

    def emit(self, event: Event) -> None:
        """Append one event.

        Raises:
            IsolossError: if the disk is full or the folder gone.
        """
        self._check_is_there()
        append_line(self.events_path, to_line(event, time.time()))

    def events(self) -> list[tuple[float, Event]]:
        """All (time, event) pairs so far."""
        return EventTail(self.events_path).read()

    @property
    def is_done(self) -> bool:
        """Whether the run is complete."""
        ends = EventTail(self.events_path, _ENDING.match).read()  # all the rest may be very much
        return bool(ends) and isinstance(ends[-1][1], Done) and exists(self._result)

    @property
    def _result(self) -> Path:
        """What is there at the latest when the run is done."""
        if isinstance(self.settings, TrainingSettings):
            of_denoiser = self.settings.task == "denoiser"
            return self.denoiser_path if of_denoiser else self.points_path
        if self.settings.leaves_surface:
            is_curve = self.settings.kind == "probe" and self.settings.is_curve
            return self.curve_path if is_curve else self.surface_path
        if self.settings.measures_curvature:
            return self.sharpness_path
        return self.report_path

    def check_unchanged(self, **hashes: str) -> None:
        """Record what the run depends on beside its settings, or refuse to mix two states of it.

        Args:
            hashes: for example `data="9f86…"`; recorded at the first call.

        Raises:
            IsolossError: if one differs from what is recorded.
        """
        recorded = as_object(self.environment.get("depends_on"))
        for what, value in hashes.items():
            if recorded.get(what, value) != value:
                again = "give another out=" if self.settings.is_from_python else "start a new run"
                raise IsolossError(f"{what} changed since {self.folder} was begun: {again}")
        self.record_environment(depends_on={**recorded, **hashes})
        if self.elsewhere:
            self.keep_elsewhere()

    @contextmanager
    def lock(self, patience: float = 1.0) -> Generator[None]:
        """Hold the run, so that two processes never resume it at once.

        Args:
            patience: seconds to wait for one that may only be having a look.

        Raises:
            RunIsHeld: if another process holds it.
            IsolossError: if the folder is gone, or cannot be written.
        """
        self._check_is_there()
        lock = filelock.FileLock(self.folder / names.LOCK, timeout=patience)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            raise RunIsHeld(f"{self.folder} is being resumed by another process") from error
        except (OSError, NotImplementedError) as error:
            raise IsolossError(f"cannot lock {self.folder}: {error}") from error
        try:
            yield
        finally:
            lock.release()

    def _check_is_there(self) -> None:
        """What writes makes folders that are missing: of a run that was deleted, none is to be."""
        if not exists(self.folder / names.RUN):
            raise IsolossError(f"{self.folder} is gone: it was moved or deleted")

    @property
    def is_held(self) -> bool:
        """Whether some process is at work on the run right now."""
        try:
            with self.lock(patience=0):
                return False
        except RunIsHeld:
            return True
        except IsolossError:
            return False


def checkpoint_count(folder: Path) -> int:
    """How many checkpoints the training run in a folder has left so far."""
    checkpoints = folder / names.CHECKPOINTS
    found = entries(checkpoints) if is_folder(checkpoints) else []
    return sum(path.stem.isdecimal() for path in found)
