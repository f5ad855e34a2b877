"""The file: program, style, data and picture put together so that nothing else can run."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from isoloss.errors import IsolossError
from isoloss.files import write_atomic
from isoloss.naming import drawable, printable
from isoloss.page.content import described
from isoloss.page.glsl import PROGRAMS, sources
from isoloss.page.packing import Packing
from isoloss.page.summary import brief, summary
from isoloss.scene.document import Document
from isoloss.version import __version__

PICTURE = (720, 450)
"""Pixels of what is shown where WebGL 2 is missing."""
_COLORS = 32
_SLOT = re.compile(r"\{\{(\w+)\}\}")


def write_page(
    document: Document, path: Path, command: str = "", theme: str = "", *, fits: bool = False
) -> Path:
    """Write what `document` shows as a page that needs nothing else, and asks nothing of a network.

    Args:
        command: what made it, as typed.
        theme: "dark" or "light"; unless given, that of the reader's system.
        fits: the camera steps back until the whole box is in sight, as that of a picture that was
            asked for from some side.

    Raises:
        IsolossError: nothing is to be seen, or `path` cannot be written.
    """
    page = page_of(document, command, theme, fits=fits)
    return write_atomic(path, lambda p: p.write_text(page, encoding="utf-8"))


def page_of(document: Document, command: str = "", theme: str = "", *, fits: bool = False) -> str:
    """The text of the page; arguments as those of `write_page`.

    Raises:
        IsolossError: nothing is to be seen.
    """
    if not any(view.shown for view in document.shown_views):
        raise IsolossError("there is nothing to show yet: no value is a number")
    packing = Packing()
    content = described(document, packing) | {"theme": theme, "fits": fits}
    content |= {"programs": PROGRAMS, "shaders": sources()}
    place = packing.add(np.frombuffer(_json(content).encode("ascii"), np.uint8), "u1")
    script, style = _minified("page.js"), _minified("page.css")
    title = brief(document.view.heading or document.view.shown[0].name)
    words = summary(document)
    page = _filled(
        _file("page.html"),
        title=html.escape(title),
        script=script,
        style=style,
        script_hash=_hash(script),
        style_hash=_hash(style),
        summary=html.escape(words),
        picture=_picture(document),
        arrays=_json({"kinds": packing.kinds, "content": place}),
        data=packing.text(),
        facts=_facts(document, command),
        version=html.escape(__version__),
    )
    return printable(page)


def _file(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _minified(name: str) -> str:
    """Without remarks that are lines of their own, and without what indents."""
    lines = (line.strip() for line in _file(name).splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _filled(template: str, **parts: str) -> str:
    """Every {{name}} of the template replaced, once: what is put in is not looked at again."""
    return _SLOT.sub(lambda slot: parts[slot[1]], template)


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def _picture(document: Document) -> str:
    """An `img` of the document as our renderer draws it; nothing where there is no OpenGL."""
    from isoloss.gl.pictures.picture import render

    try:
        pixels = render(document, None, PICTURE)
    except IsolossError:
        return ""
    file = io.BytesIO()
    Image.fromarray(pixels[..., :3]).quantize(_COLORS, dither=Image.Dither.NONE).save(
        file, "PNG", optimize=True
    )
    data = base64.b64encode(file.getvalue()).decode("ascii")
    alt = html.escape(summary(document))
    return f'<img id="still" alt="{alt}" src="data:image/png;base64,{data}">'


def _facts(document: Document, command: str) -> str:
    """What made it: the command, and of each surface all that is known."""
    found: list[str] = []
    if command:
        found.append(f"<h2>Command</h2><pre>{_escaped(command)}</pre>")
    shown = {id(x.surface): x.surface for view in document.shown_views for x in view.shown}
    for surface in shown.values():
        rows = "".join(
            f"<dt><bdi>{_escaped(str(key))}</bdi></dt><dd><bdi>{_escaped(_said(value))}</bdi></dd>"
            for key, value in list(surface.meta.items())[:500]
        )
        grid = " × ".join(map(str, surface.shape))
        heading = _escaped(brief(surface.title or "surface"))
        found.append(f"<h2><bdi>{heading}</bdi></h2><dl><dt>grid</dt><dd>{grid}</dd>{rows}</dl>")
    return "".join(found)


def _said(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _escaped(text: str) -> str:
    return html.escape(drawable(text))
