"""`isoloss export X --out x.html`, or .glb, .png …: what there is to see, as it is shown."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoloss.cli.render_options import add_fields, add_look_options
from isoloss.errors import IsolossError
from isoloss.geometry.files.formats import Asked, Part, format_to_write
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Camera
from isoloss.scene.files.painted import PAINT

if TYPE_CHECKING:
    from isoloss.scene.document import Document
    from isoloss.scene.layer import SurfaceLayer

_LOOKS = ("view", "top", "overlays", "opacity", "contours", "title")
"""Those of `add_look_options`."""
_OTHERS = tuple(f.name for f in fields(Appearance) if f.name not in (*PAINT, "transparent"))


def add_page_options(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the options that pages alone have: as pictures, but for what is of pixels."""
    group = parser.add_argument_group("how what is shown looks, besides")
    group.add_argument(
        "--side-by-side", action=argparse.BooleanOptionalAction,
        help="Up to four surfaces each in a viewport of its own, seen by one camera; unless given, "
        "where a run has several: behind a defense, of --class",
    )  # fmt: skip
    add_look_options(group)
    add_fields(group, Appearance, _OTHERS)
    add_fields(group, Camera)


def asked_of_page(namespace: argparse.Namespace) -> list[str]:
    """The options given that pages alone have, as one types them."""
    given = vars(namespace)
    own = {"side_by_side", *_LOOKS, *_OTHERS, *(f.name for f in fields(Camera))}
    usual = {"side_by_side": None, "view": None, "top": False, "overlays": True, "contours": None}
    return [
        f"--{name.replace('_', '-')}"
        for name in given
        if name in own and given[name] is not usual.get(name, usual)
    ]


def export_shown(
    namespace: argparse.Namespace, paths: Sequence[Path], say: Callable[[str], None]
) -> tuple[Path, set[Part]]:
    """Write the page, model or picture that the command line asks for.

    Returns:
        the file, and what there was to be written beside losses.

    Raises:
        IsolossError: as `stage` and `Format.show` do; a session is asked for what is of surfaces,
            or more surfaces than there are viewports are to stand side by side.
    """
    from isoloss.gl.pictures.rendering import TOP, contours_of
    from isoloss.scene.document import MOST_VIEWS
    from isoloss.scene.files.shown_parts import parts_shown
    from isoloss.scene.files.staging import only_curve, stage

    known = {f.name for kind in (Appearance, Camera) for f in fields(kind)} | {*_LOOKS}
    options = {k: v for k, v in vars(namespace).items() if k in known and v is not None}
    if options.pop("top", False):
        options = TOP | options
    options |= contours_of(options)
    source, format = _given(namespace, paths, say), format_to_write(namespace.out)
    if (curve := only_curve(source)) is not None:
        format_to_write(namespace.out, "curve")
        return format.show(curve, namespace.out, _asked(namespace, options)), set()
    beside, title = namespace.side_by_side, ""
    if isinstance(source, list):
        if beside and len(source) > MOST_VIEWS:
            raise IsolossError(
                f"--side-by-side shows up to {MOST_VIEWS} surfaces, not {len(source)}: leave it "
                "out, and they share one box"
            )
        further = len(paths) < len(source) <= MOST_VIEWS and "camera" in format.keeps
        together = len(source) < 2 or any(layer.surface.is_curve for layer in source)
        if (further if beside is None else beside) and not together:
            source = _side_by_side(source)
            if isinstance(options.get("title"), str):
                title = options.pop("title")
    elif beside is not None:
        raise IsolossError("--side-by-side is of surfaces: a session has viewports of its own")
    document = stage(source, **options)
    asked = _asked(namespace, options, title)
    return format.show(document, namespace.out, asked), parts_shown(document)


def _asked(namespace: argparse.Namespace, options: dict[str, Any], title: str = "") -> Asked:
    typed = namespace.as_typed
    command = shlex.join(["isoloss", *sys.argv[1:]]) if typed is None else typed
    fits = bool(options.keys() & {"azimuth", "elevation"})
    return Asked(command, options.get("theme", ""), fits, title)


def _given(
    namespace: argparse.Namespace, paths: Sequence[Path], say: Callable[[str], None]
) -> Document | list[SurfaceLayer]:
    """The layers that there are at `paths`, or the document of the only session."""
    from isoloss.scene.files.staging import opened_path
    from isoloss.scene.layer import SurfaceLayer

    found: list[SurfaceLayer] = []
    for path in paths:
        source = opened_path(path, say)
        if isinstance(source, SurfaceLayer):
            found += _of_run(source, path, namespace, say)
        elif namespace.quantity or namespace.classes:
            option = "--quantity" if namespace.quantity else "--class"
            raise IsolossError(f"{option} is of surfaces: a session has chosen its own")
        elif len(paths) > 1:
            raise IsolossError("a page is of one session, or of several surfaces, not both")
        else:
            return source
    return found


def _of_run(
    layer: SurfaceLayer, path: Path, namespace: argparse.Namespace, say: Callable[[str], None]
) -> list[SurfaceLayer]:
    """A layer, and what there is beside it: the losses of single classes, or behind a defense."""
    from isoloss.geometry.analysis.quantities import of_quantity, quantities_of
    from isoloss.geometry.files.reading import still_grows
    from isoloss.paths import exists
    from isoloss.run_folder import DEFENDED
    from isoloss.scene.layer import load_layer

    if namespace.quantity:
        return [replace(layer, surface=of_quantity(layer.surface, namespace.quantity))]
    if namespace.classes:
        from isoloss.work import surface_with_classes

        known = quantities_of(layer.surface)
        surface = surface_with_classes(path, namespace.classes)
        titles = {k: v for k, v in quantities_of(surface).items() if k not in known}
        return [layer, *(
            replace(layer, name=f"{layer.name}, {title}", surface=of_quantity(surface, name),
                    trajectories=(), quantity=name)
            for name, title in titles.items()
        )]  # fmt: skip
    defended = path / DEFENDED
    if exists(defended) or still_grows(defended):
        return [layer, replace(load_layer(defended, say), name=f"{layer.name}, defended")]
    return [layer]


def _side_by_side(layers: list[SurfaceLayer]) -> Document:
    """Each layer alone in a viewport."""
    from isoloss.scene.document import Document
    from isoloss.scene.scene import Scene

    views = [Scene(layers, hidden=frozenset(layers) - {layer}) for layer in layers]
    return Document(layers, views, arrangement=2 if len(layers) == 2 else 4)
