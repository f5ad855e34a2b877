"""The tour: step by step it brings to the front what a step is about, and points at it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from imgui_bundle import ImVec2, hello_imgui, imgui

from isoloss.app.guide.tour_card import TourCard, point_at
from isoloss.app.panels.experiments_panel import ExperimentsPanel
from isoloss.app.state.opening.opener import show_again
from isoloss.app.state.runs.evaluations import OpenEvaluation
from isoloss.app.state.tour import Phase, TourState
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.dock_nodes import rect_of
from isoloss.app.ui.docking import Docking
from isoloss.app.ui.spots import spot
from isoloss.geometry.rect import Rect, overlap
from isoloss.jobs.follow import FollowedRun
from isoloss.library.entry import Entry
from isoloss.settings.text import command_line

DRAG = 4.0
"""In pixels: a press that moves farther is a drag."""
_IN_FRONT, _SETTLED = 4, 10
"""Frames after which panels that come to the front by themselves have done so; and after which the
one that is pointed at has found what it shows."""


class Tour:
    """Draws the card, and brings to the front what the step at hand is about."""

    def __init__(
        self,
        workspace: Workspace,
        docking: Docking,
        experiments: ExperimentsPanel,
        *,
        show_examples: Callable[[OpenEvaluation], object],
        compare: Callable[[Sequence[Entry]], object],
        fills_middle: Callable[[str], bool],
        is_asking: Callable[[], bool],
    ) -> None:
        """Build it.

        Args:
            fills_middle: whether what a panel shows has the room of the pictures.
            is_asking: whether keys are meant for a dialog or a list.
        """
        self.workspace, self.experiments = workspace, experiments
        self.state = TourState(workspace)
        self._docking, self._is_asking = docking, is_asking
        self._card = TourCard(self.state, experiments, self._go_to, is_asking)
        self._show_examples, self._compare = show_examples, compare
        self._fills_middle = fills_middle
        self._shown: tuple[int, Phase] | None = None
        self._frames = 0
        self._pressed: ImVec2 | None = None

    @property
    def is_open(self) -> bool:
        """Whether the tour is under way."""
        return self.state.is_open

    def start(self) -> None:
        """Begin, or go on where it was left."""
        self.state.is_open = True
        self._go_to(self.state.index)

    def draw(self) -> None:
        """Draw the card and what points at its subject, if the tour is under way."""
        state = self.state
        if not state.is_open:
            return
        phase = state.phase
        if (state.index, phase) != self._shown:
            self._enter(phase)
        if self._frames < _SETTLED:
            self._frames += 1
            if self._frames == _IN_FRONT:
                self._bring_to_front(phase)
            hello_imgui.request_refresh()
        target, panel = self._target(phase)
        self._watch_mouse(target)
        if state.can_touch(phase) and self._frames == _SETTLED:
            state.notice()
        card = self._card.draw(phase, target, panel)
        if state.is_open and target is not None:
            point_at(target, card)

    # -- coming to a step --------------------------------------------------------------------

    def _go_to(self, index: int) -> None:
        self.state.go_to(index)
        self._shown = None

    def _enter(self, phase: Phase) -> None:
        """Show what the step at hand is about: its form, what grows, or what was found."""
        state, step = self.state, self.state.step
        self._shown = state.index, phase
        self._frames = 0
        state.watch_anew()
        if phase == "asks":
            self.experiments.offer(step.kind, state.values(), state.typed(step.run))
        elif step.run and phase in ("works", "done"):
            followed = self.workspace.runs.select(state.folder(step.run))
            if followed is not None:
                self._show(followed)
            self.workspace.messages.dismiss_of(state.folder(step.run))  # the card says it
        elif phase == "done":
            found = map(self.workspace.runs.library.of, map(state.folder, step.needs))
            self._compare([entry for entry in found if entry is not None])
        self._card.command = self._said()
        # Whose keys have gone from field to field goes on from here with Enter.
        by_keys = imgui.get_io().nav_visible and not imgui.is_any_item_active()
        self._card.takes_focus = by_keys and not self._is_asking()

    def _show(self, followed: FollowedRun) -> None:
        """Show what a run finds, or has found."""
        settings = followed.run.settings
        if settings.is_robustness:
            self.workspace.show_evaluation(followed)
        elif settings.leaves_surface and followed.is_active:
            self.workspace.show_surface(followed)
        elif settings.leaves_surface:
            show_again(self.workspace, followed)

    def _bring_to_front(self, phase: Phase) -> None:
        """Show the panel that is pointed at before the others of its place."""
        step = self.state.step
        panel = "Experiments" if phase == "asks" else self._panel(phase)
        if panel == "Examples":
            evaluation = self.workspace.evaluations.of(self.state.folder(step.run))
            if evaluation is not None:
                self._show_examples(evaluation)
        elif self._has(panel) and not self._is_seen(panel):
            self._docking.bring_to_front(panel)

    def _is_seen(self, panel: str) -> bool:
        """Whether what a panel shows has come to the front by itself."""
        return self._spot(panel) is not None or self._fills_middle(panel)

    def _has(self, panel: str) -> bool:
        return any(each.name == panel for each in self._docking.panels)

    def _panel(self, phase: Phase) -> str:
        """Where there is something to be seen of the step at hand."""
        step = self.state.step
        if step.panel == "Examples" and phase == "works":
            return "Robustness"
        if step.panel == "Compare" and not self._has("Compare"):
            return "Robustness"
        return step.panel

    def _said(self) -> str:
        """The command line that does what the step at hand does."""
        state, step = self.state, self.state.step
        if not step.run:
            return f"isoloss compare {' '.join(map(state.typed, step.needs))}"
        followed = state.followed(step.run)
        if followed is None:
            return ""
        said = command_line(followed.run.settings, Path(state.typed(step.run)))
        return state.shortened(said)

    # -- where it points ---------------------------------------------------------------------

    def _target(self, phase: Phase) -> tuple[Rect | None, Rect | None]:
        """What is pointed at, and the panel it is in, which is kept free too."""
        if phase == "asks":
            panel = rect_of("Experiments")
            return spot("start") or panel, panel
        if phase not in ("works", "done"):
            return rect_of("Jobs") if phase == "stopped" else None, None
        name = self._panel(phase)
        exact, pictures = self._spot(name), rect_of("Viewport")
        is_large = exact is not None and pictures is not None and overlap(exact, pictures)
        panel = pictures if is_large else rect_of(name)
        return exact or panel or pictures, panel

    def _spot(self, panel: str) -> Rect | None:
        """The part of a panel that is pointed at, wherever it is drawn."""
        step = self.state.step
        exact = spot(step.spot) if step.spot and panel == step.panel else None
        if exact is None and panel == "Robustness":
            exact = spot("accuracies") or spot("radius")
        return exact

    def _watch_mouse(self, target: Rect | None) -> None:
        """Notice where the cursor is over what is pointed at, and whether that is dragged."""
        mouse = imgui.get_mouse_pos()
        is_over = target is not None and imgui.is_mouse_hovering_rect(
            ImVec2(target[0], target[1]), ImVec2(target[2], target[3]), False
        )
        if is_over and imgui.is_mouse_clicked(0):
            self._pressed = ImVec2(mouse.x, mouse.y)
        if is_over:
            self.state.pointed = mouse.x, mouse.y
        if imgui.is_mouse_released(0):
            start, self._pressed = self._pressed, None
            if start is not None and abs(mouse.x - start.x) + abs(mouse.y - start.y) > DRAG:
                self.state.drags += 1
