"""What a chart shows, as plain values in words and numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from isoloss.geometry.arrays import Array
from isoloss.geometry.ticks import Tick
from isoloss.results.certificates import Steps

Facts = Sequence[tuple[str, str]]
"""(name, value) of what there is to say."""


@dataclass(frozen=True)
class Pen:
    """How a curve is drawn.

    Attributes:
        colour: a class of `Colours`.
        mark: as matplotlib calls it; "" for none.
        size: of the mark, `width` of the line, in the width of a thin line.
        dashes: lengths of strokes and gaps in widths of the line; () for a whole line.
        hollow: whether marks are.
    """

    colour: str
    mark: str = ""
    size: float = 5.0
    width: float = 1.7
    dashes: tuple[float, ...] = ()
    hollow: bool = False


@dataclass(frozen=True)
class Axis:
    """One of the two axes.

    Attributes:
        place: where a value lies along it, 0 and 1 being its ends.
        span: the values at its ends, where it is divided evenly.
    """

    title: str
    ticks: tuple[Tick, ...]
    place: Callable[[float], float]
    span: tuple[float, float] | None = None

    @classmethod
    def even(cls, title: str, ticks: Sequence[Tick], first: float, last: float) -> Axis:
        """One that is divided evenly."""
        length = last - first
        return cls(title, tuple(ticks), lambda value: (value - first) / length, (first, last))


@dataclass(frozen=True)
class Point:
    """One value.

    Attributes:
        across: the value on the axis across, as it is written.
        low, high: the ends of its interval; NaN where it has none.
        text: as it stands in a table.
        facts: all there is to say of it.
    """

    x: float
    y: float
    across: str
    text: str
    facts: Facts
    low: float = math.nan
    high: float = math.nan

    @property
    def has_interval(self) -> bool:
        """Whether there is one to be drawn."""
        return self.low < self.high


@dataclass(frozen=True)
class Line:
    """Points that belong together.

    Attributes:
        joined: whether a line goes through them.
        faint: (x, y) of what is drawn behind them in the same colour: seeds, what was smoothed.
        steps: of certificates that are known image by image, the share at every radius.
        has_bars: whether intervals are drawn point by point; `has_band` as an area.
        shift: to the right, in widths of a thin line, so that what lies on each other is seen.
        sign: numbers of the warnings that concern it; "" for none.
        about: what is said of it besides.
    """

    name: str
    pen: Pen
    points: tuple[Point, ...]
    joined: bool = True
    faint: tuple[tuple[Array, Array], ...] = ()
    steps: Steps | None = None
    has_bars: bool = True
    has_band: bool = False
    shift: float = 0.0
    sign: str = ""
    about: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A dotted line across a chart, at a value of one axis."""

    value: float
    label: str
    is_upright: bool
    colour: str = ""


@dataclass(frozen=True)
class Reference:
    """What others have published, drawn thin and grey."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Plot:
    """A chart.

    Attributes:
        title: "" where there is nothing to tell it from.
        sign: numbers of the warnings about all of it.
    """

    title: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    rules: tuple[Rule, ...] = ()
    references: tuple[Reference, ...] = ()
    sign: str = ""

    @property
    def description(self) -> str:
        """What is to be seen, in a few sentences."""
        said = [f"{self.y.title} against {self.x.title}."]
        for line in self.lines:
            ends = [f"{p.text} at {p.across}" for p in (line.points[:1] + line.points[1:][-1:])]
            said.append(f"{line.name}: {', '.join(ends)}.")
        said += [f"{rule.label}: a dotted line." for rule in self.rules if rule.label]
        if self.references:
            said.append(f"{len(self.references)} published results lie behind, in grey.")
        return " ".join(said)

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows with all that its lines hold: a row for each value across."""
        places = dict.fromkeys(
            point.across
            for point in sorted((p for line in self.lines for p in line.points), key=_across)
        )
        columns = [{p.across: p.text for p in line.points} for line in self.lines]
        header = [self.x.title, *(line.name for line in self.lines)]
        return header, [[at, *(column.get(at, "") for column in columns)] for at in places]

    def distinct(self) -> Iterator[Line]:
        """Its lines, those that lie behind others first."""
        yield from sorted(self.lines, key=lambda line: -line.pen.width)


def _across(point: Point) -> float:
    return point.x


@dataclass(frozen=True)
class Charts:
    """Plots that share a legend.

    Attributes:
        legend: (name, pen) of what is told apart in all of them.
        note: how they are to be read.
    """

    title: str
    plots: tuple[Plot, ...]
    legend: tuple[tuple[str, Pen], ...]
    note: str = ""
