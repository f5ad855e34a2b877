"""One whole file of every kind that isoloss reads."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np
import plyfile

from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.scene.document import Document
from isoloss.scene.files.session import save_session
from isoloss.scene.layer import Marker, load_layer

RUNS = Path(__file__).parents[2] / "tests" / "runs" / "begun_before"


@dataclass
class Original:
    """A whole file, or one within a folder.

    Attributes:
        kind: what the summary counts it as.
        opened: what is opened: the file itself, or the folder that it lies in.
        file: the file that is damaged.
    """

    kind: str
    opened: Path
    file: Path

    @cached_property
    def content(self) -> bytes:
        return self.file.read_bytes()


def originals(folder: Path) -> list[Original]:
    """One whole file of every kind, below `folder`."""
    folder.mkdir(parents=True)
    alpha, beta = np.linspace(-1, 1, 5), np.linspace(-0.5, 1, 4)
    loss = alpha[:, None] ** 2 + beta**2 + 0.1
    meta = {
        "model": "vgg11", "plane": "pca", "explained_variance_ratio": [0.6, 0.2], "planes": 3,
        "findings": [{"level": "ok", "what": "centre", "message": "is a minimum"}],
    }  # fmt: skip
    steps = np.arange(6.0)
    path = Trajectory(steps / 9, steps / 12, steps, steps, steps, steps, {"name": "sgd"})
    surface = Surface(
        alpha, beta, loss, np.exp(-loss), np.full(loss.shape, 0.01), np.full(loss.shape, 64), meta,
        np.full(loss.shape, 0.2), (path,),
    )  # fmt: skip
    curve = Surface.from_loss(alpha, np.zeros(1), loss[:, :1])
    files = [surface.save(folder / "binary.ply"), surface.save(folder / "compressed.npz")]
    files += [curve.save(folder / "curve.npz"), _stored(files[1])]
    files += [surface.save(folder / f"table.{suffix}") for suffix in ("csv", "vts")]
    files += [_text(files[0]), _of_others(folder / "quads.ply", loss), _vtp(folder / "t.vtp", loss)]
    files += [_h5(folder / "li.h5", alpha, beta, loss), _h5(folder / "line.h5", alpha, None, loss)]
    np.save(folder / "array.npy", loss)
    found = [Original(f.suffix, f, f) for f in [*files, folder / "array.npy"]]
    trajectory = folder / "binary-trajectory.ply"
    found.append(Original("trajectory", files[0], trajectory))
    document = Document()
    document.add(load_layer(files[0]))
    document.layers[0].markers = (Marker(0.1, 0.2, 0.3, "here"),)
    document.arrange(2)
    session = save_session(document, folder / "s.isoloss")
    found.append(Original("session", session, session))
    for run in ("attack", "certify", "probe-pca", "probe-random", "probe-interpolate", "train-sgd"):
        whole = folder / run
        shutil.copytree(RUNS / run / "killed", whole)
        for file in sorted(whole.rglob("*")):
            if file.suffix in (".json", ".jsonl", ".csv", ".npy"):
                found.append(Original(file.name, whole, file))
    return found


def _stored(compressed: Path) -> Path:
    """The same arrays without compression, whose bytes lie open to damage."""
    with np.load(compressed) as content:
        np.savez(compressed.with_name("stored.npz"), **content)
    return compressed.with_name("stored.npz")


def _text(binary: Path) -> Path:
    ply = plyfile.PlyData.read(str(binary))
    ply.text = True
    ply.write(str(binary.with_name("text.ply")))
    return binary.with_name("text.ply")


def _of_others(path: Path, loss: np.ndarray) -> Path:
    """Big-endian, with quads and colours, and the least that a surface needs."""
    index = np.arange(loss.size).reshape(loss.shape)
    vertex = np.zeros(loss.size, [*((n, "f4") for n in "xyz"), ("red", "u1")])
    vertex["x"], vertex["y"], vertex["z"] = *np.unravel_index(index.ravel(), loss.shape), loss.flat
    corners = [index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]]
    face = np.array(
        [(list(f),) for f in np.stack(corners, -1).reshape(-1, 4)], [("vertex_indices", object)]
    )
    elements = [
        plyfile.PlyElement.describe(vertex, "vertex"),
        plyfile.PlyElement.describe(face, "face", val_types={"vertex_indices": "i4"}),
    ]
    plyfile.PlyData(elements, byte_order=">").write(str(path))
    return path


def _vtp(path: Path, loss: np.ndarray) -> Path:
    """What `h52vtp.py` of tomgoldstein/loss-landscape writes: points, and quads over them."""
    points = [(i, j, loss[i, j]) for i in range(loss.shape[0]) for j in range(loss.shape[1])]
    quads = [
        (i * loss.shape[1] + j, (i + 1) * loss.shape[1] + j)
        for i in range(loss.shape[0] - 1)
        for j in range(loss.shape[1] - 1)
    ]
    connected = " ".join(f"{a} {a + 1} {b + 1} {b}" for a, b in quads)
    path.write_text(
        '<VTKFile type="PolyData" version="1.0" byte_order="LittleEndian">\n<PolyData>\n'
        f'<Piece NumberOfPoints="{len(points)}" NumberOfPolys="{len(quads)}">\n'
        '<PointData Scalars="zvalue"><DataArray type="Float32" Name="zvalue" format="ascii">'
        f"{' '.join(str(p[2]) for p in points)}</DataArray></PointData>\n"
        '<Points><DataArray type="Float32" Name="Points" NumberOfComponents="3" format="ascii">'
        f"{' '.join(str(v) for p in points for v in p)}</DataArray></Points>\n"
        f'<Polys><DataArray type="Int64" Name="connectivity" format="ascii">{connected}</DataArray>'
        '<DataArray type="Int64" Name="offsets" format="ascii">'
        f"{' '.join(str(4 * k + 4) for k in range(len(quads)))}</DataArray></Polys>\n"
        "</Piece>\n</PolyData>\n</VTKFile>\n"
    )
    return path


def _h5(path: Path, x: np.ndarray, y: np.ndarray | None, loss: np.ndarray) -> Path:
    with h5py.File(path, "w") as file:
        file["xcoordinates"] = x
        if y is not None:
            file["ycoordinates"] = y
        values = loss if y is not None else loss[:, 0]
        file["train_loss"], file["train_acc"] = values, 100 * np.exp(-values)
    return path
