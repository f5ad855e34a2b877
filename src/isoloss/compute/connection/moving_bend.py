"""The bend of a path as the parameters of a network, which a step moves onto the path and back."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from isoloss.compute.networks.reals import can_move
from isoloss.compute.planes.bezier import Bezier, blended, weights_at

_STATISTICS = ("running_mean", "running_var")


class MovingBend:
    """The bend of a path, held as the parameters of a network.

    Between `move_to` and `move_back` the network is on the path at a place t, and what its gradient
    is there becomes that by the bend: ∂φ(t)/∂bend = 2t(1 − t).

    Args:
        network: gets the bend's values; on its device from then on.
    """

    def __init__(self, network: nn.Module, path: Bezier) -> None:
        self.network = network
        self._parameters = [
            (p, path.start[name].to(p), path.end[name].to(p))
            for name, p in network.named_parameters()
            if name in path.bend
        ]
        self._names = [n for n, _ in network.named_parameters() if n in path.bend]
        self._buffers = [
            (b, path.start[name].to(b), path.end[name].to(b))
            for name, b in network.named_buffers()
            if name in path.start and can_move(b) and not name.endswith(_STATISTICS)
            and not torch.equal(path.start[name], path.end[name])
        ]  # fmt: skip
        self._kept: list[Tensor] | None = None
        self._t = 0.0
        self.take(path.bend)

    @torch.no_grad()
    def take(self, bend: dict[str, Tensor]) -> None:
        """Have the bend be this one."""
        for name, (parameter, _, _) in zip(self._names, self._parameters, strict=True):
            parameter.copy_(bend[name])

    def bend(self, names: dict[str, Tensor]) -> dict[str, Tensor]:
        """A copy of it on the CPU, wherever the network is; by all its `names`."""
        held = self._kept or [p for p, _, _ in self._parameters]
        known = {id(p): b for (p, _, _), b in zip(self._parameters, held, strict=True)}
        own = dict(self.network.named_parameters(remove_duplicate=False))
        return {k: known[id(own[k])].detach().cpu().clone() for k in names}

    @torch.no_grad()
    def move_to(self, t: float) -> None:
        """Put the network on the path; its buffers, but for the statistics of batch norms, lie in
        between those of the ends."""
        self._kept, self._t = [p.detach().clone() for p, _, _ in self._parameters], t
        for (parameter, start, end), bend in zip(self._parameters, self._kept, strict=True):
            parameter.copy_(blended(t, start, bend, end))
        for buffer, start, end in self._buffers:
            buffer.copy_(torch.lerp(start, end, t))

    @torch.no_grad()
    def move_back(self, penalty: float = 0.0, shrink: float = 0.0) -> None:
        """Have the network be the bend again, and its gradients those by the bend.

        Args:
            penalty: what of the weights on the path is added to their gradient: that of an L2
                penalty on the network on the path.
            shrink: what of these weights is taken off, as by a decoupled weight decay.
        """
        assert self._kept is not None
        slope = weights_at(self._t)[1]
        for (parameter, _, _), bend in zip(self._parameters, self._kept, strict=True):
            if parameter.grad is not None:
                parameter.grad.add_(parameter, alpha=penalty).mul_(slope)
                bend.sub_(parameter, alpha=shrink * slope)
        self.leave()

    @torch.no_grad()
    def leave(self) -> None:
        """Leave the path, if the network is on it, as if it had never been there."""
        if self._kept is not None:
            for (parameter, _, _), bend in zip(self._parameters, self._kept, strict=True):
                parameter.copy_(bend)
            self._kept = None
