"""What the host waits for and copies, by the line of source that asks for it."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import torch

OURS = "/src/isoloss/"
HERE = str(Path(__file__).parent)
TORCH = str(Path(torch.__file__).parent)


class Counts:
    """Counts by (line, what).

    Attributes:
        waits: for the device.
        copies: "to the device", "to the host".
        launches: operations on the device.
    """

    def __init__(self) -> None:
        self.waits: Counter[tuple[str, str]] = Counter()
        self.copies: Counter[tuple[str, str]] = Counter()
        self.launches = 0

    def clear(self) -> None:
        """Begin to count anew."""
        self.waits.clear()
        self.copies.clear()
        self.launches = 0


def line() -> str:
    """The innermost line of isoloss that is being carried out; else that of who uses PyTorch."""
    frame, user = sys._getframe(1), ""
    while frame is not None:
        name = frame.f_code.co_filename
        if OURS in name:
            return f"{name.split(OURS)[1]}:{frame.f_lineno}"
        own = name.startswith((HERE, TORCH)) and not Path(name).name.startswith("test_")
        if not user and not own and not name.startswith("<"):
            user = f"{Path(name).name}:{frame.f_lineno}"
        frame = frame.f_back
    return user
