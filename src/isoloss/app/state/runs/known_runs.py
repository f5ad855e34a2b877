"""The runs this window knows of: all in its library, and those that it follows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from isoloss.app.state.defects import in_words
from isoloss.app.state.messages import Messages
from isoloss.app.state.next_steps import COMPARE, NextStep, next_steps
from isoloss.app.state.runs.library_watch import LibraryWatch
from isoloss.errors import IsolossError
from isoloss.jobs.devices import device_of
from isoloss.jobs.follow import FollowedRun
from isoloss.jobs.job import Job
from isoloss.jobs.queue import Queue
from isoloss.jobs.stopping import ask_process, end_process
from isoloss.library.entry import Entry
from isoloss.library.library import Library
from isoloss.library.sweeps import Sweep, create_sweep, sweep_tag, sweeps_in
from isoloss.run import Run
from isoloss.run_names import free_folder, run_name
from isoloss.settings import AnySettings
from isoloss.settings.sweep import Swept

Spawn = Callable[[Sequence[Path]], Job]

POLL = 0.1
"""Seconds between two readings of the runs' events."""
ENDS = 0.4
"""Seconds between two looks whether processes that others have begun are still there."""
SCAN = 3.0
"""Seconds between two searches for runs that others have begun or dropped."""
FREE = 0.5
"""Seconds between two looks whether a folder that is suggested is still free."""
QUEUE = 1.0
"""Seconds between two looks at the queue, while nothing ends."""


