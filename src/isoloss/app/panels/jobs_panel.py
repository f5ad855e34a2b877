"""The jobs panel: what is at work, what waits for its turn, and what has ended meanwhile."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.menus.run_menu import USES, open_folder
from isoloss.app.state.opening.opener import show_again
from isoloss.app.ui.panel import Surroundings
from isoloss.app.ui.style import Color, palette, u32, vec
from isoloss.app.ui.widgets import (
    em,
    hint,
    icon_button,
    muted,
    primary_button,
    shortened,
    thin_progress,
    wrapped,
)
from isoloss.errors import IsolossError
from isoloss.jobs.follow import FollowedRun, can_resume
from isoloss.naming import capitalized, duration, in_words, printable, size_in_words
from isoloss.settings import AnySettings, TrainingSettings

_DRAGGED = "a run that waits"
PLACES = 5
"""Of buttons in a row."""
BAR = 0.35
"""Height of a bar of progress, in em."""


class _Button(NamedTuple):
    """What stands at the end of a row; imgui and tests know it by its name."""

    sign: str
    name: str
    tip: str
    act: Callable[[], object]


class JobsPanel:
    """Lists the runs, those at work first."""

    def __init__(self, parts: Surroundings) -> None:
        self._parts, self.workspace = parts, parts.workspace
        self._listed: list[FollowedRun] = []
        self._left = 0.0

    def draw(self) -> None:
        """Draw the panel's content."""
        runs = self.workspace.runs
        if not runs.followed:
            wrapped("Runs that you start in Experiments appear here.", palette().muted)
            return
        self._limits()
        for followed in self._in_order():
            imgui.push_id(printable(followed.run.folder))
            self._run(followed)
            imgui.pop_id()

    def _in_order(self) -> list[FollowedRun]:
        """The runs in order; while the mouse is among them in that of before, for it is to find
        them where they were."""
        found = self.workspace.runs.in_order()
        is_asked = imgui.is_popup_open("", int(imgui.PopupFlags_.any_popup))
        if imgui.is_window_hovered() or is_asked:
            known = [f for f in self._listed if f in found]
            found = known + [f for f in found if f not in known]
        self._listed = found
        return found

    def _limits(self) -> None:
        """How many jobs may be at work at once, on each device that is wanted by more than one."""
        runs = self.workspace.runs
        if not runs.queue.waiting:
            return
        devices = {
            runs.device(f) for f in runs.followed if f.is_active or runs.place(f) is not None
        }
        for device in sorted(devices):
            imgui.align_text_to_frame_padding()
            muted(f"At once on {device}")
            imgui.same_line(0, em(0.5))
            imgui.set_next_item_width(em(6))
            count = runs.queue.limit(device)
            changed, typed = imgui.input_int(f"##limit {device}", count)
            hint("So many jobs; what waits begins when one has ended")
            if changed and typed != count:
                runs.queue.set_limit(device, typed)
                runs.begin_due()

    def _run(self, followed: FollowedRun) -> None:
        runs = self.workspace.runs
        selected = runs.selected is followed
        draw = imgui.get_window_draw_list()
        draw.channels_split(2)
        draw.channels_set_current(1)
        start = imgui.get_cursor_screen_pos()
        width = imgui.get_content_region_avail().x
        imgui.begin_group()
        self._left = imgui.get_cursor_pos_x()
        self._first_line(followed, width)
        self._second_line(followed, width)
        imgui.end_group()
        lo, hi = start, imgui.get_item_rect_max()
        pad = em(0.3)
        lo, hi = ImVec2(lo.x - pad, lo.y - pad), ImVec2(start.x + width + pad, hi.y + pad)
        self._drop_here(followed, imgui.internal.ImRect(lo, hi))
        draw.channels_set_current(0)
        hovered = imgui.is_mouse_hovering_rect(lo, hi) and imgui.is_window_hovered()
        if selected or hovered:
            color = u32(palette().accent, 0.16) if selected else u32(palette().muted, 0.08)
            draw.add_rect_filled(lo, hi, color, em(0.35))
        draw.channels_merge()
        if hovered and imgui.is_mouse_clicked(0):
            runs.selected = followed
            if followed.run.settings.is_robustness:
                self.workspace.show_evaluation(followed)
        imgui.dummy(ImVec2(0, em(0.1)))

    def _drop_here(self, followed: FollowedRun, row: imgui.internal.ImRect) -> None:
        """Let a run that waits be dropped at the place of another."""
        queue, place = self.workspace.runs.queue, self.workspace.runs.place(followed)
        target = imgui.internal.begin_drag_drop_target_custom
        if place is None or not target(row, imgui.get_id("row")):
            return
        dropped = imgui.accept_drag_drop_payload_py_id(_DRAGGED)
        if dropped is not None and dropped.data_id < len(queue.waiting):
            queue.move(queue.waiting[dropped.data_id], place)
            self._listed = []
        imgui.end_drag_drop_target()

    def _grip(self, followed: FollowedRun, place: int) -> None:
        """What a run that waits is dragged by."""
        icon_button(fa.ICON_FA_GRIP_VERTICAL, "grip", "Drag it to its place", color=palette().muted)
        if imgui.begin_drag_drop_source():
            imgui.set_drag_drop_payload_py_id(_DRAGGED, place)
            imgui.text_unformatted(printable(followed.run.name))
            imgui.end_drag_drop_source()
        imgui.same_line(0, em(0.2))

    def _first_line(self, followed: FollowedRun, width: float) -> None:
        place = self.workspace.runs.place(followed)
        icon, color = status_sign(followed, waits=place is not None)
        side = imgui.get_frame_height()
        if place is not None:
            self._grip(followed, place)
            width -= side + em(0.2)
        x = imgui.get_cursor_pos_x()
        imgui.align_text_to_frame_padding()
        imgui.text_colored(vec(color), icon)
        hint(followed.status)
        x -= self._left  # within a row, places on a line are counted from the row's own left
        imgui.same_line(x + em(1.6))
        room = width - em(1.8) - side * PLACES
        imgui.text_unformatted(shortened(followed.run.name, room))
        hint(str(followed.run.folder))
        for place, button in self._buttons(followed).items():
            imgui.same_line(x + width - side * (PLACES - place))
            if icon_button(button.sign, button.name, button.tip, color=palette().muted):
                button.act()
        self._uses(followed)
        self._end_at_once(followed)

    def _uses(self, followed: FollowedRun) -> None:
        """The forms that can be filled in for a training run."""
        if not imgui.begin_popup("uses"):
            return
        settings = followed.run.settings
        assert isinstance(settings, TrainingSettings)
        for kind in USES[settings.task]:
            if imgui.menu_item(f"{in_words(kind)}…###{kind}", "", False)[0]:
                self._parts.use(kind, followed)
        imgui.end_popup()

    def _end_at_once(self, followed: FollowedRun) -> None:
        """Ask whether a job is to be ended that has been asked to stop, and has not yet."""
        if not imgui.begin_popup("end"):
            return
        if not followed.is_asked_to_stop:  # it has stopped meanwhile
            imgui.close_current_popup()
        imgui.push_text_wrap_pos(em(20))
        imgui.text_unformatted(
            "It is about to stop, and keeps what it has done. Ended at once, it does the last of "
            "that again when it is resumed."
        )
        imgui.pop_text_wrap_pos()
        if primary_button("End it at once###end now"):
            self.workspace.runs.end(followed)
            imgui.close_current_popup()
        imgui.end_popup()

    def _buttons(self, followed: FollowedRun) -> dict[int, _Button]:
        """Those that can be pressed now, each by its place, which it keeps."""
        workspace, runs = self.workspace, self.workspace.runs
        settings, waits = followed.run.settings, runs.place(followed) is not None
        found: dict[int, _Button] = {}
        if waits:
            found[0] = _Button(
                fa.ICON_FA_FORWARD, "now", "Start it now, whatever is at work",
                lambda: self._start_now(followed),
            )  # fmt: skip
        if isinstance(settings, TrainingSettings):
            found[1] = _Button(
                fa.ICON_FA_FLASK, "use", "Use what it has learnt", lambda: imgui.open_popup("uses")
            )
        else:
            sign = fa.ICON_FA_MOUNTAIN if settings.leaves_surface else fa.ICON_FA_CHART_LINE
            what = "surface" if settings.leaves_surface else "accuracies"
            what = "eigenvalues" if settings.measures_curvature else what
            found[1] = _Button(
                sign, "show", f"Show its {what}", lambda: show_again(workspace, followed)
            )
        if followed.is_asked_to_stop:
            found[2] = _Button(
                fa.ICON_FA_CIRCLE_STOP, "end", "End it at once…", lambda: imgui.open_popup("end")
            )
        elif followed.is_active or waits:
            found[2] = _Button(
                fa.ICON_FA_STOP, "cancel", f"Cancel: {later(settings)}",
                lambda: runs.cancel(followed),
            )  # fmt: skip
        elif can_resume(followed):
            found[2] = _Button(
                fa.ICON_FA_PLAY, "resume", "Resume the run", lambda: workspace.resume(followed)
            )
        found[3] = _Button(
            fa.ICON_FA_FOLDER_OPEN, "reveal", "Open its folder",
            lambda: open_folder(followed.run.folder, workspace.messages),
        )  # fmt: skip
        if not followed.is_active and not waits:
            found[4] = _Button(
                fa.ICON_FA_XMARK, "forget", "Take off the list; the folder stays",
                lambda: runs.forget(followed),
            )  # fmt: skip
        return found

    def _start_now(self, followed: FollowedRun) -> None:
        try:
            self.workspace.runs.start_now(followed)
        except IsolossError as error:
            self.workspace.messages.say(str(error), "error")

    def _second_line(self, followed: FollowedRun, width: float) -> None:
        """How far it is and what there is to say: as high in every state, that no row jumps."""
        imgui.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(em(0.5), em(0.15)))
        imgui.push_style_var(imgui.StyleVar_.frame_padding, ImVec2(em(0.4), em(0.1)))
        gap = em(0.4)
        steps = self.workspace.runs.next_steps(followed)
        widths = [imgui.calc_text_size(step.label).x + em(0.8) for step in steps]
        left = width - sum(widths) - gap * max(len(steps) - 1, 0)
        text, color = self._said(followed)
        imgui.align_text_to_frame_padding()
        imgui.text_colored(vec(color), shortened(text, left - gap if steps else left))
        hint(text)
        for step, wide in zip(steps, widths, strict=True):
            imgui.same_line(left)
            if imgui.button(f"{step.label}###next {step.name}"):
                self._parts.go_on(step, followed)
            left += wide + gap
        if followed.is_active:
            progress = followed.progress
            thin_progress(progress.fraction if progress else 0.0, palette().accent, em(BAR))
        else:
            imgui.dummy(ImVec2(width, em(BAR)))
        imgui.pop_style_var(2)

    def _said(self, followed: FollowedRun) -> tuple[str, Color]:
        """What there is to say of a run."""
        place = self.workspace.runs.place(followed)
        if followed.is_asked_to_stop:
            return "Cancelling…", palette().muted
        if followed.is_active:
            return f"{progress_text(followed)}{self._where(followed)}", palette().muted
        if place is not None:
            return waiting_text(place), palette().muted
        if followed.status == "failed":
            return capitalized(printable(followed.failure)), palette().bad
        return status_text(followed), palette().muted

    def _where(self, followed: FollowedRun) -> str:
        """On which device a job is, and how much memory it holds."""
        runs = self.workspace.runs
        memory = runs.memory(followed)
        size = f", {size_in_words(memory)}" if memory else ""
        return f", on {runs.device(followed)}{size}"


