"""The runs panel: the library as a table, found by words, sorted by a click on a header."""

from __future__ import annotations

from pathlib import Path

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.menus.run_menu import RunMenu
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.panel import Surroundings
from isoloss.app.ui.style import Color, palette, vec
from isoloss.app.ui.widgets import (
    SORTED_TABLE,
    em,
    hint,
    icon_button,
    muted,
    primary_button,
    shortened,
    wrapped,
)
from isoloss.library.columns import COLUMNS, Column, total_size
from isoloss.library.entry import Entry
from isoloss.naming import capitalized, printable, size_in_words

_WIDTHS = {
    "favourite": 1.4, "name": 14, "kind": 6, "date": 8.5, "network": 6, "data": 5, "state": 5.5,
    "figure": 14, "differs": 14, "size": 5, "tag": 7,
}  # fmt: skip
"""Of the columns at first, in em."""
_EXAMPLE = "Find: words, kind:probe, accuracy>0.9"
_HELP = (
    "Words that occur in name, network, data, tags or note; kind:probe, state:failed, tag:paper, "
    "accuracy>0.9, lr<0.1, size>1GB, date>=2026-11; all must hold"
)


class RunsPanel:
    """Lists the runs of the library, and does what their menu says."""

    def __init__(self, parts: Surroundings) -> None:
        self.workspace: Workspace = parts.workspace
        self.menu = RunMenu(parts)
        self._typed = ""

    def draw(self) -> None:
        """Draw the panel's content."""
        table = self.workspace.table
        self._first_line()
        if table.problem:
            wrapped(capitalized(table.problem), palette().bad)
        if not table.library.entries:
            whole = table.library.is_whole
            wrapped("Runs appear here." if whole else "Looking for runs…", palette().muted)
            return
        self._table()
        self.menu.draw()

    def _first_line(self) -> None:
        """The words, and what they have found."""
        table = self.workspace.table
        shown, known = table.shown, len(table.library.entries)
        found = f"{len(shown):,} of {known:,}" if len(shown) < known else f"{known:,} runs"
        counted = f"{found}, {size_in_words(total_size(shown))}"
        side, room = imgui.get_frame_height(), imgui.get_content_region_avail().x
        wanted = room - imgui.calc_text_size(counted).x - em(1.0) - 2 * side
        imgui.set_next_item_width(max(min(wanted, em(34)), em(8)))
        otherwise = shortened(_EXAMPLE, imgui.calc_item_width() - em(1.1))
        changed, words = imgui.input_text_with_hint("##words", otherwise, table.words)
        if not imgui.is_item_active():  # below it, what is wrong with them is said
            hint(_HELP)
        if changed:
            table.words = words
        imgui.same_line(0, em(0.2))
        imgui.begin_disabled(not table.words)
        if icon_button(fa.ICON_FA_XMARK, "clear", "All runs", color=palette().muted):
            table.words = ""
        imgui.end_disabled()
        imgui.same_line(0, em(0.2))
        tip = "Folders whose runs are listed"
        if icon_button(fa.ICON_FA_FOLDER_PLUS, "folders", tip, color=palette().muted):
            imgui.open_popup("listed folders")
        self._folders()
        imgui.same_line(0, em(0.4))
        imgui.align_text_to_frame_padding()
        muted(counted)

    def _folders(self) -> None:
        """The folders whose runs are listed, and a line to type another."""
        if not imgui.begin_popup("listed folders"):
            return
        workspace = self.workspace
        for folder in list(workspace.runs.library.folders):
            imgui.push_id(printable(folder))
            imgui.begin_disabled(folder == workspace.runs.folder)
            tip = "List its runs no longer"
            if icon_button(fa.ICON_FA_XMARK, "unlist", tip, color=palette().muted):
                workspace.unlist_folder(folder)
            imgui.end_disabled()
            imgui.pop_id()
            imgui.same_line(0, em(0.3))
            imgui.align_text_to_frame_padding()
            imgui.text_unformatted(shortened(printable(folder), em(26), keep_end=True))
            hint(printable(folder))
        imgui.set_next_item_width(em(22))
        entered = int(imgui.InputTextFlags_.enter_returns_true)
        done, self._typed = imgui.input_text_with_hint(
            "##folder", "Another folder", self._typed, entered
        )
        imgui.same_line()
        typed = self._typed.strip()
        wanted = primary_button("List its runs###list") or done
        if wanted and typed and workspace.list_folder(Path(typed)):
            self._typed = ""
        imgui.end_popup()

    def _table(self) -> None:
        if not imgui.begin_table("runs", len(COLUMNS), SORTED_TABLE):
            return
        imgui.table_setup_scroll_freeze(2, 1)
        for column in COLUMNS:
            imgui.table_setup_column(
                column.title or f"{fa.ICON_FA_STAR}###favourite",
                _column_flags(column),
                em(_WIDTHS[column.field]),
            )
        imgui.table_headers_row()
        self._sort()
        shown = self.workspace.table.shown
        clipper = imgui.ListClipper()
        clipper.begin(len(shown))
        while clipper.step():
            for k in range(clipper.display_start, clipper.display_end):
                self._row(shown[k])
        if not shown:
            imgui.table_next_row()
            imgui.table_set_column_index(1)
            muted("No run has all of this")
        imgui.end_table()

    def _sort(self) -> None:
        specs = imgui.table_get_sort_specs()
        if specs is None or not specs.specs_dirty or not specs.specs_count:
            return
        first = specs.get_specs(0)
        descends = first.get_sort_direction() == imgui.SortDirection.descending
        column = COLUMNS[first.column_index]
        # Numbers and dates begin with the largest, which imgui calls descending.
        from_largest = column.is_number or column.field in ("date", "figure", "favourite")
        reverse = descends != from_largest
        self.workspace.table.sort(column.field, reverse=reverse)
        specs.specs_dirty = False

    def _row(self, entry: Entry) -> None:
        table = self.workspace.table
        imgui.push_id(printable(entry.folder))
        imgui.table_next_row()
        imgui.table_set_column_index(1)
        flags = (
            imgui.SelectableFlags_.span_all_columns
            | imgui.SelectableFlags_.allow_double_click
            | imgui.SelectableFlags_.allow_overlap
        )
        pressed, _ = imgui.selectable("###run", entry.folder in table.chosen, int(flags))
        if pressed:
            io = imgui.get_io()
            table.choose(entry, more=io.key_ctrl, to_here=io.key_shift)
            self.workspace.runs.select(entry.folder)
            if imgui.is_mouse_double_clicked(0):
                self.menu.show(entry)
        if imgui.begin_popup_context_item("menu"):
            if entry.folder not in table.chosen:
                table.choose(entry)
            self.menu.items(table.chosen_entries or [entry])
            imgui.end_popup()
        imgui.same_line(0, 0)
        for k, column in enumerate(COLUMNS):
            if imgui.table_set_column_index(k):
                self._cell(column, entry)
        imgui.pop_id()

    def _cell(self, column: Column, entry: Entry) -> None:
        if column.field == "favourite":
            self._star(entry)
            return
        text = printable(column.text(entry)).replace("\n", " ")
        room = imgui.get_content_region_avail().x
        fitting = shortened(text, room)
        if column.is_number:
            left = max(room - imgui.calc_text_size(fitting).x, 0)
            imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + left)
        imgui.text_colored(vec(_color(column, entry)), fitting)
        if fitting != text:
            hint(text)
        elif column.field == "name":
            hint(printable(entry.folder))

    def _star(self, entry: Entry) -> None:
        p = palette()
        color = p.caution if entry.about.favourite else (*p.muted[:3], 0.35)
        imgui.push_style_color(imgui.Col_.text, vec(color))
        imgui.push_style_color(imgui.Col_.button, vec(p.panel, 0))
        imgui.push_style_var(imgui.StyleVar_.frame_padding, ImVec2(0, 0))
        if imgui.small_button(f"{fa.ICON_FA_STAR}###star"):
            self.workspace.table.toggle_favourite([entry])
        imgui.pop_style_var()
        imgui.pop_style_color(2)
        hint("Favourite")


def _column_flags(column: Column) -> int:
    flags = imgui.TableColumnFlags_.width_fixed
    if column.field == "date":
        flags |= imgui.TableColumnFlags_.default_sort
    if column.field in ("favourite", "name"):
        flags |= imgui.TableColumnFlags_.no_hide | imgui.TableColumnFlags_.no_reorder
    if column.is_number or column.field in ("date", "figure", "favourite"):
        flags |= imgui.TableColumnFlags_.prefer_sort_descending
    return int(flags)


def _color(column: Column, entry: Entry) -> Color:
    p = palette()
    if column.field == "state":
        states = {"done": p.good, "failed": p.bad, "damaged": p.bad, "running": p.accent}
        return states.get(entry.state, p.caution if entry.state == "paused" else p.muted)
    if column.field in ("name", "figure"):
        return p.bad if column.field == "figure" and entry.problem else p.text
    return p.muted
