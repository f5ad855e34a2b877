"""From "Ctrl+O" to what imgui calls it."""

from __future__ import annotations

import sys
from functools import cache

from imgui_bundle import imgui

from isoloss.app.actions import Action

_MODIFIERS = {"Ctrl": imgui.Key.mod_ctrl, "Shift": imgui.Key.mod_shift, "Alt": imgui.Key.mod_alt}
_NAMED = {"=": imgui.Key.equal, "-": imgui.Key.minus, ".": imgui.Key.period}


@cache
def chord(shortcut: str) -> int:
    """The key chord of a shortcut."""
    *modifiers, key = shortcut.split("+")
    code = int(_NAMED[key] if key in _NAMED else _key(key))
    for name in modifiers:
        code |= int(_MODIFIERS[name])
    return code


def shown(shortcut: str) -> str:
    """As the person's keyboard names it."""
    return shortcut.replace("Ctrl", "Cmd") if sys.platform == "darwin" else shortcut


def run_pressed(actions: list[Action]) -> None:
    """Run the action whose shortcut has just been pressed.

    imgui gives a letter to a text field that is being typed in before we would see it.
    """
    # While a dialog asks something, only it hears the keyboard.
    if imgui.is_popup_open("", int(imgui.PopupFlags_.any_popup)):
        return
    for action in actions:
        if not action.shortcut:
            continue
        flags = int(imgui.InputFlags_.route_global)
        if imgui.shortcut(chord(action.shortcut), flags) and action.is_possible():
            action.run()


def _key(name: str) -> imgui.Key:
    return getattr(imgui.Key, f"_{name}" if name.isdigit() else name.lower())
