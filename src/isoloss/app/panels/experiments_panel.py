"""The experiments panel: forms made from the settings models, and the button that starts a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imgui_bundle import ImVec2, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.forms.form_fields import FormFields, enter_is_pressed, shown_value
from isoloss.app.panels.forms.preset_row import PresetRow
from isoloss.app.state.forms.field_specs import FieldSpec
from isoloss.app.state.forms.form_memory import FormMemory
from isoloss.app.state.forms.settings_form import Form
from isoloss.app.state.forms.trained import all_trained, data_of, denoiser_for, short
from isoloss.app.state.forms.usual import Usual
from isoloss.app.state.glossary import of_field
from isoloss.app.state.next_steps import taken_over
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.panel import NOTHING
from isoloss.app.ui.spots import mark
from isoloss.app.ui.style import Color, palette, u32, vec
from isoloss.app.ui.widgets import (
    beside_fields,
    dotted,
    em,
    fitted,
    hint,
    hint_over,
    icon_button,
    muted,
    primary_button,
    right_edge,
    row,
    rows,
    shortened,
    wrapped,
)
from isoloss.jobs.follow import FollowedRun
from isoloss.naming import capitalized, in_words
from isoloss.settings import KINDS, TrainingSettings

LABELS = 9.9
"""Width of the labels at most, in em."""
SMALLEST = 0.78
"""Of titles, where room is scarce."""
_SHORT = {"probe-input": "Image"}
"""Titles of tabs, where room is scarce."""
CHANGED = "•"
"""After the label of what differs from the run that is repeated."""
LINES = 3
"""Lines that the command line, or what is wrong, may take."""


class ExperimentsPanel:
    """One tab for each kind of run."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.memory = workspace, FormMemory()
        self.forms = {kind: Form(model, workspace.forms) for kind, model in KINDS.items()}
        for kind, values in self.memory.load().items():
            self.forms[kind].fill(values)
        self.folders: dict[str, str | None] = dict.fromkeys(KINDS)
        self.times_asked_for = 0
        self.fields = FormFields()
        self.presets = PresetRow(workspace.messages)
        self._wanted: str | None = None
        self._focus = ""
        self._may_start = self._is_starting = False

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

    def _form(self, kind: str, form: Form) -> None:
        # As high with an error as without one, so that nothing jumps under the hand.
        frame, gap = imgui.get_frame_height(), imgui.get_style().item_spacing.y
        footer = 3 * frame + LINES * imgui.get_text_line_height() + 5 * gap + em(0.4)
        self._may_start = False
        imgui.push_style_var(imgui.StyleVar_.child_border_size, 0)
        shared = int(imgui.ChildFlags_.nav_flattened)
        if imgui.begin_child("fields", ImVec2(0, -footer), shared):
            self.presets.draw(form, _labels(form))
            for name, fields in form.sections.items():
                if not name or _unfolded(name, form, fields):
                    self._rows(form, fields)
        imgui.end_child()
        imgui.pop_style_var()
        imgui.separator()
        self._footer(kind, form)
        self._keys(kind, form)

    def _rows(self, form: Form, fields: list[FieldSpec]) -> None:
        with rows(fields[0].name, _labels(form)) as shown:
            if shown:
                for field in filter(form.matters, fields):
                    imgui.push_id(field.name)
                    self._row(form, field)
                    imgui.pop_id()

    def _row(self, form: Form, field: FieldSpec) -> None:
        """One field: its label, what it holds or will come to, and an arrow back to that."""
        verdict, p = form.verdict, palette()
        wrong = verdict.wrong == field.name and not verdict.missing
        imgui.table_next_row()
        imgui.table_next_column()
        lo = imgui.get_cursor_screen_pos()
        label = f"{field.label} {CHANGED}" if form.differs(field) else field.label
        terms = of_field(field.name)
        fitting = self._label(form, field, label, p.bad if wrong else p.muted)
        imgui.table_next_column()
        if self._focus == field.name:
            imgui.set_keyboard_focus_here()
            self._focus = ""
        self._input(form, field, wrong=wrong)
        right = imgui.get_cursor_screen_pos().x + imgui.get_content_region_avail().x
        hi = ImVec2(right, imgui.get_item_rect_max().y)
        self._one_or_several(form, field, lo, hi)
        tip = field.in_words(field.help) + (f" ({field.bounds})" if field.bounds else "")
        hint_over(lo, hi, f"{label}. {tip}" if fitting != label else tip, terms)

    def _label(self, form: Form, field: FieldSpec, label: str, color: Color) -> str:
        """The label as far as there is room, which is returned; and an arrow back to the default
        where the field holds something else."""
        room, side = imgui.get_content_region_avail().x, imgui.get_frame_height()
        at, terms = imgui.get_cursor_pos(), of_field(field.name)
        is_default = field.required or field.name in form.several or not form.is_changed(field)
        fitting = shortened(label, room if is_default else room - side)
        imgui.align_text_to_frame_padding()
        dotted(fitting, color, is_term=bool(terms))
        if not is_default:
            imgui.set_cursor_pos(ImVec2(at.x + room - side, at.y))
            with beside_fields():
                if icon_button(fa.ICON_FA_ROTATE_LEFT, "reset", color=palette().muted):
                    form.set(field.name, field.default)
        return fitting

    def _input(self, form: Form, field: FieldSpec, *, wrong: bool) -> None:
        verdict, name = form.verdict, field.name
        if name in form.several:
            form.set_several(name, self.fields.draw_several(form.several[name], wrong))
        else:
            entered = self.fields.draw(
                field,
                form.values[name],
                verdict.usual.get(name, Usual()),
                verdict.offers.get(name, ()),
                remark=verdict.remarks.get(name, ""),
                wrong=wrong,
            )
            form.set(name, entered)
        self._note_keys()

    def _note_keys(self) -> None:
        """Take down whether Enter, at the field drawn last, is to start the run."""
        self._may_start |= self.fields.has_focus
        self._is_starting |= self.fields.entered

    def _keys(self, kind: str, form: Form) -> None:
        """Enter starts: where it ends what is typed, and at any field."""
        listing = imgui.is_popup_open("", int(imgui.PopupFlags_.any_popup))
        at_field = self._may_start and not listing and not imgui.is_any_item_active()
        if at_field and imgui.is_window_focused(int(imgui.FocusedFlags_.child_windows)):
            self._is_starting |= enter_is_pressed()
            for key in (imgui.Key.enter, imgui.Key.keypad_enter):  # not for the field itself
                imgui.internal.set_key_owner(key, imgui.get_id("start by key"))
        if not self._is_starting or not form.is_judged:
            return
        self._is_starting = False
        if form.settings is None:
            self._focus = form.wrong
        else:
            self._start(kind, form)

    def _one_or_several(self, form: Form, field: FieldSpec, lo: ImVec2, hi: ImVec2) -> None:
        """A menu on the row: whether the field takes several values, for a run each."""
        is_here = imgui.is_mouse_hovering_rect(lo, hi, False) and imgui.is_window_hovered()
        by_key = self.fields.has_focus and imgui.is_key_pressed(imgui.Key.menu, False)
        if by_key or (is_here and imgui.is_mouse_clicked(1)):
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

    def _footer(self, kind: str, form: Form) -> None:
        folder = short(self.folder(kind))
        with rows("folder", _labels(form)) as shown:
            if shown:
                row("Output folder", "Where the run is kept")
                chosen = self.folders[kind] is not None
                color = palette().text if chosen else palette().muted
                with imgui_ctx.push_style_color(imgui.Col_.text, vec(color)):
                    changed, typed = self.fields.draw_text("folder", folder)
                self._note_keys()
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
        ready, runs = form.verdict.settings is not None, len(form.verdict.runs)
        what = f"Start {runs:,} runs" if runs else "Start"
        if not ready:
            what = shortened(_why_not(form), width - em(3))
        imgui.begin_disabled(not ready)
        if primary_button(f"{fa.ICON_FA_PLAY}  {what}###start", ImVec2(width, 0)):
            self._is_starting = True
        mark("start")
        imgui.end_disabled()
        imgui.same_line(right_edge() - side)
        tip = "Back to the defaults"
        if icon_button(fa.ICON_FA_ROTATE_LEFT, "defaults", tip, color=palette().muted):
            form.reset()
            self.folders[kind] = None

    def _start(self, kind: str, form: Form) -> None:
        if not form.is_judged:  # as soon as it is
            self._is_starting = True
            return
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
        if not begun:
            return
        self.folders[kind] = None
        self.memory.keep(kind, form.values)
        self.workspace.forms.do(self.memory.save)
        if not form.runs and (followed := self.workspace.runs.selected) is not None:
            self.workspace.begun.remember(form, followed)


