"""Round, starred and other point markers of constant size on the screen."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.gl.device.buffers import Quads
from isoloss.gl.device.drawn_view import View
from isoloss.gl.device.program import Program
from isoloss.scene.theme import Color

MARK = np.dtype([("position", "<f4", 3), ("kind", "<f4", 2), ("color", "u1", 4)])


def marks(
    position: ArrayLike, radius: ArrayLike, shape: ArrayLike, color: ArrayLike
) -> NDArray[np.void]:
    """Marker records; `radius` in device-independent pixels, `shape` a `MarkerShape` value."""
    position = np.asarray(position, np.float32).reshape(-1, 3)
    records = np.empty(len(position), MARK)
    records["position"] = position
    records["kind"][:, 0], records["kind"][:, 1] = radius, shape
    records["color"] = np.rint(np.asarray(color, np.float64) * 255)
    return records


class MarkerPass:
    """Draws batches of markers."""

    def __init__(self, program: Program | None = None) -> None:
        self._program = program or Program("marker")

    @staticmethod
    def batch() -> Quads:
        """An empty buffer of markers to upload into."""
        return Quads(MARK, {"position": 0, "kind": 1, "color": 2})

    def draw(
        self,
        batch: Quads,
        view: View,
        outline: Color,
        placed: tuple[ArrayLike, ArrayLike],
        alpha: float = 1.0,
        count: int | None = None,
        hollow: bool = False,
    ) -> None:
        """Draw `batch`, whose coordinates are scaled and shifted by `placed`; `hollow` draws
        their rims alone."""
        self._program.use(
            view=view.view,
            projection=view.projection,
            scale=placed[0],
            offset=placed[1],
            viewport=view.drawn,
            unit=float(view.scale),
            bias=0.012,
            parallel=float(view.camera.orthographic),
            outline=outline,
            outline_width=1.3 * view.scale,
            alpha=float(alpha),
            hollow=float(hollow),
        )
        batch.draw(count)
