"""All parts of the window, what connects them, and what happens in a frame."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from imgui_bundle import ImVec2, hello_imgui, imgui

from isoloss.app.actions.actions import all_actions
from isoloss.app.dialogs.difference_dialog import DifferenceDialog
from isoloss.app.dialogs.figure_dialog import FigureDialog
from isoloss.app.dialogs.open_dialog import OpenDialog
from isoloss.app.dialogs.picture_dialog import PictureDialog
from isoloss.app.dialogs.renderings import Renderings
from isoloss.app.dialogs.saved_views_dialog import SavedViews, save_view
from isoloss.app.dialogs.session_dialog import SessionDialog
from isoloss.app.guide.help_window import HelpWindow
from isoloss.app.guide.hints import Hints
from isoloss.app.guide.tour import Tour
from isoloss.app.guide.welcome import Ways, Welcome
from isoloss.app.panels.appearance_panel import AppearancePanel
from isoloss.app.panels.curve_panel import CurvePanel
from isoloss.app.panels.examples_panel import ExamplesPanel
from isoloss.app.panels.experiments_panel import ExperimentsPanel
from isoloss.app.panels.jobs_panel import JobsPanel
from isoloss.app.panels.large_plots import LargePlots
from isoloss.app.panels.layers_panel import LayersPanel
from isoloss.app.panels.log_panel import LogPanel
from isoloss.app.panels.minima_panel import MinimaPanel
from isoloss.app.panels.notifications import draw_notifications
from isoloss.app.panels.plots_panel import PlotsPanel
from isoloss.app.panels.robustness_panel import RobustnessPanel
from isoloss.app.panels.slice_panel import SlicePanel
from isoloss.app.state.evaluations import OpenEvaluation
from isoloss.app.state.flight import Flight
from isoloss.app.state.live_surface import EARLY, PERIOD
from isoloss.app.state.motion import APPROACH
from isoloss.app.state.opener import open_path
from isoloss.app.state.playback import Playback
from isoloss.app.state.slicing import Slicing
from isoloss.app.state.steering import Steering
from isoloss.app.state.steps import Steps
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui import desktop, style
from isoloss.app.ui.action import Action
from isoloss.app.ui.command_palette import CommandPalette
from isoloss.app.ui.docking import Docking, clear_as_panels, rect_of
from isoloss.app.ui.keyboard import Shortcuts
from isoloss.app.ui.widgets import floating
from isoloss.app.viewports.arrangement import Viewports
from isoloss.app.viewports.timeline import Timeline
from isoloss.app.viewports.viewport import Viewport
from isoloss.jobs.follow import FollowedRun
from isoloss.results.tables import Row
from isoloss.scene.document import SavedView

TITLE = "isoloss"
IDLE, STREAMING, MOVING = 0.2, 8.0, 60.0
"""Frames a second while nothing happens, while a job's news come in, and while a surface moves to
its new shape; input wakes at once."""
SHARE, CORES = 0.3, os.cpu_count() or 1
"""A growing surface is drawn anew as often as takes this share of the machine, at most."""
_A_LOOK_A_FRAME = 0.96 / EARLY
"""Frames in a period of looks: a frame comes later than it was asked for, but not by much."""
_SETTLING = 3
"""Frames until every window is docked."""


class App:
    """All parts of the window, and what connects them."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.viewports, self.docking = Viewports(workspace), Docking()
        self.experiments = ExperimentsPanel(workspace)
        self.curve_panel, self.examples_panel = CurvePanel(workspace), ExamplesPanel(workspace)
        opens = self.show_examples, self.save_figure
        self.robustness_panel = RobustnessPanel(workspace, *opens)
        large = CurvePanel(workspace), RobustnessPanel(workspace, *opens)
        self.large_plots = LargePlots(workspace, *large, self.docking.bring_to_front)
        self.slicing, self.playback = Slicing(workspace), Playback(workspace)
        self.slice_panel = SlicePanel(workspace, self.slicing)
        self.steering = Steering(workspace, lambda: self.viewport.extent)
        self.timeline = Timeline(self.playback)
        self.minima_panel = MinimaPanel(workspace)
        self.open_dialog = OpenDialog(workspace)
        self.difference_dialog = DifferenceDialog(workspace)
        self.renderings = Renderings(workspace.messages)
        self.picture_dialog = PictureDialog(workspace, self.renderings, self.viewports.drawn_at)
        self.figure_dialog = FigureDialog(workspace, self.renderings)
        self.session_dialog = SessionDialog(workspace)
        self.saved_views = SavedViews(workspace, self.go_to)
        self.steps, self.flight = Steps(workspace), Flight()
        self.steps.under_way.append(lambda: self.flight.is_under_way)
        self.steps.is_playing = lambda: self.playback.playing
        self.command_palette = CommandPalette(lambda: self.actions)
        self.help_window = HelpWindow(lambda: self.actions, workspace.messages.say)
        self.tour, self.hints = Tour(self), Hints(self)
        ways = Ways(self.open_dialog.open, lambda: self.show_form("train"), self.tour.start)
        self.welcome = Welcome(workspace, ways)
        self.panels: dict[str, Callable[[], None]] = {
            "Layers": LayersPanel(workspace).draw,
            "Appearance": AppearancePanel(workspace).draw,
            "Experiments": self.experiments.draw,
            "Jobs": JobsPanel(workspace, self.use).draw,
            "Plots": PlotsPanel(workspace.runs).draw,
            "Log": LogPanel(workspace.messages).draw,
            "Curve": self.curve_panel.draw,
            "Slice": self.slice_panel.draw,
            "Minima": self.minima_panel.draw,
            "Robustness": self.robustness_panel.draw,
            "Examples": self.examples_panel.draw,
        }
        self._actions: tuple[object, list[Action]] | None = None
        self._title = TITLE
        self.shortcuts = Shortcuts()
        self.defects: list[str] = []
        self.frames = 0
        self.strict = False
        self._dropped: list[Path] = []

    @property
    def viewport(self) -> Viewport:
        """The active viewport."""
        return self.viewports.active

    # -- what actions do ---------------------------------------------------------------------

    @property
    def theme(self) -> str:
        """ "dark" or "light"."""
        return self.workspace.appearance.theme

    def toggle_theme(self) -> None:
        """Dark to light and back; the picture goes along."""
        self.workspace.change(theme="dark" if self.theme == "light" else "light")

    def scale_text(self, factor: float) -> None:
        """Make all text, and what is sized by it, larger or smaller."""
        preferences = self.workspace.preferences
        preferences.font_scale = min(max(preferences.font_scale * factor, 0.6), 2.5)
        imgui.get_style().font_scale_main = preferences.font_scale
        preferences.save()

    def show_form(self, kind: str) -> None:
        """Bring the form of one kind of run to the front."""
        self.docking.bring_to_front("Experiments")
        self.experiments.show(kind)

    def save_figure(self) -> None:
        """Ask where a figure of the robustness run that is shown is to be saved."""
        self.figure_dialog.open()

    def show_examples(self, evaluation: OpenEvaluation, row: Row | None = None) -> None:
        """Bring the examples of a run to the front, at what a point of its curves is about."""
        self.examples_panel.show(evaluation, row)
        self.docking.bring_to_front("Examples")

    def use(self, kind: str, followed: FollowedRun) -> None:
        """Bring the form of one kind of run to the front, filled in for a training run."""
        self.docking.bring_to_front("Experiments")
        self.experiments.fill(kind, followed)

    def quit(self) -> None:
        """Close the window; jobs go on."""
        hello_imgui.get_runner_params().app_shall_exit = True

    def drop(self, paths: Sequence[str]) -> None:
        """Files have been dropped on the window; they are opened with the next frame."""
        self._dropped += [Path(p) for p in paths]

    def save_view(self) -> None:
        """Save the camera under the next free name."""
        saved = save_view(self.workspace.document)
        self.workspace.messages.say(f"Saved {saved.name}", "done")

    def go_to(self, view: SavedView) -> None:
        """Move the camera to a saved view; at once where pictures take long."""
        smoothly = not self.viewport.painter.is_slow
        self.flight.set_out(self.workspace.scene, view.camera, smoothly=smoothly)

    @property
    def has_last_session(self) -> bool:
        """Whether the last window has left its session."""
        return self.workspace.session.last_path().exists()

    def restore_last_session(self) -> None:
        """Open what was open when the last window was closed."""
        open_path(self.workspace, self.workspace.session.last_path(), remember=False)

    @property
    def actions(self) -> list[Action]:
        """All commands; some depend on what can be undone and on the saved views."""
        key = (self.steps.undoes, self.steps.redoes, self.workspace.document.saved_views)
        if self._actions is None or self._actions[0] != key:
            self._actions = (key, all_actions(self))
        return self._actions[1]

    def action(self, name: str) -> Action:
        """The action with this id."""
        return next(a for a in self.actions if a.id == name)

    # -- each frame --------------------------------------------------------------------------

    def before_frame(self) -> None:
        """Take in what has happened outside, and choose how often to draw."""
        dropped, self._dropped = self._dropped, []
        for path in dropped:
            open_path(self.workspace, path)
        # Drawing what grows must not take the processor from the job that computes it.
        cost = self.viewports.cost + self.workspace.live_cost
        self.workspace.live_period = period = min(max(PERIOD, cost / (SHARE * CORES)), 2.0)
        self.steps.take_in(self.workspace.update)
        self.renderings.update()
        self._follow_document()
        clear_as_panels(self.panels)
        fluent = self.workspace.flow.is_fluent(time.monotonic())
        self.workspace.approach.seconds = 0.0 if fluent or self.viewports.is_slow else APPROACH
        flying = self.flight.go_on(time.monotonic())
        playing = self.playback.advance()
        self.workspace.pointing.next_frame()
        moving = self.workspace.move() or flying or playing or self.shortcuts.is_held
        held = imgui.is_any_item_active() or imgui.is_any_mouse_down()
        self.workspace.session.keep_running(time.monotonic(), busy=moving or held)
        # The whole pictures of what grows wait until the stream of cells pauses.
        if moving or (self.viewports.is_busy and not fluent):
            pace = MOVING
        else:
            busy = self.workspace.is_streaming or bool(self.renderings.active)
            pace = STREAMING if busy else IDLE
            # Every frame takes a look: a bit faster, and only every second one would.
            pace = max(pace, _A_LOOK_A_FRAME / period) if fluent else pace
        hello_imgui.get_runner_params().fps_idling.fps_idle = pace
        self.large_plots.follow()

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
        if self._has_place():
            self.guard(name, self.panels[name])

    def _has_place(self) -> bool:
        """Whether the current window is where it will stay: in the first frames none is docked, so
        that each shows all it has, in vain and at another size."""
        return self.frames >= _SETTLING or (self.frames > 0 and imgui.is_window_docked())

    def draw_viewport(self) -> None:
        """Draw the viewport's window: the picture fills it."""
        imgui.push_style_var(imgui.StyleVar_.window_padding, ImVec2(0, 0))
        kind = imgui.WindowClass()
        kind.dock_node_flags_override_set = int(imgui.internal.DockNodeFlagsPrivate_.no_tab_bar)
        imgui.set_next_window_class(kind)
        flags = imgui.WindowFlags_.no_scrollbar | imgui.WindowFlags_.no_scroll_with_mouse
        shown, _ = imgui.begin("Viewport", None, int(flags))
        imgui.pop_style_var()
        if shown and self._has_place():
            if self.shows_welcome:
                closable = bool(self.workspace.scene.layers) or self.large_plots.fill_viewport
                self.guard("Welcome", lambda: self.welcome.draw(closable))
            else:
                plots = self.large_plots
                self.guard("Viewport", plots.draw if plots.fill_viewport else self._pictures)
        imgui.end()

    def _pictures(self) -> None:
        """The viewports and, where there is a trajectory to be played, the timeline below them."""
        below = self.timeline.height
        imgui.push_style_var(imgui.StyleVar_.child_border_size, 0)
        shown = imgui.begin_child("pictures", ImVec2(0, -below if below else 0))
        imgui.pop_style_var()
        try:
            if shown:
                self.viewports.draw()
        finally:
            imgui.end_child()
        if below:
            imgui.set_cursor_pos_y(imgui.get_cursor_pos_y() - imgui.get_style().item_spacing.y)
            self.timeline.draw()

    @property
    def shows_welcome(self) -> bool:
        """Whether the welcome fills the viewport: nothing is open, or it was asked for."""
        nothing = not self.workspace.scene.layers and not self.large_plots.fill_viewport
        return nothing or self.welcome.is_asked_for()

    @property
    def is_asking(self) -> bool:
        """Whether a dialog or a list is open, whose keys are its own."""
        listing = imgui.is_popup_open("", int(imgui.PopupFlags_.any_popup))
        return listing or self.help_window.is_open or self.has_question

    @property
    def has_question(self) -> bool:
        """Whether a dialog waits for an answer; help waits for none."""
        dialogs = (
            self.open_dialog,
            self.difference_dialog,
            self.picture_dialog,
            self.figure_dialog,
            self.session_dialog,
            self.saved_views,
            self.command_palette,
        )
        return any(x.is_open for x in dialogs)

    def draw_over(self) -> None:
        """Draw what lies over the panels, and listen to the keyboard."""
        viewport = rect_of("Viewport") or self.viewports.rect
        with floating():
            self.guard("Tour", self.tour.draw)
            if not self.tour.is_open and not self.shows_welcome:
                self.guard(
                    "Hint",
                    lambda: self.hints.draw(self.viewport.rect),
                )
            self.guard("Open", self.open_dialog.draw)
            self.guard("Difference", self.difference_dialog.draw)
            self.guard("Save picture", self.picture_dialog.draw)
            self.guard("Save figure", self.figure_dialog.draw)
            self.guard("Drawing", lambda: self.renderings.draw(self.viewports.rect))
            self.guard("Save session", self.session_dialog.draw)
            self.guard("Saved views", self.saved_views.draw)
            self.guard("Help", self.help_window.draw)
            self.guard("Command palette", self.command_palette.draw)
            self.guard(
                "Notifications",
                lambda: draw_notifications(self.workspace.messages, viewport),
            )
        self.guard(
            "Shortcuts",
            lambda: self.shortcuts.run_pressed(self.actions, asked=self.has_question),
        )
        used = imgui.is_any_item_active() or imgui.is_any_mouse_down()
        self.steps.watch(
            time.monotonic(),
            held=used or self.shortcuts.is_held,
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
            told = f"{name}: {type(error).__name__}: {error}"
            if told not in self.defects:
                self.defects.append(told)
                traceback.print_exc()
                self.workspace.messages.say(f"Something went wrong in {told}", "error")
