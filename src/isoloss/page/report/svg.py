"""A plot as SVG: what is drawn, and for whom does not see it, what it says."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from isoloss.figures.robustness.reference_lines import stacked
from isoloss.naming import drawable_line
from isoloss.page.frame import escaped
from isoloss.page.report.plot import Line, Pen, Plot, Point, Reference
from isoloss.shortening import shortened

WIDTH, HEIGHT = 560.0, 372.0
LEFT, RIGHT, TOP, BOTTOM = 74.0, 18.0, 36.0, 56.0
"""Around what is between the axes, in units of the drawing, in which text is 14 high."""
UNIT = 1.15
"""Width of a thin line."""
LETTER = 8.6
"""About as wide is a letter of tick labels where a page is narrow, and they are larger."""
_NAME, _LONGEST = 12.0, 34
"""Height of the names of published results, and the letters that there is room for."""
_MARKS = {
    "o": "M-1 0A1 1 0 1 1 1 0A1 1 0 1 1 -1 0Z",
    "s": "M-.9-.9H.9V.9H-.9Z",
    "D": "M0-1.2 1.2 0 0 1.2-1.2 0Z",
    "^": "M0-1.1 1.1.8-1.1.8Z",
    "v": "M0 1.1 1.1-.8-1.1-.8Z",
    "P": "M-.4-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z",
    "X": "M-1-.5-.5-1 0-.5.5-1 1-.5.5 0 1 .5.5 1 0 .5-.5 1-1 .5-.5 0Z",
    "h": "M0-1.1.95-.55V.55L0 1.1-.95.55V-.55Z",
}
"""Outlines of marks of radius 1, by matplotlib's names."""


def svg_of(plot: Plot, name: str) -> str:
    """The plot as an `svg` element.

    Args:
        name: of the element; one of a kind in the page.
    """
    label = escaped(drawable_line(", ".join(filter(None, (plot.y.title, plot.title)))))
    parts = [
        f'<svg class="chart" id="{name}" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" '
        f'role="graphics-document document" aria-labelledby="{name}-title" '
        f'aria-describedby="{name}-desc" data-frame="{LEFT:g} {TOP:g} {WIDTH - RIGHT:g} '
        f'{HEIGHT - BOTTOM:g}"{_span(plot)}>',
        f'<title id="{name}-title">{label}</title>',
        f'<desc id="{name}-desc">{escaped(drawable_line(plot.description))}</desc>',
        *_axes(plot),
        *_references(plot),
        *(part for k, line in enumerate(plot.distinct()) for part in _line(plot, line, k == 0)),
        '<line class="across" hidden=""/><circle class="ring" r="9" hidden=""/>',
        "</svg>",
    ]
    return "".join(parts)


def sample(pen: Pen) -> str:
    """A short piece of a curve, as a legend has it."""
    mark = _mark(pen, 22, 8) if pen.mark else ""
    return (
        f'<svg class="sample {pen.colour}" viewBox="0 0 44 16" width="44" height="16" '
        f'aria-hidden="true"><path class="stroke" d="M2 8H42"{_stroke(pen)}/>{mark}</svg>'
    )


