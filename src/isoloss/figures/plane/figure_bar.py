"""The scalar bar of a figure: the colours, what they mean, and what lies beyond their ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from isoloss.figures.paper import Print
from isoloss.figures.plane.remarks import BEYOND
from isoloss.figures.plane.subplot import STEPS, Subplot
from isoloss.figures.sheet import Sheet
from isoloss.geometry.height import clamped
from isoloss.naming import in_one_line
from isoloss.scene.levels import own_height
from isoloss.scene.texturing import class_positions, end_lines, field_values, quantity
from isoloss.scene.theme import Theme
from isoloss.shortening import without_middle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CAP = 1.0
"""How far the arrow at an end reaches out, in em."""
MOST_READ = 8
"""Numbers beside it."""
LONGEST = 22
"""Letters of a class's name beside it."""
LINE = 1.25
"""Em from one line of the title to the next."""


@dataclass(frozen=True)
class Reading:
    """How the bar of a subplot is read.

    Attributes:
        ticks: (position in [0, 1], label).
        above, below: what is written beside the arrows at its ends; "" where nothing lies beyond.
        titles: the quantity, and in a few signs what it is; from the top.
        classes: whose names `ticks` are, where colours mean classes; beside any further tick is
            nothing but how many more there are.
    """

    ticks: list[tuple[float, str]]
    above: str
    below: str
    titles: list[str]
    classes: tuple[int, ...] = ()

    @classmethod
    def of(cls, subplot: Subplot, print_: Print, count: int = MOST_READ) -> Reading:
        """In the spacing of the heights where the colours show them, else in their own; at the
        edges of areas that have one colour each."""
        colors, scale = subplot.colors, subplot.frame.scale
        titles = [colors.title, colors.detail] if colors.detail else [colors.title]
        if subplot.field is not None and subplot.scene.appearance.contours:
            titles.append(f"lines: {quantity([subplot.layer])}")
        if colors.classes:
            return cls._of_classes(subplot, titles, count)
        if subplot.field is not None:
            above = colors.end(">") if colors.above else ""
            below = colors.end("<") if colors.below else ""
            return cls(colors.ticks(count), above, below, titles)
        above = clamped(scale, ">") if (subplot.mesh.clamped > 0).any() else ""
        below = clamped(scale, "<") if (subplot.mesh.clamped < 0).any() else ""
        if print_.fill:
            ticks = subplot.read_at(count)
        else:
            ticks = [(float(scale.apply(t.value)), t.label) for t in scale.ticks(count)]
        return cls(ticks, above, below, titles)

    @classmethod
    def _of_classes(cls, subplot: Subplot, titles: list[str], count: int) -> Reading:
        """So many lines from the top; where that is too few, of the classes seen most."""
        named = dict(subplot.colors.classes)
        seen = field_values(subplot.layer, subplot.scene.appearance.texture)
        shares = {number: np.count_nonzero(seen == number) for number in named}
        if len(named) > count:
            most = sorted(named, key=lambda number: -shares[number])[: count - 1]
            named = {number: name for number, name in named.items() if number in most}
        names = [in_one_line(name) for name in named.values()]
        names = [without_middle(name, lambda part: len(part) <= LONGEST) for name in names]
        if more := len(shares) - len(names):
            names.append(f"{more:,} more")
        ticks = [(1 - (k + 0.5) / count, name) for k, name in enumerate(names)]
        return cls(ticks, "", "", titles, tuple(named))

    @property
    def head(self) -> float:
        """How much room it needs above the plot, in em."""
        return _over(self.above) + LINE * len(self.titles) + 0.3

    def breadth(self, measure: Callable[[str], float], em: float) -> float:
        """How much room it needs beside the plot, in points; `measure` says how wide texts are."""
        ends = [line for end in (self.above, self.below) for line in end_lines(end)]
        numbers = [measure(text) for text in [*(label for _, label in self.ticks), *ends]]
        titles = [measure(title) for title in self.titles]
        return max(5.2 * em, 3.1 * em + max(numbers, default=0.0), 1.3 * em + max(titles))


