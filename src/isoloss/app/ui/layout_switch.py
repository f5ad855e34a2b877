"""The switch in the menu bar: layouts as one row of buttons, and the sides that can be folded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.ui.action import Action
from isoloss.app.ui.keyboard import shown
from isoloss.app.ui.style import Color, palette, u32
from isoloss.app.ui.widgets import em, hint, shortened

LAYOUT, FOLD = "layout-", "fold-"
"""How the ids of the commands begin that the switch is made of."""
_WIDEST = 10.0
"""Of a name, in em."""
_SIDE = 1.5
"""Of what stands for a side, in em."""


class LayoutSwitch:
    """Draws it from the list of commands.

    Args:
        actions: all commands.
        draw_list: draws the commands of the layouts, in a menu that is folded out.
    """

    def __init__(self, actions: Sequence[Action], draw_list: Callable[[], None]) -> None:
        self._layouts = [a for a in actions if a.id.startswith(LAYOUT)]
        sides = (f"{FOLD}{side}" for side in ("left", "bottom", "right"))
        self._sides = [a for name in sides for a in actions if a.id == name]
        self._maximize = next(a for a in actions if a.id == "maximize")
        self._draw_list = draw_list

    def draw(self, room: float) -> float:
        """Draw as much of it as `room` pixels hold, and end there; returns its width."""
        named = [a for a in self._layouts if a.shortcut or _is_on(a)]
        for chosen in (named, [a for a in named if _is_on(a)]):
            parts = [self._width(a) for a in chosen]
            width = sum(parts) + em(1.6) + em(0.6) + em(_SIDE) * len(self._sides)
            if width <= room:
                imgui.set_cursor_pos_x(imgui.get_cursor_pos_x() + room - width)
                self._segments(chosen)
                return width
        return 0.0

    def _width(self, action: Action) -> float:
        return min(imgui.calc_text_size(action.label).x, em(_WIDEST)) + em(1.2)

    def _segments(self, chosen: Sequence[Action]) -> None:
        imgui.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(0, 0))
        if self._maximize.is_on is not None and self._maximize.is_on():
            width = sum(map(self._width, chosen)) + em(1.6)
            text = f"{fa.ICON_FA_COMPRESS}  Back   Esc"
            if _segment("maximized", text, width, on=True):
                self._maximize.run()
            hint("All panels again (Esc, or a double click on the tab)")
        else:
            for action in chosen:
                if _segment(action.id, action.label, self._width(action), on=_is_on(action)):
                    action.run()
                hint(_tip(action))
            if _segment("layouts", fa.ICON_FA_CHEVRON_DOWN, em(1.6), on=False):
                imgui.open_popup("layout list")
            hint("All layouts, and what can be done with them")
        imgui.pop_style_var()
        if imgui.begin_popup("layout list"):
            self._draw_list()
            imgui.end_popup()
        imgui.dummy(ImVec2(em(0.6) - imgui.get_style().item_spacing.x, 0))
        imgui.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(0, 0))
        for action in self._sides:
            _side(action)
        imgui.pop_style_var()


def _is_on(action: Action) -> bool:
    return action.is_on is not None and action.is_on()


def _tip(action: Action) -> str:
    keys = f" ({shown(action.shortcut)})" if action.shortcut else ""
    return f"The layout {action.label}{keys}"


def _pressed(name: str, width: float) -> tuple[bool, ImVec2, ImVec2]:
    """An item of the menu bar's height; returns its corners too."""
    pressed = imgui.invisible_button(name, ImVec2(width, imgui.get_frame_height()))
    return pressed, imgui.get_item_rect_min(), imgui.get_item_rect_max()


def _segment(name: str, label: str, width: float, *, on: bool) -> bool:
    pressed, lo, hi = _pressed(f"###{name}", width)
    p, draw, inset = palette(), imgui.get_window_draw_list(), em(0.12)
    fill: Color | None = p.field_active if on else p.field if imgui.is_item_hovered() else None
    if fill is not None:
        a, b = ImVec2(lo.x + 1, lo.y + inset), ImVec2(hi.x - 1, hi.y - inset)
        draw.add_rect_filled(a, b, u32(fill), em(0.3))
    text = shortened(label, width)
    size = imgui.calc_text_size(text)
    at = ImVec2(lo.x + (hi.x - lo.x - size.x) / 2, lo.y + (hi.y - lo.y - size.y) / 2)
    draw.add_text(at, u32(p.text if on else p.muted), text)
    return pressed


def _side(action: Action) -> None:
    """A small window, in which the side is filled while it is unfolded."""
    imgui.begin_disabled(not action.is_possible())
    pressed, lo, hi = _pressed(f"###{action.id}", em(_SIDE))
    imgui.end_disabled()
    p, draw = palette(), imgui.get_window_draw_list()
    alpha = 1.0 if action.is_possible() else imgui.get_style().disabled_alpha
    color = u32(p.text if imgui.is_item_hovered() else p.muted, alpha)
    width, height = round(em(0.95)), round(em(0.8))
    left = round((lo.x + hi.x - width) / 2)
    top = round((lo.y + hi.y - height) / 2)
    right, bottom = left + width, top + height
    draw.add_rect(ImVec2(left, top), ImVec2(right, bottom), color, em(0.12))
    side = action.id.removeprefix(FOLD)
    band = {
        "left": (left, top, left + width * 0.36, bottom),
        "right": (right - width * 0.36, top, right, bottom),
        "bottom": (left, bottom - height * 0.4, right, bottom),
    }[side]
    if _is_on(action):
        draw.add_rect_filled(ImVec2(*band[:2]), ImVec2(*band[2:]), color, em(0.1))
    else:
        inner = {"left": 2, "right": 0, "bottom": 1}[side]
        if side == "bottom":
            draw.add_line(ImVec2(left, band[inner]), ImVec2(right, band[inner]), color)
        else:
            draw.add_line(ImVec2(band[inner], top), ImVec2(band[inner], bottom), color)
    hint(f"{action.label} ({shown(action.shortcut)})")
    if pressed:
        action.run()
