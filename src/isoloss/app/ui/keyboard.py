"""From "Ctrl+O" to what imgui calls it."""

from __future__ import annotations

import sys
from functools import cache

from imgui_bundle import imgui

from isoloss.app.ui.action import Action

_MODIFIERS = {"Ctrl": imgui.Key.mod_ctrl, "Shift": imgui.Key.mod_shift, "Alt": imgui.Key.mod_alt}
_ALWAYS = {"F1", "Ctrl+P", "Ctrl+Q", "Ctrl+=", "Ctrl+-"}
_WHILE_TYPING = {*_ALWAYS, "Ctrl+S", "Ctrl+Shift+S", "Ctrl+O", "Ctrl+E"}
"""What nobody means for the text; Ctrl+W or Ctrl+1 while typing is a slip."""
_ARROWS = {
    "←": imgui.Key.left_arrow,
    "→": imgui.Key.right_arrow,
    "↑": imgui.Key.up_arrow,
    "↓": imgui.Key.down_arrow,
}
_NAMED = {
    "=": imgui.Key.equal,
    "-": imgui.Key.minus,
    ".": imgui.Key.period,
    ",": imgui.Key.comma,
    "Space": imgui.Key.space,
    **_ARROWS,
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
        self._repeating: imgui.Key | None = None

    @property
    def is_held(self) -> bool:
        """Whether an action is done again and again: what it does is not over yet."""
        return self._repeating is not None and imgui.is_key_down(self._repeating)

    def run_pressed(self, actions: list[Action], *, asked: bool = False) -> None:
        """Run the action whose shortcut has just been pressed.

        Args:
            asked: whether a dialog waits for an answer: what is typed is meant for it.
        """
        io = imgui.get_io()
        if not self.is_held:
            self._repeating = None
        before, self._held = self._held, int(io.key_mods)
        # While a menu or list is open, only it hears the keyboard.
        if imgui.is_popup_open("", int(imgui.PopupFlags_.any_popup)):
            return
        if io.key_ctrl and not asked and not imgui.is_any_item_active():
            _keep_arrows()
        typing = asked or io.want_text_input
        heard = _ALWAYS if asked else _WHILE_TYPING
        # A modifier released in the frame of its key still counts; but not while somebody types,
        # who may have released it for the next letter.
        held = self._held if typing else self._held or before
        for action in actions:
            if not action.shortcut or (typing and action.shortcut not in heard):
                continue
            key, wanted = keys_of(action.shortcut)
            if wanted != held or not imgui.is_key_pressed(key, action.repeats):
                continue
            if action.is_possible() and not _is_taken(action):
                self._repeating = key if action.repeats else None
                action.run()
            return


def _keep_arrows() -> None:
    """With Ctrl arrows are shortcuts: in the next frame they do not move imgui's focus too."""
    for key in _ARROWS.values():
        imgui.internal.set_key_owner(key, imgui.get_id("shortcuts"))


def _is_taken(action: Action) -> bool:
    """Whether its key belongs to the control that the keyboard has come to, if it has to one."""
    if action.shortcut == "Space":
        return imgui.get_io().nav_visible
    # Arrows change the value of a slider that is being used.
    return action.repeats and imgui.is_any_item_active()


def _key(name: str) -> imgui.Key:
    return getattr(imgui.Key, f"_{name}" if name.isdigit() else name.lower())
