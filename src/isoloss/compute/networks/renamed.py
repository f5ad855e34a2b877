"""Names of other versions of transformers, and those that it only writes: read by itself.

A network of transformers may be saved under other names than it has, and in other pieces: experts
one by one, which in the network are one tensor. Its class knows how to put them together.
"""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.compute.networks.matching import shared_prefix


def renamed(network: nn.Module, state: Mapping[str, Any]) -> Iterator[dict[str, Tensor]]:
    """A state dict by the names that networks of transformers have, where `network` is one or holds
    some: as any of these reads it, or what of it lies below a prefix.

    What does not fit has its shape and no values; what is not there is left out.
    """
    transformers = sys.modules.get("transformers.modeling_utils")
    if transformers is None:  # then there is no network of it
        return
    tensors = {k: v for k, v in state.items() if isinstance(v, Tensor)}
    for place, module in _outermost(network, transformers.PreTrainedModel):
        starts = "", f"{place}.", f"{module.base_model_prefix}.", shared_prefix(tensors)
        for start in dict.fromkeys(starts):
            inside = {k[len(start) :]: v for k, v in tensors.items() if k.startswith(start)}
            if read := _read_by(module, inside):
                beside = {k: v for k, v in tensors.items() if not k.startswith(start)}
                yield beside | {start + k: v for k, v in read.items()}


def _outermost(module: nn.Module, kind: type, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(module, kind):
        yield place, module
        return
    for name, below in module.named_children():
        yield from _outermost(below, kind, f"{place}.{name}".lstrip("."))


def _read_by(network: Any, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """What the class of `network` makes of tensors; nothing if it cannot read them.

    Of much less than a network no reading is tried: it would initialize all that is missing.
    """
    if 2 * sum(t.numel() for t in tensors.values()) < sum(p.numel() for p in network.parameters()):
        return {}
    kinds = {t.dtype for t in network.state_dict().values() if t.is_floating_point()}
    try:
        with _unnoticed(sys.modules["transformers.utils.logging"]):
            read, said = type(network).from_pretrained(
                None,
                config=copy.deepcopy(network.config),
                state_dict=tensors,
                dtype=reduce(torch.promote_types, kinds),
                local_files_only=True,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except Exception:  # a network's own code may raise anything
        return {}
    found = {k: t for k, t in read.state_dict().items() if k not in said["missing_keys"]}
    # A part that was put in after the network was built keeps its name, unless it had another.
    own = {k: t.shape for k, t in network.state_dict().items()}
    for name, given, _ in sorted(said["mismatched_keys"]):
        found.pop(name, None)
        if name in tensors or own.get(name) != given:
            found[name] = tensors.get(name, torch.empty(given, device="meta"))
    for name in sorted(said["unexpected_keys"] if found else ()):
        found[name] = tensors.get(name, torch.empty(0, device="meta"))
    return found


@contextmanager
def _unnoticed(logging: Any) -> Iterator[None]:
    """Without a word, and with the random numbers as they were."""
    verbosity, shown = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if shown:
            logging.enable_progress_bar()
