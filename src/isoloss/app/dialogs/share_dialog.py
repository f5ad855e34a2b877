"""Sharing what is shown: as a page, a model, or a file of values, with its size before it is
written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imgui_bundle import ImVec2, imgui

from isoloss.app.dialogs.dialog_frame import draw_dialog, draw_save_footer, path_row
from isoloss.app.dialogs.renderings import Renderings
from isoloss.app.dialogs.size_preview import SizePreview
from isoloss.app.state.forms.typed_path import typed_path
from isoloss.app.state.runs.open_curves import OpenCurve
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.style import palette
from isoloss.app.ui.widgets import em, muted, row, rows, wrapped
from isoloss.errors import IsolossError
from isoloss.files import check_parent
from isoloss.geometry.files.formats import FORMATS, PARTS, Format, Part, format_of, parts_of
from isoloss.naming import capitalized, printable, size_in_words
from isoloss.paths import is_file
from isoloss.scene.document import Document
from isoloss.scene.files.shown_parts import PARTS_OF_APPEARANCE, narrowed, parts_shown
from isoloss.scene.files.snapshot import write_curve, write_document

TITLE = "Share"
THEMES = {"As the reader's system": "", "Dark": "dark", "Light": "light"}
SETTLED = 0.4
"""Seconds after the last choice until the size of what is chosen is worked out."""


@dataclass
class Choices:
    """What the dialog asks for; it keeps the answers until the window closes."""

    format: str = ".html"
    theme: str = next(iter(THEMES))
    without: frozenset[Part] = frozenset()


class ShareDialog:
    """Asks in which format, what is included and where to; a process of its own writes it."""

    def __init__(self, workspace: Workspace, renderings: Renderings) -> None:
        self.workspace, self.renderings = workspace, renderings
        self.is_open = False
        self.path = ""
        self.choices = Choices()
        self.preview = SizePreview()
        self._page: Path | None = None
        self._appearing = False
        self._changed = 0.0
        self._pending: object = None

    # -- what there is to share --------------------------------------------------------------

    @property
    def is_possible(self) -> bool:
        """Whether a surface or a curve is shown."""
        return bool(self.workspace.scene.shown) or self.curve is not None

    @property
    def curve(self) -> OpenCurve | None:
        """The curve that is shown where no surface is."""
        return None if self.workspace.scene.shown else self.workspace.curves.shown

    @property
    def page(self) -> Path | None:
        """The page that was shared last, if it is there."""
        return self._page if self._page is not None and is_file(self._page) else None

    @property
    def is_waiting(self) -> bool:
        """Whether it is open and does not know the size of what is chosen yet."""
        return self.is_open and (self._pending != self.preview.wanted or self.preview.is_under_way)

    @property
    def formats(self) -> list[Format]:
        """Those that can hold what is shown, what shows a whole view first."""
        content = "surface" if self.curve is None else "curve"
        able = [f for f in FORMATS if f.is_written and content in f.holds]
        return sorted(able, key=lambda f: not f.shows)

    @property
    def format(self) -> Format:
        """The one that is chosen."""
        formats = self.formats
        return next((f for f in formats if f.name == self.choices.format), formats[0])

    def open(self) -> None:
        """Show the dialog."""
        self.path = printable(self.workspace.folder / f"{self._name()}{self.format.name}")
        self.is_open = self._appearing = True

    def _name(self) -> str:
        if self.curve is not None:
            return Path(self.curve.name).name or "curve"
        shown = self.workspace.scene.shown
        name = shown[0].name if len(shown) == 1 else self.workspace.session.name or "surfaces"
        return Path(name).name or "surface"

    def parts(self) -> set[Part]:
        """What there is to what would be shared, beside its losses."""
        if self.curve is not None:
            return parts_of(self.curve.surface)
        return parts_shown(self._document())

    def _document(self) -> Document:
        """What is shared: all viewports of a page, the active one of a model, the selected surface
        of values."""
        document = self.workspace.document
        if "camera" in self.format.keeps:
            return document
        view = replace(document.view, layers=list(document.view.layers))
        if not self.format.shows and (layer := self.workspace.shown_surface) is not None:
            view = replace(view, layers=[layer], hidden=frozenset())
        return Document(view.layers, [view], cut=document.cut)

    # -- drawing -----------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw it if it is open."""
        if not self.is_open:
            self.preview.end()
            return
        if not self.is_possible:  # what was shown has been closed meanwhile
            self.is_open = False
            return
        size = ImVec2(em(36), 0)
        stays = draw_dialog(TITLE, size, self._content, appearing=self._appearing)
        self._appearing = False
        self.is_open = self.is_open and stays

    def _content(self) -> None:
        entered = False
        parts = self.parts()
        with rows("share", em(8)) as shown:
            if shown:
                self._formats()
                if self.format.name == ".html":
                    row("Theme", "Of the page")
                    names = list(THEMES)
                    at = imgui.combo("##theme", names.index(self.choices.theme), names)[1]
                    self.choices.theme = names[at]
                self._included(parts)
                entered, self.path = path_row(self.path, appearing=self._appearing)
                self._size()
        if lost := self.format.leaves_out(parts - self.choices.without):
            wrapped(f"This format has no room for {lost}.", palette().caution)
        cancelled, path = draw_save_footer(self._path(), entered=entered)
        if cancelled:
            self.is_open = False
        elif path is not None:
            self.save(path)

    def _formats(self) -> None:
        row("Format")
        formats = self.formats
        names = [f"{capitalized(f.title or f.name)} ({f.name})" for f in formats]
        at = imgui.combo("##format", formats.index(self.format), names)[1]
        if formats[at].name != self.format.name:
            self.choices.format = formats[at].name
            path = typed_path(self.path, self.workspace.folder)
            if path is not None:
                self.path = printable(path.with_suffix(formats[at].name))

    def _included(self, parts: set[Part]) -> None:
        """A switch for each part that is there, that the format keeps, and that can be left out."""
        kept = parts.intersection(self.format.keeps)
        offered: list[Part] = [part for part in PARTS_OF_APPEARANCE if part in kept]
        if self.curve is not None or not self.format.shows:
            offered = []
        for part in offered:
            row(capitalized(PARTS[part]), "Whether they are included")
            is_in = imgui.checkbox(f"##{part}", part not in self.choices.without)[1]
            others = self.choices.without.difference((part,))
            self.choices.without = others if is_in else others.union((part,))

    def _size(self) -> None:
        row("Size", "Of all files that are written; it is written out of sight to see", tight=True)
        self._work_out()
        if self.preview.problem:
            wrapped(self.preview.problem, palette().bad)
        elif self.preview.size is None or self._pending != self.preview.wanted:
            muted("Working it out…")
        else:
            imgui.text_unformatted(size_in_words(self.preview.size))

    def _work_out(self) -> None:
        """Have the size worked out once a choice has stood for a moment."""
        what = self._what()
        now = imgui.get_time()
        if what != self._pending:
            self._pending, self._changed = what, now
        elif what != self.preview.wanted and now > self._changed + SETTLED:
            self.preview.want(what, f"share{self.format.name}", self._writer())

    def _what(self) -> object:
        """What tells one file from another: all choices, and the state of the data."""
        state = (
            self.curve.name if self.curve is not None else self.workspace.document.state(),
            tuple((x.version, id(x.surface)) for x in self.workspace.document.layers),
        )
        choices = self.choices
        return (self.format.name, choices.theme, choices.without, state)

    # -- saving ------------------------------------------------------------------------------

    def _path(self) -> Path | None:
        path = typed_path(self.path, self.workspace.folder)
        if path is None or format_of(path) is self.format:
            return path
        return path.with_name(path.name + self.format.name)

    def save(self, path: Path) -> None:
        """Have `path` written by a process of its own."""
        try:
            check_parent(path)
            self.renderings.export(self._writer(), path)
        except IsolossError as error:
            self.workspace.messages.say(str(error), "error")
            return
        self._page = path if self.format.name == ".html" else self._page
        self.is_open = False

    def _writer(self) -> Writer:
        theme = THEMES[self.choices.theme] if self.format.name == ".html" else ""
        options = [f"--theme={theme}"] if theme else []
        if self.curve is not None:
            return Writer(self.curve, options)
        return Writer(narrowed(self._document(), self.choices.without), options)


@dataclass(frozen=True)
class Writer:
    """Writes down what is shared as it is now."""

    shown: Document | OpenCurve
    options: Sequence[str]

    def __call__(self, folder: Path) -> list[str]:
        """Into a folder; the arguments of `isoloss export` for it."""
        if isinstance(self.shown, Document):
            source = write_document(self.shown, folder)
        else:
            source = write_curve(self.shown.name, self.shown.surface, folder)
        return [str(source), *self.options, "--as-typed="]
