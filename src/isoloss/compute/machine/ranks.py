"""Several processes on one run: PyTorch's elastic launcher starts them, rank 0 leads.

Rank 0 alone owns the run folder; the others compute for it. Units of work are dealt out through the
launcher's key-value store: whoever is free takes the next, so that fast and slow machines end
together, and rank 0 needs nobody to get to the end.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NoReturn

from isoloss.compute.machine.board import BEAT, JOIN, Board, join, launchers_store, pauses
from isoloss.errors import IsolossError

if TYPE_CHECKING:
    import torch
    from torch.distributed import Store  # pyright: ignore[reportPrivateImportUsage]

Unit = tuple[int, ...]
Work = Callable[[Unit], bytes]

# Seconds. Beats are counted, not timed, so that a laptop may sleep and a shell may stop us all.
SILENCE = 120.0  # without a beat for so long, rank 0 is dead
GRACE = 5.0  # for a process that was told to end, until it is ended
MEETING = 3600.0  # until the last process has loaded its data
STRAGGLER = 300.0  # without any result for so long, rank 0 does what is missing itself
# The store takes no message above 8 MiB.
UNITS_IN_A_ROUND = 4096
_HEADER = struct.Struct("<III")  # round, index, rank
INTERRUPTED = 130


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this one is, as torchrun numbers them.

    Attributes:
        rank: from 0 to `world` − 1 over all machines; `local_rank` likewise on this machine.
    """

    rank: int = 0
    local_rank: int = 0
    world: int = 1
    local_world: int = 1

    @classmethod
    def current(cls) -> Ranks:
        """Read from torchrun's environment; one of one without it."""
        if "TORCHELASTIC_RUN_ID" not in os.environ:
            return cls()
        names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")
        return cls(*(int(os.environ[name]) for name in names))

    def own(self, device: torch.device) -> torch.device:
        """The device this process takes where `device` names only a kind: a GPU for each."""
        if self.world == 1 or device.type != "cuda" or device.index is not None:
            return device
        import torch

        return torch.device("cuda", self.local_rank % torch.cuda.device_count())


class Team:
    """The processes that carry a run on; this class is the team of one."""

    def __init__(self, ranks: Ranks | None = None) -> None:
        self.ranks = ranks or Ranks()
        self._done = [0] * self.ranks.world

    def deal(self, units: Sequence[Unit], work: Work) -> Iterator[tuple[Unit, bytes]]:
        """Rank 0: have `work` done on every unit by whoever is free, this process included.

        Yields:
            Each unit with its result, of at most a few MB, as it arrives, in any order.

        Raises:
            IsolossError: if another process says that it cannot do its work.
        """
        for unit in units:
            result = work(unit)
            self._done[0] += 1
            yield unit, result

    def serve(self, work: Work) -> None:
        """The other ranks: do the units that rank 0 deals until it dismisses all."""
        raise AssertionError("rank 0 deals, only the others serve")

    def dismiss(self) -> None:
        """Rank 0: end the others' serving; what follows is counted anew."""
        self._done = [0] * self.ranks.world

    def share(self, name: str, value: bytes = b"") -> bytes:
        """Rank 0's `value`, at every rank; the others wait for it and pass none."""
        return value

    @property
    def trouble(self) -> str | None:
        """Why another process cannot go on, where one has said so."""
        return None

    def complain(self, reason: str) -> None:
        """The other ranks: let rank 0 know why this one cannot go on, and give it time to act.

        Raises:
            SystemExit: if rank 0 has ended, with its exit code: what it says is enough.
        """
        raise AssertionError("rank 0 has nobody to complain to")

    def end_soon(self) -> None:
        """The other ranks, told to end: do so with rank 0, which has been told too, or alone."""
        raise AssertionError("rank 0 pauses the run")

    def close(self, code: int = 0) -> None:
        """Leave; when rank 0 does, all end, with its exit code."""

    @property
    def tally(self) -> str:
        """How many units each rank did, in words."""
        return "units: " + ", ".join(f"rank {rank} {n:,}" for rank, n in enumerate(self._done))

    def store(self) -> Store:
        """A part of the launcher's store for one group of collectives, the same at every rank,
        given to rank 0 when all are there: what waits in a collective hears no signal.

        Raises:
            IsolossError: at rank 0, if another process says that it cannot come, or does not.
        """
        raise AssertionError("a team of one has no store")


