"""A panel of one's own: one class and one entry; opened, drawn and closed by its command."""

import sys
from pathlib import Path

from drive import Driver, drive
from imgui_bundle import imgui

from isoloss.app.panels.registry import register
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.panel import Panel
from isoloss.app.ui.widgets import muted


class TallyPanel:
    """Says how many surfaces are open, and closes them."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def draw(self) -> None:
        """Draw the panel's content."""
        muted(f"Surfaces that are open: {len(self.workspace.scene.layers)}")
        if imgui.button("Close them###close"):
            self.workspace.close_all()


register(Panel("Tally", "Bottom", lambda parts: TallyPanel(parts.workspace), "Ctrl+Shift+Y"))

COMMAND = "##MainMenuBar/View/Panels/###panel-tally"


def panel(d: Driver) -> None:
    docking, workspace = d.parts.docking, d.parts.workspace
    d.until(lambda: d.window.frames > 4, "the first frames")
    assert docking.is_shown("Tally")
    assert d.ctx.window_info("//Tally").window.dock_node is not None

    d.ctx.set_ref("")
    d.ctx.menu_click(COMMAND)
    d.until(lambda: not docking.is_shown("Tally"), "the command to close it")
    d.until(lambda: not d.ctx.item_exists("//Tally/close"), "the panel to go")
    d.ctx.menu_click(COMMAND)
    d.until(lambda: d.ctx.item_exists("//Tally/close"), "the command to open and draw it")
    d.shot("panel.png")

    d.click("//Tally/close")
    assert not workspace.scene.layers
    for shown in (False, True):
        d.press(imgui.Key.mod_ctrl, imgui.Key.mod_shift, imgui.Key.y)
        d.until(lambda shown=shown: docking.is_shown("Tally") is shown, "the shortcut")


drive(panel, Path(sys.argv[1]))
