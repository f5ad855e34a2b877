"""The commands that arrange the panels: layouts, folded sides, one panel for all."""

from __future__ import annotations

from typing import get_args

from isoloss.app.parts import Parts
from isoloss.app.state.layout.layouts import SHAPES
from isoloss.app.state.layout.sides import Side
from isoloss.app.ui.action import Action
from isoloss.app.ui.menus import LAYOUT_MENU

_KEYS = dict(zip(SHAPES, ("F2", "F3", "F4"), strict=True))
_SIDE_KEYS = dict(zip(get_args(Side), ("F6", "F8", "F7"), strict=True))


def layout_actions(parts: Parts) -> list[Action]:
    """They follow the saved views in the View menu."""
    docking, layouts = parts.docking, parts.docking.layouts
    shown = docking.shown

    def use(name: str) -> Action:
        return Action(
            f"layout-{name}",
            name,
            lambda: parts.choose_layout(name),
            LAYOUT_MENU,
            _KEYS.get(name, ""),
            is_on=lambda: layouts.name == name,
            separated=name in layouts.own[:1],
        )

    def fold(side: Side) -> Action:
        return Action(
            f"fold-{side}",
            {"left": "Left side", "right": "Right side", "bottom": "Lower panels"}[side],
            lambda: shown.fold(side),
            LAYOUT_MENU,
            _SIDE_KEYS[side],
            is_on=lambda: shown.has(side) and not shown.is_folded(side) and not shown.maximized,
            is_possible=lambda: shown.has(side),
            separated=side == "left",
        )

    return [
        *map(use, layouts.names),
        Action(
            "save-layout", "Save layout as…", parts.layouts_dialog.ask_for_name, LAYOUT_MENU,
            separated=True,
        ),
        Action("edit-layouts", "Rename or delete…", parts.layouts_dialog.toggle, LAYOUT_MENU),
        Action("reset-layout", "Reset layout", docking.reset, LAYOUT_MENU),
        *map(fold, ("left", "bottom", "right")),
        Action("fold-all", "Fold all sides", shown.fold_all, LAYOUT_MENU, "F9"),
        Action(
            "maximize",
            "Maximize panel",
            docking.maximize,
            LAYOUT_MENU,
            "Ctrl+M",
            is_on=lambda: bool(shown.maximized),
        ),
    ]  # fmt: skip
