"""Glyphs, rasterised by Pillow into a texture at exactly the size they are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from unicodedata import bidirectional

import numpy as np
from numpy.typing import NDArray
from OpenGL import GL
from PIL import Image, ImageDraw, ImageFont

from isoloss.fonts import fallback_files, has, last_resort, opened
from isoloss.resources import font_file

_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789−+", strict=True))
"""Superscripts are drawn from the ordinary figures: the font has only four of them."""

_RAISED_SIZE, _RAISED_BY = 0.68, 0.38  # in em
_PADDING = 1


@dataclass(frozen=True)
class TextRun:
    """A line of text, laid out.

    Attributes:
        place: (n, 4) x, y, width, height of the glyphs in pixels; the origin is the left end of
            the baseline, y downwards.
        atlas: (n, 4) where they are in the atlas.
        width: the advance of the whole line.
        ascent, descent: above and below the baseline, of a capital letter with some air.
    """

    place: NDArray[np.float32]
    atlas: NDArray[np.float32]
    width: float
    ascent: float
    descent: float


class GlyphAtlas:
    """The glyphs of one font size; they are added as they are first met."""

    def __init__(self, pixels: int) -> None:
        self.pixels = pixels
        self._raised = max(6, round(pixels * _RAISED_SIZE))
        self._sheet = Image.new("L", (max(512, 8 * pixels), max(128, 4 * pixels)), 0)
        self._cursor, self._row_height = (_PADDING, _PADDING), 0
        self._glyphs: dict[str, tuple[tuple[int, int, int, int], tuple[int, int], float]] = {}
        self._runs: dict[str, TextRun] = {}
        self._dirty = True
        self.texture = int(GL.glGenTextures(1))

    def run(self, text: str) -> TextRun:
        """`text` laid out from its left end; cached."""
        if text not in self._runs:
            if len(self._runs) > 2000:
                self._runs.clear()
            self._runs[text] = self._lay_out(text)
        return self._runs[text]

    def bind(self) -> None:
        """Bind the texture, with all glyphs met so far."""
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.texture)
        if not self._dirty:
            return
        self._dirty = False
        sheet = np.asarray(self._sheet)
        GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)
        height, width = sheet.shape
        GL.glTexImage2D(
            GL.GL_TEXTURE_2D, 0, GL.GL_R8, width, height, 0, GL.GL_RED, GL.GL_UNSIGNED_BYTE, sheet
        )
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE)
        GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE)

    def free(self) -> None:
        """Give the texture back."""
        GL.glDeleteTextures(1, [self.texture])

    def _lay_out(self, text: str) -> TextRun:
        places, boxes, x = [], [], 0.0
        for character in _in_sight(text):
            box, bearing, advance = self._glyph(character)
            if box[2]:
                places.append((round(x) + bearing[0], bearing[1], box[2], box[3]))
                boxes.append(box)
            x += advance
        shape = (len(places), 4)
        return TextRun(
            np.array(places, np.float32).reshape(shape),
            np.array(boxes, np.float32).reshape(shape),
            x,
            0.74 * self.pixels,
            0.02 * self.pixels,
        )

    def _glyph(self, character: str) -> tuple[tuple[int, int, int, int], tuple[int, int], float]:
        """Box in the sheet, offset from the pen to its top left, advance."""
        if character in self._glyphs:
            return self._glyphs[character]
        raised = character in _RAISED
        drawn = _RAISED.get(character, character)
        size = self._raised if raised else self.pixels
        font = _font_with(drawn, size)
        left, top, right, bottom = (round(v) for v in font.getbbox(drawn, anchor="ls"))
        width, height = right - left, bottom - top
        lift = round(_RAISED_BY * self.pixels) if raised else 0
        if width > 0 and height > 0:
            x, y = self._room(width, height)
            pen = ImageDraw.Draw(self._sheet)
            pen.text((x - left, y - top), drawn, fill=255, font=font, anchor="ls")
            self._dirty = True
            box = (x, y, width, height)
        else:
            box = (0, 0, 0, 0)
        self._glyphs[character] = (box, (left, top - lift), font.getlength(drawn))
        return self._glyphs[character]

    def _room(self, width: int, height: int) -> tuple[int, int]:
        """A free place in the sheet, which grows when it is full."""
        x, y = self._cursor
        if x + width + _PADDING > self._sheet.width:
            x, y, self._row_height = _PADDING, y + self._row_height + _PADDING, 0
        self._row_height = max(self._row_height, height)
        if y + height + _PADDING > self._sheet.height:
            larger = Image.new("L", (self._sheet.width, 2 * self._sheet.height + height), 0)
            larger.paste(self._sheet, (0, 0))
            self._sheet = larger
        self._cursor = (x + width + _PADDING, y)
        return x, y


def _in_sight(text: str) -> str:
    """The characters from left to right: words written from right to left are turned around."""
    order, run, between = "", "", ""
    for character in text:
        way = bidirectional(character)
        if way in ("R", "AL"):
            run, between = run + between + character, ""
        elif run and way in ("WS", "ON", "NSM", "CS"):
            between += character
        else:
            order, run, between = order + run[::-1] + between + character, "", ""
    return order + run[::-1] + between


@cache
def _font(pixels: int) -> ImageFont.FreeTypeFont:
    file = font_file()
    if file is not None:
        return opened(file, pixels)
    fallback = ImageFont.load_default(pixels)
    if not isinstance(fallback, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType")
    return fallback


@cache
def _font_with(character: str, pixels: int) -> ImageFont.FreeTypeFont:
    """The first font that has a character, or one that draws a box for it."""
    font = _font(pixels)
    if has(font, character):
        return font
    for file in fallback_files():
        try:
            font = opened(file, pixels)
        except OSError:  # a broken font of the system is none
            continue
        if has(font, character):
            return font
    boxes = last_resort()
    return _font(pixels) if boxes is None else opened(boxes, pixels)
