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

    Not with `imgui.shortcut`: it misses a key that arrives in the same frame as its modifier, as
    quick fingers and slow frames make it do.
    """
    # While a menu or list is open, only it hears the keyboard.
    if imgui.is_popup_open("", int(imgui.PopupFlags_.any_popup)):
        return
    typing = imgui.get_io().want_text_input
    for action in actions:
        if not action.shortcut or (typing and _is_text(action.shortcut)):
            continue
        if imgui.is_key_chord_pressed(chord(action.shortcut)) and action.is_possible():
            action.run()
            return


def _is_text(shortcut: str) -> bool:
    """Whether a text field would take it as something typed."""
    return len(shortcut.removeprefix("Shift+")) == 1


def _key(name: str) -> imgui.Key:
    return getattr(imgui.Key, f"_{name}" if name.isdigit() else name.lower())
