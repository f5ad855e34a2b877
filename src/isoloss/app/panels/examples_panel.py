"""The examples panel: images of a robustness run as they are, attacked, noisy and denoised."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.example_pictures import CleanImageStrip, Pictures
from isoloss.app.state.forms.example_landscape import values_of
from isoloss.app.state.runs.accuracy_curves import radius_text
from isoloss.app.state.runs.evaluations import OpenEvaluation
from isoloss.app.state.runs.example_browser import (
    ExampleBrowser,
    ExampleView,
    attack_name,
    defense_name,
)
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.spots import mark
from isoloss.app.ui.style import palette, u32
from isoloss.app.ui.widgets import em, hint, icon_button, muted, right_edge, shortened, wrapped
from isoloss.errors import IsolossError
from isoloss.results.saved_examples import INDEX, Index
from isoloss.results.tables import Row

STRIP = 2.9
"""Side of a thumbnail, in em."""
NEW_AT_ONCE = 3
"""Thumbnails that are read in one frame, so that none takes long."""
LOW = 15.0
"""Below this height, in em, the thumbnails stand at the left of the pictures."""


class ExamplesPanel:
    """Looks through the examples of the run whose accuracies are shown."""

    def __init__(self, workspace: Workspace, show_landscape: Callable[[], object]) -> None:
        self.workspace = workspace
        self._show_landscape = show_landscape
        self.pictures, self.thumbnails = Pictures(), CleanImageStrip()
        self._of: OpenEvaluation | None = None
        self._strip_at: int | None = None
        self._index: Index | None = None
        self._key: object = None
        self._view: ExampleView | None = None
        self._count = 0

    def show(self, evaluation: OpenEvaluation, row: Row | None = None) -> None:
        """Turn to a run, and to what a point of its curves is about."""
        self.workspace.evaluations.shown = evaluation
        if row is not None:
            evaluation.browser.go_to(row)

    @property
    def landscape(self) -> dict[str, Any] | None:
        """What a probe through the image that is looked at is asked for; None where none is, or
        its network is a script's."""
        shown = self.workspace.evaluations.shown
        if shown is None or shown.index is None or shown.settings.is_from_python:
            return None
        if not shown.browser.settle(shown.index):
            return None
        return values_of(shown.settings, shown.index, shown.browser)

    @property
    def can_show_landscape(self) -> bool:
        """Whether there is an image through which a plane can be probed."""
        return self.landscape is not None

    def free(self) -> None:
        """Give all textures back, while the context still lives."""
        self.pictures.free()
        self.thumbnails.free()
        self._of = self._index = self._view = None

    def draw(self) -> None:
        """Draw the panel's content."""
        shown = self.workspace.evaluations.shown
        if shown is not self._of:
            self.free()
            self._of, self._strip_at = shown, None
        if shown is None:
            wrapped("Images that an attack has changed appear here.", palette().muted)
            return
        index = shown.index
        if index is None or not shown.browser.settle(index):
            problem = shown.problems.get(INDEX, "")
            wrapped(problem or _nothing_yet(shown), palette().bad if problem else palette().muted)
            return
        self._choices(shown, index)
        self._content(shown, index)
        self._keys(shown.browser, index)

    # -- what is chosen ----------------------------------------------------------------------

    def _choices(self, shown: OpenEvaluation, index: Index) -> None:
        browser = shown.browser
        self._step(browser, index)
        combos = [
            ("network", browser.networks(index), str, 10.0),
            ("sigma", browser.sigmas(index), partial(defense_name, index), 8.0),
            ("attack", browser.attacks(index), attack_name, 8.0),
            ("seed", browser.seeds(index), lambda seed: f"Seed {seed}", 5.5),
        ]
        end = right_edge()
        for name, values, text_of, width in combos:
            if len(values) > 1:
                _beside(em(width), end)
                _combo(browser, name, values, text_of, em(width))
        radii = browser.radii(index)
        if len(radii) > 1:
            _beside(em(15), end)
            self._slider(browser, radii)
        if not self.pictures.is_whole:
            _beside(imgui.get_frame_height(), end)
            tip = "Show all of the pictures again"
            if icon_button(fa.ICON_FA_EXPAND, "whole", tip, color=palette().muted):
                self.pictures.show_whole()
        if not shown.settings.is_from_python:
            _beside(imgui.get_frame_height(), end)
            tip = "Show its landscape: probe a plane through this image"
            if icon_button(fa.ICON_FA_MOUNTAIN_SUN, "landscape", tip):
                self._show_landscape()
        label = index.class_name(index.labels[browser.image])
        text = f"{index.label_title} {label}"
        _beside(min(imgui.calc_text_size(text).x, em(12)), end, em(0.8))
        imgui.align_text_to_frame_padding()
        muted(shortened(text, max(imgui.get_content_region_avail().x, 0)))
        about = index.label_in_words(browser.image)
        hint(f"Image {index.images[browser.image]} of {index.data}, {about}")

    def _step(self, browser: ExampleBrowser, index: Index) -> None:
        count = len(index.images)
        if icon_button(fa.ICON_FA_CHEVRON_LEFT, "previous", "Previous image (←)"):
            self._go(browser, index, -1)
        imgui.same_line(0, em(0.1))
        imgui.align_text_to_frame_padding()
        imgui.text_unformatted(f"{browser.image + 1} of {count}")
        imgui.same_line(0, em(0.1))
        if icon_button(fa.ICON_FA_CHEVRON_RIGHT, "next", "Next image (→)"):
            self._go(browser, index, 1)

    def _go(self, browser: ExampleBrowser, index: Index, step: int) -> None:
        browser.image = (browser.image + step) % len(index.images)

    def _slider(self, browser: ExampleBrowser, radii: list[float]) -> None:
        at = radii.index(browser.eps)
        imgui.set_next_item_width(em(9))
        flags = int(imgui.SliderFlags_.no_input)
        changed, entered = imgui.slider_int("##eps", at, 0, len(radii) - 1, " ", flags)
        mark("eps")
        hint("How far the attack may change the image (↑ ↓)")
        if changed:
            browser.eps = radii[min(max(entered, 0), len(radii) - 1)]
        imgui.same_line(0, em(0.5))
        imgui.align_text_to_frame_padding()
        imgui.text_unformatted(f"ε = {radius_text(browser.eps)}")

    def _keys(self, browser: ExampleBrowser, index: Index) -> None:
        """Arrow keys, while the panel has the keyboard."""
        window = int(imgui.FocusedFlags_.root_and_child_windows)
        is_busy = imgui.is_any_item_active() or imgui.get_io().key_ctrl
        if not imgui.is_window_focused(window) or is_busy:
            return
        for key, step in ((imgui.Key.left_arrow, -1), (imgui.Key.right_arrow, 1)):
            if imgui.is_key_pressed(key):
                self._go(browser, index, step)
        radii = browser.radii(index)
        for key, step in ((imgui.Key.down_arrow, -1), (imgui.Key.up_arrow, 1)):
            if imgui.is_key_pressed(key):
                at = min(max(radii.index(browser.eps) + step, 0), len(radii) - 1)
                browser.eps = radii[at]

    # -- what is seen ------------------------------------------------------------------------

    def _content(self, shown: OpenEvaluation, index: Index) -> None:
        browser = shown.browser
        key = (shown, browser.network, browser.sigma, browser.seed, browser.attack, browser.eps,
               browser.image)  # fmt: skip
        if index is not self._index or key != self._key:
            self._index, self._key, self._view = index, None, None
        try:
            if self._view is None:
                self._view = browser.view(index)
                self._key = key
                self._count += 1
            view = self._view
        except IsolossError as error:
            wrapped(str(error), palette().bad)
            return
        if view is None:
            return
        room = imgui.get_content_region_avail()
        has_strip = len(index.images) > 1
        upright = room.y < em(LOW)
        gap = imgui.get_style().item_spacing
        if has_strip and upright:
            self._strip(shown, index, upright=True)
            imgui.same_line(0, em(0.6))
        size = imgui.get_content_region_avail()
        if has_strip and not upright:
            size = ImVec2(size.x, size.y - em(STRIP) - em(0.9) - gap.y)
        flags = imgui.WindowFlags_.no_scrollbar | imgui.WindowFlags_.no_scroll_with_mouse
        imgui.push_style_var(imgui.StyleVar_.child_border_size, 0)
        if imgui.begin_child("pictures", ImVec2(size.x, size.y), 0, int(flags)):
            room = imgui.get_content_region_avail()
            self.pictures.draw(self._count, view.tiles, room, index.class_name)
        imgui.end_child()
        mark("pictures")
        imgui.pop_style_var()
        if has_strip and not upright:
            self._strip(shown, index, upright=False)

    def _strip(self, shown: OpenEvaluation, index: Index, *, upright: bool) -> None:
        """All images in small; the chosen one is framed."""
        browser, count, side, gap = shown.browser, len(index.images), em(STRIP), em(0.25)
        bar = imgui.get_style().scrollbar_size
        size = ImVec2(side + bar + gap, 0) if upright else ImVec2(0, side + em(0.9))
        flags = 0 if upright else int(imgui.WindowFlags_.horizontal_scrollbar)
        imgui.push_style_var(imgui.StyleVar_.child_border_size, 0)
        imgui.push_style_var(imgui.StyleVar_.scrollbar_size, min(bar, em(0.6)))
        if imgui.begin_child("strip", size, 0, flags):
            at = imgui.get_scroll_y() if upright else imgui.get_scroll_x()
            extent = imgui.get_window_height() if upright else imgui.get_window_width()
            pitch = side + gap
            if browser.image != self._strip_at:
                self._strip_at = browser.image
                place = browser.image * pitch + side / 2 - extent / 2
                scroll = imgui.set_scroll_y if upright else imgui.set_scroll_x
                scroll(max(place, 0.0))
            self.thumbnails.budget = NEW_AT_ONCE
            corner = imgui.get_cursor_pos()
            first = max(int(at / pitch) - 1, 0)
            for k in range(first, min(int((at + extent) / pitch) + 2, count)):
                offset = k * pitch
                imgui.set_cursor_pos(
                    ImVec2(corner.x, corner.y + offset)
                    if upright
                    else ImVec2(corner.x + offset, corner.y)
                )
                if self._thumbnail(shown, index, k, side):
                    browser.image = self._strip_at = k
            end = count * pitch - gap
            imgui.set_cursor_pos(corner)
            imgui.dummy(ImVec2(1, end) if upright else ImVec2(end, 1))
        imgui.end_child()
        imgui.pop_style_var(2)

    def _thumbnail(self, shown: OpenEvaluation, index: Index, k: int, side: float) -> bool:
        p, browser = palette(), shown.browser
        pressed = imgui.invisible_button(f"image {k}", ImVec2(side, side))
        lo, hi = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        hint(f"Image {index.images[k]}, {index.label_in_words(k)}")
        draw = imgui.get_window_draw_list()
        try:
            texture = self.thumbnails.texture(
                (shown.folder, index.images[k]), lambda: browser.thumbnail(index, k)
            )
        except IsolossError:  # the pictures beside it say why
            texture = None
        if texture is not None:
            width, height = texture.size
            longer = max(width, height)
            w, h = side * width / longer, side * height / longer
            x, y = lo.x + (side - w) / 2, lo.y + (side - h) / 2
            ref = imgui.ImTextureRef(texture.texture)
            draw.add_image(ref, ImVec2(x, y), ImVec2(x + w, y + h))
        chosen = k == browser.image
        color = u32(p.accent) if chosen else u32(p.line)
        draw.add_rect(lo, hi, color, em(0.15), em(0.15) if chosen else 1.0)
        return pressed


def _beside(width: float, end: float, gap: float | None = None) -> None:
    """Go on in the line where there is room for `width`, else in the next."""
    imgui.same_line(0, em(0.5) if gap is None else gap)
    if imgui.get_cursor_pos_x() + width > end:
        imgui.new_line()


def _combo(
    browser: ExampleBrowser, name: str, values: list, text_of: Callable[..., str], width: float
) -> None:
    """A choice of one property of the browser."""
    imgui.set_next_item_width(width)
    at = values.index(getattr(browser, name))
    changed, k = imgui.combo(f"##{name}", at, [text_of(value) for value in values])
    if changed:
        setattr(browser, name, values[k])


def _nothing_yet(shown: OpenEvaluation) -> str:
    if shown.settings.keep == 0:
        return "This run saves no examples."
    if shown.followed.is_active and shown.settings.is_certified:
        return "The first images appear once they are loaded."
    if shown.followed.is_active:
        return "The first images appear once an attack has seen them."
    return "This run has saved no examples."
