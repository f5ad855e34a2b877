"""Sharing what is shown: as a page, a model, or a file of values, with its size before it is
written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imgui_bundle import ImVec2, imgui

from isoloss.app.dialogs.dialog_frame import draw_dialog, draw_save_footer, path_row
from isoloss.app.dialogs.renderings import Renderings
from isoloss.app.dialogs.shared_page import SharedPage
from isoloss.app.dialogs.size_preview import SizePreview
from isoloss.app.state.forms.typed_path import typed_path
from isoloss.app.state.runs.evaluations import OpenEvaluation
from isoloss.app.state.runs.open_curves import OpenCurve
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui import desktop
from isoloss.app.ui.style import palette
from isoloss.app.ui.widgets import em, muted, row, rows, wrapped
from isoloss.errors import IsolossError
from isoloss.files import check_parent
from isoloss.geometry.files.formats import FORMATS, PARTS, Format, Part, format_of, parts_of
from isoloss.naming import capitalized, printable, size_in_words
from isoloss.scene.document import Document
from isoloss.scene.files.shown_parts import PARTS_OF_APPEARANCE, narrowed, parts_shown
from isoloss.scene.files.snapshot import write_curve, write_document

TITLE = "Share"
THEMES = {"As the reader's system": "", "Dark": "dark", "Light": "light"}
PAGE = ".html"
"""The format that a robustness run has too."""
SETTLED = 0.4
"""Seconds after the last choice until the size of what is chosen is worked out."""


Shared = Document | OpenCurve | OpenEvaluation


@dataclass
class Choices:
    """What the dialog asks for; it keeps the answers until the window closes."""

    of: str = ""
    format: str = PAGE
    theme: str = next(iter(THEMES))
    opens: bool = False
    without: frozenset[Part] = frozenset()


class ShareDialog:
    """Asks in which format, what is included and where to; a process of its own writes it."""

    def __init__(self, workspace: Workspace, renderings: Renderings) -> None:
        self.workspace, self.renderings = workspace, renderings
        self.is_open = False
        self.path = ""
        self.choices = Choices()
        self.preview = SizePreview()
        self.page: SharedPage | None = None
        self._appearing = False
        self._changed = 0.0
        self._pending: object = None

    # -- what there is to share --------------------------------------------------------------

    @property
    def subjects(self) -> dict[str, Shared]:
        """What can be shared, by name: surfaces or a curve, and a robustness run."""
        found: dict[str, Shared] = {}
        if self.workspace.scene.shown:
            found["Surfaces"] = self.workspace.document
        elif (curve := self.workspace.curves.shown) is not None:
            found[f"Curve {curve.name}"] = curve
        if (run := self.workspace.evaluations.shown) is not None and run.curves:
            found[f"Robustness run {run.name}"] = run
        return found

    @property
    def is_possible(self) -> bool:
        """Whether there is anything to share."""
        return bool(self.subjects)

    @property
    def subject(self) -> Shared:
        """What is chosen of them, else the first."""
        subjects = self.subjects
        return subjects.get(self.choices.of) or next(iter(subjects.values()))

    @property
    def is_waiting(self) -> bool:
        """Whether it is open and does not know the size of what is chosen yet."""
        return self.is_open and (self._pending != self.preview.wanted or self.preview.is_under_way)

    @property
    def formats(self) -> list[Format]:
        """Those that can hold what is chosen, what shows a whole view first."""
        if isinstance(self.subject, OpenEvaluation):
            return [f for f in FORMATS if f.name == PAGE]
        content = "surface" if isinstance(self.subject, Document) else "curve"
        able = [f for f in FORMATS if f.is_written and content in f.holds]
        return sorted(able, key=lambda f: not f.shows)

    @property
    def format(self) -> Format:
        """The one that is chosen."""
        formats = self.formats
        return next((f for f in formats if f.name == self.choices.format), formats[0])

    def open(self) -> None:
        """Show the dialog."""
        self._suggest()
        self.is_open = self._appearing = True

    def _suggest(self) -> None:
        self.path = printable(self.workspace.folder / f"{self._name()}{self.format.name}")

    def _name(self) -> str:
        if not isinstance(self.subject, Document):
            return Path(self.subject.name).name or "curve"
        shown = self.workspace.scene.shown
        name = shown[0].name if len(shown) == 1 else self.workspace.session.name or "surfaces"
        return Path(name).name or "surface"

    def parts(self) -> set[Part]:
        """What there is to what would be shared, beside its losses."""
        if isinstance(self.subject, Document):
            return parts_shown(self._document())
        return parts_of(self.subject.surface) if isinstance(self.subject, OpenCurve) else set()

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
        entered, parts = False, self.parts()
        with rows("share", em(8)) as shown:
            if shown:
                self._subjects()
                self._formats()
                if self.format.name == PAGE:
                    row("Theme", "Of the page")
                    self.choices.theme = _combo("theme", self.choices.theme, list(THEMES))
                self._included(parts)
                entered, self.path = path_row(self.path, appearing=self._appearing)
                if self.format.name == PAGE:
                    row("Open it", "In the browser, once it is saved")
                    self.choices.opens = imgui.checkbox("##opens", self.choices.opens)[1]
                self._size()
        if narrowed_to := self._narrowed_to():
            wrapped(f"Of {narrowed_to} alone.", palette().muted)
        if lost := self.format.leaves_out(parts - self.choices.without):
            wrapped(f"This format has no room for {lost}.", palette().caution)
        cancelled, path = draw_save_footer(self._path(), entered=entered)
        if cancelled:
            self.is_open = False
        elif path is not None:
            self.save(path)

    def _subjects(self) -> None:
        subjects, before = self.subjects, self.subject
        if len(subjects) > 1:
            row("Of")
            name = next(name for name, each in subjects.items() if each is before)
            self.choices.of = _combo("of", name, list(subjects))
            if self.subject is not before:
                self._suggest()

    def _formats(self) -> None:
        row("Format")
        before, formats = self.format, self.formats
        names = [f"{capitalized(f.title or f.name)} ({f.name})" for f in formats]
        chosen = _combo("format", names[formats.index(before)], names)
        format = formats[names.index(chosen)]
        if format is not before:
            self.choices.format = format.name
            path = typed_path(self.path, self.workspace.folder)
            if path is not None:
                self.path = printable(path.with_suffix(format.name))

    def _included(self, parts: set[Part]) -> None:
        """A switch for each part that is there, that the format keeps, and that can be left out."""
        if not isinstance(self.subject, Document) or not self.format.shows:
            return
        kept = parts.intersection(self.format.keeps)
        offered: list[Part] = [part for part in PARTS_OF_APPEARANCE if part in kept]
        for part in offered:
            row(capitalized(PARTS[part]), "Whether they are included")
            is_in = imgui.checkbox(f"##{part}", part not in self.choices.without)[1]
            others = self.choices.without.difference((part,))
            self.choices.without = others if is_in else others.union((part,))

    def _narrowed_to(self) -> str:
        """Which of the surfaces that are shown is shared, or which viewport; "" where all are."""
        if not isinstance(self.subject, Document) or "camera" in self.format.keeps:
            return ""
        views = [view for view in self.subject.shown_views if view.shown]
        if self.format.shows:
            return "the active viewport" if len(views) > 1 else ""
        layer = self.workspace.shown_surface
        is_one_of_many = any(x is not layer for view in views for x in view.shown)
        return f"{layer.name}, the selected surface," if layer and is_one_of_many else ""

    def _size(self) -> None:
        row("Size", "Of all files that are written; it is written out of sight to see", tight=True)
        self._work_out()
        if self.preview.problem:
            wrapped(self.preview.problem, palette().bad)
        elif self.preview.size is None or self._pending != self.preview.wanted:
            muted("Working it out…")
        else:
            so_far = " so far" if self._grows() else ""
            imgui.text_unformatted(size_in_words(self.preview.size) + so_far)

    def _grows(self) -> bool:
        """Whether there may be more of it by the time it is saved."""
        if isinstance(self.subject, Document):
            layers = [layer for view in self.subject.shown_views for layer in view.shown]
            return not all(layer.surface.is_complete for layer in layers)
        if isinstance(self.subject, OpenCurve):
            return not self.subject.surface.is_complete
        return self.subject.report is None

    def _work_out(self) -> None:
        """Have the size worked out once a choice has stood for a moment."""
        what = self._what()
        now = imgui.get_time()
        if what != self._pending:
            self._pending, self._changed = what, now
        elif what != self.preview.wanted and now > self._changed + SETTLED:
            self.preview.want(what, f"share{self.format.name}", self._writer())

    def _what(self) -> object:
        """What tells one file from another: all choices. Data that grow do not count, or there
        would never be a size of them."""
        subject, choices = self.subject, self.choices
        state = subject.state() if isinstance(subject, Document) else subject
        selected = self.workspace.shown_surface
        return (self.format.name, choices.theme, choices.without, state, selected)

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
            opens = self.choices.opens and self.format.name == PAGE
            self.renderings.export(self._writer(), path, self._show if opens else None)
        except IsolossError as error:
            self.workspace.messages.say(str(error), "error")
            return
        if self.format.name == PAGE and isinstance(self.subject, Document):
            self.page = SharedPage(path, self.subject)
        self.is_open = False

    def _show(self, page: Path) -> None:
        url = page.absolute().as_uri()
        if not desktop.open_page(url):
            imgui.set_clipboard_text(url)
            self.workspace.messages.say(f"No browser was found; copied {url}")

    def _writer(self) -> Writer:
        theme = THEMES[self.choices.theme] if self.format.name == PAGE else ""
        options = [f"--theme={theme}"] if theme else []
        if isinstance(self.subject, Document):
            return Writer(narrowed(self._document(), self.choices.without), options)
        return Writer(self.subject, options)


def _combo(name: str, chosen: str, names: list[str]) -> str:
    return names[imgui.combo(f"##{name}", names.index(chosen), names)[1]]


@dataclass(frozen=True)
class Writer:
    """Writes down what is shared as it is now."""

    shared: Shared
    options: Sequence[str]

    def __call__(self, folder: Path) -> list[str]:
        """Into a folder, but for runs, which are one; the arguments of `isoloss export` for it."""
        if isinstance(self.shared, Document):
            source = write_document(self.shared, folder)
        elif isinstance(self.shared, OpenCurve):
            source = write_curve(self.shared.name, self.shared.surface, folder)
        else:
            source = self.shared.folder.absolute()
        return [str(source), *self.options, "--as-typed="]
