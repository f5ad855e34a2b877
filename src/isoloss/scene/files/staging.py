"""From paths and options to a document that can be drawn: what the command line asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from isoloss.errors import IsolossError
from isoloss.geometry.files.reading import Tell, warn
from isoloss.geometry.surface import Surface
from isoloss.naming import printable
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Camera
from isoloss.scene.colormaps import colormap
from isoloss.scene.document import Document
from isoloss.scene.files.plain import from_plain, to_plain
from isoloss.scene.files.session import SUFFIX, read_session
from isoloss.scene.files.session_content import RANGES
from isoloss.scene.layer import SurfaceLayer, load_layer
from isoloss.scene.scene import Scene
from isoloss.scene.textures import TEXTURES, Texture, texture_named

Source = str | Path | Surface | SurfaceLayer | Scene | Document

DECORATIONS = ("axes", "scalar_bar", "title", "legend", "markers")
"""What "no overlays" leaves out."""

CAMERA_OPTIONS = frozenset(f.name for f in fields(Camera))
APPEARANCE_OPTIONS = frozenset(f.name for f in fields(Appearance))
Plain = TypeVar("Plain")


def stage(source: Source | Sequence[Source], overlays: bool = True, **options: Any) -> Document:
    """A document that shows `source`; what is given is not changed.

    Args:
        source: one document, scene or session file, or one or several surfaces for one box: paths
            of files and run folders, or what has been read from them.
        overlays: False leaves all decorations out that `options` do not ask for.
        options: fields of `Appearance` and of `Camera`, for all viewports; `title` may be a text;
            `view` names a saved view of the session; `opacity`, in [0, 1], is of all surfaces or,
            several, of one each.

    Raises:
        IsolossError: a file cannot be read, or an option does not exist or has a wrong value.
    """
    document = _document(source)
    if (opacity := options.pop("opacity", None)) is not None:
        document = _seen_through(document, opacity)
    if not overlays:
        options = dict.fromkeys(DECORATIONS, False) | options
    title = options.pop("title", None)
    if isinstance(title, str):
        document.view.title = printable(title)
        title = True
    if title is not None:
        options["title"] = title
    camera = saved_camera(document, str(options.pop("view"))) if options.get("view") else None
    options.pop("view", None)
    unknown = sorted(set(options) - CAMERA_OPTIONS - APPEARANCE_OPTIONS)
    if unknown:
        raise IsolossError(f"render has no option {unknown[0]!r}")
    if isinstance(options.get("texture"), str):
        options["texture"] = texture_named(options["texture"])
    shown = {k: v for k, v in options.items() if k in APPEARANCE_OPTIONS}
    seen_from = {k: v for k, v in options.items() if k in CAMERA_OPTIONS}
    for view in document.views:
        if shown:
            view.appearance = checked(replace(view.appearance, **shown))
        if camera is not None or seen_from:
            view.camera = checked(replace(camera or view.camera, **seen_from))
    colormap(document.view.appearance.colormap)
    if shown.get("color_range") is not None:
        _check_range(*shown["color_range"])
    if "texture" in shown:
        _check_texture(shown["texture"], document.layers)
    if not isinstance(source, Scene):  # it keeps the scale that was given to it
        document.link()
    return document


def only_curve(source: Source | Sequence[Source]) -> SurfaceLayer | None:
    """The curve that `source` is, or that the only layer of a session is; None if it is none."""
    sources = _listed(source)
    if len(sources) != 1:
        return None
    alone = opened(sources[0])
    if isinstance(alone, Scene | Document):
        return None
    layer = _layer(alone)
    return layer if layer.surface.is_curve else None


def opened(source: Source, tell: Tell = warn) -> Source:
    """What a path means, read once: a layer or, of a session, its document or only curve.

    Raises:
        IsolossError: as `stage` does.
    """
    return opened_path(source, tell) if isinstance(source, str | Path) else source


def opened_path(path: str | Path, tell: Tell = warn) -> SurfaceLayer | Document:
    """What lies at a path, as `opened` has it."""
    if not _is_session(path):
        return load_layer(path, tell)
    session = read_session(path)
    for remark in session.remarks:
        tell(remark)
    if session.missing:
        raise IsolossError(f"{path}: {session.missing[0]}")
    if session.curves and not session.document.layers:
        return load_layer(session.curves[0], tell)
    return session.document


def has_an_appearance(source: Source | Sequence[Source]) -> bool:
    """Whether `source` says itself how it is to be shown: a session, a scene, a document."""
    sources = _listed(source)
    return any(isinstance(each, Scene | Document) or _is_session(each) for each in sources)


def saved_camera(document: Document, name: str) -> Camera:
    """The camera of the saved view `name`.

    Raises:
        IsolossError: there is none of this name; says which there are.
    """
    for saved in document.saved_views:
        if saved.name.casefold() == name.strip().casefold():
            return saved.camera
    names = ", ".join(repr(saved.name) for saved in document.saved_views)
    there = f"there are {names}" if names else "save views in the window, and the session"
    raise IsolossError(f"there is no saved view {name.strip()!r}: {there}")


def checked(choices: Plain) -> Plain:
    """`choices`, if their values are of the right kind and in range.

    Raises:
        IsolossError: naming the first option that is wrong, and its range.
    """
    kind = type(choices)
    try:
        return from_plain(kind, _numbers(to_plain(choices)), RANGES)
    except IsolossError as error:
        # as one types it
        name, _, rest = str(error).partition(" ")
        raise IsolossError(f"--{name.replace('_', '-')} {rest}") from error


def _check_range(lo: float, hi: float) -> None:
    if not lo < hi:
        raise IsolossError(f"--color-range goes from low to high, not from {lo:g} to {hi:g}")


def _check_texture(texture: Texture, layers: Sequence[SurfaceLayer]) -> None:
    """Refuse a texture that none of the layers has; one without values yet may get it."""
    if layers and all(layer.has_values and not layer.has(texture) for layer in layers):
        known = ", ".join(t.name for t in TEXTURES if any(x.has(t) for x in layers))
        where = layers[0].name if len(layers) == 1 else "any of the surfaces"
        raise IsolossError(f"there is no {texture.words} in {where}: --texture may be {known}")


def _document(source: Source | Sequence[Source]) -> Document:
    sources = _listed(source)
    (first, *others) = sources
    whole = isinstance(first, Document | Scene) or _is_session(first)
    if not whole and not any(isinstance(x, Document | Scene) or _is_session(x) for x in others):
        return Document([_no_curve(_layer(x)) for x in sources])
    if others:
        raise IsolossError("render takes one session or scene, or several surfaces, not both")
    if isinstance(first, Document):
        return _copy(first)
    if isinstance(first, Scene):
        return Document(list(first.layers), [replace(first)])
    return cast(Document, opened(first))


def _seen_through(document: Document, opacity: float | Sequence[float]) -> Document:
    """A copy whose layers have this opacity, or one each."""
    given = [opacity] if isinstance(opacity, int | float) else list(opacity)
    layers = document.layers
    values = given * len(layers) if len(given) == 1 else given
    if len(values) != len(layers):
        raise IsolossError(
            f"--opacity has {len(values)} numbers for {len(layers)} surfaces: give one, or one for "
            "each"
        )
    for value in values:
        if not 0 <= value <= 1:
            raise IsolossError(f"--opacity must be from 0 to 1, not {value:g}")
    own = {
        layer: replace(layer, opacity=float(value))
        for layer, value in zip(layers, values, strict=True)
    }
    views = [replace(v, hidden=frozenset(own[x] for x in v.hidden)) for v in document.views]
    return replace(document, layers=list(own.values()), views=views)


def _copy(document: Document) -> Document:
    views = [replace(view) for view in document.views]
    return replace(document, layers=list(document.layers), views=views)


def _listed(source: Source | Sequence[Source]) -> list[Source]:
    sources = [source] if isinstance(source, Source) else list(source)
    if not sources:
        raise IsolossError("render needs a surface, a run folder or a session")
    return sources


def _is_session(source: Source) -> bool:
    return isinstance(source, str | Path) and Path(source).suffix.lower() == SUFFIX


def _layer(source: Source) -> SurfaceLayer:
    if isinstance(source, SurfaceLayer):
        return source
    if isinstance(source, Surface):
        return SurfaceLayer(source.title or "surface", source, source.trajectories)
    return load_layer(cast(str, source))


def _no_curve(layer: SurfaceLayer) -> SurfaceLayer:
    if layer.surface.is_curve:
        raise IsolossError(f"{layer.name} is a curve: draw it alone")
    return layer


def _numbers(plain: Any) -> Any:
    """Numbers of numpy and the like as Python's own."""
    if isinstance(plain, dict):
        return {k: _numbers(v) for k, v in cast(dict[str, Any], plain).items()}
    if isinstance(plain, list):
        return [_numbers(v) for v in cast(list[Any], plain)]
    return plain.item() if hasattr(plain, "item") else plain
