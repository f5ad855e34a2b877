"""Planes through parameter space: random filter-normalized, principal-component, custom.

Li, Xu, Taylor, Studer, Goldstein 2018, "Visualizing the Loss Landscape of Neural Nets".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from torch import Tensor, nn

from isoloss.compute.checkpoints import State, as_state, load_state, save_tensors
from isoloss.errors import IsolossError

Direction = dict[str, Tensor]
Checkpoint = str | Path | Mapping[str, Tensor]
Array = NDArray[np.float64]
# So many float64 values of all checkpoints together are held at once (1 GiB).
_CHUNK = 1 << 27


@dataclass(frozen=True)
class Plane:
    """An origin and two directions: θ(α, β) = θ* + α·δ + β·η.

    Attributes:
        origin: the state dict θ*, parameters and buffers, on the CPU.
        delta, eta: {parameter name: tensor of its shape}, on the CPU.
        kind: "random", "pca" or "custom".
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
        nor orthogonal.

        Raises:
            IsolossError: if the directions are parallel, or a checkpoint is of another network.
        """
        dd, de, ee = self._gram
        gram = np.array([[dd, de], [de, ee]])
        if np.linalg.matrix_rank(gram, hermitian=True) < 2:
            raise IsolossError("the two directions are parallel: they span no plane")
        coordinates = np.empty((len(checkpoints), 2))
        distances = np.empty(len(checkpoints))
        for i, checkpoint in enumerate(checkpoints):
            state = as_state(checkpoint)
            difference = _difference(state, self.origin, list(self.delta))
            onto = np.array([_dot(difference, self.delta), _dot(difference, self.eta)])
            coordinates[i] = np.linalg.solve(gram, onto)
            a, b = coordinates[i]
            distances[i] = np.sqrt(
                sum(
                    float((d.double() - a * self.delta[k] - b * self.eta[k]).square().sum())
                    for k, d in difference.items()
                )
            )
        return coordinates, distances

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


def random_plane(
    model: nn.Module, seed: int = 0, normalize: Literal["filter", "layer", "none"] = "filter"
) -> Plane:
    """Two independent Gaussian directions through the parameters of `model`.

    With "filter", every slice along the first dimension of a parameter with two or more dimensions
    (a convolution's output filter, a linear layer's neuron) is scaled to the norm of the network's
    own; with "layer", every such tensor as a whole. Parameters with fewer dimensions (biases,
    batch-norm scales) stay put. The directions are not orthogonalized: see `Plane.cosine`.

    Source: Li et al. 2018, section 4.
    """
    if normalize not in ("filter", "layer", "none"):
        raise IsolossError(f"normalize is 'filter', 'layer' or 'none', not {normalize!r}")
    # Drawn on the CPU, so that a seed means the same plane on every device.
    generator = torch.Generator().manual_seed(seed)
    delta, eta = (
        {
            name: _gaussian_like(parameter.detach().cpu(), generator, normalize)
            for name, parameter in model.named_parameters()
        }
        for _ in range(2)
    )
    return Plane(_state_of(model), delta, eta, "random")


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


def pca_plane(model: nn.Module, checkpoints: Sequence[Checkpoint]) -> Plane:
    """The plane of the two leading principal components of a trajectory, through its last point.

    Rows θ_i − θ_n for all checkpoints; entries of parameters with ndim ≤ 1 count as zero;
    mean-centred. The components are unit vectors, found exactly through the n×n Gram matrix while
    the checkpoints stream from disk, so that memory does not grow with their number. Signs: the
    first checkpoint has coordinates ≥ 0.

    Args:
        checkpoints: paths or state dicts, in order; the last is the plane's origin.

    Raises:
        IsolossError: if there are fewer than three different checkpoints.

    Source: Li et al. 2018, section 7.
    """
    check_enough(len(checkpoints))
    origin = {k: v.detach().cpu().clone() for k, v in as_state(checkpoints[-1]).items()}
    names = [n for n, p in model.named_parameters() if p.ndim > 1 and p.is_floating_point()]
    n = len(checkpoints)
    gram = np.zeros((n, n))
    for _, _, rows in _differences(checkpoints, origin, names):
        gram += (rows @ rows.T).numpy()
    centring = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(centring @ gram @ centring)
    variance, components = values[::-1], vectors[:, ::-1]
    if variance[1] <= 1e-12 * max(variance[0], 1e-300):
        raise IsolossError("the trajectory is a point or a straight line: it spans no plane")
    # A component is a combination of the centred rows; Xᵀv has norm √λ.
    weights = torch.from_numpy(centring @ components[:, :2] / np.sqrt(variance[:2]))
    start = gram[0] @ weights.numpy()
    weights *= torch.from_numpy(np.where(start < 0, -1.0, 1.0))
    delta, eta = (
        {k: torch.zeros_like(p.detach(), device="cpu") for k, p in model.named_parameters()}
        for _ in range(2)
    )
    for name, place, rows in _differences(checkpoints, origin, names):
        for direction, weight in zip((delta, eta), weights.T, strict=True):
            direction[name].view(-1)[place] = (weight @ rows).to(direction[name].dtype)
    return Plane(origin, delta, eta, "pca", variance[:2] / variance.clip(0).sum())


def check_enough(checkpoints: int) -> None:
    """Raise IsolossError if so few checkpoints span no plane."""
    if checkpoints < 3:
        raise IsolossError(
            f"a PCA plane needs at least 3 checkpoints, there are {checkpoints}: train for longer, "
            "or with more checkpoints per epoch"
        )


def _differences(checkpoints: Sequence[Checkpoint], origin: State, names: Sequence[str]) -> Any:
    """(name, place, rows): a piece of a parameter in all checkpoints less the origin's, float64.

    One piece at a time is in memory; `rows` is (n, piece).
    """
    opened = [_Reader(c) for c in checkpoints]
    for name in names:
        if name not in origin:
            raise IsolossError(f"the last checkpoint is of another network: it has no {name}")
        size = origin[name].numel()
        columns = max(size // max(len(origin[name]), 1), 1)
        # Whole slices along the first dimension, since that is what safetensors reads piecewise.
        step = max(_CHUNK // (len(checkpoints) * columns), 1)
        for first in range(0, len(origin[name]), step):
            last = min(first + step, len(origin[name]))
            base = origin[name][first:last].reshape(-1).double()
            rows = torch.empty(len(checkpoints), len(base), dtype=torch.float64)
            for i, reader in enumerate(opened):
                piece = reader.read(name, first, last)
                if piece.numel() != len(base):
                    raise IsolossError(f"checkpoint {i} is of another network: {name} differs")
                torch.sub(piece.reshape(-1).double(), base, out=rows[i])
            yield name, slice(first * columns, last * columns), rows


class _Reader:
    """Reads pieces of a checkpoint, from disk where it lies there as safetensors."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._state: State | None = None
        if isinstance(checkpoint, str | Path) and Path(checkpoint).suffix == ".safetensors":
            load = Path(checkpoint)
            if not load.is_file():
                raise IsolossError(f"there is no checkpoint {load}")
            try:
                self._file = safe_open(str(load), "pt")
            except Exception as error:  # safetensors' own type is no subclass of OSError.
                raise IsolossError(f"{load} is not a readable checkpoint: {error}") from error
        else:
            self._state = as_state(checkpoint)

    def read(self, name: str, first: int, last: int) -> Tensor:
        try:
            if self._state is not None:
                return self._state[name][first:last].detach().cpu()
            return self._file.get_slice(name)[first:last]
        except Exception as error:
            raise IsolossError(f"a checkpoint is of another network: no {name}") from error


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


def _difference(state: State, origin: State, names: Sequence[str]) -> Direction:
    difference = {}
    for name in names:
        if name not in state or state[name].shape != origin[name].shape:
            raise IsolossError(f"a checkpoint is of another network: {name} is missing or differs")
        difference[name] = state[name].detach().cpu().double() - origin[name].double()
    return difference


def _dot(a: Direction, b: Direction) -> float:
    return float(sum((a[k].double() * b[k].double()).sum() for k in a))
