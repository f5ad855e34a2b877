"""Resume runs: the one mechanism behind the command line, the window's jobs and recovery."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from isoloss.compute.machine import recording
from isoloss.compute.machine.recording import Prepared, explain, recorded
from isoloss.errors import IsolossError
from isoloss.events import Event, Progress
from isoloss.files import nothing_at
from isoloss.geometry.surface import Surface
from isoloss.jobs.follow import RunState
from isoloss.library.estimate import COSTS, Estimate, work_ratio
from isoloss.library.reading import samples_said
from isoloss.run import Run
from isoloss.run_folder import is_run
from isoloss.settings import (
    AnySettings,
    ImportSettings,
    InputProbeSettings,
    ProbeSettings,
    RobustnessSettings,
    SharpnessSettings,
    TrainSettings,
)
from isoloss.settings.elsewhere import missing

LONGEST = 20.0
"""Seconds after which the trial of a part is as good as it gets."""


def prepare(settings: AnySettings) -> Prepared:
    """Load what the run needs, so that a wrong request fails before anything is written.

    Raises:
        IsolossError: if the request cannot be carried out.
    """
    try:
        match settings:
            case TrainSettings(task="denoiser"):
                from isoloss.robustness.smoothing.denoiser_training import DenoiserTraining

                return DenoiserTraining.prepare(settings)
            case TrainSettings(task="path"):
                from isoloss.compute.connection.path_training import PathTraining

                return PathTraining.prepare(settings)
            case TrainSettings():
                from isoloss.compute.training.classifier import ClassifierTraining

                return ClassifierTraining.prepare(settings)
            case ImportSettings():
                from isoloss.compute.training.imported import Import

                return Import.prepare(settings)
            case ProbeSettings():
                from isoloss.compute.probe.probe_run import Probing

                if not settings.quantities:
                    return Probing.prepare(settings)
                from isoloss.robustness.quantities.asked import quantities_asked_for

                return Probing.prepare(settings, quantities_asked_for)
            case InputProbeSettings():
                from isoloss.robustness.input_space.probing import InputProbing

                return InputProbing.prepare(settings)
            case SharpnessSettings():
                from isoloss.compute.curvature.sharpness_run import MeasuringRun

                return MeasuringRun.prepare(settings)
            case RobustnessSettings():
                from isoloss.robustness.evaluation.evaluation import Evaluation

                return Evaluation.prepare(settings)
    except Exception as error:
        if friendly := explain(error):
            raise IsolossError(friendly) from error
        raise


def resume(run: Run, prepared: Prepared | None = None) -> Iterator[Event]:
    """Do what is missing of `run`, recording and yielding every event.

    Closing the generator, or an interrupt, leaves the run paused; resuming it again goes on
    from there. A run that is done yields nothing.

    Raises:
        IsolossError: if the run cannot go on; the reason is recorded too, but where it was begun
            from Python, with a network that is there alone.
    """
    if run.settings.is_from_python and not run.is_done:
        raise IsolossError(
            f"{run.folder} was begun from Python, which alone has its network: run that script "
            "again, and it goes on"
        )
    yield from recorded(run, lambda: prepared or _prepare_again(run))


def tried(settings: AnySettings, seconds: float = 1.0) -> Estimate:
    """What a run will take, found by doing a part of it for so many seconds of work, in a folder
    that is then removed.

    Raises:
        IsolossError: if the request cannot be carried out.
    """
    cost = COSTS.get(settings.kind)
    sample = cost.sample(settings) if cost is not None else settings
    began = time.monotonic()
    prepared = prepare(sample)
    with TemporaryDirectory(prefix="isoloss-") as folder:
        run = Run.create(Path(folder) / "run", sample)
        events: Any = recorded(run, lambda: prepared)
        pace = Pace(seconds)
        for event in events:
            pace.take(event, time.monotonic())
            is_even = cost is None or cost.is_sample_even or time.monotonic() - began > LONGEST
            if is_even and pace.seconds >= seconds:
                break
        events.close()
        told = RunState()
        for _, event in run.events():
            told.take(event)
    ratio = work_ratio(settings, sample, samples_said(told.log)) if sample is not settings else 1.0
    whole = time.monotonic() - began - pace.seconds + pace.whole * (ratio or 1.0)
    return Estimate(whole, recording.most_memory(prepared), f"a trial of {seconds:g} s")


class Pace:
    """How fast a run goes on, told from its events.

    Args:
        window: seconds of work by which it is told: the last ones, for runs begin with little.
    """

    def __init__(self, window: float) -> None:
        self._window, self._total = window, 0
        self._steps: list[tuple[float, int]] = []
        self._last: tuple[float, Progress] | None = None

    def take(self, event: Event, now: float) -> None:
        """Take in an event that has come now."""
        if not isinstance(event, Progress):
            self._last = None  # something else than work came between
            return
        if self._last is not None and event.stage == self._last[1].stage:
            self._steps.append((now - self._last[0], event.done - self._last[1].done))
        self._last, self._total = (now, event), event.total

    @property
    def seconds(self) -> float:
        """Of work, so far."""
        return sum(seconds for seconds, _ in self._steps)

    @property
    def whole(self) -> float:
        """Seconds that all units take at this pace."""
        seconds, units = 0.0, 0
        for of_step, done in reversed(self._steps):
            if seconds >= self._window:
                break
            seconds, units = seconds + of_step, units + done
        return seconds * self._total / units if units > 0 else self.seconds


def _prepare_again(run: Run) -> Prepared:
    """What a run needs, loaded from where it was when it was asked for.

    Raises:
        IsolossError: also if nothing lies there any more: with the way to say where it lies now.
    """
    if (gone := missing(run.settings)) is not None:
        field, path = gone
        where = "imagefolder:PATH" if field == "data" else "PATH"
        raise IsolossError(
            f"{nothing_at(path)}; where it lies now: isoloss run {run.folder} --{field} {where}"
        )
    return prepare(run.settings)


def surface_with_classes(folder: Path, names: Sequence[str]) -> Surface:
    """The surface of a probe to a tolerance, with the losses of single classes, and of all but
    each, as further quantities: out of what it keeps of each image.

    Raises:
        IsolossError: if it keeps nothing of the kind, or there is no such class.
    """
    from isoloss.compute.probe.classes_of_run import with_classes
    from isoloss.compute.probe.probe_run import Probing
    from isoloss.robustness.quantities.asked import of_class

    run = Run.open(folder) if is_run(folder) else None
    of_a_probe = run is not None and isinstance(run.settings, ProbeSettings)
    if run is None or not of_a_probe or run.settings.is_from_python:
        raise IsolossError(f"{folder} is no run of a probe that keeps losses class by class")
    probing = _prepare_again(run)
    assert isinstance(probing, Probing)
    classes = probing.probed.network.dataset.classes
    return with_classes(run, probing, [one for name in names for one in of_class(name, classes)])


def follow(folder: Path, elsewhere: dict[str, Any] | None = None) -> None:
    """Work for rank 0, which resumes the run in `folder`, until it is done.

    Args:
        elsewhere: where networks or data lie now (`Run.with_elsewhere`).

    Raises:
        IsolossError: if this process cannot; rank 0 has been told.
    """

    def opened() -> tuple[Run, Prepared]:
        run = Run.open(folder).with_elsewhere(elsewhere or {})
        return run, prepare(run.settings)

    recording.follow(opened)
