"""A model for other programs: named parts of triangles and lines, in metres, y upwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Array

Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Material:
    """What a part is coloured with.

    Attributes:
        color: sRGB in [0, 1]; of a part with colours of its own, what these are multiplied by.
        opacity: in [0, 1].
        is_lit: whether light falls on it; lines have no normals.
    """

    name: str
    color: Rgb = (1.0, 1.0, 1.0)
    opacity: float = 1.0
    is_lit: bool = False


@dataclass(frozen=True)
class Mesh:
    """Triangles, or pieces of lines.

    Attributes:
        places: (n, 3) metres; all finite.
        indices: (t, 3) corners of triangles, counter-clockwise from above, or (m, 2) ends of
            pieces of lines.
        normals: (n, 3) of length 1; None where the facets are to be seen.
        colors: (n, 3) sRGB in [0, 1] at the corners.
    """

    places: Array
    indices: NDArray[np.unsignedinteger[Any]]
    material: Material
    normals: Array | None = None
    colors: Array | None = None


@dataclass(frozen=True)
class Node:
    """A part, or several under one name.

    Attributes:
        about: further facts, as JSON has them.
    """

    name: str
    mesh: Mesh | None = None
    children: tuple[Node, ...] = ()
    about: dict[str, Any] = field(default_factory=dict[str, Any])

    def all(self) -> Iterator[Node]:
        """This node and all below it, each before its children."""
        yield self
        for child in self.children:
            yield from child.all()
