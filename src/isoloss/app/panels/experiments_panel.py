"""The experiments panel: forms made from the settings models, and the button that starts a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imgui_bundle import ImVec2, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.forms.form_fields import enter_is_pressed
from isoloss.app.panels.forms.form_footer import LINES, command_or_error, foresight_line, why_not
from isoloss.app.panels.forms.form_rows import FormRows, label_width
from isoloss.app.panels.forms.preset_row import PresetRow
from isoloss.app.state.forms.begun import why_taken
from isoloss.app.state.forms.form_memory import FormMemory
from isoloss.app.state.forms.settings_form import Form
from isoloss.app.state.forms.trained import all_trained, data_of, denoiser_for, short
from isoloss.app.state.next_steps import taken_over
from isoloss.app.state.session.session_keeper import EVERY
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.panel import NOTHING
from isoloss.app.ui.spots import mark
from isoloss.app.ui.style import palette, vec
from isoloss.app.ui.widgets import (
    em,
    icon_button,
    primary_button,
    right_edge,
    row,
    rows,
    shortened,
)
from isoloss.jobs.follow import FollowedRun
from isoloss.naming import in_words
from isoloss.settings import KINDS, TrainingSettings

SMALLEST = 0.78
"""Of titles, where room is scarce."""
_SHORT = {"probe-input": "Image"}
"""Titles of tabs, where room is scarce."""


class ExperimentsPanel:
    """One tab for each kind of run."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.memory = workspace, FormMemory()
        self.forms = {kind: Form(model, workspace.forms) for kind, model in KINDS.items()}
        self.folders: dict[str, str | None] = dict.fromkeys(KINDS)
        for kind, entered in self.memory.load().items():
            self.forms[kind].fill(entered.values)
            for name, text in entered.several.items():
                self.forms[kind].set_several(name, text)
            self.folders[kind] = entered.folder
        self.times_asked_for = 0
        self.rows = FormRows()
        self.presets = PresetRow(workspace.messages)
        self._wanted: str | None = None
        self._due = ""
        self._kept_at = 0.0
        self._place: tuple[object, Path, str] = None, Path(), ""

    def fill(self, kind: str, followed: FollowedRun) -> None:
        """Bring a form to the front, filled in for what a training run has learnt, or for the
        network that another run is about."""
        trained = followed.run.settings
        form, folder = self.forms[kind], short(followed.run.folder)
        there = all_trained(self.workspace.runs.trained)
        form.reset()
        self.folders[kind] = None
        if not isinstance(trained, TrainingSettings):
            form.fill(taken_over(trained, kind))
            if not form.values.get("denoiser", "-"):
                data = data_of(str(form.values.get("source", "")))
                form.set("denoiser", denoiser_for(there, data))
        elif trained.task == "denoiser":
            form.set("denoiser", folder)
        else:
            form.set("source", folder)
            if trained.task == "path" and kind == "probe":
                form.set("plane", "path")
            if "denoiser" in form.values:
                found = denoiser_for(there, trained.data)
                form.set("denoiser", found or form.values["denoiser"])
        self.show(kind)

    def offer(self, kind: str, values: dict[str, Any], folder: str | None = None) -> None:
        """Bring a form to the front, filled in; `folder` is where the run would go."""
        form = self.forms[kind]
        form.reset()
        self.folders[kind] = folder
        for name, value in values.items():
            form.set(name, value)
        self.show(kind)

    def begin(self, kind: str, values: dict[str, Any]) -> None:
        """Bring a form to the front, filled in, and start what it asks for; what is wrong is said
        there."""
        self.offer(kind, values)
        self.start(kind)

    def start(self, kind: str) -> None:
        """Start what a form asks for, as its button does."""
        self._start(kind, self.forms[kind])

    def repeat(self, followed: FollowedRun, otherwise: Mapping[str, Any] = NOTHING) -> None:
        """Bring a form to the front, filled in with what a run was asked for, but for what is to be
        set `otherwise`."""
        settings = followed.run.settings
        self.forms[settings.kind].repeat(settings)
        self.forms[settings.kind].fill(otherwise)
        self.folders[settings.kind] = None
        self.show(settings.kind)

    def show(self, kind: str) -> None:
        """Bring a form to the front."""
        self._wanted = kind
        self.times_asked_for += 1

    def keep(self) -> None:
        """Let the next window find what stands in the forms, started or not."""
        if self._remember():
            self.memory.save()

    def keep_running(self, now: float) -> None:
        """The same for after a crash, every `EVERY` seconds of any clock, beside the frames."""
        if now - self._kept_at > EVERY:
            self._kept_at = now
            if self._remember():
                self.workspace.forms.do(self.memory.save)

    def _remember(self) -> bool:
        kept = [self.memory.keep(form, self.folders[kind]) for kind, form in self.forms.items()]
        return any(kept)

    def draw(self) -> None:
        """Draw the panel's content."""
        p = palette()
        for slot in (imgui.Col_.tab_selected, imgui.Col_.tab_dimmed_selected):
            imgui.push_style_color(slot, vec(p.field))
        for slot in (imgui.Col_.tab, imgui.Col_.tab_dimmed):
            imgui.push_style_color(slot, vec(p.panel))
        self._tabs()
        imgui.pop_style_color(4)
        self._start_due()

    def _tabs(self) -> None:
        titles = [_SHORT.get(kind, in_words(kind)) for kind in self.forms]
        padding = ImVec2(_beside_titles(titles), imgui.get_style().frame_padding.y)
        shrinking = int(imgui.TabBarFlags_.fitting_policy_shrink)
        size = imgui.get_style().font_size_base * _that_fits(titles)
        with (
            imgui_ctx.push_font(None, size),
            imgui_ctx.push_style_var(imgui.StyleVar_.frame_padding, padding),
        ):
            opened = imgui.begin_tab_bar("kinds", shrinking)
        if not opened:
            return
        for title, (kind, form) in zip(titles, self.forms.items(), strict=True):
            wanted = imgui.TabItemFlags_.set_selected if self._wanted == kind else 0
            with (
                imgui_ctx.push_font(None, size),
                imgui_ctx.push_style_var(imgui.StyleVar_.frame_padding, padding),
            ):
                opened = imgui.begin_tab_item(title, None, int(wanted))[0]
            if opened:
                self.workspace.begun.shown = form
                self._form(kind, form)
                imgui.end_tab_item()
        self._wanted = None
        imgui.end_tab_bar()

    def folder(self, kind: str) -> Path:
        """Where the run would go: as typed, else a free folder named for what it does."""
        typed = self.folders[kind]
        if typed is not None:
            return Path(typed).expanduser()
        settings = self.forms[kind].settings
        if settings is None:
            return self.workspace.runs.folder / kind
        endings = [run.suffix for run in self.forms[kind].runs]
        return self.workspace.runs.suggest(settings, endings or [""])

    def _looked_up(self, kind: str, form: Form) -> tuple[Path, str]:
        """Where the run would go, and why it cannot if a folder is typed that is taken; the disk is
        asked when something has changed, not in each frame."""
        typed, version = self.folders[kind], self.workspace.runs.library.version
        seen = kind, typed, form.version, form.is_judged, version
        if seen != self._place[0]:
            folder, settings, taken = self.folder(kind), form.settings, ""
            if typed is not None and settings is not None and not form.runs:
                taken = why_taken(self.workspace.folder / folder, settings)
            self._place = seen, folder, taken
        return self._place[1:]

    def _form(self, kind: str, form: Form) -> None:
        # As high with an error as without one, so that nothing jumps under the hand.
        frame, gap = imgui.get_frame_height(), imgui.get_style().item_spacing.y
        footer = 3 * frame + LINES * imgui.get_text_line_height() + 5 * gap + em(0.4)
        self.rows.may_start = False
        imgui.push_style_var(imgui.StyleVar_.child_border_size, 0)
        shared = int(imgui.ChildFlags_.nav_flattened)
        if imgui.begin_child("fields", ImVec2(0, -footer), shared):
            self.presets.draw(form, label_width(form))
            self.rows.draw(form)
        imgui.end_child()
        imgui.pop_style_var()
        imgui.separator()
        self._footer(kind, form)
        self._keys(kind)

    def _keys(self, kind: str) -> None:
        """Enter starts: where it ends what is typed, and at any field."""
        listing = imgui.is_popup_open("", int(imgui.PopupFlags_.any_popup))
        at_field = self.rows.may_start and not listing and not imgui.is_any_item_active()
        if at_field and imgui.is_window_focused(int(imgui.FocusedFlags_.child_windows)):
            self.rows.is_starting |= enter_is_pressed()
            for key in (imgui.Key.enter, imgui.Key.keypad_enter):  # not for the field itself
                imgui.internal.set_key_owner(key, imgui.get_id("start by key"))
        if self.rows.is_starting:
            self.rows.is_starting, self._due = False, kind

    def _start_due(self) -> None:
        """Start what is to be started, whichever form is seen by then, as soon as it is judged."""
        kind, form = self._due, self.forms.get(self._due)
        if form is None or not form.is_judged:
            return
        self._due = ""
        if form.settings is None:
            self.rows.focus = form.wrong
        else:
            self._start(kind, form)

    def _footer(self, kind: str, form: Form) -> None:
        place, taken = self._looked_up(kind, form)
        folder = short(place)
        with rows("folder", label_width(form)) as shown:
            if shown:
                row("Output folder", "Where the run is kept")
                chosen = self.folders[kind] is not None
                color = palette().text if chosen else palette().muted
                with imgui_ctx.push_style_color(imgui.Col_.text, vec(color)):
                    changed, typed = self.rows.fields.draw_text("folder", folder)
                self.rows.note_keys()
                if changed:
                    self.folders[kind] = typed or None
        command_or_error(form, form.command(Path(folder)), taken, self.workspace.messages)
        foresight_line(form, self.workspace.foresight)
        self._buttons(kind, form, taken)

    def _buttons(self, kind: str, form: Form, taken: str) -> None:
        side = imgui.get_frame_height()
        width = imgui.get_content_region_avail().x - side - em(0.3)
        ready, runs = form.verdict.settings is not None, len(form.verdict.runs)
        what = f"Start {runs:,} runs" if runs else "Start"
        if taken:
            what, ready = "Output folder: see above", False
        elif not ready:
            what = shortened(why_not(form), width - em(3))
        imgui.begin_disabled(not ready)
        if primary_button(f"{fa.ICON_FA_PLAY}  {what}###start", ImVec2(width, 0)):
            self.rows.is_starting = True
        mark("start")
        imgui.end_disabled()
        imgui.same_line(right_edge() - side)
        tip = "Back to the defaults"
        if icon_button(fa.ICON_FA_ROTATE_LEFT, "defaults", tip, color=palette().muted):
            form.reset()
            self.folders[kind] = None

    def _start(self, kind: str, form: Form) -> None:
        if not form.is_judged:
            self._due = kind
            return
        if form.settings is None or self._looked_up(kind, form)[1]:
            return
        folder = self.folder(kind)
        if not folder.is_absolute():
            folder = self.workspace.folder / folder
        begun = (
            self.workspace.start_sweep(folder, form.runs)
            if form.runs
            else self.workspace.start(folder, form.settings)
        )
        if not begun:
            return
        self.folders[kind] = None
        self._remember()
        self.workspace.forms.do(self.memory.save)
        if not form.runs and (followed := self.workspace.runs.selected) is not None:
            self.workspace.begun.remember(form, followed)


def _beside_titles(titles: list[str]) -> float:
    """The padding of tabs: the usual one, or as much as lets all of them be read."""
    room = (imgui.get_content_region_avail().x - _width_of(titles)) / (2 * len(titles))
    return min(max(room, 0), imgui.get_style().frame_padding.x)


def _that_fits(titles: list[str]) -> float:
    """How large titles of tabs may be, of the usual size, that all of them can be read."""
    return min(max(imgui.get_content_region_avail().x / _width_of(titles), SMALLEST), 1.0)


def _width_of(titles: list[str]) -> float:
    # A tab is a pixel wider on both sides, and its text rounded up.
    between = imgui.get_style().item_inner_spacing.x + 3
    return sum(imgui.calc_text_size(title).x + between for title in titles)
