"""A session: every choice about what is open, in one file beside the data."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.files import nothing_at
from isoloss.geometry.analysis.difference import difference
from isoloss.geometry.analysis.quantities import of_quantity
from isoloss.geometry.files.reading import still_grows
from isoloss.naming import in_one_line, printable
from isoloss.paths import is_file, is_folder
from isoloss.results.robustness_files import evaluation_settings
from isoloss.run import Run
from isoloss.scene.document import Document
from isoloss.scene.files.session_content import (
    SCHEMA,
    ComparisonEntry,
    Content,
    LayerEntry,
    ViewEntry,
    read_content,
    write_content,
)
from isoloss.scene.layer import SurfaceLayer, load_layer
from isoloss.scene.scene import Scene

SUFFIX = ".isoloss"
MOST_CELLS = 1 << 26
"""Of all layers together."""
MOST_DEPTH = 16
"""A difference of differences of differences …"""


@dataclass(frozen=True)
class Compared:
    """The runs that are compared beside a document, and how.

    Attributes:
        folders: of the runs; none where they are those of a tag.
        hidden: the folders of those that are not drawn.
        how: the rest, as a session's file has it, but for the runs.
    """

    folders: frozenset[Path] = frozenset()
    hidden: frozenset[Path] = frozenset()
    how: ComparisonEntry = field(default_factory=ComparisonEntry)


@dataclass
class Session:
    """What a session file has brought back.

    Attributes:
        curves: files of curves that were open beside the document.
        evaluations: folders of robustness runs that were, likewise.
        comparison: of runs, if there was one.
        missing: one line for each layer, curve or run that could not be read.
        remarks: one line for each trajectory that could not be read.
    """

    document: Document
    curves: list[Path] = field(default_factory=list[Path])
    evaluations: list[Path] = field(default_factory=list[Path], kw_only=True)
    comparison: Compared | None = field(default=None, kw_only=True)
    missing: list[str] = field(default_factory=list[str])
    remarks: list[str] = field(default_factory=list[str], kw_only=True)


def save_session(
    document: Document,
    path: str | Path,
    curves: Sequence[Path] = (),
    evaluations: Sequence[Path] = (),
    comparison: Compared | None = None,
) -> Path:
    """Write `document` to `path`, which is replaced whole or not at all; returns `path`.

    Args:
        curves: the files of curves that are open beside it.
        evaluations: the folders of robustness runs that are.
        comparison: the runs that are compared.

    Raises:
        IsolossError: a layer has no file to be read from again, or `path` cannot be written.
    """
    path = Path(path).expanduser().absolute()
    content = _described(document, path.parent, curves, evaluations)
    if comparison is not None:
        content = replace(content, comparison=_entry_of(comparison, path.parent))
    return write_content(content, path)


def load_session(path: str | Path) -> Document:
    """The document in the session file at `path`.

    Raises:
        IsolossError: it is no session, or one of its surfaces cannot be read.
    """
    session = read_session(path)
    if session.missing:
        raise IsolossError(f"{path}: {session.missing[0]}")
    return session.document


def read_session(path: str | Path) -> Session:
    """What the session file at `path` brings back; surfaces that cannot be read are left out.

    Raises:
        IsolossError: it is no session, or nothing of what it names can be read.
    """
    path = Path(path).expanduser()
    content = read_content(path)
    reader = _Reader(content, path.absolute().parent)
    layers = [reader.layer(k) for k in range(len(content.layers))]
    curves = [reader.curve(k) for k in range(len(content.curves))]
    evaluations = [reader.evaluation(k) for k in range(len(content.evaluations))]
    comparison = None if content.comparison is None else reader.comparison(content.comparison)
    found = [*layers, *curves, *evaluations, comparison]
    if reader.missing and not any(x is not None for x in found):
        raise IsolossError(f"{path}: {reader.missing[0]}")
    document = Document(
        [x for x in layers if x is not None],
        [_scene(view, layers) for view in content.views],
        content.arrangement,
        content.active,
        content.links,
        content.saved_views,
        content.cut,
    )
    return Session(
        document,
        [x for x in curves if x is not None],
        reader.missing,
        evaluations=[x for x in evaluations if x is not None],
        comparison=comparison,
        remarks=reader.remarks,
    )


# -- writing ---------------------------------------------------------------------------------


def _described(
    document: Document, folder: Path, curves: Sequence[Path], evaluations: Sequence[Path]
) -> Content:
    layers = list(document.layers)
    for layer in layers:  # which grows by the closed layers that a difference is of
        layers += [parent for parent in layer.derived or () if parent not in layers]
    index = {layer: k for k, layer in enumerate(layers)}
    count = len(document.layers)

    def entry(layer: SurfaceLayer) -> LayerEntry:
        hidden = tuple(sorted(layer.hidden))
        if layer.derived is not None:
            a, b = layer.derived
            return LayerEntry(
                layer.name, "", "", (index[a], index[b]), hidden, layer.markers,
                opacity=layer.opacity,
            )  # fmt: skip
        if layer.source is None:
            raise IsolossError(f"cannot save the session: {layer.name} has no file of its own")
        return LayerEntry(
            layer.name, *_both_forms(layer.source, folder), None, hidden, layer.markers,
            layer.quantity, layer.opacity,
        )  # fmt: skip

    def view(scene: Scene) -> ViewEntry:
        hidden = sorted(index[layer] for layer in scene.hidden if index.get(layer, count) < count)
        return ViewEntry(scene.camera, scene.appearance, scene.title, tuple(hidden))

    entries = tuple(map(entry, layers))
    return Content(
        SCHEMA,
        entries[:count],
        tuple(map(view, document.views)),
        document.arrangement,
        document.active,
        document.links,
        document.saved_views,
        document.cut,
        entries[count:],
        tuple(LayerEntry(curve.stem, *_both_forms(curve, folder)) for curve in curves),
        _runs(evaluations, folder),
    )


def _runs(folders: Iterable[Path], folder: Path) -> tuple[LayerEntry, ...]:
    return tuple(LayerEntry(run.name, *_both_forms(run, folder)) for run in folders)


def _entry_of(compared: Compared, folder: Path) -> ComparisonEntry:
    runs, hidden = (
        _runs(sorted(folders), folder) for folders in (compared.folders, compared.hidden)
    )
    return replace(compared.how, runs=runs, hidden=hidden)


def _both_forms(source: Path, folder: Path) -> tuple[str, str]:
    """The path to look at first, and the one to fall back on."""
    whole = Path(os.path.normpath(source.absolute()))
    try:
        relative = Path(os.path.relpath(whole, folder)).as_posix()
    except ValueError:  # on another drive
        return str(whole), ""
    return (relative, str(whole)) if whole.is_relative_to(folder) else (str(whole), relative)


# -- reading ---------------------------------------------------------------------------------


def _scene(view: ViewEntry, layers: Sequence[SurfaceLayer | None]) -> Scene:
    hidden = (layers[k] for k in view.hidden_layers)
    return Scene(
        camera=view.camera,
        appearance=view.appearance,
        title=printable(view.title),
        hidden=frozenset(layer for layer in hidden if layer is not None),
    )


class _Reader:
    """Reads what the entries of one session name, each file once.

    A session that names one large file a hundred times must not hold it a hundred times.
    """

    def __init__(self, content: Content, folder: Path) -> None:
        self.missing: list[str] = []
        self.remarks: list[str] = []
        self._entries, self._curves = [*content.layers, *content.further], content.curves
        self._evaluations = content.evaluations
        self._folder = folder
        self._made: dict[int, SurfaceLayer | None] = {}
        self._read: dict[Path, SurfaceLayer] = {}
        self._cells = self._depth = 0

    def layer(self, k: int) -> SurfaceLayer | None:
        """The layer of an entry; None, and a line among the `missing`, if it cannot be had."""
        if k not in self._made:
            self._made[k] = None  # for a difference that would lead back to itself
            entry = self._entries[k]
            try:
                self._made[k] = self._layer(entry)
            except (IsolossError, OSError, ValueError) as error:
                self._miss(f"layer {entry.name}".strip(), error)
        return self._made[k]

    def curve(self, k: int) -> Path | None:
        """The file of a curve, likewise."""
        try:
            found = self._file(self._curves[k])
            if not found.surface.is_curve:
                raise IsolossError(f"{found.source} is a surface, not a curve")
            return found.source
        except (IsolossError, OSError, ValueError) as error:
            self._miss(f"curve {self._curves[k].name}".strip(), error)
            return None

    def evaluation(self, k: int) -> Path | None:
        """The folder of a robustness run, likewise."""
        return self._run(self._evaluations[k], evaluation_settings)

    def comparison(self, entry: ComparisonEntry) -> Compared | None:
        """The comparison of the runs that are there; None where none is and no tag is meant."""
        runs = [self._run(each, lambda run: run.settings) for each in entry.runs]
        there = frozenset(run for run in runs if run is not None)
        hidden = frozenset(place for each in entry.hidden for place in self._places(each))
        how = replace(entry, runs=(), hidden=())
        return Compared(there, hidden, how) if there or entry.tag else None

    def _run(self, entry: LayerEntry, settings_of: Callable[[Run], object]) -> Path | None:
        """The folder of a run that has such settings; None, and a line among the `missing`, if
        there is none."""
        try:
            folder = next((f for f in self._places(entry) if is_folder(f)), None)
            if folder is None:
                raise nothing_at(self._places(entry)[0])
            settings_of(Run.open(folder))
            return folder
        except (IsolossError, OSError, ValueError) as error:
            self._miss(f"run {entry.name}".strip(), error)
            return None

    def _layer(self, entry: LayerEntry) -> SurfaceLayer:
        found = self._difference(*entry.difference) if entry.difference else self._file(entry)
        if found.surface.is_curve:
            raise IsolossError(f"{found.source} is a curve, not a surface")
        self._cells += found.surface.loss.size
        if self._cells > MOST_CELLS:
            raise IsolossError(f"the layers have more than {MOST_CELLS:,} cells together")
        markers = tuple(replace(m, label=printable(m.label)) for m in entry.markers)
        return SurfaceLayer(
            printable(entry.name),
            of_quantity(found.surface, entry.quantity),
            () if entry.quantity else found.trajectories,
            found.source,
            markers,
            hidden=frozenset(entry.hidden_trajectories),
            derived=found.derived,
            quantity=entry.quantity,
            opacity=entry.opacity,
        )

    def _difference(self, a: int, b: int) -> SurfaceLayer:
        if self._depth == MOST_DEPTH:
            raise IsolossError(f"differences of differences go deeper than {MOST_DEPTH}")
        self._depth += 1
        first, second = self.layer(a), self.layer(b)
        self._depth -= 1
        if first is None or second is None:
            raise IsolossError("one of its two surfaces is missing")
        return SurfaceLayer("", difference(first.surface, second.surface), derived=(first, second))

    def _file(self, entry: LayerEntry) -> SurfaceLayer:
        for path in self._places(entry):
            if is_folder(path) or is_file(path) or still_grows(path):
                if path not in self._read:
                    self._read[path] = load_layer(path, self.remarks.append)
                return self._read[path]
        raise nothing_at(entry.source)

    def _places(self, entry: LayerEntry) -> list[Path]:
        """Where to look for what an entry names."""
        texts = filter(None, (entry.source, entry.fallback))
        return [Path(os.path.normpath(self._folder / text)) for text in texts]

    def _miss(self, where: str, error: Exception) -> None:
        self.missing.append(in_one_line(f"{where}: {error}"))
