"""A probe run that a script has begun: of a network, samples and a plane that it has at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from isoloss.compute.engine.checkpoint_losses import OnPlane
from isoloss.compute.engine.losses import BatchLoss, as_batch_loss
from isoloss.compute.machine.hashes import digest_of, digest_of_code, digest_of_network
from isoloss.compute.machine.torchrun_group import process_group
from isoloss.compute.networks.checkpoints import Checkpoint, as_state, digest
from isoloss.compute.probe.plane_probing import Located, PlaneProbing, keep
from isoloss.compute.probe.request import Request, recalibration_batches
from isoloss.compute.probe.shown_paths import ShownPath
from isoloss.errors import IsolossError
from isoloss.events import Event, Log
from isoloss.files import write_atomic
from isoloss.paths import exists
from isoloss.run import Run


@dataclass(frozen=True)
class ProbingAtHand:
    """A probe run with what it probes at hand.

    Attributes:
        located: where the `paths` lie.
        samples: (N,) uint64 hashes of the samples, or of batches that cannot be cut, in order.
        depends_on: hashes of all that the surface depends on beside the settings.
    """

    request: Request
    paths: Sequence[ShownPath]
    located: Sequence[Located]
    samples: NDArray[np.uint64]
    depends_on: dict[str, str]

    @classmethod
    def of(
        cls,
        request: Request,
        paths: Sequence[ShownPath],
        located: Sequence[Located],
        axes: object,
    ) -> ProbingAtHand:
        """What is at hand, with its hashes.

        Args:
            axes: the grid's coordinates as far as they were given.
        """
        plane = request.plane
        hashes = [int(digest_of(piece)[:16], 16) for piece in request.data.pieces()]
        samples = np.array(hashes, np.uint64)
        checkpoints = [(path.name, *map(_digest_of_checkpoint, path.checkpoints)) for path in paths]
        return cls(
            request,
            paths,
            located,
            samples,
            {
                "network": digest_of(digest_of_network(request.model), plane.origin),
                "plane": digest_of(plane.kind, plane.delta, plane.eta),
                "data": digest_of(np.sort(samples)),
                "loss": _digest_of_loss(as_batch_loss(request.loss)),
                "grid": digest_of(axes),
                "trajectory": digest_of(checkpoints),
                **{f"what {q.title} is": digest_of(q.depends_on) for q in request.quantities},
            },
        )

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.request.device

    def resume(self, run: Run) -> Iterator[Event]:
        """Keep the plane, evaluate what is missing of the surface, write what came out."""
        run.check_unchanged(**self.depends_on)
        if not exists(run.plane_path):
            self.request.plane.save(run.plane_path)
        if not exists(run.samples_path):
            write_atomic(run.samples_path, lambda p: np.save(p, self.samples))
        process_group().broadcast("begun")
        grid = "×".join(str(len(axis)) for axis in self.request.axes if len(axis) > 1)
        seen = f"{self.request.limit} of {self.request.population} samples"
        yield Log(f"{self.request.plane.kind}, {grid} points, {seen}")
        request = self._as_begun(run)
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
        PlaneProbing(self._as_begun(run), self.paths).serve(process_group())

    def _as_begun(self, run: Run) -> Request:
        """The request with its samples in the order in which the run has begun to see them, which
        a loader may have shuffled anew."""
        kept = np.load(run.samples_path)
        asked = replace(self.request, meta={"run": run.name, **self.request.meta})
        if np.array_equal(kept, self.samples):
            return asked
        order = np.empty(len(kept), np.int64)
        order[np.argsort(kept, kind="stable")] = np.argsort(self.samples, kind="stable")
        data = asked.data.in_order(order.tolist())
        calibration = None if asked.calibration is None else recalibration_batches(data)
        return replace(asked, data=data, calibration=calibration)


def _digest_of_loss(loss: BatchLoss) -> str:
    """Of the code of a loss of the user's own."""
    code = digest_of_code(loss.users_function)
    return digest_of(code, "per batch") if loss.users_function and loss.whole else code


def _digest_of_checkpoint(checkpoint: Checkpoint | OnPlane) -> str:
    if isinstance(checkpoint, str | Path):
        return digest([Path(checkpoint)])
    return digest_of(checkpoint if isinstance(checkpoint, tuple) else as_state(checkpoint))
