"""Where a network looks, and how far an attack moves that.

Maps are taken from what the network computes anyway: its last activations before pooling, the gates
of CBAM, the attention of transformer blocks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from isoloss.compute.networks.cbam import Cbam
from isoloss.errors import IsolossError
from isoloss.robustness.ascent.objective import frozen
from isoloss.robustness.evaluation.places import MOST_TOKENS, Layouts, Tokens, heads_axis, tokens_of

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
      mean over heads and over what attends, as its softmax gives it. The places add up to 1, less
      what class tokens and padding receive. Windows and blocks are put together; of attention to
      channels (XCiT) there is none, for it has no places, nor of layers whose tokens lie nobody
      knows where.

    Args:
        model: (N, C, H, W) images in [0, 1] to logits.

    Raises:
        NothingToSee: if there is none.
    """
    found: dict[str, Tensor] = {}
    layers = {name: module for name, module in model.named_modules() if _attends(module)}
    with frozen(model), _attention_written_out(model):
        tokens = tokens_of(model, images[:1], layers) if layers else {}
        with _watched(model, found, tokens):
            model(images)
    # What is of windows or blocks of which nobody knows where they lie is no map of an image.
    found = {name: of for name, of in found.items() if len(of) == len(images)}
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
def _watched(
    model: nn.Module, found: dict[str, Tensor], tokens: Mapping[str, Tokens]
) -> Generator[None]:
    """Inside, what passes through `model` is written to `found`."""
    hooks: list[Any] = []
    last: list[Tensor] = []
    layouts, sides = Layouts(), [(1, 1)]
    # Of layers that attend to features of their own, which are fewer.
    reduced: dict[nn.Module, tuple[int, int]] = {}
    softmaxes = _Softmaxes()

    def note(name: str, of: Callable[[Any, Tensor], Tensor | None]) -> Any:
        def hook(_: nn.Module, given: Any, output: Any) -> None:
            if isinstance(output, Tensor) and (seen := of(given, output)) is not None:
                found[name] = seen.float()

        return hook

    def remember(module: nn.Module, _: Any, output: Any) -> None:
        if not isinstance(output, Tensor):
            return
        if output.ndim == 4:
            sides[:] = [layouts.sides(module, output)]
            # What comes after pooling has one place.
            if sides[0] != (1, 1):
                last[:] = [output.float().abs().mean(layouts.channel_axis(output))]
        elif output.ndim == 3:  # a list of tokens has none we know of
            last.clear()

    def attend(name: str, module: nn.Module) -> None:
        def of(attention: Tensor) -> None:
            if attention.ndim < 4:  # without heads
                return
            received = attention.mean((heads_axis(module), -2)).flatten(0, -2)
            if name in tokens:
                seen = tokens[name].spread(received)
            else:
                seen = _in_order(received, reduced.get(module, sides[0]))
            if seen is not None:
                found[f"{ATTENTION}: {name}"] = seen.float()

        def reduce(_: nn.Module, __: Any, output: Tensor) -> None:
            reduced[module] = (output.shape[2], output.shape[3])

        hooks.append(module.register_forward_pre_hook(lambda *_: softmaxes.watch(of)))
        hooks.append(module.register_forward_hook(lambda *_: softmaxes.leave()))
        if isinstance(convolution := getattr(module, "sr", None), nn.Conv2d):
            hooks.append(convolution.register_forward_hook(reduce))

    # What is inside a gate or an attention layer has the shape of features and is none.
    inside = {m for each in model.modules() if _attends(each) for m in each.modules() if m != each}
    inside |= {m for each in model.modules() if isinstance(each, Cbam) for m in each.modules()}
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
            attend(name, module)
        if module not in inside:
            hooks.append(module.register_forward_hook(remember))
    try:
        with softmaxes:
            yield
    finally:
        for hook in hooks:
            hook.remove()
    if last:
        found[LAST] = last[0]


class _Softmaxes(TorchFunctionMode):
    """Inside, what comes out of a softmax is shown to whoever watches."""

    def __init__(self) -> None:
        super().__init__()
        self._watching: list[Callable[[Tensor], None]] = []

    def watch(self, see: Callable[[Tensor], None]) -> None:
        """Show `see` what comes, until it leaves."""
        self._watching.append(see)

    def leave(self) -> None:
        """The last that watches has seen enough."""
        self._watching.pop()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if self._watching and func in _SOFTMAX:
            self._watching[-1](output)
        return output


_SOFTMAX = (Tensor.softmax, torch.softmax, nn.functional.softmax)


def _in_order(received: Tensor, sides: tuple[int, int]) -> Tensor | None:
    """(N, H, W) of what tokens in the order of their places receive, (N, tokens); None where they
    are not as many as the places of the features before them."""
    places = sides[0] * sides[1]
    before = received.shape[1] - places
    # A class token and registers come before the places.
    if places == 1 or not 0 <= before <= MOST_TOKENS:
        return None
    return received[:, before:].view(-1, *sides)


def _attends(module: nn.Module) -> bool:
    """Whether it is one of timm's attention layers over places: one with a temperature attends to
    channels (XCiT, DaViT); one whose heads talk (CaiT) is never fused."""
    talks = hasattr(module, "proj_l") and hasattr(module, "proj_w")
    return not hasattr(module, "temperature") and (talks or hasattr(module, "fused_attn"))


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
