"""What `isoloss runs` does to the runs it has found: tags, notes, names, the trash."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from isoloss.errors import IsolossError
from isoloss.library.about import About, tag, write_about
from isoloss.library.columns import total_size
from isoloss.library.entry import Entry
from isoloss.library.trash import to_trash
from isoloss.naming import in_one_line, size_in_words

EDITS: Mapping[str, str] = {
    "tag": "Give them tags",
    "untag": "Take tags away",
    "note": "Write a note to them",
    "name": "Call the run something else than its folder",
    "favourite": "Make them favourites, or no longer",
    "trash": "Move them to the trash",
}
"""What can be done, by its option, and what that says in the help."""


def edit(entries: Sequence[Entry], edits: Mapping[str, Any]) -> Iterator[str]:
    """Do to runs what is asked for; yields a line for each that is changed.

    Raises:
        IsolossError: if something cannot be done, which leaves those after it as they are.
    """
    if edits.get("name") is not None and len(entries) > 1:
        raise IsolossError(f"--name is for one run, not for {len(entries):,}: give its folder")
    changes = [_CHANGES[what](value) for what, value in edits.items() if what in _CHANGES]
    for entry in entries if changes else ():
        about = entry.about
        for change in changes:
            about = change(about)
        if about != entry.about:
            write_about(entry.folder, about)
            yield f"{about.name or entry.folder.name}: {_in_words(about)}"
    if edits.get("trash"):
        for entry in entries:
            to_trash(entry.folder)
            yield f"{entry.name}: moved to the trash, {size_in_words(entry.size)}"
        if len(entries) > 1:
            yield f"{len(entries):,} runs, {size_in_words(total_size(entries))}"


Change = Callable[[About], About]


def _tagged(words: Sequence[str]) -> Change:
    tags = [tag(word) for word in words]
    return lambda about: replace(about, tags=tuple(dict.fromkeys([*about.tags, *tags])))


def _untagged(words: Sequence[str]) -> Change:
    gone = {tag(word).casefold() for word in words}
    return lambda about: replace(
        about, tags=tuple(t for t in about.tags if t.casefold() not in gone)
    )


_CHANGES: Mapping[str, Callable[[Any], Change]] = {
    "tag": _tagged,
    "untag": _untagged,
    "note": lambda text: lambda about: replace(about, note=text.strip()),
    "name": lambda text: lambda about: replace(about, name=in_one_line(text)),
    "favourite": lambda word: lambda about: replace(about, favourite=word == "yes"),
}


def _in_words(about: About) -> str:
    said = ["favourite"] * about.favourite
    said += [f"tags {' '.join(about.tags)}"] if about.tags else []
    said += [f"note {in_one_line(about.note)}"] if about.note else []
    return ", ".join(said) or "nothing is said of it"
