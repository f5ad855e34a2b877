"""One input for each kind of form field, to be filled in by mouse or by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from imgui_bundle import ImVec2, imgui, imgui_ctx
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.forms.offer_list import OFFERS, draw_offers
from isoloss.app.state.forms.field_specs import FieldSpec
from isoloss.app.state.forms.offers import Offer
from isoloss.app.state.forms.usual import Usual
from isoloss.app.ui.style import numerals, palette, u32, vec
from isoloss.app.ui.widgets import beside_fields, em, hint, icon_button, shortened

AUTO = "auto"
"""What settings call it to leave a choice to the program."""
ALWAYS = "loss"
"""The quantity that is found whether it is named or not."""
_SEVERAL = "Values with commas between, or with ; where one has commas; a run for each"


class FormFields:
    """Draws inputs, and knows where the keyboard is.

    Attributes:
        has_focus: whether the keyboard is at the field drawn last.
        entered: whether Enter has ended what was typed there.
    """

    def __init__(self) -> None:
        self.has_focus = self.entered = False

    def draw(
        self,
        field: FieldSpec,
        value: Any,
        usual: Usual,
        offers: Sequence[Offer] = (),
        *,
        remark: str = "",
        wrong: bool = False,
    ) -> Any:
        """Draw the input of `field` in the rest of the line; returns the value it then holds.

        Args:
            usual: what is used where nothing is typed.
            remark: what is to be read beside the value, where there is room.
        """
        self.has_focus = self.entered = False
        color = palette().muted if value == field.default else palette().text
        with imgui_ctx.push_style_color(imgui.Col_.text, vec(color)), _framed(wrong):
            imgui.set_next_item_width(-1)
            value = self._input(field, value, usual, offers)
            if remark and value is not None:
                _remark(remark)
        return value

    def draw_several(self, typed: str, wrong: bool) -> str:
        """Draw the input of a field that takes several values; returns what it then holds."""
        self.has_focus = self.entered = False
        with _framed(wrong):
            imgui.set_next_item_width(-1)
            entered = imgui.input_text_with_hint("##several", "0.1, 0.01 or 0..4", typed)[1]
            self._note()
        hint(_SEVERAL)
        return entered

    def draw_text(self, name: str, text: str, otherwise: str = "") -> tuple[bool, str]:
        """Draw a text in the rest of the line; returns whether it has changed, and what it says."""
        self.has_focus = self.entered = False
        imgui.set_next_item_width(-1)
        changed, entered = imgui.input_text_with_hint(f"##{name}", otherwise, text)
        self._note()
        return changed, entered

    def _note(self) -> None:
        """Take down what the keyboard does at the input drawn last, and show that it is there."""
        self.has_focus |= imgui.is_item_focused()
        self.entered |= imgui.is_item_deactivated() and enter_is_pressed()
        if imgui.is_item_active() and imgui.get_io().want_text_input:
            lo, hi = imgui.get_item_rect_min(), imgui.get_item_rect_max()
            rounding = imgui.get_style().frame_rounding
            imgui.get_window_draw_list().add_rect(lo, hi, u32(palette().accent), rounding)

    def _input(self, field: FieldSpec, value: Any, usual: Usual, offers: Sequence[Offer]) -> Any:
        match field.kind:
            case "choice":
                return self._choice(field, value, usual)
            case "several":
                return self._several(field, value, usual)
            case "switch":
                value = imgui.checkbox("##value", bool(value))[1]
                self._note()
                return value
            case "integer" | "number":
                return self._typed_number(field, value, usual, offers)
            case "grid":
                return self._both(value, Usual(), "×", whole=True)
            case "range":
                return self._both(value, usual if field.optional else Usual(), "to", whole=False)
            case "numbers":
                return self._numbers(field, value, usual, offers)
            case "paths":
                return self._paths(value, offers)
            case _:
                return self._text_or_default(field, value, usual, offers)

    def _choice(self, field: FieldSpec, value: Any, usual: Usual) -> Any:
        shown = field.word(value)
        if value == AUTO and usual.text:
            shown = f"Auto: {usual.text}"
        fitting = shortened(shown, imgui.calc_item_width() - imgui.get_frame_height() - em(0.9))
        opened = imgui.begin_combo("##value", fitting)
        self._note()
        if not opened:
            return value
        with imgui_ctx.push_style_color(imgui.Col_.text, vec(palette().text)):
            for choice in field.choices:
                if imgui.selectable(f"{field.word(choice)}###{choice}", choice == value)[0]:
                    value = choice
                if choice == value and imgui.is_window_appearing():
                    imgui.set_item_default_focus()
        imgui.end_combo()
        return value

    def _several(self, field: FieldSpec, value: Any, usual: Usual) -> Any:
        """A box for each that has a name, and a line for what else one may name."""
        text = str(value if value is not None else usual.value or "")
        named = [name for name in text.replace(",", " ").split() if name]
        others = [name for name in named if name not in field.words and name != ALWAYS]
        ticked = {name for name in named if name in field.words}
        before = set(ticked)
        for name in field.choices:
            room = imgui.get_content_region_avail().x - imgui.get_frame_height() - em(0.4)
            label = field.words[name]
            if imgui.calc_text_size(label).x > room:
                label = shortened(label.partition(",")[0], room)
            changed, on = imgui.checkbox(f"{label}###{name}", name in ticked)
            self._note()
            if changed:
                ticked = ticked | {name} if on else ticked - {name}
        typed = " ".join(others)
        if field.others:
            imgui.set_next_item_width(-1)
            otherwise = shortened(field.others, imgui.calc_item_width() - em(1.1))
            entered = imgui.input_text_with_hint("##others", otherwise, typed)[1]
            self._note()
        else:
            entered = typed
        if ticked == before and entered == typed:
            return value
        known = [name for name in field.choices if name in ticked]
        always = [name for name in named if name == ALWAYS]
        more = entered.replace(",", " ").split() if field.others else []
        return ",".join([*always, *known, *more]) or (None if field.optional else "")

    def _typed_number(
        self, field: FieldSpec, value: Any, usual: Usual, offers: Sequence[Offer]
    ) -> Any:
        """A number, which may be left out where it is optional; what is none is left to the
        check."""
        shown = _as_text(value)
        with numerals():
            typed = self._text(shown, usual.text, offers)
        if typed == shown:
            return value
        return _number(typed, whole=field.kind == "integer", otherwise=field.default)

    def _both(self, value: Any, usual: Usual, between: str, *, whole: bool) -> Any:
        """Two numbers, which may both be left out where it is known what is used then."""
        known = usual.value or ("", "")
        shown = ["", ""] if value is None else [_as_text(v) for v in value]
        if value is None and usual.text and usual.value is None:  # takes the whole line
            typed = [self._line("##low", "", usual.text), ""]
        else:
            gap = imgui.calc_text_size(between).x + 2 * em(0.4)
            imgui.set_next_item_width((imgui.get_content_region_avail().x - gap) / 2)
            low = self._line("##low", shown[0], _as_text(known[0]))
            imgui.same_line(0, em(0.4))
            imgui.text_colored(vec(palette().muted), between)
            imgui.same_line(0, em(0.4))
            imgui.set_next_item_width(-1)
            typed = [low, self._line("##high", shown[1], _as_text(known[1]))]
        if typed == shown:
            return value
        if not any(typed):
            return None if usual.text else value
        ends = zip(typed, known, strict=True)
        return tuple(_number(text, whole=whole, otherwise=end) for text, end in ends)

    def _line(self, name: str, text: str, otherwise: str) -> str:
        """A number as a text of its own."""
        with numerals():
            entered = imgui.input_text_with_hint(name, otherwise, text)[1]
        self._note()
        return entered

    def _numbers(self, field: FieldSpec, value: Any, usual: Usual, offers: Sequence[Offer]) -> Any:
        """A list of numbers, typed with blanks between; what is no number is left to the check."""
        shown = value if isinstance(value, str) else " ".join(f"{v:g}" for v in value or ())
        typed = self._text(shown, usual.text, offers)
        if typed == shown:
            return value
        if not typed.strip():
            return field.default
        try:
            return tuple(float(word) for word in typed.replace(",", " ").split())
        except ValueError:
            return typed

    def _paths(self, paths: tuple[str, ...], offers: Sequence[Offer]) -> tuple[str, ...]:
        """A line for each path, with a button that takes it away, and one that adds another."""
        remaining: list[str] = []
        for k, path in enumerate(paths):
            imgui.push_id(k)
            with beside_fields():
                tip = "Take it away"
                removed = icon_button(fa.ICON_FA_XMARK, "remove", tip, color=palette().muted)
            imgui.same_line(0, em(0.15))
            entered = self._text(path, "", offers)
            imgui.pop_id()
            remaining += [] if removed else [entered]
        if imgui.button(f"{fa.ICON_FA_PLUS}  Add###add"):
            remaining.append("")
        return tuple(remaining)

    def _text_or_default(
        self, field: FieldSpec, value: Any, usual: Usual, offers: Sequence[Offer]
    ) -> Any:
        """A text; where it may be left out, what is used then stands in the empty field."""
        is_auto = field.default == AUTO
        shown = "" if value is None or (is_auto and value == AUTO) else str(value)
        otherwise = f"Auto: {usual.text}" if is_auto and usual.text else usual.text
        typed = self._text(shown, otherwise, offers)
        if typed == shown:
            return value
        return typed if typed.strip() or field.required else field.default

    def _text(self, value: str, otherwise: str, offers: Sequence[Offer]) -> str:
        """A text field; where there is something to choose, with a list, which ↓ opens."""
        side = imgui.get_frame_height() if offers else 0.0
        imgui.set_next_item_width(-side - em(0.15) if offers else -1)
        fitting = shortened(otherwise, imgui.calc_item_width() - em(1.1))
        entered = imgui.input_text_with_hint("##value", fitting, value)[1]
        self._note()
        if not offers:
            return entered
        lo = imgui.get_item_rect_min()
        asked = imgui.is_item_active() and imgui.is_key_pressed(imgui.Key.down_arrow)
        imgui.same_line(0, em(0.15))
        with beside_fields():
            asked |= imgui.arrow_button("suggestions", imgui.Dir.down)
        if asked:
            imgui.open_popup(OFFERS)
        chosen = draw_offers(offers, entered, ImVec2(lo.x, imgui.get_item_rect_max().y), _width(lo))
        return entered if chosen is None else chosen


def enter_is_pressed() -> bool:
    """Whether one of the two keys has been pressed in this frame."""
    keys = (imgui.Key.enter, imgui.Key.keypad_enter)
    return any(imgui.is_key_pressed(key, False) for key in keys)


def shown_value(value: Any) -> str:
    """A value as it is typed among several."""
    if isinstance(value, tuple):
        joint = "x" if all(isinstance(v, int) for v in value) else " "
        return joint.join(map(str, value))
    return "" if value is None else str(value)


def _width(lo: ImVec2) -> float:
    """Of a list that hangs below an input: that of the line, which has just ended."""
    return imgui.get_item_rect_max().x - lo.x


def _as_text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:d}" if isinstance(value, int) else f"{value:.6g}"


def _number(text: str, *, whole: bool, otherwise: Any) -> Any:
    """The number that is typed; the text where it is none, and `otherwise` where there is none."""
    text = text.strip().replace("−", "-")
    if not text:
        return otherwise
    try:
        return int(text) if whole else float(text)
    except ValueError:
        return text


def _remark(text: str) -> None:
    """A text at the right end of the input drawn last, where there is room."""
    lo, hi = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    size = imgui.calc_text_size(text)
    if size.x < (hi.x - lo.x) * 0.55:
        at = ImVec2(hi.x - size.x - em(0.55), (lo.y + hi.y - size.y) / 2)
        imgui.get_window_draw_list().add_text(at, u32(palette().muted), text)


@contextmanager
def _framed(wrong: bool) -> Iterator[None]:
    """A frame around an input in which something is wrong."""
    if not wrong:
        yield
        return
    with (
        imgui_ctx.push_style_var(imgui.StyleVar_.frame_border_size, 1),
        imgui_ctx.push_style_color(imgui.Col_.border, vec(palette().bad)),
    ):
        yield
