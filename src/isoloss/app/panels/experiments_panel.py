"""The experiments panel: forms made from the settings models, and the button that starts a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imgui_bundle import ImVec2, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.form_fields import draw_field, draw_several, shown_value
from isoloss.app.panels.preset_row import PresetRow
from isoloss.app.state.forms.settings_form import FieldSpec, Form
from isoloss.app.state.forms.trained import all_trained, data_of, denoiser_for, suggestions
from isoloss.app.state.glossary import of_field
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.spots import mark
from isoloss.app.ui.style import palette, u32, vec
from isoloss.app.ui.widgets import (
    em,
    fitted,
    hint,
    icon_button,
    muted,
    primary_button,
    right_edge,
    row,
    rows,
    wrapped,
)
from isoloss.jobs.follow import FollowedRun
from isoloss.naming import capitalized, in_words
from isoloss.settings import KINDS, TrainingSettings

LABELS = 9.9
"""Width of the labels, in em."""
_SHORT = {"probe-input": "Image"}
"""Titles of tabs, where room is scarce."""
CHANGED = "•"
"""After the label of what differs from the run that is repeated."""
LINES = 3
"""Lines that the command line, or what is wrong, may take."""


class ExperimentsPanel:
    """One tab for each kind of run."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.forms = {kind: Form(model) for kind, model in KINDS.items()}
        self.folders: dict[str, str | None] = dict.fromkeys(KINDS)
        self.times_asked_for = 0
        self._wanted: str | None = None
        self._source, self._trained_on = "", ""
        self.presets = PresetRow(workspace.messages)

    def fill(self, kind: str, followed: FollowedRun) -> None:
        """Bring a form to the front, filled in for what a training run has learnt."""
        trained = followed.run.settings
        if not isinstance(trained, TrainingSettings):
            return
        form, folder = self.forms[kind], self._short(followed.run.folder)
        form.reset()
        self.folders[kind] = None
        if trained.task == "denoiser":
            form.set("denoiser", folder)
        else:
            form.set("source", folder)
            if "denoiser" in form.values:
                found = denoiser_for(all_trained(self.workspace.runs, self._short), trained.data)
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

    def repeat(self, followed: FollowedRun) -> None:
        """Bring a form to the front, filled in with what a run was asked for."""
        settings = followed.run.settings
        self.forms[settings.kind].repeat(settings)
        self.folders[settings.kind] = None
        self.show(settings.kind)

    def show(self, kind: str) -> None:
        """Bring a form to the front."""
        self._wanted = kind
        self.times_asked_for += 1

    def draw(self) -> None:
        """Draw the panel's content."""
        p = palette()
        for slot in (imgui.Col_.tab_selected, imgui.Col_.tab_dimmed_selected):
            imgui.push_style_color(slot, vec(p.field))
        for slot in (imgui.Col_.tab, imgui.Col_.tab_dimmed):
            imgui.push_style_color(slot, vec(p.panel))
        self._tabs()
        imgui.pop_style_color(4)

    def _tabs(self) -> None:
        titles = [_SHORT.get(kind, in_words(kind)) for kind in self.forms]
        padding = ImVec2(_beside_titles(titles), imgui.get_style().frame_padding.y)
        shrinking = int(imgui.TabBarFlags_.fitting_policy_shrink)
        with imgui_ctx.push_style_var(imgui.StyleVar_.frame_padding, padding):
            opened = imgui.begin_tab_bar("kinds", shrinking)
        if not opened:
            return
        for title, (kind, form) in zip(titles, self.forms.items(), strict=True):
            wanted = imgui.TabItemFlags_.set_selected if self._wanted == kind else 0
            with imgui_ctx.push_style_var(imgui.StyleVar_.frame_padding, padding):
                opened = imgui.begin_tab_item(title, None, int(wanted))[0]
            if opened:
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

    def _form(self, kind: str, form: Form) -> None:
        # As high with an error as without one, so that nothing jumps under the hand.
        frame, gap = imgui.get_frame_height(), imgui.get_style().item_spacing.y
        footer = 3 * frame + LINES * imgui.get_text_line_height() + 5 * gap + em(0.4)
        imgui.push_style_var(imgui.StyleVar_.child_border_size, 0)
        if imgui.begin_child("fields", ImVec2(0, -footer)):
            self.presets.draw(form)
            for name, fields in form.sections.items():
                if not name or _unfolded(name, form, fields):
                    self._rows(form, fields)
        imgui.end_child()
        imgui.pop_style_var()
        imgui.separator()
        self._footer(kind, form)

    def _rows(self, form: Form, fields: list[FieldSpec]) -> None:
        with rows(fields[0].name, em(LABELS)) as shown:
            if not shown:
                return
            for field in filter(form.matters, fields):
                wrong = form.wrong == field.name and not form.missing
                tip = field.help + (f" ({field.bounds})" if field.bounds else "")
                label = f"{field.label} {CHANGED}" if form.differs(field) else field.label
                row(label, tip, terms=of_field(field.name), wrong=wrong)
                imgui.push_id(field.name)
                self._one_or_several(form, field)
                if field.name in form.several:
                    form.set_several(field.name, draw_several(form.several[field.name], wrong))
                else:
                    value = form.values[field.name]
                    entered = draw_field(field, value, wrong, self.suggestions(form, field))
                    form.set(field.name, entered)
                imgui.pop_id()

    def _one_or_several(self, form: Form, field: FieldSpec) -> None:
        """A menu on the row: whether the field takes several values, for a run each."""
        lo = ImVec2(imgui.get_window_pos().x, imgui.get_cursor_screen_pos().y)
        hi = ImVec2(lo.x + imgui.get_window_width(), lo.y + imgui.get_frame_height())
        is_here = imgui.is_mouse_hovering_rect(lo, hi, False) and imgui.is_window_hovered()
        if is_here and imgui.is_mouse_clicked(1):
            imgui.open_popup("row")
        if not imgui.begin_popup("row"):
            return
        several = field.name in form.several
        if imgui.menu_item("Several values, a run each###several", "", several)[0]:
            typed = None if several else shown_value(form.values[field.name])
            form.set_several(field.name, typed)
        if form.differs(field) and imgui.menu_item("As in the run repeated###again", "", False)[0]:
            assert form.repeated is not None
            form.set(field.name, form.repeated[field.name])
        if (
            form.is_changed(field)
            and imgui.menu_item("Back to the default###default", "", False)[0]
        ):
            form.set(field.name, field.default)
        imgui.end_popup()

    def suggestions(self, form: Form, field: FieldSpec) -> list[tuple[str, str]]:
        """What a text field offers, as (value, as shown)."""
        if field.names not in ("classifier", "denoiser"):
            return [(choice, choice) for choice in field.choices]
        trained = all_trained(self.workspace.runs, self._short)
        found = suggestions(trained, field.names, self._data(form))
        values = [value for value, _ in found]
        return found + [(choice, choice) for choice in field.choices if choice not in values]

    def _data(self, form: Form) -> str:
        """What the network in a form was trained on, found out when another one is entered."""
        source = str(form.values.get("source", ""))
        if self._source != source:
            self._source, self._trained_on = source, data_of(source)
        return self._trained_on

    def _short(self, folder: Path) -> str:
        base = self.workspace.folder
        return str(folder.relative_to(base)) if folder.is_relative_to(base) else str(folder)

    def _footer(self, kind: str, form: Form) -> None:
        folder = self._short(self.folder(kind))
        with rows("folder", em(LABELS)) as shown:
            if shown:
                row("Output folder", "Where the run is kept")
                changed, typed = imgui.input_text("##folder", folder)
                if changed:
                    self.folders[kind] = typed or None
        self._command_or_error(form, form.command(Path(folder)))
        self._foresight(form)
        self._buttons(kind, form)

    def _command_or_error(self, form: Form, command: str) -> None:
        """The command line that asks for the same or, in its place, what is wrong."""
        side = imgui.get_frame_height()
        at = imgui.get_cursor_pos()
        width = imgui.get_content_region_avail().x - side - em(0.3)
        if form.error:
            p = palette()
            color = p.muted if form.missing else p.bad
            icon = fa.ICON_FA_CIRCLE_INFO if form.missing else fa.ICON_FA_CIRCLE_EXCLAMATION
            imgui.text_colored(vec(color), icon)
            imgui.set_cursor_pos(ImVec2(at.x + em(1.6), at.y))
            wrapped(fitted(form.error, width + side - em(1.6), LINES), color)
            hint(form.error)
        else:
            imgui.push_text_wrap_pos(at.x + width)
            imgui.text_colored(vec(palette().muted), fitted(command, width, LINES))
            imgui.pop_text_wrap_pos()
            hint(command)
            imgui.set_cursor_pos(ImVec2(right_edge() - side, at.y))
            tip = "Copy the command line that does the same"
            if icon_button(fa.ICON_FA_COPY, "copy", tip, color=palette().muted):
                imgui.set_clipboard_text(command)
                self.workspace.messages.say("Copied the command line")
        height = LINES * imgui.get_text_line_height()
        imgui.set_cursor_pos(at)
        imgui.dummy(ImVec2(0, height))

    def _foresight(self, form: Form) -> None:
        """What it will take, and a trial that finds out."""
        foresight = self.workspace.foresight
        asked = [run.settings for run in form.runs] or [form.settings]
        known = [settings for settings in asked if settings is not None]
        told = foresight.of(known) if known else None
        side = imgui.get_frame_height()
        imgui.align_text_to_frame_padding()
        if foresight.trial is not None:
            text = "Trying for a second…"
        elif told is not None:
            text = capitalized(told.in_words)
        else:
            text = "" if form.settings is None else "Time unknown"
        muted(text)
        if told is not None:
            hint(f"Told from {told.basis}")
        imgui.same_line(right_edge() - side)
        if foresight.trial is not None:
            if icon_button(fa.ICON_FA_STOP, "untry", "Stop the trial", color=palette().muted):
                foresight.cancel()
            return
        imgui.begin_disabled(form.settings is None)
        tip = "Try for a second how long it takes, and how much memory"
        if icon_button(fa.ICON_FA_STOPWATCH, "try", tip, color=palette().muted) and known:
            foresight.begin_trial(known[0])
        imgui.end_disabled()

    def _buttons(self, kind: str, form: Form) -> None:
        side = imgui.get_frame_height()
        width = imgui.get_content_region_avail().x - side - em(0.3)
        imgui.begin_disabled(form.settings is None)
        what = f"Start {len(form.runs):,} runs" if form.runs else "Start"
        if primary_button(f"{fa.ICON_FA_PLAY}  {what}###start", ImVec2(width, 0)):
            self._start(kind, form)
        mark("start")
        imgui.end_disabled()
        imgui.same_line(right_edge() - side)
        tip = "Back to the defaults"
        if icon_button(fa.ICON_FA_ROTATE_LEFT, "defaults", tip, color=palette().muted):
            form.reset()
            self.folders[kind] = None

    def _start(self, kind: str, form: Form) -> None:
        if form.settings is None:
            return
        folder = self.folder(kind)
        if not folder.is_absolute():
            folder = self.workspace.folder / folder
        begun = (
            self.workspace.start_sweep(folder, form.runs)
            if form.runs
            else self.workspace.start(folder, form.settings)
        )
        if begun:
            self.folders[kind] = None


