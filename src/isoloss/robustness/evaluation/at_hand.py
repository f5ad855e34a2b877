"""What a script hands to an evaluation: attacks, numbers and networks, checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from isoloss.compute.machine.memory import refuse_out_of_memory
from isoloss.compute.machine.user_code import import_user_function, name_of, one_line
from isoloss.errors import IsolossError
from isoloss.naming import dtype_name
from isoloss.robustness.ascent.asking import refuse_no_network
from isoloss.robustness.ascent.objective import frozen
from isoloss.robustness.ascent.refusals import check_logits
from isoloss.robustness.attacks.context import OwnAttack
from isoloss.settings.attack_kinds import attack_names
from isoloss.settings.source import FROM_PYTHON, is_function

Attacks = Mapping[str, Any] | Sequence[Any] | str | OwnAttack


def named_attacks(attacks: Attacks, own: dict[str, OwnAttack]) -> str:
    """The attacks as settings name them; functions of one's own are added to `own`."""
    if isinstance(attacks, Mapping):
        given = list(attacks.items())
    elif isinstance(attacks, str) or callable(attacks):
        given = [(None, attacks)]
    else:
        given = [(None, each) for each in attacks]
    words: list[str] = []
    for name, attack in given:
        if name is None and isinstance(attack, str):
            named = attack.replace(",", " ").split()
            own |= {word: import_user_function(word) for word in named if is_function(word)}
            words += named
        elif name in attack_names() and attack in (name, ..., None):
            words.append(name)
        else:
            function: Any = attack
            if isinstance(attack, str) and is_function(attack):
                function = import_user_function(attack)
            called = name or name_of(attack).strip("<>")
            if called in own:
                raise IsolossError(
                    f"two attacks are called {called!r}: name each, as {{'first': …, 'second': …}}"
                )
            own[_checked_name(called, function)] = function
            words.append(FROM_PYTHON + called)
    return ",".join(words)


def _checked_name(name: object, function: object) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"[^\s,:]+", name):
        raise IsolossError(f"an attack's name has no blank, comma or colon, unlike {name!r}")
    if name in attack_names():
        raise IsolossError(
            f"{name!r} is an attack of isoloss: call yours by another name, or ask for that one "
            f"with {{{name!r}: {name!r}}}"
        )
    if not callable(function):
        raise IsolossError(
            f"the attack {name} must be a function of (model, x, y, eps), not {function!r}"
        )
    return name


def as_numbers(values: Any) -> Any:
    """Numbers as settings read them, out of arrays, tensors and other iterables."""
    if hasattr(values, "tolist"):
        return values.tolist()
    return list(values) if isinstance(values, Iterable) and not isinstance(values, str) else values


def check_model(model: nn.Module) -> None:
    """Refuse what cannot be attacked, whatever the images."""
    refuse_no_network(model)
    own = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
    if own != torch.float32:
        raise IsolossError(
            f"the network's parameters are {dtype_name(own)}, and attacks are "
            "measured in float32: give network.float(), and for speed precision='auto'"
        )


def named_denoiser(denoiser: Any) -> str:
    """A denoiser as settings name it."""
    is_named = isinstance(denoiser, str | Path)
    return str(denoiser) if is_named else FROM_PYTHON + name_of(denoiser)


def class_names(
    model: nn.Module, few: Tensor, labels: Tensor, classes: Sequence[str] | None
) -> tuple[str, ...]:
    """What the classes that the network knows are called; by default by their numbers.

    Raises:
        IsolossError: if there are not as many names, or it does not take these images.
    """
    known = _logits_of_few(model, few, labels).shape[1]
    if classes is not None and len(classes) != known:
        raise IsolossError(f"the network knows {known} classes, these names are {len(classes)}")
    return tuple(map(str, range(known) if classes is None else classes))


@torch.no_grad()
def _logits_of_few(model: nn.Module, few: Tensor, labels: Tensor) -> Tensor:
    """The network's logits for some images, which shows that it takes them."""
    device = next((p.device for p in model.parameters()), few.device)
    try:
        with frozen(model):
            logits = model(few.to(device))
    except IsolossError:
        raise
    except Exception as error:  # a user's network may raise anything
        refuse_out_of_memory(error)
        raise IsolossError(
            f"the network fails on images of {tuple(few.shape)}: {one_line(error)}"
        ) from error
    return check_logits(logits, labels.to(device))
