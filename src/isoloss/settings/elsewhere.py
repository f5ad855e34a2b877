"""What settings name by paths, found again where the run's folder has been moved or copied to."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from isoloss.paths import exists
from isoloss.run_folder import is_run
from isoloss.settings.base import Settings
from isoloss.settings.source import data_set

FIELDS = (
    "source", "also", "to", "third", "directions", "checkpoints", "denoiser", "data", "begin",
)  # fmt: skip
"""Those that may name a path on the machine where they were asked for."""
GIVEN = (*FIELDS, "key")
"""What a person may say of what lies elsewhere now: where, and which network of it."""


def anchored(settings: Any) -> Any:
    """`settings` with the path of a folder of images from the root, as other paths have it."""
    text = getattr(settings, "data", None)
    if text is None or (source := data_set(text)).kind != "imagefolder":
        return settings
    whole = f"imagefolder:{source.path.absolute()}"
    return settings if whole == text else settings.model_copy(update={"data": whole})


def found_again(settings: Any, folder: Path, begun_in: str | None) -> Any:
    """`settings` with the paths that do not exist replaced by where the same lies now.

    What lay beside a run lies beside its copy: at the same relative path, or, of runs begun before
    their own place was recorded, under the same name.

    Args:
        folder: of the run, now.
        begun_in: its path when it was begun; None if that is unknown.
    """
    if begun_in == str(folder):
        return settings
    named = {k: v for k in FIELDS if (v := getattr(settings, k, None))}
    found = {k: _found(v, folder, begun_in) for k, v in named.items()}
    changed = {k: v for k, v in found.items() if v != named[k]}
    return settings.model_copy(update=changed) if changed else settings


def given_elsewhere(settings: Settings, given: dict[str, Any]) -> Any:
    """`settings` with what a person says lies elsewhere.

    Raises:
        pydantic.ValidationError: if a field is none of these settings', or cannot be so.
    """
    changed = type(settings).model_validate({**settings.model_dump(mode="json"), **given})
    return settings.model_copy(update={k: getattr(changed, k) for k in given})


def missing(settings: Any, fields: Iterable[str] = FIELDS) -> tuple[str, Path] | None:
    """The field and the path of the first thing that settings name where nothing lies."""
    for field in fields:
        value = getattr(settings, field, None) or ()
        for named in cast("tuple[Any, ...]", value if isinstance(value, tuple) else (value,)):
            path = named if isinstance(named, Path) else _path_in(str(named))
            if path.is_absolute() and not exists(path):
                return field, path
    return None


def _path_in(text: str) -> Path:
    """The path that a text names, if it names one."""
    source = data_set(text)
    return source.path if source.kind == "imagefolder" else Path(text)


def _found(value: Any, folder: Path, begun_in: str | None) -> Any:
    if isinstance(value, tuple):
        return tuple(_found(each, folder, begun_in) for each in cast(tuple[Path, ...], value))
    if isinstance(value, Path):
        return _place(value, folder, begun_in)
    source = data_set(value)
    if source.kind == "imagefolder":
        return f"imagefolder:{_place(source.path, folder, begun_in)}"
    return str(_place(Path(value), folder, begun_in))


def _place(path: Path, folder: Path, begun_in: str | None) -> Path:
    try:
        if not path.is_absolute() or exists(path):
            return path
        if begun_in is None:
            beside = folder.parent / path.name
            return beside if is_run(beside) else path
        same = Path(os.path.normpath(folder / os.path.relpath(path, begun_in)))
        return same if exists(same) else path
    except (OSError, ValueError):  # what no file system takes, another drive
        return path
