"""Every command of the window, once: menus, shortcuts, palette, help and tests read this list."""

from __future__ import annotations

from isoloss.app.actions.analysis_actions import analysis_actions
from isoloss.app.actions.file_actions import file_actions
from isoloss.app.actions.scene_actions import scene_actions
from isoloss.app.actions.view_actions import view_actions
from isoloss.app.panels.examples_panel import ExamplesPanel
from isoloss.app.parts import Parts
from isoloss.app.ui.action import Action
from isoloss.jobs.follow import can_resume
from isoloss.naming import in_words
from isoloss.settings import KINDS

_LETTERS = {"probe-input": "L", "sharpness": "N"}
"""Of the shortcuts of forms whose first letter is another's."""


def all_actions(parts: Parts) -> list[Action]:
    """The list, in the order of the menus."""
    return [
        *file_actions(parts),
        *_edit_actions(parts),
        *view_actions(parts),
        *scene_actions(parts),
        *analysis_actions(parts),
        *_experiment_actions(parts),
        *_help_actions(parts),
    ]


def _edit_actions(parts: Parts) -> list[Action]:
    steps = parts.steps

    def can_undo() -> bool:
        return bool(steps.undoes)

    def can_redo() -> bool:
        return bool(steps.redoes)

    undo, redo = f"Undo {steps.undoes}".strip(), f"Redo {steps.redoes}".strip()
    return [
        Action("undo", undo, steps.undo, "Edit", "Ctrl+Z", is_possible=can_undo),
        Action("redo", redo, steps.redo, "Edit", "Ctrl+Shift+Z", is_possible=can_redo),
        Action("redo-key", redo, steps.redo, "", "Ctrl+Y", is_possible=can_redo),
    ]


def _experiment_actions(parts: Parts) -> list[Action]:
    runs = parts.workspace.runs
    return [
        *(
            Action(
                kind,
                f"{in_words(kind)}…",
                lambda kind=kind: parts.show_form(kind),
                "Experiments",
                f"Ctrl+Shift+{_LETTERS.get(kind, kind[0].upper())}",
            )
            for kind in KINDS
        ),
        Action(
            "example-landscape",
            "Landscape of the shown example",
            parts.show_landscape,
            "Experiments",
            is_possible=lambda: parts.panel(ExamplesPanel).can_show_landscape,
            separated=True,
        ),
        Action(
            "cancel",
            "Cancel selected run",
            lambda: runs.selected and runs.cancel(runs.selected),
            "Experiments",
            is_possible=lambda: runs.selected is not None and runs.selected.is_active,
            separated=True,
        ),
        Action(
            "resume",
            "Resume selected run",
            lambda: runs.selected and parts.workspace.resume(runs.selected),
            "Experiments",
            is_possible=lambda: runs.selected is not None and can_resume(runs.selected),
        ),
        Action(
            "nice-jobs",
            "Jobs at low priority",
            parts.toggle_nice_jobs,
            "Experiments",
            is_on=lambda: parts.workspace.preferences.nice_jobs,
            separated=True,
        ),
    ]


def _help_actions(parts: Parts) -> list[Action]:
    return [
        Action("palette", "Find a command…", parts.command_palette.open, "Help", "Ctrl+P"),
        Action("help", "Shortcuts and terms", parts.help_window.toggle, "Help", "F1"),
        Action("help-key", "Shortcuts and terms", parts.help_window.toggle, "", "H"),
        Action("welcome", "Welcome", parts.welcome.toggle, "Help", separated=True),
        Action("tour", "Take the tour, 4 minutes", parts.tour.start, "Help"),
    ]
