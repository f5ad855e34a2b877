"""What can be added to by one entry: attacks, plane kinds, textures, panels, formats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from isoloss.errors import IsolossError


class Named(Protocol):
    """What has a name of its own."""

    @property
    def name(self) -> str:
        """What it is found by."""
        ...


Entry = TypeVar("Entry", bound=Named)


class Registry(Generic[Entry]):
    """Entries by name, in the order in which they were registered.

    Args:
        what: an entry is, in messages.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._entries: dict[str, Entry] = {}

    def register(self, entry: Entry) -> Entry:
        """Add an entry, which is returned.

        Raises:
            IsolossError: if there is one of its name.
        """
        if entry.name in self._entries:
            raise IsolossError(f"there is a {self._what} {entry.name!r} already")
        self._entries[entry.name] = entry
        return entry

    def unregister(self, name: str) -> None:
        """Take an entry out again."""
        del self._entries[name]

    def get(self, name: str) -> Entry | None:
        """The entry of this name; None if there is none."""
        return self._entries.get(name)

    def names(self) -> tuple[str, ...]:
        """The names of all entries."""
        return tuple(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __contains__(self, name: object) -> bool:
        return name in self._entries
