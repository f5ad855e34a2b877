"""Several processes that PyTorch's elastic launcher has started: rank 0 leads, the others follow.

They speak through the launcher's key-value store. Rank 0 needs nobody to get to the end: units that
another process has taken and does not give back are done again.
"""

from __future__ import annotations

import atexit
import json
import os
import struct
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from isoloss.compute.machine.process_group import ProcessGroup, Ranks, Unit, Work
from isoloss.compute.machine.session_store import SessionStore, Waits, join, launchers_store, pauses
from isoloss.errors import IsolossError

if TYPE_CHECKING:
    from torch.distributed import Store  # pyright: ignore[reportPrivateImportUsage]

# The store takes no message above 8 MiB.
UNITS_IN_A_ROUND = 4096
INTERRUPTED = 130
"""Exit code of a process that was asked to end."""
_HEADER = struct.Struct("<III")  # round, index, rank


@cache
def process_group() -> ProcessGroup:
    """The group that this process is in.

    Raises:
        IsolossError: if the launcher or rank 0 cannot be reached.
    """
    ranks = Ranks.current()
    if ranks.world == 1:
        return ProcessGroup()
    if ranks.rank > 0:
        return Follower(ranks, launchers_store(), Waits())
    leader = Leader(ranks, launchers_store(), Waits())
    # A script ends without closing anything.
    atexit.register(leader.await_latecomers)
    return leader


class _Member(ProcessGroup):
    """One of several; rank 0 says things to all through a log that the others read in order."""

    def __init__(self, ranks: Ranks, store: SessionStore, waits: Waits) -> None:
        super().__init__(ranks)
        self._store = store
        self._waits = waits
        self._entries = 0

    def store(self) -> Store:
        name = self.broadcast("store", uuid.uuid4().hex.encode()).decode()
        self._meet(f"{name}/met")
        return self._store.part(name)

    def _meet(self, counter: str) -> None:
        self._store.add(counter, 1)


class Leader(_Member):
    """Rank 0: it maps units to whoever is free, and counts heartbeats for the others to see.

    Args:
        launcher: the launcher's store.
    """

    def __init__(self, ranks: Ranks, launcher: Store, waits: Waits) -> None:
        super().__init__(ranks, SessionStore.opened(launcher), waits)
        self._results_read = 0
        self._closing = threading.Event()
        self._heartbeats = threading.Thread(
            target=self._count_heartbeats, args=[self._store.another()], daemon=True
        )
        self._heartbeats.start()

    def _count_heartbeats(self, store: SessionStore) -> None:
        # If the launcher is gone, whatever the main thread does next will say so.
        with suppress(IsolossError):
            while not self._closing.wait(self._waits.heartbeat):
                store.add("heartbeat", 1)

    def map(self, units: Sequence[Unit], work: Work) -> Iterator[tuple[Unit, bytes]]:
        """In rounds, so that what all read stays small; see `ProcessGroup.map`."""
        for first in range(0, len(units), UNITS_IN_A_ROUND):
            yield from self._round(units[first : first + UNITS_IN_A_ROUND], work)

    def _round(self, units: Sequence[Unit], work: Work) -> Iterator[tuple[Unit, bytes]]:
        number = self._log("round", json.dumps(units, default=int).encode())
        missing = dict(enumerate(units))
        try:
            while (index := self._store.add(f"taken/{number}", 1) - 1) < len(units):
                yield self._do(index, missing, work)
                yield from self._arrived(number, missing)
            yield from self._last(number, missing)
            while missing:
                yield self._do(min(missing), missing, work)
        finally:
            # Of a round that was broken off, nobody takes any more.
            with suppress(IsolossError):
                self._store.add(f"taken/{number}", len(units))

    def _do(self, index: int, missing: dict[int, Unit], work: Work) -> tuple[Unit, bytes]:
        unit = missing[index]
        result = work(unit)
        del missing[index]
        self._done[0] += 1
        return unit, result

    def _arrived(self, number: int, missing: dict[int, Unit]) -> Iterator[tuple[Unit, bytes]]:
        self._check_for_failure()
        while (message := self._store.read(key := f"result/{self._results_read}")) is not None:
            self._store.erase(key)
            self._results_read += 1
            its_round, index, rank = _HEADER.unpack_from(message)
            # Results of a round that was broken off, or of units done again, come late.
            if its_round == number and index in missing:
                self._done[rank] += 1
                yield missing.pop(index), message[_HEADER.size :]

    def _last(self, number: int, missing: dict[int, Unit]) -> Iterator[tuple[Unit, bytes]]:
        """The results that others still compute, for as long as some arrive."""
        last_result = time.monotonic()
        for _ in pauses():
            for result in self._arrived(number, missing):
                yield result
                last_result = time.monotonic()
            if not missing or time.monotonic() - last_result > self._waits.straggler:
                return

    def _meet(self, counter: str) -> None:
        super()._meet(counter)
        deadline = time.monotonic() + self._waits.meeting
        for _ in pauses():
            self._check_for_failure()
            if self._store.add(counter, 0) == self.ranks.world:
                return
            if time.monotonic() > deadline:
                raise IsolossError("a process has not got ready to train within an hour")

    def _check_for_failure(self) -> None:
        if (reason := self.failure) is not None:
            raise IsolossError(reason)

    def release(self) -> None:
        """End the others' serving."""
        super().release()
        self._log("release", b"")

    def broadcast(self, name: str, value: bytes = b"") -> bytes:
        """Write `value` where the others read in order."""
        self._log(f"broadcast {name}", value)
        return value

    def _log(self, what: str, content: bytes) -> int:
        """Append an entry to what the others read in order; returns its number."""
        number = self._entries
        self._store.write(f"log/{number}", what.encode() + b"\n" + content)
        self._entries += 1
        return number

    @property
    def failure(self) -> str | None:
        """What another process has reported, or that the launcher is gone."""
        try:
            reason = self._store.read("failure")
        except IsolossError as error:
            return str(error)
        return None if reason is None else reason.decode()

    def close(self, code: int = 0) -> None:
        """Let the others end with `code`, and send no more heartbeats."""
        with suppress(IsolossError):
            if code == 0:
                self.await_latecomers()
            self._store.write("closed", str(code).encode())
        self._closing.set()
        self._heartbeats.join()

    def await_latecomers(self) -> None:
        """Whoever came after the last heartbeat would wait for another one."""
        deadline = time.monotonic() + self._waits.join
        with suppress(IsolossError):
            for _ in pauses():
                everybody = self._store.add("joined", 0) == self.ranks.world - 1
                if everybody or self._closing.is_set() or time.monotonic() > deadline:
                    return


