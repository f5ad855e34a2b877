"""From "Ctrl+O" to what imgui calls it."""

from __future__ import annotations

import sys
from functools import cache

from imgui_bundle import imgui

from isoloss.app.actions import Action

_MODIFIERS = {"Ctrl": imgui.Key.mod_ctrl, "Shift": imgui.Key.mod_shift, "Alt": imgui.Key.mod_alt}
_EDITS_TEXT = {f"Ctrl+{key}" for key in ("A", "C", "V", "X", "Y", "Z", "Shift+Z")}
_NAMED = {
    "=": imgui.Key.equal,
    "-": imgui.Key.minus,
    ".": imgui.Key.period,
    ",": imgui.Key.comma,
    "Space": imgui.Key.space,
}


@cache
def keys_of(shortcut: str) -> tuple[imgui.Key, int]:
    """The key of a shortcut, and the modifiers that have to be held."""
    *modifiers, key = shortcut.split("+")
    held = 0
    for name in modifiers:
        held |= int(_MODIFIERS[name])
    return _NAMED[key] if key in _NAMED else _key(key), held


def shown(shortcut: str) -> str:
    """As the person's keyboard names it."""
    return shortcut.replace("Ctrl", "Cmd") if sys.platform == "darwin" else shortcut


class Shortcuts:
    """Listens to the keyboard.

    Not with `imgui.shortcut`, which wants the modifier to be held a frame before the key and still
    in the key's own: quick fingers and slow frames would be missed.
    """

    def __init__(self) -> None:
        self._held = 0

    def run_pressed(self, actions: list[Action]) -> None:
        """Run the action whose shortcut has just been pressed."""
        io = imgui.get_io()
        before, self._held = self._held, int(io.key_mods)
        # While a menu or list is open, only it hears the keyboard.
        if imgui.is_popup_open("", int(imgui.PopupFlags_.any_popup)):
            return
        for action in actions:
            if not action.shortcut or (io.want_text_input and _is_text(action.shortcut)):
                continue
            key, wanted = keys_of(action.shortcut)
            if wanted != (self._held or before) or not imgui.is_key_pressed(key, False):
                continue
            # Space belongs to the control that the keyboard has come to, if it has come to one.
            taken = action.shortcut == "Space" and io.nav_visible
            if action.is_possible() and not taken:
                action.run()
            return


def _is_text(shortcut: str) -> bool:
    """Whether a text field would take it: as something typed, or to edit what was."""
    key = shortcut.removeprefix("Alt+").removeprefix("Shift+")
    return len(key) == 1 or key == "Space" or shortcut in _EDITS_TEXT


def _key(name: str) -> imgui.Key:
    return getattr(imgui.Key, f"_{name}" if name.isdigit() else name.lower())
