"""What a person says of a run: a name, tags, a note, whether it is a favourite.

It lies beside the run, so that a copy of the folder keeps it; of a folder that cannot be written,
among the user's own settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from isoloss.errors import IsolossError
from isoloss.files import is_plain_file, read_json, write_json
from isoloss.naming import in_one_line
from isoloss.run_folder import ABOUT
from isoloss.system.user_folders import config_folder

_LARGEST = 1 << 16
"""Bytes of such a file; what is larger is none."""


@dataclass(frozen=True)
class About:
    """What a person says of a run.

    Attributes:
        name: what it is called in place of its folder's name; "" for that.
        tags: single words, each once.
    """

    name: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    favourite: bool = False


NOTHING = About()


def tag(word: str) -> str:
    """A tag as it was typed.

    Raises:
        IsolossError: if it is no single word.
    """
    word = word.strip().lstrip("#")
    if not word or any(c.isspace() or c in ",\"'" for c in word):
        raise IsolossError(f"a tag is one word without blanks, commas or quotes, not {word!r}")
    return word


def read_about(folder: Path, kept: Mapping[str, Any]) -> About:
    """What is said of the run in `folder`; what cannot be read says nothing.

    Args:
        kept: `read_kept()`, which goes before what lies beside the run.
    """
    content = kept.get(str(folder))
    if content is None:
        path = folder / ABOUT
        with suppress(IsolossError):
            content = read_json(path) if is_plain_file(path, _LARGEST) else None
    return _about(content)


def write_about(folder: Path, about: About) -> None:
    """Keep what is said of the run in `folder`.

    Raises:
        IsolossError: if it can be written neither there nor among the user's settings.
    """
    kept = read_kept()
    try:
        write_json(folder / ABOUT, asdict(about))
    except IsolossError:
        write_json(_kept_path(), {**kept, str(folder): asdict(about)})
        return
    if kept.pop(str(folder), None) is not None:
        with suppress(IsolossError):
            write_json(_kept_path(), kept)


def read_kept() -> dict[str, Any]:
    """What is said of runs whose folders could not be written, by their paths."""
    try:
        content = read_json(_kept_path())
    except IsolossError:
        return {}
    return content if isinstance(content, dict) else {}


def _kept_path() -> Path:
    return config_folder() / "about-runs.json"


def _about(content: Any) -> About:
    if not isinstance(content, dict):
        return NOTHING
    tags: list[str] = []
    for word in content.get("tags") or () if isinstance(content.get("tags"), list) else ():
        with suppress(IsolossError):
            tags += [tag(word)] if isinstance(word, str) else []
    name, note = (content.get(k) for k in ("name", "note"))
    return About(
        in_one_line(name) if isinstance(name, str) else "",
        tuple(dict.fromkeys(tags)),
        note if isinstance(note, str) else "",
        content.get("favourite") is True,
    )