def later(settings: AnySettings) -> str:
    """What becomes of a run that is cancelled."""
    if settings.is_from_python:
        return "the script that began it is interrupted, and goes on when it is run again"
    if settings.is_robustness:
        return (
            "the run stays paused and can be resumed; the images at work, 256 at most, begin again "
            "then"
        )
    return "the run stays paused and can be resumed"


def waiting_text(place: int) -> str:
    """What there is to say of a run that waits behind so many others."""
    if place == 0:
        return "Waits until its device is free"
    return f"Waits, behind {place} other{'s' if place > 1 else ''}"


def status_sign(followed: FollowedRun, *, waits: bool = False) -> tuple[str, Color]:
    """Icon and colour of a run's status."""
    p = palette()
    if waits or followed.waits_for:
        return fa.ICON_FA_CLOCK, p.muted
    if followed.is_active:
        return fa.ICON_FA_CIRCLE_PLAY, p.accent
    return {
        "done": (fa.ICON_FA_CIRCLE_CHECK, p.good),
        "failed": (fa.ICON_FA_CIRCLE_XMARK, p.bad),
        "paused": (fa.ICON_FA_CIRCLE_PAUSE, p.caution),
    }.get(followed.status, (fa.ICON_FA_CIRCLE, p.muted))


def progress_text(followed: FollowedRun) -> str:
    """Stage, how far it is, how fast and how long still."""
    progress = followed.progress
    if followed.waits_for:
        return f"Waits for {followed.waits_for}"
    if followed.status == "waiting" or progress is None:
        return "Starting…"
    unit = progress.unit or "units"
    parts = [f"{progress.stage} {progress.done:,} of {progress.total:,} {progress.unit}".rstrip()]
    if progress.rate > 0:
        digits = ",.0f" if progress.rate >= 100 else ".3g"
        rate = f"{progress.rate:{digits}} {unit}/s"
        if progress.rate < 0.5:
            rate = f"{1 / progress.rate:.3g} s each"
        parts.append(rate)
    if math.isfinite(progress.eta):
        parts.append(f"{duration(progress.eta)} left")
    return ", ".join(parts)


def status_text(followed: FollowedRun) -> str:
    """What there is to say of a run that no process is at."""
    kind = followed.run.settings.kind
    if followed.status == "done":
        spent = f" in {duration(followed.seconds)}" if math.isfinite(followed.seconds) else ""
        return f"{in_words(kind)}, done{spent}"
    if followed.status == "waiting":
        return f"{in_words(kind)}, not begun"
    reached = f" at {100 * followed.progress.fraction:.0f} %" if followed.progress else ""
    how = " (its script resumes it)" if followed.run.settings.is_from_python else ""
    return f"{in_words(kind)}, {followed.status}{reached}{how}"
