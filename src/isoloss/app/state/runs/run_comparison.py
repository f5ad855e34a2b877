"""The runs that are compared: which they are, how they are seen, what is hidden or pointed at."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isoloss.app.state.runs.library_watch import LibraryWatch
from isoloss.app.state.runs.run_table import RunTable
from isoloss.library.comparison.comparison import Comparing, Comparison, View, published
from isoloss.library.entry import Entry
from isoloss.results.charts import Chart, kinds_of
from isoloss.run_folder import is_run
from isoloss.scene.files.session import Compared
from isoloss.scene.files.session_content import ComparisonEntry

PERIOD = 1.0
"""Seconds between two readings of runs that are at work."""
FEWEST = 2
"""So many runs that are chosen are compared; a single one is looked at."""


@dataclass(frozen=True)
class Shown:
    """What was read last.

    Attributes:
        places: of each run, its place in the order of colours.
    """

    comparison: Comparison
    places: tuple[int, ...]
    view: View


NOTHING = Shown(Comparison(), (), View())


class RunComparison:
    """Compares the runs that are chosen in the table, or all of a tag.

    What is read is read by the library's watch, beside the frames.

    Attributes:
        shown: what there is to see; exchanged whole.
        view: how it is seen.
        chart: the name of the one chart that is drawn; "" for all.
        hidden: folders of runs that are not drawn.
        pointed: the folder of the run that the cursor points at, wherever; None if at none.
        restored: how often runs have been compared because a session did.
        unlisted, gone: the folders of those that are to be compared and cannot be, for they lie in
            no folder that is listed, or are no longer there.
    """

    def __init__(self, table: RunTable, watch: LibraryWatch) -> None:
        self._table, self._library, self._watch = table, table.library, watch
        self.shown = NOTHING
        self.view = View()
        self.chart = ""
        self.hidden: set[Path] = set()
        self.pointed: Path | None = None
        self.restored = 0
        self.unlisted: tuple[Path, ...] = ()
        self.gone: tuple[Path, ...] = ()
        self._folders: frozenset[Path] = frozenset()
        self._tag = ""
        self._chosen: frozenset[Path] = frozenset()
        self._places: dict[Path, int] = {}
        self._comparing = Comparing()
        self._seen: tuple[Any, ...] = ()
        self._entries: list[Entry] = []
        self._wanted: tuple[Any, ...] = ()
        self._asked: list[Entry] = []
        self._is_reading, self._read_at = False, 0.0
        self._news = queue.SimpleQueue[Shown]()
        self._defect: Exception | None = None

    # -- which runs ----------------------------------------------------------------------------

    @property
    def tag(self) -> str:
        """The tag whose runs are compared; "" where others are."""
        return self._tag

    @property
    def tags(self) -> list[str]:
        """All tags that several runs share."""
        counts: dict[str, int] = {}
        for entry in self._library.entries:
            for tag in entry.about.tags:
                counts[tag] = counts.get(tag, 0) + 1
        return sorted(tag for tag, count in counts.items() if count >= FEWEST)

    def compare(self, entries: Iterable[Entry]) -> None:
        """Compare these runs."""
        self._folders, self._tag = frozenset(entry.folder for entry in entries), ""

    def compare_tag(self, tag: str) -> None:
        """Compare all runs of a tag, those that come yet too."""
        self._folders, self._tag = frozenset(), tag

    @property
    def is_of_any(self) -> bool:
        """Whether runs are compared."""
        return bool(self._folders or self._tag)

    def clear(self) -> None:
        """Compare nothing."""
        self.compare(())

    # -- in sessions ---------------------------------------------------------------------------

    @property
    def compared(self) -> Compared | None:
        """The runs and how they are seen, as a session keeps it; None if there are none."""
        if not self.is_of_any:
            return None
        view = self.view
        how = ComparisonEntry(
            tag=self._tag, chart=self.chart, along=view.along, smooth=view.smooth, log=view.log,
            parts=view.parts, by=view.by, reference=view.reference, sets=view.sets is not None,
        )  # fmt: skip
        return Compared(self._folders, frozenset(self.hidden), how)

    def restore(self, compared: Compared | None) -> None:
        """Compare what a session has kept, and nothing else."""
        kept = compared or Compared()
        how = kept.how
        self._folders, self._tag = kept.folders, how.tag
        self.restored += self.is_of_any
        self.chart, self.hidden = how.chart, set(kept.hidden)
        self.view = View(
            along=how.along,
            smooth=how.smooth,
            log=how.log,
            parts=how.parts,
            by=how.by,
            reference=how.reference,
            sets=() if how.sets else None,
        )

    # -- what is drawn -------------------------------------------------------------------------

    def change(self, **choices: Any) -> None:
        """See it in another way; the names are those of `View`."""
        self.view = replace(self.view, **choices)

    @property
    def charts(self) -> list[Chart]:
        """The charts that are drawn."""
        charts = self.shown.comparison.charts
        return [c for c in charts if c.name == self.chart] or [*charts]

    @property
    def may_have_references(self) -> bool:
        """Whether anything is published of the data of what is drawn."""
        entries = self.shown.comparison.entries
        return any(
            published([entries[t.run] for t in c.traces], c.name)
            for c in self.charts
            if c.what != "training"
        )

    def toggle(self, entry: Entry) -> None:
        """Draw a run, or no longer."""
        self.hidden ^= {entry.folder}

    def show_alone(self, entry: Entry) -> None:
        """Draw this run, and no other."""
        self.hidden = {e.folder for e in self.shown.comparison.entries} - {entry.folder}

    def is_drawn(self, k: int) -> bool:
        """Whether the k-th run is."""
        return self.shown.comparison.entries[k].folder not in self.hidden

    @property
    def lit(self) -> int | None:
        """The place of the run that the cursor points at."""
        entries = self.shown.comparison.entries
        return next((k for k, e in enumerate(entries) if e.folder == self.pointed), None)

    # -- keeping in step -----------------------------------------------------------------------

    def update(self, now: float | None = None) -> bool:
        """Let what has changed be read; returns whether there is anything new to see."""
        now = time.monotonic() if now is None else now
        chosen = frozenset(self._table.chosen)
        if chosen != self._chosen:
            self._chosen = chosen
            if len(chosen) >= FEWEST:
                self._folders, self._tag = chosen, ""
        self._find()
        wanted = (*map(id, self._entries), self.view)
        grows = any(entry.state in ("running", "waiting") for entry in self._entries)
        is_due = grows and now - self._read_at >= PERIOD
        if not self._is_reading and (wanted != self._wanted or is_due):
            self._wanted, self._read_at, self._is_reading = wanted, now, True
            places = tuple(self._places[entry.folder] for entry in self._entries)
            entries, view = self._entries, self.view
            self._asked = entries  # while they are kept, no others have their ids
            self._watch.soon(lambda pause: self._read(entries, places, view, pause))
        has_news = False
        while not self._news.empty():  # between two frames, of which each sees one thing
            self.shown, has_news = self._news.get(), True
        return has_news

    @property
    def is_reading(self) -> bool:
        """Whether something new is about to be seen."""
        return self._is_reading or not self._news.empty()

    def check(self) -> None:
        """Raise what went wrong while reading, once."""
        defect = self._defect
        if defect is not None:
            self._defect = None
            raise defect

    def command(self, out: str = "", **options: str) -> list[str]:
        """What draws the same, as one would type it after `isoloss`.

        Args:
            out: the file; without it the table is printed.
            options: further ones by their names.
        """
        shown, view = self.shown, self.view
        words = ["compare", *(str(entry.folder) for entry in shown.comparison.entries)]
        if not out:
            return [*words, "--sets"] if view.sets is not None else words
        given = {
            "out": out,
            **options,
            "along": view.along if view.along != "epoch" else "",
            "smooth": f"{view.smooth:g}" if view.smooth else "",
            "part": view.parts[0] if len(view.parts) == 1 else "",
            "by": view.by if view.by != "majority" else "",
        }
        words += [word for k, v in given.items() if v for word in (f"--{k.replace('_', '-')}", v)]
        words += ["--log"] if view.log else []
        words += ["--reference", *view.reference] if view.reference else []
        words += ["--what", *kinds_of(self.charts)]
        hidden = [n for k, n in enumerate(shown.comparison.names) if not self.is_drawn(k)]
        words += ["--hide", *hidden] if hidden else []
        if shown.places != (*range(len(shown.places)),):
            words += ["--colours", *map(str, shown.places)]
        return words

    def _find(self) -> None:
        """The runs that are meant, in the order of their colours, which each of them keeps."""
        seen = (self._library.version, self._library.is_whole, self._folders, self._tag)
        if seen == self._seen:
            return
        self._seen = seen
        found = [
            entry
            for entry in reversed(self._library.entries)
            if entry.folder in self._folders or (self._tag and self._tag in entry.about.tags)
        ]
        there = {entry.folder for entry in found}
        absent = sorted(self._folders - there) if self._library.is_whole else []
        self.unlisted = tuple(filter(is_run, absent))
        self.gone = tuple(folder for folder in absent if folder not in self.unlisted)
        self._places = {f: place for f, place in self._places.items() if f in there}
        self.hidden -= {entry.folder for entry in self._library.entries} - there
        for entry in found:
            if entry.folder not in self._places:
                self._places[entry.folder] = _first_free(self._places.values())
        self._entries = sorted(found, key=lambda entry: self._places[entry.folder])

    def _read(
        self,
        entries: Sequence[Entry],
        places: tuple[int, ...],
        view: View,
        pause: Callable[[], object],
    ) -> None:
        try:
            self._comparing.read(entries, pause)
            self._news.put(Shown(self._comparing.seen(view), places, view))
        except Exception as error:  # it must not end the thread
            self._defect = error
        finally:
            self._is_reading = False


def _first_free(taken: Iterable[int]) -> int:
    there = set(taken)
    return next(k for k in range(len(there) + 1) if k not in there)
