"""The processes that work on one run, as those who have work for them see them.

Rank 0 alone owns the run folder; the others compute for it. Units of work are independent of each
other: whoever is free takes the next, so that fast and slow machines end together.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isoloss.errors import IsolossError

if TYPE_CHECKING:
    import torch
    from torch.distributed import Store  # pyright: ignore[reportPrivateImportUsage]

Unit = tuple[int, ...]
Work = Callable[[Unit], bytes]


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
        """The device this process takes where `device` names only a kind: a GPU for each.

        Raises:
            IsolossError: if all processes of this machine would take the one that it names.
        """
        if self.world == 1 or device.type != "cuda":
            return device
        if device.index is not None:
            if self.local_world > 1:
                raise IsolossError(
                    f"the {self.local_world} processes of this machine would share {device}: "
                    "choose --device cuda, of which each takes one for itself"
                )
            return device
        import torch

        return torch.device("cuda", self.local_rank % torch.cuda.device_count())


class ProcessGroup:
    """All processes that work on a run; this class is the group of one process."""

    def __init__(self, ranks: Ranks | None = None) -> None:
        self.ranks = ranks or Ranks()
        self._done = [0] * self.ranks.world

    def map(self, units: Sequence[Unit], work: Work) -> Iterator[tuple[Unit, bytes]]:
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
        """The other ranks: do the units that rank 0 maps until it releases all."""
        raise AssertionError("rank 0 maps, only the others serve")

    def release(self) -> None:
        """Rank 0: end the others' serving; what follows is counted anew."""
        self._done = [0] * self.ranks.world

    def broadcast(self, name: str, value: bytes = b"") -> bytes:
        """Rank 0's `value`, at every rank; the others wait for it and pass none."""
        return value

    @property
    def failure(self) -> str | None:
        """Why another process cannot go on, where one has said so."""
        return None

    def report_failure(self, reason: str) -> None:
        """The other ranks: let rank 0 know why this one cannot go on, and give it time to act.

        Raises:
            SystemExit: if rank 0 has ended, with its exit code: what it says is enough.
        """
        raise AssertionError("rank 0 has nobody to report to")

    def end_soon(self) -> None:
        """The other ranks, asked to end: do so with rank 0, which is asked too, or alone."""
        raise AssertionError("rank 0 pauses the run")

    def close(self, code: int = 0) -> None:
        """Leave; when rank 0 does, all end, with its exit code."""

    @property
    def units_done(self) -> str:
        """How many units each rank did, in words."""
        return "units: " + ", ".join(f"rank {rank} {n:,}" for rank, n in enumerate(self._done))

    def store(self) -> Store:
        """A part of the launcher's store for one group of collectives, the same at every rank,
        given to rank 0 when all are there: what waits in a collective hears no signal.

        Raises:
            IsolossError: at rank 0, if another process says that it cannot come, or does not.
        """
        raise AssertionError("a group of one has no store")
