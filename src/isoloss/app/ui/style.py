"""How the window looks: fonts, icons, and a dark and a light palette."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from imgui_bundle import ImVec2, ImVec4, hello_imgui, imgui, implot

from isoloss.fonts import fallback_files

FONT_SIZE = 15.0

Color = tuple[float, float, float, float]


def _hex(code: str, alpha: float = 1.0) -> Color:
    r, g, b = (int(code[i : i + 2], 16) / 255 for i in (0, 2, 4))
    return r, g, b, alpha


@dataclass(frozen=True)
class Palette:
    """Colours by what they are for."""

    chrome: Color
    """Menu bar, status bar, the gaps between panels."""
    panel: Color
    raised: Color
    """Popups, notifications."""
    field: Color
    field_hovered: Color
    field_active: Color
    button: Color
    button_hovered: Color
    line: Color
    text: Color
    muted: Color
    accent: Color
    accent_hovered: Color
    on_accent: Color
    good: Color
    caution: Color
    bad: Color
    series: tuple[Color, ...]
    """Of curves: told apart by the colour-blind too (Okabe & Ito)."""


DARK = Palette(
    chrome=_hex("101318"),
    panel=_hex("181c23"),
    raised=_hex("20252e"),
    field=_hex("252b35"),
    field_hovered=_hex("2d3440"),
    field_active=_hex("343c4a"),
    button=_hex("2a313c"),
    button_hovered=_hex("363f4d"),
    line=_hex("2b313b"),
    text=_hex("e4e8ef"),
    muted=_hex("929dae"),
    accent=_hex("4c8dff"),
    accent_hovered=_hex("6ba1ff"),
    on_accent=_hex("ffffff"),
    good=_hex("3ecf8e"),
    caution=_hex("f0b441"),
    bad=_hex("ff6b60"),
    series=(_hex("56b4e9"), _hex("e69f00"), _hex("2ec29a"), _hex("cc79a7")),
)
LIGHT = Palette(
    chrome=_hex("e3e7ed"),
    panel=_hex("f8f9fb"),
    raised=_hex("ffffff"),
    field=_hex("e9edf2"),
    field_hovered=_hex("dfe5ec"),
    field_active=_hex("d3dbe5"),
    button=_hex("e4e9ef"),
    button_hovered=_hex("d6dee8"),
    line=_hex("d5dbe3"),
    text=_hex("1b212b"),
    muted=_hex("5c6878"),
    accent=_hex("2166e5"),
    accent_hovered=_hex("3f7df0"),
    on_accent=_hex("ffffff"),
    good=_hex("12875a"),
    caution=_hex("a86a00"),
    bad=_hex("cf2f25"),
    series=(_hex("0072b2"), _hex("d55e00"), _hex("00805c"), _hex("a2467f")),
)

_current = DARK
_numerals: imgui.ImFont | None = None


def palette() -> Palette:
    """The colours in use."""
    return _current


def vec(color: Color, alpha: float = 1.0) -> ImVec4:
    """A colour as imgui takes it."""
    r, g, b, a = color
    return ImVec4(r, g, b, a * alpha)


def u32(color: Color, alpha: float = 1.0) -> int:
    """A colour as draw lists take it."""
    return imgui.get_color_u32(vec(color, alpha))


def load_fonts() -> None:
    """Roboto with Font Awesome's icons, as imgui-bundle ships them; and Roboto for numbers."""
    global _numerals
    hello_imgui.get_runner_params().callbacks.default_icon_font = (
        hello_imgui.DefaultIconFont.font_awesome6
    )
    hello_imgui.load_font_ttf_with_font_awesome_icons("fonts/Roboto/Roboto-Regular.ttf", FONT_SIZE)
    # Glyphs are drawn when they are first met: further fonts cost nothing until then.
    further = hello_imgui.FontLoadingParams(merge_to_last_font=True, inside_assets=False)
    for file in fallback_files():
        hello_imgui.load_font(str(file), FONT_SIZE, further)
    _numerals = hello_imgui.load_font("fonts/Roboto/Roboto-Regular.ttf", FONT_SIZE)
    _numerals.add_remap_codepoint(ord("-"), ord("−"))


@contextmanager
def numerals() -> Iterator[None]:
    """Write what follows in the font whose hyphen is a minus: for numbers that imgui formats."""
    if _numerals is None:  # no window yet
        yield
        return
    imgui.push_font(_numerals, 0.0)
    try:
        yield
    finally:
        imgui.pop_font()


