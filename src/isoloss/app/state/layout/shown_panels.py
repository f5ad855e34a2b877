"""Which panels are shown: those that are open, have something in them and are not folded away."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import get_args

from isoloss.app.state.layout.layouts import Layouts
from isoloss.app.state.layout.sides import ACROSS, Side

VIEWPORT = "Viewport"
"""The pictures, which have their window beside the panels'."""


class ShownPanels:
    """What a person has opened, folded and maximized, and what that comes to.

    Args:
        names: of all panels.
        applies: whether there is anything to be seen in one of them.

    Attributes:
        sides: where each panel was seen last; those that float have none.
        gives_way: the sides for which the window is too small. If a person unfolds one, the one
            across from it gives way in its place.
        maximized: what fills the window; "" if nothing does.
    """

    def __init__(
        self, layouts: Layouts, names: Iterable[str], applies: Callable[[str], bool]
    ) -> None:
        self.sides: dict[str, Side | None] = {}
        self.gives_way: frozenset[Side] = frozenset()
        self.maximized = ""
        self._layouts, self._names, self._applies = layouts, tuple(names), applies
        self._asked: set[str] = set()
        self._giving: set[Side] = set()

    def is_shown(self, name: str) -> bool:
        """Whether a panel is to be seen, or is behind another of its place."""
        if self.maximized:
            return name == self.maximized
        return self._is_wanted(name) and not self.is_folded(self.sides.get(name))

    def _is_wanted(self, name: str) -> bool:
        if name in self._layouts.current.closed:
            return False
        if self._applies(name):
            self._asked.discard(name)
            return True
        return name in self._asked

    def ask_for(self, name: str) -> None:
        """Open a panel, empty as it may be, and unfold its side."""
        if self.maximized != name:
            self.maximized = ""
        self._layouts.current.closed.discard(name)
        self._asked.add(name)
        side = self.sides.get(name)
        if self.is_folded(side):
            self.fold(side)

    def close(self, name: str) -> None:
        """Close a panel."""
        self.maximized = "" if self.maximized == name else self.maximized
        self._layouts.current.closed.add(name)
        self._asked.discard(name)

    def toggle(self, name: str) -> None:
        """Open a panel, or close it."""
        if self.is_shown(name):
            self.close(name)
        else:
            self.ask_for(name)

    # -- sides -------------------------------------------------------------------------------

    def is_folded(self, side: Side | None) -> bool:
        """Whether a side is folded, by hand or because the window is too small for it."""
        return side in self._giving or side in self._layouts.current.folded

    def has(self, side: Side) -> bool:
        """Whether a side holds panels, folded or not."""
        return any(self.sides.get(n) == side and self._is_wanted(n) for n in self._names)

    def fold(self, side: Side | None) -> None:
        """Fold a side, or unfold it."""
        if side is None:
            return
        self.maximized = ""
        folded = self._layouts.current.folded
        if self.is_folded(side):
            folded.discard(side)
            self._giving.discard(side)
            if self.gives_way and side in ACROSS:
                self._giving.add(ACROSS[side])
        else:
            folded.add(side)

    def fold_all(self) -> None:
        """Fold all sides, or unfold all if all are."""
        held = [side for side in get_args(Side) if self.has(side)]
        unfold = all(map(self.is_folded, held))
        for side in held:
            if self.is_folded(side) == unfold:
                self.fold(side)

    def make_room(self, gives_way: frozenset[Side]) -> None:
        """Let these sides give way, in a window that has become larger or smaller."""
        if gives_way != self.gives_way:
            self.gives_way = gives_way
            self._giving = set(gives_way)

    # -- one for all -------------------------------------------------------------------------

    def maximize(self, name: str) -> None:
        """Let a panel, or the pictures, have the whole room; or give it back."""
        self.maximized = "" if self.maximized == name else name

    def begin_layout(self) -> None:
        """Another layout is in use, or the same from its beginning."""
        self.maximized = ""
        # Empty, what is to stand in the middle says what it is for.
        self._asked = set(self._layouts.current.shape.elsewhere)
        self._giving = set(self.gives_way)
