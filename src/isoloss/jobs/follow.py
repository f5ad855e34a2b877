"""What a run is doing, as its folder says: the state behind a line of the jobs panel."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from isoloss.event_tail import EventTail
from isoloss.events import Done, Event, Failed, Log, Metric, Paused, Progress, Started
from isoloss.jobs.job import Job
from isoloss.run import Run
from isoloss.run_folder import JOB_LOG, is_run

MOST = 400
"""Events that are taken in at once, that no frame waits for very many of them."""
INTERRUPTED = 130
"""The exit code of a job that was asked to stop."""
_LEAST_ROOM = 1 << 16
"""Bytes with which nothing can be done."""

Status = Literal["waiting", "running", "paused", "done", "failed"]


@dataclass(kw_only=True)
class RunState:
    """What the events of a run have said so far.

    Attributes:
        pid: of the process that was last at work on it; 0 if there was none.
        host: the machine of that process; "" if unknown.
    """

    status: Status = "waiting"
    pid: int = 0
    host: str = ""
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
                self.pid, self.host = event.pid, event.host
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
        is_asked_to_stop: whether somebody has asked that process to.
        version: grows with every change, so that views know when to draw anew.
    """

    run: Run
    job: Job | None = None
    is_asked_to_stop: bool = False
    version: int = 0

    def __post_init__(self) -> None:
        self._tail = EventTail(self.run.events_path)
        self._is_known = False
        self.refresh()

    def _check_begun(self) -> None:
        """What it said before we knew of it may be what a process said that has been killed."""
        self._is_known = True
        if self.job is None and self.status == "running" and not self.run.is_held:
            # The process at work on it was killed before it could say so.
            self.status = "paused"

    @property
    def is_behind(self) -> bool:
        """Whether there is more to be read than was read at once."""
        return self._tail.is_behind

    def refresh(self) -> bool:
        """Read what is new; returns whether anything changed."""
        # Ask for the exit first: what a process wrote before it ended is then already there.
        ended = self.job.exit_code if self.job is not None else None
        new = self._tail.read(MOST)
        for _, event in new:
            self.take(event)
        if self.is_behind:
            self.version += 1
            return True
        if not self._is_known:
            self._check_begun()
        died = ended is not None and self.status in ("running", "waiting")
        if died:
            self._tell_death(ended or 0)
        if ended is not None:
            self.job = None  # what the run does from now on is another process's doing
        if not self.is_active:
            self.is_asked_to_stop = False
        if new or died:
            self.version += 1
        return bool(new) or died

    def look_for_end(self) -> bool:
        """Find out whether a process that others have begun has ended without saying so; returns
        whether anything changed."""
        if self.job is not None or self.status != "running" or self.run.is_held:
            return False
        self.refresh()  # it may have said so meanwhile
        if self.status == "running" and not self.is_behind:
            self._tell_death(None)
            self.is_asked_to_stop = False
            self.version += 1
        return True

    def _tell_death(self, exit_code: int | None) -> None:
        """A process has ended that did not say so; nobody knows the exit code of another's."""
        if self.is_asked_to_stop or exit_code == INTERRUPTED:
            self.status = "paused"
        else:
            self.status, self.failure = "failed", _why_it_ended(exit_code, self.run, self.job)

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


def _why_it_ended(exit_code: int | None, run: Run, job: Job | None) -> str:
    if not is_run(run.folder):
        return f"{run.folder} is gone: it was moved or deleted"
    if _is_full(run.folder):
        return f"the disk of {run.folder} is full: free some of it, then Resume"
    if exit_code is None:
        return "the job was killed; Resume does what is missing"
    if exit_code < 0:
        return f"the job was killed (signal {-exit_code}); Resume does what is missing"
    log = job.folders[-1] / JOB_LOG if job is not None else JOB_LOG
    if job is not None and job.last_word:
        return f"the job ended: {job.last_word}; more is in {log}"
    return f"the job ended without a word (exit code {exit_code}); see {log}"


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _LEAST_ROOM
    except OSError:
        return False
