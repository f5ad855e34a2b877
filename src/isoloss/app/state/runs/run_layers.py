"""The further surfaces of a run among the layers: behind its defense, and of its quantities."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from isoloss.app.state.comparing import show_in
from isoloss.geometry.analysis.quantities import of_quantity, quantities_of
from isoloss.run_folder import DEFENDED
from isoloss.scene.document import Document
from isoloss.scene.layer import SurfaceLayer


def show_defended(document: Document, folder: Path) -> None:
    """Show the surface of a run behind its defense, if it is open, beside the run's own, each
    alone."""
    for layer in document.layers:
        if layer.source == folder / DEFENDED:
            others = (x for x in document.layers if x.source != folder)
            document.view.hidden = frozenset(others)
            show_beside(document, layer)


def show_beside(document: Document, layer: SurfaceLayer) -> None:
    """Show a layer alone in another viewport than the active one, seen by the same camera."""
    active, hidden = document.active, document.view.hidden
    document.add(layer)
    document.view.hidden = hidden | {layer}
    show_in(document, layer, 0 if active else 1)
    document.active = active
    document.links = replace(document.links, camera=True)


def open_quantities(document: Document, layer: SurfaceLayer) -> None:
    """Open the further quantities of a layer's surface as layers below it, hidden."""
    known = {x.quantity for x in document.layers if x.source == layer.source}
    for name, title in quantities_of(layer.surface).items():
        if name not in known:
            surface = of_quantity(layer.surface, name)
            label = f"{layer.name}, {title}"
            found = SurfaceLayer(label, surface, source=layer.source, quantity=name)
            keep_hidden(document, found)


def keep_hidden(document: Document, layer: SurfaceLayer) -> None:
    """Open a layer that no viewport shows yet."""
    document.add(layer, alone=False)
    document.view.hidden |= {layer}
