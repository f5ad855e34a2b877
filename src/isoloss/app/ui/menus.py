"""The menus, drawn from the list of actions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

from imgui_bundle import imgui

from isoloss.app.ui.action import Action
from isoloss.app.ui.keyboard import shown
from isoloss.app.ui.layout_switch import LayoutSwitch
from isoloss.app.ui.style import palette, vec

LAYOUT_MENU = "View/Layout"
"""The menu whose commands the switch of the menu bar offers too."""


def draw_menus(actions: list[Action]) -> None:
    """Draw the menus in the menu bar."""
    for name, group in groupby((a for a in actions if a.menu), lambda a: a.menu.split("/")[0]):
        if imgui.begin_menu(name):
            _items(group)
            imgui.end_menu()
    _right_end(actions)


def _items(actions: Iterable[Action]) -> None:
    for menu, group in groupby(actions, lambda a: a.menu):
        _, _, submenu = menu.partition("/")
        if not submenu:
            for action in group:
                _item(action)
        elif imgui.begin_menu(submenu):
            for action in group:
                _item(action)
            imgui.end_menu()


def _item(action: Action) -> None:
    if action.separated:
        imgui.separator()
    on = action.is_on() if action.is_on is not None else False
    clicked, _ = imgui.menu_item(
        f"{action.label}###{action.id}", shown(action.shortcut), on, action.is_possible()
    )
    if clicked:
        action.run()


def _right_end(actions: list[Action]) -> None:
    """The switch between layouts and a way to the command palette, where there is room."""
    action = next(a for a in actions if a.id == "palette")
    text = f"{action.label}  {shown(action.shortcut)}"
    gap = imgui.get_style().item_spacing.x
    width = imgui.calc_text_size(text).x + 2 * imgui.get_style().frame_padding.x + gap
    begin, end = imgui.get_cursor_pos_x(), imgui.get_window_width()
    layouts = [a for a in actions if a.menu == LAYOUT_MENU]
    switch = LayoutSwitch(actions, lambda: _items([replace(a, menu="") for a in layouts]))
    switch_width = switch.draw(end - begin - width - gap) or switch.draw(end - begin - gap)
    if begin + switch_width + gap + width > end:  # the others have all the room
        return
    imgui.set_cursor_pos_x(end - width)
    imgui.push_style_color(imgui.Col_.text, vec(palette().muted))
    if imgui.menu_item(f"{text}###find", "", False)[0]:
        action.run()
    imgui.pop_style_color()