class Runs:
    """Follows runs, starts, stops and resumes them."""

    def __init__(
        self,
        folder: Path,
        messages: Messages,
        spawn: Spawn = Job,
        further: Sequence[Path] = (),
        cache: Path | None = None,
    ) -> None:
        """Args:
        folder: in which runs are begun.
        further: folders whose runs are listed too.
        cache: the library's.
        """
        self.folder = folder
        self.library = Library([folder, *further], cache)
        self.watch = LibraryWatch(self.library)
        self.queue = Queue()
        self.followed: list[FollowedRun] = []
        self.selected: FollowedRun | None = None
        self._messages = messages
        self._spawn = spawn
        self._polled = self._scanned = self._queued = self._looked = -SCAN
        self._forgotten: set[Path] = set()
        self._sweeps: tuple[int, dict[Path, Sweep]] = (-1, {})
        self._trained: tuple[int, tuple[Entry, ...]] = (-1, ())
        self._suggested: tuple[object, float, Path] = (None, 0.0, folder)
        self._seen = -1

    @property
    def active(self) -> list[FollowedRun]:
        """Those at which a process is at work."""
        return [f for f in self.followed if f.is_active]

    @property
    def trained(self) -> tuple[Entry, ...]:
        """Training runs: what can be probed, newest first."""
        if self._trained[0] != self.library.version:
            found = tuple(e for e in self.library.entries if e.is_training and e.settings)
            self._trained = self.library.version, found
        return self._trained[1]

    def sweep_of(self, folder: Path) -> Sweep | None:
        """The sweep that the run in a folder is of."""
        if self._sweeps[0] != self.library.version:
            found = sweeps_in(self.library.entries)
            self._sweeps = self.library.version, {f: each for each in found for f in each.folders}
        return self._sweeps[1].get(folder)

    def next_steps(self, followed: FollowedRun) -> tuple[NextStep, ...]:
        """What is usually done next with a run that is done."""
        if followed.status != "done":
            return ()
        steps = next_steps(followed.run.settings)
        return steps if self.sweep_of(followed.run.folder) is None else (*steps[:1], COMPARE)

    def of(self, folder: Path) -> FollowedRun | None:
        """The followed run in `folder`."""
        return next((f for f in self.followed if f.run.folder == folder), None)

    def select(self, folder: Path) -> FollowedRun | None:
        """Select the run in `folder`, which panels tell about; it is followed while it is at work
        or was begun here. None, and a notification, if it cannot be read."""
        known = [f for f in (self.of(folder), self.selected) if f is not None]
        found = next((f for f in known if f.run.folder == folder), None)
        try:
            self.selected = found or FollowedRun(Run.open(folder))
        except IsolossError as error:
            self._messages.say(str(error), "error")
            return None
        return self.selected

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
        followed = self.follow(run)
        self.queue.add([run.folder])
        self.begin_due()
        if followed.is_active:
            self._messages.say(f"Started {run.name}", notify=False)
        elif run.folder in self.queue.waiting:
            self._messages.say(f"{run.name} waits until its device is free")
        self.watch.look()
        return followed

    def start_sweep(self, out: Path, runs: Sequence[Swept]) -> str:
        """Create the runs of a sweep, and let them be begun one after the other; returns the tag
        that they share.

        Raises:
            IsolossError: if a folder is taken or cannot be written.
        """
        self.wait_for_turn(create_sweep(out, runs))
        self._messages.say(f"Started {len(runs):,} runs", notify=False)
        self.watch.look()
        return sweep_tag(out)

    def start_now(self, followed: FollowedRun) -> None:
        """Begin a run that waits, whatever is at work.

        Raises:
            IsolossError: if the job cannot be started.
        """
        self.queue.remove(followed.run.folder)
        self.resume([followed.run])

    def wait_for_turn(self, runs: Sequence[Run]) -> None:
        """Let runs be resumed when it is their turn."""
        for run in reversed(runs):
            followed = self.follow(run)
            followed.job = None  # what it was has ended, or is about to
            if followed.status in ("paused", "failed"):
                followed.status, followed.failure = "waiting", ""
                followed.version += 1
            followed.is_asked_to_stop = False
        self.queue.add([run.folder for run in runs])
        self.begin_due()

    def place(self, followed: FollowedRun) -> int | None:
        """How many runs are begun before one that waits; None of one that does not."""
        waiting = self.queue.waiting
        folder = followed.run.folder
        return waiting.index(folder) if folder in waiting else None

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
            followed.is_asked_to_stop = False
            followed.version += 1
        self.selected = found[0]
        return found

    def cancel(self, followed: FollowedRun) -> None:
        """Ask the run's process to stop; it leaves the run paused. One that waits is taken off the
        queue."""
        if self.place(followed) is not None:
            self.queue.remove(followed.run.folder)
            return
        if followed.job is not None:
            followed.job.cancel()
        elif not self._ask_other(followed, ask_process):
            return
        for each in self._beside(followed):
            each.is_asked_to_stop = True
            each.version += 1

    def end(self, followed: FollowedRun) -> None:
        """End the run's process at once, where it does not stop when it is asked to; what was not
        on disk is done again."""
        if followed.job is not None:
            followed.job.end()
        else:
            self._ask_other(followed, end_process)

    def _ask_other(self, followed: FollowedRun, ask: Callable[[Run, int, str], None]) -> bool:
        """Ask a job of an earlier window or of the command line: the run's own word says which
        process it is. Returns whether it is asked; what is wrong becomes a notification."""
        if followed.pid <= 1 or not followed.run.is_held:
            return False
        try:
            ask(followed.run, followed.pid, followed.host)
        except IsolossError as error:
            self._messages.say(str(error), "error")
            return False
        return True

    def _beside(self, followed: FollowedRun) -> list[FollowedRun]:
        """The runs that the same job is to carry out."""
        if followed.job is None:
            return [followed]
        return [f for f in self.followed if f.job is followed.job] or [followed]

    def in_order(self) -> list[FollowedRun]:
        """Those that are followed: at work, then those that wait, the next first, then the rest."""
        waiting = self.queue.waiting
        places = {folder: k for k, folder in enumerate(waiting)}

        def rank(followed: FollowedRun) -> int:
            return -1 if followed.is_active else places.get(followed.run.folder, len(waiting))

        return sorted(self.followed, key=rank)

    def device(self, followed: FollowedRun) -> str:
        """Where a run is, or will be, carried out."""
        return device_of(followed.device or followed.run.settings.device)

    def memory(self, followed: FollowedRun) -> int:
        """The bytes that a job holds, of its GPU where it has one; 0 if unknown."""
        pid = followed.pid or (followed.job.pid if followed.job is not None else 0)
        if pid <= 1 or not followed.is_active:
            return 0
        on_gpu = self.device(followed).startswith("cuda")
        return self.watch.gpu.get(pid, 0) if on_gpu else self.watch.memory(pid)

    def forget(self, followed: FollowedRun) -> None:
        """Take a run off the list; its folder and its process stay as they are."""
        self.followed.remove(followed)
        self.queue.remove(followed.run.folder)
        self._forgotten.add(followed.run.folder)
        if self.selected is followed:
            self.selected = self.followed[0] if self.followed else None

    def drop(self, folder: Path) -> None:
        """Forget a run whose folder is gone."""
        if (followed := self.of(folder)) is not None:
            self.forget(followed)
        if self.selected is not None and self.selected.run.folder == folder:
            self.selected = None

    def update(self, now: float | None = None) -> bool:
        """Take in what is new, at most every `POLL` seconds; returns whether anything is."""
        now = time.monotonic() if now is None else now
        if now - self._polled < POLL:
            return False
        self._polled = now
        scan = now - self._scanned >= SCAN
        if scan:
            self._scanned = now
            self.watch.keep_up()
            while not self.watch.defects.empty():
                self._messages.say(in_words("Runs", self.watch.defects.get()), "error")
        changed = self._find()
        told = [f for f in [self.selected] if f is not None and f not in self.followed]
        look = now - self._looked >= ENDS
        if look:
            self._looked = now
        for followed in [*self.followed, *told]:
            if not (followed.is_active or scan or followed.is_behind):
                continue
            before, logged = followed.status, len(followed.log)
            changed |= followed.refresh()
            if look:
                changed |= followed.look_for_end()
            for line in followed.log[logged:]:
                self._messages.say(f"{followed.run.name}  {line}", notify=False)
            if followed.status != before:
                self._report_status(followed)
                if not followed.is_active:
                    self.queue.ended(followed.run.folder)
                    self.watch.look()
                    self._queued = -SCAN
        if now - self._queued >= QUEUE:
            self._queued = now
            changed |= self.queue.refresh()
            self.begin_due()
        return changed

    def suggest(self, settings: AnySettings, suffixes: Sequence[str] = ("",)) -> Path:
        """A free folder for a run with `settings`, or for those of a sweep, named for what they
        do; the disk is asked a few times a second, however often it is drawn."""
        asked = (settings, *suffixes), len(self.followed), self.library.version
        now, (seen, looked, found) = time.monotonic(), self._suggested
        if seen != asked or now - looked >= FREE:
            found = free_folder(self.folder, run_name(settings), suffixes)
            self._suggested = asked, now, found
        return found

    def _find(self) -> bool:
        """Follow the runs that are at work or wait, whoever has begun them; returns whether the
        library has changed."""
        if self._seen == self.library.version:
            return False
        self._seen = self.library.version
        waiting = {*self.queue.waiting}
        known = self._forgotten | {f.run.folder for f in self.followed}
        for entry in reversed(self.library.entries):
            wanted = entry.state == "running" or entry.folder in waiting
            if not wanted or entry.folder in known:
                continue
            try:
                self.followed.insert(0, FollowedRun(Run.open(entry.folder)))
            except IsolossError:
                continue  # its entry says what is wrong
        if self.selected is None and self.followed:
            self.selected = self.followed[0]
        return True

    def begin_due(self) -> None:
        """Begin the runs whose turn it is."""
        busy = {f.run.folder: device_of(f.device or f.run.settings.device) for f in self.active}
        self.queue.begin_due(self._begin, busy)

    def _begin(self, folder: Path) -> int:
        """Begin the job of a run that has waited; returns the id of its process."""
        try:
            followed = self.of(folder)
            if followed is None:
                followed = FollowedRun(Run.open(folder))
                self.followed.insert(0, followed)
            followed.job = self._spawn([folder])
        except IsolossError as error:
            self._messages.say(str(error), "error")
            raise
        followed.status, followed.failure, followed.is_asked_to_stop = "waiting", "", False
        followed.version += 1
        return followed.job.pid

    def _report_status(self, followed: FollowedRun) -> None:
        name = followed.run.name
        match followed.status:
            case "done":
                self._report_done(followed)
            case "failed":
                said = f"Run {name} failed: {followed.failure}"
                self._messages.say(said, "error", urgent=True, run=followed.run.folder)
            case "paused":
                self._messages.say(f"{name} is paused", notify=False)
            case _:
                pass

    def _report_done(self, followed: FollowedRun) -> None:
        """Say that a run is done, or that with it all of a sweep are, and offer what comes next."""
        folder, name = followed.run.folder, followed.run.name
        steps, sweep = self.next_steps(followed), self.sweep_of(folder)
        text = f"{name} is done"
        if sweep is not None:
            others = [f for f in sweep.folders if f != folder]
            begun = {*self.queue.waiting, *(f.run.folder for f in self.active)}
            states = {entry.folder: entry.state for entry in self.library.entries}
            states |= {f.run.folder: f.status for f in self.followed}
            left = [f for f in others if f in begun]
            undone = [f for f in others if states.get(f) != "done"]
            count = len(sweep.folders) - len(undone)
            how_many = f"{count:,} of the" if undone else "all"
            text = f"{text}, and with it {how_many} {len(sweep.folders):,} of {sweep.tag}"
            steps = (COMPARE, *(step for step in steps if step != COMPARE))
            if left:
                text, steps = f"{name} is done, {len(left):,} more to come", ()
        self._messages.say(text, "done", urgent=True, run=folder, steps=steps)
