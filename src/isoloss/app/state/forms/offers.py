"""What a form's field may be chosen from: what was trained here and what is shipped, then files,
then a person's own code."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from isoloss.app.state.forms.field_specs import FieldSpec
from isoloss.app.state.forms.known_names import Here
from isoloss.app.state.forms.subject import Subject
from isoloss.app.state.forms.trained import Trained, all_trained, suitable
from isoloss.jobs.devices import devices
from isoloss.paths import is_file, is_folder
from isoloss.run_folder import is_run
from isoloss.settings import TrainSettings
from isoloss.settings.built_in import DATA_SETS
from isoloss.settings.checkpoint_paths import CHECKPOINT_SUFFIXES
from isoloss.settings.robustness_fields import NO_DENOISER
from isoloss.settings.source import network_type

Section = Literal["", "Trained here", "Comes with isoloss", "Libraries", "Files", "Own code"]
_ARGUMENTS = {"network": 1, "data": 0, "function": 2, "denoiser": 2}
"""How many a function of one's own takes, by what it is wanted for."""
_MOST, _LOOKED_AT = 12, 400
"""Files that are offered, and entries of a folder that are looked at."""
_AGE = 3.0
"""Seconds after which the working folder is looked at again."""
Seen = tuple[Path, int]
"""The working folder, and when it is looked at."""


class Offer(NamedTuple):
    """One thing to choose.

    Attributes:
        value: what is entered; about: what tells it from the others.
    """

    value: str
    name: str
    about: str = ""
    section: Section = ""


def offers_for(row: FieldSpec, here: Here, subject: Subject) -> Sequence[Offer]:
    """What a field offers, in the order in which it is listed."""
    seen = Path.cwd(), int(time.monotonic() / _AGE)
    match row.names:
        case "classifier" | "denoiser":
            known = suitable(all_trained(here.entries()), row.names, subject.data)
            found = [Offer(t.value, t.name, t.about, _of_run(t)) for t in known]
            values = {each.value for each in found}
            found += [_of_choice(c) for c in row.choices if c not in values]
            if row.names == "denoiser":
                return [*found, *_own_code(row.names, seen)]
            return [*found, *(Offer(f, f, "", "Files") for f in _checkpoints(seen))]
        case "checkpoints":
            return [Offer(f, f, "", "Files") for f in _checkpoints(seen)]
        case "network":
            known = row.choices or TrainSettings.model_fields["model"].examples or ()
            found = [Offer(str(c), str(c), "", _of_network(str(c))) for c in known]
            return [*found, *_own_code(row.names, seen)]
        case "data":
            found = [Offer(c, c, "", "Comes with isoloss") for c in DATA_SETS]
            folders = (Offer(f"imagefolder:{f}", f, "", "Files") for f in _image_folders(seen))
            return [*found, *folders, *_own_code(row.names, seen)]
        case "function":
            return [*(Offer(c, c) for c in row.choices), *_own_code(row.names, seen)]
        case "device":
            return [Offer(each, each) for each in ("auto", *devices())]
        case _:
            return () if row.kind in ("choice", "several") else [Offer(c, c) for c in row.choices]


def _of_run(run: Trained) -> Section:
    return "Trained here" if run.is_own else "Comes with isoloss"


def _of_choice(name: str) -> Offer:
    if name == NO_DENOISER:
        return Offer(name, name, "the noise alone")
    return Offer(name, name, "", "Libraries")


def _of_network(name: str) -> Section:
    return "Comes with isoloss" if network_type(name).kind == "built-in" else "Libraries"


def _entries(folder: Path) -> list[Path]:
    try:
        found = [path for _, path in zip(range(_LOOKED_AT), folder.iterdir(), strict=False)]
    except OSError:
        return []
    return sorted(path for path in found if not path.name.startswith("."))


@lru_cache(1)
def _checkpoints(_seen: Seen) -> tuple[str, ...]:
    """Files of checkpoints in the working folder, and in the folders in it."""
    found: list[str] = []
    for path in _entries(Path()):
        inside = _entries(path) if is_folder(path) and not is_run(path) else [path]
        found += [str(each) for each in inside if str(each).endswith(CHECKPOINT_SUFFIXES)]
        if len(found) >= _MOST:
            break
    return tuple(found[:_MOST])


@lru_cache(1)
def _image_folders(_seen: Seen) -> tuple[str, ...]:
    """Folders in the working folder that look like images by their classes."""
    found: list[str] = []
    for path in _entries(Path()):
        if not is_folder(path) or path.name == "runs":
            continue
        classes = [each for each in _entries(path) if is_folder(each)]
        names = {each.name for each in classes}
        if names & {"train", "test", "val"} or _has_images(classes[:2]):
            found.append(path.name)
    return tuple(found[:_MOST])


def _has_images(folders: Sequence[Path]) -> bool:
    suffixes = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".tif", ".tiff")
    return len(folders) > 1 and all(
        any(file.name.lower().endswith(suffixes) for file in _entries(folder)[:5])
        for folder in folders
    )


@lru_cache(8)
def _own_code(wanted: str, _seen: Seen) -> tuple[Offer, ...]:
    """Functions in the working folder that may be what is wanted, by their arguments."""
    found = [
        f"{file.stem}:{name}" for file in _entries(Path()) for name in _functions(file, wanted)
    ]
    return tuple(Offer(name, name, "", "Own code") for name in found[:_MOST])


def _functions(file: Path, wanted: str) -> Iterator[str]:
    if file.suffix != ".py" or not file.stem.isidentifier() or not is_file(file):
        return
    try:
        seen = file.stat()
        found = _arguments_in(file.absolute(), seen.st_mtime_ns, seen.st_size)
    except (OSError, SyntaxError, ValueError):
        return
    yield from (name for name, count in found if count == _ARGUMENTS[wanted])


@lru_cache(_LOOKED_AT)
def _arguments_in(file: Path, _written: int, _size: int) -> tuple[tuple[str, int], ...]:
    """The functions of a file, and how many arguments each has; frames wait while it is parsed."""
    return tuple(
        (node.name, len(node.args.posonlyargs) + len(node.args.args))
        for node in ast.parse(file.read_bytes()).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    )
