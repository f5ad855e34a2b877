"""Which parameters of a network a plane moves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from fnmatch import fnmatchcase

from torch import nn

from isoloss.compute.machine.user_code import one_line, where_users_code_failed
from isoloss.compute.networks.copying import check_network
from isoloss.compute.networks.reals import can_move
from isoloss.errors import IsolossError
from isoloss.naming import first_of

Parameters = str | Sequence[str] | Callable[[str, nn.Parameter], bool]
"""What can be asked for: "auto", "all", "trainable", a name or a pattern with * and ?, several of
these, or whether a parameter (by its name, and itself) is to move."""
_TOLD = 6
"""So many parts of a network are told by name."""


@dataclass(frozen=True)
class Selection:
    """The parameters of a network that move.

    Attributes:
        names: all of them.
        in_words: which these are; None for all that can move.
    """

    names: frozenset[str]
    in_words: str | None


def select(model: nn.Module, asked: Parameters) -> Selection:
    """The parameters with two or more dimensions that `asked` means.

    "auto" is "trainable" where half of the network's weights or more are frozen
    (`requires_grad=False`) and some others are not, as with LoRA, adapters or a new head on a
    frozen backbone; it is "all" everywhere else. The name of a module means all parameters in it.
    A text may hold several names and patterns, with blanks or commas between them.

    Raises:
        IsolossError: if nothing is selected, or a name or a pattern fits nothing.
    """
    check_network(model)
    parameters = dict(model.named_parameters())
    movable = {k: p for k, p in parameters.items() if p.ndim > 1 and can_move(p) and p.numel()}
    if callable(asked):
        try:
            chosen = {k for k, p in movable.items() if asked(k, p)}
        except Exception as error:  # a user's function may raise anything
            why = where_users_code_failed(error) or one_line(error)
            raise IsolossError(f"the function that chooses parameters failed: {why}") from error
        words = "chosen by a function"
    else:
        patterns = _words_in(asked)
        words = ", ".join(patterns) or "nothing"
        if patterns == ["auto"]:
            adapted = _is_adapted(parameters, movable)
            patterns = ["trainable" if adapted else "all"]
            words = "trainable, as most are frozen" if adapted else "all"
        chosen = {k for pattern in patterns for k in _fitting(pattern, parameters)} & movable.keys()
    if not chosen:
        whose = "the network" if words == "all" else f"what was asked for ({words})"
        raise IsolossError(
            f"{whose} has no parameter that could move, of floats and with two dimensions or more: "
            "give others, or move biases and the like by a custom_plane"
        )
    some = f"{words}: {len(chosen)} of {len(movable)} weight tensors"
    return Selection(frozenset(chosen), None if words == "all" else some)


def named(model: nn.Module, asked: str) -> list[str]:
    """The names of the parameters of any dimension that names and patterns mean.

    Raises:
        IsolossError: if one of these fits nothing.
    """
    parameters = dict(model.named_parameters())
    chosen = {k for pattern in _words_in(asked) for k in _fitting(pattern, parameters)}
    return [k for k in parameters if k in chosen]


def _words_in(asked: object) -> list[str]:
    if isinstance(asked, str):
        return re.findall(r"[^\s,]+", asked)
    if isinstance(asked, Sequence) and all(isinstance(word, str) for word in asked):
        return list(asked)
    raise IsolossError(
        f"parameters are 'all', 'trainable', names, patterns or a function, not {asked!r}"
    )


def frozen_beside_trainable(model: nn.Module) -> frozenset[str]:
    """The parameters that require no gradient, if there are others that do."""
    frozen = {k for k, p in model.named_parameters() if not p.requires_grad and can_move(p)}
    others = any(p.requires_grad for p in model.parameters())
    return frozenset(frozen if others else ())


def _is_adapted(parameters: dict[str, nn.Parameter], movable: dict[str, nn.Parameter]) -> bool:
    """Whether half of the weights or more are frozen, but not all that could move."""
    frozen = sum(p.numel() for p in parameters.values() if not p.requires_grad)
    return (
        2 * frozen >= sum(p.numel() for p in parameters.values())
        and any(p.requires_grad for p in movable.values())
    )  # fmt: skip


def _fitting(pattern: str, parameters: dict[str, nn.Parameter]) -> set[str]:
    """The names of the parameters that one word means."""
    if pattern == "all":
        return set(parameters)
    if pattern == "trainable":
        return {k for k, p in parameters.items() if p.requires_grad}
    found = {k for k in parameters if fnmatchcase(k, pattern) or k.startswith(f"{pattern}.")}
    if not found:
        known = first_of(_nearest_parts(pattern, parameters), _TOLD)
        anywhere = f"*{pattern.strip('*')}*"
        hint = (
            f"; what is called so inside them is {anywhere!r}"
            if any(fnmatchcase(k, anywhere) for k in parameters)
            else ""
        )
        raise IsolossError(f"the network has no parameter {pattern!r}: it has {known}{hint}")
    return found


def _nearest_parts(pattern: str, parameters: Iterable[str]) -> list[str]:
    """The parts of a network among which a word finds nothing, the most alike first: those of the
    innermost module that it names, or within it of the first that has several."""
    names, within = list(parameters), ""
    for word in pattern.split("."):
        if not any(name.startswith(f"{within}{word}.") for name in names):
            break
        within += f"{word}."
    names = [name for name in names if name.startswith(within)]
    parts = _parts(names, within)
    while len(parts) == 1 and parts[0] not in names:
        within = f"{parts[0]}."
        parts = _parts(names, within)
    word = pattern if pattern.startswith(within) else within + pattern
    return sorted(parts, key=lambda part: -SequenceMatcher(None, word, part).ratio())


def _parts(names: Iterable[str], within: str) -> list[str]:
    """What lies right in a module, as `layer4` of `layer4.0.weight`."""
    return list(dict.fromkeys(within + n.removeprefix(within).partition(".")[0] for n in names))
