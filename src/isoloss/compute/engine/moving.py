"""The tensors of a network that a plane moves, in one buffer: moving is one addition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.compute.networks.reals import as_reals, can_move, from_reals

# So many elements apart lie the tensors in the buffer: whole cache lines for every type.
ALIGNMENT = 64
# On a CPU so many are moved at once where they are converted too: they stay in its cache.
TOGETHER = 1 << 19


class MovingTensors:
    """θ*, δ, η, θ* + α·δ and θ* + α·δ + β·η, each as one flat buffer of reals on the device.

    The network's own tensors become views of the last one, in their own memory layout; those in
    reduced precision become views of a copy of it.
    """

    def __init__(
        self,
        network: nn.Module,
        origin: Mapping[str, Tensor],
        delta: Mapping[str, Tensor],
        eta: Mapping[str, Tensor],
    ) -> None:
        tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
        moving = [
            k for k, t in tensors.items()
            if can_move(t) and any(k in d and d[k].any() for d in (delta, eta))
        ]  # fmt: skip
        types = {k: tensors[k].dtype.to_real() for k in moving}
        # Tensors of one type lie side by side, so that each type is converted at once.
        moving.sort(key=lambda k: str(types[k]))
        places: dict[str, slice] = {}
        size = 0
        for name in moving:
            places[name] = slice(size, size + as_reals(tensors[name]).numel())
            size = -(-places[name].stop // ALIGNMENT) * ALIGNMENT
        device = next((tensors[k].device for k in moving), torch.device("cpu"))
        self._wide = torch.float64 if torch.float64 in types.values() else torch.float32
        self.names = moving
        self._places = places
        # Apple's GPUs are wrong where channels that come last begin within a storage.
        layout = torch.contiguous_format if device.type == "mps" else torch.preserve_format
        self._like = {
            k: torch.empty_like(tensors[k], device="meta", memory_format=layout) for k in moving
        }
        self._origin, self._delta, self._eta = (
            self._flat(source, size, device) for source in (origin, delta, eta)
        )
        self._row, self._row_alpha = self._origin.clone(), 0.0
        self._point = self._origin.clone()
        self._own: list[slice] = []
        self._copies: list[tuple[Tensor, slice]] = []
        self._together = min(size, TOGETHER) if device.type == "cpu" else size
        for dtype in set(types.values()):
            names = [k for k in moving if types[k] == dtype]
            span = slice(places[names[0]].start, places[names[-1]].stop)
            home = self._point[span]
            if dtype != self._wide:
                home = home.to(dtype)
                self._copies.append((home, span))
            else:
                self._own.append(span)
            for name in names:
                place = places[name]
                segment = home[place.start - span.start : place.stop - span.start]
                tensors[name].data = self._view(segment, name)

    def move_to(self, alpha: float, beta: float) -> None:
        """Cells of one row come one after the other, so θ* + α·δ is kept for the next."""
        if alpha != self._row_alpha:
            torch.add(self._origin, self._delta, alpha=alpha, out=self._row)
            self._row_alpha = alpha
        for span in self._own:
            torch.add(self._row[span], self._eta[span], alpha=beta, out=self._point[span])
        for copy, span in self._copies:
            for first in range(span.start, span.stop, self._together):
                part = slice(first, min(first + self._together, span.stop))
                moved = self._point[span.start : span.start + part.stop - first]
                torch.add(self._row[part], self._eta[part], alpha=beta, out=moved)
                copy[first - span.start : part.stop - span.start] = moved

    def at(self, alphas: Tensor, betas: Tensor) -> dict[str, Tensor]:
        """{name: (K, …)} the moving tensors at K points at once, in full precision.

        Args:
            alphas, betas: (K,).
        """
        alphas, betas = (c.to(self._origin)[:, None] for c in (alphas, betas))
        points = self._origin + alphas * self._delta + betas * self._eta
        return {
            k: torch.stack([self._view(point[self._places[k]], k) for point in points])
            for k in self.names
        }

    def _flat(self, source: Mapping[str, Tensor], size: int, device: torch.device) -> Tensor:
        flat = torch.zeros(size, dtype=self._wide, device=device)
        for name in source.keys() & set(self.names):
            self._view(flat[self._places[name]], name).copy_(source[name])
        return flat

    def _view(self, segment: Tensor, name: str) -> Tensor:
        like = self._like[name]
        parts = (2,) if like.is_complex() else ()
        if not _is_channels_last(like):
            return from_reals(segment.view(*like.shape, *parts), like)
        n, c, h, w = like.shape
        return from_reals(segment.view(n, h, w, c, *parts), like).permute(0, 3, 1, 2)


def _is_channels_last(tensor: Any) -> bool:
    return tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
