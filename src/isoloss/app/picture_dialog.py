"""Saving the view as a picture: where, how large, with or without a background."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from imgui_bundle import ImVec2, imgui

from isoloss.app.theme import palette, vec
from isoloss.app.widgets import em, primary_button, right_edge, row, rows
from isoloss.app.workspace import Workspace
from isoloss.errors import IsolossError
from isoloss.scene.scene import Scene

SIZES = {
    "1600 × 1000": (1600, 1000),
    "1920 × 1080": (1920, 1080),
    "2400 × 1800": (2400, 1800),
    "3840 × 2160": (3840, 2160),
}


class PictureDialog:
    """Asks for the file and the size, and saves."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.is_open = False
        self.path = ""
        self.size = next(iter(SIZES))
        self.transparent = False

    def open(self) -> None:
        """Show the dialog."""
        selected = self.workspace.selected
        name = selected.name if selected is not None else "surface"
        self.path = str(self.workspace.folder / f"{Path(name).name}.png")
        self.is_open = True

    def draw(self) -> None:
        """Draw it if it is open."""
        if not self.is_open:
            return
        centre = imgui.get_main_viewport().get_center()
        imgui.set_next_window_pos(centre, imgui.Cond_.appearing, ImVec2(0.5, 0.5))
        imgui.set_next_window_size(ImVec2(em(34), 0))
        flags = (
            imgui.WindowFlags_.no_docking
            | imgui.WindowFlags_.no_saved_settings
            | imgui.WindowFlags_.no_collapse
            | imgui.WindowFlags_.no_resize
        )
        shown, kept = imgui.begin("Save picture", True, int(flags))
        if shown:
            self._content()
        if imgui.is_window_focused() and imgui.is_key_pressed(imgui.Key.escape, False):
            kept = False
        imgui.end()
        self.is_open = self.is_open and bool(kept)

    def _content(self) -> None:
        with rows("picture", em(6.5)) as shown:
            if shown:
                row("File")
                self.path = imgui.input_text("##path", self.path)[1]
                row("Size", "In pixels; lines and texts grow with it")
                names = list(SIZES)
                k = imgui.combo("##size", names.index(self.size), names)[1]
                self.size = names[k]
                row("Transparent", "Leave the background out")
                self.transparent = imgui.checkbox("##transparent", self.transparent)[1]
        path = Path(self.path).expanduser()
        if path.exists():
            imgui.text_colored(vec(palette().caution), "This file exists and will be replaced.")
        imgui.spacing()
        width = em(7)
        imgui.set_cursor_pos_x(right_edge() - 2 * width - imgui.get_style().item_spacing.x)
        if imgui.button("Cancel", ImVec2(width, 0)):
            self.is_open = False
        imgui.same_line()
        if primary_button("Save", ImVec2(width, 0)):
            self.save(path)

    def save(self, path: Path) -> None:
        """Draw the picture and write it."""
        path = path if path.is_absolute() else self.workspace.folder / path
        path = path if path.suffix else path.with_suffix(".png")
        scene = self.workspace.scene
        look = replace(scene.appearance, transparent=self.transparent)
        try:
            save_picture(
                replace(scene, layers=list(scene.layers), appearance=look), path, SIZES[self.size]
            )
        except IsolossError as error:
            self.workspace.messages.say(str(error), "error")
            return
        self.is_open = False
        self.workspace.messages.say(f"Saved {path}", "done")


def save_picture(scene: Scene, path: Path, size: tuple[int, int]) -> None:
    """Draw `scene` with the window's own OpenGL and write it to `path`.

    Raises:
        IsolossError: if the size is too large or the file cannot be written.
    """
    # Pillow and the shaders of a second renderer are loaded when a picture is wanted, not before.
    from isoloss.gl.picture import draw_picture, write_png
    from isoloss.gl.renderer import Renderer

    renderer = Renderer()
    try:
        write_png(draw_picture(renderer, scene, size), path)
    except OSError as error:
        raise IsolossError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        renderer.free()
