"""Where a network looks, and how far an attack moves that.

Maps are taken from what the network computes anyway: its last activations before pooling, the gates
of CBAM, the attention of transformer blocks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.compute.networks.cbam import Cbam
from isoloss.errors import IsolossError
from isoloss.robustness.attacks.objective import frozen

LAST = "last features"
CHANNEL, SPATIAL, ATTENTION = "channel gate", "spatial gate", "attention"


class NothingToSee(IsolossError):
    """The network has no places."""


@torch.no_grad()
def maps(model: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """{name: (N, …)} what there is to see of the network on these images.

    - "last features": (N, H, W), the mean magnitude over the channels of the last activations that
      still have places.
    - "channel gate: MODULE" (N, C) and "spatial gate: MODULE" (N, H, W), of each CBAM.
    - "attention: MODULE" (N, H, W), of each attention layer: how much each place is attended to,
      mean over heads and over what attends. The places add up to 1, less what class tokens receive.

    Args:
        model: (N, C, H, W) images in [0, 1] to logits.

    Raises:
        NothingToSee: if there is none.
    """
    found: dict[str, Tensor] = {}
    with frozen(model), _attention_written_out(model), _watched(model, found):
        model(images)
    if not found:
        raise NothingToSee("this network has no feature maps to show")
    return found


@torch.no_grad()
def saved_maps(model: nn.Module, images: Tensor, batch_size: int) -> dict[str, Tensor]:
    """Those of `maps` that are saved with examples, float32: of all blocks of one stage the last.

    Networks without places have none, nor has a stage where only one place is left.
    """
    parts: list[dict[str, Tensor]] = []
    for batch in images.split(batch_size):
        try:
            parts.append(maps(model, batch))
        except NothingToSee:
            return {}
    # One place says nothing of where.
    seen = [name for name, of in parts[0].items() if of[0].numel() > 1] if parts else []
    names = last_of_each_stage(seen)
    return {name: torch.cat([part[key] for part in parts]) for name, key in names.items()}


def last_of_each_stage(names: Sequence[str]) -> dict[str, str]:
    """{short name: name} of the last of all maps whose modules differ in their last number alone,
    as "layer3.0.cbam" and "layer3.5.cbam" do; "network." before a module's name is our wrapping."""
    last: dict[str, tuple[str, str]] = {}
    for name in names:
        kind, colon, module = name.partition(": ")
        while module.startswith("network."):
            module = module.removeprefix("network.")
        stage = re.sub(r"\d+(?=\D*$)", "*", module)
        last[kind + colon + stage] = kind + colon + module, name
    return dict(last.values())


def drift(clean: Tensor, attacked: Tensor) -> Tensor:
    """(N,) by how much each map has moved: 1 − the cosine between them, from 0 to 2; gates and
    attention are never negative, theirs is from 0 to 1. Of a map that has not moved it is 0, of one
    that is 0 everywhere 1.

    Args:
        clean, attacked: (N, …) one map of the same images before and after.
    """
    # Apple's GPUs have no double precision.
    a, b = clean.cpu().flatten(1).double(), attacked.cpu().flatten(1).double()
    moved = 1 - torch.nn.functional.cosine_similarity(a, b, dim=1)
    return torch.where((a == b).all(1), 0.0, moved.clamp(0, 2))


@contextmanager
def _watched(model: nn.Module, found: dict[str, Tensor]) -> Generator[None]:
    """Inside, what passes through `model` is written to `found`."""
    hooks: list[Any] = []
    last: list[Tensor] = []

    def note(name: str, of: Callable[[Any, Tensor], Tensor | None]) -> Any:
        def hook(_: nn.Module, given: Any, output: Any) -> None:
            if isinstance(output, Tensor) and (seen := of(given, output)) is not None:
                found[name] = seen.float()

        return hook

    def remember(_: nn.Module, __: Any, output: Any) -> None:
        if not isinstance(output, Tensor):
            return
        # What comes after pooling has one place or none; a list of tokens has none we know of.
        if output.ndim == 4 and output.shape[-1] > 1:
            last[:] = [output]
        elif output.ndim == 3:
            last.clear()

    parts: list[Any] = [m for m in model.modules() if isinstance(m, Cbam)]
    parts += [m.attn_drop for m in model.modules() if _attends(m)]
    gates = {m for part in parts for m in part.modules()}
    for name, module in model.named_modules():
        if isinstance(module, Cbam):
            hooks.append(
                module.channel.register_forward_hook(
                    note(f"{CHANNEL}: {name}", lambda _, gate: gate.flatten(1))
                )
            )
            hooks.append(
                module.spatial.register_forward_hook(
                    note(f"{SPATIAL}: {name}", lambda _, gate: gate[:, 0])
                )
            )
        elif _attends(module):
            drop: Any = module.attn_drop
            hooks.append(drop.register_forward_hook(note(f"{ATTENTION}: {name}", _attended_places)))
        if module not in gates and not any(True for _ in module.children()):
            hooks.append(module.register_forward_hook(remember))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    if last:
        found[LAST] = last[0].float().abs().mean(1)


def _attended_places(_: Any, attention: Tensor) -> Tensor | None:
    """(N, H, W) of attention (N, heads, lookers, places); None where places form no square."""
    if attention.ndim != 4:
        return None
    received = attention.mean((1, 2))
    side = int(received.shape[1] ** 0.5)
    tokens = received.shape[1] - side * side
    # A class token and registers come before the places.
    return received[:, tokens:].view(-1, side, side) if tokens <= 8 else None


def _attends(module: nn.Module) -> bool:
    """Whether it is one of timm's attention layers over whole images."""
    return hasattr(module, "fused_attn") and isinstance(
        getattr(module, "attn_drop", None), nn.Module
    )


@contextmanager
def _attention_written_out(model: nn.Module) -> Generator[None]:
    """Inside, attention is computed step by step: fused, it is never seen."""
    fused: list[Any] = [m for m in model.modules() if getattr(m, "fused_attn", False)]
    for module in fused:
        module.fused_attn = False
    try:
        yield
    finally:
        for module in fused:
            module.fused_attn = True
