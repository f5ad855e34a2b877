"""First-run hints: one line over the viewport, until its advice has been followed once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.style import palette, vec
from isoloss.app.ui.widgets import CARD, em, icon_button
from isoloss.geometry.rect import Rect, extent
from isoloss.scene.layer import next_texture


@dataclass(frozen=True)
class Hint:
    """One piece of advice.

    Attributes:
        name: under which it is remembered as followed.
        text: what is said.
        applies: whether now is a time for it.
        watch: what changes once it has been followed.
    """

    name: str
    text: str
    applies: Callable[[Workspace], bool]
    watch: Callable[[Workspace], object]


def _has_textures(workspace: Workspace) -> bool:
    scene = workspace.scene
    texture = scene.appearance.texture
    return bool(scene.shown) and next_texture(texture, scene.shown) is not texture


HINTS = (
    Hint(
        "orbit",
        "Drag to orbit, wheel to zoom, click to pin a point",
        lambda workspace: bool(workspace.scene.shown),
        lambda workspace: (workspace.scene.camera.azimuth, workspace.scene.camera.elevation),
    ),
    Hint(
        "live",
        "The surface grows while it is computed; you may close the window, the job goes on",
        lambda workspace: workspace.is_streaming and bool(workspace.scene.shown),
        lambda workspace: workspace.is_streaming,
    ),
    Hint(
        "texture",
        "Press T to colour the surface by accuracy, slope and more",
        _has_textures,
        lambda workspace: workspace.appearance.texture,
    ),
)


LEAST = (16.0, 12.0)
"""Width and height of a viewport, in em, that has room for one."""


class Hints:
    """Shows at most one at a time."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._before: dict[str, object] = {}

    def current(self) -> Hint | None:
        """The hint whose time it is; what has meanwhile been done is remembered as followed."""
        for hint in HINTS:
            if hint.name in self._workspace.preferences.hints:
                continue
            value = hint.watch(self._workspace)
            if hint.name in self._before and self._before[hint.name] != value:
                self.dismiss(hint)
            elif hint.applies(self._workspace):
                self._before.setdefault(hint.name, value)
                return hint
        return None

    def dismiss(self, hint: Hint) -> None:
        """Never show it again."""
        preferences = self._workspace.preferences
        preferences.hints = [*preferences.hints, hint.name]
        preferences.save()

    def draw(self, rect: Rect) -> None:
        """Draw it in the viewport `rect`: under the title, where neither surface nor labels are."""
        hint = self.current()
        width, height = extent(rect)
        if hint is None or width < em(LEAST[0]) or height < em(LEAST[1]):
            return
        x, y = rect[:2]
        side = imgui.get_frame_height()
        needed = imgui.calc_text_size(hint.text).x + side + em(4)
        size = min(needed, width - em(1.4))
        imgui.set_next_window_pos(
            ImVec2(x + em(0.7), y + em(3.1)), imgui.Cond_.always, ImVec2(0, 0)
        )
        imgui.set_next_window_size(ImVec2(size, 0))
        imgui.push_style_var(imgui.StyleVar_.window_padding, ImVec2(em(0.8), em(0.35)))
        imgui.begin("Hint", None, CARD)
        imgui.pop_style_var()
        imgui.align_text_to_frame_padding()
        imgui.text_colored(vec(palette().accent), fa.ICON_FA_LIGHTBULB)
        imgui.same_line(0, em(0.5))
        imgui.push_text_wrap_pos(size - side - em(0.9))
        imgui.text_unformatted(hint.text)
        imgui.pop_text_wrap_pos()
        imgui.set_cursor_pos(ImVec2(size - side - em(0.5), em(0.35)))
        if icon_button(fa.ICON_FA_XMARK, "dismiss", "Do not say this again", color=palette().muted):
            self.dismiss(hint)
        imgui.end()
