"""Saving a figure of a robustness run: its curves, or the images that are looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from imgui_bundle import ImVec2, imgui

from isoloss.app.dialogs.dialog_frame import draw_dialog, draw_save_footer, path_row
from isoloss.app.dialogs.picture_dialog import WIDTHS
from isoloss.app.dialogs.renderings import Renderings
from isoloss.app.state.forms.typed_path import typed_path
from isoloss.app.state.runs.evaluations import OpenEvaluation
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.widgets import em, row, rows
from isoloss.errors import IsolossError
from isoloss.naming import printable

TITLE = "Save figure"
SUFFIX = ".svg"
WHAT = {
    "accuracy": "Accuracy against ε",
    "certified": "Certified accuracy",
    "examples": "Images",
    "maps": "Maps of where the network looks",
}
OF_IMAGES = ("examples", "maps")
THEMES = ("light", "dark")


class FigureDialog:
    """Asks what of the run that is shown, and for the file; a process of its own draws.

    Attributes:
        what: as `isoloss render --what` has it.
        width: a name of `WIDTHS`.
    """

    def __init__(self, workspace: Workspace, renderings: Renderings) -> None:
        self.workspace, self.renderings = workspace, renderings
        self.is_open = False
        self.path, self.what = "", "accuracy"
        self.width, self.theme = next(iter(WIDTHS)), THEMES[0]
        self._appearing = False

    @property
    def is_possible(self) -> bool:
        """Whether a robustness run is shown that has found something."""
        shown = self.workspace.evaluations.shown
        return shown is not None and bool(shown.curves)

    def open(self) -> None:
        """Show the dialog."""
        shown = self.workspace.evaluations.shown
        if shown is None:
            return
        if self.what not in _possible(shown):
            self.what = _possible(shown)[0]
        self.path = printable(self.workspace.folder / f"{shown.name}-{self.what}{SUFFIX}")
        self.is_open = self._appearing = True

    def draw(self) -> None:
        """Draw it if it is open."""
        shown = self.workspace.evaluations.shown
        if not self.is_open or shown is None:
            self.is_open = False
            return
        stays = draw_dialog(
            TITLE, ImVec2(em(36), 0), lambda: self._content(shown), appearing=self._appearing
        )
        self._appearing = False
        self.is_open = self.is_open and stays

    def _content(self, shown: OpenEvaluation) -> None:
        entered = False
        with rows("figure", em(6)) as visible:
            if visible:
                entered = self._rows(shown)
        cancelled, path = draw_save_footer(self.chosen, entered=entered)
        if cancelled:
            self.is_open = False
        elif path is not None:
            self._save(shown, path)

    def _rows(self, shown: OpenEvaluation) -> bool:
        row("Of")
        possible = _possible(shown)
        before = self.what
        self.what = possible[_combo("what", possible.index(before), [WHAT[w] for w in possible])]
        if self.what != before:
            self.path = self.path.replace(f"-{before}.", f"-{self.what}.")
        entered, self.path = path_row(
            self.path, "SVG, PDF or PNG, by its suffix", appearing=self._appearing
        )
        row("Width", "On paper")
        widths = list(WIDTHS)
        self.width = widths[_combo("width", widths.index(self.width), widths)]
        row("Theme")
        names = [theme.capitalize() for theme in THEMES]
        self.theme = THEMES[_combo("theme", THEMES.index(self.theme), names)]
        return entered

    @property
    def chosen(self) -> Path | None:
        """The file that is typed; None where that names none yet."""
        path = typed_path(self.path, self.workspace.folder)
        if path is None or path.suffix:
            return path
        return path.with_name(path.name + SUFFIX)

    def _save(self, shown: OpenEvaluation, path: Path) -> None:
        try:
            self.renderings.start(self._writer(shown), path, self._options(shown))
        except IsolossError as error:
            self.workspace.messages.say(str(error), "error")
            return
        self.is_open = False

    def _writer(self, shown: OpenEvaluation) -> Callable[[Path], Path]:
        return lambda folder: shown.write_down(folder, with_images=self.what in OF_IMAGES)

    def _options(self, shown: OpenEvaluation) -> list[str]:
        """As one would type them after `isoloss render RUN --out PATH`."""
        options = [
            f"--what={self.what}",
            f"--width-mm={WIDTHS[self.width]:g}",
            f"--theme={self.theme}",
        ]
        if self.what == "accuracy" and shown.criterion != "majority":
            options.append(f"--by={shown.criterion}")
        if self.what not in OF_IMAGES and shown.has_references and shown.references:
            options.append("--reference=all")
        if self.what in OF_IMAGES and shown.index is not None:
            browser = shown.browser
            browser.settle(shown.index)
            options += [
                f"--network={browser.network}",
                f"--image={shown.index.images[browser.image]}",
            ]
            options += [f"--sigma={browser.sigma:g}"] if browser.sigma >= 0 else []
            options += [f"--attack={browser.attack}"] if browser.is_attacked else []
        return options


def _possible(shown: OpenEvaluation) -> list[str]:
    """What there can be figures of."""
    curves = "certified" if any(c.axis == "radius" for c in shown.curves) else "accuracy"
    return [curves, *(OF_IMAGES if shown.index is not None else ())]


def _combo(name: str, at: int, names: list[str]) -> int:
    return imgui.combo(f"##{name}", at, names)[1]