def _why_not(form: Form) -> str:
    """Why nothing can be started, as the button says it."""
    wrong = next((f for f in form.fields if f.name == form.wrong), None)
    if wrong is None:
        return "Something is wrong, see above" if form.error else "Checking…"
    return f"{wrong.label}: {'needed' if form.missing else 'see above'}"


def _beside_titles(titles: list[str]) -> float:
    """The padding of tabs: the usual one, or as much as lets all of them be read."""
    room = (imgui.get_content_region_avail().x - _width_of(titles)) / (2 * len(titles))
    return min(max(room, 0), imgui.get_style().frame_padding.x)


def _that_fits(titles: list[str]) -> float:
    """How large titles of tabs may be, of the usual size, that all of them can be read."""
    return min(max(imgui.get_content_region_avail().x / _width_of(titles), SMALLEST), 1.0)


def _width_of(titles: list[str]) -> float:
    between = imgui.get_style().item_inner_spacing.x + 1
    return sum(imgui.calc_text_size(title).x + between for title in titles)


def _labels(form: Form) -> float:
    """Width of the labels of a form: of the longest of those that are usual."""
    shown = (f.label for f in form.sections[""] if form.matters(f))
    longest = max(imgui.calc_text_size(label).x for label in (*shown, "Output folder"))
    return min(longest + em(0.5), em(LABELS))


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
        at = ImVec2(lo.x + _labels(form) + em(0.5), (lo.y + hi.y - imgui.get_font_size()) / 2)
        imgui.get_window_draw_list().add_text(at, u32(palette().muted), f"{changed} changed")
    if opened:
        imgui.tree_pop()
    return opened
