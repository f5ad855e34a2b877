"""The line above each of several viewports: its number, what it shows, a list to choose from."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.style import palette, u32
from isoloss.app.ui.widgets import em, hint, shortened


def view_header(workspace: Workspace, index: int, rect: tuple[float, float, float, float]) -> None:
    """Draw it over `rect` (x, y, width, height)."""
    document, p = workspace.document, palette()
    scene = document.views[index]
    x, y, width, height = rect
    imgui.set_cursor_screen_pos(ImVec2(x, y))
    if imgui.invisible_button(f"header {index + 1}", ImVec2(width, height)):
        document.active = index
        imgui.open_popup("layers")
    lit = imgui.is_item_hovered()
    hint("Choose what this viewport shows")
    draw, pad = imgui.get_window_draw_list(), em(0.5)
    if lit:
        draw.add_rect_filled(ImVec2(x, y), ImVec2(x + width, y + height), u32(p.button_hovered))
    top = y + (height - imgui.get_font_size()) / 2
    names = ", ".join(layer.name for layer in scene.layers if layer not in scene.hidden)
    color = p.text if document.active == index else p.muted
    draw.add_text(ImVec2(x + pad, top), u32(p.muted), f"{index + 1}")
    room = width - 2 * pad - em(2.4)
    draw.add_text(ImVec2(x + pad + em(1.1), top), u32(color), shortened(names or "Nothing", room))
    draw.add_text(ImVec2(x + width - pad - em(0.7), top), u32(p.muted), fa.ICON_FA_ANGLE_DOWN)
    imgui.set_next_window_pos(ImVec2(x, y + height))
    if imgui.begin_popup("layers"):
        for k, layer in enumerate(document.layers):
            shown = layer not in scene.hidden
            if imgui.menu_item(f"{layer.name}###layer {k}", "", shown)[0]:
                workspace.show_in(layer, index)
        imgui.end_popup()
