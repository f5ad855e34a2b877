"""The command palette: a list of all commands that typing narrows."""

from __future__ import annotations

import re
from collections.abc import Callable

from imgui_bundle import ImVec2, imgui

from isoloss.app.ui.action import Action
from isoloss.app.ui.keyboard import shown
from isoloss.app.ui.style import palette
from isoloss.app.ui.widgets import em, list_line, within_window, wrapped

_OVERLAY = (
    imgui.WindowFlags_.no_docking
    | imgui.WindowFlags_.no_saved_settings
    | imgui.WindowFlags_.no_collapse
)


def matching(actions: list[Action], query: str) -> list[Action]:
    """The actions that fit what was typed, best first."""
    fits = [(misfit(query, a.label, a.menu), a) for a in actions if a.menu]
    found = [(fit, a) for fit, a in fits if fit is not None]
    return [a for _, a in sorted(found, key=lambda pair: pair[0])]


class CommandPalette:
    """A list of commands that typing narrows."""

    def __init__(self, actions: Callable[[], list[Action]]) -> None:
        self._actions = actions
        self.is_open = False
        self.query = ""
        self._chosen = 0
        self._appearing = False

    def open(self) -> None:
        """Show it, empty; or put it away."""
        self.is_open = not self.is_open
        self.query, self._chosen, self._appearing = "", 0, True

    def draw(self) -> None:
        """Draw it if it is open."""
        if not self.is_open:
            return
        area = imgui.get_main_viewport()
        imgui.set_next_window_pos(
            ImVec2(area.work_pos.x + area.work_size.x / 2, area.work_pos.y + em(4)),
            imgui.Cond_.always,
            ImVec2(0.5, 0),
        )
        imgui.set_next_window_size(within_window(ImVec2(em(34), em(26)), above=em(4)))
        if self._appearing:
            imgui.set_next_window_focus()
        flags = _OVERLAY | imgui.WindowFlags_.no_title_bar | imgui.WindowFlags_.no_move
        imgui.begin("Command palette", None, int(flags | imgui.WindowFlags_.no_resize))
        self._content()
        focused = imgui.is_window_focused(imgui.FocusedFlags_.root_and_child_windows)
        if imgui.is_key_pressed(imgui.Key.escape, False) or not (focused or self._appearing):
            self.is_open = False
        imgui.end()
        self._appearing = False

    def _content(self) -> None:
        if self._appearing:
            imgui.set_keyboard_focus_here()
        imgui.set_next_item_width(-1)
        changed, self.query = imgui.input_text_with_hint(
            "##query", "Type the name of a command", self.query
        )
        if changed:
            self._chosen = 0
        found = matching(self._actions(), self.query)
        moved = int(imgui.is_key_pressed(imgui.Key.down_arrow)) - int(
            imgui.is_key_pressed(imgui.Key.up_arrow)
        )
        if found:
            self._chosen = (self._chosen + moved) % len(found)
        run: Action | None = None
        if imgui.is_key_pressed(imgui.Key.enter, False) and found:
            run = found[self._chosen]
        if imgui.begin_child("found"):
            if not found:
                wrapped("There is no such command.", palette().muted)
            for k, action in enumerate(found):
                if self._line(action, k == self._chosen, bool(moved)):
                    run = action
        imgui.end_child()
        if run is not None and run.is_possible():
            self.is_open = False
            run.run()

    def _line(self, action: Action, chosen: bool, moved: bool) -> bool:
        imgui.begin_disabled(not action.is_possible())
        pressed = list_line(
            action.id,
            action.label,
            chosen=chosen,
            right=shown(action.shortcut),
            aside=action.menu.replace("/", " › "),
        )
        if chosen and moved:
            imgui.set_scroll_here_y()
        imgui.end_disabled()
        return pressed


def misfit(query: str, label: str, menu: str = "") -> int | None:
    """How badly `query` fits a command, 0 being best; None if it does not.

    Each of its words has to occur in the label or its menu: best at the beginning, then where a
    word begins, then anywhere, then in the menu. Or its letters occur in the label in that order,
    from the beginning of a word on: "svw" finds "Save view".
    """
    total = 0
    for word in query.lower().split():
        fit = _misfit_of_word(word, label.lower(), menu.lower())
        if fit is None:
            return None
        total += fit
    return total


def _misfit_of_word(word: str, label: str, menu: str) -> int | None:
    if label.startswith(word):
        return 0
    if re.search(rf"\b{re.escape(word)}", label):
        return 1
    if word in label:
        return 2
    if word in menu:
        return 3
    letters = ".*".join(map(re.escape, word))
    return 4 if re.search(rf"\b{letters}", label) else None
