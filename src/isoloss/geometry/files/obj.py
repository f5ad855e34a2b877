"""Models as Wavefront's .obj with its .mtl beside it: colours behind each place, as MeshLab and
Blender read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.files import write_atomic
from isoloss.geometry.files.solid import Material, Mesh, Node

_ROWS = 50_000  # that are written at once


def write_obj(root: Node, path: Path) -> Path:
    """Write a model, and its materials beside it as x.mtl: both or neither."""
    named = {node.mesh.material: "" for node in root.all() if node.mesh is not None}
    named = {material: f"{_word(material.name)}-{k}" for k, material in enumerate(named)}
    beside = path.with_suffix(".mtl")

    def write(target: Path) -> None:
        with target.open("w", encoding="utf-8", newline="\n") as file:
            file.write(f"mtllib {beside.name}\n")
            places = normals = 0
            for node in root.all():
                if node.mesh is None:
                    continue
                file.write(f"o {_word(node.name)}\nusemtl {named[node.mesh.material]}\n")
                file.writelines(_rows_of(node.mesh, places, normals))
                places += len(node.mesh.places)
                normals += 0 if node.mesh.normals is None else len(node.mesh.normals)

    write_atomic(path, write)
    try:
        materials = "".join(map(_material, named.items()))
        write_atomic(beside, lambda p: p.write_text(materials, "utf-8"))
    except IsolossError:
        path.unlink(missing_ok=True)
        raise
    return path


def _word(name: str) -> str:
    """A name without spaces, as readers want them."""
    return "_".join(name.split())[:200] or "part"


def _material(entry: tuple[Material, str]) -> str:
    material, name = entry
    red, green, blue = material.color
    return (
        f"newmtl {name}\nKd {red:.6g} {green:.6g} {blue:.6g}\nKs 0 0 0\nd {material.opacity:g}\n"
        f"illum {int(material.is_lit)}\n"
    )


def _rows_of(mesh: Mesh, places: int, normals: int) -> Iterator[str]:
    """The lines of a mesh, after so many places and normals of those before it."""
    corners = mesh.places if mesh.colors is None else np.hstack([mesh.places, mesh.colors])
    yield from _rows("v" + " %.7g" * corners.shape[1], corners)
    indices = mesh.indices.astype(np.int64) + places + 1
    if mesh.normals is None:
        yield from _rows(
            ("f" if indices.shape[1] == 3 else "l") + " %d" * indices.shape[1], indices
        )
        return
    yield from _rows("vn %.5g %.5g %.5g", mesh.normals)
    pairs = np.repeat(indices, 2, axis=1)
    pairs[:, 1::2] += normals - places
    yield from _rows("f" + " %d//%d" * indices.shape[1], pairs)


def _rows(form: str, values: NDArray[Any]) -> Iterator[str]:
    for at in range(0, len(values), _ROWS):
        some = values[at : at + _ROWS]
        yield (form + "\n") * len(some) % tuple(some.ravel().tolist())
