"""Every command of the window, once: menus, shortcuts, palette, help and tests read this list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from isoloss.app.state.arrangements import LAYOUTS, LINKS
from isoloss.scene.document import ARRANGEMENTS
from isoloss.scene.layer import next_texture
from isoloss.scene.pins import pins_of, unpin_all
from isoloss.scene.textures import TEXTURES, Texture

if TYPE_CHECKING:
    from isoloss.app.window import App
    from isoloss.jobs.follow import FollowedRun


PANEL_KEYS = {"Examples": "Ctrl+Shift+E"}
"""Of panels beyond the tenth, whose shortcuts are no digits."""


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


def all_actions(app: App) -> list[Action]:
    """The list, in the order of the menus."""
    from isoloss.app.actions.analysis_actions import (
        analysis_actions,  # it makes `Action`s in its turn
    )

    return [
        *_file_actions(app),
        *_edit_actions(app),
        *_view_actions(app),
        *_scene_actions(app),
        *analysis_actions(app),
        *_experiment_actions(app),
        *_help_actions(app),
    ]


def _file_actions(app: App) -> list[Action]:
    workspace = app.workspace
    return [
        Action("open", "Open…", app.open_dialog.open, "File", "Ctrl+O"),
        Action(
            "restore-last",
            "Restore last session",
            app.restore_last_session,
            "File",
            is_possible=lambda: app.has_last_session,
        ),
        Action(
            "save-session",
            "Save session",
            app.session_dialog.save,
            "File",
            "Ctrl+S",
            is_possible=lambda: workspace.session.has_content,
            separated=True,
        ),
        Action(
            "save-session-as",
            "Save session as…",
            app.session_dialog.open,
            "File",
            "Ctrl+Shift+S",
            is_possible=lambda: workspace.session.has_content,
        ),
        Action(
            "save-picture",
            "Save picture…",
            app.picture_dialog.open,
            "File",
            "Ctrl+E",
            is_possible=lambda: app.picture_dialog.is_possible,
            separated=True,
        ),
        Action(
            "save-figure",
            "Save figure of a robustness run…",
            app.save_figure,
            "File",
            is_possible=lambda: app.figure_dialog.is_possible,
        ),
        Action(
            "remove-layer",
            "Remove selected surface",
            lambda: workspace.selected and workspace.remove(workspace.selected),
            "File",
            "Ctrl+W",
            is_possible=lambda: workspace.selected is not None,
            separated=True,
        ),
        Action(
            "close-all",
            "Close all",
            workspace.close_all,
            "File",
            "Ctrl+Shift+W",
            is_possible=lambda: workspace.session.has_content,
        ),
        Action("quit", "Quit", app.quit, "File", "Ctrl+Q", separated=True),
    ]


def _edit_actions(app: App) -> list[Action]:
    steps = app.steps

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


def _saved_view_actions(app: App) -> list[Action]:
    views = app.workspace.document.saved_views
    return [
        Action(
            "save-view",
            "Save view",
            app.save_view,
            "View/Saved views",
            "V",
            is_possible=lambda: bool(app.workspace.scene.layers),
        ),
        Action("edit-views", "Rename or forget…", app.saved_views.toggle, "View/Saved views"),
        *(
            Action(
                f"saved-view-{k}",
                view.name or "Saved view",
                lambda view=view: app.go_to(view),
                "View/Saved views",
                f"Alt+{k}" if k < 10 else "",
                separated=k == 1,
            )
            for k, view in enumerate(views, 1)
        ),
    ]


def _view_actions(app: App) -> list[Action]:
    from isoloss.app.actions.camera_actions import camera_actions  # likewise

    workspace = app.workspace

    def toward(key: int) -> Callable[[], None]:
        return lambda: workspace.look(workspace.scene.camera.axis_view(key))

    def arrange(count: int) -> Action:
        label, shortcut = LAYOUTS[count]
        return Action(
            f"arrange-{count}",
            label,
            lambda: workspace.document.arrange(count),
            "View/Viewports",
            shortcut,
            is_on=lambda: workspace.document.arrangement == count,
        )

    def link(name: str, label: str) -> Action:
        return Action(
            f"link-{name}",
            f"Link {label.lower()}",
            lambda: workspace.document.toggle_link(name),
            "View/Viewports",
            is_on=lambda: getattr(workspace.document.links, name),
            is_possible=lambda: workspace.document.arrangement > 1,
        )

    def activate(step: int) -> Callable[[], None]:
        return lambda: workspace.document.activate_next(step)

    viewports = [
        *map(arrange, ARRANGEMENTS),
        Action(
            "next-viewport",
            "Next viewport",
            activate(1),
            "View/Viewports",
            "N",
            is_possible=lambda: workspace.document.arrangement > 1,
            separated=True,
        ),
        Action(
            "previous-viewport",
            "Previous viewport",
            activate(-1),
            "View/Viewports",
            "Shift+N",
            is_possible=lambda: workspace.document.arrangement > 1,
        ),
        *(replace(link(name, label), separated=not k) for k, (name, label, _) in enumerate(LINKS)),
    ]
    panels = [
        Action(
            f"panel-{name.lower()}",
            name,
            lambda name=name: app.docking.toggle(name),
            "View/Panels",
            f"Ctrl+{n % 10}" if n <= 10 else PANEL_KEYS.get(name, ""),
            is_on=lambda name=name: app.docking.is_shown(name),
        )
        for n, name in enumerate(app.docking.names, 1)
    ]
    return [
        Action(
            "reset-camera",
            "Reset camera",
            lambda: workspace.look(workspace.scene.camera.reset()),
            "View",
            "R",
        ),
        Action("view-front", "Front view", toward(1), "View", "1"),
        Action("view-right", "Right view", toward(3), "View", "3"),
        Action("view-top", "Top view", toward(7), "View", "7"),
        Action(
            "projection",
            "Orthographic projection",
            lambda: workspace.look(workspace.scene.camera.toggle_projection()),
            "View",
            "5",
            is_on=lambda: workspace.scene.camera.orthographic,
        ),
        *camera_actions(app),
        *viewports,
        *_saved_view_actions(app),
        *panels,
        Action("reset-layout", "Reset layout", app.docking.reset, "View/Panels", separated=True),
        Action(
            "light-theme",
            "Light theme",
            app.toggle_theme,
            "View",
            "Ctrl+T",
            is_on=lambda: app.theme == "light",
            separated=True,
        ),
        Action("larger-text", "Larger text", lambda: app.scale_text(1.1), "View", "Ctrl+="),
        Action("smaller-text", "Smaller text", lambda: app.scale_text(1 / 1.1), "View", "Ctrl+-"),
    ]


def _scene_actions(app: App) -> list[Action]:
    workspace = app.workspace

    def cycle(step: int) -> Callable[[], None]:
        return lambda: workspace.change(
            texture=next_texture(workspace.appearance.texture, workspace.scene.shown, step)
        )

    def choose(texture: Texture) -> Action:
        return Action(
            f"texture-{texture.name}",
            texture.label,
            lambda: workspace.change(texture=texture),
            "Scene/Texture",
            is_on=lambda: workspace.appearance.texture is texture,
            is_possible=lambda: any(layer.has(texture) for layer in workspace.scene.shown),
        )

    def switch(name: str, label: str, field: str, shortcut: str = "") -> Action:
        return Action(
            name,
            label,
            lambda: workspace.change(**{field: not getattr(workspace.appearance, field)}),
            "Scene",
            shortcut,
            is_on=lambda: bool(getattr(workspace.appearance, field)),
        )

    return [
        Action("next-texture", "Next texture", cycle(1), "Scene", "T"),
        Action("previous-texture", "Previous texture", cycle(-1), "Scene", "Shift+T"),
        *map(choose, TEXTURES.values()),
        replace(switch("contours", "Contours", "contours", "C"), separated=True),
        switch("floor-contours", "Contours on the floor", "floor_contours", "Shift+C"),
        switch("trajectory", "Trajectory", "trajectory", "P"),
        switch("wireframe", "Wireframe overlay", "wireframe", "W"),
        switch("smooth", "Smooth surface", "smooth", "S"),
        switch("ambient-occlusion", "Ambient occlusion", "ambient_occlusion"),
        replace(switch("axes", "Axes", "axes", "A"), separated=True),
        switch("scalar-bar", "Scalar bar", "scalar_bar", "B"),
        switch("title", "Title", "title"),
        Action(
            "difference",
            "Difference to…",
            app.difference_dialog.open,
            "Scene",
            "D",
            is_possible=lambda: workspace.selected is not None and len(workspace.scene.layers) > 1,
            separated=True,
        ),
        Action(
            "pin-middle",
            "Pin the middle of the view",
            app.steering.pin_middle,
            "Scene",
            "I",
            is_possible=lambda: bool(workspace.scene.shown),
            separated=True,
        ),
        Action(
            "pin-minimum",
            "Pin the minimum",
            app.steering.pin_minimum,
            "Scene",
            "Shift+I",
            is_possible=lambda: app.steering.has_minimum,
        ),
        Action(
            "unpin-all",
            "Remove all pins",
            lambda: unpin_all(workspace.document.layers),
            "Scene",
            "Shift+P",
            is_possible=lambda: any(map(pins_of, workspace.document.layers)),
        ),
    ]


def _experiment_actions(app: App) -> list[Action]:
    runs = app.workspace.runs
    return [
        Action("train", "Train…", lambda: app.show_form("train"), "Experiments", "Ctrl+Shift+T"),
        Action("probe", "Probe…", lambda: app.show_form("probe"), "Experiments", "Ctrl+Shift+P"),
        Action("attack", "Attack…", lambda: app.show_form("attack"), "Experiments", "Ctrl+Shift+A"),
        Action("defend", "Defend…", lambda: app.show_form("defend"), "Experiments", "Ctrl+Shift+D"),
        Action(
            "certify", "Certify…", lambda: app.show_form("certify"), "Experiments", "Ctrl+Shift+C"
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
            lambda: runs.selected and app.workspace.resume(runs.selected),
            "Experiments",
            is_possible=lambda: runs.selected is not None and can_resume(runs.selected),
        ),
    ]


def _help_actions(app: App) -> list[Action]:
    return [
        Action("palette", "Find a command…", app.command_palette.open, "Help", "Ctrl+P"),
        Action("help", "Shortcuts and terms", app.help_window.toggle, "Help", "F1"),
        Action("help-key", "Shortcuts and terms", app.help_window.toggle, "", "H"),
        Action("welcome", "Welcome", app.welcome.toggle, "Help", separated=True),
        Action("tour", "Take the tour", app.tour.start, "Help"),
    ]


def can_resume(followed: FollowedRun) -> bool:
    """Whether a run can be carried on from here."""
    return followed.status in ("paused", "failed", "waiting") and not followed.is_active
