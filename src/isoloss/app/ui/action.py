"""What a command of the window is: menus, shortcuts, palette, help and tests read one list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _always() -> bool:
    return True


@dataclass(frozen=True)
class Action:
    """One command.

    Attributes:
        id: a stable name, for tests and for looking it up.
        label: as the menus show it; "…" at its end says that more input follows.
        run: does it.
        menu: the menu it is in; "A/B" is the submenu B of A, "" none.
        shortcut: keys joined by "+", such as "Ctrl+O"; "" if there are none.
        is_on: for what can be on or off, whether it is on.
        is_possible: whether it can be done now; else it is shown greyed.
        separated: whether a line sets it apart from what stands above it in the menu.
        repeats: whether it is done again and again while its keys are held.
    """

    id: str
    label: str
    run: Callable[[], object]
    menu: str
    shortcut: str = ""
    is_on: Callable[[], bool] | None = None
    is_possible: Callable[[], bool] = _always
    separated: bool = False
    repeats: bool = False
