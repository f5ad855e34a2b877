"""Checkpoints: safetensors of our own, and those of others in whatever form they come."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor, nn

from isoloss.compute.networks.checkpoint_files import files_of, read
from isoloss.compute.networks.state_dicts import State, fitted, state_dicts_in
from isoloss.errors import IsolossError
from isoloss.files import write_atomic
from isoloss.naming import in_one_line, listed
from isoloss.settings.checkpoint_paths import expanded

Checkpoint = str | Path | Mapping[str, Any] | nn.Module
"""A path, a state dict or what one lies in, or a network."""


def save_tensors(
    path: Path, tensors: Mapping[str, Any], metadata: dict[str, str] | None = None
) -> Path:
    """Write tensors and text `metadata` as safetensors, atomically; of a state dict what are no
    tensors (`get_extra_state`) is left out.

    Raises:
        IsolossError: if one is of a type that these files cannot hold.
    """
    # Copies, since safetensors refuses tensors that share memory or are channels_last.
    held = only_tensors(tensors)
    try:
        plain = {k: t.detach().cpu().contiguous().clone() for k, t in held.items()}
        content = save(plain, metadata)
    except (KeyError, RuntimeError) as error:  # complex128, quantized, sparse
        raise IsolossError(
            f"{path} cannot be written, safetensors do not hold all of the network "
            f"({in_one_line(error)}): "
            "convert it to complex64, or make such a buffer one with persistent=False"
        ) from error
    return write_atomic(path, lambda p: p.write_bytes(content))


def only_tensors(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """A state dict without what a network keeps in it beside tensors (`get_extra_state`)."""
    return {k: v for k, v in state.items() if isinstance(v, Tensor)}


def load_state(path: Path) -> dict[str, Any]:
    """The state dict in a checkpoint on disk, on the CPU.

    Raises:
        IsolossError: if it is missing or damaged, asks for code to be run, or has not just one.
    """
    return dict(_only(read(path), str(path)))


def checkpoints_in(given: Any) -> list[Checkpoint]:
    """The checkpoints that are given, in order.

    Args:
        given: any iterable of paths, state dicts (nested ones too) and networks; a folder of
            checkpoints, a training run's folder, or a pattern such as `ckpts/*.pt`, of which the
            files come in the natural order of their names; or only one of all these.

    Raises:
        IsolossError: if it is nothing of the kind, or there are none.
    """
    if isinstance(given, str | Path):
        return [*expanded(given)]
    if isinstance(given, nn.Module):
        return [given]
    if isinstance(given, Mapping):
        if all(isinstance(k, str) for k in given):
            return [given]
        given = given.values()
    if not isinstance(given, Iterable) or isinstance(given, Tensor):
        raise IsolossError(
            f"checkpoints are paths, state dicts or networks, not a {type(given).__name__}"
        )
    # What a generator gives may change while it goes on: a network in training.
    passing = isinstance(given, Iterator)
    found: list[Checkpoint] = []
    for each in given:
        if isinstance(each, str | Path):
            found += expanded(each)
        else:
            found.append(_copied(each) if passing else each)
    return found


def as_state(
    checkpoint: Checkpoint,
    model: nn.Module | None = None,
    *,
    label: str | None = None,
    key: str | None = None,
) -> State:
    """A checkpoint as a state dict.

    Args:
        model: the network that it is of: the state dict then is whole, and has its names.
        label: what messages call it; by default its path.
        key: which network of several that were saved together.

    Raises:
        IsolossError: if it cannot be read, or is of another network.
    """
    label = label or (str(checkpoint) if isinstance(checkpoint, str | Path) else "the checkpoint")
    saved = saved_in(checkpoint)
    return _only(saved, label) if model is None else fitted(model, saved, label, key)


def saved_in(checkpoint: Checkpoint) -> Any:
    """All that is in a checkpoint, wherever it lies.

    Raises:
        IsolossError: if it cannot be read.
    """
    return read(Path(checkpoint)) if isinstance(checkpoint, str | Path) else checkpoint


def load_into(
    model: nn.Module, checkpoint: Checkpoint, label: str | None = None, key: str | None = None
) -> None:
    """Give `model` the parameters and buffers of a checkpoint; for the rest as `as_state`.

    Raises:
        IsolossError: if they are of another architecture, naming the first differences.
    """
    model.load_state_dict(as_state(checkpoint, model, label=label, key=key), strict=False)


def digest(paths: Sequence[Path]) -> str:
    """SHA-256 over the files' contents."""
    sha = hashlib.sha256()
    for path in [file for given in paths for file in files_of(given)]:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                sha.update(block)
    return sha.hexdigest()


def _only(saved: Any, label: str) -> State:
    found = state_dicts_in(saved)
    if not found:
        raise IsolossError(f"{label} holds no state dict of tensors")
    if len(found) > 1 and "" not in found:
        raise IsolossError(f"{label} holds several state dicts: {listed(found, 'and')}")
    return found.get("", next(iter(found.values())))


def _copied(checkpoint: Any) -> Any:
    if isinstance(checkpoint, nn.Module):
        checkpoint = checkpoint.state_dict()
    if isinstance(checkpoint, Mapping):
        return {k: _copied(v) for k, v in checkpoint.items()}
    return checkpoint.detach().clone() if isinstance(checkpoint, Tensor) else checkpoint
