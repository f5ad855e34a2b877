"""The viewports beside each other: 1, 2 or 4 of them, what they share, and which one is active."""

from __future__ import annotations

from collections.abc import Callable

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.state.comparing import LAYOUTS, LINKS
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.style import palette, u32
from isoloss.app.ui.widgets import em, hint, icon_button, muted, toggle_button, without_middle
from isoloss.app.viewports.painter import SLOW
from isoloss.app.viewports.viewport import Viewport
from isoloss.geometry.rect import Rect, extent
from isoloss.gl.frame.rehearsal import Rehearsal
from isoloss.scene.document import ARRANGEMENTS, MOST_VIEWS
from isoloss.scene.layer import SurfaceLayer, next_texture
from isoloss.scene.picking import Hit
from isoloss.scene.tiling import places

_ICONS = {
    1: fa.ICON_FA_SQUARE,
    2: fa.ICON_FA_TABLE_COLUMNS,
    4: fa.ICON_FA_TABLE_CELLS_LARGE,
}
_TOOLS = 5
"""How many icons `Viewports._tools` draws."""
NARROW = 34.0
"""In em: in a narrower picture its title has no room beside the tools, which then stand above."""


class Viewports:
    """Arranges the viewports over the room there is.

    Attributes:
        menu: draws the items of the menu of a layer that is clicked in a picture.
    """

    def __init__(self, workspace: Workspace, rehearsal: Rehearsal) -> None:
        self.workspace, self._rehearsal = workspace, rehearsal
        self._waits = False
        self.all = [Viewport(workspace, k) for k in range(MOST_VIEWS)]
        self.rect: Rect = (0.0, 0.0, 1.0, 1.0)
        self.menu: Callable[[SurfaceLayer], None] | None = None

    @property
    def shown(self) -> list[Viewport]:
        """Those that have room now."""
        return self.all[: self.workspace.document.arrangement]

    @property
    def active(self) -> Viewport:
        """The one that menus and panels act on."""
        return self.all[self.workspace.document.active]

    @property
    def hit(self) -> Hit | None:
        """What is under the cursor."""
        return next((v.hit for v in self.shown if v.hit is not None), None)

    @property
    def is_slow(self) -> bool:
        """Whether the pictures together take too long for movements to look smooth."""
        return sum(v.painter.seconds for v in self.shown) > SLOW

    @property
    def is_busy(self) -> bool:
        """Whether a whole picture is still to come."""
        return self._waits or any(v.painter.is_busy for v in self.shown)

    @property
    def cost(self) -> float:
        """Seconds of processors' time that the last new data took to be shown in all of them."""
        return sum(v.painter.cost for v in self.shown)

    def drawn_at(self) -> tuple[tuple[int, int], float]:
        """(width, height) in pixels of all of them together, and the size of their texts."""
        active = self.active
        density = active.size[0] / max(extent(active.rect)[0], 1.0)
        whole = extent(active.rect if len(self.shown) == 1 else self.rect)
        return (round(whole[0] * density), round(whole[1] * density)), active.scale

    def free(self) -> None:
        """Give the memory back, while the context still lives."""
        for viewport in self.all:
            viewport.painter.free()

    # -- drawing -----------------------------------------------------------------------------

    def draw(self) -> None:
        """Listen to the mouse in all, then draw all, so that what is linked moves as one."""
        origin, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail()
        if room.x < 8 or room.y < 8:
            return
        document = self.workspace.document
        self.rect = (origin.x, origin.y, origin.x + room.x, origin.y + room.y)
        self._waits = not self._rehearsal.has_quick
        if self._waits:
            return
        shown = self.shown
        several = len(shown) > 1
        above = several or (bool(self.workspace.scene.layers) and room.x < em(NARROW))
        bar = imgui.get_frame_height() + em(0.5) if above else 0.0
        left, top, right, bottom = self.rect
        head = imgui.get_frame_height() if several else 0.0
        rects = places((left, top + bar, right, bottom), len(shown))
        for viewport, (left, top, right, bottom) in zip(shown, rects, strict=True):
            imgui.push_id(f"view {viewport.index + 1}")
            viewport.listen((left, top + head, right, bottom))
            viewport.draw_menu(self.menu)
            imgui.pop_id()
        document.link()
        waiting = [v for v in shown if v.painter.is_busy]
        for viewport in shown:
            viewport.painter.has_turn = viewport in waiting[:1] and self._rehearsal.has_whole
            viewport.draw(len(shown))
        for viewport in self.all[len(shown) :]:
            viewport.hit = None
            viewport.painter.rest()
        if several:
            self._frames()
            self._bar(origin, room.x, bar)
        elif self.workspace.scene.layers:
            self._tools_alone(origin, room, above=above)
        for viewport in shown:
            viewport.readout()

    def _frames(self) -> None:
        """What tells the viewports apart, and which is the active one."""
        draw, p, head = imgui.get_window_draw_list(), palette(), imgui.get_frame_height()
        for viewport in self.shown:
            left, top, right, bottom = viewport.rect
            active = viewport.is_active
            draw.add_rect_filled(ImVec2(left, top - head), ImVec2(right, top), u32(p.raised))
            imgui.push_id(f"view {viewport.index + 1}")
            _header(self.workspace, viewport.index, (left, top - head, right, top))
            imgui.pop_id()
            lo, hi = ImVec2(left + 0.5, top - head + 0.5), ImVec2(right - 0.5, bottom - 0.5)
            color, thickness = (p.accent, em(0.1)) if active else (p.line, 1.0)
            draw.add_rect(lo, hi, u32(color), 0.0, thickness)

    def _bar(self, origin: ImVec2, width: float, height: float) -> None:
        """Above several viewports: what they share, tools for the active one, their number."""
        workspace = self.workspace
        pad, gap = em(0.5), em(0.3)
        imgui.set_cursor_screen_pos(ImVec2(origin.x + pad, origin.y + em(0.25)))
        imgui.align_text_to_frame_padding()
        muted("Linked")
        for name, label, tip in LINKS:
            imgui.same_line(0, gap)
            on = getattr(workspace.document.links, name)
            if toggle_button(f"{label}###link {name}", on, ImVec2(0, 0), tip):
                workspace.document.toggle_link(name)
        end = imgui.get_item_rect_max().x
        side, small = imgui.get_frame_height(), em(0.15)
        layouts = (side + small) * len(ARRANGEMENTS)
        left = origin.x + width - layouts - pad
        tools = (side + small) * _TOOLS + em(0.8)
        if end + pad + tools < left:
            imgui.set_cursor_screen_pos(ImVec2(left - tools, origin.y + em(0.25)))
            self._tools(small)
        imgui.set_cursor_screen_pos(ImVec2(left, origin.y + em(0.25)))
        for k, count in enumerate(ARRANGEMENTS):
            if k:
                imgui.same_line(0, small)
            label, shortcut = LAYOUTS[count]
            p = palette()
            color = p.accent if count == workspace.document.arrangement else p.muted
            if icon_button(_ICONS[count], f"arrange {count}", f"{label} ({shortcut})", color=color):
                workspace.document.arrange(count)

    def _tools_alone(self, origin: ImVec2, room: ImVec2, *, above: bool) -> None:
        """The tools in the picture, or above it, and the way to a second viewport."""
        side, gap, pad = imgui.get_frame_height(), em(0.15), em(0.25)
        width = (side + gap) * (_TOOLS + 1) - gap
        # At the right, for the picture's title is at the left.
        down = em(0.25 if above else 0.7)
        lo = ImVec2(origin.x + room.x - width - em(0.7), origin.y + down)
        if not above:
            imgui.get_window_draw_list().add_rect_filled(
                ImVec2(lo.x - pad, lo.y - pad),
                ImVec2(lo.x + width + pad, lo.y + side + pad),
                u32(palette().raised, 0.82),
                em(0.45),
            )
        imgui.set_cursor_screen_pos(lo)
        self._tools(gap)
        imgui.same_line(0, gap)
        label, shortcut = LAYOUTS[2]
        if icon_button(_ICONS[2], "arrange 2", f"{label} beside each other ({shortcut})"):
            self.workspace.document.arrange(2)

    def _tools(self, gap: float) -> None:
        """A few icons for what is done most often."""
        workspace, appearance = self.workspace, self.workspace.appearance
        now = appearance.texture.label.lower()
        tools = [
            (fa.ICON_FA_PALETTE, "texture", f"Next texture (T), now {now}", True),
            (fa.ICON_FA_BARS_STAGGERED, "contours", "Contours (C)", appearance.contours),
            (fa.ICON_FA_ROUTE, "path", "Trajectory (P)", appearance.trajectory),
            (fa.ICON_FA_CUBE, "axes", "Axes (A)", appearance.axes),
            (fa.ICON_FA_HOUSE, "reset", "Reset camera (R)", True),
        ]
        p = palette()
        for k, (icon, name, tip, on) in enumerate(tools):
            if k:
                imgui.same_line(0, gap)
            if not icon_button(icon, name, tip, color=p.text if on else p.muted):
                continue
            match name:
                case "texture":
                    workspace.change(
                        texture=next_texture(appearance.texture, workspace.scene.shown)
                    )
                case "contours":
                    workspace.change(contours=not appearance.contours)
                case "path":
                    workspace.change(trajectory=not appearance.trajectory)
                case "axes":
                    workspace.change(axes=not appearance.axes)
                case _:
                    workspace.set_camera(workspace.scene.camera.reset())


