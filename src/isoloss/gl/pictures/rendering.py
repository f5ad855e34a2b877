"""`isoloss.render` and `isoloss render`: what can be asked of a picture, a figure or a movie."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, cast

from isoloss.errors import IsolossError
from isoloss.events import Event
from isoloss.figures.paper import Print
from isoloss.figures.robustness.choice import Choice
from isoloss.figures.sharpness import draw_sharpness, is_sharpness_run
from isoloss.figures.sheet import VECTOR
from isoloss.files import nothing_at
from isoloss.geometry.analysis.difference import plane_of
from isoloss.geometry.arrays import Pixels
from isoloss.gl.pictures import picture
from isoloss.gl.pictures.tiles import Size
from isoloss.naming import listed, told_in_python
from isoloss.paths import exists
from isoloss.patterns import matching
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Camera
from isoloss.scene.files.given import sort_out
from isoloss.scene.files.session_content import MOST_LAYERS
from isoloss.scene.files.staging import Source, opened
from isoloss.scene.layer import SurfaceLayer
from isoloss.shown.picture import Picture

TOP = {"orthographic": True, "azimuth": 0.0, "elevation": 90.0}
_MOVES = ("turntable", "path", "play")
_PACE = ("seconds", "fps")


def _names(*kinds: type) -> frozenset[str]:
    return frozenset(field.name for kind in kinds for field in fields(kind))


OPTIONS = frozenset(
    {
        "size",
        "scale",
        "supersample",
        "overlays",
        "opacity",
        "figure",
        "view",
        "top",
        *_MOVES,
        *_PACE,
    }
) | _names(Appearance, Camera, Print, Choice)
"""The names of all."""


def render(
    source: Source | Sequence[Source],
    out: str | Path | None = None,
    size: Size | None = None,
    scale: float | None = None,
    *,
    supersample: int | None = None,
    overlays: bool = True,
    figure: bool = False,
    print_: Print | None = None,
    on_event: Callable[[Event], object] | None = None,
    **options: Any,
) -> Pixels | Path:
    """A picture, a figure or a movie of what there is to see; works without a display.

    Args:
        source: a path (surface file, run folder or session), a `Surface`, or several surfaces for
            one box; a curve is drawn alone. Or folders of attacks, defenses and certifications.
        out: where to write it: .png; .svg or .pdf of a figure; .mp4, .mov, .gif, .webp, .apng or a
            folder of a movie. None only returns the pixels.
        size: (width, height) in pixels; 1600×1000, 1280×720 of a movie, of a figure as wide as one
            column of a paper.
        scale: size of text and lines; None fits them to the picture.
        supersample: draw so many times as large each way, and average; 2, of a movie 1.
        overlays: False leaves axes, scalar bar, title, legend and markers out.
        figure: draw the contours of one surface in the plane instead of it in space; so do names
            that end in .svg or .pdf.
        print_: how a figure is printed, all at once; else give width_mm, dpi, fill, line_labels.
        on_event: called with the progress of a movie (`isoloss.events`).
        options: as `isoloss render --help` tells them, with underscores. What is seen: texture,
            theme, title (a text or False), colormap, contours (their number, or False), opacity
            (a number in [0, 1], or one for each surface), …; from
            where: azimuth, elevation, orthographic, top=True, view="a saved one", …; a figure:
            width_mm, dpi, …; a movie: turntable=True, path=["a saved view", "another"] or
            play=True, seconds, fps; of attacks: what, by, network, attack, sigma, eps, image,
            reference (names of published results, or "all").

    Returns:
        (H, W, 4) uint8, RGBA with straight alpha, top row first, which a notebook shows; of a
        movie where it was written.

    Raises:
        IsolossError: a file cannot be read or written, an option does not exist or does not fit
            the picture, or there is no OpenGL.
    """
    asked = options | {"size": size, "scale": scale, "supersample": supersample}
    asked |= {"overlays": overlays, "figure": figure}
    if not isinstance(source, Source | Iterable):
        raise IsolossError(
            f"what is drawn is a surface, a path or several of them, not a {type(source).__name__}"
        )
    sources: list[Any] = [source] if isinstance(source, Source) else list(source)
    try:
        with told_in_python():
            drawing = draw(sources, None if out is None else Path(out), asked, print_)
            while True:
                event = next(drawing)
                if on_event is not None:
                    on_event(event)
    except StopIteration as end:
        return end.value if isinstance(end.value, Path) else end.value.view(Picture)


def draw(
    sources: Sequence[Source],
    out: Path | None,
    asked: Mapping[str, Any],
    print_: Print | None = None,
) -> Generator[Event, None, Pixels | Path]:
    """Draw `sources`, yielding the progress of a movie; returns what `render` does.

    Args:
        asked: by `OPTIONS`; None of size, scale, supersample, view and what moves is "not given".
    """
    _check_names(asked)
    options = {name: value for name, value in asked.items() if value is not None}
    sources = _sorted_out(sources)
    if sources and all(isinstance(s, str | Path) and is_sharpness_run(Path(s)) for s in sources):
        return _draw_sharpness([Path(cast("str", s)) for s in sources], out, options, print_)
    if _are_of_robustness(sources, options):
        return _draw_robustness([Path(cast("str", s)) for s in sources], out, options, print_)
    looks = _taken(options, _names(Appearance, Camera) | {"opacity"})
    if options.get("top"):
        looks = TOP | looks
    looks |= contours_of(looks)
    if options.get("view"):
        looks["view"] = options["view"]
    print_ = _print(options, print_)
    given = {name: options.get(name) for name in ("size", "scale")}
    common = _taken(options, {"overlays", "supersample"})
    suffix = "" if out is None else out.suffix.lower()
    is_figure = bool(options.get("figure")) or suffix in VECTOR
    if is_figure and "opacity" in options:
        raise IsolossError("--opacity is of surfaces in space: leave it out of a figure")
    if is_figure and len(sources) > 1:
        raise IsolossError(
            f"a figure in the plane is of one surface, not of {len(sources)}: draw each by itself, "
            "or show them in viewports beside each other and draw the session"
        )
    sources = _in_one_box(sources)
    if moves := [name for name in _MOVES if options.get(name)]:
        if is_figure or print_ is not None:
            raise IsolossError(_why_still(out, moves[0], options))
        return (yield from _movie(sources, out, options, common | given | looks))
    for name in _PACE:
        if name in options:
            raise IsolossError(f"--{name} is for a movie: add --turntable, --path or --play")
    if out is not None:
        _check_suffix(out)
    return picture.render(
        sources[0] if len(sources) == 1 else sources, out, given["size"], given["scale"],
        figure=bool(options.get("figure")), print_=print_, **common, **looks,
    )  # fmt: skip


def _sorted_out(sources: Sequence[Source]) -> list[Source]:
    """What is to be drawn: of paths and patterns what there is to see, the rest as it is."""
    paths = [
        path
        for source in sources
        if isinstance(source, str | Path)
        for path in matching(Path(source))
    ]
    if not paths:
        return list(sources)
    given = sort_out(paths, "draw")
    for remark in given.remarks:
        _say(remark)
    if len(given.paths) > MOST_LAYERS:
        raise IsolossError(
            f"a picture holds at most {MOST_LAYERS} surfaces, not {len(given.paths)}: give fewer"
        )
    return [*given.paths, *(s for s in sources if not isinstance(s, str | Path))]


def _check_names(asked: Mapping[str, Any]) -> None:
    for name in asked:
        if name not in OPTIONS:
            near = difflib.get_close_matches(name, OPTIONS, 1)
            hint = f": is it {near[0]}?" if near else ""
            raise IsolossError(f"render has no option {name!r}{hint}")


def _taken(options: Mapping[str, Any], names: frozenset[str] | set[str]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in names}


def contours_of(looks: Mapping[str, Any]) -> dict[str, Any]:
    """What a number of contours means: 0 is none, on the floor neither unless asked for."""
    number = looks.get("contours")
    if number is None or isinstance(number, bool):
        return {}
    if number < 0:
        raise IsolossError(f"--contours must be 0 or more, not {number}")
    shown = number > 0
    levels = {"contour_levels": number} if shown else {}
    return {"contours": shown, "floor_contours": looks.get("floor_contours", shown), **levels}


def _print(options: Mapping[str, Any], print_: Print | None) -> Print | None:
    given = _taken(options, _names(Print))
    return replace(print_ or Print(), **given) if given else print_


def _movie(
    sources: Sequence[Source], out: Path | None, options: Mapping[str, Any], more: dict[str, Any]
) -> Generator[Event, None, Path]:
    from isoloss.gl.pictures.movie import Motion, render_movie, written_to

    if out is None:
        raise IsolossError("a movie is written to a file: say where")
    path = options.get("path") or ()
    views = path.split(",") if isinstance(path, str) else path
    motion = Motion(
        bool(options.get("turntable")),
        tuple(v.strip() for v in views if v.strip()),
        bool(options.get("play")),
        **_taken(options, {*_PACE}),
    )
    source = sources[0] if len(sources) == 1 else sources
    yield from render_movie(source, out, motion, **more)
    return written_to(out)


def _in_one_box(sources: Sequence[Source]) -> Sequence[Source]:
    """What is to be drawn, read once; says where several surfaces in one box are of several
    planes."""
    read = [opened(source, _say) for source in sources]
    layers = [each for each in read if isinstance(each, SurfaceLayer)]
    if len(layers) < len(read) or len(layers) == 1:
        return read
    if difference := _difference_of_planes(layers):
        names = listed([layer.name for layer in layers], "and")
        _say(f"{names} are drawn into one box, though {difference}")
    return layers


def _say(line: str) -> None:
    print(f"isoloss: {line}", file=sys.stderr)


def _difference_of_planes(layers: Sequence[SurfaceLayer]) -> str:
    """In what the planes of `layers` differ; "" if they may be the same."""
    first, *others = (layer.surface for layer in layers)
    for surface in others:
        for key, things in (("plane", "planes"), ("model", "networks"), ("data", "data")):
            values = first.meta.get(key), surface.meta.get(key)
            if key == "plane" and plane_of(first) == plane_of(surface) is not None:
                continue  # one was computed along the other's directions
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


def _why_still(out: Path | None, moves: str, options: Mapping[str, Any]) -> str:
    """Why what is asked for is no movie."""
    if out is not None and out.suffix.lower() in VECTOR:
        return (
            f"{out.name} is a figure in the plane, which does not move: give the name of "
            f"a movie, such as {out.stem}.mp4, or leave --{moves} out"
        )
    figure = "figure" if options.get("figure") else next(iter(_taken(options, _names(Print))))
    named = figure.replace("_", "-")
    return f"a figure in the plane does not move: leave --{named} out, or --{moves}"


def _draw_sharpness(
    folders: Sequence[Path], out: Path | None, options: Mapping[str, Any], print_: Print | None
) -> Pixels:
    looks = _taken(options, {"theme", "transparent"})
    _refuse_others(options, folders[0], {"figure", "title", "width_mm", "dpi", *looks})
    title = options.get("title")
    return draw_sharpness(
        folders, out, replace(Appearance(), **{"theme": "light"} | looks),
        title if isinstance(title, str) else "", _print(options, print_),
    )  # fmt: skip


def _are_of_robustness(sources: Sequence[Source], options: Mapping[str, Any]) -> bool:
    """Whether attacks, defenses or certifications are to be drawn.

    Raises:
        IsolossError: if something else is to be drawn too, or an option is for these alone.
    """
    from isoloss.figures.robustness.run_results import is_robustness_run

    others = [s for s in sources if not (isinstance(s, str | Path) and is_robustness_run(Path(s)))]
    chosen = _taken(options, _names(Choice))
    if others and (chosen or len(others) < len(sources)):
        for other in others:
            if isinstance(other, str | Path) and not exists(other):
                raise nothing_at(Path(other))
    if len(others) == len(sources):
        for name in chosen:
            is_none = f"; {others[0]} is none" if others else ""
            raise IsolossError(
                f"--{name} is for the folders of attacks, defenses and certifications{is_none}"
            )
        return False
    if others:
        raise IsolossError(f"{others[0]} is no attack, defense or certification, as the others are")
    return True


def _refuse_others(options: Mapping[str, Any], folder: Path, known: Collection[str]) -> None:
    asks_nothing = {"overlays": True} | dict.fromkeys(("turntable", "play", "top"), False)
    for name, value in options.items():
        said = "no-overlays" if name == "overlays" else name.replace("_", "-")
        if name not in known and value is not asks_nothing.get(name):
            raise IsolossError(f"a figure of {folder.name} has no --{said}")


def _draw_robustness(
    folders: Sequence[Path], out: Path | None, options: Mapping[str, Any], print_: Print | None
) -> Pixels:
    from isoloss.figures.robustness.drawing import draw_robustness
    from isoloss.gl.pictures.tiles import check_size

    title = options.get("title", True)
    looks = _taken(options, {"theme", "transparent"})
    known = {"figure", "size", "scale", "title", "width_mm", "dpi", *looks} | _names(Choice)
    _refuse_others(options, folders[0], known)
    if (size := options.get("size")) is not None:
        check_size(size)
    return draw_robustness(
        folders, out, Choice(**_taken(options, _names(Choice))),
        replace(Appearance(), **{"theme": "light"} | looks, title=bool(title)),
        title if isinstance(title, str) else "", size, options.get("scale"),
        _print(options, print_),
    )  # fmt: skip