def _beside_titles(titles: list[str]) -> float:
    """The padding of tabs: the usual one, or as much as lets all of them be read."""
    style = imgui.get_style()
    texts = sum(imgui.calc_text_size(title).x + style.item_inner_spacing.x + 1 for title in titles)
    room = (imgui.get_content_region_avail().x - texts) / (2 * len(titles))
    return min(max(room, 0), style.frame_padding.x)


def _unfolded(name: str, form: Form, fields: list[FieldSpec]) -> bool:
    """The headline of a folded section, which says how many of its fields have been changed;
    returns whether they are to be seen."""
    if any(field.name == form.wrong for field in fields):
        imgui.set_next_item_open(True)
    changed = sum(form.is_changed(field) for field in fields)
    imgui.push_style_var(imgui.StyleVar_.frame_padding, ImVec2(2, 4))
    imgui.push_style_color(imgui.Col_.header, vec(palette().field))
    opened = imgui.tree_node_ex(name, imgui.TreeNodeFlags_.span_avail_width)
    imgui.pop_style_color()
    imgui.pop_style_var()
    if changed and not opened:
        lo, hi = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        at = ImVec2(lo.x + em(LABELS + 0.5), (lo.y + hi.y - imgui.get_font_size()) / 2)
        imgui.get_window_draw_list().add_text(at, u32(palette().muted), f"{changed} changed")
    if opened:
        imgui.tree_pop()
    return opened
