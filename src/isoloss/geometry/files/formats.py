"""The formats that isoloss reads and writes: one entry each, chosen by the suffix of a file's name.

What is saved, exported and shared, and what is said of it, follows from this list.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

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

_EARLIER = re.compile(r"\w+")
Content = Literal["surface", "curve"]
Part = Literal[
    "views", "layers", "trajectories", "contours", "colours", "pins", "holes", "errors",
    "quantities", "origin", "camera",
]  # fmt: skip
"""What there is to a surface, or to what is shown of several, beside the losses."""

PARTS: dict[Part, str] = {
    "views": "further viewports",
    "layers": "further surfaces",
    "trajectories": "trajectories",
    "contours": "contours",
    "colours": "colours",
    "pins": "pins and minima",
    "holes": "points without a value",
    "errors": "standard errors",
    "quantities": "further quantities",
    "origin": "what made it",
    "camera": "the camera",
}
"""What each is called."""
SEEN: tuple[Part, ...] = ("layers", "trajectories", "contours", "colours", "pins", "holes")
VALUES: tuple[Part, ...] = ("trajectories", "holes", "errors", "quantities", "origin")


@dataclass(frozen=True)
class Asked:
    """How a file that shows something is asked for.

    Attributes:
        command: what makes it, as typed.
        theme: of the page, "dark" or "light"; unless given, that of the reader's system.
        fits: the camera steps back until the whole box is in sight.
        title: of a page of several viewports.
    """

    command: str = ""
    theme: str = ""
    fits: bool = False
    title: str = ""


@dataclass(frozen=True)
class Format:
    """One format of files.

    Attributes:
        suffixes: of its files, in lower case, the usual one first.
        holds: what it can be of.
        read: a file; raises `IsolossError` for what is damaged or something else. None: it is
            written only.
        write: to a path, which is returned; the file appears whole or not at all. None: it is read
            only.
        paint: as `write`, with a look that it keeps beside the values. None: it keeps none.
        title: what it is, in a few words.
        keeps: what it keeps beside the losses; what is kept beside it, in files of its own, counts.
        shows: `module:function` that writes what is shown, one or several surfaces, where it is
            not `write` that does: of a `Document`, or of a layer that is a curve; a path, which is
            returned; and `Asked`.
    """

    suffixes: tuple[str, ...]
    holds: tuple[Content, ...]
    read: Callable[[Path], Surface] | None = None
    write: Callable[[Surface, Path], Path] | None = None
    paint: Callable[[Surface, Path, Look], Path] | None = None
    title: str = ""
    keeps: tuple[Part, ...] = VALUES
    shows: str = ""

    @property
    def is_written(self) -> bool:
        """Whether there is a way to write it."""
        return self.write is not None or bool(self.shows)

    @property
    def has_colors(self) -> bool:
        """Whether its files have colours that can be chosen."""
        return self.paint is not None or bool(self.shows)

    def show(self, shown: Any, path: Path, asked: Asked | None = None) -> Path:
        """Write what is shown, by `shows`.

        Raises:
            IsolossError: it cannot be written so, or `path` cannot be written.
        """
        module, _, function = self.shows.partition(":")
        return getattr(importlib.import_module(module), function)(shown, path, asked or Asked())

    def leaves_out(self, parts: Collection[Part]) -> str:
        """What of `parts` it does not keep, in words; "" where it keeps them all."""
        lost = [said for part, said in PARTS.items() if part in parts and part not in self.keeps]
        return listed(lost, "and") if lost else ""

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
    return [f.name for f in FORMATS if f.is_written and content in f.holds]


def format_of(path: Path) -> Format | None:
    """The format that a file's name says; None where it says none."""
    return next((f for f in FORMATS if path.suffix.lower() in f.suffixes), None)


def format_to_write(path: Path, content: Content = "surface") -> Format:
    """The format in which `path` is to be written.

    Raises:
        IsolossError: its name says none, or one that cannot be written, or not of `content`.
    """
    format = format_of(path)
    if format is None or not format.is_written:
        raise IsolossError(f"cannot save as {path.name}: choose one of {', '.join(writable())}")
    if content not in format.holds:
        known = listed(writable(content), "or")
        raise IsolossError(f"cannot save a {content} as {path.name}: choose {known}")
    return format


