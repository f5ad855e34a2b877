"""What a page shows, in words: for whom cannot see it."""

from __future__ import annotations

import numpy as np

from isoloss.geometry.ticks import number_label, told_apart
from isoloss.naming import drawable_line
from isoloss.scene.document import Document
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.legend import path_name
from isoloss.scene.pins import accuracy_label
from isoloss.shortening import without_middle

_LONGEST = 200


def summary(document: Document) -> str:
    """A sentence or two for each surface and each path that is shown."""
    shown = dict.fromkeys(layer for view in document.shown_views for layer in view.shown)
    return " ".join(_of_layer(layer) for layer in shown)


def brief(text: str) -> str:
    """A name in one line, short enough to be heard."""
    return without_middle(drawable_line(text), lambda part: len(part) <= _LONGEST)


def _of_layer(layer: SurfaceLayer) -> str:
    surface = layer.surface
    rows, columns = surface.shape
    span = [
        f"{name} from {number_label(float(axis[0]))} to {number_label(float(axis[-1]))}"
        for name, axis in (("α", surface.alpha), ("β", surface.beta))
    ]
    quantity = brief(str(surface.meta.get("quantity") or "loss"))
    said = [
        f"{brief(surface.title or layer.name)}: a surface of the {quantity} at {rows} × {columns} "
        f"points, {span[0]} and {span[1]}."
    ]
    known = np.where(surface.computed & np.isfinite(surface.loss), surface.loss, np.nan)
    if np.isfinite(known).any():
        i, j = np.unravel_index(int(np.nanargmin(known)), known.shape)
        lowest, highest = float(known[i, j]), float(np.nanmax(known))
        error = float(surface.loss_stderr[i, j])
        more = f" ± {number_label(error, 2)}" if np.isfinite(error) and error > 0 else ""
        accuracy = float(surface.accuracy[i, j])
        also = f", accuracy {accuracy_label(accuracy)}" if np.isfinite(accuracy) else ""
        said.append(
            f"Its lowest {quantity} is {told_apart(lowest, highest - lowest, 4)}{more}{also} at "
            f"α {number_label(float(surface.alpha[i]))}, β {number_label(float(surface.beta[j]))}; "
            f"its highest {told_apart(highest, highest - lowest, 4)}."
        )
    if count := len(layer.whole.earlier):
        said.append(f"The surfaces of the {count} other checkpoints are not in this page.")
    lacking = int((surface.computed & ~np.isfinite(surface.loss)).sum())
    if lacking:
        said.append(f"Points where it is no finite number: {lacking:,}.")
    if pending := int((~surface.computed).sum()):
        said.append(f"Points not computed yet: {pending:,}.")
    for index, path in layer.shown_trajectories:
        said.append(
            f"{brief(path_name(layer, index)).capitalize()}: {len(path)} {path.point}s, "
            f"the loss from {number_label(float(path.loss[0]), 4)} to "
            f"{number_label(float(path.loss[-1]), 4)}."
        )
    return " ".join(said)
