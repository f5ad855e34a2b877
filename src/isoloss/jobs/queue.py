"""The queue: runs that wait until a device is free, in an order that can be changed.

It lies on disk, so that it outlives the window, and windows and command lines share one: whoever
looks first begins what is due. A run is begun before it is taken off the list: a kill between the
two leaves it there, and who looks next finds it held. One that is held waits until it no longer is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import filelock

from isoloss.errors import IsolossError
from isoloss.files import read_json, write_json
from isoloss.jobs.devices import device_of, is_alive
from isoloss.run import Run
from isoloss.system.user_folders import config_folder

AT_ONCE = 1
"""Jobs on one device, where nobody has said otherwise."""
_SETTLING = 60.0
"""Seconds within which a job has taken hold of its run, or never will."""
_PATIENCE = 5.0

Begin = Callable[[Path], int]
"""Begins the job of a run; returns the id of its process."""


@dataclass(frozen=True)
class AtWork:
    """A job that the queue has begun, at `began` on the clock of `time.monotonic`, which all
    processes share until the machine is started again, and which nobody sets."""

    folder: Path
    pid: int
    device: str
    began: float

    @property
    def is_alive(self) -> bool:
        """Whether it still is; its process's id alone may be another's by now."""
        if not is_alive(self.pid):
            return False
        if 0 <= time.monotonic() - self.began < _SETTLING:
            return True
        try:
            return Run.open(self.folder).is_held
        except IsolossError:
            return False


@dataclass
class _Content:
    waiting: list[Path] = field(default_factory=list[Path])
    limits: dict[str, int] = field(default_factory=dict[str, int])
    at_work: list[AtWork] = field(default_factory=list[AtWork])


class Queue:
    """Runs that wait, and how many may be at work on a device at once.

    Attributes:
        path: the file that keeps it.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or config_folder() / "queue.json"
        self._content = _Content()
        self._stamp: tuple[int, int] | None = None
        self._devices: dict[Path, str] = {}
        self.refresh()

    @property
    def waiting(self) -> tuple[Path, ...]:
        """The folders of the runs that wait, the next one first."""
        return tuple(self._content.waiting)

    @property
    def at_work(self) -> tuple[AtWork, ...]:
        """Jobs that were begun by the queue, and had not ended when it last looked."""
        return tuple(self._content.at_work)

    def limit(self, device: str) -> int:
        """How many jobs may be at work on a device at once."""
        return self._content.limits.get(device, AT_ONCE)

    def set_limit(self, device: str, count: int) -> None:
        """Let so many jobs be at work on a device at once; 0 lets none begin."""
        with self._changing() as content:
            content.limits[device] = max(count, 0)

    def add(self, folders: Sequence[Path]) -> None:
        """Put runs at the end; those that wait already stay where they are."""
        with self._changing() as content:
            new = [folder.absolute() for folder in folders]
            content.waiting += [f for f in dict.fromkeys(new) if f not in content.waiting]

    def remove(self, folder: Path) -> None:
        """Take a run off the list; it can be resumed all the same."""
        with self._changing() as content:
            content.waiting = [f for f in content.waiting if f != folder]

    def move(self, folder: Path, place: int) -> None:
        """Put a waiting run at a place, 0 being the next to begin."""
        with self._changing() as content:
            if folder in content.waiting:
                content.waiting.remove(folder)
                content.waiting.insert(place, folder)

    def ended(self, folder: Path) -> None:
        """The job of a run has ended: its device is free."""
        if any(job.folder == folder for job in self._content.at_work):
            with self._changing() as content:
                content.at_work = [job for job in content.at_work if job.folder != folder]

    def refresh(self) -> bool:
        """Read what others have changed; returns whether they have."""
        stamp = _stamp(self.path)
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        if stamp is not None:
            self._content = _read(self.path)
        return True

    def begin_due(self, begin: Begin, busy: Mapping[Path, str]) -> list[Path]:
        """Begin the runs whose turn it is; returns their folders.

        A run that cannot be begun leaves the list, and begin has said why.

        Args:
            busy: {folder: device} of jobs at work that the queue may not know of.
        """
        if not self._content.waiting:
            return []
        begun: list[Path] = []
        with suppress(IsolossError), self._changing(patience=0) as content:
            content.at_work = [job for job in content.at_work if job.is_alive]
            devices = {job.folder: job.device for job in content.at_work} | dict(busy)
            for folder in list(content.waiting):
                device = self._devices.get(folder) or _device_for(folder)
                if device is not None and folder not in devices:
                    self._devices[folder] = device
                    if sum(d == device for d in devices.values()) >= self.limit(device):
                        continue
                    device = _device_for(folder)  # much may have happened while it waited
                    if device is not None and Run.open(folder).is_held:
                        continue  # by a process that is about to end, or that we know nothing of
                if folder in devices or device is None:
                    content.waiting.remove(folder)
                    continue
                with suppress(IsolossError):
                    job = AtWork(folder, begin(folder), device, time.monotonic())
                    content.at_work.append(job)
                    devices[folder] = device
                    begun.append(folder)
                content.waiting.remove(folder)
        return begun

    @contextmanager
    def _changing(self, patience: float = _PATIENCE) -> Iterator[_Content]:
        """What the file says now, which is written again when the block ends; where it cannot be
        written, the queue lasts as long as this process.

        Raises:
            IsolossError: if another process holds it.
        """
        with self._held(patience):
            self.refresh()
            before = _as_json(self._content)
            yield self._content
            if _as_json(self._content) != before:
                with suppress(IsolossError):
                    write_json(self.path, _as_json(self._content))
                    self._stamp = _stamp(self.path)

    @contextmanager
    def _held(self, patience: float) -> Iterator[None]:
        lock = filelock.FileLock(self.path.with_suffix(".lock"), timeout=patience)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except filelock.Timeout as error:
            raise IsolossError("the queue is held by another process: try again") from error
        except (OSError, NotImplementedError):
            yield  # a folder that cannot be written is nobody else's either
            return
        try:
            yield
        finally:
            lock.release()


def _device_for(folder: Path) -> str | None:
    """Where the run in a folder will be carried out; None if there is nothing to be done there."""
    try:
        run = Run.open(folder)
        return None if run.is_done else device_of(run.settings.device)
    except IsolossError:
        return None


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _as_json(content: _Content) -> dict[str, Any]:
    return {
        "waiting": [*map(str, content.waiting)],
        "limits": content.limits,
        "at_work": [
            {"folder": str(job.folder), "pid": job.pid, "device": job.device, "began": job.began}
            for job in content.at_work
        ],
    }


def _read(path: Path) -> _Content:
    """What a file says; what is damaged of it counts as nothing."""
    try:
        read: Any = read_json(path)
    except IsolossError:
        return _Content()
    said = cast("dict[str, Any]", read) if isinstance(read, dict) else {}
    content = _Content()
    with suppress(TypeError, ValueError):
        content.waiting = [Path(each) for each in said.get("waiting", ())]
    with suppress(TypeError, ValueError, AttributeError, OverflowError):
        content.limits = {str(k): max(int(v), 0) for k, v in said.get("limits", {}).items()}
    with suppress(TypeError, ValueError, KeyError, OverflowError):
        content.at_work = [
            AtWork(Path(j["folder"]), int(j["pid"]), str(j["device"]), float(j["began"]))
            for j in said.get("at_work", ())
        ]
    return content
