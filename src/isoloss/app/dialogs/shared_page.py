"""The page that was shared last: whether what is seen now can be seen in it too."""

from __future__ import annotations

from pathlib import Path
from weakref import ref

from isoloss.paths import is_file
from isoloss.scene.document import Document
from isoloss.scene.layer import SurfaceLayer


class SharedPage:
    """A page, and which surfaces it has; it does not keep these from being closed."""

    def __init__(self, path: Path, document: Document) -> None:
        self.path = path
        self._layers = [ref(layer) for layer in document.layers]
        self._views = [[ref(layer) for layer in shown] for shown in _seen(document)]

    @property
    def is_there(self) -> bool:
        """Whether it has been written, and is where it was."""
        return is_file(self.path)

    def shows(self, document: Document) -> bool:
        """Whether all that `document` shows is in it, under the numbers that its address knows."""
        views = _seen(document)
        known = [{layer() for layer in layers} for layers in self._views]
        return (
            [layer() for layer in self._layers] == document.layers
            and len(known) == len(views)
            and all(there.issuperset(shown) for there, shown in zip(known, views, strict=True))
        )


def _seen(document: Document) -> list[list[SurfaceLayer]]:
    """The surfaces of each viewport that shows any."""
    return [view.shown for view in document.shown_views if view.shown]
