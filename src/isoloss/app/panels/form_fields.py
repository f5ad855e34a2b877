"""One input for each kind of form field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.state.forms.settings_form import FieldSpec
from isoloss.app.ui.numbers import number_field, whole_field
from isoloss.app.ui.style import palette, vec
from isoloss.app.ui.widgets import em, hint, icon_button

Suggestions = Sequence[tuple[str, str]]

_START = {"integer": 1000, "number": 0.1, "range": (-1.0, 1.0), "grid": (25, 25), "switch": True}


def draw_field(field: FieldSpec, value: Any, wrong: bool, suggestions: Suggestions) -> Any:
    """Draw the input of `field` in the rest of the line; returns the value it then holds."""
    if field.optional:
        # Most stay at their default: the ticks should not outshine what was chosen.
        imgui.push_style_color(imgui.Col_.checkbox_selected_bg, vec(palette().field))
        imgui.push_style_color(imgui.Col_.check_mark, vec(palette().muted))
        changed, default = imgui.checkbox("##default", value is None)
        imgui.pop_style_color(2)
        hint("Leave it to the program; " + field.help[:1].lower() + field.help[1:])
        if changed:
            value = None if default else _start(field, suggestions)
        imgui.same_line(0, em(0.4))
        if value is None:
            imgui.align_text_to_frame_padding()
            imgui.text_colored(vec(palette().muted), "default")
            return None
    if wrong:
        imgui.push_style_var(imgui.StyleVar_.frame_border_size, 1)
        imgui.push_style_color(imgui.Col_.border, vec(palette().bad))
    imgui.set_next_item_width(-1)
    value = _input(field, value, suggestions)
    if wrong:
        imgui.pop_style_color()
        imgui.pop_style_var()
    return value


def draw_several(typed: str, wrong: bool) -> str:
    """Draw the input of a field that takes several values; returns what it then holds."""
    if wrong:
        imgui.push_style_var(imgui.StyleVar_.frame_border_size, 1)
        imgui.push_style_color(imgui.Col_.border, vec(palette().bad))
    imgui.set_next_item_width(-1)
    entered = imgui.input_text_with_hint("##several", "0.1, 0.01 or 0..4", typed)[1]
    if wrong:
        imgui.pop_style_color()
        imgui.pop_style_var()
    hint("Values with commas between, or with ; where one has commas; a run for each")
    return entered


def shown_value(value: Any) -> str:
    """A value as it is typed among several."""
    if isinstance(value, tuple):
        joint = "x" if all(isinstance(v, int) for v in value) else " "
        return joint.join(map(str, value))
    return "" if value is None else str(value)


def _start(field: FieldSpec, suggestions: Suggestions) -> Any:
    """What an optional field holds when it is first filled in."""
    if field.name == "image_size":
        return 32
    return _START.get(field.kind, suggestions[0][0] if suggestions else "")


def _input(field: FieldSpec, value: Any, suggestions: Suggestions) -> Any:
    match field.kind:
        case "choice":
            k = field.choices.index(value) if value in field.choices else 0
            return field.choices[imgui.combo("##value", k, list(field.choices))[1]]
        case "switch":
            return imgui.checkbox("##value", bool(value))[1]
        case "integer":
            return whole_field("##value", int(value))
        case "number":
            return number_field("##value", float(value))
        case "grid":
            return _pair(value, "×", lambda name, v: whole_field(name, int(v)))
        case "range":
            return _pair(value, "to", number_field)
        case "numbers":
            return _numbers(value, suggestions)
        case "paths":
            return _paths(value, suggestions)
        case _:
            return _text(str(value or ""), suggestions)


def _pair(value: Any, between: str, draw: Any) -> tuple[Any, Any]:
    gap = imgui.calc_text_size(between).x + 2 * em(0.4)
    width = (imgui.get_content_region_avail().x - gap) / 2
    imgui.set_next_item_width(width)
    low = draw("##low", value[0])
    imgui.same_line(0, em(0.4))
    imgui.text_colored(vec(palette().muted), between)
    imgui.same_line(0, em(0.4))
    imgui.set_next_item_width(-1)
    return low, draw("##high", value[1])


def _numbers(value: Any, suggestions: Suggestions) -> Any:
    """A list of numbers, typed with blanks between; what is no number is left to the check."""
    shown = value if isinstance(value, str) else " ".join(f"{v:g}" for v in value or ())
    typed = _text(shown, suggestions)
    if typed == shown:
        return value
    try:
        return tuple(float(word) for word in typed.replace(",", " ").split())
    except ValueError:
        return typed


def _paths(paths: tuple[str, ...], suggestions: Suggestions) -> tuple[str, ...]:
    """A line for each path, with a button that takes it away, and one that adds another."""
    remaining: list[str] = []
    for k, path in enumerate(paths):
        imgui.push_id(k)
        removed = icon_button(fa.ICON_FA_XMARK, "remove", "Take it away", color=palette().muted)
        imgui.same_line(0, em(0.15))
        entered = _text(path, suggestions)
        imgui.pop_id()
        remaining += [] if removed else [entered]
    if imgui.button(f"{fa.ICON_FA_PLUS}  Add###add"):
        remaining.append("")
    return tuple(remaining)


def _text(value: str, suggestions: Suggestions) -> str:
    """A text field; where there is something to suggest, with a list to choose from."""
    if not suggestions:
        imgui.set_next_item_width(-1)
        return imgui.input_text("##value", value)[1]
    side = imgui.get_frame_height()
    imgui.set_next_item_width(-side - em(0.15))
    entered = imgui.input_text("##value", value)[1]
    lo = imgui.get_item_rect_min()
    imgui.same_line(0, em(0.15))
    if imgui.arrow_button("suggestions", imgui.Dir.down):
        imgui.open_popup("suggested")
    hi = imgui.get_item_rect_max()
    needed = max(imgui.calc_text_size(shown).x for _, shown in suggestions)
    needed = min(max(needed + 2 * em(0.8), hi.x - lo.x), em(30))
    area = imgui.get_main_viewport()
    left = min(lo.x, area.pos.x + area.size.x - needed - em(0.3))
    imgui.set_next_window_pos(ImVec2(max(left, area.pos.x), hi.y + em(0.1)))
    imgui.set_next_window_size_constraints(
        ImVec2(hi.x - lo.x, 0), ImVec2(max(hi.x - lo.x, em(30)), em(20))
    )
    imgui.push_style_color(imgui.Col_.border, vec(palette().line))
    opened = imgui.begin_popup("suggested")
    imgui.pop_style_color()
    if opened:
        for k, (choice, shown) in enumerate(suggestions):
            if imgui.selectable(f"{shown}###choice {k}", choice == value)[0]:
                entered = choice
        imgui.end_popup()
    return entered
