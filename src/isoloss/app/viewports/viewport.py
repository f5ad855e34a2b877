"""A viewport: the picture, the mouse that moves the camera, and what is under the cursor."""

from __future__ import annotations

from collections.abc import Callable

from imgui_bundle import ImVec2, imgui

from isoloss.app.state.readouts import place_facts, plain
from isoloss.app.state.view.pinning import Pinning
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.style import palette, u32
from isoloss.app.ui.widgets import em, muted, without_middle
from isoloss.app.viewports.cut_handles import CutHandles
from isoloss.app.viewports.painter import Painter
from isoloss.geometry.rect import Rect, extent
from isoloss.scene import pins
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.picking import Hit, pick_scene
from isoloss.scene.scene import Scene

_BUTTONS = (
    imgui.ButtonFlags_.mouse_button_left
    | imgui.ButtonFlags_.mouse_button_right
    | imgui.ButtonFlags_.mouse_button_middle
)
ZOOM = 1.12
"""How much closer one notch of the wheel comes."""
STILL = 3.0
"""Pixels that a mouse may move between press and release for it to be a click."""
_LEAST_TEXT = 0.8


class Viewport:
    """Shows one view of the document and lets the mouse move about in it."""

    def __init__(self, workspace: Workspace, index: int = 0) -> None:
        self.workspace, self.index = workspace, index
        self.painter = Painter()
        self.hit: Hit | None = None
        self.moving = False
        self.rect: Rect = (0.0, 0.0, 1.0, 1.0)
        self.size, self.scale = (1, 1), 1.0
        self._pinning = Pinning()
        self.handles = CutHandles(workspace)
        self._pressed_to_click = self._pressed_for_menu = False
        self._asked: SurfaceLayer | None = None
        self._pointed: object = None
        self._found: Hit | None = None

    @property
    def scene(self) -> Scene:
        """What it shows."""
        return self.workspace.document.views[self.index]

    @property
    def is_active(self) -> bool:
        """Whether menus and panels act on it."""
        return self.workspace.document.active == self.index

    @property
    def extent(self) -> tuple[int, int]:
        """(width, height) in the window's units."""
        width, height = extent(self.rect)
        return max(1, int(width)), max(1, int(height))

    # -- mouse -------------------------------------------------------------------------------

    def listen(self, rect: Rect) -> None:
        """React to the mouse over `rect`."""
        self.rect = rect
        (x, y), (width, height) = rect[:2], extent(rect)
        imgui.set_cursor_screen_pos(ImVec2(x, y))
        imgui.set_next_item_allow_overlap()
        imgui.invisible_button("scene", ImVec2(width, height), int(_BUTTONS))
        io, scene = imgui.get_io(), self.scene
        hovered, active = imgui.is_item_hovered(), imgui.is_item_active()
        size = self.extent
        at = (io.mouse_pos.x - x, io.mouse_pos.y - y)
        if imgui.is_item_activated():
            self._press()
        self.moving = active and any(imgui.is_mouse_dragging(b, STILL) for b in range(3))
        if self.moving:
            self._pressed_to_click = self._pressed_for_menu = False
            self._drag(io.mouse_delta.x, io.mouse_delta.y, size)
        if hovered and io.mouse_wheel and imgui.set_item_key_owner(imgui.Key.mouse_wheel_y):
            self.workspace.document.activate(self.index)
            scene.camera = scene.camera.zoom(ZOOM**io.mouse_wheel, at, size)
        self.hit = self._pick(at, size) if hovered and not active else None
        self._clicks(hovered, at, size)
        if self.hit is not None:
            self.workspace.pointing.at_surface((self.hit.alpha, self.hit.beta))
        self.handles.listen(scene, rect)
        self.moving = self.moving or self.handles.dragging

    def _press(self) -> None:
        document, io = self.workspace.document, imgui.get_io()
        # The click that makes a viewport the active one, or that leaves a text field, does only
        # that.
        left = imgui.is_mouse_clicked(imgui.MouseButton_.left)
        self._pressed_to_click = left and self.is_active and not io.want_text_input
        self._pressed_for_menu = imgui.is_mouse_clicked(imgui.MouseButton_.right)
        document.activate(self.index)

    def _drag(self, dx: float, dy: float, size: tuple[int, int]) -> None:
        if not (dx or dy):
            return
        scene = self.scene
        if imgui.is_mouse_down(imgui.MouseButton_.left) and not imgui.get_io().key_shift:
            scene.camera = scene.camera.orbit(dx, dy)
        else:
            scene.camera = scene.camera.pan(dx, dy, size)

    def _clicks(self, hovered: bool, at: tuple[float, float], size: tuple[int, int]) -> None:
        scene, now = self.scene, imgui.get_time()
        if hovered and imgui.is_mouse_double_clicked(imgui.MouseButton_.left):
            self._pressed_to_click = False
            self._pinning.forget()
            hit = self._pick(at, size)
            if hit is not None:
                scene.camera = scene.camera.recentre(hit.position)
        elif imgui.is_item_deactivated() and hovered and self._pressed_to_click:
            self._pressed_to_click = False
            self._pinning.reach = em(0.7)
            due = now + imgui.get_io().mouse_double_click_time
            self._pinning.click(scene, at, size, self._pick(at, size), due)
        elif imgui.is_item_deactivated() and hovered and self._pressed_for_menu:
            self._pressed_for_menu = False
            if (hit := self._pick(at, size)) is not None:
                self._asked = hit.layer
                imgui.open_popup("layer in the picture")
        self._pinning.update(scene, now)

    def draw_menu(self, items: Callable[[SurfaceLayer], None] | None) -> None:
        """The menu of the surface that was clicked, where it has listened."""
        if items is None or self._asked is None or not imgui.begin_popup("layer in the picture"):
            return
        self.workspace.selected = self._asked
        muted(without_middle(self._asked.name, em(20)))
        imgui.separator()
        items(self._asked)
        imgui.end_popup()

    def _pick(self, at: tuple[float, float], size: tuple[int, int]) -> Hit | None:
        """What is under the cursor; looked up anew only when something moved."""
        key = (at, size, self.painter.count)
        if key != self._pointed:
            self._pointed = key
            scene = self.scene
            self._found = pick_scene(scene, scene.camera.ray(*at, size)) if scene.shown else None
        return self._found

    # -- picture -----------------------------------------------------------------------------

    def draw(self, together: int) -> None:
        """Draw the picture and what lies over it, where it has listened.

        `together` is how many viewports are drawn in this frame.
        """
        (x, y), (width, height) = self.rect[:2], extent(self.rect)
        density = imgui.get_io().display_framebuffer_scale
        size = (round(width * density.x), round(height * density.y))
        # One unit of the picture is one of the interface: their texts have the same size.
        scale = density.x * imgui.get_font_size() / 15.0
        # Where there is little room, labels leave more of it to the surface.
        scale *= min(1.0, max(_LEAST_TEXT, min(width / em(28), height / em(21))))
        self.size, self.scale = size, scale
        texture = self.painter.paint(self.scene, size, scale, together)
        lo, hi = ImVec2(*self.rect[:2]), ImVec2(*self.rect[2:])
        draw = imgui.get_window_draw_list()
        if texture:
            draw.add_image(imgui.ImTextureRef(texture), lo, hi, ImVec2(0, 1), ImVec2(1, 0))
        patched, rects = self.painter.patches
        for left, top, right, bottom in rects:
            (u0, v0), (u1, v1) = (
                (left / size[0], top / size[1]),
                (right / size[0], bottom / size[1]),
            )
            draw.add_image(
                imgui.ImTextureRef(patched),
                ImVec2(x + u0 * width, y + v0 * height),
                ImVec2(x + u1 * width, y + v1 * height),
                ImVec2(u0, 1 - v0),
                ImVec2(u1, 1 - v1),
            )
        draw.push_clip_rect(lo, hi, True)
        self._snap()
        self.handles.draw(self.scene, self.rect)
        draw.pop_clip_rect()

    def _snap(self) -> None:
        """A ring at the grid point whose values are shown, where the cursor is not right on it."""
        cell = pins.measured(self.hit) if self.hit is not None else None
        if self.hit is None or cell is None:
            return
        x, y = self.rect[:2]
        surface, scene = self.hit.layer.surface, self.scene
        place = scene.frame().place(
            surface.alpha[cell[0]], surface.beta[cell[1]], surface.loss[cell]
        )
        px, py, _ = scene.camera.to_pixels(place[None], self.extent)[0]
        at, mouse = ImVec2(x + float(px), y + float(py)), imgui.get_io().mouse_pos
        if abs(at.x - mouse.x) + abs(at.y - mouse.y) > em(0.3):
            draw, p = imgui.get_window_draw_list(), palette()
            draw.add_circle(at, em(0.3), u32(p.chrome, 0.8), 0, em(0.2))
            draw.add_circle(at, em(0.3), u32(p.text, 0.9), 0, em(0.09))

    def readout(self) -> None:
        """The values at the cursor, beside it."""
        if self.hit is None:
            return
        _, _, right, bottom = self.rect
        lines = readout(self.hit)
        mouse = imgui.get_io().mouse_pos
        pad, line = em(0.5), imgui.get_text_line_height_with_spacing()
        label = max(imgui.calc_text_size(name).x for name, _ in lines) + em(0.8)
        wide = label + max(imgui.calc_text_size(value).x for _, value in lines) + 2 * pad
        tall = line * len(lines) - imgui.get_style().item_spacing.y + 2 * pad
        x = mouse.x + em(1.2)
        if x + wide > right:
            x = mouse.x - em(0.8) - wide
        y = min(mouse.y + em(1.0), bottom - tall - em(0.3))
        p, draw = palette(), imgui.get_window_draw_list()
        draw.add_rect_filled(ImVec2(x, y), ImVec2(x + wide, y + tall), u32(p.raised, 0.93), 6)
        draw.add_rect(ImVec2(x, y), ImVec2(x + wide, y + tall), u32(p.line), 6)
        for k, (name, value) in enumerate(lines):
            draw.add_text(ImVec2(x + pad, y + pad + k * line), u32(p.muted), name)
            draw.add_text(ImVec2(x + pad + label, y + pad + k * line), u32(p.text), value)


def readout(hit: Hit) -> list[tuple[str, str]]:
    """What is known of the grid point nearest to where one points, as (name, value)."""
    surface, (i, j) = hit.layer.surface, hit.index
    axes = (surface.alpha, surface.beta)
    spans = (float(axes[0][-1] - axes[0][0]), float(axes[1][-1] - axes[1][0]))
    place = place_facts(float(surface.alpha[i]), float(surface.beta[j]), spans)
    measured = pins.measurements(surface, hit.index)
    return [*place, *((name, plain(value)) for name, value in measured)]
