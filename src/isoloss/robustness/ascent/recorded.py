"""What attacks ask of a network, from CUDA graphs once a size has come often."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor, nn

from isoloss.compute.machine.graphs import GraphedCalls

Answer = Callable[[Tensor], Any]
"""What a network gives for images."""
Compute = Callable[[Answer, Tensor, Tensor, int], tuple[Tensor | None, ...]]
"""(a network, (N, …) images, labels, how many draws of each it is asked about) to what is computed
of its answers. Nothing else may be random in it, nor change but by the values of these tensors."""


class Unrecorded(UserWarning):
    """That a GPU is given the kernels of attacks on a network one by one, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"CUDA graphs do without this network ({self.reason}): it is attacked as usual"


class Recorded:
    """Asks a network, on a GPU from recordings, which are freed with it.

    Of noise that is drawn apart from the network (`Smoothing.draws_apart`) a recording is given the
    values, as of images: it draws what is drawn without one.

    Args:
        model: what is asked. It is to compute the same whenever it is asked: of its own Python only
            the tensors remain.
        recordable: whether what is computed may be recorded.
    """

    def __init__(self, model: nn.Module, *, recordable: bool = True) -> None:
        self._model: Any = model
        self._apart: bool = getattr(model, "draws_apart", False)
        self._graphs: GraphedCalls | None = None
        self._told = False
        device = next((p.device.type for p in model.parameters()), "cpu")
        if recordable and device == "cuda" and (self._apart or not is_random(model)):
            self._graphs = GraphedCalls()
            self._graphs.refused = _what_recordings_lack(model)

    def __call__(
        self, compute: Compute, images: Tensor, labels: Tensor, draws: int = 1
    ) -> tuple[Tensor | None, ...]:
        """What `compute` gives, which is known by its name."""

        def of(given: tuple[Tensor, ...]) -> tuple[Tensor | None, ...]:
            some, truth, *noise = given
            answer = partial(self._model.logits, noise=noise[0]) if noise else self._model
            return compute(answer, some, truth, draws)

        given = (images, labels)
        if self._apart:
            given += (self._model.noise_for(images, draws),)
        if self._graphs is None:
            return of(given)
        found = self._graphs(of, given, (compute.__qualname__, draws))
        if self._graphs.refused and not self._told:
            self._told = True
            warnings.warn(Unrecorded(self._graphs.refused), stacklevel=2)
        return found


def is_random(model: nn.Module) -> bool:
    """Whether a network says of itself that it draws noise: twice the same image, two answers."""
    return bool(getattr(model, "is_random", False))


def _what_recordings_lack(model: nn.Module) -> str | None:
    """Why what a network does is more than its kernels, where it shows."""
    if any(has_hooks(module) for module in model.modules()):
        return "it has hooks"
    tensors = (*model.parameters(), *model.buffers())
    return "it is on several devices" if len({t.device for t in tensors}) > 1 else None


def has_hooks(module: nn.Module) -> bool:
    """Whether something else is called where the module is."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(getattr(module, name, None) for name in hooks)
