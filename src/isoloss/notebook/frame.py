"""A page within a cell: in a frame of its own that may run its program and nothing else.

Where a notebook is shown without frames, as by GitHub, or before it is trusted, a picture is left.
"""

from __future__ import annotations

import base64
from html import escape

LARGEST = 960
"""Pixels across, however wide the cell is."""


def framed(page: str, picture: bytes, words: str, size: tuple[int, int]) -> str:
    """The HTML of a cell.

    Args:
        page: a whole document.
        picture: a PNG of (width, height) = `size` to be seen until the page is there.
        words: what it shows.
    """
    width, height = size
    over = "position:absolute;left:0;top:0;width:100%;height:100%;border:0"
    data = base64.b64encode(picture).decode("ascii")
    return (
        f'<div style="position:relative;max-width:{LARGEST}px;aspect-ratio:{width}/{height}">'
        f'<img src="data:image/png;base64,{data}" width="{width}" height="{height}" '
        f'alt="{escape(words)}" style="{over}">'
        f'<iframe sandbox="allow-scripts" loading="lazy" title="{escape(words)}" style="{over}" '
        f'srcdoc="{escape(page)}"></iframe></div>'
    )
