"""The tour: a small card that names one thing after the other and goes on once it has been done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from imgui_bundle import ImVec2, hello_imgui, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.experiments_panel import ExperimentsPanel
from isoloss.app.state.opening.opener import open_path, samples
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.action import Action
from isoloss.app.ui.command_palette import CommandPalette
from isoloss.app.ui.docking import Docking, rect_of
from isoloss.app.ui.keyboard import shown
from isoloss.app.ui.style import palette, u32, vec
from isoloss.app.ui.widgets import em, icon_button, muted, primary_button, right_edge, wrapped
from isoloss.geometry.rect import Rect, extent

SAMPLE = "vgg11-digits-pca.ply"
HEIGHT = 9.0
"""Of the card, in em."""
TICKED = 0.7
"""Seconds for which a step that has been done is ticked before the next one comes."""


@dataclass(frozen=True)
class Step:
    """One stop.

    Attributes:
        title, text: what the card says.
        place: the panel it points at; "Menu" is the right end of the menu bar.
        watch: what changes once it has been done; None where there is nothing to do.
    """

    title: str
    text: str
    place: str
    watch: Callable[[Tour], object] | None


def _pins(tour: Tour) -> int:
    return sum(len(layer.markers) for layer in tour.workspace.scene.layers)


STEPS = (
    Step(
        "Orbit",
        "Drag with the left button. Height is the loss; the line is the way training went.",
        "Viewport",
        lambda tour: (tour.workspace.scene.camera.azimuth, tour.workspace.scene.camera.elevation),
    ),
    Step(
        "Zoom",
        "Turn the wheel to come nearer to what is under the cursor. R brings you back.",
        "Viewport",
        lambda tour: tour.workspace.scene.camera.distance,
    ),
    Step(
        "Change the texture",
        "Press T, or choose one here, to colour the surface by accuracy, slope or error bars.",
        "Appearance",
        lambda tour: tour.workspace.appearance.texture,
    ),
    Step(
        "Switch the contours",
        "Press C, or use the boxes here. Along a contour the loss is the same.",
        "Appearance",
        lambda tour: (
            tour.workspace.appearance.contours,
            tour.workspace.appearance.floor_contours,
            tour.workspace.appearance.contour_levels,
        ),
    ),
    Step(
        "Pin a point",
        "Point at the surface to read α, β, loss and accuracy; click to keep them there.",
        "Viewport",
        _pins,
    ),
    Step(
        "Find any command",
        "Press {palette} and type a few letters of what you want to do.",
        "Menu",
        lambda tour: tour.command_palette.is_open,
    ),
    Step(
        "Probe a network of yours",
        "Press {probe}: give a training run or a checkpoint, and watch its surface grow. Dotted "
        "names tell what they mean.",
        "Experiments",
        lambda tour: tour.experiments.times_asked_for,
    ),
    Step(
        "That is the tour",
        "F1 shows all shortcuts and what the terms mean, Help > Welcome the samples.",
        "Viewport",
        None,
    ),
)


class Tour:
    """Where one is on the tour; its steps watch the parts that it has."""

    def __init__(
        self,
        workspace: Workspace,
        docking: Docking,
        experiments: ExperimentsPanel,
        command_palette: CommandPalette,
        *,
        actions: Callable[[], list[Action]],
        is_asking: Callable[[], bool],
    ) -> None:
        """Args: is_asking: whether keys are meant for a dialog or a list."""
        self.workspace, self.experiments = workspace, experiments
        self.command_palette = command_palette
        self._docking, self._actions, self._is_asking = docking, actions, is_asking
        self.is_open = False
        self._before: object = None
        self._done_at: float | None = None

    @property
    def step(self) -> int:
        """The index of the step at hand; it outlives the session."""
        return min(max(self.workspace.preferences.tour, 0), len(STEPS) - 1)

    def start(self) -> None:
        """Begin, or go on where it was left."""
        if not self.workspace.scene.shown:
            sample = next((p for p in samples() if p.name == SAMPLE), None)
            if sample is not None:
                open_path(self.workspace, sample)
        self.is_open = True
        self._enter(self.step)

    def stop(self) -> None:
        """Put the card away; the tour goes on from here when it is started again."""
        self.is_open = False
        if self.step == len(STEPS) - 1:
            self._remember(0)

    def draw(self) -> None:
        """Draw the card and what points at its subject, if the tour is under way."""
        if not self.is_open:
            return
        step = STEPS[self.step]
        self._notice(step)
        if not self.is_open:
            return
        _highlight(_place(step.place))
        self._card(STEPS[self.step])

    # -- inner workings ----------------------------------------------------------------------

    def _enter(self, index: int) -> None:
        self._remember(index)
        step = STEPS[index]
        self._done_at = None
        self._before = step.watch(self) if step.watch is not None else None
        if any(panel.name == step.place for panel in self._docking.panels):
            self._docking.bring_to_front(step.place)

    def _remember(self, index: int) -> None:
        preferences = self.workspace.preferences
        if preferences.tour != index:
            preferences.tour = index
            preferences.save()

    def _notice(self, step: Step) -> None:
        """Tick the step once it has been done, and go on a moment later."""
        if step.watch is None:
            return
        now = imgui.get_time()
        value = step.watch(self)
        if value != self._before:
            # A drag or a turn of the wheel is not over with its first movement.
            self._before, self._done_at = value, now
        if self._done_at is None:
            return
        hello_imgui.request_refresh()
        if now - self._done_at > TICKED and not imgui.is_any_mouse_down():
            self._enter(self.step + 1)

    def _card(self, step: Step) -> None:
        rect = _place("Viewport") or (0.0, 0.0, 400.0, 400.0)
        x, bottom = rect[0], rect[3]
        card = min(em(24), max(extent(rect)[0] - em(1.4), em(14)))
        # Below the picture if there is room, else at its corner; it can be dragged away.
        area = imgui.get_main_viewport()
        room = area.work_pos.y + area.work_size.y - bottom
        pos, pivot = ImVec2(x + em(0.7), bottom - em(0.7)), ImVec2(0, 1)
        if room > em(HEIGHT):
            pos, pivot = ImVec2(pos.x, bottom + (room - em(HEIGHT)) / 2), ImVec2(0, 0)
        imgui.set_next_window_pos(pos, imgui.Cond_.appearing, pivot)
        imgui.set_next_window_size(ImVec2(card, 0))
        flags = (
            imgui.WindowFlags_.no_decoration
            | imgui.WindowFlags_.no_docking
            | imgui.WindowFlags_.no_saved_settings
            | imgui.WindowFlags_.no_focus_on_appearing
        )
        imgui.push_style_var(imgui.StyleVar_.window_padding, ImVec2(em(1), em(0.9)))
        imgui.push_style_color(imgui.Col_.border, vec(palette().accent, 0.7))
        imgui.begin("Tour", None, int(flags))
        imgui.pop_style_color()
        imgui.pop_style_var()
        self._text(step)
        self._buttons()
        imgui.end()

    def _text(self, step: Step) -> None:
        p = palette()
        ticked = self._done_at is not None
        imgui.align_text_to_frame_padding()
        if ticked:
            imgui.text_colored(vec(p.good), fa.ICON_FA_CIRCLE_CHECK)
        else:
            imgui.text_colored(vec(p.accent), f"{self.step + 1} of {len(STEPS)}")
        imgui.same_line(0, em(0.6))
        imgui.text_unformatted(step.title)
        imgui.same_line(right_edge() - imgui.get_frame_height())
        tip = "Leave the tour; Help > Take the tour goes on here"
        if icon_button(fa.ICON_FA_XMARK, "leave", tip, color=p.muted):
            self.stop()
        keys = {a.id: shown(a.shortcut) for a in self._actions()}
        # As high for every step, so that the buttons stay under the cursor.
        top = imgui.get_cursor_pos_y()
        wrapped(step.text.format_map(keys), p.text)
        imgui.set_cursor_pos_y(top + 3 * imgui.get_text_line_height() + em(0.3))

    def _buttons(self) -> None:
        last = self.step == len(STEPS) - 1
        # Enter goes on, unless it is meant for a field, a list or a dialog.
        free = not imgui.is_any_item_active() and not self._is_asking()
        enters = free and imgui.is_key_pressed(imgui.Key.enter, False)
        size = ImVec2(em(5.5), 0)
        gap = em(0.4)
        if not last:
            imgui.align_text_to_frame_padding()
            muted("Do it, or go on")
            imgui.same_line()
        imgui.set_cursor_pos_x(right_edge() - 2 * size.x - gap)
        imgui.begin_disabled(self.step == 0)
        if imgui.button("Back###back", size):
            self._enter(self.step - 1)
            enters = False
        imgui.end_disabled()
        imgui.same_line(0, gap)
        if primary_button("Done###next" if last else "Next###next", size) or enters:
            if last:
                self.stop()
            else:
                self._enter(self.step + 1)


def _place(name: str) -> Rect | None:
    return _right_of_menu_bar() if name == "Menu" else rect_of(name)


def _right_of_menu_bar() -> Rect:
    """The right end of the menu bar, where the way to the command palette is."""
    area = imgui.get_main_viewport()
    right = area.pos.x + area.size.x
    return right - em(13), area.pos.y, right, area.work_pos.y


def _highlight(rect: Rect | None) -> None:
    """A frame around what the card speaks of; it takes no clicks."""
    if rect is None:
        return
    left, top, right, bottom = rect
    draw, color, round_ = imgui.get_foreground_draw_list(), palette().accent, em(0.3)
    for inset, alpha in ((1, 0.9), (2, 0.9), (3, 0.35), (4, 0.2), (5, 0.1)):
        lo = ImVec2(left + inset, top + inset)
        hi = ImVec2(right - inset, bottom - inset)
        draw.add_rect(lo, hi, u32(color, alpha), round_)
