"""The tensors of a network that a plane moves, in one buffer: moving is one addition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

# So many elements apart lie the tensors in the buffer: whole cache lines for every type.
ALIGNMENT = 64
# On a CPU so many are moved at once where they are converted too: they stay in its cache.
TOGETHER = 1 << 19


class MovingTensors:
    """θ*, δ, η, θ* + α·δ and θ* + α·δ + β·η, each as one flat buffer on the device.

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
        moving = [k for k in tensors if k in delta and (delta[k].any() or eta[k].any())]
        # Tensors of one type lie side by side, so that each type is converted at once.
        moving.sort(key=lambda k: str(tensors[k].dtype))
        places: dict[str, slice] = {}
        size = 0
        for name in moving:
            places[name] = slice(size, size + tensors[name].numel())
            size = -(-places[name].stop // ALIGNMENT) * ALIGNMENT
        device = next((tensors[k].device for k in moving), torch.device("cpu"))
        self._wide = torch.float64 if _has_double(tensors, moving) else torch.float32
        self.names = moving
        self._places = places
        self._shapes = {k: (tensors[k].shape, _is_channels_last(tensors[k])) for k in moving}
        self._origin, self._delta, self._eta = (
            self._flat(source, size, device) for source in (origin, delta, eta)
        )
        self._row, self._row_alpha = self._origin.clone(), 0.0
        self._point = self._origin.clone()
        self._own: list[slice] = []
        self._copies: list[tuple[Tensor, slice]] = []
        self._together = min(size, TOGETHER) if device.type == "cpu" else size
        for dtype in {tensors[k].dtype for k in moving}:
            names = [k for k in moving if tensors[k].dtype == dtype]
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
        for name in self.names:
            self._view(flat[self._places[name]], name).copy_(source[name])
        return flat

    def _view(self, segment: Tensor, name: str) -> Tensor:
        shape, channels_last = self._shapes[name]
        if not channels_last:
            return segment.view(shape)
        n, c, h, w = shape
        return segment.view(n, h, w, c).permute(0, 3, 1, 2)


def _is_channels_last(tensor: Any) -> bool:
    return tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last)


def _has_double(tensors: Mapping[str, Tensor], names: list[str]) -> bool:
    return any(tensors[k].dtype == torch.float64 for k in names)
