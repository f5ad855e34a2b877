"""The options of `isoloss render`: one for each field of `Appearance`, `Camera`, `Motion`, `Print`,
`Choice`.

Their help is what the docstrings of those say of their fields.
"""

from __future__ import annotations

import argparse
import re
import types
from collections.abc import Collection, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from isoloss.cli.typed_path import path_of
from isoloss.errors import IsolossError
from isoloss.figures.paper import Print
from isoloss.figures.robustness.choice import Choice
from isoloss.files import check_parent
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Camera
from isoloss.scene.files.plain import members

_NOT_GENERATED = ("contours", "title")
"""Those that have options of another shape."""


def add_render_options(parser: argparse.ArgumentParser) -> None:
    """Give `parser` all options of `isoloss render`."""
    parser.add_argument(
        "path", type=path_of, nargs="+", metavar="PATH",
        help="A surface or run folder, several of them for one box (a figure is of one), or a "
        "session (.isoloss), which may have several viewports; or attacks and defenses, or "
        "certifications, on the same images",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=path_of, required=True,
        help="What to write: .png; .svg or .pdf of a figure; .mp4, .mov, .gif, .webp, .apng or a "
        "folder of a movie, with --turntable, --path or --play",
    )  # fmt: skip
    parser.add_argument(
        "--size", metavar="WxH",
        help="Pixels [1600x1000; 1280x720 of a movie; one column of a paper of a figure]",
    )  # fmt: skip
    parser.add_argument("--scale", type=float, metavar="S", help="Size of text and lines")
    parser.add_argument(
        "--supersample", type=int, metavar="N",
        help="Draw so many times as large and average [2; 1 of a movie]",
    )  # fmt: skip
    add_look_options(parser)
    figure = parser.add_argument_group("a figure in the plane")
    figure.add_argument(
        "--figure", action="store_true",
        help="Draw the contours in the plane; .svg and .pdf are always figures",
    )  # fmt: skip
    add_fields(figure, Print)
    add_fields(
        parser.add_argument_group("a figure of an attack, a defense or a certification"), Choice
    )
    movie = parser.add_argument_group("a movie")
    movie.add_argument("--turntable", action="store_true", help="The camera goes round once")
    movie.add_argument(
        "--path", dest="views", metavar="A,B,…", help="The camera flies between saved views"
    )
    movie.add_argument("--play", action="store_true", help="The trajectory grows with its epochs")
    movie.add_argument("--seconds", type=float, metavar="S", help="How long it takes [6]")
    movie.add_argument("--fps", type=float, metavar="N", help="Frames a second [30]")
    add_fields(parser.add_argument_group("appearance"), Appearance)
    add_fields(parser.add_argument_group("camera"), Camera)
    parser.add_argument("--json", action="store_true", help="Print progress as lines of JSON")


def add_look_options(parser: Any) -> None:
    """Give `parser` the options of what is seen that are not generated: those of `stage`."""
    parser.add_argument("--view", metavar="NAME", help="A saved view of the session")
    parser.add_argument("--top", action="store_true", help="Seen from above")
    parser.add_argument(
        "--no-overlays", dest="overlays", action="store_false",
        help="No axes, scalar bar, title, legend and markers, but those asked for",
    )  # fmt: skip
    parser.add_argument(
        "--contours",
        type=int,
        metavar="N",
        help="About how many contour levels, at round values; 0: none",
    )
    parser.add_argument(
        "--opacity", type=float, nargs="+", default=argparse.SUPPRESS, metavar="N",
        help="How opaque the surfaces are, from 0 to 1, or one number for each; paths, pins and "
        "minima stay whole",
    )  # fmt: skip
    heading = parser.add_mutually_exclusive_group()
    heading.add_argument("--title", default=argparse.SUPPRESS, metavar="TEXT", help="The heading")
    heading.add_argument(
        "--no-title", dest="title", action="store_false", default=argparse.SUPPRESS,
        help="No heading",
    )  # fmt: skip


def run_render(namespace: argparse.Namespace) -> Iterator[Any]:
    """Draw what the command line asks for; yields the progress of a movie, then its `Path`."""
    from isoloss.gl.pictures.rendering import OPTIONS, draw

    check_parent(namespace.out)
    asked = {name: value for name, value in vars(namespace).items() if name in OPTIONS}
    asked["path"] = namespace.views  # the paths are those of what is drawn
    if namespace.size:
        asked["size"] = _size(namespace.size)
    asked = {k: tuple(v) if isinstance(v, list) else v for k, v in asked.items()}
    written = yield from draw(namespace.path, namespace.out, asked)
    yield written if isinstance(written, Path) else namespace.out


def command_line(source: Path, out: Path, options: dict[str, Any]) -> list[str]:
    """The arguments after `isoloss render` that ask for `options`, by the names used there."""
    words = [str(source), "--out", str(out)]
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            words.append(option)
        elif value is False:
            words.append("--no-" + name.replace("_", "-"))
        elif value is not None:
            # One word, for a value may begin with a dash.
            words.append(f"{option}={value}")
    return words


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(n) for n in text.lower().replace("×", "x").split("x"))
    except ValueError as error:
        raise IsolossError(f"--size is WIDTHxHEIGHT, not {text!r}") from error
    return width, height


def add_fields(group: Any, kind: type, names: Collection[str] | None = None) -> None:
    """One option for each field of the dataclass `kind`, or for those with these names."""
    hints, texts = get_type_hints(kind), _field_texts(kind)
    for name in (field.name for field in fields(kind)) if names is None else names:
        if name not in _NOT_GENERATED:
            group.add_argument(
                "--" + name.replace("_", "-"),
                default=argparse.SUPPRESS,
                help=texts.get(name, "").replace("%", "%%"),
                **_shape(name, hints[name]),
            )


def _shape(name: str, hint: Any) -> dict[str, Any]:
    """How argparse reads a value of the annotation `hint`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, Union):
        (hint,) = (a for a in arguments if a is not type(None))
        return _shape(name, hint)
    if hint is bool:
        return {"action": argparse.BooleanOptionalAction}
    if origin is Literal:
        return {"choices": list(arguments)}
    if origin is tuple and arguments[-1] is Ellipsis:
        return {"type": arguments[0], "nargs": "+", "metavar": "NAME"}
    if origin is tuple:
        letters = ("LO", "HI") if len(arguments) == 2 else ("X", "Y", "Z")
        return {"type": arguments[0], "nargs": len(arguments), "metavar": letters}
    if named := members(hint):
        return {"choices": list(named)}
    return {"type": hint, "metavar": "N" if hint in (int, float) else name.upper()}


def _field_texts(kind: type) -> dict[str, str]:
    """What the docstring of a dataclass says of its fields; a line may be about several."""
    _, _, listed = (kind.__doc__ or "").partition("Attributes:")
    texts: dict[str, str] = {}
    current: list[str] = []
    for line in listed.splitlines():
        begun = re.match(r" {8}(\w+(?:, \w+)*): (.*)", line)
        if begun:
            current = begun[1].split(", ")
            texts |= dict.fromkeys(current, begun[2])
        elif line.strip() and current:
            texts |= {name: f"{texts[name]} {line.strip()}" for name in current}
        else:
            current = []
    return {name: text[:1].upper() + text[1:].rstrip(".") for name, text in texts.items()}
