"""What all pages are framed by: a policy under which nothing else can run, a fold-out, a style."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isoloss.naming import drawable, printable
from isoloss.page.program import style_of
from isoloss.version import __version__

_SLOT = re.compile(r"\{\{(\w+)\}\}")
_MOST_FACTS = 500


def framed(
    *,
    title: str,
    main: str,
    about: str,
    script: str,
    styles: tuple[str, ...] = (),
    colours: str = "",
    data: str = "",
    theme: str = "",
) -> str:
    """The text of a page.

    Args:
        title: a text.
        main, about, data: HTML of what is shown, of what folds out below it, and of what only the
            script reads. Whatever is not the program's own has to be escaped in it.
        script: as `script_of` gives it.
        styles: names of files below `style`, besides that of all pages.
        colours: CSS besides, which is in no file.
        theme: "dark" or "light"; unless given, that of the reader's system.
    """
    style = "\n".join(filter(None, (style_of(("all", *styles)), colours)))
    parts = {
        "title": html.escape(title),
        "theme": f' data-theme="{theme}"' if theme else "",
        "style": style,
        "script": script,
        "style_hash": _hash(style),
        "script_hash": _hash(script),
        "main": main,
        "about": about,
        "data": data,
        "version": html.escape(__version__),
    }
    template = (Path(__file__).parent / "frame.html").read_text(encoding="utf-8")
    # Once: what is put in is not looked at again.
    return printable(_SLOT.sub(lambda slot: parts[slot[1]], template))


def command_facts(command: str) -> str:
    """HTML of the command that made a page; nothing of none."""
    return f"<h2>Command</h2><pre>{escaped(command)}</pre>" if command else ""


def facts(heading: str, known: Mapping[str, Any]) -> str:
    """HTML of a heading, and of what is known by name below it."""
    rows = "".join(
        f"<dt><bdi>{escaped(str(name))}</bdi></dt><dd><bdi>{escaped(_said(value))}</bdi></dd>"
        for name, value in list(known.items())[:_MOST_FACTS]
        if value is not None
    )
    return f"<h2><bdi>{escaped(heading)}</bdi></h2><dl>{rows}</dl>"


def escaped(text: str) -> str:
    """`text` within HTML, as it reads."""
    return html.escape(drawable(text))


def data_of(content: Any) -> str:
    """Plain values as JSON of ASCII."""
    return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def _said(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