@cache
def team() -> Team:
    """This process's team.

    Raises:
        IsolossError: if the launcher or rank 0 cannot be reached.
    """
    ranks = Ranks.current()
    if ranks.world == 1:
        return Team()
    return _Leader(ranks) if ranks.rank == 0 else _Follower(ranks)


class _Member(Team):
    """One of several; rank 0 says things to all through a log that the others read in order."""

    def __init__(self, ranks: Ranks, board: Board) -> None:
        super().__init__(ranks)
        self._board = board
        self._entries = 0

    def store(self) -> Store:
        name = self.share("store", uuid.uuid4().hex.encode()).decode()
        self._meet(f"{name}/met")
        return self._board.part(name)

    def _meet(self, counter: str) -> None:
        self._board.add(counter, 1)


class _Leader(_Member):
    """Rank 0: it deals, and its heart beats for the others to see."""

    def __init__(self, ranks: Ranks) -> None:
        super().__init__(ranks, Board.opened(launchers_store()))
        self._results_read = 0
        self._closing = threading.Event()
        self._heart = threading.Thread(target=self._beat, args=[self._board.another()], daemon=True)
        self._heart.start()

    def _beat(self, board: Board) -> None:
        # If the launcher is gone, whatever the main thread does next will say so.
        with suppress(IsolossError):
            while not self._closing.wait(BEAT):
                board.add("beat", 1)

    def deal(self, units: Sequence[Unit], work: Work) -> Iterator[tuple[Unit, bytes]]:
        for first in range(0, len(units), UNITS_IN_A_ROUND):
            yield from self._round(units[first : first + UNITS_IN_A_ROUND], work)

    def _round(self, units: Sequence[Unit], work: Work) -> Iterator[tuple[Unit, bytes]]:
        number = self._log("round", json.dumps(units, default=int).encode())
        missing = dict(enumerate(units))
        try:
            while (index := self._board.add(f"taken/{number}", 1) - 1) < len(units):
                yield self._do(index, missing, work)
                yield from self._arrived(number, missing)
            yield from self._last(number, missing)
            while missing:
                yield self._do(min(missing), missing, work)
        finally:
            # Of a round that was broken off, nobody takes any more.
            with suppress(IsolossError):
                self._board.add(f"taken/{number}", len(units))

    def _do(self, index: int, missing: dict[int, Unit], work: Work) -> tuple[Unit, bytes]:
        unit = missing[index]
        result = work(unit)
        del missing[index]
        self._done[0] += 1
        return unit, result

    def _arrived(self, number: int, missing: dict[int, Unit]) -> Iterator[tuple[Unit, bytes]]:
        self._check_for_trouble()
        while (message := self._board.read(key := f"result/{self._results_read}")) is not None:
            self._board.erase(key)
            self._results_read += 1
            its_round, index, rank = _HEADER.unpack_from(message)
            # Results of a round that was broken off, or of units done again, come late.
            if its_round == number and index in missing:
                self._done[rank] += 1
                yield missing.pop(index), message[_HEADER.size :]

    def _last(self, number: int, missing: dict[int, Unit]) -> Iterator[tuple[Unit, bytes]]:
        """The results that others still compute, for as long as some arrive."""
        heard = time.monotonic()
        for _ in pauses():
            for result in self._arrived(number, missing):
                yield result
                heard = time.monotonic()
            if not missing or time.monotonic() - heard > STRAGGLER:
                return

    def _meet(self, counter: str) -> None:
        super()._meet(counter)
        deadline = time.monotonic() + MEETING
        for _ in pauses():
            self._check_for_trouble()
            if self._board.add(counter, 0) == self.ranks.world:
                return
            if time.monotonic() > deadline:
                raise IsolossError("a process has not got ready to train within an hour")

    def _check_for_trouble(self) -> None:
        if (reason := self.trouble) is not None:
            raise IsolossError(reason)

    def dismiss(self) -> None:
        super().dismiss()
        self._log("dismissed", b"")

    def share(self, name: str, value: bytes = b"") -> bytes:
        self._log(f"share {name}", value)
        return value

    def _log(self, what: str, content: bytes) -> int:
        """Append an entry to what the others read in order; returns its number."""
        number = self._entries
        self._board.write(f"log/{number}", what.encode() + b"\n" + content)
        self._entries += 1
        return number

    @property
    def trouble(self) -> str | None:
        try:
            reason = self._board.read("trouble")
        except IsolossError as error:
            return str(error)
        return None if reason is None else reason.decode()

    def close(self, code: int = 0) -> None:
        with suppress(IsolossError):
            if code == 0:
                self._await_latecomers()
            self._board.write("closed", str(code).encode())
        self._closing.set()
        self._heart.join()

    def _await_latecomers(self) -> None:
        """Whoever came when the heart beats no more would wait for it."""
        deadline = time.monotonic() + JOIN
        for _ in pauses():
            everybody = self._board.add("joined", 0) == self.ranks.world - 1
            if everybody or time.monotonic() > deadline:
                return


