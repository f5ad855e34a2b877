"""`isoloss export X --out x.html`: a page of what there is to see."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from isoloss.cli.render_options import add_fields, add_look_options
from isoloss.errors import IsolossError
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Camera
from isoloss.scene.files.painted import PAINT

_LOOKS = ("view", "top", "overlays", "opacity", "contours", "title")
"""Those of `add_look_options`."""
_OTHERS = tuple(f.name for f in fields(Appearance) if f.name not in (*PAINT, "transparent"))


def add_page_options(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the options that pages alone have: as pictures, but for what is of pixels."""
    group = parser.add_argument_group("how a page (.html) looks, besides")
    add_look_options(group)
    add_fields(group, Appearance, _OTHERS)
    add_fields(group, Camera)


def asked_of_page(namespace: argparse.Namespace) -> list[str]:
    """The options given that pages alone have, as one types them."""
    given = vars(namespace)
    own = {*_LOOKS, *_OTHERS, *(f.name for f in fields(Camera))}
    usual = {"view": None, "top": False, "overlays": True, "contours": None}
    return [
        f"--{name.replace('_', '-')}"
        for name in given
        if name in own and given[name] is not usual.get(name, usual)
    ]


def export_page(
    namespace: argparse.Namespace, paths: Sequence[Path], say: Callable[[str], None]
) -> Path:
    """Write the page that the command line asks for.

    Raises:
        IsolossError: as `stage` and `write_page` do, and where a session is asked for a quantity.
    """
    from isoloss.geometry.analysis.quantities import of_quantity
    from isoloss.gl.pictures.rendering import TOP, contours_of
    from isoloss.page.writing import write_page
    from isoloss.scene.files.staging import opened, stage
    from isoloss.scene.layer import SurfaceLayer

    if namespace.classes:
        raise IsolossError("--class is of files of values: export to .npz first, then that file")
    sources: list[Any] = [opened(path, say) for path in paths]
    if namespace.quantity:
        for k, source in enumerate(sources):
            if not isinstance(source, SurfaceLayer):
                raise IsolossError("--quantity is of surfaces: a session has chosen its own")
            sources[k] = replace(source, surface=of_quantity(source.surface, namespace.quantity))
    known = {f.name for kind in (Appearance, Camera) for f in fields(kind)} | {*_LOOKS}
    options = {k: v for k, v in vars(namespace).items() if k in known and v is not None}
    if options.pop("top", False):
        options = TOP | options
    options |= contours_of(options)
    document = stage(sources[0] if len(sources) == 1 else sources, **options)
    command = shlex.join(["isoloss", *sys.argv[1:]])
    command = command if namespace.as_typed is None else namespace.as_typed
    turned = bool(options.keys() & {"azimuth", "elevation"})
    return write_page(document, namespace.out, command, options.get("theme", ""), fits=turned)
