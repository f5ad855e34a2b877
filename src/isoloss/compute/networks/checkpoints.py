"""Checkpoints on disk: safetensors of our own, and those of others, read without pickle's code."""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from isoloss.errors import IsolossError
from isoloss.files import write_atomic

State = Mapping[str, Tensor]
_NESTED_UNDER = ("state_dict", "model_state_dict", "model", "net")
_PREFIXES = ("module.", "_orig_mod.")


def save_tensors(
    path: Path, tensors: Mapping[str, Any], metadata: dict[str, str] | None = None
) -> Path:
    """Write tensors and text `metadata` as safetensors, atomically; of a state dict what are no
    tensors (`get_extra_state`) is left out.

    Raises:
        IsolossError: if one is of a type that these files cannot hold.
    """
    # Copies, since safetensors refuses tensors that share memory or are channels_last.
    plain = {k: t.detach().cpu().contiguous().clone() for k, t in only_tensors(tensors).items()}
    try:
        content = save(plain, metadata)
    except KeyError as error:
        raise IsolossError(
            f"{path} cannot be written: safetensors hold no {error}; convert the network to a "
            "type that they hold"
        ) from error
    return write_atomic(path, lambda p: p.write_bytes(content))


def only_tensors(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """A state dict without what a network keeps in it beside tensors (`get_extra_state`)."""
    return {k: v for k, v in state.items() if isinstance(v, Tensor)}


def load_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors, .pt or .pth file, on the CPU.

    Raises:
        IsolossError: if it is missing or damaged, or holds anything but tensors and plain values.
    """
    if not path.is_file():
        raise IsolossError(f"there is no checkpoint {path}")
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (safetensors.SafetensorError, OSError, ValueError) as error:
            raise IsolossError(f"{path} is not a readable checkpoint: {error}") from error
    try:
        # Zip archives, PyTorch's own format, are mapped: tensors are read when they are needed.
        mapped = zipfile.is_zipfile(path)
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        raise IsolossError(
            f"{path} holds more than weights, and reading it could run code: save its state_dict() "
            "as safetensors"
        ) from error
    except Exception as error:  # A damaged archive surfaces as one of many types.
        reason = " ".join(str(error).split())[:160]
        raise IsolossError(f"{path} is not a readable checkpoint: {reason}") from error
    return _state_in(content, path)


def _state_in(content: Any, path: Path) -> dict[str, Tensor]:
    """The state dict in what training scripts save: nested, or prefixed by a wrapper."""
    for key in _NESTED_UNDER:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items()
    ):
        raise IsolossError(f"{path} holds no state dict of tensors")
    for prefix in _PREFIXES:
        if content and all(k.startswith(prefix) for k in content):
            content = {k.removeprefix(prefix): v for k, v in content.items()}
    return content


def load_into(model: nn.Module, state: State, origin: str) -> None:
    """Give `model` the parameters and buffers in `state`.

    Weights of a bare network fit a `Normalized` one; `origin` names them in messages.

    Raises:
        IsolossError: if they are of another architecture, naming the first difference.
    """
    own = only_tensors(model.state_dict())
    state = only_tensors(state)
    if not own.keys() & state.keys() and any(f"network.{k}" in own for k in state):
        state = {f"network.{k}": v for k, v in state.items()}
        state |= {k: own[k] for k in ("mean", "std") if k in own}
    missing = [k for k in own if k not in state and not k.endswith("num_batches_tracked")]
    extra = [k for k in state if k not in own and not k.endswith("_extra_state")]
    wrong = [k for k in own if k in state and own[k].shape != state[k].shape]
    difference = (
        f"{wrong[0]} is {tuple(state[wrong[0]].shape)}, not {tuple(own[wrong[0]].shape)}"
        if wrong
        else f"it has no tensor {missing[0]}"
        if missing
        else f"the network has no {extra[0]}"
        if extra
        else None
    )
    if difference is not None:
        raise IsolossError(f"{origin} is of another architecture: {difference}")
    model.load_state_dict(state, strict=False)


def as_state(checkpoint: str | Path | State) -> State:
    """A checkpoint given as a path or as a state dict, as a state dict."""
    return load_state(Path(checkpoint)) if isinstance(checkpoint, str | Path) else checkpoint


def digest(paths: Sequence[Path]) -> str:
    """SHA-256 over the files' contents."""
    sha = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                sha.update(block)
    return sha.hexdigest()