class _Follower(_Member):
    """Any other rank: it writes nothing, and ends when rank 0 does."""

    def __init__(self, ranks: Ranks) -> None:
        super().__init__(ranks, join(launchers_store()))
        self._board.add("joined", 1)
        self._told_to_end = False
        self._leaving = threading.Event()
        self._watch = threading.Thread(
            target=self._end_with_rank_0, args=[self._board.another()], daemon=True
        )
        self._watch.start()

    def deal(self, units: Sequence[Unit], work: Work) -> Iterator[tuple[Unit, bytes]]:
        raise AssertionError("only rank 0 deals")

    def serve(self, work: Work) -> None:
        while True:
            number, what, content = self._next_entry()
            if what == "dismissed":
                return
            if what == "round":
                units = [tuple(unit) for unit in json.loads(content)]
                self._take_part(number, units, work)

    def _take_part(self, number: int, units: list[Unit], work: Work) -> None:
        while (index := self._board.add(f"taken/{number}", 1) - 1) < len(units):
            message = _HEADER.pack(number, index, self.ranks.rank) + work(units[index])
            ticket = self._board.add("results", 1) - 1
            self._board.write(f"result/{ticket}", message)

    def share(self, name: str, value: bytes = b"") -> bytes:
        while True:
            _, what, content = self._next_entry()
            if what == f"share {name}":
                return content

    def _next_entry(self) -> tuple[int, str, bytes]:
        """(number, what it is, content) of the next thing that rank 0 says to all."""
        for _ in pauses():
            if (entry := self._board.read(f"log/{self._entries}")) is not None:
                break
            self._end_if_closed()
        else:
            raise AssertionError("pauses never end")
        what, _, content = entry.partition(b"\n")
        self._entries += 1
        return self._entries - 1, what.decode(), content

    def complain(self, reason: str) -> None:
        # If not even that is possible, rank 0 has trouble of its own.
        with suppress(IsolossError):
            self._end_if_closed()
            self._board.write("trouble", f"rank {self.ranks.rank}: {reason}".encode())
            deadline = time.monotonic() + GRACE
            for _ in pauses():
                self._end_if_closed()
                if self._told_to_end or time.monotonic() > deadline:
                    return

    def _end_if_closed(self) -> None:
        if (code := self._board.read("closed")) is not None:
            raise SystemExit(int(code))

    def end_soon(self) -> None:
        self._told_to_end = True

    def _end_with_rank_0(self, board: Board) -> None:
        """End this process when rank 0 has, whatever the main thread waits for: a collective with
        a process that is gone cannot be interrupted from Python."""
        beat, silent, grace = -1, 0, 0
        while not self._leaving.wait(BEAT):
            try:
                last, beat = beat, board.add("beat", 0)
                closed = board.read("closed")
            except IsolossError as error:
                if self._told_to_end:
                    self._end(INTERRUPTED)
                self._end(1, str(error))
            grace += closed is not None or self._told_to_end
            silent = silent + 1 if beat == last else 0
            if grace * BEAT >= GRACE:
                self._end(INTERRUPTED if closed is None else int(closed))
            if closed is None and silent * BEAT >= SILENCE:
                self._end(1, "rank 0 has shown no sign of life for two minutes")

    def _end(self, code: int, reason: str = "") -> NoReturn:
        if reason:
            print(f"isoloss: rank {self.ranks.rank}: {reason}", file=sys.stderr, flush=True)
        os._exit(code)

    def close(self, code: int = 0) -> None:
        self._leaving.set()
        self._watch.join()
