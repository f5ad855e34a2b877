"""Published results behind the curves of accuracy plots: thin, grey, each with its name where there
is room for it beside its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from imgui_bundle import ImVec2, imgui, implot

from isoloss.app.panels.plots.accuracy_axes import pixel
from isoloss.app.ui.style import palette, u32
from isoloss.app.ui.widgets import em, shortened
from isoloss.results.references import ReferenceLine

OPACITY = 0.55


def draw_references(
    references: Sequence[ReferenceLine], place: Callable[[float], float | None]
) -> None:
    """Draw what can be seen of them, before all curves.

    Args:
        place: where a radius stands on the axis; None beyond its end.
    """
    draw, color = imgui.get_window_draw_list(), u32(palette().muted, OPACITY)
    start, line = implot.get_plot_pos().x, imgui.get_font_size()
    end = start + implot.get_plot_size().x
    taken: list[float] = []
    implot.push_plot_clip_rect()
    for each in sorted(references, key=lambda r: -r.accuracy[-1]):
        seen = [
            pixel(x, 100 * accuracy)
            for eps, accuracy in zip(each.eps, each.accuracy, strict=True)
            if (x := place(eps)) is not None
        ]
        if not seen:
            continue
        draw.add_polyline([ImVec2(*p) for p in seen], color, max(em(0.06), 1.0), 0)
        for point in seen:
            draw.add_circle_filled(ImVec2(*point), em(0.13), color)
        x, y = seen[-1]
        y = room_beside(y, taken, line)
        if y is None:
            continue
        taken.append(y)
        room = end - x - em(0.4), x - em(0.4) - start
        name = shortened(each.name, max(room))
        width = imgui.calc_text_size(name).x
        left = x + em(0.4) if width < room[0] or room[0] >= room[1] else x - em(0.4) - width
        draw.add_text(ImVec2(left, y), u32(palette().muted, 0.85), name)
    implot.pop_plot_clip_rect()


def room_beside(y: float, taken: Sequence[float], line: float) -> float | None:
    """The upper end of a line of text beside `y`, or at most a line below where others have `taken`
    that room; None where they have all of it, for farther off it would seem to be another's."""
    top = y - line / 2
    for _ in range(len(taken) + 1):
        over = [other + line for other in taken if abs(top - other) < line]
        if not over:
            return top
        top = max(over)
        if top > y + line / 2:
            return None
    return None
