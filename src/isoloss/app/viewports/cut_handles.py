"""The cut in a viewport: its ends and its line to be dragged, and what is pointed at elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from imgui_bundle import ImVec2, imgui

from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.style import u32
from isoloss.app.ui.widgets import em, hint
from isoloss.geometry.arrays import Array
from isoloss.geometry.rect import Rect, extent
from isoloss.gl.layers.cut_line import cut_points
from isoloss.scene.cut import Cut, Point
from isoloss.scene.picking import pick_scene
from isoloss.scene.scene import Frame, Scene
from isoloss.scene.theme import THEMES, Color

_STEEP = 1e-3
"""A ray flatter than this meets no level plane worth going by."""


@dataclass(frozen=True)
class _Grab:
    """What is held: where it was taken hold of, and the cut at that time."""

    cut: Cut
    offset: tuple[float, float]
    level: float
    place: Point | None


class CutHandles:
    """Moves and draws the cut in one viewport.

    Attributes:
        ends: where A and B are on the screen; empty while there is no cut to be seen.
        dragging: whether the cut is being moved here.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.ends: tuple[tuple[float, float], ...] = ()
        self._lit: set[str] = set()
        self._grab: _Grab | None = None

    @property
    def dragging(self) -> bool:
        """Whether the cut is being moved here."""
        return self._grab is not None

    def listen(self, scene: Scene, rect: Rect) -> None:
        """React to the mouse over `scene`, shown in `rect`."""
        self.ends, self._lit = (), set()
        screen = _Screen(scene, scene.frame(), rect)
        cut = screen.seen(self.workspace.document.cut) if scene.shown else None
        if cut is None:
            self._grab = None
            return
        self.ends = tuple(screen.pixel(point) for point in (cut.start, cut.end))
        self._line(cut, screen)
        for k, name in enumerate("AB"):
            self._end(k, name, cut, screen)

    def draw(self, scene: Scene, rect: Rect) -> None:
        """Draw the ends, and what is pointed at elsewhere, over the picture of `scene`."""
        if not scene.shown:
            return
        screen = _Screen(scene, scene.frame(), rect)
        cut, theme = screen.seen(self.workspace.document.cut), THEMES[scene.appearance.theme]
        draw = imgui.get_window_draw_list()
        for name, place in zip("AB", (cut.start, cut.end) if cut else (), strict=False):
            centre = screen.pixel(place)
            radius = em(0.5 if name in self._lit else 0.4)
            draw.add_circle_filled(ImVec2(*centre), radius + em(0.12), u32(theme.path_casing))
            draw.add_circle_filled(ImVec2(*centre), radius, u32(theme.cut))
            self._letter(name, centre, theme.ink, theme.path_casing)
        self._pointed(screen)

    # -- dragging ----------------------------------------------------------------------------

    def _line(self, cut: Cut, screen: _Screen) -> None:
        """The line itself: where the cursor is near it, it can be taken hold of."""
        mouse = imgui.get_io().mouse_pos
        held = self._grab is not None and self._grab.place is not None
        inside = held or screen.holds(mouse)
        near = screen.nearest_on(cut, (mouse.x, mouse.y)) if inside else None
        if not held and (near is None or near[0] > em(0.45)):
            return
        self._button("cut line", (mouse.x, mouse.y), em(0.5))
        if (imgui.is_item_hovered() or held) and near is not None:
            imgui.set_mouse_cursor(imgui.MouseCursor_.resize_all)
            self.workspace.pointing.at_surface(near[1])
        if imgui.is_item_activated() and near is not None:
            level = float(screen.world(near[1])[2])
            self._grab = _Grab(cut, (0.0, 0.0), level, screen.level_place(mouse, level))
        grab = self._grab
        if imgui.is_item_active() and grab is not None and grab.place is not None:
            now = screen.level_place(mouse, grab.level)
            if now is not None:
                by = now[0] - grab.place[0], now[1] - grab.place[1]
                shifted = grab.cut.shifted(by, screen.frame.alpha, screen.frame.beta)
                self.workspace.document.cut = shifted
        if imgui.is_item_deactivated():
            self._grab = None

    def _end(self, k: int, name: str, cut: Cut, screen: _Screen) -> None:
        centre, mouse = self.ends[k], imgui.get_io().mouse_pos
        self._button(f"cut {name}", centre, em(0.75))
        hovered, active = imgui.is_item_hovered(), imgui.is_item_active()
        if hovered or active:
            self._lit.add(name)
        if hovered and not active:
            hint(f"End {name} of the slice; hold Shift to stay on the grid")
        if imgui.is_item_activated():
            offset = mouse.x - centre[0], mouse.y - centre[1]
            level = float(screen.world((cut.start, cut.end)[k])[2])
            self._grab = _Grab(cut, offset, level, None)
        if active and self._grab is not None:
            self._drag_end(k, self._grab, screen)
        if imgui.is_item_deactivated():
            self._grab = None

    def _drag_end(self, k: int, grab: _Grab, screen: _Screen) -> None:
        mouse = imgui.get_io().mouse_pos
        if not (imgui.get_io().mouse_delta.x or imgui.get_io().mouse_delta.y):
            return
        at = ImVec2(mouse.x - grab.offset[0], mouse.y - grab.offset[1])
        place = screen.place(at, grab.level)
        if place is None:
            return
        if imgui.get_io().key_shift:
            place = screen.nearest_grid_point(place)
        cut = self.workspace.document.cut or grab.cut
        ends = (place, cut.end) if k == 0 else (cut.start, place)
        if ends[0] != ends[1]:
            self.workspace.document.cut = Cut(*ends)

    def _button(self, name: str, centre: tuple[float, float], radius: float) -> None:
        imgui.set_cursor_screen_pos(ImVec2(centre[0] - radius, centre[1] - radius))
        imgui.set_next_item_allow_overlap()  # the ends lie over the line
        imgui.invisible_button(name, ImVec2(2 * radius, 2 * radius))

    # -- marks -------------------------------------------------------------------------------

    def _letter(self, name: str, centre: tuple[float, float], ink: Color, casing: Color) -> None:
        draw = imgui.get_window_draw_list()
        x, y = round(centre[0] + em(0.65)), round(centre[1] - em(1.25))
        for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            draw.add_text(ImVec2(x + dx, y + dy), u32(casing), name)
        draw.add_text(ImVec2(x, y), u32(ink), name)

    def _pointed(self, screen: _Screen) -> None:
        """Where the plot's cursor is, and the minimum chosen from the list."""
        pointing = self.workspace.pointing
        theme, draw = THEMES[screen.scene.appearance.theme], imgui.get_window_draw_list()
        if pointing.in_plot is not None:
            centre = ImVec2(*screen.pixel(pointing.in_plot))
            draw.add_circle_filled(centre, em(0.4), u32(theme.path_casing))
            draw.add_circle_filled(centre, em(0.28), u32(theme.ink))
        chosen = pointing.ringed(screen.scene, screen.frame.scale)
        if chosen is not None:
            at = screen.frame.place(chosen.alpha, chosen.beta, chosen.loss)
            centre = ImVec2(*screen.pixel_of(at))
            draw.add_circle(centre, em(0.82), u32(theme.path_casing), 0, em(0.3))
            draw.add_circle(centre, em(0.82), u32(theme.minimum), 0, em(0.14))