def apply_shapes() -> None:
    """Paddings, spacings and roundings; called once, before the DPI scale is applied."""
    style = imgui.get_style()
    style.window_padding = ImVec2(10, 10)
    style.frame_padding = ImVec2(8, 3.5)
    style.cell_padding = ImVec2(4, 2)
    style.item_spacing = ImVec2(8, 6)
    style.item_inner_spacing = ImVec2(6, 4)
    style.indent_spacing = 16
    style.scrollbar_size = 11
    style.scrollbar_padding = 2
    style.grab_min_size = 12
    # Docked panels meet edge to edge; `widgets.floating` rounds the windows that float.
    style.window_rounding, style.window_border_size = 0, 0
    style.popup_rounding = 7
    style.child_rounding = 6
    style.frame_rounding = style.grab_rounding = 5
    style.tab_rounding = 5
    style.menu_item_rounding = style.selectable_rounding = 4
    style.scrollbar_rounding = 6
    style.popup_border_size = 1
    style.child_border_size = 1
    style.frame_border_size = 0
    style.tab_border_size = style.tab_bar_border_size = 0
    style.tab_bar_overline_size = 2
    style.docking_separator_size = 3
    style.docking_node_has_close_button = False
    style.tab_close_button_min_width_selected = 0
    style.tab_close_button_min_width_unselected = 0
    style.separator_size = 1
    style.separator_text_border_size = 1
    style.separator_text_padding = ImVec2(0, 4)
    style.window_title_align = ImVec2(0.5, 0.5)
    style.window_menu_button_position = imgui.Dir.none
    style.disabled_alpha = 0.45


def apply_palette(name: str) -> None:
    """Colour everything "dark" or "light"."""
    global _current
    _current = p = LIGHT if name == "light" else DARK
    style, col = imgui.get_style(), imgui.Col_
    clear: Color = (0, 0, 0, 0)
    accent_soft = (*p.accent[:3], 0.22)
    colors: dict[imgui.Col_, Color] = {
        col.text: p.text,
        col.text_disabled: p.muted,
        col.text_link: p.accent,
        col.text_selected_bg: (*p.accent[:3], 0.35),
        col.window_bg: p.panel,
        col.child_bg: clear,
        col.popup_bg: p.raised,
        col.menu_bar_bg: p.chrome,
        col.border: p.line,
        col.border_shadow: clear,
        col.frame_bg: p.field,
        col.frame_bg_hovered: p.field_hovered,
        col.frame_bg_active: p.field_active,
        col.title_bg: p.chrome,
        col.title_bg_active: p.chrome,
        col.title_bg_collapsed: p.chrome,
        col.scrollbar_bg: clear,
        col.scrollbar_grab: (*p.muted[:3], 0.30),
        col.scrollbar_grab_hovered: (*p.muted[:3], 0.50),
        col.scrollbar_grab_active: (*p.muted[:3], 0.65),
        col.check_mark: p.on_accent,
        col.checkbox_selected_bg: p.accent,
        # The value stands on it, wherever it is.
        col.slider_grab: (*p.accent[:3], 0.5),
        col.slider_grab_active: (*p.accent[:3], 0.65),
        col.button: p.button,
        col.button_hovered: p.button_hovered,
        col.button_active: p.field_active,
        col.header: accent_soft,
        col.header_hovered: (*p.accent[:3], 0.30),
        col.header_active: (*p.accent[:3], 0.38),
        col.separator: p.line,
        col.separator_hovered: p.accent,
        col.separator_active: p.accent_hovered,
        col.resize_grip: clear,
        col.resize_grip_hovered: accent_soft,
        col.resize_grip_active: p.accent,
        col.input_text_cursor: p.text,
        col.tab: p.chrome,
        col.tab_hovered: p.button_hovered,
        col.tab_selected: p.panel,
        col.tab_selected_overline: p.accent,
        col.tab_dimmed: p.chrome,
        col.tab_dimmed_selected: p.panel,
        col.tab_dimmed_selected_overline: (*p.muted[:3], 0.35),
        col.docking_preview: (*p.accent[:3], 0.35),
        col.docking_empty_bg: p.chrome,
        col.plot_lines: p.accent,
        col.plot_histogram: p.accent,
        col.table_header_bg: p.field,
        col.table_border_strong: p.line,
        col.table_border_light: p.line,
        col.table_row_bg: clear,
        col.table_row_bg_alt: (*p.muted[:3], 0.06),
        col.tree_lines: p.line,
        col.drag_drop_target: p.accent,
        col.nav_cursor: p.accent,
        col.modal_window_dim_bg: (0, 0, 0, 0.45),
        col.nav_windowing_dim_bg: (0, 0, 0, 0.3),
    }
    for slot, color in colors.items():
        style.set_color_(slot, vec(color))
    _apply_to_plots(p)


def _apply_to_plots(p: Palette) -> None:
    style, col = implot.get_style(), implot.Col_
    for slot, color in {
        col.frame_bg: (0, 0, 0, 0),
        col.plot_bg: (0, 0, 0, 0),
        col.plot_border: p.line,
        col.legend_bg: (*p.raised[:3], 0.85),
        col.legend_border: p.line,
        col.legend_text: p.text,
        col.title_text: p.text,
        col.inlay_text: p.text,
        col.axis_text: p.muted,
        col.axis_grid: (*p.muted[:3], 0.22),
        col.crosshairs: p.muted,
    }.items():
        style.set_color_(slot, vec(color))
    style.plot_padding = ImVec2(6, 6)
    style.fit_padding = ImVec2(0.02, 0.06)
    style.legend_padding = ImVec2(6, 6)
