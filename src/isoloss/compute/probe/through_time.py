"""The surfaces around the earlier checkpoints of a training, along the directions of its end.

Of a plane that is built from no trajectory a checkpoint is itself the origin, and lies at (0, 0).
Upon one that is built from trajectories checkpoints have places: each keeps its own, and the plane
is moved by what that checkpoint is off it. So a checkpoint's own loss always lies on its surface.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from isoloss.compute.engine.multilevel import Multilevel
from isoloss.compute.machine.process_group import ProcessGroup
from isoloss.compute.networks.checkpoints import as_state, only_tensors
from isoloss.compute.planes.plane import Plane
from isoloss.compute.probe.plane_probing import Located, among
from isoloss.compute.probe.request import Request
from isoloss.compute.probe.surface_probing import SurfaceProbing
from isoloss.compute.training.network import TrainedPath
from isoloss.events import Event, Log
from isoloss.geometry.arrays import Array
from isoloss.geometry.files.formats import earlier_path
from isoloss.geometry.files.reading import load_alone
from isoloss.geometry.surface import Surface
from isoloss.paths import exists

TOGETHER = 5
"""Of so many checkpoints the last one's surface predicts the others'."""
STRICT = 0.75
"""Of the variance allowed, what a surface that predicts others may have."""


def at_themselves(checkpoints: int) -> Located:
    """Where checkpoints lie on planes through each of them."""
    return np.zeros((checkpoints, 2)), np.zeros(checkpoints)


def through(plane: Plane, state: Mapping[str, Tensor], place: Array) -> Plane:
    """The parallel plane on which a network lies at `place`.

    Args:
        state: all parameters and buffers of the network.
        place: (2,) its α and β.
    """
    alpha, beta = (float(x) for x in place)
    origin = {k: t.detach().cpu().clone() for k, t in state.items()}
    for name, delta in plane.delta.items() if alpha or beta else ():
        step = alpha * delta.double() + beta * plane.eta[name].double()
        origin[name] = (origin[name].double() - step).to(origin[name].dtype)
    # What else is known of a plane is measured where its own network is.
    facts = {k: v for k, v in plane.facts.items() if k == "orthonormal_in"}
    return replace(plane, origin=origin, facts=facts)


@dataclass(frozen=True)
class EarlierSurfaces:
    """Computes them, from the last to the first.

    Attributes:
        request: of the surface around the last checkpoint.
        places: (n, 2) where the checkpoints lie on their planes.
        folder: of all that grows, that of the last surface.
        written: the file of the last surface; those of the others lie beside it.
    """

    request: Request
    path: TrainedPath
    places: Array
    folder: Path
    written: Path

    def steps(
        self, group: ProcessGroup, last: Surface, known: Multilevel | None
    ) -> Generator[Event, None, tuple[Surface, ...]]:
        """Compute what is missing; returns them all, the first one first.

        Args:
            known: the estimates of the last surface, where there are some.
        """
        needed = self._needed()
        group.broadcast("needed", json.dumps(needed).encode())
        for k in needed:
            predicts = self._predicted_by(k) == k
            asked = replace(
                self._asked(k),
                audited=last.meta["precision"],
                before=None if predicts else known,
                strict=STRICT if predicts else 1.0,
                **{name: last.meta[name] for name in ("batch_size", "points_at_once")},
            )
            probing = SurfaceProbing(asked, self.folder / self._name(k))
            done = 1 + self._before.index(k)
            yield Log(f"around checkpoint {self._name(k)}, epoch {self.path.points[k].epoch:g}")
            yield from among(probing.steps(group), done, 1 + len(self._before))
            known = probing.estimates if predicts else known
            probing.growing.snapshot().save(self._file(k))
        return tuple(load_alone(self._file(k)) for k in reversed(self._before))

    def serve(self, group: ProcessGroup) -> None:
        """Help the process that computes them, from another one."""
        for k in json.loads(group.broadcast("needed")):
            SurfaceProbing(self._asked(k), None).serve(group)

    def described(self, last: Surface) -> dict[str, object]:
        """What the last surface says of itself and of those before it."""
        names = [self._name(k) for k in reversed(self._before)]
        return {**last.meta, **self._when(len(names)), "earlier": names}

    @property
    def _before(self) -> Sequence[int]:
        return range(len(self.path.checkpoints) - 2, -1, -1)

    def _needed(self) -> list[int]:
        """Those that are missing, and by which they are predicted, from the last to the first."""
        missing = [k for k in self._before if not exists(self._file(k))]
        if self.request.tolerance is None:
            return missing
        both = {*missing, *map(self._predicted_by, missing)}
        return [k for k in self._before if k in both]

    def _predicted_by(self, k: int) -> int:
        """The checkpoint whose surface predicts that of number `k`; itself where none does."""
        end = len(self.path.checkpoints) - 1
        return end - (end - k) // TOGETHER * TOGETHER

    def _asked(self, k: int) -> Request:
        network, checkpoint = self.request.model, self.path.checkpoints[k]
        state = only_tensors(as_state(checkpoint, network))
        plane = through(self.request.plane, state, self.places[k])
        return replace(self.request, plane=plane, meta={**self.request.meta, **self._when(k)})

    def _when(self, k: int) -> dict[str, object]:
        return {"epoch": self.path.points[k].epoch, "checkpoint": self._name(k)}

    def _name(self, k: int) -> str:
        return self.path.checkpoints[k].stem

    def _file(self, k: int) -> Path:
        return earlier_path(self.written, self._name(k))
