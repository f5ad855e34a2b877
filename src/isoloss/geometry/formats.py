"""Reading and writing surfaces; the suffix chooses the format."""

from __future__ import annotations

import base64
import glob
import json
import re
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.files import read_json, write_atomic, write_csv
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.ply import load_surface_ply, load_trajectory_ply, save_surface_ply
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory

_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, RuntimeError, MemoryError, AttributeError)
_MOST_CELLS = 1 << 26
_GRIDS = ("loss", "accuracy", "loss_stderr", "count")
_FINISHED = ("surface.ply", "curve.npz")
_TRAJECTORY = re.compile(r"(^|-)trajectory(-|$)")


def load(path: str | Path) -> Surface:
    """Read a surface or a curve from a .ply, .npz or .h5 file, or from a run folder.

    A run folder gives its finished `surface.ply` or `curve.npz`, or what has been computed so far.
    `.h5` files are read in the layout of tomgoldstein/loss-landscape. What `Surface.save` wrote to
    .ply or .npz comes back exactly.

    Raises:
        IsolossError: if there is no such file, or it is damaged, or it holds no surface.
    """
    path = Path(path)
    if path.is_dir():
        return _load_run(path)
    if not path.exists():
        raise IsolossError(f"there is no file or run folder {path}")
    readers = {".ply": load_surface_ply, ".npz": _load_npz, ".h5": _load_h5, ".hdf5": _load_h5}
    if path.suffix.lower() not in readers:
        raise IsolossError(
            f"cannot tell what {path} is: surfaces are .ply, .npz or .h5 files, or run folders"
        )
    try:
        surface = readers[path.suffix.lower()](path)
    except IsolossError as error:
        raise error if str(path) in str(error) else IsolossError(f"{path}: {error}") from error
    _check_size(surface, path)
    return surface


def load_trajectories(path: str | Path) -> list[Trajectory]:
    """The trajectories that belong to what `load(path)` reads, the surface's own first.

    They lie beside a surface as `trajectory.ply` and `trajectory-NAME.ply`, or beside `S.ply` as
    `S-trajectory.ply` and `S-trajectory-NAME.ply`. One that does not say its name has that of its
    file.
    """
    path = Path(path)
    if path.is_dir():
        first = path / "trajectory"
    elif path.name == "surface.ply":
        first = path.with_name("trajectory")
    else:
        first = path.with_name(f"{path.stem}-trajectory")
    found = [p for p in (first.with_name(f"{first.name}.ply"),) if p.exists()]
    found += sorted(first.parent.glob(f"{glob.escape(first.name)}-*.ply"))
    return [_named(load_trajectory_ply(p), p.stem[len(first.name) + 1 :]) for p in found]


def is_trajectory(path: Path) -> bool:
    """Whether the file's name says that it is a trajectory beside a surface."""
    return _TRAJECTORY.search(path.stem) is not None


def finished_file(folder: Path) -> Path | None:
    """What a probe run in `folder` has left when it was done: its surface or its curve."""
    return next((folder / name for name in _FINISHED if (folder / name).exists()), None)


def save_surface(surface: Surface, path: Path) -> Path:
    """Write `surface` in the format of `path`'s suffix; returns the path.

    Raises:
        IsolossError: if there is no such format, or none that could hold a curve.
    """
    writers = {
        ".ply": save_surface_ply,
        ".npz": _save_npz,
        ".vts": _save_vts,
        ".csv": _save_csv,
    }
    if path.suffix.lower() not in writers:
        raise IsolossError(f"cannot save as {path.name}: choose one of {', '.join(writers)}")
    if surface.is_curve and path.suffix.lower() in (".ply", ".vts"):
        raise IsolossError(f"cannot save a curve as {path.name}: choose .npz or .csv")
    return writers[path.suffix.lower()](surface, path)


def _load_run(folder: Path) -> Surface:
    finished = finished_file(folder)
    if finished is not None:
        try:
            return load(finished)
        except IsolossError as error:
            if not (folder / "run.json").exists():
                raise
            again = f"delete it, and 'isoloss run {folder}' writes it again"
            raise IsolossError(f"{error}; {again}") from error
    if GrowingSurface.exists(folder / "surface"):
        return GrowingSurface.open(folder / "surface").snapshot()
    if (folder / "run.json").exists():
        if _kind_of_run(folder) == "train":
            raise IsolossError(
                f"{folder} is a training run: cut a surface with 'isoloss probe {folder}'"
            )
        raise IsolossError(f"{folder} has no surface yet: carry it on with 'isoloss run {folder}'")
    raise IsolossError(f"{folder} is not a run folder: it has neither run.json nor surface.ply")


def _check_size(surface: Surface, path: Path) -> None:
    """Refuse what is neither a surface nor a curve; a mesh or an .h5 file holds no curve."""
    curve = surface.is_curve and path.suffix.lower() == ".npz"
    if min(surface.shape) < 2 and not (curve and surface.shape[0] >= 2):
        raise IsolossError(f"{path} is not a surface: its grid is {surface.shape}, at least 2×2")


def _named(trajectory: Trajectory, name: str) -> Trajectory:
    if trajectory.name or not name:
        return trajectory
    return replace(trajectory, meta={**trajectory.meta, "name": name})


def _grids(surface: Surface) -> dict[str, NDArray[Any]]:
    """The values to be written, by name: the spread only where there is one."""
    names = _GRIDS if surface.spread is None else (*_GRIDS, "spread")
    return {name: getattr(surface, name) for name in names}


def _kind_of_run(folder: Path) -> str:
    try:
        return str(read_json(folder / "run.json")["settings"]["kind"])
    except (KeyError, TypeError):
        return ""