def draw_bar(
    axes: Axes, subplot: Subplot, sheet: Sheet, theme: Theme, print_: Print, reading: Reading
) -> None:
    """Draw it into `axes`, whose place is final."""
    em, appearance = sheet.em, subplot.scene.drawn_appearance
    if reading.classes:
        _draw_classes(axes, subplot, sheet, reading)
        edges, shades = np.empty(0), np.empty((0, 4))
    elif subplot.field is None and print_.fill:
        edges, shades = np.concatenate([[0.0], subplot.levels, [1.0]]), subplot.shades
    else:
        edges = np.linspace(0, 1, STEPS + 1)
        middles = (edges[1:] + edges[:-1]) / 2
        if subplot.field is None:
            middles = subplot.colors.scale.apply(subplot.frame.scale.invert(middles))
        shades = subplot.tones(middles)
    for lo, hi, shade in zip(edges[:-1], edges[1:], shades, strict=True):
        axes.axhspan(lo, hi, color=tuple(shade), lw=0.5 * sheet.unit)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xticks([])
    _draw_ends(axes, subplot, reading, sheet, theme)
    near = 0.8 * em / (axes.get_position().height * _height(axes))
    ticks = [
        (at, label)
        for at, label in reading.ticks
        if at < 1 - near * bool(reading.above) and at > near * bool(reading.below)
    ]
    axes.set_yticks([at for at, _ in ticks], [label for _, label in ticks])
    has_scale = not reading.classes
    axes.tick_params(axis="y", left=False, right=has_scale, labelleft=False, labelright=True)
    axes.tick_params(axis="y", pad=0.3 * em)
    own = own_height(appearance, subplot.frame)
    if own is not None and subplot.field is None:
        axes.axhline(own, color=theme.ink, lw=1.5 * sheet.unit)
    over = _over(reading.above)
    for k, title in enumerate(reversed(reading.titles)):
        is_quantity = k == len(reading.titles) - 1
        axes.annotate(
            title, (0, 1), xycoords="axes fraction",
            xytext=(0, (over + LINE * k) * em), textcoords="offset points",
            ha="left", va="bottom", color=theme.ink if is_quantity else theme.quiet_ink,
            fontsize=(1.0 if is_quantity else 0.9) * em,
        )  # fmt: skip


def _draw_classes(axes: Axes, subplot: Subplot, sheet: Sheet, reading: Reading) -> None:
    """A square of its colour before each name."""
    half = 0.5 * sheet.em / (axes.get_position().height * _height(axes))
    tones = subplot.tones(class_positions(reading.classes))
    for (at, _), tone in zip(reading.ticks, tones, strict=False):
        axes.axhspan(at - half, at + half, color=tuple(tone), lw=0)
    axes.patch.set_visible(False)
    axes.spines[:].set_visible(False)


def _draw_ends(axes: Axes, subplot: Subplot, reading: Reading, sheet: Sheet, theme: Theme) -> None:
    """Arrows that go on in the direction of the scale, hatched where the plot is."""
    from matplotlib.patches import Polygon

    reach = CAP * sheet.em / (axes.get_position().height * _height(axes))
    for text, end, out in ((reading.above, 1.0, reach), (reading.below, 0.0, -reach)):
        if not text:
            continue
        corners = [(0.0, end), (1.0, end), (0.5, end + out)]
        ground = tuple(subplot.tones(np.array(end)))
        hatch = None if subplot.field is not None else BEYOND
        axes.add_patch(
            Polygon(corners, facecolor=ground, hatch=hatch, clip_on=False, lw=0, gid="beyond",
                    edgecolor=(*theme.clamped[:3], 0.75))
        )  # fmt: skip
        axes.add_patch(
            Polygon(corners, fill=False, clip_on=False, lw=sheet.unit, edgecolor=theme.box)
        )
        axes.annotate(
            "\n".join(end_lines(text)), (1, end), textcoords="offset points",
            xytext=(0.65 * sheet.em, -0.1 * math.copysign(sheet.em, out)), ha="left",
            va="bottom" if out > 0 else "top", linespacing=1.1, color=theme.quiet_ink,
            annotation_clip=False,
        )  # fmt: skip


def _over(above: str) -> float:
    """How far above the bar its title stands, in em."""
    return 0.55 + (max(CAP, 1.2 * len(end_lines(above)) - 0.4) if above else 0.0)


def _height(axes: Axes) -> float:
    """Of the whole figure, in points."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure.get_size_inches()[1] * 72
