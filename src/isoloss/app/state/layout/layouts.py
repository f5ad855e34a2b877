"""Layouts: arrangements of the panels by name, and which of them comes with what is opened."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any

from isoloss.errors import IsolossError
from isoloss.files import as_object, read_json, write_json
from isoloss.naming import printable
from isoloss.system.user_folders import config_folder

FILE, BEFORE = "layouts.json", "layout.ini"
"""Where they are kept, and where the one layout of earlier versions was."""
_BEGINS, _ENDS = re.compile(r"^;;;<<<ImGui_\d+_Default>>>;;;$", re.MULTILINE), ";;;<<<"
MIDDLE = "MainDockSpace"
"""The place of the pictures, or of the panel that has their room."""
LONGEST = 40
"""Of a name, in letters."""
MOST = 1000
"""No letters are as large, in pixels, and no panels, in letters."""


@dataclass(frozen=True)
class Shape:
    """How a layout begins.

    Attributes:
        suits: what is opened with it: "surface", "robustness" or "comparison".
        filled: the panel whose content fills the pictures' room while it has any; "" if none does.
        elsewhere: the places of panels that have another than their entry says.
        closed: the panels that are not open at first.
        in_front: the panels that are seen first of those that share a place.
        bottom: the share of the height that the lower panels have.
    """

    suits: str
    filled: str = ""
    elsewhere: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    closed: frozenset[str] = frozenset()
    in_front: tuple[str, ...] = ()
    bottom: float = 0.27


SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "Landscape": Shape("surface", in_front=("Runs",)),
        "Robustness": Shape(
            "robustness",
            filled="Robustness",
            closed=frozenset({"Layers", "Appearance", "Minima", "Slice"}),
            in_front=("Examples", "Runs"),
            bottom=0.42,
        ),
        "Compare": Shape(
            "comparison",
            elsewhere=MappingProxyType({"Compare": MIDDLE}),
            closed=frozenset({"Layers", "Appearance", "Minima", "Slice", "Examples"}),
            in_front=("Runs",),
            bottom=0.38,
        ),
    }
)
"""The layouts that ship, by name."""
FIRST = next(iter(SHAPES))


@dataclass
class Docked:
    """Where panels are.

    Attributes:
        text: in the words of imgui's settings, which count pixels; "" where they began.
        em: how large letters were then, in pixels; 0 where that is unknown.
        bottom: the height of the lower panels that a person has chosen, in em; 0 where it is as it
            begins.
    """

    text: str = ""
    em: float = 0.0
    bottom: float = 0.0


@dataclass
class Layout:
    """One of them, as it was left.

    Attributes:
        like: the one that ships and that it began as.
        closed: the panels that a person has closed in it.
        folded: the sides that are folded.
        docked: where panels are in a usual window; `low`: in one so low that fewer have room.
    """

    like: str
    closed: set[str] = field(default_factory=set[str])
    folded: set[str] = field(default_factory=set[str])
    docked: Docked = field(default_factory=Docked)
    low: Docked = field(default_factory=Docked)

    def arranged(self, *, is_low: bool) -> Docked:
        """Where panels are in a window that is low, or is not."""
        return self.low if is_low else self.docked

    @property
    def shape(self) -> Shape:
        """How it began."""
        return SHAPES[self.like]


def begun(like: str) -> Layout:
    """A layout as it ships."""
    return Layout(like, set(SHAPES[like].closed))


class Layouts:
    """All of them, and the one in use.

    One that a person has chosen stays until something that suits it is opened, one of the person's
    own until another is chosen or all is closed; else what is opened brings the one that suits it.

    Attributes:
        name: of the one in use.
        chosen: whether a person has chosen it, and nothing that suits it was opened since.
    """

    def __init__(self) -> None:
        self.name, self.chosen = FIRST, False
        self._all = {name: begun(name) for name in SHAPES}
        self._saved: object = None

    @property
    def current(self) -> Layout:
        """The one in use."""
        return self._all[self.name]

    @property
    def names(self) -> list[str]:
        """Those that ship, then the person's own in the order in which they were saved."""
        return list(self._all)

    @property
    def own(self) -> list[str]:
        """The person's own."""
        return [name for name in self._all if name not in SHAPES]

    def choose(self, name: str) -> None:
        """Let a person have the one with this name."""
        if name in self._all:
            self.name, self.chosen = name, True

    def opened(self, what: str) -> bool:
        """Follow something being opened; returns whether another layout is in use now.

        Args:
            what: what a layout may suit, one of `Shape.suits`.
        """
        if self.name in self.own:
            return False
        suited = next(name for name, shape in SHAPES.items() if shape.suits == what)
        if suited == self.name:
            self.chosen = False
        elif not self.chosen:
            self.name = suited
            return True
        return False

    def all_closed(self) -> None:
        """Nothing is open any more: what is opened next may bring another layout."""
        self.chosen = False

    def why_not(self, name: str, *, instead_of: str = "") -> str:
        """What is wrong with a name for one of the person's own, in a line; "" if nothing is."""
        name = _tidy(name)
        taken = {each.casefold(): each for each in self._all if each != instead_of}
        if not name:
            return "A layout needs a name"
        if len(name) > LONGEST:
            return f"The name has more than {LONGEST} letters: choose a shorter one"
        if name.casefold() in taken:
            return f"There is a layout {taken[name.casefold()]!r} already: choose another name"
        return ""

    def save_as(self, name: str) -> None:
        """Keep the one in use under a name of the person's own, and use that.

        Raises:
            IsolossError: if the name is none, or taken.
        """
        self._check(name)
        now, name = self.current, _tidy(name)
        docked, low = replace(now.docked), replace(now.low)
        self._all[name] = Layout(now.like, set(now.closed), set(now.folded), docked, low)
        self.name = name

    def rename(self, old: str, new: str) -> None:
        """Give one of the person's own another name; it keeps its place in the list.

        Raises:
            IsolossError: if it ships, or the name is none or taken.
        """
        self._check(new, instead_of=old)
        if old in SHAPES:
            raise IsolossError(f"the layout {old!r} ships with isoloss: save it under a new name")
        new = _tidy(new)
        self._all = {new if each == old else each: layout for each, layout in self._all.items()}
        self.name = new if self.name == old else self.name

    def delete(self, name: str) -> None:
        """Forget one of the person's own; if it is in use, the one that it began as is used."""
        if name in self.own:
            gone = self._all.pop(name)
            self.name = gone.like if self.name == name else self.name

    def reset(self) -> None:
        """Let the one in use begin again as what it began as."""
        self._all[self.name] = begun(self.current.like)

    # -- on disk -----------------------------------------------------------------------------

    @classmethod
    def load(cls) -> Layouts:
        """Read them; what is missing or damaged is as it ships, never an error."""
        layouts = cls()
        try:
            content = read_json(config_folder() / FILE)
        except IsolossError:
            layouts._all[FIRST].docked.text = _docked_before()
            return layouts
        entries = content.get("layouts") if isinstance(content, dict) else None
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            layout = _read(entry)
            if layout is None or (name in SHAPES and layout.like != name):
                continue
            if name in SHAPES or not layouts.why_not(name):
                layouts._all[name] = layout
        name = content.get("name") if isinstance(content, dict) else None
        layouts.name = name if isinstance(name, str) and name in layouts._all else FIRST
        return layouts

    def save(self) -> None:
        """Write them; a folder that cannot be written costs the memory, not the session."""
        layouts = {
            name: {
                "like": layout.like,
                "closed": sorted(layout.closed),
                "folded": sorted(layout.folded),
                "docked": layout.docked.text,
                "em": layout.docked.em,
                "bottom": layout.docked.bottom,
                "low": asdict(layout.low),
            }
            for name, layout in self._all.items()
        }
        content = {"schema": 1, "name": self.name, "layouts": layouts}
        if content == self._saved:
            return
        try:
            write_json(config_folder() / FILE, content)
        except IsolossError:
            return
        self._saved = content

    def _check(self, name: str, *, instead_of: str = "") -> None:
        problem = self.why_not(name, instead_of=instead_of)
        if problem:
            raise IsolossError(problem[0].lower() + problem[1:])


