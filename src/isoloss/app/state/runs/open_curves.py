"""The curves that are open: state behind the curve panel, beside the 3-D scene."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from isoloss.geometry.analysis.curve import Curve, curve_of
from isoloss.geometry.surface import Surface


@dataclass(eq=False)
class OpenCurve:
    """A curve as the window shows it.

    Attributes:
        surface: of shape (A, 1).
        log: whether its loss axis is logarithmic; None lets the range decide.
        version: grows with the data, so that the plot knows when to fit its axes anew.
    """

    name: str
    surface: Surface
    source: Path | None = None
    log: bool | None = None
    version: int = 0
    _worked_out: tuple[int, Curve] | None = None

    @property
    def curve(self) -> Curve:
        """What is to be plotted, worked out once for each state of the data."""
        if self._worked_out is None or self._worked_out[0] != self.version:
            self._worked_out = (self.version, curve_of(self.surface))
        return self._worked_out[1]

    @property
    def is_log(self) -> bool:
        """Whether the loss axis is logarithmic now."""
        spans_decades = self.curve.scale.kind == "log"
        return spans_decades if self.log is None else self.log and spans_decades

    def become(self, surface: Surface) -> None:
        """Take new data over."""
        self.surface = surface
        self.version += 1


class Curves:
    """Which curves are open, and which of them is shown."""

    def __init__(self) -> None:
        self.open: list[OpenCurve] = []
        self.shown: OpenCurve | None = None

    def show(self, curve: OpenCurve) -> None:
        """Bring a curve to the front, opening it if need be."""
        if not any(c is curve for c in self.open):
            self.open.append(curve)
        self.shown = curve

    def close(self, curve: OpenCurve) -> None:
        """Close a curve; its file stays."""
        self.open = [c for c in self.open if c is not curve]
        if self.shown is curve:
            self.shown = self.open[-1] if self.open else None

    def of(self, path: Path) -> OpenCurve | None:
        """The open curve that was read from `path`."""
        return next((c for c in self.open if c.source == path), None)
