"""Pixels that a notebook shows as the picture that they are."""

from __future__ import annotations

import io
from typing import Any

import numpy as np


class Picture(np.ndarray[Any, np.dtype[np.uint8]]):
    """(H, W, 3) or (H, W, 4) uint8; what is computed from them is an array like any other."""

    def __repr__(self) -> str:
        if not self._is_whole:
            return repr(np.asarray(self))
        height, width, _ = self.shape
        return f"<Picture of {width} × {height} pixels>"

    def _repr_png_(self) -> bytes | None:
        from PIL import Image

        if not self._is_whole:
            return None
        file = io.BytesIO()
        Image.fromarray(np.asarray(self)).save(file, "PNG")
        return file.getvalue()

    @property
    def _is_whole(self) -> bool:
        of_colours = self.ndim == 3 and self.shape[2] in (3, 4)
        return of_colours and self.dtype == np.uint8 and min(self.shape) > 0
