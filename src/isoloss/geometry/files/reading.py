"""`load`: a surface from a file or a run folder, and the trajectories beside it."""

from __future__ import annotations

import glob
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.files import check_readable, entries, nothing_at, read_json
from isoloss.geometry.files.formats import (
    earlier_names,
    earlier_path,
    load_surface,
    readable,
    trajectory_path,
)
from isoloss.geometry.files.ply import holds_trajectory, load_trajectory_ply
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface, check_values
from isoloss.geometry.through_time import is_earlier
from isoloss.geometry.trajectory import Trajectory
from isoloss.paths import exists, is_file, is_folder
from isoloss.run_folder import CURVE, DEFENDED, DEFENDED_GROWING, GROWING, RUN, SURFACE, is_run

Tell = Callable[[str], object]
_TRAJECTORY = re.compile(r"(?:^|-)trajectory(?=-|$)")


def warn(problem: str) -> None:
    """Tell a script."""
    warnings.warn(problem, stacklevel=5)


def load(path: str | Path) -> Surface:
    """Read a surface or a curve from a .ply, .npz, .h5, .vts, .vtp, .csv or .npy file, or from a
    run folder, the trajectories beside it, and the surfaces of earlier checkpoints.

    A run folder gives its finished `surface.ply` or `curve.npz`, or what has been computed so far.
    `.h5` files are read in the layout of tomgoldstein/loss-landscape. What `Surface.save` wrote
    comes back exactly; only .csv does not keep what made it. Where a file says no coordinates, as
    an .npy, they are the numbers of rows and columns, and a note among the findings says so.
    A trajectory that cannot be read is left out, with a warning.

    Raises:
        IsolossError: if there is no such file, or it is damaged, or it holds no surface.
    """
    return load_telling(path, warn)


def load_telling(path: str | Path, tell: Tell) -> Surface:
    """As `load`; `tell` is called with one line for each trajectory that cannot be read."""
    surface = load_alone(path)
    return replace(
        surface,
        trajectories=tuple(load_trajectories(path, tell)),
        earlier=_load_earlier(surface, Path(path), tell),
    )


def _load_earlier(surface: Surface, path: Path, tell: Tell) -> tuple[Surface, ...]:
    """The surfaces of earlier checkpoints that a surface says lie beside it."""
    file = path / SURFACE if is_folder(path) else path
    found: list[Surface] = []
    for name in earlier_names(surface):
        try:
            earlier = load_surface(earlier_path(file, name))
            if not is_earlier(earlier, surface):
                raise IsolossError(f"{earlier_path(file, name)} has another grid, or no epoch")
        except IsolossError as error:
            tell(f"{path.name} is shown without earlier checkpoints: {error}")
            return ()
        found.append(earlier)
    return tuple(found)


def load_alone(path: str | Path) -> Surface:
    """As `load`, without the trajectories."""
    try:
        path = Path(path)
    except TypeError as error:
        raise IsolossError(f"what is loaded is a path, not a {type(path).__name__}") from error
    if is_folder(path):
        return _load_run(path)
    if still_grows(path):
        return GrowingSurface.open(path.parent / DEFENDED_GROWING).snapshot()
    if not exists(path):
        raise nothing_at(path)
    return load_surface(path)


def still_grows(path: Path) -> bool:
    """Whether a path is that of a surface behind a defense which has no file yet, but values."""
    named = path.name == DEFENDED and not exists(path)
    return named and GrowingSurface.exists(path.parent / DEFENDED_GROWING)


def load_trajectories(path: str | Path, tell: Tell = warn) -> list[Trajectory]:
    """The trajectories that belong to what `load(path)` reads, the surface's own first.

    They lie beside a surface as `trajectory.ply` and `trajectory-NAME.ply`, or beside `S.ply` as
    `S-trajectory.ply` and `S-trajectory-NAME.ply`. One that does not say its name has that of its
    file. A surface that is called so is none.

    Args:
        tell: is called with one line for each that cannot be read: it costs no surface.
    """
    path = Path(path)
    first = trajectory_path(path / SURFACE if is_folder(path) else path)
    found = [first] if exists(first) else []
    found += sorted(first.parent.glob(f"{glob.escape(first.stem)}-*.ply"))
    trajectories: list[Trajectory] = []
    for file in found:
        if holds_trajectory(file) is False:
            continue
        try:
            check_readable(file)
            trajectory = load_trajectory_ply(file)
        except IsolossError as error:
            tell(f"{path.name} is shown without a trajectory: {error}")
            continue
        trajectories.append(_named(trajectory, file.stem[len(first.stem) + 1 :]))
    return trajectories


def is_trajectory(path: Path) -> bool:
    """Whether a file is a trajectory beside a surface: its name says so, and it is no surface."""
    named = path.suffix.lower() == ".ply" and _TRAJECTORY.search(path.stem) is not None
    return named and holds_trajectory(path) is not False


def surface_beside(trajectory: Path) -> Path | None:
    """The file of the surface that a trajectory lies on; None where it is not beside it."""
    stem = trajectory.stem
    for named in _TRAJECTORY.finditer(stem):
        before = stem[: named.start()]
        files = [f"{before}{suffix}" for suffix in readable()] if before else [SURFACE, CURVE]
        for file in map(trajectory.with_name, files):
            if is_file(file):
                return file
    return None


def finished_file(folder: Path) -> Path | None:
    """What a probe run in `folder` has left when it was done: its surface or its curve."""
    return next((folder / name for name in (SURFACE, CURVE) if exists(folder / name)), None)


def has_surface(folder: Path) -> bool:
    """Whether a folder is that of a surface or a curve, finished or growing."""
    return finished_file(folder) is not None or GrowingSurface.exists(folder / GROWING)


def _load_run(folder: Path) -> Surface:
    finished = finished_file(folder)
    if finished is not None:
        try:
            return load_alone(finished)
        except IsolossError as error:
            if not is_run(folder):
                raise
            again = f"delete it, and 'isoloss run {folder}' writes it again"
            raise IsolossError(f"{error}; {again}") from error
    if GrowingSurface.exists(folder / GROWING):
        growing = GrowingSurface.open(folder / GROWING).snapshot()
        check_values(growing)
        return growing
    if is_run(folder):
        kind = kind_of_run(folder)
        if kind in ("train", "import"):
            raise IsolossError(
                f"{folder} is a training run: cut a surface with 'isoloss probe {folder}'"
            )
        if kind in ("attack", "defend", "certify"):
            raise IsolossError(
                f"{folder} has numbers, no surface: 'isoloss view {folder}' shows them, and "
                f"'isoloss export {folder} --out FILE.html' writes a page of them"
            )
        raise IsolossError(f"{folder} has no surface yet: resume it with 'isoloss run {folder}'")
    entries(folder)  # which says so where it is closed
    raise IsolossError(f"{folder} is not a run folder: it has neither {RUN} nor {SURFACE}")


def kind_of_run(folder: Path) -> str:
    """What kind of run a folder says it is, such as "train"; "" where it says none.

    Raises:
        IsolossError: what it says cannot be read.
    """
    try:
        return str(read_json(folder / RUN)["settings"]["kind"])
    except (KeyError, TypeError):
        return ""


def _named(trajectory: Trajectory, name: str) -> Trajectory:
    if trajectory.name or not name:
        return trajectory
    return replace(trajectory, meta={**trajectory.meta, "name": name})
