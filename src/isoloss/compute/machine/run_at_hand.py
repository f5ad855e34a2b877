"""A run that a script has begun, of what it has at hand."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Protocol

from isoloss.compute.machine.process_group import Ranks
from isoloss.compute.machine.recording import Prepared, follow, recorded
from isoloss.compute.machine.torchrun_group import process_group
from isoloss.events import Event
from isoloss.run import Run
from isoloss.settings import AnySettings


class AtHand(Prepared, Protocol):
    """What a run is about, where a script has it."""

    @property
    def depends_on(self) -> dict[str, str]:
        """Hashes of all that its results depend on beside the settings."""
        ...


def resumed(folder: Path, settings: AnySettings, at_hand: AtHand) -> Generator[Event]:
    """Begin the run in `folder`, or do what is missing of it, yielding what happens.

    Under torchrun every process calls it: rank 0 does the run, the others help and yield nothing.
    All are given back to their script when the run is done.

    Raises:
        IsolossError: if the folder holds another run, or the run cannot go on.
    """
    group = process_group()
    if Ranks.current().rank > 0:
        follow(lambda: (Run.open(folder), at_hand))
    else:
        run = Run.create(folder, settings)
        yield from recorded(run, lambda: at_hand)
        run.check_unchanged(**at_hand.depends_on)  # also where it was done before
    group.broadcast("written")
