"""The commands of the View menu: cameras, viewports, saved views, panels, theme and text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from isoloss.app.actions.camera_actions import camera_actions
from isoloss.app.actions.layout_actions import layout_actions
from isoloss.app.parts import Parts
from isoloss.app.state.comparing import LAYOUTS, LINKS
from isoloss.app.ui.action import Action
from isoloss.scene.document import ARRANGEMENTS


def view_actions(parts: Parts) -> list[Action]:
    """They follow the Edit menu."""
    workspace = parts.workspace

    def toward(key: int) -> Callable[[], None]:
        return lambda: workspace.set_camera(workspace.scene.camera.axis_view(key))

    return [
        Action(
            "reset-camera",
            "Reset camera",
            lambda: workspace.set_camera(workspace.scene.camera.reset()),
            "View",
            "R",
        ),
        Action("view-front", "Front view", toward(1), "View", "1"),
        Action("view-right", "Right view", toward(3), "View", "3"),
        Action("view-top", "Top view", toward(7), "View", "7"),
        Action(
            "projection",
            "Orthographic projection",
            lambda: workspace.set_camera(workspace.scene.camera.toggle_projection()),
            "View",
            "5",
            is_on=lambda: workspace.scene.camera.orthographic,
        ),
        *camera_actions(parts),
        *_viewport_actions(parts),
        *_saved_view_actions(parts),
        *layout_actions(parts),
        *_panel_actions(parts),
        Action(
            "light-theme",
            "Light theme",
            parts.toggle_theme,
            "View",
            "Ctrl+T",
            is_on=lambda: parts.theme == "light",
            separated=True,
        ),
        Action(
            "desktop-notifications",
            "Desktop notifications",
            parts.toggle_desktop_notifications,
            "View",
            is_on=lambda: parts.workspace.preferences.desktop_notifications,
        ),
        Action("larger-text", "Larger text", lambda: parts.scale_text(1.1), "View", "Ctrl+="),
        Action("smaller-text", "Smaller text", lambda: parts.scale_text(1 / 1.1), "View", "Ctrl+-"),
    ]


def _viewport_actions(parts: Parts) -> list[Action]:
    workspace = parts.workspace

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

    return [
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


def _saved_view_actions(parts: Parts) -> list[Action]:
    views = parts.workspace.document.saved_views
    return [
        Action(
            "save-view",
            "Save view",
            parts.save_view,
            "View/Saved views",
            "V",
            is_possible=lambda: bool(parts.workspace.scene.layers),
        ),
        Action("edit-views", "Rename or forget…", parts.saved_views.toggle, "View/Saved views"),
        *(
            Action(
                f"saved-view-{k}",
                view.name or "Saved view",
                lambda view=view: parts.go_to(view),
                "View/Saved views",
                f"Alt+{k}" if k < 10 else "",
                separated=k == 1,
            )
            for k, view in enumerate(views, 1)
        ),
    ]


def _panel_actions(parts: Parts) -> list[Action]:
    docking = parts.docking
    return [
        Action(
            f"panel-{panel.name.lower().replace(' ', '-')}",
            panel.name,
            lambda name=panel.name: docking.toggle(name),
            "View/Panels",
            panel.key,
            is_on=lambda name=panel.name: docking.is_shown(name),
        )
        for panel in docking.panels
    ]
