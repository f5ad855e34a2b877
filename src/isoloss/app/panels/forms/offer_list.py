"""The list that hangs below a field, from which it is chosen: what there is, and what it is."""

from __future__ import annotations

from collections.abc import Sequence

from imgui_bundle import ImVec2, imgui

from isoloss.app.state.forms.offers import Offer
from isoloss.app.ui.style import palette, u32, vec
from isoloss.app.ui.widgets import em, muted, shortened

OFFERS = "suggested"
"""Name of the popup."""
_WIDEST, _HIGHEST = 38.0, 22.0


def draw_offers(offers: Sequence[Offer], entered: str, at: ImVec2, width: float) -> str | None:
    """Draw the list if it is open; returns what is chosen, None if nothing is.

    Args:
        at: the lower left corner of the field; width: the field's.
    """
    if not imgui.is_popup_open(OFFERS):
        return None
    gap = em(1.2)
    names = max(imgui.calc_text_size(each.name).x for each in offers) + gap
    abouts = max(imgui.calc_text_size(each.about).x for each in offers)
    area = imgui.get_main_viewport()
    most = min(em(_WIDEST), area.size.x - em(0.6))
    needed = min(max(names + abouts + 2 * em(0.8), width), most)
    left = min(at.x, area.pos.x + area.size.x - needed - em(0.3))
    imgui.set_next_window_pos(ImVec2(max(left, area.pos.x), at.y + em(0.1)))
    imgui.set_next_window_size_constraints(ImVec2(needed, 0), ImVec2(needed, em(_HIGHEST)))
    imgui.push_style_color(imgui.Col_.border, vec(palette().line))
    imgui.push_style_color(imgui.Col_.text, vec(palette().text))
    opened = imgui.begin_popup(OFFERS)
    chosen = _listed(offers, entered, names) if opened else None
    if opened:
        imgui.end_popup()
    imgui.pop_style_color(2)
    return chosen


def _listed(offers: Sequence[Offer], entered: str, column: float) -> str | None:
    chosen, section = None, ""
    for k, offer in enumerate(offers):
        if offer.section and offer.section != section:
            section = offer.section
            muted(section)
        if imgui.selectable(f"###choice {k}", offer.value == entered)[0]:
            chosen = offer.value
        if imgui.is_window_appearing() and (offer.value == entered or not k):
            imgui.set_item_default_focus()
        lo, hi = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        start = lo.x + imgui.get_style().item_spacing.x / 2
        column = min(column, 0.62 * (hi.x - lo.x)) if offer.about else hi.x - start
        _write(offer.name, start, lo.y, column - em(0.6), u32(palette().text))
        if offer.about:
            x = start + column
            _write(offer.about, x, lo.y, hi.x - x, u32(palette().muted))
    return chosen


def _write(text: str, x: float, top: float, room: float, color: int) -> None:
    y = top + (imgui.get_item_rect_size().y - imgui.get_font_size()) / 2
    imgui.get_window_draw_list().add_text(ImVec2(x, y), color, shortened(text, room))