def _save_npz(surface: Surface, path: Path) -> Path:
    arrays: dict[str, Any] = {"alpha": surface.alpha, "beta": surface.beta, **_grids(surface)}
    meta = np.array(json.dumps(surface.meta))
    return write_atomic(path, lambda p: np.savez_compressed(p, **arrays, meta=meta))


def _load_npz(path: Path) -> Surface:
    if not zipfile.is_zipfile(path):
        raise IsolossError(f"{path} is not a readable .npz file: it is no zip archive")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            needed = ("alpha", "beta", *_GRIDS)
            if missing := [name for name in needed if name not in content]:
                raise IsolossError(f"{path} is not a surface: it has no array {missing[0]}")
            arrays = {name: content[name] for name in needed}
            spread = np.asarray(content["spread"], np.float64) if "spread" in content else None
            described: Any = json.loads(str(content["meta"])) if "meta" in content else {}
        if not isinstance(described, dict):
            raise ValueError("its description is not a JSON object")
        return Surface(
            *(np.asarray(arrays[n], np.float64) for n in ("alpha", "beta", *_GRIDS[:-1])),
            count=np.asarray(arrays["count"], np.int64),
            meta=cast(dict[str, Any], described),
            # An extra that does not fit must not cost the surface.
            spread=spread if spread is None or spread.shape == arrays["loss"].shape else None,
        )
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        EOFError,
        NotImplementedError,
        *_ZIP_ERRORS,
    ) as error:
        raise IsolossError(f"{path} is not a readable .npz file: {error}") from error


def _load_h5(path: Path) -> Surface:
    """A surface of tomgoldstein/loss-landscape: coordinates, losses, accuracies in percent.

    That program enumerates the grid with `meshgrid(x, y)` (y slowest) but shapes its arrays
    (len(x), len(y)); read flat, in its order of enumeration, every value lands where it belongs,
    on non-square grids too. It marks what it has not computed with −1.
    """
    import h5py  # pyright: ignore[reportMissingTypeStubs]

    try:
        with h5py.File(path, "r") as file:
            x = np.asarray(file["xcoordinates"], np.float64)
            y = np.asarray(file["ycoordinates"], np.float64)
            prefix = "train" if "train_loss" in file else "test"
            promised: Any = file[f"{prefix}_loss"]
            if promised.size > _MOST_CELLS:
                raise ValueError(f"it promises more than {_MOST_CELLS:,} cells")
            flat_loss = np.asarray(file[f"{prefix}_loss"], np.float64).ravel()
            known = f"{prefix}_acc" in file
            flat_accuracy = (
                np.asarray(file[f"{prefix}_acc"], np.float64).ravel() / 100
                if known
                else np.full(flat_loss.shape, np.nan)
            )
        loss = flat_loss.reshape(len(y), len(x)).T
        accuracy = flat_accuracy.reshape(len(y), len(x)).T
    except KeyError as error:
        raise IsolossError(
            f"{path} has not the layout of tomgoldstein/loss-landscape: {error}"
        ) from error
    except (OSError, ValueError, TypeError, RuntimeError, AttributeError, MemoryError) as error:
        raise IsolossError(f"{path} is not a readable .h5 surface: {error}") from error
    computed = loss != -1
    return Surface(
        x,
        y,
        np.where(computed, loss, np.nan),
        np.where(computed, accuracy, np.nan),
        np.zeros(loss.shape),
        computed.astype(np.int64),
        {"title": path.stem},
    )


def _save_csv(surface: Surface, path: Path) -> Path:
    alpha, beta = np.meshgrid(surface.alpha, surface.beta, indexing="ij")
    columns = {"alpha": alpha, "beta": beta, **_grids(surface)}
    rows = zip(*(c.ravel().tolist() for c in columns.values()), strict=True)
    return write_csv(path, columns, rows)


def _save_vts(surface: Surface, path: Path) -> Path:
    """A VTK XML structured grid (ParaView): points at (α, β, loss), one array for each value."""
    alpha, beta = np.meshgrid(surface.alpha, surface.beta, indexing="ij")
    height = np.where(np.isfinite(surface.loss), surface.loss, 0.0)
    # VTK counts its first index fastest; ours is the last, hence the transposes.
    points = np.stack([alpha.T, beta.T, height.T], axis=-1)
    arrays = "".join(_vts_array(values.T, name) for name, values in _grids(surface).items())
    extent = f"0 {surface.shape[0] - 1} 0 {surface.shape[1] - 1} 0 0"
    text = (
        '<?xml version="1.0"?>\n'
        '<VTKFile type="StructuredGrid" version="1.0" byte_order="LittleEndian" '
        'header_type="UInt64">\n'
        f'<StructuredGrid WholeExtent="{extent}"><Piece Extent="{extent}">\n'
        f'<PointData Scalars="loss">{arrays}</PointData>\n'
        f"<Points>{_vts_array(points, 'Points', 3)}</Points>\n"
        "</Piece></StructuredGrid></VTKFile>\n"
    )
    return write_atomic(path, lambda p: p.write_text(text, encoding="ascii"))


def _vts_array(values: NDArray[Any], name: str, components: int = 1) -> str:
    kind, dtype = ("Int64", "<i8") if values.dtype.kind == "i" else ("Float64", "<f8")
    raw = np.ascontiguousarray(values, dtype).tobytes()
    encoded = base64.b64encode(len(raw).to_bytes(8, "little") + raw).decode("ascii")
    return (
        f'<DataArray type="{kind}" Name={quoteattr(name)} NumberOfComponents="{components}" '
        f'format="binary">{encoded}</DataArray>'
    )
