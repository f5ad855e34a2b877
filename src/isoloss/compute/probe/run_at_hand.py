"""A probe run that a script has begun: of a network, samples and a plane that it has at hand."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from isoloss.compute.machine.process_group import Ranks
from isoloss.compute.machine.recording import follow, recorded
from isoloss.compute.machine.torchrun_group import process_group
from isoloss.compute.networks.checkpoints import as_state, digest
from isoloss.compute.planes.checkpoint_matrix import Checkpoint
from isoloss.compute.probe.hashes import digest_of, digest_of_code, digest_of_network
from isoloss.compute.probe.plane_probing import Located, PlaneProbing, ShownPath, keep
from isoloss.compute.probe.surface_probing import Request
from isoloss.errors import IsolossError
from isoloss.events import Event, Log
from isoloss.run import Run
from isoloss.settings import ProbeSettings


@dataclass(frozen=True)
class ProbingAtHand:
    """A probe run with what it probes at hand.

    Attributes:
        located: where the `paths` lie.
        depends_on: hashes of all that the surface depends on beside the settings.
    """

    request: Request
    paths: Sequence[ShownPath]
    located: Sequence[Located]
    depends_on: dict[str, str]

    @classmethod
    def of(
        cls, request: Request, paths: Sequence[ShownPath], located: Sequence[Located], axes: object
    ) -> ProbingAtHand:
        """What is at hand, with its hashes.

        Args:
            axes: the grid's coordinates as far as they were given.
        """
        plane, data = request.plane, request.data
        checkpoints = [(path.name, *map(_digest_of_checkpoint, path.checkpoints)) for path in paths]
        return cls(
            request,
            paths,
            located,
            {
                "network": digest_of(digest_of_network(request.model), plane.origin),
                "plane": digest_of(plane.kind, plane.delta, plane.eta),
                "data": digest_of(*data.batches(0, len(data), len(data))),
                "loss": digest_of_code(request.loss),
                "grid": digest_of(axes),
                "trajectory": digest_of(checkpoints),
            },
        )

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.request.device

    def resume(self, run: Run) -> Iterator[Event]:
        """Keep the plane, evaluate what is missing of the surface, write what came out."""
        run.check_unchanged(**self.depends_on)
        process_group().broadcast("begun")
        if not run.plane_path.exists():
            self.request.plane.save(run.plane_path)
        grid = "×".join(str(len(axis)) for axis in self.request.axes if len(axis) > 1)
        seen = f"{self.request.limit} of {self.request.population} samples"
        yield Log(f"{self.request.plane.kind}, {grid} points, {seen}")
        request = replace(self.request, meta={"run": run.name, **self.request.meta})
        probing = PlaneProbing(request, self.paths, self.located, run.growing_path)
        surface = yield from probing.steps(process_group())
        yield from keep(run, surface)

    def serve(self, run: Run) -> None:
        """Help the process that resumes the run, from another one."""
        process_group().broadcast("begun")
        recorded = run.environment["depends_on"]
        for what, value in self.depends_on.items():
            if recorded[what] != value:
                raise IsolossError(f"{what} here differs from what rank 0 has")
        PlaneProbing(self.request, self.paths).serve(process_group())


def resumed(folder: Path, settings: ProbeSettings, at_hand: ProbingAtHand) -> Generator[Event]:
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


def _digest_of_checkpoint(checkpoint: Checkpoint) -> str:
    if isinstance(checkpoint, str | Path):
        return digest([Path(checkpoint)])
    return digest_of(as_state(checkpoint))
