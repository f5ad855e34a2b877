"""What a docked panel is: its place, menu item, shortcut and content follow from one entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, Protocol

from isoloss.app.state.next_steps import NextStep
from isoloss.app.state.runs.evaluations import OpenEvaluation
from isoloss.app.state.view.slicing import Slicing
from isoloss.app.state.workspace import Workspace
from isoloss.jobs.follow import FollowedRun
from isoloss.library.entry import Entry
from isoloss.results.tables import Row

NOTHING: Mapping[str, Any] = MappingProxyType({})
Place = Literal["Left", "LeftBottom", "Right", "RightBottom", "Bottom"]


class Drawn(Protocol):
    """What draws the content of a panel."""

    def draw(self) -> None:
        """Draw it into the window at hand."""


class Surroundings(Protocol):
    """What a panel may use of the rest of the window."""

    @property
    def workspace(self) -> Workspace:
        """All that is open."""
        ...

    @property
    def slicing(self) -> Slicing:
        """The cut and what it meets."""
        ...

    def fills_middle(self, name: str) -> bool:
        """Whether the content of a panel stands in the room of the pictures, so that it needs no
        window of its own."""
        ...

    def use(self, kind: str, followed: FollowedRun) -> None:
        """Bring the form of one kind of run to the front, filled in for another run."""

    def go_on(self, step: NextStep, followed: FollowedRun) -> None:
        """Do what is usually done next with a run that is done."""

    def repeat(self, followed: FollowedRun, otherwise: Mapping[str, Any] = NOTHING) -> None:
        """Bring the form of a run to the front, filled in with what that was asked for, but for
        what is to be set `otherwise`."""

    def bring_to_front(self, panel: str) -> None:
        """Show a docked panel in front of those docked with it."""

    def show_examples(self, evaluation: OpenEvaluation, row: Row | None = None) -> None:
        """Bring the examples of a robustness run to the front."""

    def show_landscape(self) -> None:
        """Probe the plane through the image that the examples panel shows."""

    def save_figure(self) -> None:
        """Ask where a figure of the robustness run that is shown is to be saved."""

    def save_comparison(self) -> None:
        """Ask where the comparison of runs is to be saved."""

    def compare(self, entries: Sequence[Entry]) -> None:
        """Compare runs, and bring that to the front."""


def _always(_parts: Surroundings) -> bool:
    return True


@dataclass(frozen=True)
class Panel:
    """One entry of the registry of panels.

    Attributes:
        name: its title; menus, saved layouts and tests know it by this name.
        place: where it is docked at first.
        build: makes what draws its content, once for each window.
        key: the shortcut that opens and closes it; "" if there is none.
        window_flags: of imgui, for its window.
        has_content: whether there is anything to be seen in it; else it is folded away, unless a
            person asks for it. It is asked several times a frame.
    """

    name: str
    place: Place
    build: Callable[[Surroundings], Drawn]
    key: str = ""
    window_flags: int = 0
    has_content: Callable[[Surroundings], bool] = _always
