"""Lines of text at places on the screen."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from OpenGL import GL

from isoloss.geometry.rect import Rect
from isoloss.gl.device.buffers import Quads, joined
from isoloss.gl.device.program import shared
from isoloss.gl.primitives.glyphs import GlyphAtlas
from isoloss.scene.theme import Color

_RECORD = np.dtype([("place", "<f4", 4), ("atlas", "<f4", 4), ("color", "u1", 4)])


@dataclass(frozen=True)
class Label:
    """A line of text and where its anchor goes.

    Attributes:
        text: what it says.
        x, y: the anchor in pixels from the top left.
        color: its colour.
        align: where in the text's box the anchor is: (0, 0) its top left, (1, 1) its bottom right.
        size: relative to the ordinary size.
        halo: the colour of a rim around the glyphs, for what lies on something else than the
            background; None for no rim.
    """

    text: str
    x: float
    y: float
    color: Color
    align: tuple[float, float] = (0.5, 0.5)
    size: float = 1.0
    halo: Color | None = None


class TextPass:
    """Draws labels; glyph atlases are kept for each pixel size in use."""

    def __init__(self) -> None:
        self._program = shared("text")
        self._quads: dict[int, Quads] = {}
        self._atlases: dict[int, GlyphAtlas] = {}

    def measure(self, text: str, em: float, size: float = 1.0) -> tuple[float, float]:
        """Width and height of `text` in pixels."""
        run = self._atlas(em, size).run(text)
        return run.width, run.ascent + run.descent

    def rect(self, label: Label, em: float) -> Rect:
        """Where the glyphs of `label` are in pixels from the top left, and a little around them."""
        place = _records(label, self._atlas(em, label.size))["place"]
        if not len(place):
            return (label.x, label.y, label.x, label.y)
        (left, top), (right, bottom) = (
            place[:, :2].min(axis=0),
            (place[:, :2] + place[:, 2:]).max(axis=0),
        )
        return (float(left) - 1, float(top) - 1, float(right) + 1, float(bottom) + 1)

    def draw(
        self,
        labels: list[Label],
        em: float,
        viewport: tuple[int, int],
        shift: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """Draw `labels`; `em` is the ordinary font size in pixels.

        `shift` is where the viewport's top left is in the pixels that the labels are placed in.
        """
        by_atlas: dict[int, list[NDArray[np.void]]] = {}
        for label in labels:
            atlas = self._atlas(em, label.size)
            parts = by_atlas.setdefault(atlas.pixels, [])
            parts += _rim(label, atlas)
            parts.append(_records(label, atlas))
        GL.glDisable(GL.GL_DEPTH_TEST)
        for pixels, records in by_atlas.items():
            if pixels not in self._quads:
                places = {"place": 0, "atlas": 1, "color": 2}
                self._quads[pixels] = Quads(_RECORD, places)
            self._quads[pixels].upload(joined(records))
            GL.glActiveTexture(GL.GL_TEXTURE0)
            self._atlases[pixels].bind()
            self._program.use(viewport=viewport, shift=shift, glyphs=0)
            self._quads[pixels].draw()

    def free(self) -> None:
        """Give the memory of the atlases back."""
        for held in (*self._atlases.values(), *self._quads.values()):
            held.free()
        self._atlases.clear()
        self._quads.clear()

    def _atlas(self, em: float, size: float) -> GlyphAtlas:
        pixels = min(max(round(em * size), 6), 1000)  # the sheet of larger ones would be too wide
        if pixels not in self._atlases:
            if len(self._atlases) >= 12:  # many sizes were tried: start over
                self.free()
            self._atlases[pixels] = GlyphAtlas(pixels)
        return self._atlases[pixels]


def _records(label: Label, atlas: GlyphAtlas) -> NDArray[np.void]:
    run = atlas.run(label.text)
    records = np.empty(len(run.place), _RECORD)
    left = round(label.x - label.align[0] * run.width)
    baseline = round(label.y + run.ascent - label.align[1] * (run.ascent + run.descent))
    records["place"] = run.place + np.array([left, baseline, 0, 0], np.float32)
    records["atlas"] = run.atlas
    records["color"] = np.rint(np.array(label.color) * 255).astype(np.uint8)
    return records


def _rim(label: Label, atlas: GlyphAtlas) -> list[NDArray[np.void]]:
    """The glyphs in the colour of the halo, moved a little to all sides."""
    if label.halo is None:
        return []
    reach = max(1, round(atlas.pixels / 14))
    steps = itertools.product((-reach, 0, reach), repeat=2)
    around = [replace(label, x=label.x + x, y=label.y + y, color=label.halo) for x, y in steps]
    return [_records(copy, atlas) for copy in around]
