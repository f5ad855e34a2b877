"""The log panel: everything the window and the jobs have said."""

from __future__ import annotations

import time

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from isoloss.app.state.messages import Level, Messages
from isoloss.app.ui.style import Color, palette, vec
from isoloss.app.ui.widgets import em, muted


def level_color(level: Level) -> Color:
    """The colour of a message."""
    p = palette()
    return {"info": p.accent, "done": p.good, "warning": p.caution, "error": p.bad}[level]


def level_icon(level: Level) -> str:
    """Its icon: levels differ in shape, not only in colour."""
    return {
        "info": fa.ICON_FA_CIRCLE_INFO,
        "done": fa.ICON_FA_CIRCLE_CHECK,
        "warning": fa.ICON_FA_TRIANGLE_EXCLAMATION,
        "error": fa.ICON_FA_CIRCLE_XMARK,
    }[level]


class LogPanel:
    """Lists the messages, newest last."""

    def __init__(self, messages: Messages) -> None:
        self.messages = messages
        self._seen = -1

    def draw(self) -> None:
        """Draw the panel's content."""
        lines = self.messages.lines
        if not lines:
            muted("Nothing has happened yet.")
            return
        if imgui.begin_child("lines"):
            self._lines()
            if self._seen != self.messages.version:
                self._seen = self.messages.version
                imgui.set_scroll_here_y(1.0)
        imgui.end_child()

    def _lines(self) -> None:
        lines = self.messages.lines
        clipper = imgui.ListClipper()
        clipper.begin(len(lines))
        while clipper.step():
            for k in range(clipper.display_start, clipper.display_end):
                line = lines[k]
                muted(time.strftime("%H:%M:%S", time.localtime(line.time)))
                imgui.same_line(em(5))
                imgui.text_colored(vec(level_color(line.level)), level_icon(line.level))
                imgui.same_line(em(6.6))
                imgui.text_unformatted(line.text)
