"""Planes and lines through parameter space: what they are, and where networks lie in them.

Li, Xu, Taylor, Studer, Goldstein 2018, "Visualizing the Loss Landscape of Neural Nets".
"""

from __future__ import annotations

import json
import math
import pkgutil
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import isgeneratorfunction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor, nn

from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.networks.checkpoints import (
    Checkpoint,
    checkpoints_in,
    load_state,
    only_tensors,
    save_tensors,
)
from isoloss.compute.networks.copying import check_network
from isoloss.compute.networks.reals import can_move
from isoloss.compute.planes.checkpoint_matrix import (
    Array,
    CheckpointMatrix,
    Piece,
    flattened,
)
from isoloss.errors import IsolossError
from isoloss.events import Event
from isoloss.naming import dtype_name
from isoloss.settings import ProbeSettings
from isoloss.settings.plane_kinds import PlaneKind, plane_kind
from isoloss.shown.itself import ShowsItself

Direction = dict[str, Tensor]
Range = tuple[float, float]
# A squared distance that is this fraction of its minuend has lost too many digits to cancellation.
_CANCELLED = 1e-6
# Below this squared sine of their angle two directions are parallel but for rounding.
_PARALLEL = 1e-12
# An extent that is this fraction of the path's other one is rounding.
_NO_EXTENT = 1e-9


