"""The names of EfficientNet-PyTorch, as weights of EfficientNets on PyPI and elsewhere have them.

https://github.com/lukemelas/EfficientNet-PyTorch has the layers in the order in which timm does,
by other names: `_blocks.4._depthwise_conv` for `blocks.2.1.conv_dw`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn

_STEM = "_conv_stem.weight"


def renamed(network: nn.Module, state: Mapping[str, Any]) -> Iterator[dict[str, Tensor]]:
    """A state dict by timm's names, where it has these; layer by layer, so that what has another
    shape, as a last layer of other classes, keeps it."""
    first = next((name for name in state if name.endswith(_STEM)), None)
    if first is None:
        return
    prefix = first.removesuffix(_STEM)
    given = _of_layers(
        n for n, t in state.items() if n.startswith(prefix) and isinstance(t, Tensor)
    )
    own = _of_layers(network.state_dict())
    has_stem = bool(own) and own[0][0].endswith(_STEM[1:])
    if has_stem and [leaf for _, leaf in own] == [leaf for _, leaf in given]:
        yield {name: state[other] for (name, _), (other, _) in zip(own, given, strict=True)}


def _of_layers(names: Iterable[str]) -> list[tuple[str, str]]:
    """(name, what it ends in) of layers' tensors, without what nothing is computed from."""
    ends = [(name, *name.rpartition(".")[::2]) for name in names]
    return [(name, leaf) for name, layer, leaf in ends if layer and leaf != "num_batches_tracked"]
