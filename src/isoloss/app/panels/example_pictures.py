"""Pictures beside each other that are enlarged and moved together, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from imgui_bundle import ImVec2, hello_imgui, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.state.runs.example_browser import Answer, Tile
from isoloss.app.ui.style import palette, u32, vec
from isoloss.app.ui.widgets import em, hint, muted, shortened
from isoloss.geometry.arrays import Pixels
from isoloss.gl.device import context as context  # first: it chooses PyOpenGL's platform
from isoloss.gl.device.image_texture import ImageTexture

LARGEST_ZOOM = 32.0
CAPTION = 2.15
"""Lines below and above a picture, in lines of text."""
SMALLEST = 3.0
"""Side of a picture, in em."""


class Pictures:
    """Textures of the pictures that are shown, and the part of them that is.

    Attributes:
        zoom: 1 shows all of a picture.
        centre: the point in the middle, from (0, 0) at the left top to (1, 1).
        rects: (x, y, side) of each picture on the screen.
    """

    def __init__(self) -> None:
        self.zoom = 1.0
        self.centre = (0.5, 0.5)
        self.rects: list[tuple[float, float, float]] = []
        self._shown: object = None
        self._textures: list[ImageTexture] = []

    @property
    def is_whole(self) -> bool:
        """Whether all of each picture is shown."""
        return self.zoom == 1.0

    def show_whole(self) -> None:
        """All of each picture again."""
        self.zoom, self.centre = 1.0, (0.5, 0.5)

    def free(self) -> None:
        """Give the textures back, while the context still lives."""
        for texture in self._textures:
            texture.free()
        self._textures, self._shown = [], None

    def draw(
        self,
        key: object,
        tiles: Sequence[Tile],
        size: ImVec2,
        name_of: Callable[[int], str],
    ) -> None:
        """Draw the pictures into the rest of the window, as large as they fit.

        Args:
            key: changes when the pictures do.
            name_of: the name of a class.
        """
        if key != self._shown:
            self.free()
            self._textures = [ImageTexture(tile.pixels, sharp=True) for tile in tiles]
            self._shown = key
        columns, side = _layout(len(tiles), size)
        gap = em(0.6)
        rows = -(-len(tiles) // columns)
        block = side + CAPTION * imgui.get_text_line_height_with_spacing()
        corner = imgui.get_cursor_pos()
        left = max((size.x - columns * side - (columns - 1) * gap) / 2, 0)
        top = max((size.y - rows * block) / 2, 0)
        self.rects = []
        for k, (tile, texture) in enumerate(zip(tiles, self._textures, strict=True)):
            x, y = k % columns, k // columns
            imgui.set_cursor_pos(
                ImVec2(corner.x + left + x * (side + gap), corner.y + top + y * block)
            )
            imgui.begin_group()
            self._tile(k, tile, texture, side, name_of)
            imgui.end_group()

    def _tile(
        self,
        k: int,
        tile: Tile,
        texture: ImageTexture,
        side: float,
        name_of: Callable[[int], str],
    ) -> None:
        muted(shortened(tile.title, side))
        hint(tile.title + ". " + tile.tip)
        at = imgui.get_cursor_screen_pos()
        imgui.invisible_button(f"picture {k}", ImVec2(side, side))
        self.rects.append((at.x, at.y, side))
        self._move(at, side)
        self._picture(at, side, texture)
        if tile.answer is not None:
            _answer(tile.answer, name_of(tile.answer.predicted), side, tile.asked)
        elif tile.note:
            muted(tile.note)
            hint(tile.tip)

    def _picture(self, at: ImVec2, side: float, texture: ImageTexture) -> None:
        draw = imgui.get_window_draw_list()
        width, height = texture.size
        # Fitted into the square, whatever its shape.
        longer = max(width, height)
        w, h = side * width / longer, side * height / longer
        lo = ImVec2(at.x + (side - w) / 2, at.y + (side - h) / 2)
        hi = ImVec2(lo.x + w, lo.y + h)
        half = 0.5 / self.zoom
        (u, v), ref = self.centre, imgui.ImTextureRef(texture.texture)
        draw.add_image(ref, lo, hi, ImVec2(u - half, v - half), ImVec2(u + half, v + half))
        draw.add_rect(lo, hi, u32(palette().line))

    def _move(self, at: ImVec2, side: float) -> None:
        """The wheel enlarges around the cursor, dragging moves; all pictures alike."""
        io = imgui.get_io()
        if imgui.is_item_hovered() and io.mouse_wheel:
            imgui.set_item_key_owner(imgui.Key.mouse_wheel_y)
            mouse = imgui.get_mouse_pos()
            fx, fy = (mouse.x - at.x) / side - 0.5, (mouse.y - at.y) / side - 0.5
            before = self.zoom
            self.zoom = float(np.clip(self.zoom * 1.25**io.mouse_wheel, 1.0, LARGEST_ZOOM))
            # What is under the cursor stays there.
            change = 1 / before - 1 / self.zoom
            self._centre_at(self.centre[0] + fx * change, self.centre[1] + fy * change)
        if imgui.is_item_active() and imgui.is_mouse_dragging(0):
            scale = side * self.zoom
            moved = io.mouse_delta
            self._centre_at(self.centre[0] - moved.x / scale, self.centre[1] - moved.y / scale)
        if imgui.is_item_hovered() and imgui.is_mouse_double_clicked(0):
            self.show_whole()

    def _centre_at(self, u: float, v: float) -> None:
        half = 0.5 / self.zoom
        self.centre = float(np.clip(u, half, 1 - half)), float(np.clip(v, half, 1 - half))


class CleanImageStrip:
    """Small pictures of the clean images; those that were shown last stay on the card.

    Attributes:
        budget: how many more may be read before it is set anew.
    """

    KEPT = 96

    def __init__(self) -> None:
        self.budget = 0
        self._textures: dict[object, ImageTexture] = {}

    def texture(self, key: object, read: Callable[[], Pixels | None]) -> ImageTexture | None:
        """The texture under `key`, made of what `read` gives when there is none yet."""
        found = self._textures.pop(key, None)
        if found is None:
            if self.budget <= 0:
                hello_imgui.request_refresh()  # the others come with the next frames
                return None
            self.budget -= 1
            pixels = read()
            if pixels is None:
                return None
            found = ImageTexture(pixels, sharp=True)
        self._textures[key] = found
        while len(self._textures) > self.KEPT:
            self._textures.pop(next(iter(self._textures))).free()
        return found

    def free(self) -> None:
        """Give the textures back, while the context still lives."""
        for texture in self._textures.values():
            texture.free()
        self._textures.clear()


def _layout(count: int, size: ImVec2) -> tuple[int, float]:
    """(columns, side): the arrangement in which the pictures are largest."""
    best = (1, 0.0)
    lines = CAPTION * imgui.get_text_line_height_with_spacing()
    for columns in range(1, count + 1):
        rows = -(-count // columns)
        side = min(
            (size.x - (columns - 1) * em(0.6)) / columns,
            size.y / rows - lines,
        )
        if side > best[1]:
            best = (columns, side)
    return best[0] if best[1] else count, max(round(best[1]), round(em(SMALLEST)))


def _answer(answer: Answer, name: str, side: float, asked: str) -> None:
    """The class, whether it is right, and how sure the network is."""
    p = palette()
    sign = fa.ICON_FA_CHECK if answer.right else fa.ICON_FA_XMARK
    confidence = f"{100 * answer.confidence:.0f} %"
    room = side - imgui.calc_text_size(f"{sign} ").x
    sure = imgui.calc_text_size(confidence).x + em(0.5)
    has_room = room - sure >= min(imgui.calc_text_size(name).x, em(1))
    room -= sure if has_room else 0
    imgui.push_style_color(imgui.Col_.text, vec(p.good if answer.right else p.bad))
    imgui.text_unformatted(f"{sign} {shortened(name, max(room, em(1)))}")
    imgui.pop_style_color()
    if has_room:
        imgui.same_line(0, em(0.5))
        muted(confidence)
    who = f" of the network {asked}" if asked else ""
    hint(
        f"The answer{who}: {name}, {'right' if answer.right else 'wrong'}, with a confidence of "
        f"{confidence}"
    )
