"""Where checkpoints lie on this disk, by their names: files, folders that are one, folders of many.

What is in them is found out where they are read (`compute/networks/checkpoint_files.py`).
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.files import entries, nothing_at, read_json
from isoloss.naming import listed
from isoloss.paths import exists, is_file, is_folder
from isoloss.patterns import matching, natural
from isoloss.run_folder import CHECKPOINTS, POINTS, RESUME, STOPPED, is_run

CHECKPOINT_SUFFIXES = (
    ".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".th", ".t7", ".pth.tar", ".pkl",
)  # fmt: skip
INDEX = ".index.json"
"""How the name of a file ends that says in which files the tensors of a checkpoint lie."""
_NAMES = tuple(
    f"{stem}{suffix}"
    for stem, suffixes in (
        ("model", (".safetensors",)),
        ("pytorch_model", (".bin",)),
        ("diffusion_pytorch_model", (".safetensors", ".bin")),
        ("adapter_model", (".safetensors", ".bin")),
    )
    for ending in suffixes
    for suffix in (ending, ending + INDEX)
)
"""What Hugging Face's libraries call the weights in a folder."""
_NO_WEIGHTS = re.compile(r"(optimizer|scheduler|scaler|rng_state|training_args|resume)\b.*", re.I)
"""What trainers keep beside them."""


def is_checkpoint(path: Path) -> bool:
    """Whether a path is called as checkpoints are, or is a folder that is one; never raises."""
    name = path.name.lower()
    if name.endswith((*CHECKPOINT_SUFFIXES, INDEX)):
        return True
    try:
        if is_run(path.expanduser()):
            return False
        return weights_in(path) is not None or (not path.suffix and is_file(path.expanduser()))
    except RuntimeError:  # "~nobody" has no home
        return False


def weights_in(folder: Path) -> Path | None:
    """The file of weights in a folder as Hugging Face's libraries write it."""
    return next((f for name in _NAMES if is_file((f := folder.expanduser() / name))), None)


def stem(path: Path) -> str:
    """Its name without what says that it is a checkpoint."""
    name = path.name
    for ending in (INDEX, *CHECKPOINT_SUFFIXES):
        if name.lower().endswith(ending):
            name = name[: -len(ending)]
    return name


def expanded(given: str | Path) -> list[Path]:
    """The checkpoints that a path means: itself, all that a pattern matches, those of a training
    run, those in a folder; of patterns and folders in the natural order of their names.

    Raises:
        IsolossError: if there are none.
    """
    path = Path(given).expanduser()
    if is_run(path):
        return _of_run(path)
    if is_folder(path) and weights_in(path) is None:
        if not holds_checkpoints(path):
            known = listed(CHECKPOINT_SUFFIXES, "or")
            raise IsolossError(f"{path} has no checkpoints in it ({known})")
        return in_natural_order(filter(_may_be_one, entries(path)))
    if glob.has_magic(str(path)) and not exists(path):
        found = matching(path)
        if found == [path]:
            raise IsolossError(f"no file matches {given}")
        return in_natural_order(found)
    if not exists(path):
        raise nothing_at(path, "checkpoint")
    return [path]


def holds_checkpoints(folder: Path) -> bool:
    """Whether checkpoints lie in a folder.

    Raises:
        IsolossError: if it cannot be listed.
    """
    return any(map(_may_be_one, entries(folder)))


def in_natural_order(paths: Iterable[Path]) -> list[Path]:
    """By name, numbers in it by their size: epoch_2 before epoch_10."""
    return sorted(paths, key=lambda path: (natural(str(path.parent)), natural(stem(path))))


def _of_run(folder: Path) -> list[Path]:
    """The trajectory of a training run."""
    checkpoints = folder / CHECKPOINTS
    try:
        found = [
            checkpoints / str(point["checkpoint"]) for point in read_json(checkpoints / POINTS)
        ]
    except (IsolossError, KeyError, TypeError):
        found = []
    if not found:
        raise IsolossError(f"{folder} has no checkpoints")
    return found


def _may_be_one(path: Path) -> bool:
    if _NO_WEIGHTS.match(path.name) or path.name in (RESUME, STOPPED) or path.name.startswith("."):
        return False
    return (
        weights_in(path) is not None
        if is_folder(path)
        else is_checkpoint(path) and bool(path.suffix)
    )
