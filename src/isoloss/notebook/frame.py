"""A page within a cell: in a frame of its own that may run its program and nothing else.

Where a notebook is shown without frames, as by GitHub, printed, or not trusted, a picture is left.
"""

from __future__ import annotations

import base64
from html import escape

WIDEST, LOWEST = 960, 360
"""Pixels, however wide the cell is."""

_PAGE = "isoloss-page"


def framed(page: str, picture: bytes, words: str, size: tuple[int, int]) -> str:
    """The HTML of a cell.

    Args:
        page: a whole document.
        picture: a PNG of (width, height) = `size` to be seen until the page is there.
        words: what it shows.
    """
    width, height = size
    around = f"max-width:{WIDEST}px;min-height:{LOWEST}px;aspect-ratio:{width}/{height}"
    over = "position:absolute;left:0;top:0;width:100%;height:100%;border:0;object-fit:contain"
    data, said = base64.b64encode(picture).decode("ascii"), escape(words)
    return (
        f"<style>@media print{{.{_PAGE}{{display:none}}}}</style>"
        f'<div style="position:relative;width:100%;{around}">'
        f'<img src="data:image/png;base64,{data}" width="{width}" height="{height}" '
        f'alt="{said}" style="{over}"><iframe class="{_PAGE}" sandbox="allow-scripts" '
        f'loading="lazy" title="{said}" style="{over}" srcdoc="{escape(page)}"></iframe></div>'
    )