@dataclass(frozen=True)
class _Screen:
    """From the plane to a viewport's pixels and back; pixels are those of the window."""

    scene: Scene
    frame: Frame
    rect: Rect

    @property
    def origin(self) -> tuple[float, float]:
        return self.rect[0], self.rect[1]

    @property
    def size(self) -> tuple[int, int]:
        width, height = extent(self.rect)
        return max(1, int(width)), max(1, int(height))

    def holds(self, at: ImVec2) -> bool:
        """Whether a pixel is inside of the viewport."""
        left, top, right, bottom = self.rect
        return left <= at.x < right and top <= at.y < bottom

    def seen(self, cut: Cut | None) -> Cut | None:
        """What of a cut lies in the box: the surface it was laid on may have reached further."""
        return cut and cut.within(self.frame.alpha, self.frame.beta)

    def world(self, place: Point) -> Array:
        """(3,) the point in the box on the highest surface there, else at the scale's lower end."""
        point = self.frame.place(*place, self.frame.scale.lo)
        heights = [0.0]
        for layer in self.scene.shown:
            mesh = layer.mesh(self.frame.scale, self.scene.appearance.smooth)
            scale, offset = self.frame.mesh_to_world(mesh)
            x, y = ((point[k : k + 1] - offset[k]) / (scale[k] or 1.0) for k in (0, 1))
            height = float(mesh.height_at(x, y)[0])
            if np.isfinite(height):
                heights.append(height * self.frame.top)
        point[2] = max(heights)
        return point

    def pixel(self, place: Point) -> tuple[float, float]:
        """Where a point of the plane is on the screen."""
        return self.pixel_of(self.world(place))

    def pixel_of(self, point: Array) -> tuple[float, float]:
        """Where a point of the box is on the screen."""
        x, y, _ = self.scene.camera.to_pixels(point.reshape(1, 3), self.size)[0]
        return self.origin[0] + float(x), self.origin[1] + float(y)

    def place(self, at: ImVec2, level: float) -> Point | None:
        """The point of the plane under a pixel: on a surface, else at this level of the box."""
        ray = self.scene.camera.ray(at.x - self.origin[0], at.y - self.origin[1], self.size)
        hit = pick_scene(self.scene, ray)
        return (hit.alpha, hit.beta) if hit is not None else self.level_place(at, level)

    def level_place(self, at: ImVec2, level: float) -> Point | None:
        """The point of the plane where the ray through a pixel passes this level of the box."""
        ray = self.scene.camera.ray(at.x - self.origin[0], at.y - self.origin[1], self.size)
        if abs(ray.direction[2]) < _STEEP:
            return None
        distance = (level - ray.origin[2]) / ray.direction[2]
        x, y = (ray.origin + distance * ray.direction)[:2]
        return _from_unit(float(x), self.frame.alpha), _from_unit(float(y), self.frame.beta)

    def nearest_grid_point(self, place: Point) -> Point:
        """The point of the first shown surface's grid nearest to `place`."""
        surface = self.scene.shown[0].surface
        i = int(np.abs(surface.alpha - place[0]).argmin())
        j = int(np.abs(surface.beta - place[1]).argmin())
        return float(surface.alpha[i]), float(surface.beta[j])

    def nearest_on(self, cut: Cut, mouse: tuple[float, float]) -> tuple[float, Point] | None:
        """How many pixels the drawn line is from the cursor, and the point of the plane there."""
        best: tuple[float, Point] | None = None
        for layer in self.scene.shown:
            mesh = layer.mesh(self.frame.scale, self.scene.appearance.smooth)
            points = cut_points(cut, mesh, self.frame)
            points = points[np.isfinite(points[:, 2])]
            if len(points) < 2:
                continue
            pixels = self.scene.camera.to_pixels(points, self.size)[:, :2] + self.origin
            distance, at = _nearest_on_polyline(pixels, points[:, :2], np.array(mouse))
            if best is None or distance < best[0]:
                place = _from_unit(at[0], self.frame.alpha), _from_unit(at[1], self.frame.beta)
                best = (distance, place)
        return best


def _from_unit(value: float, span: tuple[float, float]) -> float:
    """From [-1, 1] of the box to the plane, kept inside the box."""
    return span[0] + (min(max(value, -1.0), 1.0) + 1) / 2 * (span[1] - span[0])


def _nearest_on_polyline(pixels: Array, places: Array, at: Array) -> tuple[float, Array]:
    """How far `at` is from a polyline on the screen, and the place of its nearest point."""
    start, along = pixels[:-1], np.diff(pixels, axis=0)
    length = np.maximum((along**2).sum(axis=1), 1e-12)
    fraction = np.clip(((at - start) * along).sum(axis=1) / length, 0.0, 1.0)
    apart = np.hypot(*(start + fraction[:, None] * along - at).T)
    k = int(apart.argmin())
    return float(apart[k]), places[k] + fraction[k] * (places[k + 1] - places[k])
