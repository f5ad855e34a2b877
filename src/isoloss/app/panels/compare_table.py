"""The table of the compare panel: in what runs differ and what they came to; it is the legend."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui

from isoloss.app.panels.plots.compare_plot import look_in_window
from isoloss.app.panels.plots.curve_strokes import Stroke, draw_sample
from isoloss.app.state.runs.run_comparison import RunComparison
from isoloss.app.ui.style import palette, vec
from isoloss.app.ui.widgets import em, hint
from isoloss.naming import drawable_line, printable

_SWATCH = 2.1
"""em, that the line before a run's name takes."""
_WIDEST = 15.0


class CompareTable:
    """A row for each run: a click draws it or no longer.

    Attributes:
        order: the runs as they are sorted.
        pointed: the place of the run that the cursor points at.
    """

    def __init__(self) -> None:
        self.order: list[int] = []
        self.pointed: int | None = None
        self._sort, self._reverse = -1, False
        self._key: object = None

    @property
    def is_sorted(self) -> bool:
        """Whether it is in an order of its own."""
        return self._sort >= 0

    @staticmethod
    def height(runs: int) -> float:
        """Of the whole table with a row for each of so many runs, in pixels."""
        row = imgui.get_text_line_height() + 2 * imgui.get_style().cell_padding.y
        return row * (1 + runs) + imgui.get_style().scrollbar_size + em(0.3)

    def draw(self, comparison: RunComparison, size: ImVec2) -> None:
        """Draw it, and find what is pointed at."""
        self.pointed = None
        table = comparison.shown.comparison.table
        names = [column.name for column in table.columns]
        flags = (
            imgui.TableFlags_.scroll_y
            | imgui.TableFlags_.scroll_x
            | imgui.TableFlags_.row_bg
            | imgui.TableFlags_.resizable
            | imgui.TableFlags_.reorderable
            | imgui.TableFlags_.hideable
            | imgui.TableFlags_.sortable
            | imgui.TableFlags_.sort_tristate
            | imgui.TableFlags_.sizing_fixed_fit
        )
        if not imgui.begin_table(
            f"differences##{' '.join(names)}", 1 + len(names), int(flags), size
        ):
            return
        imgui.table_setup_scroll_freeze(1, 1)
        no_hide = int(imgui.TableColumnFlags_.no_hide)
        imgui.table_setup_column("Run", no_hide, self._width(["Run", *table.names]) + em(_SWATCH))
        for column in table.columns:
            largest = int(imgui.TableColumnFlags_.prefer_sort_descending) if column.is_figure else 0
            width = self._width([column.title + "  ", *(cell.text for cell in column.cells)])
            imgui.table_setup_column(f"{column.title}###{column.name}", largest, width)
        imgui.table_headers_row()
        self._put_in_order(comparison)
        clipper = imgui.ListClipper()
        clipper.begin(len(self.order))
        while clipper.step():
            for k in range(clipper.display_start, clipper.display_end):
                self._row(comparison, self.order[k])
        imgui.end_table()

    @staticmethod
    def _width(texts: list[str]) -> float:
        longest = max(texts, key=len)
        return min(imgui.calc_text_size(printable(longest)).x + em(0.6), em(_WIDEST))

    def _put_in_order(self, comparison: RunComparison) -> None:
        specs = imgui.table_get_sort_specs()
        if specs is not None and specs.specs_dirty:
            self._sort = -1
            if specs.specs_count:
                first = specs.get_specs(0)
                self._sort = first.column_index
                self._reverse = first.get_sort_direction() == imgui.SortDirection.descending
            specs.specs_dirty = False
        table = comparison.shown.comparison.table
        key = (id(table), self._sort, self._reverse)
        if key != self._key:
            self._key = key
            in_order = table.order(max(self._sort, 0), reverse=self._reverse)
            self.order = in_order if self.is_sorted else [*range(len(table.names))]

    def _row(self, comparison: RunComparison, k: int) -> None:
        shown, p = comparison.shown, palette()
        entry, table = shown.comparison.entries[k], shown.comparison.table
        on = comparison.is_drawn(k)
        imgui.push_id(printable(entry.folder))
        imgui.table_next_row()
        imgui.table_set_column_index(0)
        at = imgui.get_cursor_screen_pos()
        flags = imgui.SelectableFlags_.span_all_columns | imgui.SelectableFlags_.allow_overlap
        lit = comparison.lit == k
        if imgui.selectable("###run", lit, int(flags))[0]:
            comparison.toggle(entry)
        if imgui.is_item_hovered():
            self.pointed = k
        hint("Draw it no longer" if on else "Draw it")
        if imgui.begin_popup_context_item("menu"):
            self._menu(comparison, k)
            imgui.end_popup()
        imgui.same_line(0, 0)
        look = look_in_window(shown.places[k])
        middle = at.y + imgui.get_text_line_height() / 2
        draw_sample(at.x + em(0.1), middle, Stroke(look.color, look.mark), 1.0 if on else 0.25)
        imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + em(_SWATCH))
        imgui.push_style_color(imgui.Col_.text, vec(p.text if on else p.muted))
        imgui.text_unformatted(drawable_line(table.names[k]))
        for index, column in enumerate(table.columns):
            if imgui.table_set_column_index(index + 1):
                imgui.text_unformatted(drawable_line(column.cells[k].text))
        imgui.pop_style_color()
        imgui.pop_id()

    def _menu(self, comparison: RunComparison, k: int) -> None:
        entry = comparison.shown.comparison.entries[k]
        if imgui.menu_item("Draw it alone###alone", "", False)[0]:
            comparison.show_alone(entry)
        if imgui.menu_item("Draw all###all", "", False, bool(comparison.hidden))[0]:
            comparison.hidden.clear()
        if imgui.menu_item("Copy the table###copy", "", False)[0]:
            self.copy(comparison)

    def copy(self, comparison: RunComparison) -> None:
        """Put the table into the clipboard, as it is sorted: columns are divided by tabs, as
        spreadsheets take them."""
        lines = comparison.shown.comparison.table.lines(self.order)
        imgui.set_clipboard_text("\n".join("\t".join(map(drawable_line, line)) for line in lines))