def _docked_before() -> str:
    """Where the panels were in an earlier version, which had one layout; "" if that is unknown."""
    try:
        text = (config_folder() / BEFORE).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
    begins = _BEGINS.search(text)
    return text[begins.end() :].partition(_ENDS)[0].strip() if begins is not None else ""


def _tidy(name: str) -> str:
    return " ".join(printable(name).split())


def _read(entry: Any) -> Layout | None:
    """A layout out of a file; None if it is none."""
    if not isinstance(entry, dict) or entry.get("like") not in SHAPES:
        return None
    closed, folded = (_names(entry.get(key)) for key in ("closed", "folded"))
    docked = _read_docked({**entry, "text": entry.get("docked")})
    low = _read_docked(as_object(entry.get("low")))
    return Layout(entry["like"], closed, folded, docked, low)


def _read_docked(entry: dict[str, Any]) -> Docked:
    text = entry.get("text")
    em, bottom = (_size(entry.get(key)) for key in ("em", "bottom"))
    return Docked(text if isinstance(text, str) else "", em, bottom)


def _size(found: object) -> float:
    return float(found) if isinstance(found, int | float) and 0 < found < MOST else 0.0


def _names(found: object) -> set[str]:
    return {x for x in found if isinstance(x, str)} if isinstance(found, Collection) else set()
