"""How large the sides are: as many letters, whatever the size of the window and of its text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

from imgui_bundle import ImVec2, imgui

from isoloss.app.state.layout.layouts import Docked
from isoloss.app.state.layout.sides import ACROSS, Side, fitted, height, height_at_first

_DRAGGED = 1.5
"""In pixels: an edge that is farther from where it was put has been dragged."""

Nodes = Mapping[Side, imgui.internal.DockNode]


class SideSizes:
    """Lets the sides keep their sizes, in the running app.

    Args:
        nodes: gives of each side that is seen the outermost node, whose size is the side's.
    """

    def __init__(self, nodes: Callable[[], Nodes]) -> None:
        self._nodes = nodes
        self.begin(Docked())

    def begin(self, docked: Docked) -> None:
        """Panels have been docked anew: as they were left, or as they begin."""
        self._window = (0.0, 0.0, 0.0)
        self._ems: dict[Side, float] = {}
        if docked.em:
            self._ems = dict.fromkeys(get_args(Side), docked.em)
        # The height of the lower panels that a person has chosen; None where it is as it is.
        self._bottom = docked.bottom if docked.em or not docked.text else None
        self._fitted = 0.0

    def look_again(self) -> None:
        """A panel has come, and with it perhaps a side."""
        self._window = (0.0, *self._window[1:])

    def fit(self, share: float) -> None:
        """Leave the middle enough, in a window or with a text of another size.

        Args:
            share: of the window's height that the lower panels have, if nobody has chosen another.
        """
        em = em_to_come()
        window = (*imgui.get_io().display_size, em)
        if window == self._window:
            return
        is_other_height, self._window = window[1:] != self._window[1:], window
        nodes = self._nodes()
        before = {side: self._ems.get(side, em) for side in nodes}
        left, right = (nodes[s].size_ref.x / before[s] if s in nodes else 0.0 for s in ACROSS)
        wanted = dict(zip(ACROSS, fitted(left, right, window[0] / em), strict=True))
        for side, node in nodes.items():
            if side != "bottom":
                node.size_ref = ImVec2(wanted[side] * em, node.size_ref.y)
            elif is_other_height or not self._fitted:
                self._fit_bottom(node, share, window[1] / em)
            self._ems[side] = em

    def keep(self, docked: Docked) -> None:
        """Note in `docked` how large they are."""
        self._note_bottom(self._nodes().get("bottom"))
        docked.em, docked.bottom = self._window[2], self._bottom or 0.0

    def _fit_bottom(self, node: imgui.internal.DockNode, share: float, down: float) -> None:
        """Let the lower panels have the height that a person has chosen, or else their share of the
        window, as far as both they and what is above them are of use then."""
        self._note_bottom(node)
        if self._bottom is None:
            self._bottom = node.size_ref.y / self._em_of_bottom
        high = height(self._bottom, down) if self._bottom else height_at_first(share, down)
        self._fitted = high * em_to_come()
        node.size_ref = ImVec2(node.size_ref.x, self._fitted)

    def _note_bottom(self, node: imgui.internal.DockNode | None) -> None:
        """Note the height of the lower panels, if a person has dragged their edge."""
        if node is not None and self._fitted and abs(node.size_ref.y - self._fitted) > _DRAGGED:
            self._fitted = node.size_ref.y
            self._bottom = self._fitted / self._em_of_bottom

    @property
    def _em_of_bottom(self) -> float:
        return self._ems.get("bottom", em_to_come())


def em_to_come() -> float:
    """The font size of the frame to come, in pixels."""
    style = imgui.get_style()
    return style.font_size_base * style.font_scale_main * style.font_scale_dpi
