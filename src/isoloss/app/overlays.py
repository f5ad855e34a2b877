"""What lies over the viewport: notifications, and the welcome while nothing is open."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from imgui_bundle import ImVec2, hello_imgui, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.messages import Messages
from isoloss.app.panels.log import level_color, level_icon
from isoloss.app.theme import palette, vec
from isoloss.app.widgets import em, hint, icon_button, muted, primary_button, shortened
from isoloss.app.workspace import Workspace


def draw_notifications(messages: Messages, rect: tuple[float, float, float, float]) -> None:
    """The newest messages, at the top right of `rect` (x, y, width, height)."""
    messages.fade(time.time())
    x, y, width, _ = rect
    y += em(2.8)  # below the tools
    p = palette()
    flags = (
        imgui.WindowFlags_.no_decoration
        | imgui.WindowFlags_.no_docking
        | imgui.WindowFlags_.no_saved_settings
        | imgui.WindowFlags_.no_focus_on_appearing
        | imgui.WindowFlags_.no_nav
        | imgui.WindowFlags_.no_move
        | imgui.WindowFlags_.always_auto_resize
    )
    card = min(em(24), width - em(1.2))
    for k, message in enumerate(reversed(messages.shown)):
        imgui.set_next_window_pos(ImVec2(x + width - em(0.6), y), 0, ImVec2(1, 0))
        imgui.set_next_window_size_constraints(ImVec2(card, 0), ImVec2(card, em(20)))
        imgui.push_style_color(imgui.Col_.border, vec(level_color(message.level), 0.6))
        imgui.begin(f"notification##{k}", None, int(flags))
        imgui.align_text_to_frame_padding()
        imgui.text_colored(vec(level_color(message.level)), level_icon(message.level))
        imgui.same_line()
        imgui.push_text_wrap_pos(card - em(2.6))
        imgui.text_unformatted(message.text)
        imgui.pop_text_wrap_pos()
        side = imgui.get_frame_height()
        imgui.set_cursor_pos(ImVec2(card - side - em(0.3), imgui.get_style().window_padding.y))
        if icon_button(fa.ICON_FA_XMARK, "dismiss", color=p.muted):
            messages.dismiss(message)
        y += imgui.get_window_size().y + em(0.4)
        imgui.end()
        imgui.pop_style_color()
    if messages.shown:
        hello_imgui.request_refresh()


class Welcome:
    """What to do first: open something, look at a sample, train a network."""

    def __init__(self, workspace: Workspace, open_: Callable[[], None], train: Callable[[], None]):
        self.workspace = workspace
        self._open, self._train = open_, train
        self._samples = workspace.samples()

    def draw(self, rect: tuple[float, float, float, float]) -> None:
        """Draw it in the middle of `rect` (x, y, width, height)."""
        x, y, width, height = rect
        card = min(em(30), width - em(1))
        recent = [Path(p) for p in self.workspace.preferences.recent if Path(p).exists()][:4]
        imgui.set_next_window_pos(ImVec2(x + width / 2, y + height / 2), 0, ImVec2(0.5, 0.5))
        imgui.set_next_window_size(ImVec2(card, 0))
        flags = (
            imgui.WindowFlags_.no_decoration
            | imgui.WindowFlags_.no_docking
            | imgui.WindowFlags_.no_saved_settings
            | imgui.WindowFlags_.no_move
            | imgui.WindowFlags_.no_focus_on_appearing
        )
        imgui.push_style_var(imgui.StyleVar_.window_padding, ImVec2(em(1.6), em(1.4)))
        imgui.begin("Welcome", None, int(flags))
        self._content(recent)
        imgui.end()
        imgui.pop_style_var()

    def _content(self, recent: list[Path]) -> None:
        imgui.push_font(None, imgui.get_style().font_size_base * 1.7)
        imgui.text_unformatted("See a loss landscape")
        imgui.pop_font()
        imgui.push_text_wrap_pos(0)
        imgui.text_colored(
            vec(palette().muted),
            "Drop a surface or a run folder on this window, open one, or train a network of "
            "your own and probe it.",
        )
        imgui.pop_text_wrap_pos()
        imgui.spacing()
        half = (imgui.get_content_region_avail().x - em(0.5)) / 2
        if primary_button(f"{fa.ICON_FA_FOLDER_OPEN}  Open…###open", ImVec2(half, em(2))):
            self._open()
        imgui.same_line(0, em(0.5))
        if imgui.button(f"{fa.ICON_FA_GRADUATION_CAP}  Train…###train", ImVec2(half, em(2))):
            self._train()
        self._list("Samples", self._samples)
        self._list("Recent", recent)

    def _list(self, title: str, paths: list[Path]) -> None:
        if not paths:
            return
        imgui.spacing()
        muted(title)
        for path in paths:
            name = path.parent.name if path.name == "surface.ply" else path.stem
            icon = fa.ICON_FA_FLASK if path.is_dir() else fa.ICON_FA_MOUNTAIN_SUN
            room = imgui.get_content_region_avail().x
            label = shortened(name.replace("-", " ") if title == "Samples" else name, room)
            if imgui.selectable(f"{icon}   {label}###{path}", False, 0, ImVec2(0, em(1.5)))[0]:
                self.workspace.open(path)
            hint(str(path))
