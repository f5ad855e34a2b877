"""Models as glTF 2.0 in one binary file (.glb). https://registry.khronos.org/glTF/specs/2.0/"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.files import write_atomic
from isoloss.geometry.files.solid import Material, Mesh, Node
from isoloss.version import __version__

_MAGIC, _VERSION, _JSON, _BINARY = 0x46546C67, 2, 0x4E4F534A, 0x004E4942
_FLOAT, _SHORT, _INT = 5126, 5123, 5125
_CORNERS, _INDICES = 34962, 34963
_LINES, _TRIANGLES = 1, 4
_UNLIT = "KHR_materials_unlit"
_ROUGH = 0.85
"""Matt, with a soft highlight that shows the relief."""
_MOST_SHORT = 0xFFFE  # the last number restarts a primitive


def write_glb(root: Node, path: Path) -> Path:
    """Write a model; every node keeps its name, and what is said `about` it as `extras`."""
    content = _Content()
    top = content.node(root)
    said = content.document | {"scene": 0, "scenes": [{"name": root.name[:80], "nodes": [top]}]}
    if not content.document["extensionsUsed"]:
        del said["extensionsUsed"]
    binary = b"".join(content.parts)
    if binary:
        said["buffers"] = [{"byteLength": len(binary)}]
    text = json.dumps(said, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()
    chunks = _chunk(_JSON, text + b" " * (-len(text) % 4)) + _chunk(_BINARY, binary)
    header = np.array([_MAGIC, _VERSION, 12 + len(chunks)], "<u4").tobytes()
    return write_atomic(path, lambda p: p.write_bytes(header + chunks))


def linear(color: ArrayLike) -> NDArray[np.float64]:
    """sRGB in [0, 1] as shares of light (IEC 61966-2-1)."""
    values = np.asarray(color, np.float64)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _chunk(kind: int, content: bytes) -> bytes:
    return np.array([len(content), kind], "<u4").tobytes() + content


class _Content:
    """What is in the file: arrays one after the other, and the JSON that tells of them."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.length = 0
        self.materials: dict[Material, int] = {}
        self.document: dict[str, Any] = {
            "asset": {"version": "2.0", "generator": f"isoloss {__version__}"},
            "extensionsUsed": [],
            "nodes": [],
            "meshes": [],
            "materials": [],
            "accessors": [],
            "bufferViews": [],
        }

    def add(self, name: str, entry: dict[str, Any]) -> int:
        """The number of a new entry of one of the lists."""
        self.document[name].append(entry)
        return len(self.document[name]) - 1

    def node(self, node: Node) -> int:
        """The number of a node, after which come those below it."""
        entry: dict[str, Any] = {"name": node.name}
        number = self.add("nodes", entry)
        if node.mesh is not None:
            primitives = [self.primitive(node.mesh)]
            entry["mesh"] = self.add("meshes", {"name": node.name, "primitives": primitives})
        if node.children:
            entry["children"] = [self.node(child) for child in node.children]
        if node.about:
            entry["extras"] = node.about
        return number

    def primitive(self, mesh: Mesh) -> dict[str, Any]:
        """A mesh: its arrays, how they are drawn, and with what."""
        attributes = {"POSITION": self.corners(mesh.places, is_bounded=True)}
        if mesh.normals is not None:
            attributes["NORMAL"] = self.corners(mesh.normals)
        if mesh.colors is not None:
            attributes["COLOR_0"] = self.corners(linear(mesh.colors))
        is_short = len(mesh.places) <= _MOST_SHORT
        indices = mesh.indices.astype("<u2" if is_short else "<u4")
        return {
            "attributes": attributes,
            "indices": self.array(indices.ravel(), _SHORT if is_short else _INT, _INDICES),
            "mode": _TRIANGLES if mesh.indices.shape[1] == 3 else _LINES,
            "material": self.material(mesh.material),
        }

    def corners(self, values: NDArray[Any], *, is_bounded: bool = False) -> int:
        """The number of an array (n, 3) of single precision."""
        single = values.astype("<f4")
        number = self.array(single, _FLOAT, _CORNERS)
        if is_bounded:
            ends = {"min": single.min(axis=0).tolist(), "max": single.max(axis=0).tolist()}
            self.document["accessors"][number] |= ends
        return number

    def array(self, values: NDArray[Any], kind: int, target: int) -> int:
        """The number of an array of scalars, or of rows of three."""
        raw = np.ascontiguousarray(values).tobytes()
        view = {"buffer": 0, "byteOffset": self.length, "byteLength": len(raw), "target": target}
        raw += bytes(-len(raw) % 4)
        self.parts.append(raw)
        self.length += len(raw)
        accessor = {
            "bufferView": self.add("bufferViews", view),
            "componentType": kind,
            "count": len(values),
            "type": "VEC3" if values.ndim == 2 else "SCALAR",
        }
        return self.add("accessors", accessor)

    def material(self, material: Material) -> int:
        """The number of a material, which is kept once."""
        if material not in self.materials:
            entry: dict[str, Any] = {
                "name": material.name,
                "doubleSided": True,
                "pbrMetallicRoughness": {
                    "baseColorFactor": [*linear(material.color).tolist(), material.opacity],
                    "metallicFactor": 0.0,
                    "roughnessFactor": _ROUGH,
                },
            }
            if material.opacity < 1:
                entry["alphaMode"] = "BLEND"
            if not material.is_lit:
                entry["extensions"] = {_UNLIT: {}}
                self.document["extensionsUsed"] = [_UNLIT]
            self.materials[material] = self.add("materials", entry)
        return self.materials[material]
