"""The panels around the viewport: docked as the layout in use says, opened, folded, maximized."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import get_args

from imgui_bundle import ImVec2, hello_imgui, imgui

from isoloss.app.state.layout.docked_text import completed, of_panels
from isoloss.app.state.layout.layouts import MIDDLE, SHAPES, Docked, Layouts, Shape
from isoloss.app.state.layout.shown_panels import VIEWPORT, ShownPanels
from isoloss.app.state.layout.sides import (
    BARS,
    Side,
    height_at_first,
    is_low,
    lowest,
    place_in,
    side_of,
    side_of_place,
    widths,
    without_room,
)
from isoloss.app.ui.dock_nodes import (
    ancestors,
    docking_params,
    floats,
    outermost_beside_middle,
    rect_of,
    rect_of_middle,
)
from isoloss.app.ui.panel import Panel
from isoloss.app.ui.side_sizes import SideSizes, em_to_come
from isoloss.app.ui.style import palette, vec

_NO_FOCUS = int(imgui.WindowFlags_.no_focus_on_appearing)
"""What comes by itself leaves the keyboard where it is."""
LEAST = 10.0
"""Of a panel's width, in em, however far the edge between two is dragged."""
_SETTLED = 4
"""Frames after which what was docked anew has its place."""
_FIRST = (85.0, 53.0, SHAPES["Landscape"])
"""Width and height in em, and shape, of what is docked before there is a window."""


def lay_out(
    params: hello_imgui.DockingParams,
    panels: Iterable[Panel],
    draw_viewport: Callable[[], None],
    draw_panel: Callable[[str], None],
) -> None:
    """Put the panels around the viewport."""
    params.docking_splits = _splits(*_FIRST)
    middle = hello_imgui.DockableWindow(VIEWPORT, MIDDLE, draw_viewport)
    middle.call_begin_end = middle.can_be_closed = middle.remember_is_visible = False
    windows = [middle]
    for panel in panels:
        window = hello_imgui.DockableWindow(
            panel.name, panel.place, lambda name=panel.name: draw_panel(name)
        )
        window.imgui_window_flags = panel.window_flags | _NO_FOCUS
        window.remember_is_visible = False
        windows.append(window)
    params.dockable_windows = windows
    params.layout_condition = hello_imgui.DockingLayoutCondition.never


def _splits(across: float, down: float, shape: Shape) -> list[hello_imgui.DockingSplit]:
    """Of a window of `across` × `down` em."""
    left, right = widths(across)
    bottom = height_at_first(shape.bottom, down)
    return [
        hello_imgui.DockingSplit(MIDDLE, "Left", imgui.Dir.left, left / across),
        hello_imgui.DockingSplit(MIDDLE, "Right", imgui.Dir.right, right / (across - left)),
        hello_imgui.DockingSplit(MIDDLE, "Bottom", imgui.Dir.down, bottom / (down - BARS)),
        hello_imgui.DockingSplit("Left", "LeftBottom", imgui.Dir.down, 0.663),
        hello_imgui.DockingSplit("Right", "RightBottom", imgui.Dir.down, lowest(down)),
    ]


