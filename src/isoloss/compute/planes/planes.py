"""Planes and lines through parameter space: random filter-normalized, principal-component, custom.

Li, Xu, Taylor, Studer, Goldstein 2018, "Visualizing the Loss Landscape of Neural Nets".
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor, nn

from isoloss.compute.networks.checkpoints import as_state, load_into, load_state, save_tensors
from isoloss.compute.planes.pca import principal_components
from isoloss.compute.planes.stack import Array, Checkpoint, Piece, Stack, another_network, flattened
from isoloss.errors import IsolossError

Direction = dict[str, Tensor]
Range = tuple[float, float]
Normalize = Literal["filter", "layer", "none"]
# A squared distance that is this share of its minuend has lost too many digits to cancellation.
_CANCELLED = 1e-6
# Below this squared sine of their angle two directions are parallel but for rounding.
_PARALLEL = 1e-12
# An extent that is this share of the path's other one is rounding.
_NO_EXTENT = 1e-9


@dataclass(frozen=True)
class Plane:
    """An origin and two directions: θ(α, β) = θ* + α·δ + β·η. A line's η is zero.

    Attributes:
        origin: the state dict θ*, parameters and buffers, on the CPU.
        delta, eta: {parameter name: tensor of its shape}, on the CPU; of an interpolation
            floating-point buffers (batch-norm statistics) too.
        kind: "random", "pca", "custom", "line" or "interpolate".
        explained_variance_ratio: (2,) shares of the trajectory's variance, for PCA planes.
    """

    origin: dict[str, Tensor]
    delta: Direction
    eta: Direction
    kind: str = "custom"
    explained_variance_ratio: Array | None = None

    @property
    def cosine(self) -> float:
        """Cosine of the angle between δ and η."""
        dd, de, ee = self._gram
        return float(de / np.sqrt(dd * ee)) if dd > 0 and ee > 0 else float("nan")

    @property
    def _gram(self) -> tuple[float, float, float]:
        return (
            _dot(self.delta, self.delta),
            _dot(self.delta, self.eta),
            _dot(self.eta, self.eta),
        )

    def project(self, checkpoints: Sequence[Checkpoint]) -> Array:
        """(n, 2) float64: least-squares α, β of each checkpoint (paths or state dicts)."""
        return self.locate(checkpoints)[0]

    def locate(self, checkpoints: Sequence[Checkpoint]) -> tuple[Array, Array]:
        """((n, 2) coordinates, (n,) Euclidean distances off the plane) of each checkpoint.

        The coordinates solve the 2×2 normal equations, so that directions need be neither unit
        nor orthogonal. On a line β is 0. One pass over the files, and a second one over those of
        checkpoints that lie almost in the plane.

        Raises:
            IsolossError: if the directions are parallel, or a checkpoint is of another network.
        """
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

        stack = Stack(checkpoints, self.origin, self.delta)
        totals = sum(stack.map(products), np.zeros((len(checkpoints), 3)))
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

            stack = Stack([checkpoints[i] for i in near.tolist()], self.origin, self.delta)
            squares[near] = sum(stack.map(residuals), np.zeros(len(near)))
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
        self, checkpoints: Sequence[Checkpoint], margin: float = 0.25
    ) -> tuple[Range, Range]:
        """((low, high) of α, of β): what holds the projected checkpoints and the origin.

        Args:
            margin: how far it goes beyond them on either side, as a share of their extent.
        """
        return surrounding(self.project(checkpoints), margin)

    def save(self, path: Path) -> Path:
        """Write the plane as safetensors."""
        tensors = {
            f"{part}.{name}": tensor
            for part in ("origin", "delta", "eta")
            for name, tensor in getattr(self, part).items()
        }
        shares = self.explained_variance_ratio
        about = {"kind": self.kind, "explained": None if shares is None else shares.tolist()}
        return save_tensors(path, tensors, {"isoloss": json.dumps(about)})

    @classmethod
    def load(cls, path: Path) -> Plane:
        """Read a plane that `save` wrote."""
        parts: dict[str, dict[str, Tensor]] = {"origin": {}, "delta": {}, "eta": {}}
        try:
            for key, tensor in load_state(path).items():
                part, _, name = key.partition(".")
                parts[part][name] = tensor
            with safe_open(str(path), "pt") as file:
                about = json.loads(file.metadata()["isoloss"])
            shares = None if about["explained"] is None else np.array(about["explained"])
            return cls(**parts, kind=about["kind"], explained_variance_ratio=shares)
        except (KeyError, TypeError, ValueError) as error:
            raise IsolossError(f"{path} is not a plane: {error}") from error


def random_plane(model: nn.Module, seed: int = 0, normalize: Normalize = "filter") -> Plane:
    """Two independent Gaussian directions through the parameters of `model`.

    With "filter", every slice along the first dimension of a parameter with two or more dimensions
    (a convolution's output filter, a linear layer's neuron) is scaled to the norm of the network's
    own; with "layer", every such tensor as a whole. Parameters with fewer dimensions (biases,
    batch-norm scales) stay put. The directions are not orthogonalized: see `Plane.cosine`.

    Source: Li et al. 2018, section 4.
    """
    generator = _generator(seed)
    delta, eta = (_gaussian(model, generator, normalize) for _ in range(2))
    return Plane(_state_of(model), delta, eta, "random")


def line(model: nn.Module, seed: int = 0, normalize: Normalize = "filter") -> Plane:
    """The line along the δ that `random_plane` of the same seed has; η is zero."""
    delta = _gaussian(model, _generator(seed), normalize)
    return Plane(_state_of(model), delta, _zeros_like(delta), "line")


def interpolation(model: nn.Module, start: Checkpoint, end: Checkpoint) -> Plane:
    """The line from one checkpoint to another: θ(α) = (1 − α)·start + α·end; η is zero.

    All parameters move, those with one dimension too, and so do floating-point buffers: the
    batch-norm statistics of one end would be wrong at the other.

    Args:
        model: a network of the checkpoints' architecture; it is left as it is.
        start, end: paths or state dicts.

    Raises:
        IsolossError: if a checkpoint is of another architecture.

    Source: Goodfellow, Vinyals, Saxe 2015, "Qualitatively Characterizing Neural Network
    Optimization Problems", section 3.
    """
    origin = _state_in(model, start, "the start")
    target = _state_in(model, end, "the end")
    moving = dict(model.named_parameters()) | dict(model.named_buffers())
    delta = {
        k: (target[k].double() - origin[k].double()).to(origin[k].dtype)
        for k in moving
        if k in origin and origin[k].is_floating_point()
    }
    return Plane(origin, delta, _zeros_like(delta), "interpolate")


def _state_in(model: nn.Module, checkpoint: Checkpoint, role: str) -> dict[str, Tensor]:
    """The whole state of `model` with a checkpoint in it; messages call a state dict its `role`."""
    filled = copy.deepcopy(model)
    label = str(checkpoint) if isinstance(checkpoint, str | Path) else role
    load_into(filled, as_state(checkpoint), label)
    return _state_of(filled)


def _generator(seed: int) -> torch.Generator:
    # On the CPU, so that a seed means the same plane on every device.
    return torch.Generator().manual_seed(seed)


def _gaussian(model: nn.Module, generator: torch.Generator, normalize: Normalize) -> Direction:
    if normalize not in ("filter", "layer", "none"):
        raise IsolossError(f"normalize is 'filter', 'layer' or 'none', not {normalize!r}")
    return {
        name: _gaussian_like(parameter.detach().cpu(), generator, normalize)
        for name, parameter in model.named_parameters()
    }


def _gaussian_like(weight: Tensor, generator: torch.Generator, normalize: str) -> Tensor:
    if weight.ndim <= 1 or not weight.is_floating_point():
        return torch.zeros_like(weight)
    noise = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
    if normalize != "none":
        rows = (len(weight), -1) if normalize == "filter" else (1, -1)
        flat, own = noise.view(rows), weight.double().reshape(rows)
        scale = own.norm(dim=1, keepdim=True) / (flat.norm(dim=1, keepdim=True) + 1e-10)
        noise = (flat * scale).view(weight.shape)
    return noise.to(weight.dtype)


def pca_plane(
    model: nn.Module, checkpoints: Sequence[Checkpoint], *others: Sequence[Checkpoint]
) -> Plane:
    """The plane of the two leading principal components of trajectories, through the first's end.

    Rows θ_i − θ_n for all checkpoints; entries of parameters with ndim ≤ 1 count as zero;
    mean-centred. The components are unit vectors, found exactly while the checkpoints stream from
    disk, so that memory does not grow with their number. Signs: the first checkpoint has
    coordinates ≥ 0.

    Args:
        checkpoints: paths or state dicts, in order; the last is the plane's origin.
        others: further trajectories of the same network, to be seen in the same plane: their
            checkpoints are rows like the first's.

    Raises:
        IsolossError: if there are fewer than three different checkpoints, or one is of another
            network or not finite.

    Source: Li et al. 2018, section 7.
    """
    everything = [c for trajectory in (checkpoints, *others) for c in trajectory]
    check_enough(len(everything))
    if not checkpoints:
        raise IsolossError("the first trajectory is empty: its last checkpoint is to be the origin")
    origin = {k: v.detach().cpu().clone() for k, v in as_state(checkpoints[-1]).items()}
    parameters = dict(model.named_parameters())
    for name, parameter in parameters.items():
        if name not in origin or origin[name].shape != parameter.shape:
            raise another_network("the last checkpoint", name)
    moving = [k for k, p in parameters.items() if p.ndim > 1 and p.is_floating_point()]
    stack = Stack(everything, origin, moving)
    delta, eta, shares = principal_components(stack, parameters)
    return Plane(origin, delta, eta, "pca", shares)


def check_enough(checkpoints: int) -> None:
    """Raise IsolossError if so few checkpoints span no plane."""
    if checkpoints < 3:
        raise IsolossError(
            f"a PCA plane needs at least 3 checkpoints, there are {checkpoints}: train for longer, "
            "or with more checkpoints per epoch"
        )


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


def custom_plane(model: nn.Module, delta: Direction, eta: Direction) -> Plane:
    """The plane of two directions of the user's own through the parameters of `model`.

    Args:
        delta, eta: {parameter name: tensor of its shape}; parameters left out stay put.

    Raises:
        IsolossError: if a name or a shape is not the model's.
    """
    whole = []
    parameters = {k: p.detach().cpu() for k, p in model.named_parameters()}
    for label, direction in (("delta", delta), ("eta", eta)):
        for name, tensor in direction.items():
            if name not in parameters:
                raise IsolossError(f"{label} has {name!r}, which is no parameter of the model")
            if tensor.shape != parameters[name].shape:
                raise IsolossError(
                    f"{label}[{name!r}] is {tuple(tensor.shape)}, the parameter is "
                    f"{tuple(parameters[name].shape)}"
                )
        whole.append(
            {
                k: direction[k].detach().cpu().to(p.dtype).clone()
                if k in direction
                else torch.zeros_like(p)
                for k, p in parameters.items()
            }
        )
    return Plane(_state_of(model), *whole)


def _state_of(model: nn.Module) -> dict[str, Tensor]:
    return {k: v.detach().cpu().clone() for k, v in model.state_dict().items()}


def _dot(a: Direction, b: Direction) -> float:
    # einsum widens to float64 piece by piece, where torch would copy whole tensors.
    return float(
        sum(np.einsum("i,i->", flattened(a[k]), flattened(b[k]), dtype=np.float64) for k in a)
    )


def _squares(rows: Array) -> Array:
    """(n,): the squared norm of each row."""
    return np.einsum("ij,ij->i", rows, rows)


def _zeros_like(direction: Direction) -> Direction:
    return {k: torch.zeros_like(t) for k, t in direction.items()}
