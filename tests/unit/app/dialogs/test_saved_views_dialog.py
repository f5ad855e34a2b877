"""Cameras saved by name."""

from __future__ import annotations

from isoloss.app.dialogs.saved_views_dialog import forget_view, rename_view, save_view
from isoloss.scene import Camera


def test_views_are_saved_renamed_and_forgotten(workspace):
    document = workspace.document
    for azimuth in (1, 2, 3):
        workspace.set_camera(Camera(azimuth=azimuth))
        save_view(document)
    rename_view(document, 0, "From the left")
    forget_view(document, 1)
    save_view(document)
    saved = [(v.name, v.camera.azimuth) for v in document.saved_views]
    assert saved == [("From the left", 1), ("View 3", 3), ("View 1", 3)]
