"""The frame of a dialog: in the middle, closed by its cross or by Escape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from imgui_bundle import ImVec2, imgui

from isoloss.app.ui.style import palette
from isoloss.app.ui.widgets import em, primary_button, right_edge, row, within_window, wrapped
from isoloss.paths import exists

BUTTON = 7.0
"""Width of a dialog's buttons, in em."""

_with_list: set[str] = set()
"""The dialogs that a list was folded out over in the last frame."""
_front = [""]
"""The dialog that had the keyboard last."""


def draw_dialog(
    title: str,
    size: ImVec2,
    content: Callable[[], None],
    *,
    appearing: bool,
    resizable: bool = False,
) -> bool:
    """Draw a dialog; returns whether it stays open.

    Args:
        size: in pixels; a height of 0 follows the content.
        appearing: whether this is its first frame: it comes to the front.
        resizable: whether `size` is only the first one.
    """
    centre = imgui.get_main_viewport().get_work_center()
    imgui.set_next_window_pos(centre, imgui.Cond_.appearing, ImVec2(0.5, 0.5))
    size = within_window(size, above=em(1))
    imgui.set_next_window_size(size, imgui.Cond_.appearing if resizable else imgui.Cond_.always)
    if appearing:
        imgui.set_next_window_focus()
    flags = (
        imgui.WindowFlags_.no_docking
        | imgui.WindowFlags_.no_saved_settings
        | imgui.WindowFlags_.no_collapse
    )
    if not resizable:
        flags |= imgui.WindowFlags_.no_resize
    shown, stays = imgui.begin(title, True, int(flags))
    if shown:
        content()
    # Escape in a list that is folded out is the list's own, which it has closed by now.
    had_list = title in _with_list
    _with_list.discard(title)
    if imgui.is_popup_open("", int(imgui.PopupFlags_.any_popup)):
        _with_list.add(title)
    elif _has_keyboard(title) and not had_list and imgui.is_key_pressed(imgui.Key.escape, False):
        stays = False
    imgui.end()
    return bool(stays)


def _has_keyboard(title: str) -> bool:
    """Whether Escape is meant for the current window: its own, or that of something beside it
    where nobody types."""
    within = imgui.FocusedFlags_.root_and_child_windows | imgui.FocusedFlags_.no_popup_hierarchy
    if imgui.is_window_focused(int(within)):
        _front[0] = title
        return True
    return title == _front[0] and not imgui.get_io().want_text_input


def footer_width() -> float:
    """Width of the two buttons, in pixels."""
    return 2 * em(BUTTON) + imgui.get_style().item_spacing.x


def draw_footer(action: str, *, enabled: bool) -> tuple[bool, bool]:
    """The buttons at the lower right; returns whether the dialog is cancelled, and whether
    `action` is wanted."""
    size = ImVec2(em(BUTTON), 0)
    imgui.set_cursor_pos_x(right_edge() - footer_width())
    cancelled = imgui.button("Cancel", size)
    imgui.same_line()
    imgui.begin_disabled(not enabled)
    wanted = primary_button(action, size)
    imgui.end_disabled()
    return bool(cancelled), wanted


def draw_save_footer(path: Path | None, *, entered: bool) -> tuple[bool, Path | None]:
    """The buttons below a field for a file; returns whether the dialog is cancelled, and the file
    if it is to be written now.

    Args:
        path: what has been typed; None where that names no file yet.
        entered: whether it has just been confirmed by Enter.
    """
    if path is not None and exists(path):
        warn_of_replacing()
    imgui.spacing()
    cancelled, wanted = draw_footer("Save", enabled=path is not None)
    return cancelled, path if (wanted or entered) and not cancelled else None


def path_row(path: str, tip: str = "", *, appearing: bool) -> tuple[bool, str]:
    """The row for the file; returns whether it was entered, and what stands there."""
    row("File", tip)
    if appearing:
        imgui.set_keyboard_focus_here()
    flags = int(imgui.InputTextFlags_.enter_returns_true)
    entered, path = imgui.input_text("##path", path, flags)
    if entered:
        stay_in_field()
    return bool(entered), path


def stay_in_field() -> None:
    """Let the field that has just been entered keep the keyboard, if its dialog stays open."""
    imgui.set_keyboard_focus_here(-1)


def warn_of_replacing() -> None:
    """Say that a file of that name will be lost."""
    wrapped("This file exists and will be replaced.", palette().caution)
