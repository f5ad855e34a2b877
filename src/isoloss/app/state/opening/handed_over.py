"""What a script hands to the window: surfaces and trajectories as files, patterns as paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.naming import file_name
from isoloss.paths import exists
from isoloss.patterns import matching

Shown = str | Path | Surface | Trajectory
PASSING = "isoloss-shown-"
"""How the names of folders begin that hold what a script shows, and are removed after it."""


def is_path(thing: Shown) -> bool:
    """Whether it is a file or a folder already, or a pattern."""
    return isinstance(thing, str | Path)


def as_paths(shown: Sequence[Shown], folder: Path = Path()) -> list[Path]:
    """Absolute paths of what is to be shown; what is no file is written into `folder`.

    Args:
        shown: trajectories belong to the surface before them; of a pattern, all that it matches,
            for shells that leave that to programs.

    Raises:
        IsolossError: if a trajectory follows no surface, or `folder` cannot be written.
    """
    paths: list[Path] = []
    for thing in _together(shown):
        if isinstance(thing, Surface):
            paths.append(_written(thing, folder))
        else:
            paths += matching(Path(thing).expanduser().absolute())
    return paths


def _together(shown: Sequence[Shown]) -> list[str | Path | Surface]:
    """What is shown, each surface with the trajectories that follow it."""
    things: list[str | Path | Surface] = []
    for thing in shown:
        if not isinstance(thing, Trajectory):
            things.append(thing)
            continue
        if not things or not isinstance(things[-1], Surface):
            raise IsolossError("a trajectory is shown on a surface: give that surface before it")
        surface = things[-1]
        things[-1] = replace(surface, trajectories=(*surface.trajectories, thing))
    return things


def _written(surface: Surface, folder: Path) -> Path:
    name = file_name(surface.title) or "surface of Python"
    path, n = folder / f"{name}.npz", 2
    while exists(path):
        path, n = folder / f"{name} {n}.npz", n + 1
    return surface.save(path)
