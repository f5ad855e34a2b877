"""The viewport: the picture, the mouse that moves the camera, and what is under the cursor."""

from __future__ import annotations

import math

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.painter import Painter
from isoloss.app.theme import palette, u32
from isoloss.app.widgets import em, icon_button
from isoloss.app.workspace import Workspace
from isoloss.scene.appearance import Texture
from isoloss.scene.layer import next_texture
from isoloss.scene.picking import Hit, pick_scene

_BUTTONS = (
    imgui.ButtonFlags_.mouse_button_left
    | imgui.ButtonFlags_.mouse_button_right
    | imgui.ButtonFlags_.mouse_button_middle
)
ZOOM = 1.12
"""How much closer one notch of the wheel comes."""


class Viewport:
    """Shows the scene and lets the mouse move about in it."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.painter = Painter()
        self.hit: Hit | None = None
        self._pointed: object = None
        self._found: Hit | None = None
        self._moving = False
        self.rect = (0.0, 0.0, 1.0, 1.0)

    def draw(self) -> None:
        """Draw the picture over the whole window, and react to the mouse."""
        origin, room = imgui.get_cursor_screen_pos(), imgui.get_content_region_avail()
        if room.x < 8 or room.y < 8:
            return
        self.rect = (origin.x, origin.y, room.x, room.y)
        density = imgui.get_io().display_framebuffer_scale
        size = (round(room.x * density.x), round(room.y * density.y))
        # One unit of the picture is one of the interface: their texts have the same size.
        scale = density.x * imgui.get_font_size() / 15.0
        texture = self.painter.paint(self.workspace.scene, size, scale, self._moving)
        imgui.image(imgui.ImTextureRef(texture), room, ImVec2(0, 1), ImVec2(1, 0))
        imgui.set_cursor_screen_pos(origin)
        imgui.set_next_item_allow_overlap()
        imgui.invisible_button("scene", room, int(_BUTTONS))
        self._mouse(origin, room)
        if self.workspace.scene.layers:
            self._tools(origin, room)
            self._readout(origin, room)

    # -- mouse -------------------------------------------------------------------------------

    def _mouse(self, origin: ImVec2, room: ImVec2) -> None:
        io = imgui.get_io()
        hovered, active = imgui.is_item_hovered(), imgui.is_item_active()
        size = (max(1, int(room.x)), max(1, int(room.y)))
        at = (io.mouse_pos.x - origin.x, io.mouse_pos.y - origin.y)
        scene = self.workspace.scene
        self._moving = active and any(imgui.is_mouse_dragging(b) for b in range(3))
        if active and (io.mouse_delta.x or io.mouse_delta.y):
            dx, dy = io.mouse_delta.x, io.mouse_delta.y
            left = imgui.is_mouse_down(imgui.MouseButton_.left)
            if left and not io.key_shift:
                scene.camera = scene.camera.orbit(dx, dy)
            else:
                scene.camera = scene.camera.pan(dx, dy, size)
        if hovered and io.mouse_wheel and imgui.set_item_key_owner(imgui.Key.mouse_wheel_y):
            scene.camera = scene.camera.zoom(ZOOM**io.mouse_wheel, at, size)
        self.hit = self._pick(at, size) if hovered and not active else None
        if hovered and imgui.is_mouse_double_clicked(imgui.MouseButton_.left):
            hit = self._pick(at, size)
            if hit is not None:
                scene.camera = scene.camera.recentre(hit.position)

    def _pick(self, at: tuple[float, float], size: tuple[int, int]) -> Hit | None:
        """What is under the cursor; looked up anew only when something moved."""
        key = (at, size, self.painter.count)
        if key != self._pointed:
            self._pointed = key
            scene = self.workspace.scene
            self._found = pick_scene(scene, scene.camera.ray(*at, size)) if scene.shown else None
        return self._found

    # -- overlays ----------------------------------------------------------------------------

    def _tools(self, origin: ImVec2, room: ImVec2) -> None:
        """A few icons for what is done most often."""
        workspace, look = self.workspace, self.workspace.appearance
        p = palette()
        side, gap = imgui.get_frame_height(), em(0.15)
        tools = [
            (
                fa.ICON_FA_PALETTE,
                "texture",
                f"Next texture (T), now {look.texture.label.lower()}",
                True,
            ),
            (fa.ICON_FA_BARS_STAGGERED, "contours", "Contours (C)", look.contours),
            (fa.ICON_FA_ROUTE, "path", "Trajectory (P)", look.trajectory),
            (fa.ICON_FA_CUBE, "axes", "Axes (A)", look.axes),
            (fa.ICON_FA_HOUSE, "reset", "Reset camera (R)", True),
        ]
        width = side * len(tools) + gap * (len(tools) - 1)
        pad = em(0.25)
        # At the right, for the picture's title is at the left.
        lo = ImVec2(origin.x + room.x - width - em(0.7), origin.y + em(0.7))
        imgui.get_window_draw_list().add_rect_filled(
            ImVec2(lo.x - pad, lo.y - pad),
            ImVec2(lo.x + width + pad, lo.y + side + pad),
            u32(p.raised, 0.82),
            em(0.45),
        )
        for k, (icon, name, tip, on) in enumerate(tools):
            imgui.set_cursor_screen_pos(ImVec2(lo.x + k * (side + gap), lo.y))
            if icon_button(icon, name, tip, color=p.text if on else p.muted):
                match name:
                    case "texture":
                        texture: Texture = next_texture(look.texture, workspace.scene.shown)
                        workspace.change(texture=texture)
                    case "contours":
                        workspace.change(contours=not look.contours)
                    case "path":
                        workspace.change(trajectory=not look.trajectory)
                    case "axes":
                        workspace.change(axes=not look.axes)
                    case _:
                        workspace.look(workspace.scene.camera.reset())

    def _readout(self, origin: ImVec2, room: ImVec2) -> None:
        """The values at the cursor, beside it."""
        if self.hit is None:
            return
        lines = readout(self.hit)
        mouse = imgui.get_io().mouse_pos
        pad, line = em(0.5), imgui.get_text_line_height_with_spacing()
        label = max(imgui.calc_text_size(name).x for name, _ in lines) + em(0.8)
        width = label + max(imgui.calc_text_size(value).x for _, value in lines) + 2 * pad
        height = line * len(lines) - imgui.get_style().item_spacing.y + 2 * pad
        x = mouse.x + em(1.2)
        if x + width > origin.x + room.x:
            x = mouse.x - em(0.8) - width
        y = min(mouse.y + em(1.0), origin.y + room.y - height - em(0.3))
        p, draw = palette(), imgui.get_window_draw_list()
        draw.add_rect_filled(ImVec2(x, y), ImVec2(x + width, y + height), u32(p.raised, 0.93), 6)
        draw.add_rect(ImVec2(x, y), ImVec2(x + width, y + height), u32(p.line), 6)
        for k, (name, value) in enumerate(lines):
            draw.add_text(ImVec2(x + pad, y + pad + k * line), u32(p.muted), name)
            draw.add_text(ImVec2(x + pad + label, y + pad + k * line), u32(p.text), value)


def readout(hit: Hit) -> list[tuple[str, str]]:
    """What is told of a point: (name, value); loss and accuracy are those of the nearest cell."""
    lines = [("α", f"{hit.alpha:.4g}"), ("β", f"{hit.beta:.4g}")]
    if hit.cell_count == 0:
        return [*lines, ("loss", "not computed")]
    loss = f"{hit.cell_loss:.4g}"
    if math.isfinite(hit.cell_stderr) and hit.cell_stderr > 0:
        loss += f" ± {hit.cell_stderr:.2g}"
    lines.append(("loss", loss))
    if math.isfinite(hit.cell_accuracy):
        lines.append(("accuracy", f"{100 * hit.cell_accuracy:.1f} %"))
    if math.isfinite(hit.cell_spread):
        lines.append(("spread", f"{hit.cell_spread:.3g}"))
    return lines
