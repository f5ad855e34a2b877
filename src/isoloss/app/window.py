"""The frame of the window: what happens in each, and what is drawn in which order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from imgui_bundle import ImVec2, hello_imgui, imgui

from isoloss.app.actions.all_actions import all_actions
from isoloss.app.panels.notifications import draw_notifications
from isoloss.app.parts import Parts
from isoloss.app.state.defects import in_words
from isoloss.app.state.herald import Herald
from isoloss.app.state.layout.shown_panels import VIEWPORT
from isoloss.app.state.motion import APPROACH
from isoloss.app.state.opening.opener import open_paths
from isoloss.app.state.runs.live_surface import EARLY, PERIOD
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui import desktop, style
from isoloss.app.ui.dock_nodes import rect_of, rect_of_middle
from isoloss.app.ui.docking import clear_as_panels
from isoloss.app.ui.widgets import em, floating
from isoloss.geometry.rect import Rect, extent
from isoloss.system.processors import allotted

TITLE = "isoloss"
IDLE, STREAMING, MOVING = 0.2, 8.0, 60.0
"""Frames a second while nothing happens, while a job's news come in, and while a surface moves to
its new shape; input wakes at once."""
FRACTION, CORES = 0.3, allotted()
"""A growing surface is drawn anew as often as takes this fraction of the machine, at most."""
_FRAMES_A_PERIOD = 0.96 / EARLY
"""Frames in a period of readings: a frame comes later than it was asked for, but not by much."""
_FEW_WORDS, _BOTH = 18.0, 54.0  # em: a message; a hint with a message beside it
_LOW = 17.0
"""em: a hint would hide too much of a picture that is lower."""
MOST_NEWS = 4
"""Notifications of the desktop at once."""
_SETTLING = 3
"""Frames until every window is docked."""


class App:
    """The running window.

    Attributes:
        defects: what has gone wrong in parts, one line each.
        frames: how many have been shown.
        strict: whether a slip in the use of imgui is an error, as under test.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.parts = workspace, Parts(workspace, all_actions)
        self.defects: list[str] = []
        self.frames = 0
        self.strict = False
        self._title = TITLE
        self._herald = Herald()
        self._dropped: list[Path] = []

    def drop(self, paths: Sequence[str]) -> None:
        """Files have been dropped on the window; they are opened with the next frame."""
        self._dropped += [Path(p) for p in paths]

    def before_frame(self) -> None:
        """Take in what has happened outside, and choose how often to draw."""
        parts = self.parts
        dropped, self._dropped = self._dropped, []
        open_paths(self.workspace, dropped)
        # Drawing what grows must not take the processor from the job that computes it.
        cost = parts.viewports.cost + self.workspace.live_cost
        self.workspace.live_period = period = min(max(PERIOD, cost / (FRACTION * CORES)), 2.0)
        parts.steps.take_in(self.workspace.update)
        parts.renderings.update()
        parts.rehearsal.update()
        self._tell_elsewhere()
        self._follow_document()
        clear_as_panels(parts.panels)
        fluent = self.workspace.flow.is_fluent(time.monotonic())
        self.workspace.approach.seconds = 0.0 if fluent or parts.viewports.is_slow else APPROACH
        flying = parts.flight.go_on(time.monotonic())
        playing = parts.playback.advance()
        self.workspace.pointing.next_frame()
        moving = self.workspace.move() or flying or playing or parts.shortcuts.is_held
        held = imgui.is_any_item_active() or imgui.is_any_mouse_down()
        self.workspace.session.keep_running(time.monotonic(), busy=moving or held)
        parts.experiments.keep_running(time.monotonic())
        # The whole pictures of what grows wait until the stream of cells pauses.
        if moving or (parts.viewports.is_busy and not fluent):
            rate = MOVING
        else:
            busy = self.workspace.is_streaming or bool(parts.renderings.active)
            busy = busy or parts.share_dialog.is_waiting
            rate = STREAMING if busy else IDLE
            # Every frame reads: a bit faster, and only every second one would.
            rate = max(rate, _FRAMES_A_PERIOD / period) if fluent else rate
        hello_imgui.get_runner_params().fps_idling.fps_idle = rate
        parts.follow_opened()
        parts.look_for_minima()
        parts.docking.update()

    def _tell_elsewhere(self) -> None:
        """Let the desktop tell what has happened to a person who does not look at the window."""
        news = self.workspace.messages.take_urgent()
        if not news or desktop.is_looked_at():
            return
        desktop.ask_for_attention()
        if self.workspace.preferences.desktop_notifications:
            for message in news[-MOST_NEWS:]:
                self._herald.tell(TITLE, message.text)

    def _follow_document(self) -> None:
        """Bring the window's colours and its title in line with the document."""
        preferences, theme = self.workspace.preferences, self.workspace.appearance.theme
        if preferences.theme != theme:
            preferences.theme = theme
            preferences.save()
            style.apply_palette(theme)
        session = self.workspace.session
        title = f"{session.name} – {TITLE}" if session.name else TITLE
        title = f"● {title}" if session.has_changed else title
        if title != self._title:
            self._title = title
            desktop.set_title(title)

    def draw_panel(self, name: str) -> None:
        """Draw one panel."""
        self.parts.docking.listen(name)
        if self._has_place():
            self.guard(name, self.parts.panels[name].draw)

    def _has_place(self) -> bool:
        """Whether the current window is where it will stay: in the first frames none is docked, so
        that each shows all it has, in vain and at another size."""
        return self.frames >= _SETTLING or (self.frames > 0 and imgui.is_window_docked())

    def draw_viewport(self) -> None:
        """Draw the viewport's window: the picture fills it."""
        parts = self.parts
        imgui.push_style_var(imgui.StyleVar_.window_padding, ImVec2(0, 0))
        kind = imgui.WindowClass()
        if parts.docking.viewport_is_alone:
            kind.dock_node_flags_override_set = int(imgui.internal.DockNodeFlagsPrivate_.no_tab_bar)
        imgui.set_next_window_class(kind)
        if parts.docking.take_front():
            imgui.set_next_window_focus()
        flags = imgui.WindowFlags_.no_scrollbar | imgui.WindowFlags_.no_scroll_with_mouse
        shown, _ = imgui.begin("Viewport", None, int(flags))
        imgui.pop_style_var()
        if shown and self._has_place():
            plots = parts.large_plots
            if parts.shows_welcome:
                closable = bool(self.workspace.scene.layers) or plots.fill_viewport
                self.guard("Welcome", lambda: parts.welcome.draw(closable))
            else:
                self.guard("Viewport", plots.draw if plots.fill_viewport else self._pictures)
        imgui.end()

    def _pictures(self) -> None:
        """The viewports and, where there is a trajectory to be played, the timeline below them."""
        below = self.parts.timeline.height
        imgui.push_style_var(imgui.StyleVar_.child_border_size, 0)
        shown = imgui.begin_child("pictures", ImVec2(0, -below if below else 0))
        imgui.pop_style_var()
        try:
            if shown:
                self.parts.viewports.draw()
        finally:
            imgui.end_child()
        if below:
            imgui.set_cursor_pos_y(imgui.get_cursor_pos_y() - imgui.get_style().item_spacing.y)
            self.parts.timeline.draw()

    def draw_over(self) -> None:
        """Draw what lies over the panels, and listen to the keyboard."""
        parts = self.parts
        viewport = _wide_enough(rect_of("Viewport") or rect_of_middle() or parts.viewports.rect)
        with floating():
            self.guard("Tour", parts.tour.draw)
            # What has happened comes first where there is no room for both.
            crowded = bool(self.workspace.messages.shown) and extent(viewport)[0] < em(_BOTH)
            crowded |= extent(parts.viewport.rect)[1] < em(_LOW)
            pictures = parts.docking.is_shown(VIEWPORT) and not parts.large_plots.fill_viewport
            if pictures and not (parts.tour.is_open or parts.shows_welcome or crowded):
                self.guard("Hint", lambda: parts.hints.draw(parts.viewport.rect))
            for name, dialog in parts.dialogs.items():
                self.guard(name, dialog.draw)
            self.guard("Drawing", lambda: parts.renderings.draw(_wide_enough(parts.viewports.rect)))
            self.guard("Help", parts.help_window.draw)
            messages = self.workspace.messages
            self.guard("Notifications", lambda: draw_notifications(messages, viewport, parts.offer))
        parts.docking.end_maximized(asked=parts.is_asking)
        asked = parts.has_question
        self.guard("Shortcuts", lambda: parts.shortcuts.run_pressed(parts.actions, asked=asked))
        used = imgui.is_any_item_active() or imgui.is_any_mouse_down()
        parts.steps.watch(
            time.monotonic(),
            held=used or parts.shortcuts.is_held,
            wheel=bool(imgui.get_io().mouse_wheel),
        )

    def guard(self, name: str, draw: Callable[[], Any]) -> None:
        """Draw a part; its defect costs that part one frame, not the window with its jobs."""
        state = imgui.internal.ErrorRecoveryState()
        imgui.internal.error_recovery_store_state(state)
        try:
            draw()
        except Exception as error:
            io = imgui.get_io()
            io.config_error_recovery_enable_assert = False
            imgui.internal.error_recovery_try_to_recover_state(state)
            io.config_error_recovery_enable_assert = self.strict
            defect = f"{name}: {type(error).__name__}: {error}"
            if defect not in self.defects:
                self.defects.append(defect)
                messages = self.workspace.messages
                messages.say(defect, "error", notify=False)
                messages.say(in_words(name, error), "error")


def _wide_enough(rect: Rect) -> Rect:
    """`rect`, or all of the window where that is too narrow for a few words."""
    if extent(rect)[0] >= em(_FEW_WORDS):
        return rect
    area = imgui.get_main_viewport()
    at, size = area.work_pos, area.work_size
    return at.x, at.y, at.x + size.x, at.y + size.y
