"""Small pieces that several panels are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from imgui_bundle import ImVec2, ImVec4, imgui

from isoloss import naming, shortening
from isoloss.app.state.glossary import Explanation
from isoloss.app.ui.style import Color, palette, u32, vec

NARROW = 0.55
"""The fraction of the width that labels may take at most."""


CARD = int(
    imgui.WindowFlags_.no_decoration
    | imgui.WindowFlags_.no_docking
    | imgui.WindowFlags_.no_saved_settings
    | imgui.WindowFlags_.no_focus_on_appearing
    | imgui.WindowFlags_.no_nav
    | imgui.WindowFlags_.no_move
)
"""The flags of a small window that stands over the others and takes nothing from them."""


def em(count: float) -> float:
    """`count` times the font size, in pixels: sizes follow the text."""
    return imgui.get_font_size() * count


def right_edge() -> float:
    """The x at which the content of the window ends, in the window's own coordinates."""
    return imgui.get_cursor_pos_x() + imgui.get_content_region_avail().x


def muted(text: str) -> None:
    """Text of lesser weight."""
    imgui.text_colored(vec(palette().muted), text)


def wrapped(text: str, color: Color | None = None) -> None:
    """Text broken at the right edge."""
    text = naming.printable(text)
    imgui.push_style_color(imgui.Col_.text, vec(color or palette().text))
    imgui.push_text_wrap_pos(0)
    imgui.text_unformatted(text)
    imgui.pop_text_wrap_pos()
    imgui.pop_style_color()


def shortened(text: str, width: float, *, keep_end: bool = False) -> str:
    """`text`, or as much of its beginning (or end) as fits into `width` pixels."""
    line = naming.drawable_line(text)
    return shortening.shortened(
        line, lambda part: imgui.calc_text_size(part).x <= width, keep_end=keep_end
    )


def without_middle(text: str, width: float) -> str:
    """`text`, or as much of its beginning and its end as fits into `width` pixels."""
    line = naming.drawable_line(text)
    return shortening.without_middle(line, lambda part: imgui.calc_text_size(part).x <= width)


def within_window(size: ImVec2, above: float = 0.0) -> ImVec2:
    """`size` of what floats `above` pixels below the top, or as much of it as the window has; a 0
    stays."""
    room = imgui.get_main_viewport().work_size
    room = ImVec2(room.x, max(room.y - above, 1.0))
    imgui.set_next_window_size_constraints(ImVec2(0, 0), room)
    return ImVec2(min(size.x, room.x), min(size.y, room.y))


def fitted(text: str, width: float, lines: int) -> str:
    """`text`, or as much of its beginning as fits into `lines` lines of `width` pixels."""
    height = (lines + 0.5) * imgui.get_text_line_height()

    return shortening.shortened(
        text, lambda part: imgui.calc_text_size(part, False, width).y < height
    )


def hint(text: str, terms: Sequence[Explanation] = (), *, above: bool = False) -> None:
    """A tooltip for the item just drawn: what it does and, below, what the terms mean.

    Args:
        above: it stands above the item, for what is below is read at the same time.
    """
    if not (text or terms) or not imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip):
        return
    if above:
        at = ImVec2(imgui.get_io().mouse_pos.x, imgui.get_item_rect_min().y - em(0.3))
        imgui.set_next_window_pos(at, int(imgui.Cond_.always), ImVec2(0, 1))
    imgui.begin_tooltip()
    imgui.push_text_wrap_pos(em(24))
    if text:
        imgui.text_unformatted(naming.printable(text))
    for k, term in enumerate(terms):
        if text or k:
            imgui.separator()
        if len(terms) > 1:
            imgui.text_colored(vec(palette().accent), term.term)
        imgui.text_unformatted(term.text)
        if term.papers:
            muted(term.cited)
    imgui.pop_text_wrap_pos()
    imgui.end_tooltip()


def explained(label: str, color: Color, terms: Sequence[Explanation], tip: str = "") -> None:
    """A label that is underlined with dots where pointing at it explains a term."""
    dotted(label, color, is_term=bool(terms))
    hint(tip, terms)


