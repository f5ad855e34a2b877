"""Which runs the table shows, in which order, and which of them are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.library.entry import Entry
from isoloss.library.library import Library
from isoloss.library.query import Query, in_order, query


class RunTable:
    """The runs of a library that words find, sorted.

    Attributes:
        chosen: the folders of the runs that something is to be done with.
        problem: what is wrong with the words, in one line; they find then what they found before.
    """

    def __init__(self, library: Library) -> None:
        self.library = library
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
