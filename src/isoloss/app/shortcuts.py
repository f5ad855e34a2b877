"""From "Ctrl+O" to what imgui calls it."""

from __future__ import annotations

import sys
from functools import cache

from imgui_bundle import imgui

from isoloss.app.actions import Action

_MODIFIERS = {"Ctrl": imgui.Key.mod_ctrl, "Shift": imgui.Key.mod_shift, "Alt": imgui.Key.mod_alt}
_WHILE_TYPING = {"F1", *(f"Ctrl+{key}" for key in ("S", "Shift+S", "O", "P", "Q", "E", "=", "-"))}
"""What nobody means for the text; Ctrl+W or Ctrl+1 while typing is a slip."""
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
        typing = io.want_text_input
        # A modifier released in the frame of its key still counts; but not while somebody types,
        # who may have released it for the next letter.
        held = self._held if typing else self._held or before
        for action in actions:
            if not action.shortcut or (typing and action.shortcut not in _WHILE_TYPING):
                continue
            key, wanted = keys_of(action.shortcut)
            if wanted != held or not imgui.is_key_pressed(key, False):
                continue
            # Space belongs to the control that the keyboard has come to, if it has come to one.
            taken = action.shortcut == "Space" and io.nav_visible
            if action.is_possible() and not taken:
                action.run()
            return


def _key(name: str) -> imgui.Key:
    return getattr(imgui.Key, f"_{name}" if name.isdigit() else name.lower())
