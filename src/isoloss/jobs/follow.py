"""What a run is doing, as its folder says: the state behind a line of the jobs panel."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from isoloss.events import Done, Event, Failed, Log, Metric, Paused, Progress, Started
from isoloss.jobs.job import Job
from isoloss.run import EventTail, Run
from isoloss.run_folder import JOB_LOG

Status = Literal["waiting", "running", "paused", "done", "failed"]


@dataclass(kw_only=True)
class RunState:
    """What the events of a run have said so far.

    Attributes:
        pid: of the process that was last at work on it; 0 if there was none.
    """

    status: Status = "waiting"
    pid: int = 0
    progress: Progress | None = None
    device: str = ""
    failure: str = ""
    seconds: float = math.nan
    metrics: list[Metric] = field(default_factory=list[Metric])
    log: list[str] = field(default_factory=list[str])

    def take(self, event: Event) -> None:
        """Take in the next event."""
        match event:
            case Started():
                self.status, self.failure, self.device = "running", "", event.device
                self.pid = event.pid
            case Progress():
                self.progress = event
            case Metric():
                # A resumed run repeats the step it was stopped in.
                while self.metrics and not self.metrics[-1].epoch < event.epoch:
                    self.metrics.pop()
                self.metrics.append(event)
            case Log():
                self.log.append(event.message)
            case Done():
                self.status, self.seconds = "done", event.seconds
            case Paused():
                self.status = "paused"
            case Failed():
                self.status, self.failure = "failed", event.message


@dataclass
class FollowedRun(RunState):
    """A run and what its events have said so far, as they are written.

    Attributes:
        job: the process that we spawned for it, while it lives.
        exit_code: how the last one ended; negative, the signal that ended it.
        version: grows with every change, so that views know when to draw anew.
    """

    run: Run
    job: Job | None = None
    exit_code: int | None = None
    version: int = 0

    def __post_init__(self) -> None:
        self._tail = EventTail(self.run.events_path)
        self.refresh()
        if self.job is None and self.status == "running" and not self.run.is_held:
            # The process at work on it was killed before it could say so.
            self.status = "paused"

    def refresh(self) -> bool:
        """Read what is new; returns whether anything changed."""
        # Ask for the exit first: what a process wrote before it ended is then already there.
        ended = self.job.exit_code if self.job is not None else None
        new = self._tail.read()
        for _, event in new:
            self.take(event)
        died = ended is not None and self.status in ("running", "waiting")
        if died:
            self.status = "failed"
            self.failure = _why_it_ended(ended or 0, self.job)
        if ended is not None:
            self.exit_code = ended
            self.job = None  # what the run does from now on is another process's doing
        if new or died:
            self.version += 1
        return bool(new) or died

    @property
    def is_active(self) -> bool:
        """Whether a process is, or will be, at work on it."""
        return self.status == "running" or (self.status == "waiting" and self.job is not None)

    @property
    def waits_for(self) -> str:
        """The name of the run that its job works on before it; "" when it is its turn."""
        folders = self.job.folders if self.job is not None else ()
        place = folders.index(self.run.folder) if self.run.folder in folders else 0
        return folders[place - 1].name if place > 0 and self.status == "waiting" else ""


def can_resume(followed: FollowedRun) -> bool:
    """Whether a run is unfinished, no process is at work on it, and one of ours can go on."""
    if followed.run.settings.is_from_python:
        return False
    return followed.status in ("paused", "failed", "waiting") and not followed.is_active


def _why_it_ended(exit_code: int, job: Job | None) -> str:
    if exit_code < 0:
        return f"the job was killed (signal {-exit_code}); Resume does what is missing"
    log = job.folders[-1] / JOB_LOG if job is not None else JOB_LOG
    return f"the job ended without a word (exit code {exit_code}); see {log}"
