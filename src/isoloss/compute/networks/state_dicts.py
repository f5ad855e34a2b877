"""The state dict of a network in what a script has saved, by the network's own names."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from isoloss.compute.networks import efficientnet_names
from isoloss.compute.networks.matching import Names, Wanted, counting, forms_of, shared_prefix
from isoloss.compute.networks.renamed import renamed
from isoloss.errors import IsolossError
from isoloss.naming import first_of, listed

State = Mapping[str, Any]
# Deeper, and in longer lists, lie records of the training.
_DEEPEST, _LONGEST = 4, 16
_TOLD = 8


@dataclass(frozen=True)
class Found:
    """A network in what was saved.

    Attributes:
        place: what leads to it, as a person may say it by `key`.
        names: {name in the network: name in the state dict}.
    """

    place: str
    state: State
    names: Names

    @property
    def tensors(self) -> dict[str, Tensor]:
        """By the network's names."""
        return {name: self.state[given] for name, given in self.names.items()}

    @property
    def left_out(self) -> list[str]:
        """The tensors beside it that are none of the network's."""
        used = set(self.names.values())
        return [k for k in counting(forms_of(self.state)) if k not in used]


def state_dicts_in(saved: Any) -> dict[str, State]:
    """{place: state dict} of all that was saved; one that lies at the top has the place ""."""
    return dict(_below(saved, (), _DEEPEST))


def find(saved: Any, label: str, *wanted: Wanted, key: str | None = None) -> Found:
    """The network in what was saved.

    Args:
        label: what messages call it.
        wanted: its tensors; if there are several kinds, the first that are all there.
        key: which network, where there are several.

    Raises:
        IsolossError: if none fits, or several do.
    """
    candidates = _candidates(saved, label, key)
    places = candidates, {"": _together(candidates)}
    found = next(filter(None, (_fitting(p, w) for w in wanted for p in places)), None)
    if found is None:
        state = max(candidates.values(), key=len)
        said = wanted[-1].difference(forms_of(state))
        raise IsolossError(f"{label} is of another architecture: {said}")
    others = [f for f in found[1:] if not _same(f, found[0])]
    if others:
        named = listed([f.place or "its top" for f in (found[0], *others)], "or")
        raise IsolossError(
            f"{label} holds several networks that fit: choose {named} with --key (in Python key=)"
        )
    return found[0]


def fitted(network: nn.Module, saved: Any, label: str, key: str | None = None) -> dict[str, Any]:
    """The state dict of `network` with what was saved in it.

    Names that the network translates itself when it loads a state dict are translated by it, those
    that transformers has for its networks by transformers, those of EfficientNet-PyTorch here.
    Where there are only those parameters that are trained, beside frozen ones (adapters), the
    others stay as they are.

    Raises:
        IsolossError: as `find`.
    """
    wanted = Wanted.of_network(network)
    try:
        found = find(saved, label, wanted, key=key)
    except IsolossError:
        candidates = _candidates(saved, label, key)
        translated = next(
            filter(None, (_translated(network, s) for s in candidates.values())), None
        )
        if translated is not None:
            return translated
        trained = wanted.only(_trained(network))
        adapters = [f for f in _fitting(candidates, trained) if not f.left_out]
        if len(adapters) == 1:
            found = adapters[0]
            say(
                f"{label} holds the {len(found.names):,} tensors of the network that are trained: "
                "the others stay as the network has them"
            )
        elif read := _renamed(network, candidates, wanted):
            found = find(read, label, wanted)
        else:
            raise
    if found.left_out:
        say(
            f"{label}: the network is {found.place or 'part of it'}; left out: "
            f"{first_of(found.left_out, _TOLD)}"
        )
    own, given = network.state_dict(), found.tensors
    for name, tensor in given.items():
        given[name] = tensor.detach().to(own[name].dtype)
    for name in own.keys() & found.state.keys() - given.keys():
        given[name] = found.state[name]  # what the network keeps beside tensors
    return {**own, **given}


def _below(saved: Any, place: tuple[str, ...], deep: int) -> Iterator[tuple[str, State]]:
    if isinstance(saved, nn.Module):
        saved = saved.state_dict()
    if isinstance(saved, list | tuple):
        saved = {str(i): each for i, each in enumerate(saved)} if len(saved) <= _LONGEST else {}
    if not isinstance(saved, Mapping):
        return
    named = {k: _as_tensor(v) for k, v in saved.items() if isinstance(k, str)}
    if any(isinstance(v, Tensor) for v in named.values()):
        yield ".".join(place), named
    for key, value in named.items():
        if deep and not isinstance(value, Tensor):
            yield from _below(value, (*place, key), deep - 1)


