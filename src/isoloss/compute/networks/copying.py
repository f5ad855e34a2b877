"""Networks as they come: what is no network that can be probed, and copies of those that can."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from isoloss.compute.machine.memory import refuse_out_of_memory
from isoloss.compute.machine.user_code import one_line
from isoloss.errors import IsolossError

_unhooked = threading.RLock()
"""Held while a network is hooked, so that no other thread copies it with its hooks."""


def check_network(model: Any) -> None:
    """Refuse what is no network with values.

    Raises:
        IsolossError: saying what it is and what to give in its place.
    """
    if not isinstance(model, nn.Module):
        raise IsolossError(f"a network is a torch.nn.Module, not {_in_words(model)}")
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if is_lazy(tensor):
            raise IsolossError(
                f"{name} of the network has no shape yet: run the network once on a batch"
            )
        if tensor.is_meta:
            raise IsolossError(
                f"{name} of the network has no values, it is on the meta device: load its weights "
                "first (load_state_dict with assign=True)"
            )


def _in_words(value: Any) -> str:
    match value:
        case Mapping():
            return "a state dict: build the network and give it these by load_state_dict"
        case str() | Path():
            return f"a path ({value}): build the network and give it what the file holds"
        case type():
            return f"a class: give an instance, as {value.__name__}()"
        case _:
            return f"{type(value).__name__}"


def copied(model: nn.Module, device: torch.device | None = None) -> nn.Module:
    """A copy of a network in eval mode with frozen parameters, by default where it is itself.

    Raises:
        IsolossError: if it cannot be copied.
    """
    check_network(model)
    try:
        # Else the parameters of a scripted network are computed ones.
        with _unhooked, torch.no_grad(), _ComputedTensorsToo():
            copy_of = copy.deepcopy(model)
    except Exception as error:  # what a network holds beside tensors may be anything
        refuse_out_of_memory(error)
        raise IsolossError(
            f"the network cannot be copied ({one_line(error)}): keep what cannot be copied out of "
            "its attributes"
        ) from error
    # A train() or to() of the user's own may return nothing.
    if device is not None:
        copy_of.to(device)
    copy_of.eval()
    return freeze(copy_of)


def freeze(network: nn.Module) -> nn.Module:
    """`network`, its parameters requiring no gradients from now on."""
    for parameter in network.parameters():  # a scripted network has no requires_grad_ of its own
        parameter.requires_grad_(False)
    return network


@contextmanager
def left_alone(model: nn.Module) -> Generator[None]:
    """Inside, what is evaluated in place of `model`, as a copy of it, may not call its modules.

    A function in place of a method may hold the network it was made for: whatever moves in a copy
    of it would then change nothing.

    Raises:
        IsolossError: if it does.
    """

    def refuse(module: nn.Module, _: Any) -> None:
        raise IsolossError(
            f"a copy of the network computes with the network itself ({type(module).__name__}), "
            "which a function in it holds: make that function a method"
        )

    with _unhooked:
        hooks = [
            module.register_forward_pre_hook(refuse)
            for module in model.modules()
            if not isinstance(module, torch.jit.ScriptModule)  # they take none
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


class _ComputedTensorsToo(TorchFunctionMode):
    """Inside, tensors that were computed are copied like others, without what they come from.

    Networks keep such as attributes: activations, or the weight that `weight_norm` of old computes.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func is not Tensor.__deepcopy__ or args[0].is_leaf:
            return func(*args, **(kwargs or {}))
        tensor, memo = args
        return memo.setdefault(id(tensor), tensor.detach().clone())
