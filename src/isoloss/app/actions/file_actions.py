"""The commands of the File menu: open, save, close."""

from __future__ import annotations

from isoloss.app.parts import Parts
from isoloss.app.ui.action import Action


def file_actions(parts: Parts) -> list[Action]:
    """They are the first menu."""
    workspace = parts.workspace
    return [
        Action("open", "Open…", parts.open_dialog.open, "File", "Ctrl+O"),
        Action(
            "restore-last",
            "Restore last session",
            parts.restore_last_session,
            "File",
            is_possible=lambda: parts.has_last_session,
        ),
        Action(
            "save-session",
            "Save session",
            parts.session_dialog.save,
            "File",
            "Ctrl+S",
            is_possible=lambda: workspace.session.has_content,
            separated=True,
        ),
        Action(
            "save-session-as",
            "Save session as…",
            parts.session_dialog.open,
            "File",
            "Ctrl+Shift+S",
            is_possible=lambda: workspace.session.has_content,
        ),
        Action(
            "share",
            "Share…",
            parts.share_dialog.open,
            "File",
            "Ctrl+Shift+H",
            is_possible=lambda: parts.share_dialog.is_possible,
            separated=True,
        ),
        Action(
            "copy-link",
            "Copy link to this view",
            parts.copy_link,
            "File",
            is_possible=lambda: bool(workspace.scene.shown),
        ),
        Action(
            "save-picture",
            "Save picture…",
            parts.picture_dialog.open,
            "File",
            "Ctrl+E",
            is_possible=lambda: parts.picture_dialog.is_possible,
        ),
        Action(
            "save-figure",
            "Save figure of a robustness run…",
            parts.save_figure,
            "File",
            is_possible=lambda: parts.figure_dialog.is_possible,
        ),
        Action(
            "save-comparison",
            "Save comparison of runs…",
            parts.save_comparison,
            "File",
            is_possible=lambda: parts.comparison_dialog.is_possible,
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
        Action("quit", "Quit", parts.quit, "File", "Ctrl+Q", separated=True),
    ]
