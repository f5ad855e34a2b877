"""What arrays are called throughout the program, and how large they are at most."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
"""Coordinates, losses, heights: float64 of any shape."""
Pixels = NDArray[np.uint8]
"""(H, W, 3) or (H, W, 4) of a picture, top row first."""
MOST_CELLS = 1 << 26
"""The most points of a surface that are read: more would not fit what it is drawn with."""