class Docking:
    """Docks, opens, folds and maximizes panels, in the running app.

    Args:
        applies: whether there is anything to be seen in the panel, or the viewport, of this name.
    """

    def __init__(
        self,
        panels: Iterable[Panel],
        layouts: Layouts | None = None,
        applies: Callable[[str], bool] = lambda _name: True,
    ) -> None:
        self.panels, self.layouts = panels, layouts or Layouts()
        self.shown = ShownPanels(self.layouts, [VIEWPORT, *(p.name for p in panels)], applies)
        self._docked: tuple[str, bool] | None = None
        self._is_low = False
        self._is_maximized = ""
        self._frames = 0
        self._restores = False
        self._fronts: dict[int, tuple[int, int]] = {}
        self._visible: dict[str, bool] = {}
        self._sizes = SideSizes(self._sides)
        self._front: list[str] = []

    # -- what panels, commands and the tour ask ----------------------------------------------

    def is_shown(self, name: str) -> bool:
        """Whether a panel is open, and not folded away."""
        return self.shown.is_shown(name)

    def toggle(self, name: str) -> None:
        """Open a panel, or close it."""
        self.shown.toggle(name)
        if self.shown.is_shown(name):
            self._front.append(name)

    def bring_to_front(self, name: str) -> None:
        """Open a panel if it is closed, and show it before the others of its place."""
        self.shown.ask_for(name)
        self._front.append(name)

    def maximize(self) -> None:
        """Let the panel that has the keyboard, else the viewport, fill the window; or end that."""
        focused = self._focused()
        self.shown.maximize(self.shown.maximized or focused or VIEWPORT)

    def choose(self, name: str) -> None:
        """Use the layout with this name."""
        self._keep()
        self.layouts.choose(name)
        self.shown.begin_layout()

    def follow(self, what: str) -> None:
        """Use the layout that suits what has been opened, if layouts follow it now."""
        self._keep()
        if self.layouts.opened(what):
            self.shown.begin_layout()

    def save_as(self, name: str) -> None:
        """Keep what the window looks like as a layout of the person's own.

        Raises:
            IsolossError: if the name is none, or taken.
        """
        self._keep()
        self.layouts.save_as(name)
        self._docked = name, self._is_low
        self.layouts.save()

    def rename(self, old: str, new: str) -> None:
        """Give a layout of the person's own another name.

        Raises:
            IsolossError: if it ships, or the name is none or taken.
        """
        in_use = self._docked == (old, self._is_low)
        self.layouts.rename(old, new)
        self._docked = self._wanted if in_use else self._docked
        self.layouts.save()

    def delete(self, name: str) -> None:
        """Forget a layout of the person's own."""
        if self.layouts.name == name:
            self.shown.begin_layout()
        self.layouts.delete(name)
        self.layouts.save()

    def reset(self) -> None:
        """All panels back to where they were at first in the layout in use."""
        self.layouts.reset()
        self.shown.begin_layout()
        self._docked = None

    # -- in each frame -----------------------------------------------------------------------

    def update(self) -> None:
        """Before a frame: bring the windows in line with the layout and with what is shown."""
        size, em = imgui.get_io().display_size, em_to_come()
        if size.x <= 0 or em <= 0:
            return
        self._frames += 1
        imgui.get_style().window_min_size = ImVec2(LEAST * em, imgui.get_style().window_min_size.y)
        self.shown.make_room(without_room(size.x / em, size.y / em))
        if is_low(size.y / em) != self._is_low:
            self._keep()
            self._is_low = not self._is_low
        if self._docked == self._wanted and self.shown.maximized != self._is_maximized:
            self._maximize()
        if self._docked != self._wanted:
            self._dock(size.x / em, size.y / em)
        if self._is_settled:
            self._sizes.fit(self.layouts.current.shape.bottom)
        self._show()
        if imgui.get_io().want_save_ini_settings:
            imgui.get_io().want_save_ini_settings = False
            self.keep()

    def keep(self) -> None:
        """Remember where everything is, in the next window too."""
        self._keep()
        self.layouts.save()

    def listen(self, name: str) -> None:
        """In a panel's window, before its content: a double click on its tab maximizes it."""
        if imgui.is_item_hovered() and imgui.is_mouse_double_clicked(imgui.MouseButton_.left):
            self.shown.maximize(name)

    def end_maximized(self, *, asked: bool) -> None:
        """Let Escape end it, unless it is meant for a dialog or a field."""
        typing = asked or imgui.get_io().want_text_input or imgui.is_any_item_active()
        if self.shown.maximized and not typing and imgui.is_key_pressed(imgui.Key.escape, False):
            self.shown.maximize(self.shown.maximized)

    @property
    def has_panel_in_middle(self) -> bool:
        """Whether the layout in use gives the viewport's room to a panel that is shown."""
        places = self.layouts.current.shape.elsewhere
        return any(places.get(p.name) == MIDDLE and self.is_shown(p.name) for p in self.panels)

    @property
    def viewport_is_alone(self) -> bool:
        """Whether no panel shares the middle, so that no tabs are needed."""
        window = imgui.internal.find_window_by_name(VIEWPORT)
        node = window.dock_node if window is not None else None
        return node is None or len(node.windows) < 2

    def take_front(self) -> bool:
        """Whether the viewport is to be shown before the panels beside it, from now on."""
        asked = VIEWPORT in self._front
        self._front = [name for name in self._front if name != VIEWPORT]
        return asked

    @property
    def _is_settled(self) -> bool:
        """Whether all panels have their places, beside each other."""
        return self._frames > _SETTLED and not self._is_maximized

    @property
    def _wanted(self) -> tuple[str, bool]:
        """The layout in use, and whether it is as in a low window."""
        return self.layouts.name, self._is_low

    @property
    def _arranged(self) -> Docked:
        """Where the panels of the layout in use are."""
        return self.layouts.current.arranged(is_low=self._is_low)

    def _dock(self, across: float, down: float) -> None:
        """Dock all panels as the layout in use says."""
        self._docked, self._is_maximized = self._wanted, ""
        shape, docked = self.layouts.current.shape, self._arranged
        places = self._places(shape)
        self.shown.sides.update({name: side_of_place(place) for name, place in places.items()})
        docked.text = completed(docked.text, places)
        if docked.text:
            self._restore(docked)
            return
        params = docking_params()
        params.docking_splits = _splits(across, down, shape)
        for name, place in places.items():
            params.dockable_window_of_name(name).dock_space_name = place_in(place, down)
        params.layout_reset = True
        self._front += reversed(shape.in_front)
        self._begin(Docked())

    def _restore(self, docked: Docked) -> None:
        """Dock all panels where they were, when letters had their size of then."""
        imgui.load_ini_settings_from_memory(docked.text)
        self._begin(docked)

    def _begin(self, docked: Docked) -> None:
        """Panels have been docked anew."""
        self._frames, self._restores = 0, True
        self._sizes.begin(docked)

    def _places(self, shape: Shape) -> dict[str, str]:
        panels = {p.name: shape.elsewhere.get(p.name, p.place) for p in self.panels}
        return {VIEWPORT: MIDDLE, **panels}

    def _maximize(self) -> None:
        """Let one panel be alone in the middle, or all be where they were."""
        if self._is_maximized and self._arranged.text:
            self._restore(self._arranged)
        elif self._is_maximized:
            self._docked = None  # it was before anything had its place
        else:
            self._keep()
        self._is_maximized = self.shown.maximized
        if self._is_maximized:
            space = docking_params().dock_space_id_from_name(MIDDLE)
            if space is not None:
                imgui.internal.dock_builder_dock_window(self._is_maximized, space)

    def _show(self) -> None:
        self._leave_in_front()
        for name in [VIEWPORT, *(panel.name for panel in self.panels)]:
            window = docking_params().dockable_window_of_name(name)
            if window is None:
                continue
            if self._visible.get(name) and not window.is_visible:
                self.shown.close(name)  # by its cross
            # After a restoration all appear in the same frame, or their tabs change places.
            held_back = self._restores and name != VIEWPORT
            shown = self.shown.is_shown(name) and not held_back
            if shown and not self._visible.get(name):
                self._sizes.look_again()
                if name not in self._front:
                    self._note_fronts()
            self._visible[name] = window.is_visible = shown
            if name in self._front and name != VIEWPORT and self._frames > 1:
                self._front = [other for other in self._front if other != name]
                window.focus_window_at_next_frame = window.is_visible
        self._restores = False
        if self._is_settled:
            self._see_sides()

    def _note_fronts(self) -> None:
        """Note which tabs are in front: what comes by itself comes behind them."""
        if self._is_settled:
            for name in self._visible:
                node = next(ancestors(name), None)
                if node is not None and node.tab_bar is not None:
                    self._fronts[node.id_] = (node.tab_bar.selected_tab_id, self._frames)

    def _leave_in_front(self) -> None:
        """Let the tabs that were noted be in front, after others have come."""
        for node_id, (tab, since) in list(self._fronts.items()):
            node = imgui.internal.dock_builder_get_node(node_id)
            if self._frames > since + 2 or node is None:
                del self._fronts[node_id]
            elif self._frames > since and node.tab_bar is not None:
                node.tab_bar.next_selected_tab_id = tab

    def _see_sides(self) -> None:
        """Note on which side each panel is."""
        middle = rect_of_middle()
        if middle is None:
            return
        for panel in self.panels:
            rect = rect_of(panel.name)
            if rect is not None:
                side = None if floats(panel.name) else side_of(rect, middle)
                self.shown.sides[panel.name] = side

    def _sides(self) -> dict[Side, imgui.internal.DockNode]:
        """The outermost node of each side that is seen."""
        found: dict[Side, imgui.internal.DockNode] = {}
        for side in get_args(Side):
            names = [n for n, seen in self._visible.items() if seen]
            names = [n for n in names if self.shown.sides.get(n) == side]
            if (node := outermost_beside_middle(names)) is not None:
                found[side] = node
        return found

    def _keep(self) -> None:
        """Remember where the panels of the layout in use are."""
        if self._is_settled and self._docked == self._wanted:
            names = self._places(self.layouts.current.shape)
            self._arranged.text = of_panels(imgui.save_ini_settings_to_memory(), names)
            self._sizes.keep(self._arranged)

    def _focused(self) -> str:
        """The docked panel that has the keyboard; "" if none has."""
        window = imgui.get_current_context().nav_window
        name = window.root_window.name if window is not None else ""
        return name if name in {p.name for p in self.panels} else ""


def clear_as_panels(panels: Iterable[str]) -> None:
    """Before a frame: let docked `panels` be transparent, for behind them is their own colour.

    To clear a frame takes a software renderer no time; to fill a window two or three times over,
    with the docking space, its panels and then the picture, takes longer than all there is upon
    them. While one of the panels floats over others, all have a background of their own.
    """
    color = palette().panel
    hello_imgui.get_runner_params().imgui_window_params.background_color = vec(color)
    opaque = 1.0 if any(floats(name) for name in panels) else 0.0
    imgui.get_style().set_color_(imgui.Col_.window_bg, vec(color, opaque))