def _header(workspace: Workspace, index: int, rect: Rect) -> None:
    """The line above a viewport: its number, what it shows, a list to choose from."""
    document, p = workspace.document, palette()
    scene = document.views[index]
    (x, y), (width, height) = rect[:2], extent(rect)
    imgui.set_cursor_screen_pos(ImVec2(x, y))
    if imgui.invisible_button(f"header {index + 1}", ImVec2(width, height)):
        document.activate(index)
        imgui.open_popup("layers")
    lit = imgui.is_item_hovered()
    draw, pad = imgui.get_window_draw_list(), em(0.5)
    if lit:
        draw.add_rect_filled(ImVec2(x, y), ImVec2(x + width, y + height), u32(p.button_hovered))
    top = y + (height - imgui.get_font_size()) / 2
    names = ", ".join(layer.name for layer in scene.layers if layer not in scene.hidden)
    hint("Choose what this viewport shows" + (f", now {names}" if names else ""))
    color = p.text if document.active == index else p.muted
    draw.add_text(ImVec2(x + pad, top), u32(p.muted), f"{index + 1}")
    room = width - 2 * pad - em(2.4)
    fitting = without_middle(names or "Nothing", room)
    draw.add_text(ImVec2(x + pad + em(1.1), top), u32(color), fitting)
    draw.add_text(ImVec2(x + width - pad - em(0.7), top), u32(p.muted), fa.ICON_FA_ANGLE_DOWN)
    imgui.set_next_window_pos(ImVec2(x, y + height))
    if imgui.begin_popup("layers"):
        for k, layer in enumerate(document.layers):
            shown = layer not in scene.hidden
            if imgui.menu_item(f"{layer.name}###layer {k}", "", shown)[0]:
                workspace.show_in(layer, index)
        imgui.end_popup()
