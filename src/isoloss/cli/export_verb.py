"""`isoloss export X --out FILE`: what there is to see in any format of the one list."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path

from isoloss.cli.page_verb import add_page_options, asked_of_page, export_shown
from isoloss.cli.render_options import add_fields
from isoloss.cli.report_page import export_report
from isoloss.cli.typed_path import path_of
from isoloss.errors import IsolossError
from isoloss.geometry.files.formats import (
    FORMATS,
    Format,
    Part,
    format_to_write,
    paintable,
    parts_of,
)
from isoloss.naming import first_of, listed
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Camera
from isoloss.scene.files.painted import PAINT

_CAMERA = ("--view", "--top", "--side-by-side", *(f"--{field.name}" for field in fields(Camera)))
Say = Callable[[str], None]


def add_export_options(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the options of `isoloss export`."""
    written = [format for format in FORMATS if format.is_written]
    known = listed([format.name for format in written], "or")
    parser.add_argument(
        "paths", type=path_of, nargs="+", metavar="PATH",
        help="File or run folder; trajectories beside it come along; of what is shown "
        f"({_shown()}) several, in one box or side by side, or a session",
    )  # fmt: skip
    told = "; ".join(f"{format.name}: {format.title}" for format in written if format.title)
    parser.add_argument(
        "--out", type=path_of, required=True, metavar="FILE", help=f"A {known}. {told}"
    )
    parser.add_argument(
        "--quantity", metavar="NAME",
        help="The height, of a surface with further quantities: for example adversarial",
    )  # fmt: skip
    parser.add_argument(
        "--class", dest="classes", nargs="+", default=(), metavar="NAME",
        help="Add the losses of single classes, and of all others, out of what a run of a probe "
        "to a tolerance keeps of each image",
    )  # fmt: skip
    parser.add_argument(
        "--what", choices=("values", "minima"), default="values",
        help="minima: the local minima with what they merge into, as .csv [values]",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="Print what is written as JSON")
    parser.add_argument("--as-typed", help=argparse.SUPPRESS)  # what a page says that made it
    painted = listed(paintable(), "or")
    add_fields(parser.add_argument_group(f"how a {painted} looks"), Appearance, PAINT)
    add_page_options(parser)


def _shown(part: Part = "layers") -> str:
    """The formats that show a whole view and keep `part` of it."""
    return listed([f.name for f in FORMATS if f.shows and part in f.keeps], "or")


def export(namespace: argparse.Namespace, paths: Sequence[Path], say: Say) -> Path:
    """Write what the command line asks for; what the format cannot hold is said in a line.

    Raises:
        IsolossError: it cannot be read, or written so, or an option is not of this format.
    """
    out: Path = namespace.out
    format = format_to_write(out)
    _check_options(namespace, format)
    if namespace.what == "minima" and format.name != ".csv":
        raise IsolossError(f"--what minima is of .csv: give a name that ends so, not {out.name}")
    if format.name == ".html" and (report := export_report(namespace, paths)) is not None:
        return report
    if format.shows:
        written, parts = export_shown(namespace, paths, say)
    elif len(paths) > 1:
        raise _one_alone(format, [path.name for path in paths])
    else:
        written, parts = _export_values(namespace, paths[0], format, say)
    if lost := format.leaves_out(parts):
        say(f"{out.name} has no room for {lost}")
    return written


def _one_alone(format: Format, names: Sequence[str]) -> IsolossError:
    return IsolossError(
        f"{format.name} holds one surface, not {len(names)}: {first_of(names)}; several are for "
        f"{_shown()}"
    )


def print_written(namespace: argparse.Namespace, written: Path) -> None:
    """Say what has been written, on standard output."""
    from isoloss.events import Log, to_line

    print(to_line(Log(f"wrote {written}"), time.time()) if namespace.json else written)


def _check_options(namespace: argparse.Namespace, format: Format) -> None:
    """Refuse options that the format has no use for."""
    for option in asked_of_page(namespace):
        part: Part = "camera" if option in _CAMERA else "layers"
        if not format.shows or part not in format.keeps:
            raise IsolossError(
                f"{option} is of {_shown(part)}: leave it out, or give a name that ends so"
            )


def _export_values(
    namespace: argparse.Namespace, path: Path, format: Format, say: Say
) -> tuple[Path, set[Part]]:
    from isoloss.geometry.analysis.minima_table import save_minima
    from isoloss.geometry.analysis.quantities import of_quantity
    from isoloss.scene.document import Document
    from isoloss.scene.files.painted import save_painted
    from isoloss.scene.files.staging import opened_path, stage
    from isoloss.scene.layer import SurfaceLayer

    source: SurfaceLayer | Document
    if namespace.classes:
        from isoloss.work import surface_with_classes

        surface = surface_with_classes(path, namespace.classes)
        source = SurfaceLayer(path.name, surface, surface.trajectories)
    else:
        source = opened_path(path, say)
    shown = source.view.shown if isinstance(source, Document) else [source]
    if len(shown) != 1:
        raise _one_alone(format, [layer.name for layer in shown])
    (layer,) = shown
    if namespace.quantity:
        layer = replace(layer, surface=of_quantity(layer.surface, namespace.quantity), last=None)
    if namespace.what == "minima":
        return save_minima(layer.surface, namespace.out), set()
    options = {name: value for name, value in vars(namespace).items() if name in PAINT}
    if options and layer.surface.is_curve:
        raise IsolossError(f"{path} is a curve, which has no colours: leave these out")
    if options or (isinstance(source, Document) and format.paint is not None):
        scene = stage(source if isinstance(source, Document) else layer, **options).view
        written = save_painted(scene.shown[0], scene, namespace.out)
    else:
        written = layer.surface.save(namespace.out)
    return written, parts_of(layer.surface)
