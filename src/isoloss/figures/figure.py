"""A figure of matplotlib's that a notebook shows, whether or not pyplot is there to do it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib import figure
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import NDArray
from PIL import Image

from isoloss.figures.sheet import as_written
from isoloss.geometry.arrays import Pixels


class Figure(figure.Figure):
    """As matplotlib's, to be added to and saved; NumPy reads it as its pixels."""

    def pixels(self) -> Pixels:
        """(H, W, 4) uint8, RGBA with straight alpha, top row first, at its `dpi`."""
        canvas = FigureCanvasAgg(self)
        with as_written():
            canvas.draw()
        return np.asarray(canvas.buffer_rgba()).copy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self.pixels(), dtype)

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        Image.fromarray(self.pixels()).save(file, "PNG", optimize=True)
        return file.getvalue()

    def svg(self) -> str:
        """As a vector graphic whose text stays text; the same figure is the same text."""
        file = io.BytesIO()
        with as_written():
            self.savefig(file, format="svg", metadata={"Creator": "isoloss", "Date": None})
        return file.getvalue().decode("utf-8")
