"""Undo and redo: states that were, and states that were undone."""

from __future__ import annotations

from dataclasses import replace

from isoloss.scene.appearance import Appearance
from isoloss.scene.document import DocumentState, LayerState, ViewState

MOST_STEPS = 500
WORDS: dict[type, dict[str, str]] = {
    DocumentState: {
        "arrangement": "viewports",
        "links": "links",
        "saved_views": "saved views",
        "cut": "cut",
    },
    LayerState: {"markers": "pin", "hidden": "trajectory", "name": "rename", "opacity": "opacity"},
    ViewState: {"camera": "camera", "hidden": "visibility", "title": "title text"},
    Appearance: {
        "texture": "texture",
        "colormap": "colormap",
        "reverse_colormap": "colormap direction",
        "contours": "contours",
        "contour_levels": "contour levels",
        "contour_spacing": "contour spacing",
        "contour_value": "level set by hand",
        "floor_contours": "contours on the floor",
        "trajectory": "all trajectories",
        "epoch": "epoch",
        "markers": "all pins",
        "minima": "minima",
        "minima_persistence": "persistence of minima",
        "signs": "signs",
        "own_colors": "own colours",
        "equal_aspect": "equal aspect",
        "wireframe": "wireframe overlay",
        "ambient_occlusion": "ambient occlusion",
        "smooth": "smooth surface",
        "height_gain": "height gain",
        "axes": "axes",
        "scalar_bar": "scalar bar",
        "title": "title",
        "legend": "legend",
        "theme": "theme",
        "log_height": "logarithmic height",
        "log_colors": "logarithmic colours",
        "color_range": "colour range",
        "transparent": "transparent background",
    },
}
"""What follows "Undo" and "Redo", for every choice that can differ between two states."""


class History:
    """Watches the states of a document and keeps those that were left.

    No change is reported: whoever draws shows it the state of every frame, and says whether a drag
    or a slider is still held. So a drag, however many frames it takes, is one step.
    """

    def __init__(self, state: DocumentState) -> None:
        self._state = state
        self._done: list[DocumentState] = []
        self._undone: list[DocumentState] = []

    def watch(self, state: DocumentState, busy: bool = False) -> bool:
        """Take note of `state`; returns whether it made a step.

        Args:
            busy: a change is on its way (a drag, a slider held): it becomes a step when it ends.
        """
        if busy:
            return False
        if state == self._state:
            self._state = state  # another layer may have been selected
            return False
        self._done = [*self._done, self._state][-MOST_STEPS:]
        self._undone = []
        self._state = state
        return True

    def absorb(self, before: DocumentState, after: DocumentState) -> None:
        """Take for granted what the program did by itself between two states.

        It is not undone, and undoing what the person did leaves it as it is: a layer that a job
        has opened was there all along, as far as the steps know.
        """
        self.watch(before)  # a drag may be under way: its first half is a step of its own
        self._state = after
        self._done = [_with_new_layers(state, before, after) for state in self._done]
        self._undone = [_with_new_layers(state, before, after) for state in self._undone]

    @property
    def state(self) -> DocumentState:
        """The state taken note of last."""
        return self._state

    @property
    def undoes(self) -> str:
        """What undo would take back, in a word or two; "" if there is nothing."""
        return _difference(self._done[-1], self._state) if self._done else ""

    @property
    def redoes(self) -> str:
        """What redo would bring back; "" if there is nothing."""
        return _difference(self._state, self._undone[-1]) if self._undone else ""

    def undo(self) -> DocumentState | None:
        """The state before the last step, which becomes the present one."""
        return self._step(self._done, self._undone)

    def redo(self) -> DocumentState | None:
        """The state that was undone last."""
        return self._step(self._undone, self._done)

    def _step(
        self, source: list[DocumentState], target: list[DocumentState]
    ) -> DocumentState | None:
        if not source:
            return None
        target.append(self._state)
        self._state = source.pop()
        return self._state


def _with_new_layers(
    state: DocumentState, before: DocumentState, after: DocumentState
) -> DocumentState:
    """`state` with the layers opened from `before` to `after`, and what that hid and showed."""
    known = {x.layer for x in (*before.layers, *state.layers)}
    added = tuple(x for x in after.layers if x.layer not in known)
    views = tuple(
        replace(view, hidden=(view.hidden - (was.hidden - now.hidden)) | (now.hidden - was.hidden))
        for view, was, now in zip(state.views, before.views, after.views, strict=True)
    )
    return replace(state, layers=(*state.layers, *added), views=views)


def _difference(before: DocumentState, after: DocumentState) -> str:
    """What tells two states apart, named by the first thing found."""
    if before.origin != after.origin:
        return "open session"
    orders = [[x.layer for x in state.layers] for state in (before, after)]
    if orders[0] != orders[1]:
        if set(orders[0]) == set(orders[1]):
            return "layer order"
        return "close layer" if len(before.layers) > len(after.layers) else "open layer"
    pairs = [
        (before, after),
        *zip(before.layers, after.layers, strict=True),
        *zip(before.views, after.views, strict=True),
        *((a.appearance, b.appearance) for a, b in zip(before.views, after.views, strict=True)),
    ]
    for was, now in pairs:
        for name, words in WORDS[type(was)].items():
            if getattr(was, name) != getattr(now, name):
                return words
    return "change"