@dataclass(frozen=True)
class Plane(ShowsItself, by="isoloss.notebook.planes"):
    """An origin and two directions: θ(α, β) = θ* + α·δ + β·η. A line's η is zero.

    Attributes:
        origin: the state dict θ*, parameters and buffers, on the CPU.
        delta, eta: {parameter name: tensor of its shape}, on the CPU; of an interpolation
            floating-point buffers (batch-norm statistics) too. What one leaves out is zero.
        kind: of `settings.plane_kinds`, or "custom".
        explained_variance_ratio: (2,) fractions of the trajectory's variance, for PCA planes.
        parameters: which move, in words; None for all that can.
        read_from: where the directions were read, in words; None where they were computed.
        facts: what else its surface keeps of it; JSON-compatible. "orthonormal_in" are the units
            in which δ and η are orthogonal, and 1 long: those of the "parameters", or of the
            "filters".

    Raises:
        IsolossError: if a direction moves what the origin has not, or what cannot move.
    """

    origin: dict[str, Tensor]
    delta: Direction
    eta: Direction
    kind: str = "custom"
    explained_variance_ratio: Array | None = None
    parameters: str | None = None
    read_from: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        fitting = [
            _fitting(direction, self.origin, label)
            for direction, label in ((self.delta, "delta"), (self.eta, "eta"))
        ]
        shapes = {k: t for direction in fitting for k, t in direction.items()}
        for label, direction in zip(("delta", "eta"), fitting, strict=True):
            missing = {k: torch.zeros_like(t) for k, t in shapes.items() if k not in direction}
            object.__setattr__(self, label, direction | missing)

    def __repr__(self) -> str:
        about = f"<Plane {self.kind}: {self.moving:,} weights move"
        if self.explained_variance_ratio is not None:
            first, second = 100 * self.explained_variance_ratio
            return f"{about}, {first:.3g} % and {second:.3g} % of the variance>"
        return f"{about}>" if math.isnan(self.cosine) else f"{about}, cosine {self.cosine:.2g}>"

    @property
    def moving(self) -> int:
        """How many numbers move in it."""
        return sum(t.numel() for k, t in self.delta.items() if t.any() or self.eta[k].any())

    @property
    def is_line(self) -> bool:
        """Whether it is of a kind that has one direction only."""
        return plane_kind(self.kind).is_line

    @property
    def moves_buffers(self) -> bool:
        """Whether δ moves the statistics of batch norms too."""
        return plane_kind(self.kind).moves_buffers

    @property
    def cosine(self) -> float:
        """Cosine of the angle between δ and η."""
        dd, de, ee = self._gram
        return float(de / np.sqrt(dd * ee)) if dd > 0 and ee > 0 else float("nan")

    @property
    def norms(self) -> tuple[float, float]:
        """Euclidean norms of δ and η."""
        dd, _, ee = self._gram
        return math.sqrt(dd), math.sqrt(ee)

    @property
    def _gram(self) -> tuple[float, float, float]:
        return (
            _dot(self.delta, self.delta),
            _dot(self.delta, self.eta),
            _dot(self.eta, self.eta),
        )

    def project(self, checkpoints: Iterable[Checkpoint] | Checkpoint) -> Array:
        """(n, 2) float64: least-squares α, β of each checkpoint, given as to `pca_plane`."""
        return self.locate(checkpoints)[0]

    def locate(
        self, checkpoints: Iterable[Checkpoint] | Checkpoint, network: nn.Module | None = None
    ) -> tuple[Array, Array]:
        """((n, 2) coordinates, (n,) Euclidean distances off the plane) of each checkpoint.

        The coordinates solve the 2×2 normal equations, so that directions need be neither unit
        nor orthogonal. On a line β is 0. One pass over the files, and a second one over those of
        checkpoints that lie almost in the plane.

        Args:
            network: what the checkpoints are of, where these may hold adapters alone, or names that
                the network translates; by default they have those of the origin.

        Raises:
            IsolossError: if the directions are parallel, or a checkpoint is of another network.
        """
        checkpoints = checkpoints_in(checkpoints)
        inverse = self._inverse_gram()
        flat = [{k: flattened(t) for k, t in d.items()} for d in (self.delta, self.eta)]

        def basis(piece: Piece) -> Array:
            """(2, columns): the directions' stretch."""
            return np.stack([d[piece.name][piece.place].astype(np.float64) for d in flat])

        def products(pieces: Iterator[Piece]) -> Array:
            """(n, 3): ⟨d, δ⟩, ⟨d, η⟩ and ‖d‖² of the differences d from the origin."""
            return sum(
                (np.column_stack([p.rows @ basis(p).T, _squares(p.rows)]) for p in pieces),
                np.zeros(()),
            )

        matrix = CheckpointMatrix(checkpoints, self.origin, self.delta, network)
        totals = sum(matrix.map(products), np.zeros((len(checkpoints), 3)))
        with np.errstate(invalid="ignore"):  # A diverged checkpoint is nowhere: NaN.
            coordinates = totals[:, :2] @ inverse
            squares = totals[:, 2] - (coordinates * totals[:, :2]).sum(axis=1)

        near = np.flatnonzero(squares < _CANCELLED * totals[:, 2])
        if len(near):

            def residuals(pieces: Iterator[Piece]) -> Array:
                """(n,): ‖d − α·δ − β·η‖², term by term."""
                return sum(
                    (_squares(p.rows - coordinates[near] @ basis(p)) for p in pieces), np.zeros(())
                )

            matrix = CheckpointMatrix(
                [checkpoints[i] for i in near.tolist()], self.origin, self.delta, network
            )
            squares[near] = sum(matrix.map(residuals), np.zeros(len(near)))
        return coordinates, np.sqrt(squares)

    def _inverse_gram(self) -> Array:
        """(2, 2): the inverse of the directions' Gram matrix, on a line its pseudo-inverse."""
        dd, de, ee = self._gram
        if dd > 0 and ee == 0:
            return np.diag([1 / dd, 0.0])
        determinant = dd * ee - de * de
        if determinant <= _PARALLEL * dd * ee:
            raise IsolossError("the two directions are parallel: they span no plane")
        return np.array([[ee, -de], [-de, dd]]) / determinant

    def ranges(
        self, checkpoints: Iterable[Checkpoint] | Checkpoint, margin: float = 0.25
    ) -> tuple[Range, Range]:
        """((low, high) of α, of β): what holds the projected checkpoints and the origin.

        Args:
            margin: how far it goes beyond them on either side, as a fraction of their extent.
        """
        return surrounding(self.project(checkpoints), margin)

    def save(self, path: Path) -> Path:
        """Write the plane as safetensors, and give the path."""
        tensors = {
            f"{part}.{name}": tensor
            for part in ("origin", "delta", "eta")
            for name, tensor in getattr(self, part).items()
        }
        fractions = self.explained_variance_ratio
        about = {
            "kind": self.kind,
            "explained": None if fractions is None else fractions.tolist(),
            "parameters": self.parameters,
            "read_from": self.read_from,
            "facts": dict(self.facts),
        }
        return save_tensors(path, tensors, {"isoloss": json.dumps(about)})

    @classmethod
    def load(cls, path: Path) -> Plane:
        """Read a plane that `save` wrote.

        Raises:
            IsolossError: if the file holds none.
        """
        parts: dict[str, dict[str, Tensor]] = {"origin": {}, "delta": {}, "eta": {}}
        try:
            for key, tensor in load_state(path).items():
                part, _, name = key.partition(".")
                parts[part][name] = tensor
            with safe_open(str(path), "pt") as file:
                about = json.loads(file.metadata()["isoloss"])
            fractions = None if about["explained"] is None else np.array(about["explained"])
            return cls(**parts, kind=about["kind"], explained_variance_ratio=fractions,
                       parameters=about.get("parameters"),
                       read_from=about.get("read_from"),
                       facts=about.get("facts", {}))  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise IsolossError(f"{path} is not a plane: {error}") from error


