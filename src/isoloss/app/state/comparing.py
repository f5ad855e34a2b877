"""Putting surfaces beside each other, and the surfaces that are differences of two others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from isoloss.geometry.analysis.difference import difference, why_not
from isoloss.geometry.analysis.mean_surface import mean_surface
from isoloss.paths import exists
from isoloss.scene.document import Document
from isoloss.scene.layer import SurfaceLayer

LAYOUTS = {
    1: ("One viewport", "Shift+1"),
    2: ("Two viewports", "Shift+2"),
    4: ("Four viewports", "Shift+4"),
}
"""Number of viewports: label, shortcut."""
LINKS = (
    ("camera", "Camera", "One camera for all viewports"),
    ("height", "Height", "One height scale for all viewports, so that heights can be compared"),
    ("colors", "Colours", "One range of colours for all viewports"),
    ("look", "Look", "One texture, contours and so on for all viewports"),
)
"""Field of `Links`, label, what it means."""


def show_in(document: Document, layer: SurfaceLayer, index: int) -> None:
    """Show `layer`, and no other, in the viewport with this index, which is made room for."""
    if index >= document.arrangement:
        document.views[index].hidden = frozenset(document.layers) - {layer}
        document.arrange(2 if index < 2 else 4)
    document.active = index
    document.view.hidden = frozenset(document.layers) - {layer}


def why_no_difference(a: SurfaceLayer, b: SurfaceLayer) -> str:
    """Why there is no a − b, in one line; "" if there is."""
    return why_not(a.surface, b.surface)


def difference_layer(a: SurfaceLayer, b: SurfaceLayer) -> SurfaceLayer:
    """A layer that shows a − b and keeps step with both.

    Raises:
        IsolossError: their grids differ.
    """
    surface = difference(a.surface, b.surface)
    return SurfaceLayer(f"{a.name} − {b.name}", surface, derived=(a, b))


def save_mean(layers: Sequence[SurfaceLayer], folder: Path) -> Path:
    """Write the mean of some layers into `folder`, under a name that is free; returns the file.

    Raises:
        IsolossError: they do not go together, or it cannot be written.
    """
    mean = mean_surface([layer.surface for layer in layers])
    path, n = folder / f"mean-of-{len(layers)}.ply", 2
    while exists(path):
        path, n = folder / f"mean-of-{len(layers)}-{n}.ply", n + 1
    return mean.save(path)


class Differences:
    """Keeps the differences among the layers in step with what they are of."""

    def __init__(self) -> None:
        self._states: dict[SurfaceLayer, object] = {}

    def update(self, layers: list[SurfaceLayer]) -> bool:
        """Work out anew what has changed; returns whether anything has."""
        changed = False
        for layer in layers:
            if layer.derived is None:
                continue
            state = tuple((x.version, id(x.surface)) for x in layer.derived)
            if self._states.get(layer, state) != state and not why_no_difference(*layer.derived):
                layer.become(difference(*(x.surface for x in layer.derived)))
                changed = True
            self._states[layer] = state
        self._states = {x: self._states[x] for x in layers if x in self._states}
        return changed
