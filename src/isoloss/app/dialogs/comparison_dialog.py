"""Saving a comparison of runs: as a figure, a page, or a table of values."""

from __future__ import annotations

import shlex

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.dialogs.dialog_frame import draw_dialog, draw_save_footer, path_row
from isoloss.app.dialogs.picture_dialog import WIDTHS
from isoloss.app.dialogs.renderings import Renderings
from isoloss.app.state.forms.typed_path import typed_path
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.style import palette
from isoloss.app.ui.widgets import em, hint, icon_button, muted, right_edge, row, rows, shortened
from isoloss.errors import IsolossError
from isoloss.naming import file_name, printable

TITLE = "Save comparison"
KINDS = {
    "Figure": ".pdf",
    "Page": ".html",
    "Points of the curves": ".csv",
    "Table of differences": ".csv",
}
TIPS = {"Figure": "PDF, SVG or PNG, by its suffix", "Page": "HTML, which any browser opens"}
THEMES = ("light", "dark")


class ComparisonDialog:
    """Asks what is to be saved, and for the file; a process of its own writes it.

    Attributes:
        kind: a name of `KINDS`.
        width: a name of `WIDTHS`.
    """

    def __init__(self, workspace: Workspace, renderings: Renderings) -> None:
        self.workspace, self.renderings = workspace, renderings
        self.is_open = False
        self.path, self.kind = "", next(iter(KINDS))
        self.width, self.theme = [*WIDTHS][1], THEMES[0]
        self._appearing = False

    @property
    def is_possible(self) -> bool:
        """Whether any runs are compared."""
        return bool(self.workspace.comparison.shown.comparison.entries)

    def open(self) -> None:
        """Show the dialog."""
        if self.is_possible:
            self._suggest()
            self.is_open = self._appearing = True

    def _suggest(self) -> None:
        name = file_name(self.workspace.comparison.tag or "comparison")
        what = {"Points of the curves": "-curves", "Table of differences": "-table"}
        name += what.get(self.kind, "") + KINDS[self.kind]
        self.path = printable(self.workspace.folder / name)

    def draw(self) -> None:
        """Draw it if it is open."""
        if not self.is_open or not self.is_possible:
            self.is_open = False
            return
        stays = draw_dialog(TITLE, ImVec2(em(36), 0), self._content, appearing=self._appearing)
        self._appearing = False
        self.is_open = self.is_open and stays

    def _content(self) -> None:
        entered = False
        with rows("comparison", em(6)) as visible:
            if visible:
                entered = self._rows()
        self._command()
        path = typed_path(self.path, self.workspace.folder)
        if path is not None and not path.suffix:
            path = path.with_name(path.name + KINDS[self.kind])
        cancelled, path = draw_save_footer(path, entered=entered)
        if cancelled:
            self.is_open = False
        elif path is not None:
            try:
                self.renderings.compare(self._arguments(str(path))[1:], path)
            except IsolossError as error:
                self.workspace.messages.say(str(error), "error")
                return
            self.is_open = False

    def _rows(self) -> bool:
        row("Of")
        kinds = list(KINDS)
        changed, k = imgui.combo("##kind", kinds.index(self.kind), kinds)
        if changed:
            self.kind = kinds[k]
            self._suggest()
        tip = TIPS.get(self.kind, "CSV")
        entered, self.path = path_row(self.path, tip, appearing=self._appearing)
        if self.kind == "Figure":
            row("Width", "On paper")
            widths = list(WIDTHS)
            self.width = widths[imgui.combo("##width", widths.index(self.width), widths)[1]]
            row("Theme")
            names = [theme.capitalize() for theme in THEMES]
            self.theme = THEMES[imgui.combo("##theme", THEMES.index(self.theme), names)[1]]
        return entered

    def _arguments(self, out: str) -> list[str]:
        """As one would type them after `isoloss`."""
        comparison = self.workspace.comparison
        if self.kind == "Figure":
            width = f"{WIDTHS[self.width]:g}"
            return comparison.command(out, width_mm=width, theme=self.theme)
        if self.kind == "Table of differences":
            return [*comparison.command(), "--out", out]
        return comparison.command(out)

    def _command(self) -> None:
        """The command line that does the same, to be copied."""
        side = imgui.get_frame_height()
        line = f"isoloss {shlex.join(self._arguments(self.path.strip()))}"
        imgui.align_text_to_frame_padding()
        muted(shortened(line, imgui.get_content_region_avail().x - side - em(0.6)))
        hint(line)
        imgui.same_line()
        imgui.set_cursor_pos_x(right_edge() - side)
        tip = "Copy the command line"
        if icon_button(fa.ICON_FA_TERMINAL, "command", tip, color=palette().muted):
            imgui.set_clipboard_text(line)
            self.workspace.messages.say("Copied the command line")
