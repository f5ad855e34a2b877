"""The options of `isoloss render`: one for each field of `Appearance`, `Camera`, `Motion`, `Print`,
`Choice`.

Their help is what the docstrings of those say of their fields.
"""

from __future__ import annotations

import argparse
import re
import sys
import types
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from isoloss.errors import IsolossError
from isoloss.figures.paper import Print
from isoloss.figures.robustness.choice import Choice
from isoloss.files import check_parent, nothing_at
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Camera
from isoloss.scene.layer import SurfaceLayer, load_layer
from isoloss.scene.plain import members
from isoloss.scene.session import SUFFIX

TOP = {"orthographic": True, "azimuth": 0.0, "elevation": 90.0}
_NOT_GENERATED = ("contours", "title")
"""Those that have options of another shape."""


def add_render_options(parser: argparse.ArgumentParser) -> None:
    """Give `parser` all options of `isoloss render`."""
    parser.add_argument(
        "path", type=Path, nargs="+", metavar="PATH",
        help="A surface or run folder, several of them for one box (a figure is of one), or a "
        "session (.isoloss), which may have several viewports; or attacks and defenses, or "
        "certifications, on the same images",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, required=True,
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
    parser.add_argument("--view", metavar="NAME", help="A saved view of the session")
    parser.add_argument("--top", action="store_true", help="Seen from above")
    parser.add_argument(
        "--no-overlays", dest="overlays", action="store_false",
        help="No axes, scalar bar, title, legend and markers, but those asked for",
    )  # fmt: skip
    parser.add_argument(
        "--contours", type=int, metavar="N", help="Number of contour levels; 0: no contours"
    )
    heading = parser.add_mutually_exclusive_group()
    heading.add_argument("--title", default=argparse.SUPPRESS, metavar="TEXT", help="The heading")
    heading.add_argument(
        "--no-title", dest="title", action="store_false", default=argparse.SUPPRESS,
        help="No heading",
    )  # fmt: skip
    figure = parser.add_argument_group("a figure in the plane")
    figure.add_argument(
        "--figure", action="store_true",
        help="Draw the contours in the plane; .svg and .pdf are always figures",
    )  # fmt: skip
    _add_fields(figure, Print)
    _add_fields(
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
    _add_fields(parser.add_argument_group("appearance"), Appearance)
    _add_fields(parser.add_argument_group("camera"), Camera)
    parser.add_argument("--json", action="store_true", help="Print progress as lines of JSON")


def run_render(namespace: argparse.Namespace) -> Iterator[Any]:
    """Draw what the command line asks for; yields the progress of a movie, then its `Path`."""
    given = vars(namespace)
    for path in namespace.path:
        if not path.exists():
            raise nothing_at(path)
    check_parent(namespace.out)
    size = _size(namespace.size) if namespace.size else None
    if _is_of_robustness(namespace):
        _draw_robustness(namespace, size)
        yield namespace.out
        return
    options = _chosen(namespace, Appearance) | _chosen(namespace, Camera)
    if "title" in given:
        options["title"] = given["title"]
    if namespace.contours is not None:
        if namespace.contours < 0:
            raise IsolossError(f"--contours must be 0 or more, not {namespace.contours}")
        shown = namespace.contours > 0
        options |= {"contours": shown, "floor_contours": shown} | {
            k: options[k] for k in ("floor_contours",) if k in options
        }
        options |= {"contour_levels": namespace.contours} if shown else {}
    if namespace.top:
        options = TOP | options
    if namespace.view:
        options["view"] = namespace.view
    common: dict[str, Any] = {"overlays": namespace.overlays}
    if namespace.supersample is not None:
        common["supersample"] = namespace.supersample
    print_ = _chosen(namespace, Print)
    is_figure = namespace.figure or namespace.out.suffix.lower() in (".svg", ".pdf")
    count = len(namespace.path)
    if is_figure and count > 1:
        raise IsolossError(
            f"a figure in the plane is of one surface, not of {count}: draw each by itself, or "
            "show them in viewports beside each other and draw the session"
        )
    sources = _sources(namespace.path)
    if namespace.turntable or namespace.views or namespace.play:
        if is_figure or print_:
            raise IsolossError(_still(namespace, print_))
        from isoloss.gl.pictures.movie import Motion, render_movie, written_to

        motion = Motion(
            namespace.turntable,
            tuple(v.strip() for v in (namespace.views or "").split(",") if v.strip()),
            namespace.play,
            **{k: given[k] for k in ("seconds", "fps") if given[k] is not None},
        )
        yield from render_movie(
            sources, namespace.out, motion, size, namespace.scale, **common, **options
        )
        yield written_to(namespace.out)
        return
    for name in ("seconds", "fps"):
        if given[name] is not None:
            raise IsolossError(f"--{name} is for a movie: add --turntable, --path or --play")
    _check_suffix(namespace.out)
    from isoloss.gl.pictures.picture import render

    render(
        sources, namespace.out, size, namespace.scale,
        figure=namespace.figure, print_=Print(**print_) if print_ else None, **common, **options,
    )  # fmt: skip
    yield namespace.out


def _sources(paths: Sequence[Path]) -> Sequence[Path | SurfaceLayer]:
    """What is to be drawn; says where several surfaces in one box are of several planes."""
    if len(paths) == 1 or any(path.suffix.lower() == SUFFIX for path in paths):
        return paths
    layers = [load_layer(path) for path in paths]
    if difference := _difference_of_planes(layers):
        names = " and ".join(layer.name for layer in layers)
        print(f"isoloss: {names} are drawn into one box, though {difference}", file=sys.stderr)
    return layers


def _difference_of_planes(layers: Sequence[SurfaceLayer]) -> str:
    """In what the planes of `layers` differ; "" if they may be the same."""
    first, *others = (layer.surface for layer in layers)
    for surface in others:
        for key, things in (("plane", "planes"), ("model", "networks"), ("data", "data")):
            values = first.meta.get(key), surface.meta.get(key)
            if None not in values and values[0] != values[1]:
                return f"their {things} differ: {values[0]} and {values[1]}"
        for letter, axis in (("α", "alpha"), ("β", "beta")):
            (a, b), (c, d) = (getattr(s, axis)[[0, -1]] for s in (first, surface))
            if max(abs(a - c), abs(b - d)) > 1e-6 * max(b - a, d - c):
                ends = [f"{x:.6g} to {y:.6g}".replace("-", "−") for x, y in ((a, b), (c, d))]
                return f"their ranges differ: {letter} from {ends[0]}, and from {ends[1]}"
    return ""


def _check_suffix(out: Path) -> None:
    """Refuse a movie's name where nothing moves."""
    from isoloss.gl.pictures.movie_file import FFMPEG, PILLOW

    if out.suffix.lower() in (*FFMPEG, *PILLOW, ""):
        raise IsolossError(
            f"{out.name} is a movie, and nothing moves: add --turntable, --path or --play, or give "
            "a name that ends in .png, or in .svg or .pdf for a figure"
        )


def _is_of_robustness(namespace: argparse.Namespace) -> bool:
    """Whether attacks, defenses or certifications are to be drawn.

    Raises:
        IsolossError: if something else is to be drawn too, or an option is for these alone.
    """
    from isoloss.figures.robustness.run_results import is_robustness_run

    others = [path for path in namespace.path if not is_robustness_run(path)]
    if len(others) == len(namespace.path):
        for name in _chosen(namespace, Choice):
            raise IsolossError(
                f"--{name} is for the folders of attacks, defenses and certifications; "
                f"{others[0]} is none"
            )
        return False
    if others:
        raise IsolossError(f"{others[0]} is no attack, defense or certification, as the others are")
    return True


def _draw_robustness(namespace: argparse.Namespace, size: tuple[int, int] | None) -> None:
    from isoloss.figures.robustness.drawing import draw_robustness
    from isoloss.gl.pictures.tiles import check_size

    options = _chosen(namespace, Appearance) | _chosen(namespace, Camera)
    print_ = _chosen(namespace, Print)
    others = {
        "turntable": namespace.turntable, "path": namespace.views, "play": namespace.play,
        "seconds": namespace.seconds, "fps": namespace.fps, "view": namespace.view,
        "top": namespace.top, "supersample": namespace.supersample,
        "no_overlays": not namespace.overlays,
    }  # fmt: skip
    wrong = [k for k in options if k not in ("theme", "transparent")]
    wrong += [k for k in ("fill", "line_labels") if k in print_]
    wrong += [k for k, value in others.items() if value not in (None, False)]
    wrong += ["contours"] if namespace.contours is not None else []
    for name in wrong:
        raise IsolossError(
            f"a figure of {namespace.path[0].name} has no --{name.replace('_', '-')}"
        )
    if size is not None:
        check_size(size)
    title = vars(namespace).get("title", True)
    appearance = replace(Appearance(), **{"theme": "light"} | options, title=bool(title))
    draw_robustness(
        namespace.path, namespace.out, Choice(**_chosen(namespace, Choice)), appearance,
        title if isinstance(title, str) else "", size, namespace.scale,
        Print(**print_) if print_ else None,
    )  # fmt: skip


def _still(namespace: argparse.Namespace, print_: dict[str, Any]) -> str:
    """Why what is asked for is no movie."""
    motions = {"--turntable": namespace.turntable, "--path": namespace.views}
    moves = next((name for name, given in motions.items() if given), "--play")
    if namespace.out.suffix.lower() in (".svg", ".pdf"):
        return (
            f"{namespace.out.name} is a figure in the plane, which does not move: give the name of "
            f"a movie, such as {namespace.out.stem}.mp4, or leave {moves} out"
        )
    figure = "--figure" if namespace.figure else "--" + next(iter(print_)).replace("_", "-")
    return f"a figure in the plane does not move: leave {figure} out, or {moves}"


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


def _chosen(namespace: argparse.Namespace, kind: type) -> dict[str, Any]:
    """The fields of `kind` that the command line gives."""
    names = {f.name for f in fields(kind)} - set(_NOT_GENERATED)
    given = {k: v for k, v in vars(namespace).items() if k in names}
    return {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}


def _add_fields(group: Any, kind: type) -> None:
    """One option for each field of the dataclass `kind`."""
    hints, texts = get_type_hints(kind), _field_texts(kind)
    for field in fields(kind):
        if field.name in _NOT_GENERATED:
            continue
        group.add_argument(
            "--" + field.name.replace("_", "-"),
            default=argparse.SUPPRESS,
            help=texts.get(field.name, "").replace("%", "%%"),
            **_shape(field.name, hints[field.name]),
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