def parts_of(surface: Surface) -> set[Part]:
    """What there is to `surface` beside its losses."""
    there: dict[Part, bool] = {
        "trajectories": bool(surface.trajectories),
        "holes": not bool((surface.computed & np.isfinite(surface.loss)).all()),
        "errors": bool((surface.loss_stderr > 0).any()),
        "quantities": bool(surface.columns),
        "origin": bool(surface.meta.keys() - {"title"}),
    }
    return {part for part, is_there in there.items() if is_there}


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
        if format is not None:
            raise IsolossError(f"{path} is a {format.title}: open what it was made of")
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
    return [f.name for f in FORMATS if f.has_colors]


def save_surface(surface: Surface, path: Path, look: Look | None = None) -> Path:
    """Write `surface` in the format of `path`'s suffix, with its trajectories beside what can be
    read again; returns the path.

    Args:
        look: how other programs are to show it; each format has one of its own.

    Raises:
        IsolossError: if there is no such format, or none that could hold a curve, or a look.
    """
    format = format_to_write(path, "curve" if surface.is_curve else "surface")
    if format.write is None:
        return format.show(surface, path)
    if look is not None and format.paint is None:
        known = listed(paintable(), "or")
        raise IsolossError(f"{path.name} cannot keep colours: choose {known}, or leave them out")
    if not surface.earlier and "earlier" in surface.meta:
        surface = replace(surface, meta={k: v for k, v in surface.meta.items() if k != "earlier"})
    if format.read is not None:
        check_values(surface)
        for k, trajectory in enumerate(surface.trajectories):
            name = trajectory.name or str(k + 1)
            beside = trajectory_path(path, name if k else "")
            save_trajectory_ply(trajectory, beside, surface, look)
        for name, earlier in zip(earlier_names(surface), surface.earlier, strict=False):
            save_surface(earlier, earlier_path(path, name), look)
    if look is not None and format.paint is not None:
        return format.paint(surface, path, look)
    return format.write(surface, path)


def earlier_names(surface: Surface) -> list[str]:
    """What the earlier checkpoints are called whose surfaces lie beside one; [] where nothing says
    it."""
    said: Any = surface.meta.get("earlier")
    names = [str(name) for name in cast("list[Any]", said)] if isinstance(said, list) else []
    return names if all(_EARLIER.fullmatch(name) for name in names) else []


def earlier_path(path: Path, name: str) -> Path:
    """Where the surface of an earlier checkpoint lies, beside that of the last."""
    return path.with_stem(f"{path.stem}-{name}")


def trajectory_path(path: Path, name: str = "") -> Path:
    """Where the first trajectory of the surface in `path` lies; each further one has a `name`."""
    in_a_run = path.name in (SURFACE, CURVE)
    stem = Path(TRAJECTORY).stem if in_a_run else f"{path.stem}-{Path(TRAJECTORY).stem}"
    ending = file_name(name)
    return path.with_name(f"{stem}-{ending}.ply" if ending else f"{stem}.ply")


register(
    Format(
        (".ply",), ("surface",), load_surface_ply, save_surface_ply, save_surface_ply,
        title="mesh with every value, for Blender",
        keeps=(*VALUES, "colours"),
    )
)  # fmt: skip
register(
    Format((".npz",), ("surface", "curve"), load_npz, save_npz, title="NumPy's arrays, exactly")
)
register(Format((".h5", ".hdf5"), ("surface", "curve"), read=load_h5))
register(
    Format((".vts",), ("surface",), load_vts, save_vts, title="grid with every value, for ParaView")
)
register(Format((".vtp",), ("surface",), read=load_vtp))
register(
    Format(
        (".csv",), ("surface", "curve"), load_csv, save_csv,
        title="table", keeps=("trajectories", "holes", "errors", "quantities"),
    )
)  # fmt: skip
register(Format((".npy",), ("surface", "curve"), read=load_npy))
register(
    Format(
        (".html", ".htm"), ("surface", "curve"),
        title="page that any browser opens",
        keeps=tuple(PARTS), shows="isoloss.page.exporting:write_shown",
    )
)  # fmt: skip
register(
    Format(
        (".glb",), ("surface",),
        title="model for Blender, slides and phones",
        keeps=(*SEEN, "origin"), shows="isoloss.scene.files.model:write_glb",
    )
)  # fmt: skip
register(
    Format(
        (".obj",), ("surface",),
        title="model as text, of Wavefront",
        keeps=SEEN, shows="isoloss.scene.files.model:write_obj",
    )
)  # fmt: skip
for _suffix, _title in (
    (".png", "picture"), (".svg", "figure in the plane"), (".pdf", "figure in the plane"),
):  # fmt: skip
    register(
        Format(
            (_suffix,), ("surface", "curve"),
            title=_title, keeps=("views", *SEEN, "camera"),
            shows="isoloss.gl.pictures.picture:write_shown",
        )
    )  # fmt: skip
