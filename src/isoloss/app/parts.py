"""All parts of the window, what connects them, and what the commands do with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from imgui_bundle import hello_imgui, imgui

from isoloss.app.dialogs.comparison_dialog import ComparisonDialog
from isoloss.app.dialogs.difference_dialog import DifferenceDialog
from isoloss.app.dialogs.figure_dialog import FigureDialog
from isoloss.app.dialogs.layouts_dialog import LayoutsDialog
from isoloss.app.dialogs.mean_dialog import TITLE as MEAN
from isoloss.app.dialogs.mean_dialog import MeanDialog
from isoloss.app.dialogs.open_dialog import OpenDialog
from isoloss.app.dialogs.picture_dialog import PictureDialog
from isoloss.app.dialogs.renderings import Renderings
from isoloss.app.dialogs.saved_views_dialog import SavedViews, save_view
from isoloss.app.dialogs.session_dialog import SessionDialog
from isoloss.app.dialogs.share_dialog import ShareDialog
from isoloss.app.guide.help_window import HelpWindow
from isoloss.app.guide.hints import Hints
from isoloss.app.guide.tour import Tour
from isoloss.app.guide.welcome import Ways, Welcome
from isoloss.app.panels.curve_panel import CurvePanel
from isoloss.app.panels.examples_panel import ExamplesPanel
from isoloss.app.panels.experiments_panel import ExperimentsPanel
from isoloss.app.panels.large_plots import LargePlots
from isoloss.app.panels.layers_panel import LayersPanel
from isoloss.app.panels.registry import PANELS
from isoloss.app.panels.robustness_panel import RobustnessPanel
from isoloss.app.panels.slice_panel import SlicePanel
from isoloss.app.state.layout.layouts import Layouts
from isoloss.app.state.next_steps import COMPARE, OPEN, NextStep
from isoloss.app.state.opening.opened import Opened
from isoloss.app.state.opening.opener import open_path, show_again
from isoloss.app.state.runs.evaluations import OpenEvaluation
from isoloss.app.state.steps import Steps
from isoloss.app.state.view.flight import Flight
from isoloss.app.state.view.minima_search import MinimaSearch
from isoloss.app.state.view.playback import Playback
from isoloss.app.state.view.slicing import Slicing
from isoloss.app.state.view.steering import Steering
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.action import Action
from isoloss.app.ui.command_palette import CommandPalette
from isoloss.app.ui.docking import Docking
from isoloss.app.ui.keyboard import Shortcuts
from isoloss.app.ui.panel import NOTHING, Drawn
from isoloss.app.viewports.arrangement import Viewports
from isoloss.app.viewports.timeline import Timeline
from isoloss.app.viewports.viewport import Viewport
from isoloss.gl.frame.rehearsal import Rehearsal
from isoloss.jobs.follow import FollowedRun
from isoloss.library.entry import Entry
from isoloss.paths import exists
from isoloss.results.tables import Row
from isoloss.scene.document import SavedView

P = TypeVar("P")


class Dialog(Protocol):
    """What asks in a window of its own."""

    @property
    def is_open(self) -> bool:
        """Whether it waits for an answer."""
        ...

    def draw(self) -> None:
        """Draw it if it is open."""


class Parts:
    """The parts, each once.

    Attributes:
        panels: what draws the content of each docked panel, by its name.
        dialogs: what waits for an answer while it is open, by the name of its guard.
    """

    def __init__(self, workspace: Workspace, commands: Callable[[Parts], list[Action]]) -> None:
        """Build them; `commands` lists what can be done with them."""
        self.workspace = workspace
        self.rehearsal = Rehearsal()
        self.viewports = Viewports(workspace, self.rehearsal)
        self.docking = Docking(PANELS, Layouts.load(), self._applies)
        self.opened = Opened(workspace)
        self.slicing, self.playback = Slicing(workspace), Playback(workspace)
        self.minima_search = MinimaSearch()
        self.steering = Steering(workspace, lambda: self.viewport.extent)
        self.steps, self.flight, self.shortcuts = Steps(workspace), Flight(), Shortcuts()
        self.steps.under_way.append(lambda: self.flight.is_under_way)
        self.steps.is_playing = lambda: self.playback.playing
        self.timeline = Timeline(self.playback)
        self.panels: dict[str, Drawn] = {panel.name: panel.build(self) for panel in PANELS}
        self.experiments = self.panel(ExperimentsPanel)
        self.viewports.menu = self.panel(LayersPanel).menu.items
        self._plots_shown = 0
        self.large_plots = LargePlots(
            workspace,
            CurvePanel(self),
            RobustnessPanel(workspace, self.show_examples, self.save_figure),
            self.docking,
        )
        self.open_dialog = OpenDialog(workspace)
        self.difference_dialog = DifferenceDialog(workspace)
        self.mean_dialog = MeanDialog(workspace)
        self.renderings = Renderings(workspace.messages, workspace.preferences)
        self.picture_dialog = PictureDialog(workspace, self.renderings, self.viewports.drawn_at)
        self.share_dialog = ShareDialog(workspace, self.renderings)
        self.figure_dialog = FigureDialog(workspace, self.renderings)
        self.comparison_dialog = ComparisonDialog(workspace, self.renderings)
        self.session_dialog = SessionDialog(workspace)
        self.saved_views = SavedViews(workspace, self.go_to)
        self.layouts_dialog = LayoutsDialog(self.docking)
        self.command_palette = CommandPalette(lambda: self.actions)
        self.dialogs: dict[str, Dialog] = {
            "Open": self.open_dialog,
            "Difference": self.difference_dialog,
            MEAN: self.mean_dialog,
            "Save picture": self.picture_dialog,
            "Share": self.share_dialog,
            "Save figure": self.figure_dialog,
            "Save comparison": self.comparison_dialog,
            "Save session": self.session_dialog,
            "Saved views": self.saved_views,
            "Layouts": self.layouts_dialog,
            "Command palette": self.command_palette,
        }
        self.help_window = HelpWindow(lambda: self.actions, workspace.messages.say)
        self.hints = Hints(workspace)
        self.tour = Tour(
            workspace,
            self.docking,
            self.experiments,
            show_examples=self.show_examples,
            compare=self.compare,
            fills_middle=self.fills_middle,
            is_asking=lambda: self.is_asking,
        )
        ways = Ways(self.open_dialog.open, lambda: self.show_form("train"), self.tour.start)
        self.welcome = Welcome(workspace, ways, self.rehearsal)
        self._commands = commands
        self._actions: tuple[object, list[Action]] | None = None

    @property
    def viewport(self) -> Viewport:
        """The active viewport."""
        return self.viewports.active

    def panel(self, kind: type[P]) -> P:
        """The docked panel of this class."""
        return next(panel for panel in self.panels.values() if isinstance(panel, kind))

    @property
    def actions(self) -> list[Action]:
        """All commands; some depend on what can be undone, on saved views and layouts."""
        views, layouts = self.workspace.document.saved_views, tuple(self.docking.layouts.names)
        key = (self.steps.undoes, self.steps.redoes, views, layouts)
        if self._actions is None or self._actions[0] != key:
            self._actions = (key, self._commands(self))
        return self._actions[1]

    def action(self, name: str) -> Action:
        """The action with this id."""
        return next(a for a in self.actions if a.id == name)

    @property
    def has_question(self) -> bool:
        """Whether a dialog waits for an answer; help waits for none."""
        return any(dialog.is_open for dialog in self.dialogs.values())

    @property
    def is_asking(self) -> bool:
        """Whether a dialog, help or a list is open, whose keys are its own."""
        listing = imgui.is_popup_open("", int(imgui.PopupFlags_.any_popup))
        return listing or self.help_window.is_open or self.has_question

    @property
    def shows_welcome(self) -> bool:
        """Whether the welcome fills the viewport: nothing is open, or it was asked for."""
        nothing = not self.workspace.scene.layers and not self.large_plots.fill_viewport
        return nothing or self.welcome.is_asked_for()

    def free(self) -> None:
        """Give textures and the memory of pictures back, while the context still lives."""
        self.viewports.free()
        self.welcome.thumbnails.free()
        self.panel(ExamplesPanel).free()
        self.share_dialog.preview.close()
        self.renderings.end()
        self.rehearsal.end()
        self.minima_search.end()

    # -- layouts -----------------------------------------------------------------------------

    def fills_middle(self, name: str) -> bool:
        """Whether the content of a panel stands in the room of the pictures."""
        return self.large_plots.shown == name

    def _applies(self, name: str) -> bool:
        """Whether there is anything to be seen in a panel, or in the viewport."""
        panel = PANELS.get(name)
        if panel is not None:
            return panel.has_content(self)
        return self.welcome.is_asked_for() or not self.docking.has_panel_in_middle

    def look_for_minima(self) -> None:
        """See to it that the minima that pictures or their panel show are found."""
        views = self.workspace.document.shown_views
        if not self.docking.is_shown("Minima"):
            views = [view for view in views if view.appearance.minima]
        self.minima_search.update([*dict.fromkeys(layer for v in views for layer in v.shown)])

    def follow_opened(self) -> None:
        """Bring the layout that suits what has been opened, but not under a hand at work."""
        what = self.opened.news(at_work=imgui.is_any_item_active())
        if what:
            self.docking.follow(what)
        if self.opened.has_nothing:
            self.docking.layouts.all_closed()
        self.large_plots.follow()
        if self.workspace.plots_asked_for != self._plots_shown:
            self._plots_shown = self.workspace.plots_asked_for
            self.docking.bring_to_front("Plots")

    def choose_layout(self, name: str) -> None:
        """Use a layout, with what it is made for in the middle."""
        self.docking.choose(name)
        self.large_plots.bring(self.docking.layouts.current.shape.filled)

    # -- what commands and panels do ---------------------------------------------------------

    @property
    def theme(self) -> str:
        """ "dark" or "light"."""
        return self.workspace.appearance.theme

    def toggle_theme(self) -> None:
        """Dark to light and back; the picture goes along."""
        self.workspace.change(theme="dark" if self.theme == "light" else "light")

    def toggle_desktop_notifications(self) -> None:
        """Let the desktop tell of runs that end while nobody looks at the window, or no longer."""
        preferences = self.workspace.preferences
        preferences.desktop_notifications = not preferences.desktop_notifications
        preferences.save()

    def toggle_nice_jobs(self) -> None:
        """Let jobs that begin from now on leave the processors to others, or no longer."""
        preferences = self.workspace.preferences
        preferences.nice_jobs = not preferences.nice_jobs
        preferences.save()

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

    def use(self, kind: str, followed: FollowedRun) -> None:
        """Bring the form of one kind of run to the front, filled in for another run."""
        self.docking.bring_to_front("Experiments")
        self.experiments.fill(kind, followed)

    def repeat(self, followed: FollowedRun, otherwise: Mapping[str, Any] = NOTHING) -> None:
        """Bring the form of a run to the front, filled in with what that was asked for, but for
        what is to be set `otherwise`."""
        self.docking.bring_to_front("Experiments")
        self.experiments.repeat(followed, otherwise)

    def bring_to_front(self, panel: str) -> None:
        """Show a docked panel in front of those docked with it."""
        self.docking.bring_to_front(panel)

    def go_on(self, step: NextStep, followed: FollowedRun) -> None:
        """Do what is usually done next with a run that is done."""
        if step == COMPARE:
            self._compare_sweep(followed)
        elif step == OPEN:
            show_again(self.workspace, followed)
        else:
            self.use(step.name, followed)

    def offer(self, step: NextStep, folder: Path) -> None:
        """Do what was offered for the run in a folder."""
        if (followed := self.workspace.runs.select(folder)) is not None:
            self.go_on(step, followed)

    def _compare_sweep(self, followed: FollowedRun) -> None:
        runs = self.workspace.runs
        if (sweep := runs.sweep_of(followed.run.folder)) is not None:
            found = map(runs.library.of, sweep.folders)
            self.compare([entry for entry in found if entry is not None])

    def show_examples(self, evaluation: OpenEvaluation, row: Row | None = None) -> None:
        """Bring the examples of a run to the front, at what a point of its curves is about."""
        self.panel(ExamplesPanel).show(evaluation, row)
        self.docking.bring_to_front("Examples")

    def show_landscape(self) -> None:
        """Probe the plane through the image that the examples panel shows."""
        values = self.panel(ExamplesPanel).landscape
        if values is not None:
            self.docking.bring_to_front("Experiments")
            self.experiments.begin("probe-input", values)

    def save_figure(self) -> None:
        """Ask where a figure of the robustness run that is shown is to be saved."""
        self.figure_dialog.open()

    def copy_link(self) -> None:
        """Put the address of what is seen now into the clipboard: of the page that was shared last
        if it has all that is seen, else what follows the address of any page of it."""
        # What a page knows is loaded when one is wanted.
        from isoloss.page.link import fragment

        document, page = self.workspace.document, self.share_dialog.page
        where = fragment(document)
        if page is not None and page.is_there and page.shows(document):
            imgui.set_clipboard_text(f"{page.path.absolute().as_uri()}{where}")
            told = f"Copied a link to this view, of {page.path.name}"
        else:
            imgui.set_clipboard_text(where)
            told = "Copied a link to this view, to put behind the address of a page"
        self.workspace.messages.say(told, "done")

    def save_comparison(self) -> None:
        """Ask where the comparison of runs is to be saved."""
        self.comparison_dialog.open()

    def compare(self, entries: Sequence[Entry]) -> None:
        """Compare runs, and bring that to the front."""
        self.workspace.comparison.compare(entries)
        self.docking.follow("comparison")
        self.docking.bring_to_front("Compare")

    def export_slice(self) -> None:
        """Ask where the table of the slices is to be saved."""
        self.docking.bring_to_front("Slice")
        self.panel(SlicePanel).open_export()

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
        return exists(self.workspace.session.last_path())

    def restore_last_session(self) -> None:
        """Open what was open when the last window was closed."""
        open_path(self.workspace, self.workspace.session.last_path(), remember=False)

    def quit(self) -> None:
        """Close the window; jobs go on."""
        hello_imgui.get_runner_params().app_shall_exit = True
