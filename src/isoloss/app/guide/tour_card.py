"""The tour's card: what a step is about, how far its run is, what was found, and what goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.experiments_panel import ExperimentsPanel
from isoloss.app.panels.jobs_panel import progress_text, status_text, waiting_text
from isoloss.app.state.placing import arrow_between, place_beside
from isoloss.app.state.tour import STEPS, Phase, TourState
from isoloss.app.ui.dock_nodes import rect_of
from isoloss.app.ui.style import Color, palette, u32, vec
from isoloss.app.ui.widgets import (
    em,
    hint,
    icon_button,
    muted,
    primary_button,
    right_edge,
    shortened,
    thin_progress,
    wrapped,
)
from isoloss.geometry.rect import Rect, extent
from isoloss.jobs.follow import FollowedRun

WIDTH, WIDE = 24.0, 38.0
"""Of the card, in em; the latter where it stands below the pictures, and should be low."""
BACK, ON = 5.0, 8.5
"""Of its buttons, in em."""
GAP = 0.9
"""Between the card and what it speaks of, in em."""


class TourCard:
    """Draws the card.

    Attributes:
        command: what does the same as the step at hand, but for one that is still asked for.
        takes_focus: whether it is to take the keyboard when it is drawn next.
    """

    def __init__(
        self,
        state: TourState,
        experiments: ExperimentsPanel,
        go_to: Callable[[int], object],
        is_asking: Callable[[], bool],
    ) -> None:
        """Args: is_asking: whether keys are meant for a dialog or a list."""
        self.state, self.workspace, self.experiments = state, state.workspace, experiments
        self.command, self.takes_focus = "", False
        self._go_to, self._is_asking = go_to, is_asking
        self._placed_for: object = None

    def draw(self, phase: Phase, target: Rect | None, panel: Rect | None) -> Rect:
        """Draw it; returns where it is."""
        is_low = phase in ("works", "done") and (panel or target) == rect_of("Viewport")
        width = em(WIDE if is_low else WIDTH)
        self._place(width, phase, target, panel)
        imgui.set_next_window_size(ImVec2(width, 0))
        flags = (
            imgui.WindowFlags_.no_decoration
            | imgui.WindowFlags_.no_docking
            | imgui.WindowFlags_.no_saved_settings
            | imgui.WindowFlags_.no_focus_on_appearing
        )
        imgui.push_style_var(imgui.StyleVar_.window_padding, ImVec2(em(1), em(0.8)))
        imgui.push_style_color(imgui.Col_.border, vec(palette().accent, 0.7))
        if self.takes_focus:
            imgui.set_next_window_focus()
            self.takes_focus = False
        imgui.begin("Tour", None, int(flags))
        imgui.pop_style_color()
        imgui.pop_style_var()
        at, size = imgui.get_window_pos(), imgui.get_window_size()
        self._title()
        wrapped(self.state.step.text)
        imgui.spacing()
        self._now(phase, beside=is_low)
        self._command_line(phase, beside=is_low)
        self._buttons(phase)
        imgui.end()
        return at.x, at.y, at.x + size.x, at.y + size.y

    def _place(self, width: float, phase: Phase, target: Rect | None, panel: Rect | None) -> None:
        """Stand beside the target: whenever that or the card is another, so that a person may drag
        the card away meanwhile."""
        was = rect_of("Tour")
        height = extent(was)[1] if was is not None else em(14)
        main = imgui.get_main_viewport()
        area = (
            main.work_pos.x, main.work_pos.y,
            main.work_pos.x + main.work_size.x, main.work_pos.y + main.work_size.y,
        )  # fmt: skip
        key = (self.state.index, phase, target, area, round(height))
        if key == self._placed_for:
            return
        self._placed_for = key
        around = target or rect_of("Viewport") or area
        keep_free = [panel] if panel is not None and target is not None else []
        x, y, _, _ = place_beside((width, height), around, area, keep_free, em(GAP))
        if target is None:
            x = (around[0] + around[2] - width) / 2
            y = (around[1] + around[3] - height) / 2
        imgui.set_next_window_pos(ImVec2(int(x), int(y)), imgui.Cond_.always)

    def _title(self) -> None:
        p, state = palette(), self.state
        imgui.align_text_to_frame_padding()
        imgui.text_colored(vec(p.accent), f"{state.index + 1} of {len(STEPS)}")
        imgui.same_line(0, em(0.6))
        imgui.text_unformatted(state.step.title)
        side = imgui.get_frame_height()
        imgui.same_line(right_edge() - side - em(0.4) - len(STEPS) * em(1.1))
        self._dots()
        imgui.same_line(right_edge() - side)
        tip = "Leave the tour: it goes on here (Esc)"
        if icon_button(fa.ICON_FA_XMARK, "leave", tip, color=p.muted):
            state.leave()

    def _dots(self) -> None:
        """The steps, each a way to it; those that have been done are filled."""
        p, draw = palette(), imgui.get_window_draw_list()
        for k, step in enumerate(STEPS):
            at, height = imgui.get_cursor_screen_pos(), imgui.get_frame_height()
            if imgui.invisible_button(f"step {k + 1}", ImVec2(em(1.1), height)):
                self._go_to(k)
            hint(step.title)
            here = k == self.state.index
            done = bool(step.run) and self.state.status(step.run) == "done"
            centre = ImVec2(at.x + em(0.55), at.y + height / 2)
            color = u32(p.accent if here else p.good if done else p.muted)
            if here or done:
                draw.add_circle_filled(centre, em(0.3), color)
            else:
                draw.add_circle(centre, em(0.3), color)
            if k + 1 < len(STEPS):
                imgui.same_line(0, 0)

    def _now(self, phase: Phase, *, beside: bool) -> None:
        """What is to be done, what goes on, or what was found and can be touched.

        Args:
            beside: whether touches stand beside each other.
        """
        state = self.state
        followed = state.followed(state.step.run) if state.step.run else None
        p = palette()
        if phase == "blocked":
            missing = STEPS[state.missing or 0]
            _line(fa.ICON_FA_CIRCLE_INFO, f"{missing.run} comes first.", p.muted)
        elif phase == "asks":
            form = self.experiments.forms[state.step.kind]
            if form.error:
                _line(fa.ICON_FA_CIRCLE_EXCLAMATION, form.error, p.bad)
            else:
                _line(fa.ICON_FA_PLAY, "The form is filled in: press Start, or Enter.", p.accent)
        elif phase == "works" and followed is not None:
            thin_progress(_share(followed), p.accent, em(0.35))
            place = self.workspace.runs.place(followed)
            text = progress_text(followed) if place is None else waiting_text(place)
            muted(shortened(text, imgui.get_content_region_avail().x))
            hint(text)
        elif phase == "stopped" and followed is not None:
            _line(fa.ICON_FA_CIRCLE_PAUSE, followed.failure or status_text(followed), p.caution)
        elif phase == "done":
            found = state.step.found(state)
            if found:
                _line(fa.ICON_FA_MAGNIFYING_GLASS_CHART, found, p.text)
        if self.state.can_touch(phase):
            self._touches(beside=beside)

    def _touches(self, *, beside: bool) -> None:
        p = palette()
        for k, touch in enumerate(self.state.step.touches):
            done = k in self.state.touched
            if k and beside:
                imgui.same_line(0, em(1.5))
            icon = fa.ICON_FA_CIRCLE_CHECK if done else fa.ICON_FA_HAND_POINTER
            _line(icon, touch.text, p.text, p.good if done else p.accent)

    def _command_line(self, phase: Phase, *, beside: bool) -> None:
        """What does the same on the command line; `beside` the buttons or above them."""
        state, command = self.state, self.command
        if phase == "asks":
            form = self.experiments.forms[state.step.kind]
            command = state.shortened(form.command(Path(state.typed(state.step.run))))
        if not command:
            return
        side = imgui.get_frame_height()
        room = imgui.get_content_region_avail().x - side - em(0.4)
        room -= em(BACK + ON + 1.2) if beside else 0
        imgui.align_text_to_frame_padding()
        fitting = shortened(command, room)
        muted(fitting)
        hint(command)
        imgui.same_line(0, em(0.2))
        tip = "Copy the command line that does the same"
        if icon_button(fa.ICON_FA_COPY, "copy", tip, color=palette().muted):
            imgui.set_clipboard_text(command)
            self.workspace.messages.say("Copied the command line")
        if beside:
            imgui.same_line()
        else:
            imgui.spacing()

    def _buttons(self, phase: Phase) -> None:
        state = self.state
        # These keys are the card's, unless they are meant for a field, a list or a dialog.
        free = not imgui.is_any_item_active() and not self._is_asking()
        free = free and not imgui.get_io().nav_visible
        label, act = self._next(phase)
        gap = em(0.4)
        imgui.set_cursor_pos_x(right_edge() - em(ON + BACK) - gap)
        imgui.begin_disabled(state.index == 0)
        back = imgui.button("Back###back", ImVec2(em(BACK), 0))
        hint("To the step before (Backspace)")
        back |= free and state.index > 0 and imgui.is_key_pressed(imgui.Key.backspace, False)
        imgui.end_disabled()
        imgui.same_line(0, gap)
        imgui.begin_disabled(act is None)
        go_on = primary_button(f"{label}###next", ImVec2(em(ON), 0))
        hint(f"{label} (Enter)")
        imgui.end_disabled()
        go_on |= free and imgui.is_key_pressed(imgui.Key.enter, False)
        if back:
            self._go_to(state.index - 1)
        elif go_on and act is not None:
            act()
        elif free and imgui.is_key_pressed(imgui.Key.escape, False):
            state.leave()

    def _next(self, phase: Phase) -> tuple[str, Callable[[], object] | None]:
        """What goes on from here: how it is called, and what it does, if it can be done."""
        state, step = self.state, self.state.step
        if phase == "blocked":
            missing = state.missing or 0
            return f"To {STEPS[missing].title.lower()}", lambda: self._go_to(missing)
        if phase == "asks":
            can_start = self.experiments.forms[step.kind].settings is not None
            return "Start", (lambda: self.experiments.start(step.kind)) if can_start else None
        if phase == "works":
            return "Working…", None
        if phase == "stopped":
            return "Resume", self._resume
        if state.index == len(STEPS) - 1:
            return "Done", state.leave
        return f"Next: {STEPS[state.index + 1].title.lower()}", lambda: self._go_to(state.index + 1)

    def _resume(self) -> None:
        followed = self.workspace.runs.select(self.state.folder(self.state.step.run))
        if followed is not None:
            self.workspace.resume(followed)


def _share(followed: FollowedRun) -> float:
    return followed.progress.fraction if followed.progress is not None else 0.0


def _line(icon: str, text: str, color: Color, icon_color: Color | None = None) -> None:
    """An icon and, beside it, text that may take several lines."""
    x = imgui.get_cursor_pos_x()
    imgui.text_colored(vec(icon_color or color), icon)
    imgui.same_line(x + em(1.7), 0)
    wrapped(text, color)


def point_at(target: Rect, card: Rect) -> None:
    """A frame around what the card speaks of, and an arrow to it; they take no clicks."""
    draw, color, round_ = imgui.get_foreground_draw_list(), palette().accent, em(0.3)
    left, top, right, bottom = target
    for inset, alpha in ((-2, 0.9), (-1, 0.9), (0, 0.35), (1, 0.2), (2, 0.1)):
        lo, hi = ImVec2(left + inset, top + inset), ImVec2(right - inset, bottom - inset)
        draw.add_rect(lo, hi, u32(color, alpha), round_)
    arrow = arrow_between(card, target)
    if arrow is None:
        return
    (x0, y0), (x1, y1) = arrow
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
    ux, uy, head = (x1 - x0) / length, (y1 - y0) / length, min(em(0.7), length)
    base = ImVec2(x1 - head * ux, y1 - head * uy)
    draw.add_line(ImVec2(x0, y0), base, u32(color), em(0.2))
    side = 0.55 * head
    draw.add_triangle_filled(
        ImVec2(x1, y1),
        ImVec2(base.x - side * uy, base.y + side * ux),
        ImVec2(base.x + side * uy, base.y - side * ux),
        u32(color),
    )
