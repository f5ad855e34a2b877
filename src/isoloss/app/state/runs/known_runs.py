"""The runs this window knows of: started here, opened, or found in the runs folder."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from isoloss.paths import is_folder
from isoloss.app.state.messages import Messages
from isoloss.errors import IsolossError
from isoloss.events import Started
from isoloss.jobs.follow import FollowedRun
from isoloss.jobs.job import Job
from isoloss.run import Run, free_folder, run_name
from isoloss.run_folder import RUN, is_run
from isoloss.settings import AnySettings, TrainingSettings

Spawn = Callable[[Sequence[Path]], Job]

POLL = 0.1
"""Seconds between two readings of the runs' events."""
SCAN = 3.0
"""Seconds between two searches for runs that others have begun or dropped."""
FOUND_AT_MOST = 30


class Runs:
    """Follows runs, starts, stops and resumes them."""

    def __init__(self, folder: Path, messages: Messages, spawn: Spawn = Job) -> None:
        self.folder = folder
        self.followed: list[FollowedRun] = []
        self.selected: FollowedRun | None = None
        self._messages = messages
        self._spawn = spawn
        self._polled = self._scanned = -SCAN
        self._forgotten: set[Path] = set()
        self._cancelled: set[Path] = set()

    @property
    def active(self) -> list[FollowedRun]:
        """Those at which a process is at work."""
        return [f for f in self.followed if f.is_active]

    @property
    def trained(self) -> list[FollowedRun]:
        """Training runs: what can be probed, newest first."""
        return [f for f in self.followed if isinstance(f.run.settings, TrainingSettings)]

    def of(self, folder: Path) -> FollowedRun | None:
        """The followed run in `folder`."""
        return next((f for f in self.followed if f.run.folder == folder), None)

    def follow(self, run: Run, job: Job | None = None) -> FollowedRun:
        """Follow `run` and select it; one that is followed already is found again."""
        followed = self.of(run.folder)
        if followed is None:
            followed = FollowedRun(run, job)
            self.followed.insert(0, followed)
        elif job is not None:
            followed.job = job
        self._forgotten.discard(run.folder)
        self.selected = followed
        return followed

    def start(self, folder: Path, settings: AnySettings) -> FollowedRun:
        """Create the run and spawn its job.

        Raises:
            IsolossError: if the folder is taken or cannot be written, or the job not started.
        """
        run = Run.create(folder, settings)
        self._cancelled.discard(run.folder)
        followed = self.follow(run, self._spawn([run.folder]))
        followed.status = "waiting" if followed.status != "running" else "running"
        self._messages.say(f"Started {run.name}", notify=False)
        return followed

    def resume(self, runs: Sequence[Run]) -> list[FollowedRun]:
        """Resume `runs` one after the other, in one job.

        Raises:
            IsolossError: if the job cannot be started.
        """
        job = self._spawn([run.folder for run in runs])
        # The list has the newest at its top; of these the first to begin.
        found = [self.follow(run, job) for run in reversed(runs)][::-1]
        for followed in found:
            if followed.status in ("paused", "failed"):
                followed.status, followed.failure = "waiting", ""
            followed.version += 1
            self._cancelled.discard(followed.run.folder)
        self.selected = found[0]
        return found

    def cancel(self, followed: FollowedRun) -> None:
        """Ask the run's process to stop; it leaves the run paused."""
        self._cancelled.add(followed.run.folder)
        if followed.job is not None:
            followed.job.cancel()
            return
        # A job of an earlier window or of the command line: its own word says which process.
        pids = [e.pid for _, e in followed.run.events() if isinstance(e, Started)]
        if not pids or pids[-1] <= 1 or not followed.run.is_held:
            return
        # A script is to go on, or a notebook, with what there is; what is asked to end, ends.
        asked = signal.SIGINT if followed.run.settings.is_from_python else signal.SIGTERM
        try:
            os.kill(pids[-1], asked)
        except OSError as error:
            self._messages.say(f"cannot stop {followed.run.name}: {error.strerror}", "error")

    def forget(self, followed: FollowedRun) -> None:
        """Take a run off the list; its folder and its process stay as they are."""
        self.followed.remove(followed)
        self._forgotten.add(followed.run.folder)
        if self.selected is followed:
            self.selected = self.followed[0] if self.followed else None

    def update(self, now: float | None = None) -> bool:
        """Take in what is new, at most every `POLL` seconds; returns whether anything is."""
        now = time.monotonic() if now is None else now
        if now - self._polled < POLL:
            return False
        self._polled = now
        scan = now - self._scanned >= SCAN
        if scan:
            self._scanned = now
            self._find()
        changed = False
        for followed in self.followed:
            if not (followed.is_active or scan):
                continue
            before, logged = followed.status, len(followed.log)
            if followed.refresh():
                changed = True
                self._mark_cancelled_as_paused(followed)
            if scan and followed.job is None and followed.status == "running":
                changed |= self._notice_end(followed)
            for line in followed.log[logged:]:
                self._messages.say(f"{followed.run.name}  {line}", notify=False)
            if followed.status != before:
                self._report_status(followed)
        return changed

    def suggest(self, settings: AnySettings) -> Path:
        """A free folder for a run with `settings`, named for what it does."""
        return free_folder(self.folder, run_name(settings))

    def _find(self) -> None:
        """Follow the newest runs in the runs folder that are not followed yet."""
        known = {f.run.folder for f in self.followed} | self._forgotten
        try:
            with os.scandir(self.folder) as entries:
                folders = [Path(e.path) for e in entries if is_folder(e.path)]
            new = [f for f in folders if f not in known and is_run(f)]
            new.sort(key=lambda f: (f / RUN).stat().st_mtime)
        except OSError:
            return
        for folder in new[-FOUND_AT_MOST:]:
            try:
                self.followed.insert(0, FollowedRun(Run.open(folder)))
            except IsolossError as error:
                self._forgotten.add(folder)
                self._messages.say(str(error), "warning", notify=False)
        if self.selected is None and self.followed:
            self.selected = self.followed[0]

    def _mark_cancelled_as_paused(self, followed: FollowedRun) -> None:
        """A job cancelled before it could say so has been paused; it has not failed."""
        code = followed.exit_code
        if followed.status != "failed" or code is None or code >= 0:
            return
        if followed.run.folder in self._cancelled:
            followed.status, followed.failure = "paused", ""

    def _notice_end(self, followed: FollowedRun) -> bool:
        if followed.run.is_held:
            return False
        followed.refresh()
        if followed.status == "running":
            followed.status = "paused"
            followed.version += 1
        return True

    def _report_status(self, followed: FollowedRun) -> None:
        name = followed.run.name
        match followed.status:
            case "done":
                self._messages.say(f"{name} is done", "done")
            case "failed":
                self._messages.say(f"Run {name} failed: {followed.failure}", "error")
            case "paused":
                self._messages.say(f"{name} is paused", notify=False)
            case _:
                pass
