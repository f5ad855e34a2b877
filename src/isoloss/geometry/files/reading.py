"""`load`: a surface from a file or a run folder, and the trajectories beside it."""

from __future__ import annotations

import glob
import re
from dataclasses import replace
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.files import nothing_at, read_json
from isoloss.geometry.files.formats import load_surface, trajectory_path
from isoloss.geometry.files.ply import load_trajectory_ply
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.run_folder import CURVE, GROWING, RUN, SURFACE, is_run

_TRAJECTORY = re.compile(r"(^|-)trajectory(-|$)")


def load(path: str | Path) -> Surface:
    """Read a surface or a curve from a .ply, .npz, .h5, .vts, .vtp, .csv or .npy file, or from a
    run folder, and the trajectories beside it.

    A run folder gives its finished `surface.ply` or `curve.npz`, or what has been computed so far.
    `.h5` files are read in the layout of tomgoldstein/loss-landscape. What `Surface.save` wrote
    comes back exactly; only .csv does not keep what made it. Where a file says no coordinates, as
    an .npy, they are the numbers of rows and columns, and a note among the findings says so.

    Raises:
        IsolossError: if there is no such file, or it is damaged, or it holds no surface; or one of
            the trajectories is damaged.
    """
    return replace(load_alone(path), trajectories=tuple(load_trajectories(path)))


def load_alone(path: str | Path) -> Surface:
    """As `load`, without the trajectories."""
    try:
        path = Path(path)
    except TypeError as error:
        raise IsolossError(f"what is loaded is a path, not a {type(path).__name__}") from error
    if path.is_dir():
        return _load_run(path)
    if not path.exists():
        raise nothing_at(path)
    return load_surface(path)


def load_trajectories(path: str | Path) -> list[Trajectory]:
    """The trajectories that belong to what `load(path)` reads, the surface's own first.

    They lie beside a surface as `trajectory.ply` and `trajectory-NAME.ply`, or beside `S.ply` as
    `S-trajectory.ply` and `S-trajectory-NAME.ply`. One that does not say its name has that of its
    file.
    """
    path = Path(path)
    first = trajectory_path(path / SURFACE if path.is_dir() else path)
    found = [first] if first.exists() else []
    found += sorted(first.parent.glob(f"{glob.escape(first.stem)}-*.ply"))
    return [_named(load_trajectory_ply(p), p.stem[len(first.stem) + 1 :]) for p in found]


def is_trajectory(path: Path) -> bool:
    """Whether the file's name says that it is a trajectory beside a surface."""
    return _TRAJECTORY.search(path.stem) is not None


def finished_file(folder: Path) -> Path | None:
    """What a probe run in `folder` has left when it was done: its surface or its curve."""
    return next((folder / name for name in (SURFACE, CURVE) if (folder / name).exists()), None)


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
        return GrowingSurface.open(folder / GROWING).snapshot()
    if is_run(folder):
        if _kind_of_run(folder) in ("train", "import"):
            raise IsolossError(
                f"{folder} is a training run: cut a surface with 'isoloss probe {folder}'"
            )
        raise IsolossError(f"{folder} has no surface yet: resume it with 'isoloss run {folder}'")
    raise IsolossError(f"{folder} is not a run folder: it has neither {RUN} nor {SURFACE}")


def _kind_of_run(folder: Path) -> str:
    try:
        return str(read_json(folder / RUN)["settings"]["kind"])
    except (KeyError, TypeError):
        return ""


def _named(trajectory: Trajectory, name: str) -> Trajectory:
    if trajectory.name or not name:
        return trajectory
    return replace(trajectory, meta={**trajectory.meta, "name": name})
