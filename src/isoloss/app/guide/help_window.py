"""The help window: what the mouse does, the shortcuts, and what the terms mean."""

from __future__ import annotations

from collections.abc import Callable

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.dialogs.dialog_frame import draw_dialog
from isoloss.app.state import glossary as explain
from isoloss.app.state.glossary import Explanation
from isoloss.app.state.papers import Paper
from isoloss.app.ui.action import Action
from isoloss.app.ui.desktop import open_page
from isoloss.app.ui.keyboard import shown
from isoloss.app.ui.style import palette
from isoloss.app.ui.widgets import em, heading, muted, right_edge, wrapped

TITLE = "Help"
MOUSE = (
    ("Left drag", "Orbit"),
    ("Right, middle or Shift+left drag", "Pan"),
    ("Wheel", "Zoom to the cursor"),
    ("Hover", "Read α, β, loss and accuracy"),
    ("Click", "Pin the point with its values"),
    ("Double-click", "Recentre on the point"),
)


class HelpWindow:
    """Two tabs that one search narrows."""

    def __init__(
        self, actions: Callable[[], list[Action]], say: Callable[[str], object] = print
    ) -> None:
        self._actions, self._say = actions, say
        self.is_open = False
        self.query = ""
        self._appearing = False

    def toggle(self) -> None:
        """Show it, or put it away."""
        self.is_open = self._appearing = not self.is_open
        self.query = ""

    def draw(self) -> None:
        """Draw it if it is open."""
        if not self.is_open:
            return
        area = imgui.get_main_viewport()
        size = ImVec2(min(em(50), area.work_size.x - em(2)), min(em(42), area.work_size.y - em(2)))
        stays = draw_dialog(TITLE, size, self._content, appearing=self._appearing, resizable=True)
        self._appearing = False
        self.is_open = self.is_open and stays

    def _content(self) -> None:
        if self._appearing:
            imgui.set_keyboard_focus_here()
        imgui.set_next_item_width(-1)
        _, self.query = imgui.input_text_with_hint(
            "##query", "Search shortcuts and terms", self.query
        )
        imgui.spacing()
        lines, terms = _found(self._actions(), self.query), explain.matching(self.query)
        if self.query.strip():
            self._results(lines, terms)
        elif imgui.begin_tab_bar("help"):
            if imgui.begin_tab_item("Mouse and shortcuts")[0]:
                self._shortcuts(lines)
                imgui.end_tab_item()
            if imgui.begin_tab_item("Terms")[0]:
                self._terms(terms)
                imgui.end_tab_item()
            imgui.end_tab_bar()

    def _results(self, lines: dict[str, list[tuple[str, str]]], terms: list[Explanation]) -> None:
        """What the search has found, of both."""
        if imgui.begin_child("results"):
            for group, found in lines.items():
                _keys(group, found)
            if terms:
                heading("Terms")
            for term in terms:
                self._term(term)
            if not lines and not terms:
                wrapped("Nothing here speaks of that.", palette().muted)
        imgui.end_child()

    def _shortcuts(self, lines: dict[str, list[tuple[str, str]]]) -> None:
        if not imgui.begin_child("shortcuts"):
            imgui.end_child()
            return
        wide = imgui.get_content_region_avail().x > em(30)
        imgui.push_style_var(imgui.StyleVar_.cell_padding, ImVec2(em(1), 0))
        columns = 2 if wide else 1
        if imgui.begin_table("help", columns, imgui.TableFlags_.sizing_stretch_same):
            imgui.table_next_column()
            drawn, half = 0, sum(len(found) + 2 for found in lines.values()) / 2
            for group, found in lines.items():
                if wide and drawn and drawn + (len(found) + 2) / 2 > half:
                    imgui.table_next_column()
                    drawn = -10_000
                _keys(group, found)
                drawn += len(found) + 2
            imgui.end_table()
        imgui.pop_style_var()
        imgui.end_child()

    def _terms(self, terms: list[Explanation]) -> None:
        if imgui.begin_child("terms"):
            imgui.spacing()
            for term in terms:
                self._term(term)
        imgui.end_child()

    def _term(self, term: Explanation) -> None:
        imgui.push_font(None, imgui.get_style().font_size_base * 1.1)
        imgui.text_unformatted(term.term)
        imgui.pop_font()
        wrapped(term.text, palette().muted)
        for k, paper in enumerate(term.papers):
            if k:
                imgui.same_line(0, em(1))
            self._paper(term, paper)
        imgui.dummy(ImVec2(0, em(0.4)))

    def _paper(self, term: Explanation, paper: Paper) -> None:
        label = f"{paper.cited}  {fa.ICON_FA_ARROW_UP_RIGHT_FROM_SQUARE}"
        imgui.push_font(None, imgui.get_style().font_size_base * 0.92)
        clicked = imgui.text_link(f"{label}###{term.term} {paper.cited}")
        imgui.pop_font()
        if imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip):
            imgui.set_tooltip(f"Open paper: {paper.url}")
        if clicked and not open_page(paper.url):
            imgui.set_clipboard_text(paper.url)
            self._say(f"No browser was found; copied {paper.url}")


def _found(actions: list[Action], query: str) -> dict[str, list[tuple[str, str]]]:
    """(keys, what they do) by group, of those in which all words of `query` occur."""
    groups: dict[str, list[tuple[str, str]]] = {"Mouse": list(MOUSE)}
    for action in actions:
        if action.menu and action.shortcut:
            keys = (shown(action.shortcut), action.label)
            groups.setdefault(action.menu.split("/")[0], []).append(keys)
    words = query.lower().split()
    found = {
        group: [
            (keys, label)
            for keys, label in lines
            if all(word in f"{group} {keys} {label}".lower() for word in words)
        ]
        for group, lines in groups.items()
    }
    return {group: lines for group, lines in found.items() if lines}


def _keys(title: str, lines: list[tuple[str, str]]) -> None:
    heading(title)
    imgui.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(em(0.5), em(0.25)))
    for keys, label in lines:
        imgui.text_unformatted(label)
        width = imgui.calc_text_size(keys).x
        imgui.same_line()
        imgui.set_cursor_pos_x(right_edge() - width)
        muted(keys)
    imgui.pop_style_var()
    imgui.dummy(ImVec2(0, em(0.3)))
