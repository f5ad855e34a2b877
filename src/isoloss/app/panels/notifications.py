"""Notifications: the newest messages, over the viewport, until they fade."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from imgui_bundle import ImVec2, hello_imgui, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.log_panel import level_color, level_icon
from isoloss.app.state.messages import Message, Messages
from isoloss.app.state.next_steps import NextStep
from isoloss.app.ui.style import palette, vec
from isoloss.app.ui.widgets import CARD, em, icon_button
from isoloss.geometry.rect import Rect


def draw_notifications(
    messages: Messages, rect: Rect, go_on: Callable[[NextStep, Path], object]
) -> None:
    """The newest messages, at the top right of `rect`.

    Args:
        go_on: does what a message offers, for the run that it is about.
    """
    messages.fade(time.monotonic())
    left, top, right, _ = rect
    y = top + em(2.8)  # below the tools
    p = palette()
    flags = CARD | int(imgui.WindowFlags_.always_auto_resize)
    card = min(em(24), right - left - em(1.2))
    for k, message in enumerate(reversed(messages.shown)):
        imgui.set_next_window_pos(ImVec2(right - em(0.6), y), 0, ImVec2(1, 0))
        imgui.set_next_window_size_constraints(ImVec2(card, 0), ImVec2(card, em(20)))
        imgui.push_style_color(imgui.Col_.border, vec(level_color(message.level), 0.6))
        imgui.begin(f"notification##{k}", None, flags)
        imgui.align_text_to_frame_padding()
        imgui.text_colored(vec(level_color(message.level)), level_icon(message.level))
        imgui.same_line()
        imgui.push_text_wrap_pos(card - em(2.6))
        imgui.text_unformatted(message.text)
        imgui.pop_text_wrap_pos()
        chosen = _steps(message)
        side = imgui.get_frame_height()
        imgui.set_cursor_pos(ImVec2(card - side - em(0.3), imgui.get_style().window_padding.y))
        if icon_button(fa.ICON_FA_XMARK, "dismiss", color=p.muted):
            messages.dismiss(message)
        if imgui.is_window_hovered():
            messages.linger(message)
        y += imgui.get_window_size().y + em(0.4)
        imgui.end()
        imgui.pop_style_color()
        if chosen is not None and message.run is not None:
            messages.dismiss(message)
            go_on(chosen, message.run)
    if messages.shown:
        hello_imgui.request_refresh()


def _steps(message: Message) -> NextStep | None:
    """What is offered below a message; returns what is chosen."""
    chosen = None
    x = imgui.get_cursor_pos_x() + em(1.6)
    for k, step in enumerate(message.steps):
        imgui.same_line() if k else imgui.set_cursor_pos_x(x)
        if imgui.button(f"{step.label}###next {step.name}"):
            chosen = step
    return chosen
