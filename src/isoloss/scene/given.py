"""What there is to see among the paths that somebody named, or a pattern, or dropped."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from isoloss.errors import IsolossError
from isoloss.geometry.files.formats import load_surface, readable
from isoloss.geometry.files.reading import (
    has_surface,
    is_trajectory,
    kind_of_run,
    surface_beside,
)
from isoloss.naming import first_of
from isoloss.paths import exists, is_file, is_folder
from isoloss.patterns import natural
from isoloss.run_folder import TABLE, is_run
from isoloss.scene.session import SUFFIX

_MOST_LOOKED_AT = 10_000
"""Entries of a folder: what has more is no folder of surfaces."""
_SMALL = 4 << 20
"""Bytes."""
_TRAINING = ("train", "import")

Purpose = Literal["open", "draw", "describe"]
"""Training runs are described only; runs without a surface yet are opened, not drawn."""


@dataclass
class Given:
    """What there is to see.

    Attributes:
        paths: surfaces, curves, runs and sessions, in the order in which they were named.
        remarks: one line each on what was named and is not among them.
    """

    paths: list[Path] = field(default_factory=list[Path])
    remarks: list[str] = field(default_factory=list[str])


def sort_out(paths: Sequence[Path], purpose: Purpose) -> Given:
    """Of what was named, what there is to see.

    A trajectory stands for the surface it lies on, which brings it along; a folder that is no run
    for the surfaces and runs in it and in its folders. What is none of these is left out where
    there is something else; a thing that was named alone is left to whoever reads it.

    Raises:
        IsolossError: there is nothing to see in any of several, or a trajectory without a surface.
    """
    given, others = Given(), list[Path]()
    found: dict[Path, Path] = {}
    for path in paths:
        if is_trajectory(path):
            surface = surface_beside(path)
            if surface is None:
                given.remarks.append(
                    f"{path} is a trajectory, and the surface it lies on is not beside it: give "
                    "that one"
                )
            inside = [] if surface is None else [surface]
        else:
            inside = inside_of(path, purpose) or [path]
        for each in inside:
            if len(paths) == 1 or _may_be_seen(each, purpose):
                found.setdefault(each.absolute(), each)
            else:
                others.append(each)
    given.paths = list(found.values())
    if others:
        given.remarks.append(f"left out what is no surface: {first_of(_names(others), 1)}")
    if not given.paths:
        if len(paths) == len(given.remarks):
            raise IsolossError(given.remarks[0])
        raise IsolossError(f"there is no surface among {first_of(_names(paths), 2)}")
    return given


def inside_of(folder: Path, purpose: Purpose) -> list[Path]:
    """The surfaces and runs in a folder that is none itself, and in its folders, by their names;
    trajectories are left out."""
    if not is_folder(folder) or is_run(folder) or has_surface(folder):
        return []
    found: list[Path] = []
    for path in _visible(folder):
        if _is_one(path):
            found.append(path)
        elif is_folder(path):
            found += filter(_is_one, _visible(path))
    if purpose == "draw":  # surfaces or, where there are none, results of attacks
        surfaces = [path for path in found if is_file(path) or has_surface(path)]
        return surfaces or [path for path in found if exists(path / TABLE)]
    return [path for path in found if _may_be_seen(path, purpose)]


def _is_one(path: Path) -> bool:
    """Whether what lies in a folder is a surface, a curve or a run."""
    if is_folder(path):
        return is_run(path) or has_surface(path)
    return _is_called_so(path) and is_file(path) and not is_trajectory(path)


def _may_be_seen(path: Path, purpose: Purpose) -> bool:
    """Whether there may be something to see; what is not there is said where it is read."""
    if is_run(path):
        with suppress(IsolossError):
            return purpose == "describe" or has_surface(path) or kind_of_run(path) not in _TRAINING
        return True
    if is_folder(path):
        return has_surface(path)
    known = path.suffix == SUFFIX or path.name == TABLE or _is_called_so(path)
    return not exists(path) or (known and is_file(path))


def _is_called_so(path: Path) -> bool:
    """Whether a file is called as surfaces are; a .csv, as which most things are called, is looked
    into unless it is large."""
    suffix = path.suffix.lower()
    if suffix == ".csv" and is_file(path) and path.stat().st_size <= _SMALL:
        with suppress(IsolossError):
            load_surface(path)
            return True
        return False
    return suffix in readable()


def _visible(folder: Path) -> Iterator[Path]:
    """What lies in a folder, in the natural order of names; nothing where it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in islice(entries, _MOST_LOOKED_AT) if e.name[:1] != "."]
    except OSError:
        names = []
    return (folder / name for name in sorted(names, key=natural))


def _names(paths: Sequence[Path]) -> list[str]:
    return [path.name or str(path) for path in paths]
