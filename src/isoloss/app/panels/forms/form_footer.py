"""What stands below a form: the command line that does the same or what is wrong, and the cost."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.state.forms.foresight import Foresight
from isoloss.app.state.forms.settings_form import Form
from isoloss.app.state.messages import Messages
from isoloss.app.ui.style import palette, vec
from isoloss.app.ui.widgets import (
    em,
    fitted,
    hint,
    icon_button,
    muted,
    right_edge,
    wrapped,
)
from isoloss.naming import capitalized

LINES = 3
"""Lines that the command line, or what is wrong, may take."""


def command_or_error(form: Form, command: str, taken: str, messages: Messages) -> None:
    """The command line that asks for the same or, in its place, what is wrong.

    Args:
        taken: why the folder cannot hold the run.
    """
    side = imgui.get_frame_height()
    at = imgui.get_cursor_pos()
    width = imgui.get_content_region_avail().x - side - em(0.3)
    if error := form.error or taken:
        p = palette()
        color = p.muted if form.missing else p.bad
        icon = fa.ICON_FA_CIRCLE_INFO if form.missing else fa.ICON_FA_CIRCLE_EXCLAMATION
        imgui.text_colored(vec(color), icon)
        imgui.set_cursor_pos(ImVec2(at.x + em(1.6), at.y))
        wrapped(fitted(error, width + side - em(1.6), LINES), color)
        hint(error)
    else:
        imgui.push_text_wrap_pos(at.x + width)
        imgui.text_colored(vec(palette().muted), fitted(command, width, LINES))
        imgui.pop_text_wrap_pos()
        hint(command)
        imgui.set_cursor_pos(ImVec2(right_edge() - side, at.y))
        tip = "Copy the command line that does the same"
        if icon_button(fa.ICON_FA_COPY, "copy", tip, color=palette().muted):
            imgui.set_clipboard_text(command)
            messages.say("Copied the command line")
    height = LINES * imgui.get_text_line_height()
    imgui.set_cursor_pos(at)
    imgui.dummy(ImVec2(0, height))


def foresight_line(form: Form, foresight: Foresight) -> None:
    """What it will take, and a trial that finds out."""
    asked = [run.settings for run in form.runs] or [form.settings]
    known = [settings for settings in asked if settings is not None]
    told = foresight.of(known) if known else None
    side = imgui.get_frame_height()
    imgui.align_text_to_frame_padding()
    if foresight.trial is not None:
        text = "Trying for a second…"
    elif told is not None:
        text = capitalized(told.in_words)
    else:
        text = "" if form.settings is None else "Time unknown"
    muted(text)
    if told is not None:
        hint(f"Told from {told.basis}")
    imgui.same_line(right_edge() - side)
    if foresight.trial is not None:
        if icon_button(fa.ICON_FA_STOP, "untry", "Stop the trial", color=palette().muted):
            foresight.cancel()
        return
    imgui.begin_disabled(form.settings is None)
    tip = "Try for a second how long it takes, and how much memory"
    if icon_button(fa.ICON_FA_STOPWATCH, "try", tip, color=palette().muted) and known:
        foresight.begin_trials(known)
    imgui.end_disabled()


def why_not(form: Form) -> str:
    """Why nothing can be started, as the button says it."""
    wrong = next((f for f in form.fields if f.name == form.wrong), None)
    if wrong is None:
        return "Something is wrong, see above" if form.error else "Checking…"
    return f"{wrong.label}: {'needed' if form.missing else 'see above'}"
