"""The stories that ship: two surfaces beside each other, and what they show in three sentences.

`data/gallery/stories.json` lists them; each is a session file beside the surfaces it names.
`tools/make_gallery.py` writes all of these from runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from isoloss.errors import IsolossError
from isoloss.files import as_object, read_json
from isoloss.paths import is_file
from isoloss.resources import resource_folder

STORIES = "stories.json"


@dataclass(frozen=True)
class Story:
    """A pair of surfaces.

    Attributes:
        title: what they show, as a question or in a few words.
        sentences: three.
        session: the file that shows both beside each other.
        files: the surfaces that it names.
    """

    title: str
    sentences: tuple[str, ...]
    session: Path
    files: tuple[Path, ...]


def stories(folder: Path | None = None) -> list[Story]:
    """Those of which all files are there, in the order of the list.

    Args:
        folder: with the list; by default the one that ships.
    """
    folder = folder or resource_folder("data") / "gallery"
    if not is_file(folder / STORIES):
        return []
    with suppress(IsolossError):
        listed = as_object(read_json(folder / STORIES)).get("stories")
        return list(_whole(folder, listed)) if isinstance(listed, list) else []
    return []


def _whole(folder: Path, listed: list[Any]) -> Iterator[Story]:
    for entry in map(as_object, listed):
        title, session = entry.get("title"), entry.get("session")
        sentences, layers = (_as_list(entry.get(key)) for key in ("sentences", "layers"))
        names = [as_object(layer).get("file") for layer in layers]
        if not all(isinstance(x, str) for x in (title, session, *sentences, *names)):
            continue
        files = tuple(folder / str(name) for name in names)
        if names and sentences and all(map(is_file, (folder / str(session), *files))):
            yield Story(str(title), tuple(map(str, sentences)), folder / str(session), files)


def _as_list(value: Any) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []
