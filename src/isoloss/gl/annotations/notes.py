"""Notes: what is to be explained besides the colours, below the scalar bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from isoloss.geometry.height import clamped
from isoloss.geometry.outlines import outlines_of
from isoloss.scene.appearance import Appearance
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.levels import own_height
from isoloss.scene.scene import Frame
from isoloss.scene.textures import Texture
from isoloss.scene.texturing import ColorScale, end_lines, quantity
from isoloss.scene.theme import Color, Theme


@dataclass(frozen=True)
class Note:
    """A sign on the surface and what it means; shorter where there is little room."""

    text: str
    color: Color
    sign: Literal["line", "rim", "fill", "hatch"]
    short: str = ""

    def said(self, is_terse: bool) -> str:
        """The text, or the shorter one if there is one."""
        return self.short if is_terse and self.short else self.text


@dataclass(frozen=True)
class Extent:
    """What is to be known of the losses of all layers to explain them.

    Attributes:
        lowest, highest: of the finite ones; ±inf where there is none.
        has_infinite, has_nan: whether there are such values.
        is_whole: whether every cell has been computed.
        quantity: what the values are.
        outlines: what is outlined on surfaces, as (kind, name).
    """

    lowest: float
    highest: float
    has_infinite: bool
    has_nan: bool
    is_whole: bool
    quantity: str
    outlines: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, layers: list[SurfaceLayer]) -> Extent:
        """Look at every value once."""
        losses = [layer.surface.loss[layer.surface.computed] for layer in layers]
        values = np.concatenate([np.empty(0), *losses])
        finite = values[np.isfinite(values)]
        return cls(
            float(finite.min(initial=np.inf)),
            float(finite.max(initial=-np.inf)),
            bool(np.isinf(values).any()),
            bool(np.isnan(values).any()),
            all(layer.surface.computed.all() for layer in layers),
            quantity(layers),
            tuple(
                dict.fromkeys(
                    (one.kind, one.name)
                    for layer in layers
                    for one in outlines_of(layer.surface.meta)
                )
            ),
        )


def notes(
    extent: Extent,
    texture: Texture,
    colors: ColorScale,
    appearance: Appearance,
    frame: Frame,
    theme: Theme,
) -> tuple[Note, ...]:
    """What is to be explained besides the colours of `texture`, in the order of the bar."""
    found: list[Note] = []
    scale = frame.scale
    prefix = "" if colors.is_of_heights else f"{extent.quantity} "
    has_lines = appearance.contours or appearance.floor_contours
    if texture.values is not None and has_lines:
        found.append(Note(f"lines: {extent.quantity}", (*theme.quiet_ink[:3], 1.0), "line"))
    if own_height(appearance, frame) is not None and appearance.contour_value is not None:
        found.append(Note(prefix + scale.label(appearance.contour_value), theme.level, "line"))
    if appearance.trajectory:
        for kind, name in extent.outlines:
            found.append(Note(name, theme.ball if kind == "ball" else theme.cube, "line"))
    if prefix:  # else the caps of the bar tell it
        lowest, highest = scale.beyond([extent.lowest, extent.highest])
        if highest > 0:
            found.append(_clamped_note(prefix, clamped(scale, ">"), theme))
        if lowest < 0:
            found.append(_clamped_note(prefix, clamped(scale, "<"), theme))
    if extent.has_infinite:
        found.append(Note("infinite", theme.clamped, "rim"))
    if extent.has_nan:
        found.append(Note("NaN", theme.quiet_ink, "rim"))
    if not extent.is_whole:
        found.append(Note("pending", theme.uncomputed, "fill"))
    return tuple(found)


def _clamped_note(prefix: str, end: str, theme: Theme) -> Note:
    return Note(prefix + end, theme.clamped, "hatch", prefix + end_lines(end)[-1])