def _as_tensor(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind in "fciub":
        return torch.from_numpy(np.ascontiguousarray(value))
    return value


def _candidates(saved: Any, label: str, key: str | None) -> dict[str, State]:
    """The state dicts that may be meant.

    Raises:
        IsolossError: if there are none.
    """
    everything = state_dicts_in(saved)
    if not everything:
        raise IsolossError(f"{label} holds no state dict of tensors")
    if key is None:
        return everything
    path = f"{key}."
    found = {
        p: s for p, s in everything.items() if f"{p}.".startswith(path) or p.endswith(f".{key}")
    }
    for place, state in {} if found else everything.items():
        inside = {k: v for k, v in state.items() if f"{place}.{k}".lstrip(".").startswith(path)}
        if inside:
            found[key] = inside
    if not found and list(everything) == [""]:
        return everything  # there is nothing to choose from
    if not found:
        raise IsolossError(
            f"{label} has no {key!r}: it has {first_of(list(filter(None, everything)), _TOLD)}"
        )
    return found


def _together(candidates: Mapping[str, State]) -> dict[str, Any]:
    """All state dicts as one, as of a network whose parts were saved one by one."""
    if len(candidates) < 2:
        return {}
    return {
        f"{place}.{k}" if place else k: v
        for place, state in candidates.items()
        for k, v in state.items()
    }


def _fitting(candidates: Mapping[str, State], wanted: Wanted) -> list[Found]:
    return [
        Found(_place(place, state, names), state, names)
        for place, state in candidates.items()
        for names in wanted.names_in(forms_of(state))
    ]


def _place(place: str, state: State, names: Names) -> str:
    """With the prefix that all its names share and others do not."""
    prefix = shared_prefix(names.values())
    whole = all(k.startswith(prefix) for k in counting(forms_of(state)))
    return place if whole else f"{place}.{prefix}".strip(".")


def _same(one: Found, other: Found) -> bool:
    pairs = [(tensor, other.tensors[k]) for k, tensor in one.tensors.items()]
    return not any(a.is_meta or b.is_meta or not torch.equal(a, b) for a, b in pairs)


def _translated(network: nn.Module, state: State) -> dict[str, Any] | None:
    """What `network` makes of a state dict when it loads it by itself; None if it does not."""
    own = counting(forms_of(network.state_dict())).keys()
    for start in {"", shared_prefix(counting(forms_of(state)))}:
        named = {k[len(start) :]: v for k, v in state.items() if k.startswith(start)}
        if own <= named.keys():
            continue  # it is not the names that do not fit
        try:
            copied = copy.deepcopy(network)
            with torch.no_grad():
                for tensor in _reals(copied.state_dict()):
                    tensor.fill_(torch.nan)  # so that what is passed over is noticed
            copied.load_state_dict(named, strict=True)
            loaded = copied.state_dict()
        except Exception:  # a network's own code may raise anything
            continue
        if not any(bool(tensor.isnan().any()) for tensor in _reals(loaded)):
            return dict(loaded)
    return None


def _renamed(
    network: nn.Module, candidates: Mapping[str, State], wanted: Wanted
) -> dict[str, State]:
    """The state dicts that have names of other libraries which can be read, as the first reading
    that fits, or the first."""
    found: dict[str, State] = {}
    for place, state in candidates.items():
        readings = chain(renamed(network, state), efficientnet_names.renamed(network, state))
        for reading in readings:
            found.setdefault(place, reading)
            if wanted.names_in(forms_of(reading)):
                found[place] = reading
                break
    return found


def _reals(state: State) -> list[Tensor]:
    return [t for t in state.values() if isinstance(t, Tensor) and t.is_floating_point()]


def _trained(network: nn.Module) -> set[str]:
    """The parameters that are trained beside frozen ones; none where all are."""
    named = dict(network.named_parameters(remove_duplicate=False))
    trained = {k for k, p in named.items() if p.requires_grad}
    return trained if len(trained) < len(named) else {k for k in named if "lora_" in k}


@cache
def say(what: str) -> None:
    """A line of what is done that was not asked for, said once."""
    print(f"isoloss: {what}", file=sys.stderr, flush=True)
