"""What is written over the picture: title, scalar bar, labels of axes, minima, pins and paths."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.analysis.minima import Minimum
from isoloss.geometry.arrays import Array
from isoloss.geometry.rect import Rect, overlap
from isoloss.gl.annotations.axes import AxisLabels, AxisTicks, Sides
from isoloss.gl.annotations.bar_pieces import Bands
from isoloss.gl.annotations.callouts import Callouts, callouts
from isoloss.gl.annotations.legend import legend
from isoloss.gl.annotations.notes import Extent, Note, notes
from isoloss.gl.annotations.plates import Silhouette, headline
from isoloss.gl.annotations.point_labels import of_ends, of_minima, point_labels
from isoloss.gl.annotations.scalar_bar import ScalarBar, scalar_bar
from isoloss.gl.device.drawn_view import View
from isoloss.gl.primitives.fills import FillPass
from isoloss.gl.primitives.labels import Label, TextPass
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.legend import Entry, path_entries, sign_entries, surface_entries
from isoloss.scene.levels import band_edges
from isoloss.scene.picking import is_hidden
from isoloss.scene.pins import drawn_markers
from isoloss.scene.scene import Frame, Scene
from isoloss.scene.texturing import ColorScale, axis_titles, shown_texture

NOTHING = ("Nothing to show yet", "All surfaces are hidden here")
"""Written where there is no layer, and where none is visible."""


def nothing_of(layers: list[SurfaceLayer]) -> str:
    """Why none of these layers, which have no value that can be drawn, is to be seen."""
    waiting = any(not layer.surface.is_complete for layer in layers)
    return "Waiting for the first values…" if waiting else "No value is a number"


@dataclass(frozen=True)
class BoxView:
    """From where the box is seen, and how its axes are divided."""

    view: View
    frame: Frame
    sides: Sides
    ticks: AxisTicks


@dataclass
class Writing:
    """What is to be written over a picture, laid out.

    Attributes:
        fills: triangles in clip coordinates, those of one thing together, in their order.
        labels: the lines of text, over all of them.
    """

    fills: list[list[NDArray[np.void]]] = field(default_factory=list[list[NDArray[np.void]]])
    labels: list[Label] = field(default_factory=list[Label])


def _entries(scene: Scene, view: View) -> list[Entry]:
    """Of the legend: a single path needs no name."""
    appearance, theme = scene.appearance, view.theme
    entries = surface_entries(scene, theme) if appearance.legend else []
    paths = path_entries(scene, theme) if appearance.legend else []
    entries += paths if len(paths) > 1 else []
    return entries + (sign_entries(scene, theme, in_space=True) if appearance.signs else [])


class Decorations:
    """Lays them out so that none covers another, and draws them."""

    def __init__(self, fills: FillPass, text: TextPass) -> None:
        self._fills, self._text = fills, text
        self._bar: tuple[object, ScalarBar | None] = (None, None)
        self._extents: tuple[object, Extent] = (None, Extent.of([]))

    def lay_out(
        self,
        scene: Scene,
        shown: list[SurfaceLayer],
        box_view: BoxView,
        colors: ColorScale | None,
        minima: list[Minimum],
    ) -> Writing:
        """Find a place for all of them; `minima` are those to be labelled, the deepest first."""
        appearance, texture = scene.appearance, shown_texture(shown, scene.drawn_appearance)
        view, frame = box_view.view, box_view.frame
        box = Silhouette(view, frame.corners)
        # A picture without background may be put on any other.
        halo = None if appearance.transparent else box.halo
        layout, writing = AxisLabels(view, self._text, halo), Writing()

        def hidden(point: Array) -> bool:
            return is_hidden(scene, point, view.size)

        bar: ScalarBar | None = None
        if appearance.scalar_bar and colors is not None:
            looks = scene.drawn_appearance
            bands = band_edges(looks, frame, colors) if texture.paint == "bands" else None
            remarks = notes(self._extent(shown), texture, colors, appearance, frame, view.theme)
            bar = self._scalar_bar(view, colors, scene, bands, remarks, box.reach)
            if bar is not None:
                for rect in bar.rects:
                    layout.reserve(rect)
                    writing.fills.append(box.plate(rect))
        if scene.heading:
            heading, rect = headline(view, self._text, scene.heading)
            layout.reserve((0.0, 0.0, *rect[2:]))
            layout.labels += heading
            writing.fills.append(box.plate(rect))
        if appearance.axes:
            layout.lay_out(frame, box_view.ticks, box_view.sides, axis_titles(shown, frame))
        cards = Callouts()
        if appearance.markers:
            markers = [m for layer in shown for m in drawn_markers(layer)]
            cards = callouts(markers, view, self._text, frame, layout, hidden)
        points = of_minima(minima, frame, view.theme) + of_ends(scene, frame, view.theme)
        layout.labels += point_labels(points, view, self._text, layout, hidden)
        key = legend(view, self._text, _entries(scene, view), layout.is_free)
        if key is not None:
            writing.fills.append(box.plate(key.rect))
            layout.labels = [
                label
                for label in layout.labels
                if not overlap(self._text.rect(label, view.em), key.rect)
            ]
        for card in (bar, cards, key):
            if card is not None:
                writing.fills.append(card.triangles)
                layout.labels.extend(card.labels)
        writing.labels = layout.labels
        return writing

    def draw(self, writing: Writing, view: View) -> None:
        """Draw what has been laid out."""
        self._fills.draw([shape for fill in writing.fills for shape in fill], view.crop)
        if writing.labels:
            self._text.draw(writing.labels, view.em, view.drawn, view.corner)

    def covered(self, writing: Writing, view: View) -> list[Rect]:
        """The rectangles in pixels in which all of it lies."""
        half = np.array(view.size) / 2
        rects: list[Rect] = []
        for fill in writing.fills:
            if fill:
                corners = np.concatenate([shape["position"][:, :2] for shape in fill])
                places = (corners * (1, -1) + 1) * half
                (x0, y0), (x1, y1) = places.min(axis=0), places.max(axis=0)
                rects.append((float(x0), float(y0), float(x1), float(y1)))
        return rects + [self._text.rect(label, view.em) for label in writing.labels]

    def _extent(self, shown: list[SurfaceLayer]) -> Extent:
        """That of the last frame, if it would be the same."""
        states = tuple((id(layer), layer.version, id(layer.surface)) for layer in shown)
        if self._extents[0] != states:
            self._extents = (states, Extent.of(shown))
        return self._extents[1]

    def _scalar_bar(
        self,
        view: View,
        colors: ColorScale,
        scene: Scene,
        bands: Bands | None,
        remarks: tuple[Note, ...],
        reach: tuple[float, float],
    ) -> ScalarBar | None:
        """The bar of the last frame, if it would be the same."""
        palettes = tuple(dict.fromkeys(scene.palettes.values()))
        key = (view.size, view.scale, view.theme, colors, palettes, bands, remarks, reach)
        if self._bar[0] != key:
            self._bar = (
                key,
                scalar_bar(view, self._text, colors, palettes, bands, remarks, reach),
            )
        return self._bar[1]

    def draw_nothing(self, scene: Scene, view: View) -> None:
        """Say why there is nothing to be seen."""
        text = nothing_of(scene.visible) if scene.visible else NOTHING[bool(scene.layers)]
        x, y = view.size[0] / 2, view.size[1] / 2
        label = Label(text, x, y, view.theme.quiet_ink, size=1.15)
        self._text.draw([label], view.em, view.drawn, view.corner)
