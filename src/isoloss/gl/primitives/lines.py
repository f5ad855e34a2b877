"""Lines of constant width on the screen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoloss.gl.device.buffers import Quads
from isoloss.gl.device.drawn_view import View
from isoloss.gl.device.program import Program

SEGMENT = np.dtype([("start", "<f4", 3), ("end", "<f4", 3), ("color", "u1", 4)])

Placed = tuple[ArrayLike, ArrayLike]
"""(3,) by which coordinates are scaled, and then shifted."""
IDENTITY: Placed = ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


def segments(start: ArrayLike, end: ArrayLike, color: ArrayLike = 1.0) -> NDArray[np.void]:
    """Segment records from (n, 3) ends and colours in [0, 1] (one, or (n, 4))."""
    start = np.asarray(start, np.float32).reshape(-1, 3)
    records = np.empty(len(start), SEGMENT)
    records["start"], records["end"] = start, np.asarray(end, np.float32).reshape(-1, 3)
    records["color"] = np.rint(np.asarray(color, np.float64) * 255)
    return records


def no_segments() -> NDArray[np.void]:
    """An empty batch."""
    return np.empty(0, SEGMENT)


@dataclass(frozen=True)
class LineStyle:
    """How lines are drawn.

    Attributes:
        width: pixels.
        tint: multiplies the segments' colours.
        cap: half widths by which each segment is lengthened, to close the joints of thick paths.
        bias: fraction of the distance by which lines are drawn nearer than they are.
        level: draw all of them at this z.
        toward: mix the colours with this one, by its alpha.
        dash: pixels of each dash and of each gap; 0 for a line without gaps.
    """

    width: float
    tint: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    cap: float = 0.0
    bias: float = 0.0
    level: float | None = None
    toward: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    dash: float = 0.0


class LinePass:
    """Draws batches of segments.

    Attributes:
        opacity: of all that is drawn from now on.
    """

    def __init__(self, program: Program | None = None) -> None:
        self._program = program or Program("line")
        self.opacity = 1.0

    @staticmethod
    def batch() -> Quads:
        """An empty buffer of segments to upload into."""
        return Quads(SEGMENT, {"start": 0, "end": 1, "color": 2})

    def draw(
        self,
        batch: Quads,
        view: View,
        style: LineStyle,
        placed: Placed = IDENTITY,
        count: int | None = None,
    ) -> None:
        """Draw `batch`, whose coordinates are scaled and shifted by `placed`."""
        if not batch.count or count == 0:
            return
        self._program.use(
            view=view.view,
            projection=view.projection,
            scale=placed[0],
            offset=placed[1],
            level=float(style.level or 0.0),
            level_share=0.0 if style.level is None else 1.0,
            viewport=view.drawn,
            width=float(style.width),
            cap=float(style.cap),
            bias=float(style.bias),
            parallel=float(view.camera.orthographic),
            tint=(*style.tint[:3], style.tint[3] * self.opacity),
            toward=style.toward,
            dash=float(style.dash),
            origin=view.origin,
        )
        batch.draw(count)
