"""The rows of a form: labels, fields, what they come to, and whether one takes several values."""

from __future__ import annotations

from typing import Any

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.forms.form_fields import FormFields, shown_value
from isoloss.app.state.forms.field_specs import FieldSpec
from isoloss.app.state.forms.settings_form import Form
from isoloss.app.state.forms.usual import Usual
from isoloss.app.state.terms import of_field
from isoloss.app.ui.style import Color, palette, u32, vec
from isoloss.app.ui.widgets import (
    beside_fields,
    dotted,
    em,
    hint_over,
    icon_button,
    rows,
    shortened,
)

LABELS = 9.9
"""Width of the labels at most, in em."""
CHANGED = "•"
"""After the label of what differs from the run that is repeated."""


class FormRows:
    """Draws the rows of forms, of which one is seen at a time.

    Attributes:
        focus: the name of the field that is to have the keyboard; "" for none.
        may_start, is_starting: whether Enter at a field is to start the run; whether it has.
    """

    def __init__(self) -> None:
        self.fields = FormFields()
        self.focus = ""
        self.may_start = self.is_starting = self._is_at_arrow = False

    def draw(self, form: Form) -> None:
        """Draw all sections, of which those with a name are folded."""
        for name, fields in form.sections.items():
            if not name or _unfolded(name, form, fields):
                self._rows(form, fields)

    def _rows(self, form: Form, fields: list[FieldSpec]) -> None:
        with rows(fields[0].name, label_width(form)) as shown:
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
        terms = of_field(field.name, form.kind)
        fitting = self._label(form, field, label, p.bad if wrong else p.muted)
        imgui.table_next_column()
        if self.focus == field.name:
            imgui.set_keyboard_focus_here()
            self.focus = ""
        self._input(form, field, wrong=wrong)
        right = imgui.get_cursor_screen_pos().x + imgui.get_content_region_avail().x
        hi = ImVec2(right, imgui.get_item_rect_max().y)
        self._one_or_several(form, field, lo, hi)
        tip = _tip(field, form.values[field.name])
        if not self._is_at_arrow:
            hint_over(lo, hi, f"{label}. {tip}" if fitting != label else tip, terms)

    def _label(self, form: Form, field: FieldSpec, label: str, color: Color) -> str:
        """The label as far as there is room, which is returned; and an arrow back to the default
        where the field holds something else."""
        room, side = imgui.get_content_region_avail().x, imgui.get_frame_height()
        at, terms = imgui.get_cursor_pos(), of_field(field.name, form.kind)
        is_default = field.required or not form.is_changed(field)
        is_default &= field.name not in form.several
        fitting = shortened(label, room if is_default else room - side)
        imgui.align_text_to_frame_padding()
        dotted(fitting, color, is_term=bool(terms))
        self._is_at_arrow = False
        if not is_default:
            imgui.set_cursor_pos(ImVec2(at.x + room - side, at.y))
            tip, color = "Back to the default", palette().muted
            with beside_fields():
                if icon_button(fa.ICON_FA_ROTATE_LEFT, "reset", tip, color=color):
                    form.set_several(field.name, None)
                    form.set(field.name, field.default)
            self._is_at_arrow = imgui.is_item_hovered()
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
            if self.fields.entered or not self.fields.has_focus:
                form.leave(field)
        self.note_keys()

    def note_keys(self) -> None:
        """Take down whether Enter, at the field drawn last, is to start the run."""
        self.may_start |= self.fields.has_focus
        self.is_starting |= self.fields.entered

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


def _tip(field: FieldSpec, value: Any) -> str:
    """What a field is about and holds, and what may be typed into it."""
    may = [field.bounds, "several with commas, a run each" if field.takes_number else ""]
    said = "; ".join(filter(None, may))
    chosen = field.each.get(value) if isinstance(value, str) else None
    told = f"{field.help}: {chosen}" if chosen else field.help
    return field.in_words(told) + (f" ({said})" if said else "")


def label_width(form: Form) -> float:
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
        at = ImVec2(lo.x + label_width(form) + em(0.5), (lo.y + hi.y - imgui.get_font_size()) / 2)
        imgui.get_window_draw_list().add_text(at, u32(palette().muted), f"{changed} changed")
    if opened:
        imgui.tree_pop()
    return opened
