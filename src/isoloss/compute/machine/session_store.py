"""What several processes write for each other: a part of the launcher's key-value store.

The store outlives a group of processes that is restarted, and nothing in the launcher's environment
tells one group from the next. So each rank 0 opens a session of a name of its own, and the others
join the session in which they see the count of heartbeats grow.
"""

# PyTorch documents these names and exports them without saying so.
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from isoloss.errors import IsolossError

if TYPE_CHECKING:
    from torch.distributed import Store


@dataclass(frozen=True)
class Waits:
    """How long processes wait for each other, in seconds.

    Heartbeats are counted, not timed, so that a laptop may sleep and a shell may stop them all.

    Attributes:
        heartbeat: between two heartbeats of rank 0.
        join: until rank 0 is there.
        silence: without a heartbeat for so long, rank 0 is dead.
        grace: for a process that was asked to end, until it is ended.
        meeting: until the last process has loaded its data.
        straggler: without any result for so long, rank 0 does what is missing itself.
    """

    heartbeat: float = 0.5
    join: float = 300.0
    silence: float = 120.0
    grace: float = 5.0
    meeting: float = 3600.0
    straggler: float = 300.0


class SessionStore:
    """One session's part of the launcher's store.

    Its methods raise `IsolossError` where the launcher, or its machine, is gone.
    """

    def __init__(self, store: Store, session: str) -> None:
        import torch.distributed as dist

        self._launcher = store
        self._session = session
        self._store = dist.PrefixStore(f"isoloss/{session}", store)
        self._lost = dist.DistError

    @classmethod
    def opened(cls, store: Store) -> SessionStore:
        """A new session's store, announced to whoever is to join."""
        session = uuid.uuid4().hex
        cls(store, "").write("session", session.encode())
        return cls(store, session)

    def another(self) -> SessionStore:
        """The same store over a connection of its own, for another thread."""
        return SessionStore(self._launcher.clone(), self._session)

    def part(self, name: str) -> Store:
        """A part of it called `name`, for PyTorch's collectives."""
        import torch.distributed as dist

        return dist.PrefixStore(name, self._store)

    def write(self, key: str, value: bytes) -> None:
        """Set what `key` holds."""
        try:
            self._store.set(key, value)  # pyright: ignore[reportArgumentType]
        except self._lost as error:
            raise _gone() from error

    def read(self, key: str) -> bytes | None:
        """The value; None if there is none yet."""
        try:
            return self._store.get(key) if self._store.check([key]) else None
        except self._lost as error:
            raise _gone() from error

    def add(self, key: str, n: int) -> int:
        """The counter at `key` after adding `n` to it; it begins at 0."""
        try:
            return self._store.add(key, n)
        except self._lost as error:
            raise _gone() from error

    def erase(self, key: str) -> None:
        """Forget `key`."""
        try:
            self._store.delete_key(key)
        except self._lost as error:
            raise _gone() from error


def launchers_store() -> Store:
    """The store that torchrun keeps, by what its environment says.

    Raises:
        IsolossError: if it cannot be reached within the time of `Waits.join`.
    """
    # Its C++ stack traces would bury the one line that says what happened.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    import torch.distributed as dist

    try:
        store, _, _ = next(iter(dist.rendezvous("env://", timeout=timedelta(seconds=Waits.join))))
    except (dist.DistError, ValueError) as error:
        where = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        raise IsolossError(f"cannot reach torchrun's store at {where}") from error
    return store


def join(launcher: Store, waits: Waits) -> SessionStore:
    """The store of the session whose rank 0 is alive.

    Raises:
        IsolossError: if none is within the time of `waits.join`.
    """
    lobby = SessionStore(launcher, "")
    deadline = time.monotonic() + waits.join
    store, known, heartbeats = lobby, b"", 0
    while time.monotonic() < deadline:
        session = lobby.read("session")
        if session is not None and session != known:
            store, known = SessionStore(launcher, session.decode()), session
            heartbeats = store.add("heartbeat", 0)
        elif session is not None and store.add("heartbeat", 0) != heartbeats:
            return store
        time.sleep(waits.heartbeat / 5)
    raise IsolossError(f"rank 0 has not come within {waits.join / 60:.0f} minutes")


def pauses() -> Iterator[None]:
    """Short sleeps that grow longer, up to a length that still feels like at once."""
    length = 0.0005
    while True:
        yield
        time.sleep(length)
        length = min(2 * length, 0.05)


def _gone() -> IsolossError:
    return IsolossError("torchrun, or the machine that keeps its store, is gone")
