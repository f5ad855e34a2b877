"""What a session file says: readable JSON, taken at its word only where it makes sense."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from isoloss.errors import IsolossError
from isoloss.files import nothing_at, write_atomic
from isoloss.paths import is_file
from isoloss.results.charts import PARTS
from isoloss.results.tables import Criterion
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Camera
from isoloss.scene.colormaps import NAMES
from isoloss.scene.cut import Cut
from isoloss.scene.document import ARRANGEMENTS, MOST_VIEWS, Links, SavedView
from isoloss.scene.files.plain import from_plain, to_plain
from isoloss.scene.layer import Marker
from isoloss.shortening import cited

SCHEMA = 1
MOST_LAYERS = 256
MOST_COMPARED = 4096
"""Runs that are compared."""
MOST_MARKERS = 2000
"""Of all layers together."""
MOST_BYTES = 4 << 20
"""A session of a hundred layers has a hundredth of it."""

RANGES: dict[tuple[type, str], tuple[float, float]] = {
    (Camera, "azimuth"): (-1e4, 1e4),
    (Camera, "elevation"): (-90.0, 90.0),
    (Camera, "target"): (-1e4, 1e4),
    (Camera, "distance"): (1e-3, 1e4),
    (Appearance, "contour_levels"): (1, 100),
    (Appearance, "height_gain"): (1e-3, 1e3),
    (Appearance, "minima_persistence"): (0.0, 1.0),
    (Marker, "color"): (0.0, 1.0),
    (Marker, "loss"): (-math.inf, math.inf),
}
"""Beyond these nothing sensible could be drawn; a loss may be infinite."""


@dataclass(frozen=True)
class LayerEntry:
    """One layer: where its data are, and what was chosen about it.

    Attributes:
        source: the file or run folder; relative to the session's folder if it lies in there.
            Empty for a difference.
        fallback: the same path in the other form, for when data or session have moved alone.
        difference: (a, b) where the layer shows a − b: their indices among layers and further.
        hidden_trajectories: indices of those that are not drawn.
        quantity: which further quantity of the source the layer shows.
        opacity: of its surface, in [0, 1].
    """

    name: str
    source: str = ""
    fallback: str = ""
    difference: tuple[int, int] | None = None
    hidden_trajectories: tuple[int, ...] = ()
    markers: tuple[Marker, ...] = ()
    quantity: str = ""
    opacity: float = 1.0


RANGES[LayerEntry, "opacity"] = (0.0, 1.0)
RANGES[LayerEntry, "source"] = RANGES[LayerEntry, "fallback"] = (0, 4096)


@dataclass(frozen=True)
class ViewEntry:
    """One viewport; `hidden_layers` are indices of layers."""

    camera: Camera
    appearance: Appearance
    title: str = ""
    hidden_layers: tuple[int, ...] = ()


@dataclass(frozen=True)
class ComparisonEntry:
    """The runs that are compared, and how.

    Attributes:
        runs: their folders; none where they are those of a tag.
        hidden: the folders of those that are not drawn.
        chart: the name of the one chart that is drawn; "" for all.
        sets: whether runs that differ in nothing but seeds are one set.
        along, smooth, log, parts, by, reference: as in `library.comparison.comparison.View`.
    """

    runs: tuple[LayerEntry, ...] = ()
    tag: str = ""
    hidden: tuple[LayerEntry, ...] = ()
    chart: str = ""
    along: Literal["epoch", "step", "time"] = "epoch"
    smooth: float = 0.0
    log: bool = False
    parts: tuple[str, ...] = PARTS
    by: Criterion = "majority"
    reference: tuple[str, ...] = ()
    sets: bool = False


RANGES[ComparisonEntry, "smooth"] = (0.0, 0.98)


@dataclass(frozen=True)
class Content:
    """All of it.

    Attributes:
        further: layers that are not open themselves, but of which a difference is; their indices
            go on where those of the layers end.
        curves: those that are open beside the document.
        evaluations: the folders of attacks, defenses and certifications, likewise.
        comparison: of runs, likewise.
    """

    schema: int
    layers: tuple[LayerEntry, ...]
    views: tuple[ViewEntry, ...]
    arrangement: int = 1
    active: int = 0
    links: Links = field(default_factory=Links)
    saved_views: tuple[SavedView, ...] = ()
    cut: Cut | None = None
    further: tuple[LayerEntry, ...] = ()
    curves: tuple[LayerEntry, ...] = ()
    evaluations: tuple[LayerEntry, ...] = ()
    comparison: ComparisonEntry | None = None


def write_content(content: Content, path: Path) -> Path:
    """Write `content` to `path`, which is replaced whole or not at all.

    Raises:
        IsolossError: `content` could not be read again, or `path` cannot be written.
    """
    plain = to_plain(content)
    try:
        _check(from_plain(Content, plain, RANGES))
    except IsolossError as error:
        raise IsolossError(f"cannot save the session: {error}") from error
    text = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return write_atomic(path, lambda p: p.write_text(text, encoding="utf-8", newline="\n"))


def read_content(path: Path) -> Content:
    """What the session file at `path` says.

    Raises:
        IsolossError: it cannot be read or is no session; the line names the field that is wrong.
    """
    plain = _parsed(path)
    try:
        schema = cast(dict[str, Any], plain).get("schema") if isinstance(plain, dict) else None
        if isinstance(schema, int) and schema > SCHEMA:
            raise IsolossError(
                f"its schema is newer than {SCHEMA}, which is what this isoloss reads: "
                "update isoloss"
            )
        content = from_plain(Content, cast(object, plain), RANGES)
        _check(content)
    except IsolossError as error:
        raise IsolossError(f"{path}: {error}") from error
    return content


def _parsed(path: Path) -> Any:
    try:
        if not is_file(path):  # nor a pipe, which would make us wait
            raise nothing_at(path)
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise IsolossError(f"cannot read {path}: {error}") from error
    if len(raw) > MOST_BYTES:
        raise IsolossError(f"{path} is not a session: it is larger than {MOST_BYTES >> 20} MB")
    try:
        return json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise IsolossError(f"{path} is not a session: {cited(error)}") from error


def _check(content: Content) -> None:
    """Raise IsolossError for what is well-formed but means nothing."""
    _demand(content.schema >= 1, "schema must be 1 or more")
    for name in ("layers", "further", "curves", "evaluations"):
        entries: tuple[LayerEntry, ...] = getattr(content, name)
        _demand(len(entries) <= MOST_LAYERS, f"{name} must be at most {MOST_LAYERS}")
        for k, entry in enumerate(entries):
            _check_layer(entry, f"{name}[{k}]", content)
    if content.comparison is not None:
        _check_comparison(content.comparison, content)
    _demand(1 <= len(content.views) <= MOST_VIEWS, f"views must be 1 to {MOST_VIEWS}")
    choices = ", ".join(map(str, ARRANGEMENTS))
    _demand(content.arrangement in ARRANGEMENTS, f"arrangement must be one of {choices}")
    _demand(0 <= content.active < content.arrangement, "active must be the index of a shown view")
    count = sum(len(entry.markers) for entry in (*content.layers, *content.further))
    _demand(count <= MOST_MARKERS, f"layers must have at most {MOST_MARKERS} markers together")
    for k, view in enumerate(content.views):
        _check_view(view, f"views[{k}]", len(content.layers))


def _check_comparison(comparison: ComparisonEntry, content: Content) -> None:
    fits = {*comparison.parts} <= {*PARTS}
    _demand(fits, f"comparison.parts must be of {', '.join(PARTS)}")
    for name in ("runs", "hidden"):
        entries: tuple[LayerEntry, ...] = getattr(comparison, name)
        fits = len(entries) <= MOST_COMPARED
        _demand(fits, f"comparison.{name} must be at most {MOST_COMPARED}")
        for k, entry in enumerate(entries):
            _check_layer(entry, f"comparison.{name}[{k}]", content)


def _check_layer(entry: LayerEntry, where: str, content: Content) -> None:
    count = len(content.layers) + len(content.further)
    if entry.difference is None:
        _demand(bool(entry.source), f"{where}.source is missing")
    else:
        fits = all(0 <= k < count for k in entry.difference)
        _demand(fits, f"{where}.difference must be indices below {count}")
    fits = all(k >= 0 for k in entry.hidden_trajectories)
    _demand(fits, f"{where}.hidden_trajectories must not be below 0")


def _check_view(view: ViewEntry, where: str, count: int) -> None:
    appearance = view.appearance
    fits = all(0 <= k < count for k in view.hidden_layers)
    _demand(fits, f"{where}.hidden_layers must be indices below {count}")
    choices = ", ".join(NAMES)
    _demand(appearance.colormap in NAMES, f"{where}.appearance.colormap must be one of {choices}")
    fits = appearance.color_range is None or appearance.color_range[0] < appearance.color_range[1]
    _demand(fits, f"{where}.appearance.color_range must go up")


def _demand(condition: bool, otherwise: str) -> None:
    if not condition:
        raise IsolossError(otherwise)
