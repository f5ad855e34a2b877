"""Sets of runs in the compare panel: a table of means, and sentences on whether they differ."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui

from isoloss.app.ui.style import palette
from isoloss.app.ui.widgets import em, wrapped
from isoloss.library.comparison.sets import RunSets
from isoloss.naming import drawable_line, printable

_WIDEST = 22.0
_FLAGS = int(
    imgui.TableFlags_.borders_inner_h
    | imgui.TableFlags_.row_bg
    | imgui.TableFlags_.resizable
    | imgui.TableFlags_.scroll_x
    | imgui.TableFlags_.sizing_fixed_fit
)


def draw_sets(found: RunSets) -> None:
    """Draw what sets come to, and below it what there is to say of them."""
    header, *lines = found.lines()
    if lines:
        row = imgui.get_text_line_height() + 2 * imgui.get_style().cell_padding.y
        height = row * (1 + len(lines)) + imgui.get_style().scrollbar_size
        if imgui.begin_table("sets", len(header), _FLAGS, ImVec2(0, height)):
            for column in zip(header, *lines, strict=True):
                longest = max(imgui.calc_text_size(printable(text)).x for text in column)
                width = min(longest + em(0.6), em(_WIDEST))
                imgui.table_setup_column(column[0], int(imgui.TableColumnFlags_.width_fixed), width)
            imgui.table_headers_row()
            for line in lines:
                imgui.table_next_row()
                for text in line:
                    imgui.table_next_column()
                    imgui.text_unformatted(drawable_line(text))
            imgui.end_table()
        imgui.spacing()
    for sentence in map(str, found.differences):
        wrapped(drawable_line(sentence))
    for remark in found.remarks:
        wrapped(drawable_line(remark), palette().muted)


def copied_sets(found: RunSets) -> str:
    """The table and the sentences as text: columns are divided by tabs."""
    lines = ["\t".join(map(drawable_line, line)) for line in found.lines()]
    return "\n".join([*lines, "", *map(drawable_line, found.said)])
