"""The timeline below the picture: a slider over the epochs of the trajectories, which plays."""

from __future__ import annotations

import math

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.state.readouts import loss_label, number
from isoloss.app.state.terms import of_fact
from isoloss.app.state.view.playback import SPEEDS, Path, Playback
from isoloss.app.ui.numbers import slider
from isoloss.app.ui.style import palette, u32, vec
from isoloss.app.ui.widgets import em, hint, icon_button, muted, shortened, stroke
from isoloss.geometry.playhead import Playhead, playhead
from isoloss.scene.legend import path_names
from isoloss.scene.theme import THEMES

_PLACES = {
    "epoch": "an epoch of the training",
    "step": "a step of the attack",
    "t": "a place on the path",
}


class Timeline:
    """Draws the controls of a `Playback`."""

    def __init__(self, playback: Playback) -> None:
        self.playback = playback

    @property
    def height(self) -> float:
        """Pixels it wants; 0 where there is no trajectory to be played."""
        if self.playback.span is None:
            return 0.0
        gap = imgui.get_style().item_spacing.y
        return imgui.get_frame_height() + gap + imgui.get_text_line_height() + em(0.7)

    def draw(self) -> None:
        """Draw it into the room that is left."""
        flags = int(imgui.ChildFlags_.always_use_window_padding)
        scrolling = imgui.WindowFlags_.no_scrollbar | imgui.WindowFlags_.no_scroll_with_mouse
        imgui.push_style_var(imgui.StyleVar_.window_padding, ImVec2(em(0.5), em(0.3)))
        imgui.push_style_var(imgui.StyleVar_.child_border_size, 0)
        imgui.push_style_var(imgui.StyleVar_.child_rounding, 0)
        imgui.push_style_color(imgui.Col_.child_bg, vec(palette().panel))
        shown = imgui.begin_child("timeline", ImVec2(0, 0), flags, int(scrolling))
        imgui.pop_style_color()
        imgui.pop_style_var(3)
        if shown:
            self._controls()
            self._facts()
        imgui.end_child()

    # -- the upper line: controls ------------------------------------------------------------

    def _controls(self) -> None:
        playback = self.playback
        span, epoch = playback.span, playback.epoch
        if span is None or epoch is None:
            return
        gap, side = em(0.25), imgui.get_frame_height()
        icon = fa.ICON_FA_PAUSE if playback.playing else fa.ICON_FA_PLAY
        if icon_button(icon, "play", "Pause (Space)" if playback.playing else "Play (Space)"):
            playback.toggle()
        imgui.same_line(0, gap)
        speeds = [f"{speed:g}×" for speed in SPEEDS]
        combo = em(4.2)
        imgui.set_next_item_width(-(combo + side + 2 * gap))
        changed, value = slider("##epoch", epoch, span, "")
        if changed:
            playback.playing = False
            playback.go_to(value)
        self._ticks(span)
        imgui.same_line(0, gap)
        color = palette().accent if playback.loop else palette().muted
        if icon_button(fa.ICON_FA_REPEAT, "loop", "Play again from the start", color=color):
            playback.loop = not playback.loop
        imgui.same_line(0, gap)
        imgui.set_next_item_width(combo)
        changed, k = imgui.combo("##speed", SPEEDS.index(playback.speed), speeds)
        if changed:
            playback.speed = SPEEDS[k]
        hint("Speed")

    def _ticks(self, span: tuple[float, float]) -> None:
        """The drops of the learning rate, on the slider that has just been drawn."""
        lo, hi = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        grab = imgui.get_style().grab_min_size
        left, width = lo.x + 2 + grab / 2, hi.x - lo.x - 4 - grab
        draw, size = imgui.get_window_draw_list(), em(0.26)
        color = u32(THEMES[self.playback.workspace.appearance.theme].lr_drop)
        mouse, tip = imgui.get_io().mouse_pos, ""
        drops = {
            (float(p.epoch[k]), float(p.lr[k]))
            for _, _, p in self.playback.paths
            for k in p.lr_drops
        }
        for epoch, lr in sorted(drops):
            x, y = left + width * (epoch - span[0]) / (span[1] - span[0]), hi.y - size - 1
            points = [(x, y - size), (x + size, y), (x, y + size), (x - size, y)]
            a, b, c, d = (ImVec2(*p) for p in points)
            draw.add_quad_filled(a, b, c, d, color)
            if abs(mouse.x - x) < em(0.5):
                at = number(epoch, 4)
                tip = f"The learning rate drops to {number(lr)} at epoch {at}"
        tip = tip or f"Go to {_PLACES[self._clock]}; Ctrl+click to type one"
        hint(tip, above=True)

    # -- the lower line: what is known there -------------------------------------------------

    @property
    def _clock(self) -> str:
        paths = self.playback.paths
        return paths[0][2].clock if paths else "epoch"

    def _facts(self) -> None:
        paths = self.playback.paths
        room = imgui.get_content_region_avail().x
        start = imgui.get_cursor_pos_x()
        span, epoch = self.playback.span, self.playback.epoch
        if span is None or epoch is None:
            return
        at = f"{self._clock} {number(epoch)} of {number(span[1])}"
        if len(paths) == 1:
            text = ", ".join([at, *(f"{k} {value}" for k, value in self._facts_at(paths[0]))])
            muted(shortened(text, room))
            hint(text, of_fact("Off-plane", ""))
            return
        muted(shortened(at, room))
        imgui.same_line(0, em(1.2))
        theme = THEMES[self.playback.workspace.appearance.theme]
        names = path_names([path[:2] for path in paths])
        for name, path in zip(names, paths, strict=True):
            facts = self._facts_at(path)
            brief = f"{name} {dict(facts)['loss']}"
            width = em(1.5) + imgui.calc_text_size(brief).x
            if imgui.get_cursor_pos_x() - start + width > room:
                break
            which = self.playback.workspace.scene.path_number(path[0], path[1])
            stroke(theme.path_color(which), imgui.get_text_line_height())
            imgui.same_line(0, em(0.5))
            muted(brief)
            hint("\n".join([name, *(f"{label} {value}" for label, value in facts)]))
            imgui.same_line(0, em(1.2))

    def _facts_at(self, path: Path) -> list[tuple[str, str]]:
        scene = self.playback.workspace.scene
        at = playhead(path[2], self.playback.epoch, log=scene.frame().scale.kind == "log")
        return facts_at(at, path[2].point)


def facts_at(at: Playhead, point: str = "checkpoint") -> list[tuple[str, str]]:
    """What is known of a point of a trajectory: (name, value)."""
    facts = [] if math.isnan(at.lr) else [("lr", number(at.lr, 3))]
    facts.append(("loss", loss_label(at.loss)))
    if not math.isnan(at.off_plane):
        facts.append(("off-plane", number(at.off_plane, 3)))
    if not at.is_checkpoint:
        facts.append((f"between {point}s", f"{at.checkpoint} and {at.checkpoint + 1}"))
    else:
        facts.append((point, str(at.checkpoint)))
    return facts
