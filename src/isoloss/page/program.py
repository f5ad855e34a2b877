"""The script and the style of a page, put together from files of one idea each."""

from __future__ import annotations

from functools import cache
from pathlib import Path

SHARED = ("shared/basics", "shared/theme", "shared/numbers", "shared/texts")
"""What any page may use: it knows nothing of surfaces."""

SURFACES = (
    *SHARED,
    "values/data",
    "values/scales",
    "values/grids",
    "values/mesh",
    "values/colors",
    "values/lines",
    "values/rims",
    "values/camera",
    "drawing/device",
    "drawing/view",
    "drawing/frame",
    "drawing/surface",
    "drawing/occlusion",
    "drawing/strokes",
    "drawing/upon",
    "drawing/paths",
    "drawing/overlays",
    "drawing/box",
    "writing/pen",
    "writing/axes",
    "writing/ramp",
    "writing/bar",
    "writing/signs",
    "reader/picking",
    "reader/readout",
    "reader/reader",
    "reader/pointer",
    "reader/keys",
    "reader/epochs",
    "reader/tools",
    "reader/link",
    "reader/begin",
)
"""The files of the page of surfaces, each below those that it needs when it is read."""

NUMBERS = ("shared/basics", "report/points", "report/readout", "report/keys", "report/begin")
"""Those of pages of numbers."""


@cache
def script_of(names: tuple[str, ...]) -> str:
    """The files of these names below `script`, in this order, as one script whose names are its
    own."""
    parts = "\n".join(_lines(f"script/{name}.js") for name in names)
    return f'"use strict";\n(() => {{\n{parts}\n}})();'


@cache
def style_of(names: tuple[str, ...]) -> str:
    """The files of these names below `style`, in this order."""
    return "\n".join(_lines(f"style/{name}.css") for name in names)


def _lines(file: str) -> str:
    """Without remarks that are lines of their own, and without what indents."""
    text = (Path(__file__).parent / file).read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))