@contextmanager
def beside_fields() -> Iterator[None]:
    """What stands beside a field: Tab goes from field to field, arrow keys come to it."""
    imgui.push_item_flag(int(imgui.ItemFlags_.no_tab_stop), True)
    try:
        yield
    finally:
        imgui.pop_item_flag()


def dotted(label: str, color: Color, *, is_term: bool) -> None:
    """A label, with dots below it where it is a term that is explained."""
    imgui.text_colored(vec(color), label)
    if is_term:
        lo, hi = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        # The item is as high as its line; the dots belong below the letters.
        y = round((lo.y + hi.y + imgui.get_font_size()) / 2)
        _dots(lo.x, hi.x, y, color)


def hint_over(lo: ImVec2, hi: ImVec2, text: str, terms: Sequence[Explanation] = ()) -> None:
    """A tooltip for whatever is drawn between two corners of the window."""
    top = imgui.get_window_pos().y
    lo = ImVec2(lo.x, max(lo.y, top))
    hi = ImVec2(hi.x, min(hi.y, top + imgui.get_window_height()))
    if lo.y >= hi.y or imgui.is_any_item_active():
        return  # out of sight, or in the way of what is typed
    imgui.push_clip_rect(lo, hi, False)
    imgui.internal.item_add(imgui.internal.ImRect(lo, hi), 0)
    hint(text, terms)
    imgui.pop_clip_rect()


def _dots(left: float, right: float, y: float, color: Color) -> None:
    draw, step = imgui.get_window_draw_list(), max(2.0, round(em(0.2)))
    size, packed = max(1.0, round(em(0.07))), u32(color, 0.75)
    for k in range(int((right - left) / step)):
        x = round(left) + k * step
        draw.add_rect_filled(ImVec2(x, y), ImVec2(x + size, y + size), packed)


def stroke(color: Color, height: float | None = None) -> None:
    """A short line in the colour in which something is drawn, by default as high as a button."""
    at, height = imgui.get_cursor_screen_pos(), height or imgui.get_frame_height()
    y, length = at.y + height / 2, em(1.0)
    draw = imgui.get_window_draw_list()
    draw.add_line(ImVec2(at.x, y), ImVec2(at.x + length, y), u32(color), em(0.2))
    imgui.dummy(ImVec2(length, height))


def icon_button(icon: str, name: str, tip: str = "", *, color: Color | None = None) -> bool:
    """A flat square button; `name` identifies it to imgui and to tests."""
    imgui.push_style_color(imgui.Col_.button, ImVec4(0, 0, 0, 0))
    imgui.push_style_color(imgui.Col_.text, vec(color or palette().text))
    side = imgui.get_frame_height()
    imgui.push_style_var(imgui.StyleVar_.frame_padding, ImVec2(0, 0))
    pressed = imgui.button(f"{icon}###{name}", ImVec2(side, side))
    imgui.pop_style_var()
    imgui.pop_style_color(2)
    hint(tip)
    return pressed


def primary_button(label: str, size: ImVec2 | None = None) -> bool:
    """The one button of a panel that does what the panel is for."""
    p = palette()
    imgui.push_style_color(imgui.Col_.button, vec(p.accent))
    imgui.push_style_color(imgui.Col_.button_hovered, vec(p.accent_hovered))
    imgui.push_style_color(imgui.Col_.button_active, vec(p.accent))
    imgui.push_style_color(imgui.Col_.text, vec(p.on_accent))
    pressed = imgui.button(label, size or ImVec2(0, 0))
    imgui.pop_style_color(4)
    return pressed


def toggle_button(
    label: str, on: bool, size: ImVec2, tip: str = "", terms: Sequence[Explanation] = ()
) -> bool:
    """A button that stays lit while it is on."""
    p = palette()
    if on:
        imgui.push_style_color(imgui.Col_.button, vec(p.accent))
        imgui.push_style_color(imgui.Col_.button_hovered, vec(p.accent_hovered))
        imgui.push_style_color(imgui.Col_.text, vec(p.on_accent))
    pressed = imgui.button(label, size)
    if on:
        imgui.pop_style_color(3)
    hint(tip, terms)
    return pressed


