"""A page of surfaces: what a document shows put together with the program that shows it."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path

import numpy as np
from PIL import Image

from isoloss.errors import IsolossError
from isoloss.files import write_atomic
from isoloss.page.content import described
from isoloss.page.frame import command_facts, data_of, facts, framed
from isoloss.page.glsl import PROGRAMS, sources
from isoloss.page.packing import Packing
from isoloss.page.program import SURFACES, script_of
from isoloss.page.summary import brief, summary
from isoloss.scene.document import Document

PICTURE = (720, 450)
"""Pixels of what is shown where WebGL 2 is missing."""
_QUALITY = 75
_MAIN = """\
<div id="stage">{picture}</div>
<p id="summary" class="heard">{summary}</p>
<div id="tools" role="group" aria-label="View" hidden></div>
<div id="readout" aria-hidden="true" hidden></div>
<p id="said" class="heard" aria-live="polite"></p>"""
_HELP = """\
<p>Drag to orbit, right-drag or Shift-drag to pan, wheel or pinch to zoom, double click to orbit \
around a point. Keys: arrows orbit, with Shift they pan, + and − zoom, R resets the camera, T \
changes the texture, C the contours, P the trajectory, Space plays it, O the projection; 1, 3 and \
7 look from the front, the right and above.</p>"""


def write_page(
    document: Document,
    path: Path,
    command: str = "",
    theme: str = "",
    *,
    fits: bool = False,
    title: str = "",
) -> Path:
    """Write what `document` shows as a page that needs nothing else, and asks nothing of a network.

    Args:
        command: what made it, as typed.
        theme: "dark" or "light"; unless given, that of the reader's system.
        fits: the camera steps back until the whole box is in sight, as that of a picture that was
            asked for from some side.
        title: of the page; unless given, what is written above its first view.

    Raises:
        IsolossError: nothing is to be seen, or `path` cannot be written.
    """
    page = page_of(document, command, theme, fits=fits, title=title)
    return write_atomic(path, lambda p: p.write_text(page, encoding="utf-8"))


def page_of(
    document: Document,
    command: str = "",
    theme: str = "",
    *,
    fits: bool = False,
    title: str = "",
    picture: bool = True,
) -> str:
    """The text of the page; further arguments as those of `write_page`.

    Args:
        picture: the page holds one for where WebGL 2 is missing, which takes OpenGL here.

    Raises:
        IsolossError: nothing is to be seen.
    """
    first = next((view for view in document.shown_views if view.shown), None)
    if first is None:
        raise IsolossError("there is nothing to show yet: no value is a number")
    packing, words = Packing(), summary(document)
    content = described(document, packing) | {"fits": fits}
    content |= {"programs": PROGRAMS, "shaders": sources()}
    place = packing.add(np.frombuffer(data_of(content).encode("ascii"), np.uint8), "u1")
    arrays = data_of({"kinds": packing.kinds, "content": place})
    still = _picture(document, words) if picture else ""
    return framed(
        title=brief(title or first.heading or first.shown[0].name),
        main=_MAIN.format(summary=html.escape(words), picture=still),
        about=_HELP + command_facts(command) + _facts(document),
        data=f'<script type="application/json" id="arrays">{arrays}</script>\n'
        f'<script type="text/plain" id="data">{packing.text()}</script>',
        script=script_of(SURFACES),
        styles=("surfaces",),
        theme=theme,
    )


def _picture(document: Document, words: str) -> str:
    """An `img` of the document as our renderer draws it; nothing where there is no OpenGL."""
    from isoloss.gl.pictures.picture import render

    try:
        pixels = render(document, None, PICTURE)
    except IsolossError:
        return ""
    file = io.BytesIO()
    Image.fromarray(pixels[..., :3]).save(file, "WEBP", quality=_QUALITY, method=6)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return f'<img id="still" alt="{html.escape(words)}" src="data:image/webp;base64,{data}">'


def _facts(document: Document) -> str:
    shown = {id(x.surface): x.surface for view in document.shown_views for x in view.shown}
    return "".join(
        facts(
            brief(surface.title or "surface"),
            {"grid": " × ".join(map(str, surface.shape))} | surface.meta,
        )
        for surface in shown.values()
    )
