"""The formats of surfaces and curves: one entry each, chosen by the suffix of a file's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from isoloss.errors import IsolossError
from isoloss.files import check_readable
from isoloss.geometry.files.csv import load_csv, save_csv
from isoloss.geometry.files.disguise import disguise
from isoloss.geometry.files.h5 import load_h5
from isoloss.geometry.files.look import Look, is_relief, only_heights
from isoloss.geometry.files.npy import load_npy
from isoloss.geometry.files.npz import load_npz, save_npz
from isoloss.geometry.files.ply import load_surface_ply, save_surface_ply, save_trajectory_ply
from isoloss.geometry.files.vtp import load_vtp
from isoloss.geometry.files.vts import load_vts, save_vts
from isoloss.geometry.surface import Surface, check_values
from isoloss.naming import file_name, listed
from isoloss.registry import Registry
from isoloss.run_folder import CURVE, SURFACE, TRAJECTORY

Content = Literal["surface", "curve"]


@dataclass(frozen=True)
class Format:
    """One format of files.

    Attributes:
        suffixes: of its files, in lower case, the usual one first.
        holds: what it can keep.
        read: a file; raises `IsolossError` for what is damaged or something else. None: it is
            written only.
        write: to a path, which is returned; the file appears whole or not at all. None: it is read
            only.
        paint: as `write`, with a look that it keeps beside the values. None: it keeps none.
    """

    suffixes: tuple[str, ...]
    holds: tuple[Content, ...]
    read: Callable[[Path], Surface] | None = None
    write: Callable[[Surface, Path], Path] | None = None
    paint: Callable[[Surface, Path, Look], Path] | None = None

    @property
    def name(self) -> str:
        """The usual suffix."""
        return self.suffixes[0]


FORMATS = Registry[Format]("format")
"""All of them, in the order in which messages name them."""
unregister = FORMATS.unregister


def register(format: Format) -> Format:
    """Add a format to those that are read and written.

    Raises:
        IsolossError: if files of one of its suffixes are of another format.
    """
    for suffix in format.suffixes:
        if format_of(Path(f"x{suffix}")) is not None:
            raise IsolossError(f"there is a format {suffix!r} already")
    return FORMATS.register(format)


def readable() -> list[str]:
    """The suffixes of all files that can be read, the usual ones of each format first."""
    return [suffix for format in FORMATS if format.read for suffix in format.suffixes]


def writable(content: Content = "surface") -> list[str]:
    """The usual suffixes of the formats that `content` can be written in."""
    return [f.name for f in FORMATS if f.write is not None and content in f.holds]


def format_of(path: Path) -> Format | None:
    """The format that a file's name says; None where it says none."""
    return next((f for f in FORMATS if path.suffix.lower() in f.suffixes), None)


def load_surface(path: Path) -> Surface:
    """The surface or curve in a file.

    Raises:
        IsolossError: it is of no known format, or damaged, or holds no surface.
    """
    format = format_of(path)
    if format is None or format.read is None:
        if what := disguise(path, ""):
            raise IsolossError(f"{path} is {what}")
        if path.suffix.lower() == ".safetensors":
            raise IsolossError(
                f"{path} holds tensors, no surface: probe a network, probe along the directions of "
                "a plane (--directions), or make a run of checkpoints ('isoloss import')"
            )
        known = listed((f.name for f in FORMATS if f.read), "or")
        raise IsolossError(
            f"cannot tell what {path} is: surfaces are {known} files, or run folders"
        )
    check_readable(path)
    try:
        surface = format.read(path)
        check_values(surface)
    except IsolossError as error:
        if what := disguise(path, format.name):
            raise IsolossError(f"{path} is {what}") from error
        raise error if str(path) in str(error) else IsolossError(f"{path}: {error}") from error
    except MemoryError as error:
        raise IsolossError(f"{path} takes more memory than there is") from error
    is_curve = surface.is_curve and "curve" in format.holds and surface.shape[0] >= 2
    if min(surface.shape) < 2 and not is_curve:
        raise IsolossError(f"{path} is not a surface: its grid is {surface.shape}, at least 2×2")
    if not is_curve and is_relief(surface):
        raise only_heights(path)
    return surface


def paintable() -> list[str]:
    """The usual suffixes of the formats that keep how a surface looks."""
    return [f.name for f in FORMATS if f.paint is not None]


def save_surface(surface: Surface, path: Path, look: Look | None = None) -> Path:
    """Write `surface` in the format of `path`'s suffix, with its trajectories beside what can be
    read again; returns the path.

    Args:
        look: how other programs are to show it; each format has one of its own.

    Raises:
        IsolossError: if there is no such format, or none that could hold a curve, or a look.
    """
    format = format_of(path)
    if format is None or format.write is None:
        raise IsolossError(f"cannot save as {path.name}: choose one of {', '.join(writable())}")
    if surface.is_curve and "curve" not in format.holds:
        known = listed(writable("curve"), "or")
        raise IsolossError(f"cannot save a curve as {path.name}: choose {known}")
    if look is not None and format.paint is None:
        known = listed(paintable(), "or")
        raise IsolossError(f"{path.name} cannot keep colours: choose {known}, or leave them out")
    if format.read is not None:
        check_values(surface)
        for k, trajectory in enumerate(surface.trajectories):
            name = trajectory.name or str(k + 1)
            beside = trajectory_path(path, name if k else "")
            save_trajectory_ply(trajectory, beside, surface, look)
    if look is not None and format.paint is not None:
        return format.paint(surface, path, look)
    return format.write(surface, path)


def trajectory_path(path: Path, name: str = "") -> Path:
    """Where the first trajectory of the surface in `path` lies; each further one has a `name`."""
    in_a_run = path.name in (SURFACE, CURVE)
    stem = Path(TRAJECTORY).stem if in_a_run else f"{path.stem}-{Path(TRAJECTORY).stem}"
    ending = file_name(name)
    return path.with_name(f"{stem}-{ending}.ply" if ending else f"{stem}.ply")


register(
    Format((".ply",), ("surface",), load_surface_ply, save_surface_ply, paint=save_surface_ply)
)
register(Format((".npz",), ("surface", "curve"), load_npz, save_npz))
register(Format((".h5", ".hdf5"), ("surface", "curve"), read=load_h5))
register(Format((".vts",), ("surface",), load_vts, save_vts))
register(Format((".vtp",), ("surface",), read=load_vtp))
register(Format((".csv",), ("surface", "curve"), load_csv, save_csv))
register(Format((".npy",), ("surface", "curve"), read=load_npy))
