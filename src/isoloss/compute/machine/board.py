"""What the processes of a team write for each other: a part of the launcher's key-value store.

The store outlives a group of processes that is restarted, and nothing in the launcher's environment
tells one group from the next. So each rank 0 opens a session of a name of its own, and the others
join the session whose heart they see beating.
"""

# PyTorch documents these names and exports them without saying so.
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from isoloss.errors import IsolossError

if TYPE_CHECKING:
    from torch.distributed import Store

# Seconds.
BEAT = 0.5
JOIN = 300.0


class Board:
    """One session's part of the launcher's store; what goes wrong there is said in one line."""

    def __init__(self, store: Store, session: str) -> None:
        import torch.distributed as dist

        self._launchers = store
        self._session = session
        self._store = dist.PrefixStore(f"isoloss/{session}", store)
        self._lost = dist.DistError

    @classmethod
    def opened(cls, store: Store) -> Board:
        """A new session's board, announced to whoever is to join."""
        session = uuid.uuid4().hex
        cls(store, "").write("session", session.encode())
        return cls(store, session)

    def another(self) -> Board:
        """The same over a connection of its own, for another thread."""
        return Board(self._launchers.clone(), self._session)

    def part(self, name: str) -> Store:
        import torch.distributed as dist

        return dist.PrefixStore(name, self._store)

    def write(self, key: str, value: bytes) -> None:
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
        try:
            self._store.delete_key(key)
        except self._lost as error:
            raise _gone() from error


def launchers_store() -> Store:
    # Its C++ stack traces would bury the one line that says what happened.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    import torch.distributed as dist

    try:
        store, _, _ = next(iter(dist.rendezvous("env://", timeout=timedelta(seconds=JOIN))))
    except (dist.DistError, ValueError) as error:
        where = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        raise IsolossError(f"cannot reach torchrun's store at {where}") from error
    return store


def join(store: Store) -> Board:
    """The board of the session whose rank 0 is alive."""
    lobby = Board(store, "")
    deadline = time.monotonic() + JOIN
    board, known, beat = lobby, b"", 0
    while time.monotonic() < deadline:
        session = lobby.read("session")
        if session is not None and session != known:
            board, known = Board(store, session.decode()), session
            beat = board.add("beat", 0)
        elif session is not None and board.add("beat", 0) != beat:
            return board
        time.sleep(BEAT / 5)
    raise IsolossError(f"rank 0 has not come within {JOIN / 60:.0f} minutes")


def pauses() -> Iterator[None]:
    """Short sleeps that grow longer, up to a length that still feels like at once."""
    length = 0.0005
    while True:
        yield
        time.sleep(length)
        length = min(2 * length, 0.05)


def _gone() -> IsolossError:
    return IsolossError("torchrun, or the machine that keeps its store, is gone")