@dataclass(frozen=True)
class ProbedSamples:
    """What the loss of a probe is the mean over.

    Attributes:
        loss: of `compute.engine.losses`.
        batch_size: samples at once; None for what suits the device.
    """

    data: ShuffledSamples
    loss: Any
    device: torch.device
    batch_size: int | None = None


@dataclass(frozen=True)
class PlaneInputs:
    """What a probe gives to the function that builds a plane of the kind it asks for.

    Attributes:
        model: the network with the weights that are probed; it is to be left as it is.
        settings: what was asked for; of its options only those that the kind takes.
        seed: of what is random in this plane: with `--planes` another one for each.
        trajectories: the checkpoints of training runs, in order, the network's own run first; ()
            for kinds that need none.
        ends: the checkpoints of the other networks, for kinds that take `--to`.
        samples: of the probe; None where a plane is only looked at.
        run: the training run whose last checkpoint is probed; None for a checkpoint.
    """

    model: nn.Module
    settings: ProbeSettings
    seed: int
    trajectories: tuple[Sequence[Path], ...] = ()
    ends: tuple[Path, ...] = ()
    samples: ProbedSamples | None = None
    run: Path | None = None


def is_built_in_steps(kind: PlaneKind) -> bool:
    """Whether planes of a kind take long, and what is known before the first step refuses what
    cannot be built."""
    return isgeneratorfunction(pkgutil.resolve_name(kind.builder))


def build(inputs: PlaneInputs) -> Plane:
    """As `build_in_steps`, in one."""
    steps = build_in_steps(inputs)
    while True:
        try:
            next(steps)
        except StopIteration as last:
            return last.value


def build_in_steps(inputs: PlaneInputs) -> Generator[Event, None, Plane]:
    """The plane of the kind that `inputs.settings` asks for, after what happens on the way.

    Raises:
        IsolossError: if it cannot be built from what there is.
    """
    kind = inputs.settings.plane_kind
    found = pkgutil.resolve_name(kind.builder)(inputs)
    plane = (yield from found) if isinstance(found, Generator) else found
    return replace(plane, kind=kind.name)


def surrounding(path: Array, margin: float = 0.25) -> tuple[Range, Range]:
    """((low, high) of α, of β): what holds the (n, 2) points and the origin, as `Plane.ranges`.

    Points that are not finite do not count. Along an axis without extent it is as wide as along
    the other, and [−1, 1] where there is none at all.
    """
    points = np.vstack([np.zeros(2), path[np.isfinite(path).all(axis=1)]])
    low, high = points.min(axis=0), points.max(axis=0)
    extent = high - low
    flat = extent <= _NO_EXTENT * extent.max()
    room = np.where(flat, (0.5 + margin) * extent.max() or 1.0, margin * extent)
    (a, c), (b, d) = (low - room).tolist(), (high + room).tolist()
    return (a, b), (c, d)


def state_of(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the parameters and buffers of `model`, on the CPU.

    Raises:
        IsolossError: if it is no network, or one without values.
    """
    check_network(model)
    return {k: v.detach().cpu().clone() for k, v in only_tensors(model.state_dict()).items()}


def _fitting(direction: Direction, origin: dict[str, Tensor], label: str) -> Direction:
    """A direction as tensors of the types that the origin's have; integers do not move."""
    moved: Direction = {}
    for name, tensor in direction.items():
        own = origin.get(name)
        if own is None:
            raise IsolossError(f"{label} has {name!r}, which is no parameter of the network")
        if tensor.shape != own.shape:
            raise IsolossError(
                f"{label}[{name!r}] is {tuple(tensor.shape)}, the parameter is {tuple(own.shape)}"
            )
        if not can_move(own) or (tensor.is_complex() and not own.is_complex()):
            if tensor.any():
                is_of, other = (dtype_name(t.dtype) for t in (own, tensor))
                why = f"by {other}" if can_move(own) else "on a plane"
                raise IsolossError(
                    f"{name!r} is of {is_of}, and does not move {why}: leave it out of {label}"
                )
            continue
        alike = can_move(tensor) and tensor.is_complex() == own.is_complex()
        moved[name] = tensor if alike else tensor.to(own.dtype)
    return moved


def _dot(a: Direction, b: Direction) -> float:
    # einsum widens to float64 piece by piece, where torch would copy whole tensors.
    return float(
        sum(np.einsum("i,i->", flattened(a[k]), flattened(b[k]), dtype=np.float64) for k in a)
    )


def _squares(rows: Array) -> Array:
    """(n,): the squared norm of each row."""
    return np.einsum("ij,ij->i", rows, rows)


def zeros_like(direction: Direction) -> Direction:
    """The direction along which nothing moves."""
    return {k: torch.zeros_like(t) for k, t in direction.items()}
