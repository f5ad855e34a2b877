"""What is shown, written down whole: another process draws just that, whatever becomes of the
files it was read from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from isoloss.geometry.files.formats import earlier_names, earlier_path, trajectory_path
from isoloss.geometry.files.npz import save_npz
from isoloss.geometry.files.ply import save_trajectory_ply
from isoloss.geometry.surface import Surface
from isoloss.scene.document import Document
from isoloss.scene.files.session import SUFFIX, save_session
from isoloss.scene.layer import SurfaceLayer


def write_document(document: Document, folder: Path) -> Path:
    """A session of `document` as it is now, in a folder that holds its surfaces too; its path.

    Raises:
        IsolossError: if it cannot be written.
    """
    written: dict[SurfaceLayer, SurfaceLayer] = {}

    def own(layer: SurfaceLayer) -> SurfaceLayer:
        if layer not in written:
            derived = layer.derived and (own(layer.derived[0]), own(layer.derived[1]))
            source = None if derived else _write_layer(layer, folder / f"{len(written)}.npz")
            written[layer] = replace(layer, source=source, derived=derived)
        return written[layer]

    layers = [own(layer) for layer in document.layers]
    views = [
        replace(view, layers=layers, hidden=frozenset(own(x) for x in view.hidden))
        for view in document.views
    ]
    return save_session(replace(document, layers=layers, views=views), folder / f"view{SUFFIX}")


def write_curve(name: str, curve: Surface, folder: Path) -> Path:
    """A curve with the heading that it is shown under; its path.

    Raises:
        IsolossError: if it cannot be written.
    """
    titled = replace(curve, meta={**curve.meta, "title": curve.title or name})
    return save_npz(titled, folder / "curve.npz", compressed=False)


def _write_layer(layer: SurfaceLayer, path: Path) -> Path:
    for k, trajectory in enumerate(layer.trajectories):
        # By number, so that they are read again in this order.
        beside = trajectory_path(path, f"{k:06d}" if k else "")
        save_trajectory_ply(trajectory, beside, layer.surface)
    whole = layer.whole
    for name, earlier in zip(earlier_names(whole), whole.earlier, strict=False):
        save_npz(earlier, earlier_path(path, name), compressed=False)
    return save_npz(whole, path, compressed=False)
