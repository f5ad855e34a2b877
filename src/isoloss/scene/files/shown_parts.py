"""What there is to what is shown, by the parts that a format keeps or leaves out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from isoloss.geometry.files.formats import Part, parts_of
from isoloss.scene.document import Document

PARTS_OF_APPEARANCE: dict[Part, tuple[str, ...]] = {
    "trajectories": ("trajectory",),
    "contours": ("contours", "floor_contours"),
    "pins": ("markers", "minima"),
}
"""The parts that can be left out, and the fields of `Appearance` that show them."""


def narrowed(document: Document, without: Collection[Part]) -> Document:
    """A copy of `document`, as it is now, that does not show some parts."""
    fields = [field for part in without for field in PARTS_OF_APPEARANCE[part]]
    hidden = dict.fromkeys(fields, False)
    views = [
        replace(view, appearance=replace(view.appearance, **hidden)) for view in document.views
    ]
    return replace(document, layers=list(document.layers), views=views)


def parts_shown(document: Document) -> set[Part]:
    """What is shown in any of the views, beside the losses of one surface."""
    views = [view for view in document.shown_views if view.shown]
    layers = dict.fromkeys(layer for view in views for layer in view.shown)
    found: set[Part] = {part for layer in layers for part in parts_of(layer.surface)}
    there: dict[Part, bool] = {
        "colours": True,
        "views": len(views) > 1,
        "layers": len(layers) > 1,
        "trajectories": any(view.paths for view in views),
        "contours": any(v.appearance.contours or v.appearance.floor_contours for v in views),
        "pins": any(
            v.appearance.minima or (v.appearance.markers and any(x.markers for x in v.shown))
            for v in views
        ),
    }
    found.difference_update(there)
    found.update(part for part, is_there in there.items() if is_there)
    return found
