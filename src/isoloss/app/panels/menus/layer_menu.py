"""What can be done with a layer: the menu of a right click, in the panel and in the picture."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from imgui_bundle import imgui

from isoloss.app.panels.menus.probe_again import ProbeAgain
from isoloss.app.panels.menus.run_menu import open_folder
from isoloss.app.state.comparing import why_no_difference
from isoloss.app.ui.panel import Surroundings
from isoloss.naming import capitalized
from isoloss.paths import is_folder
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.pins import pins_of, unpin_all

OPACITIES = (1.0, 0.75, 0.5, 0.25)
"""Those that a menu offers."""


class LayerMenu:
    """The items; whoever draws them opens the popup that they are in.

    Attributes:
        rename: begins to rename a layer where it is listed.
    """

    def __init__(
        self, parts: Surroundings, again: ProbeAgain, rename: Callable[[SurfaceLayer], None]
    ) -> None:
        self._parts, self._again, self.rename = parts, again, rename
        self._workspace = parts.workspace

    def items(self, layer: SurfaceLayer) -> None:
        """Draw them for a layer."""
        workspace = self._workspace
        visible = layer not in workspace.scene.hidden
        if _item("Hide" if visible else "Show", "visible"):
            workspace.toggle_layer(layer)
        self._places(layer)
        imgui.separator()
        self._look(layer)
        imgui.separator()
        self._difference(layer)
        self._source(layer)
        imgui.separator()
        if _item("Rename…", "rename"):
            self.rename(layer)
        if _item("Remove its pins", "unpin", possible=bool(pins_of(layer))):
            unpin_all([layer])
        if _item("Remove from the scene", "remove"):
            workspace.remove(layer)

    def _places(self, layer: SurfaceLayer) -> None:
        document = self._workspace.document
        for k in range(max(document.arrangement, 2)):
            alone = document.views[k].hidden == frozenset(document.layers) - {layer}
            on = alone and k < document.arrangement
            if _item(f"Show in viewport {k + 1}", f"show in {k + 1}", chosen=on):
                self._workspace.show_in(layer, k)

    def _look(self, layer: SurfaceLayer) -> None:
        document = self._workspace.document
        if imgui.begin_menu("Opacity"):
            for opacity in OPACITIES:
                chosen = layer.opacity == opacity
                if _item(f"{100 * opacity:.0f} %", f"opacity {opacity}", chosen=chosen):
                    layer.opacity = opacity
            imgui.end_menu()
        at, last = document.layers.index(layer), len(document.layers) - 1
        if _item("Move up", "up", possible=at > 0):
            document.move(layer, at - 1)
        if _item("Move down", "down", possible=at < last):
            document.move(layer, at + 2)

    def _difference(self, layer: SurfaceLayer) -> None:
        others = [x for x in self._workspace.document.layers if x is not layer]
        if not imgui.begin_menu("Difference to", bool(others)):
            return
        for k, other in enumerate(others):
            refusal = why_no_difference(layer, other)
            if _item(other.name, f"minus {k}", possible=not refusal):
                self._workspace.show_difference(layer, other)
            if refusal and imgui.is_item_hovered(int(imgui.HoveredFlags_.allow_when_disabled)):
                imgui.set_tooltip(capitalized(refusal))
        imgui.end_menu()

    def _source(self, layer: SurfaceLayer) -> None:
        """What can be done with the file or the run that it was read from."""
        messages = self._workspace.messages
        followed = self._again.run_at(layer.source)
        if followed is not None and _item("Repeat its run…", "repeat"):
            self._parts.repeat(followed)
        has_own_file = layer.source is not None and not layer.quantity
        if has_own_file and _item("Copy the command line that draws it", "command"):
            imgui.set_clipboard_text(drawn_by(layer))
            messages.say("Copied the command line")
        if layer.source is not None and _item("Open its folder", "folder"):
            open_folder(layer.source if is_folder(layer.source) else layer.source.parent, messages)


def drawn_by(layer: SurfaceLayer) -> str:
    """The command line that draws a layer which has a file of its own."""
    opacity = [] if layer.opacity == 1 else ["--opacity", f"{layer.opacity:g}"]
    words = ["isoloss", "render", str(layer.source), *opacity, "--out", f"{layer.name}.png"]
    return shlex.join(words)


def _item(text: str, name: str, *, chosen: bool = False, possible: bool = True) -> bool:
    return imgui.menu_item(f"{text}###{name}", "", chosen, possible)[0]