def _x(plot: Plot, value: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * plot.x.place(value)


def _y(plot: Plot, value: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * plot.y.place(value)


def _span(plot: Plot) -> str:
    """The values at the ends of the axis across, where a script can tell what lies between."""
    if plot.x.span is None:
        return ""
    return f' data-radii="{plot.x.span[0]:.6g} {plot.x.span[1]:.6g}"'


def _axes(plot: Plot) -> Iterator[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    yield '<g class="axes" aria-hidden="true">'
    for tick in plot.y.ticks:
        y = _y(plot, tick.value)
        yield f'<path class="grid" d="M{LEFT:g} {y:.1f}H{right:g}"/>'
        yield _text(tick.label, LEFT - 8, y + 5, "end")
    yield f'<path class="edge" d="M{LEFT:g} {TOP:g}V{bottom:g}H{right:g}"/>'
    for tick in plot.x.ticks:
        x = _x(plot, tick.value)
        yield f'<path class="edge" d="M{x:.1f} {bottom:g}v5"/>'
        if tick.label:
            yield _text(tick.label, x, bottom + 22, "middle")
    middle = (LEFT + right) / 2
    yield _text(plot.x.title, middle, HEIGHT - 9, "middle name")
    yield _text(plot.y.title, 8, 18, "name")
    for rule in plot.rules:
        colour = f" {rule.colour}" if rule.colour else ""
        if rule.is_upright:
            x = _x(plot, rule.value)
            yield f'<path class="rule{colour}" d="M{x:.1f} {TOP:g}V{bottom:g}"/>'
            anchor = "end" if x > right - 40 else "start" if x < LEFT + 20 else "middle"
            yield _text(rule.label, x, TOP - 6, f"rule {anchor}{colour}")
        else:
            y = _y(plot, rule.value)
            yield f'<path class="rule{colour}" d="M{LEFT:g} {y:.1f}H{right:g}"/>'
            yield _text(rule.label, LEFT + 5, y - 4, f"rule{colour}")
    yield "</g>"


def _text(text: str, x: float, y: float, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escaped(drawable_line(text))}</text>'


def _references(plot: Plot) -> Iterator[str]:
    seen: list[tuple[Reference, list[Point]]] = []
    for each in plot.references:
        points = [p for p in each.points if -0.001 <= plot.x.place(p.x) <= 1.001]
        if points:
            seen.append((each, points))
    seen.sort(key=lambda one: -one[1][-1].y)
    heights = stacked([_y(plot, points[-1].y) for _, points in seen], _NAME)
    for (each, points), height in zip(seen, heights, strict=True):
        places = [(_x(plot, p.x), _y(plot, p.y)) for p in points]
        yield '<g class="reference">'
        yield f'<path d="{_path(places)}"/>'
        x = places[-1][0]
        is_at_right = x < (LEFT + WIDTH - RIGHT) / 2
        side, at = ("start", x + 7) if is_at_right else ("end", x - 7)
        name = shortened(each.name, lambda part: len(part) <= _LONGEST)
        yield _text(name, at, height + 4, side)
        for point, place in zip(points, places, strict=True):
            yield _point(point, place, each.name, "")
        yield "</g>"


def _line(plot: Plot, line: Line, is_first: bool) -> Iterator[str]:
    pen, shift = line.pen, line.shift * UNIT
    places = [(_x(plot, p.x) + shift, _y(plot, p.y)) for p in line.points]
    name = drawable_line(line.name)
    kind = "series thick" if pen.width > 3 else "series"
    yield f'<g class="{kind} {pen.colour}" role="group" aria-label="{escaped(name)}"{_steps(line)}>'
    for xs, ys in line.faint:
        ways = zip(xs.tolist(), ys.tolist(), strict=True)
        way = _path((_x(plot, x) + shift, _y(plot, y)) for x, y in ways)
        yield f'<path class="stroke faint" d="{way}" stroke-width="{0.9 * UNIT:.2f}"/>'
    if line.has_band:
        yield f'<path class="band" d="{_band(plot, line.points)}"/>'
    if line.steps is not None:
        radii, shares = (values.tolist() for values in line.steps)
        yield f'<path class="stroke" d="{_stairs(plot, radii, shares)}"{_stroke(pen)}/>'
    elif line.joined:
        yield f'<path class="stroke" d="{_path(places)}"{_stroke(pen)}/>'
    if line.has_bars:
        yield f'<path class="whisker" d="{_whiskers(plot, line.points, shift)}"/>'
    for k, (point, place) in enumerate(zip(line.points, places, strict=True)):
        if math.isfinite(place[1]):
            mark = _mark(pen, 0, 0) if pen.mark else ""
            yield _point(point, place, name, mark, line.about, stops=is_first and k == 0)
    if line.sign and places:
        yield from _sign(line.sign, [p for p in places if p[0] <= WIDTH - RIGHT] or places)
    yield "</g>"


def _point(
    point: Point,
    place: tuple[float, float],
    name: str,
    mark: str,
    about: Sequence[str] = (),
    *,
    stops: bool = False,
) -> str:
    """What can be pointed at, and stepped to by keys; `stops` where a page's own order stops."""
    heard = ", ".join(f"{fact} {value}" for fact, value in point.facts)
    label = escaped(drawable_line(" ".join([f"{name}: {heard}.", *about])))
    told = json.dumps([name, point.facts, about], ensure_ascii=False, separators=(",", ":"))
    return (
        f'<g class="point" role="graphics-symbol img" tabindex="{0 if stops else -1}" '
        f'aria-label="{label}" data-facts="{escaped(told)}" '
        f'transform="translate({place[0]:.1f} {place[1]:.1f})"><circle class="target" r="10"/>'
        f"{mark}</g>"
    )


def _sign(sign: str, places: Sequence[tuple[float, float]]) -> Iterator[str]:
    """The numbers of warnings above the last point."""
    x, y = places[-1]
    half = 4 + 3.7 * len(sign)
    x, y = min(x, WIDTH - half - 1), max(y - 19, 9.0)
    yield (
        f'<g class="sign" aria-hidden="true"><rect x="{x - half:.1f}" y="{y - 9:.1f}" rx="9" '
        f'width="{2 * half:.1f}" height="18"/><text class="middle" x="{x:.1f}" y="{y + 4.5:.1f}">'
        f"{escaped(sign)}</text></g>"
    )


def _steps(line: Line) -> str:
    """The share at every radius, for whoever points between points."""
    if line.steps is None:
        return ""
    pairs = zip(*(values.tolist() for values in line.steps), strict=True)
    return ' data-steps="' + " ".join(f"{radius:.6g},{share:.6g}" for radius, share in pairs) + '"'


def _path(places: Iterable[tuple[float, float]]) -> str:
    """Through all of them, broken where one is missing."""
    said, is_down = [], False
    for x, y in places:
        if not (math.isfinite(x) and math.isfinite(y)):
            is_down = False
            continue
        said.append(f"{'L' if is_down else 'M'}{x:.1f} {y:.1f}")
        is_down = True
    return "".join(said)


def _stairs(plot: Plot, radii: Sequence[float], shares: Sequence[float]) -> str:
    """From each radius to the next at one height, and to the axis' end."""
    said = [f"M{_x(plot, radii[0]):.1f} {_y(plot, shares[0]):.1f}"]
    for (_, before), (radius, share) in pairwise(zip(radii, shares, strict=True)):
        if before != share:
            said.append(f"H{_x(plot, radius):.1f}V{_y(plot, share):.1f}")
    return "".join([*said, f"H{WIDTH - RIGHT:g}"])


def _whiskers(plot: Plot, points: Sequence[Point], shift: float) -> str:
    said, cap = [], 1.9 * UNIT
    for point in points:
        if point.has_interval:
            x, low, high = _x(plot, point.x) + shift, _y(plot, point.low), _y(plot, point.high)
            said.append(
                f"M{x - cap:.1f} {low:.1f}h{2 * cap:.1f}M{x - cap:.1f} {high:.1f}h{2 * cap:.1f}"
                f"M{x:.1f} {low:.1f}V{high:.1f}"
            )
    return "".join(said)


def _band(plot: Plot, points: Sequence[Point]) -> str:
    there = [p for p in points if math.isfinite(p.low) and math.isfinite(p.high)]
    above = [(_x(plot, p.x), _y(plot, p.high)) for p in there]
    below = [(_x(plot, p.x), _y(plot, p.low)) for p in reversed(there)]
    return f"{_path([*above, *below])}Z" if there else ""


def _stroke(pen: Pen) -> str:
    dashes = " ".join(f"{part * pen.width * UNIT:.1f}" for part in pen.dashes)
    return f' stroke-width="{pen.width * UNIT:.2f}"' + (
        f' stroke-dasharray="{dashes}"' if dashes else ""
    )


def _mark(pen: Pen, x: float, y: float) -> str:
    radius = pen.size * UNIT * 1.15 / 2
    kind = "mark hollow" if pen.hollow else "mark"
    return (
        f'<path class="{kind}" transform="translate({x:g} {y:g}) scale({radius:.2f})" '
        f'stroke-width="{1.1 * UNIT / radius:.2f}" d="{_MARKS.get(pen.mark, _MARKS["o"])}"/>'
    )
