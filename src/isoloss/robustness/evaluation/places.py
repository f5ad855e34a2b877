"""Where in the image what a network computes has its places.

Features may have their channels last, and tokens their own order: windows, shifted or strided, and
blocks. Which of them lies where is not known from any library: a second pass, in which what goes
into an attention layer is replaced by the number of its place, shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

MOST_TOKENS = 8
"""So many class tokens and registers may come before the places."""


class Layouts:
    """Which features have their channels last, as far as the layers that gave them tell."""

    def __init__(self) -> None:
        self._channels_last: dict[torch.Size, bool] = {}

    def sides(self, module: nn.Module, output: Tensor) -> tuple[int, int]:
        """The height and width of features (N, C, H, W) or (N, H, W, C)."""
        shape = output.shape[1:]
        told = _tells(module, output)
        if told is not None:
            self._channels_last[shape] = told
        elif shape not in self._channels_last:
            # Features of before, permuted.
            first = torch.Size((shape[2], shape[0], shape[1]))
            self._channels_last[shape] = self._channels_last.get(first) is False
        last = self._channels_last[shape]
        return (shape[0], shape[1]) if last else (shape[1], shape[2])

    def channel_axis(self, output: Tensor) -> int:
        """Of features that `sides` has seen: 1 or −1."""
        return -1 if self._channels_last.get(output.shape[1:], False) else 1


def _tells(module: nn.Module, output: Tensor) -> bool | None:
    """Whether a layer has its channels last; None of one that works on any."""
    if any(True for _ in module.children()):
        return None
    name = type(module).__name__
    if isinstance(module, nn.Linear):
        return True
    if "2d" in name or isinstance(module, nn.GroupNorm):
        return False
    of_last = getattr(module, "normalized_shape", None)
    return True if of_last is not None and tuple(of_last) == output.shape[-1:] else None


@dataclass(frozen=True)
class Tokens:
    """Which place each token of an attention layer is.

    Attributes:
        places: (windows, tokens) int64 of one image, counted row by row; −1 of padding.
        sides: height and width.
    """

    places: Tensor
    sides: tuple[int, int]

    def spread(self, received: Tensor) -> Tensor | None:
        """(N, H, W) of what tokens receive, (N · windows, tokens), mean over the windows; None
        where these are others."""
        windows, tokens = self.places.shape
        if received.shape[1] != tokens or len(received) % windows:
            return None
        places = self.places.to(received.device).flatten()
        height, width = self.sides
        flat = received.view(-1, windows * tokens)[:, places >= 0] / windows
        found = flat.new_zeros(len(flat), height * width)
        return found.index_add_(1, places[places >= 0], flat).view(-1, height, width)


@torch.no_grad()
def tokens_of(model: nn.Module, image: Tensor, layers: dict[str, nn.Module]) -> dict[str, Tokens]:
    """{name: `Tokens`} of those attention layers that are given tokens in an order of their own.

    Args:
        image: (1, C, H, W).
        layers: by their names in `model`.
    """
    found: dict[str, Tokens] = {}
    modules = dict(model.named_modules())
    with _hooked() as hook:
        cut_once: set[str] = set()
        for level in modules.values():
            pool, encoder = (getattr(level, part, None) for part in ("pool", "transformer_encoder"))
            if isinstance(pool, nn.Module) and isinstance(encoder, nn.Sequential):
                inside = [n for n, layer in layers.items() if layer in set(encoder.modules())]
                _number_level(pool, encoder, inside, found, hook)
                cut_once.update(inside)
        for name, layer in layers.items():
            block = modules[name.rpartition(".")[0]]
            norm = getattr(block, "norm1", None)
            if _cuts_itself(layer):
                _number_inside(layer, name, found, hook)
            elif isinstance(norm, nn.Module) and name not in cut_once:
                _number(norm, layer, name, found, hook)
            elif hasattr(block, "window_size"):
                _number_before(block, layer, name, found, hook)
        with suppress(Exception):  # a network may not bear numbers in place of features
            model(image)
    for level in modules.values():
        reroll, blocks = getattr(level, "reroll", None), getattr(level, "blocks", None)
        if isinstance(reroll, nn.Module) and isinstance(blocks, nn.ModuleList):
            _find_unrolled(reroll, blocks, layers, found)
    return found


def heads_axis(layer: nn.Module) -> int:
    """Which axis of a layer's attention its heads are: one that cuts windows itself (Twins) has
    these before them."""
    return 2 if _cuts_itself(layer) else 1


def _cuts_itself(layer: nn.Module) -> bool:
    return hasattr(layer, "ws") and hasattr(layer, "qkv")


Hook = Callable[[Any], None]


@contextmanager
def _hooked() -> Generator[Hook]:
    hooks: list[Any] = []
    try:
        yield hooks.append
    finally:
        for each in hooks:
            each.remove()


def _numbered(features: Tensor, channels_last: bool) -> tuple[Tensor, tuple[int, int]]:
    """Features in place of which stands the number of their place, from 1 on; and the sides."""
    height, width = features.shape[1:3] if channels_last else features.shape[2:]
    numbers = torch.arange(1, height * width + 1, device=features.device, dtype=features.dtype)
    numbers = numbers.view(1, height, width)
    numbers = numbers.unsqueeze(-1 if channels_last else 1)
    return numbers.expand_as(features).clone(), (height, width)


def _number(
    norm: nn.Module, layer: nn.Module, name: str, found: dict[str, Tokens], hook: Hook
) -> None:
    sides: list[tuple[int, int]] = []

    def number(module: nn.Module, _: Any, output: Tensor) -> Tensor | None:
        if not isinstance(output, Tensor) or output.ndim != 4:
            return None
        numbered, shape = _numbered(output, _tells(module, output) is True)
        sides[:] = [shape]
        return numbered

    hook(norm.register_forward_hook(number))
    hook(layer.register_forward_pre_hook(_seen(name, sides, found)))


def _number_before(
    block: nn.Module, layer: nn.Module, name: str, found: dict[str, Tokens], hook: Hook
) -> None:
    """Of a block that cuts what it is given, channels last, into windows (TinyViT)."""
    sides: list[tuple[int, int]] = []

    def number(_: nn.Module, given: Any) -> Any:
        if not isinstance(given[0], Tensor) or given[0].ndim != 4:
            return None
        numbered, shape = _numbered(given[0], True)
        sides[:] = [shape]
        return (numbered, *given[1:])

    hook(block.register_forward_pre_hook(number))
    hook(layer.register_forward_pre_hook(_seen(name, sides, found)))


def _seen(name: str, sides: list[tuple[int, int]], found: dict[str, Tokens]) -> Any:
    """A hook of a layer that notes which numbers it is given."""

    def see(_: nn.Module, given: Any) -> None:
        tokens = given[0]
        if not sides or not isinstance(tokens, Tensor):
            return
        height, width = sides[0]
        if tokens.ndim == 4:  # windows as small images, their channels last or first
            last = bool((tokens[..., :1] == tokens).all())
            tokens = tokens.flatten(1, 2) if last else tokens.flatten(2).transpose(1, 2)
        places = tokens[..., 0].round().long() - 1
        if tokens.ndim == 3 and int(places.max()) < height * width:
            found[name] = Tokens(places, (height, width))

    return see


def _number_inside(layer: Any, name: str, found: dict[str, Tokens], hook: Hook) -> None:
    """Of a layer that is given tokens in order with their sides, and cuts them itself (Twins)."""
    sides: list[tuple[int, int]] = []

    def number(_: nn.Module, given: Any) -> Any:
        tokens, size = given
        sides[:] = [(int(size[0]), int(size[1]))]
        numbers = torch.arange(1, tokens.shape[1] + 1, device=tokens.device, dtype=tokens.dtype)
        return numbers.view(1, -1, 1).expand_as(tokens).clone(), size

    def see(_: nn.Module, given: Any) -> None:
        places = given[0][0, ..., 0].round().long() - 1
        found[name] = Tokens(places.reshape(-1, layer.ws**2), sides[0])

    hook(layer.register_forward_pre_hook(number))
    hook(layer.qkv.register_forward_pre_hook(see))


def _find_unrolled(
    reroll: Any, blocks: nn.ModuleList, layers: dict[str, nn.Module], found: dict[str, Tokens]
) -> None:
    """Of blocks whose tokens stand by how they will be pooled: the model itself puts them back in
    order after each block (Hiera)."""
    names = {layer: name for name, layer in layers.items()}
    for k, block in enumerate(blocks):
        layer: Any = getattr(block, "attn", None)
        before = max(k - 1, 0)
        sides = reroll.schedule[before][1]
        if layer not in names or len(sides) != 2:
            continue
        height, width = sides
        numbers = torch.arange(height * width).view(1, -1, 1)
        places = reroll(numbers, before).flatten().argsort()  # of each token
        windows = 1
        if layer.use_mask_unit_attn:
            windows = len(places) // (layer.q_stride * layer.window_size)
        found[names[layer]] = Tokens(places.view(-1, windows).T, (height, width))


def _number_level(
    pool: nn.Module, encoder: nn.Sequential, names: list[str], found: dict[str, Tokens], hook: Hook
) -> None:
    """Of blocks that are cut once for several layers, after pooling (NesT)."""
    sides: list[tuple[int, int]] = []

    def number(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        numbered, shape = _numbered(output, False)
        sides[:] = [shape]
        return numbered

    def see(_: nn.Module, given: Any) -> None:
        height, width = sides[0]
        # What is added for positions is far below one.
        places = given[0][0, ..., 0].round().long() - 1
        if places.ndim == 2 and sorted(places.flatten().tolist()) == [*range(height * width)]:
            found.update(dict.fromkeys(names, Tokens(places, (height, width))))

    hook(pool.register_forward_hook(number))
    hook(encoder.register_forward_pre_hook(see))
