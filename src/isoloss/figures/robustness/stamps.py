"""Warnings on figures: a small numbered sign at what they concern, and the sentences below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from isoloss.figures.robustness.run_results import RunResults, is_general
from isoloss.figures.robustness.series import Group, Series
from isoloss.figures.sheet import Sheet
from isoloss.geometry.arrays import Array
from isoloss.naming import sentence
from isoloss.results.tables import EvaluationWarning
from isoloss.scene.theme import Color, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DIRECTIONS = [np.deg2rad(d) for d in (90, -90, 45, 135, -45, -135, 0, 180)]


@dataclass(frozen=True)
class Stamps:
    """The warnings that concern what a figure shows, numbered from 1 in the order of the report."""

    messages: tuple[str, ...]

    @classmethod
    def of(cls, series: Sequence[Series], runs: Iterable[RunResults]) -> Stamps:
        """Those that concern at least one of the curves."""
        drawn = {warning for each in series for warning in each.warnings}
        return cls.of_warnings(d for run in runs for d in run.warnings if d in drawn)

    @classmethod
    def of_warnings(cls, warnings: Iterable[EvaluationWarning]) -> Stamps:
        """Each sentence once."""
        return cls(tuple(dict.fromkeys(warning.message for warning in warnings)))

    @property
    def sentences(self) -> list[tuple[str, str]]:
        """(number, sentence) of each."""
        return [(str(k), sentence(text)) for k, text in enumerate(self.messages, 1)]

    def sign(self, warnings: Iterable[EvaluationWarning]) -> str:
        """The numbers of some: "1" or "1, 3"; "" of none."""
        numbers = {self.messages.index(warning.message) + 1 for warning in warnings}
        return ", ".join(map(str, sorted(numbers)))

    def of_all(self, group: Group) -> str:
        """The sign of a panel: of what is about a whole run, or concerns all of several curves."""
        return self.sign(d for s in group.series for d in s.warnings if _is_of_all(d, group))

    def of_one(self, series: Series, group: Group) -> str:
        """The sign of a curve: of what does not concern its whole panel."""
        return self.sign(d for d in series.warnings if not _is_of_all(d, group))


def _is_of_all(warning: EvaluationWarning, group: Group) -> bool:
    several = len(group.series) > 1
    return is_general(warning) or (several and all(warning in s.warnings for s in group.series))


def badge(number: str, size: float, ring: Color, theme: Theme, unit: float) -> dict[str, Any]:
    """How the sign looks: the colour of warnings, in a ring of the curve's colour."""
    return {
        "fontsize": size,
        "color": theme.clamped,
        "ha": "center",
        "va": "center",
        "zorder": 30,
        "bbox": {
            "boxstyle": "circle,pad=0.2" if len(number) < 2 else "round,pad=0.25,rounding_size=0.8",
            "facecolor": theme.path_casing,
            "edgecolor": ring,
            "linewidth": 1.4 * unit,
        },
    }


class SignPlacer:
    """Finds room for signs beside the curves of one plot, whose limits and place are final."""

    def __init__(
        self, axes: Axes, sheet: Sheet, theme: Theme, curves: Sequence[Array], bars: Sequence[Array]
    ) -> None:
        """`curves` and `bars`: (N, 2) points of each in data coordinates."""
        self._axes, self._sheet, self._theme = axes, sheet, theme
        self._lines = [self._sampled(curve) for curve in curves]
        self._taken = [self._sampled(bar) for bar in bars]

    def put(self, text: str, k: int, color: Color) -> None:
        """The sign `text` beside the k-th curve, as far from the others as can be."""
        em = self._sheet.em
        anchors = self._anchors(k)
        others = [line for j, line in enumerate(self._lines) if j != k]
        far = np.concatenate([*others, *self._taken, np.full((1, 2), 1e6)])
        box = self._axes.get_window_extent()
        width = 0.3 * em * len(text)
        best, place = -np.inf, (anchors[0], np.zeros(2))
        for anchor in anchors:
            for angle in _DIRECTIONS:
                shift = np.array([np.cos(angle) * (0.95 * em + width), np.sin(angle) * 1.15 * em])
                at = anchor + shift
                air = min(self._distance(at, far, width), 2.2 * em)
                own = self._distance(at, self._lines[k], width)
                scale = 72 / self._axes.figure.dpi
                inside = min(
                    at[0] - width - box.x0 * scale, box.x1 * scale - at[0] - width,
                    at[1] - box.y0 * scale, box.y1 * scale - at[1],
                )  # fmt: skip
                score = air + min(own, 0.9 * em) + 4 * min(inside - 0.8 * em, 0.0)
                if score > best + 1e-9:
                    best, place = score, (anchor, shift)
        anchor, shift = place
        self._taken.append((anchor + shift)[None])
        pixels = anchor * self._axes.figure.dpi / 72
        self._axes.annotate(
            text, tuple(self._axes.transData.inverted().transform(pixels)),
            xytext=(float(shift[0]), float(shift[1])), textcoords="offset points", gid="stamp",
            **badge(text, 0.72 * em, color, self._theme, self._sheet.unit),
        )  # fmt: skip

    def _anchors(self, k: int) -> Array:
        """Points along the k-th curve, those near its middle first."""
        line = self._lines[k]
        order = np.argsort(np.abs(np.arange(len(line)) - len(line) / 2), kind="stable")
        return line[order[:: max(len(order) // 24, 1)]]

    def _distance(self, at: Array, points: Array, width: float) -> float:
        """From a sign to the nearest of some points."""
        away = np.abs(points - at)
        away[:, 0] = np.maximum(away[:, 0] - width, 0)
        return float(np.hypot(*away.T).min())

    def _sampled(self, curve: Array) -> Array:
        """(M, 2) places along a curve, in points of the figure, two apart."""
        places = self._axes.transData.transform(curve) * 72 / self._axes.figure.dpi
        pieces = [places[:1]]
        for a, b in pairwise(places):
            count = max(int(np.hypot(*(b - a)) / 2), 1)
            pieces.append(a + (b - a) * np.linspace(0, 1, count + 1)[1:, None])
        return np.concatenate(pieces)