class Follower(_Member):
    """Any other rank: it writes no files, and ends when rank 0 does.

    Args:
        launcher: the launcher's store.
        end: ends this process at once with an exit code.
    """

    def __init__(
        self,
        ranks: Ranks,
        launcher: Store,
        waits: Waits,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        super().__init__(ranks, join(launcher, waits), waits)
        self._store.add("joined", 1)
        self._end = end
        self._told_to_end = False
        self._leaving = threading.Event()
        self._watch = threading.Thread(
            target=self._end_with_rank_0, args=[self._store.another()], daemon=True
        )
        self._watch.start()

    def map(self, units: Sequence[Unit], work: Work) -> Iterator[tuple[Unit, bytes]]:
        """Not for this rank."""
        raise AssertionError("only rank 0 maps")

    def serve(self, work: Work) -> None:
        """Take units of each round until rank 0 releases all."""
        while True:
            number, what, content = self._next_entry()
            if what == "release":
                return
            if what == "round":
                units = [tuple(unit) for unit in json.loads(content)]
                self._take_part(number, units, work)

    def _take_part(self, number: int, units: list[Unit], work: Work) -> None:
        while (index := self._store.add(f"taken/{number}", 1) - 1) < len(units):
            message = _HEADER.pack(number, index, self.ranks.rank) + work(units[index])
            ticket = self._store.add("results", 1) - 1
            self._store.write(f"result/{ticket}", message)

    def broadcast(self, name: str, value: bytes = b"") -> bytes:
        """Wait for rank 0's value; rounds in between are passed over."""
        while True:
            _, what, content = self._next_entry()
            if what == f"broadcast {name}":
                return content

    def _next_entry(self) -> tuple[int, str, bytes]:
        """(number, what it is, content) of the next thing that rank 0 says to all."""
        for _ in pauses():
            if (entry := self._store.read(f"log/{self._entries}")) is not None:
                break
            self._end_if_closed()
        else:
            raise AssertionError("pauses never end")
        what, _, content = entry.partition(b"\n")
        self._entries += 1
        return self._entries - 1, what.decode(), content

    def report_failure(self, reason: str) -> None:
        """Write the reason for rank 0, and wait a little for it to end all."""
        # If not even that is possible, rank 0 fails by itself.
        with suppress(IsolossError):
            self._end_if_closed()
            self._store.write("failure", f"rank {self.ranks.rank}: {reason}".encode())
            deadline = time.monotonic() + self._waits.grace
            for _ in pauses():
                self._end_if_closed()
                if self._told_to_end or time.monotonic() > deadline:
                    return

    def _end_if_closed(self) -> None:
        if (code := self._store.read("closed")) is not None:
            raise SystemExit(int(code))

    def end_soon(self) -> None:
        """End with rank 0, or after a while without it."""
        self._told_to_end = True

    def _end_with_rank_0(self, store: SessionStore) -> None:
        """End this process when rank 0 has, whatever the main thread waits for: a collective with
        a process that is gone cannot be interrupted from Python."""
        waits = self._waits
        heartbeat, silent, grace = -1, 0, 0
        while not self._leaving.wait(waits.heartbeat):
            try:
                last, heartbeat = heartbeat, store.add("heartbeat", 0)
                closed = store.read("closed")
            except IsolossError as error:
                if self._told_to_end:
                    return self._end_now(INTERRUPTED)
                return self._end_now(1, str(error))
            grace += closed is not None or self._told_to_end
            silent = silent + 1 if heartbeat == last else 0
            if grace * waits.heartbeat >= waits.grace:
                return self._end_now(INTERRUPTED if closed is None else int(closed))
            if closed is None and silent * waits.heartbeat >= waits.silence:
                return self._end_now(1, "rank 0 has shown no sign of life for two minutes")
        return None

    def _end_now(self, code: int, reason: str = "") -> None:
        if reason:
            print(f"isoloss: rank {self.ranks.rank}: {reason}", file=sys.stderr, flush=True)
        self._end(code)

    def close(self, code: int = 0) -> None:
        """Watch rank 0 no more."""
        self._leaving.set()
        self._watch.join()
