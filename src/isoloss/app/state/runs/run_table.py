"""Which runs the table shows, in which order, and which of them are chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from isoloss.app.state.messages import Messages
from isoloss.errors import IsolossError
from isoloss.library.about import About
from isoloss.library.columns import total_size
from isoloss.library.entry import Entry
from isoloss.library.library import Library
from isoloss.library.query import Query, in_order, query
from isoloss.naming import size_in_words


class RunTable:
    """The runs of a library that words find, sorted.

    Attributes:
        chosen: the folders of the runs that something is to be done with.
        problem: what is wrong with the words, in one line; they find then what they found before.
    """

    def __init__(self, library: Library, messages: Messages) -> None:
        self.library = library
        self._messages = messages
        self.chosen: set[Path] = set()
        self.problem = ""
        self._words, self._wanted = "", Query()
        self._sort, self._reverse = "date", False
        self._key: tuple[object, ...] = ()
        self._shown: list[Entry] = []
        self._last: Path | None = None

    @property
    def words(self) -> str:
        """By which runs are found, as `isoloss runs` takes them."""
        return self._words

    @words.setter
    def words(self, words: str) -> None:
        self._words, self.problem = words, ""
        try:
            self._wanted = query(words)
        except IsolossError as error:
            self.problem = str(error)

    def sort(self, field: str, *, reverse: bool) -> None:
        """Sort by a field from now on."""
        self._sort, self._reverse = field, reverse

    @property
    def shown(self) -> Sequence[Entry]:
        """The runs that are found, in order."""
        key = (self.library.version, id(self._wanted), self._sort, self._reverse)
        if key != self._key:
            self._key = key
            found = [entry for entry in self.library.entries if self._wanted(entry)]
            self._shown = in_order(found, self._sort, reverse=self._reverse)
            self.chosen &= {entry.folder for entry in self.library.entries}
        return self._shown

    @property
    def chosen_entries(self) -> list[Entry]:
        """What is chosen, as far as it is shown."""
        return [entry for entry in self.shown if entry.folder in self.chosen]

    def choose(self, entry: Entry, *, more: bool = False, to_here: bool = False) -> None:
        """Choose a run: alone, with those that are chosen, or with all from the last one to it."""
        if to_here and self._last is not None:
            folders = [e.folder for e in self.shown]
            if self._last in folders:
                first, last = sorted((folders.index(self._last), folders.index(entry.folder)))
                self.chosen = {*folders[first : last + 1]}
                return
        self._last = entry.folder
        if more:
            self.chosen ^= {entry.folder}
        else:
            self.chosen = {entry.folder}

    # -- what is done to runs ----------------------------------------------------------------

    def describe(self, entries: Sequence[Entry], change: Callable[[About], About]) -> None:
        """Change what is said of runs; what is wrong becomes a notification."""
        try:
            for entry in map(self._now, entries):
                self.library.describe(entry.folder, change(entry.about))
        except IsolossError as error:
            self._messages.say(str(error), "error")

    def toggle_favourite(self, entries: Sequence[Entry]) -> None:
        """Make runs favourites or, where all are, no longer."""
        wanted = not all(self._now(entry).about.favourite for entry in entries)
        self.describe(entries, lambda about: replace(about, favourite=wanted))

    def _now(self, entry: Entry) -> Entry:
        """A run as it is known now, however long ago the entry was seen."""
        return self.library.of(entry.folder) or entry

    def to_trash(self, entries: Sequence[Entry]) -> list[Path]:
        """Move runs to the trash, and say how large they were; returns the folders that are gone.
        Those that cannot be moved stay, with a notification."""
        gone: list[Entry] = []
        for entry in entries:
            try:
                self.library.discard(entry.folder)
                gone.append(entry)
            except IsolossError as error:
                self._messages.say(str(error), "error")
        if gone:
            what = gone[0].name if len(gone) == 1 else f"{len(gone):,} runs"
            size = size_in_words(total_size(gone))
            self._messages.say(f"Moved {what} to the trash, {size}", "done")
        return [entry.folder for entry in gone]