def heading(text: str, terms: Sequence[Explanation] = ()) -> None:
    """The title of a group of controls."""
    imgui.spacing()
    explained(text, palette().muted, terms)
    pos, width = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail().x
    y = pos.y - imgui.get_style().item_spacing.y / 2
    imgui.get_window_draw_list().add_line(
        ImVec2(pos.x, y), ImVec2(pos.x + width, y), u32(palette().line)
    )
    imgui.dummy(ImVec2(0, 1))


@contextmanager
def floating() -> Iterator[None]:
    """The shape and colour of windows that float over the docked panels."""
    imgui.push_style_var(imgui.StyleVar_.window_rounding, em(0.5))
    imgui.push_style_var(imgui.StyleVar_.window_border_size, 1)
    imgui.push_style_var(imgui.StyleVar_.window_min_size, ImVec2(em(1), em(1)))
    imgui.push_style_color(imgui.Col_.window_bg, vec(palette().raised))
    imgui.push_style_color(imgui.Col_.title_bg, vec(palette().raised))
    imgui.push_style_color(imgui.Col_.title_bg_active, vec(palette().raised))
    try:
        yield
    finally:
        imgui.pop_style_color(3)
        imgui.pop_style_var(3)


@contextmanager
def rows(name: str, label_width: float) -> Iterator[bool]:
    """A table of labels (left) and widgets (right), `label_width` pixels for the labels.

    Where there is not enough room for both, the labels are shortened.
    """
    label_width = min(label_width, imgui.get_content_region_avail().x * NARROW)
    flags = imgui.TableFlags_.sizing_fixed_fit | imgui.TableFlags_.no_pad_outer_x
    shown = imgui.begin_table(name, 2, flags)
    if shown:
        imgui.table_setup_column("label", imgui.TableColumnFlags_.width_fixed, label_width)
        imgui.table_setup_column("widget", imgui.TableColumnFlags_.width_stretch)
    try:
        yield shown
    finally:
        if shown:
            imgui.end_table()


def row(
    label: str,
    tip: str = "",
    *,
    terms: Sequence[Explanation] = (),
    wrong: bool = False,
    tight: bool = False,
) -> None:
    """Begin a row: draw its label, and make the widget that follows fill the rest.

    A `tight` row holds text, not a widget. Pointing at the label shows `tip` and explains `terms`.
    """
    imgui.table_next_row()
    imgui.table_next_column()
    if not tight:
        imgui.align_text_to_frame_padding()
    p = palette()
    fitting = shortened(label, imgui.get_content_region_avail().x)
    if fitting != label:
        tip = f"{label}. {tip}" if tip else label
    explained(fitting, p.bad if wrong else p.muted, terms, tip)
    imgui.table_next_column()
    imgui.set_next_item_width(-1)


def list_line(
    name: str,
    text: str,
    *,
    chosen: bool = False,
    right: str = "",
    icon: str = "",
    icon_color: Color | None = None,
    aside: str = "",
    flags: int = 0,
) -> bool:
    """A line of a list: an icon, a text, a remark beside it and one at the right end."""
    p = palette()
    height = em(1.55)
    pressed = imgui.selectable(f"###{naming.printable(name)}", chosen, flags, ImVec2(0, height))[0]
    lo, hi = imgui.get_item_rect_min(), imgui.get_item_rect_max()
    draw = imgui.get_window_draw_list()
    y = lo.y + (hi.y - lo.y - imgui.get_font_size()) / 2
    x = lo.x + em(0.5)
    if icon:
        draw.add_text(ImVec2(x, y), u32(icon_color or p.text), icon)
        x += em(1.8)
    end = hi.x - em(0.5)
    if right:
        end -= imgui.calc_text_size(right).x
        draw.add_text(ImVec2(end, y), u32(p.muted), right)
        end -= em(0.8)
    text = shortened(text, end - x)
    draw.add_text(ImVec2(x, y), u32(p.text), text)
    x += imgui.calc_text_size(text).x + em(0.7)
    if aside and x < end:
        draw.add_text(ImVec2(x, y), u32(p.muted), shortened(aside, end - x))
    return pressed


def thin_progress(fraction: float, color: Color, height: float) -> None:
    """A progress bar without text."""
    imgui.push_style_color(imgui.Col_.plot_histogram, vec(color))
    imgui.progress_bar(fraction, ImVec2(-1, height), "")
    imgui.pop_style_color()
