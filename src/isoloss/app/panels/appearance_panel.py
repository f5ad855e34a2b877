"""The appearance panel: what the colours mean, contours, height, decorations."""

from __future__ import annotations

import math

from imgui_bundle import ImVec2, ImVec4, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.state.glossary import explanation, of_texture
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.numbers import Pair, drag_pair, slider, whole_slider
from isoloss.app.ui.style import palette, vec
from isoloss.app.ui.widgets import (
    em,
    heading,
    hint,
    icon_button,
    right_edge,
    row,
    rows,
    toggle_button,
    wrapped,
)
from isoloss.scene import colormaps
from isoloss.scene.appearance import Appearance
from isoloss.scene.files.plain import LONGEST
from isoloss.scene.textures import TEXTURES
from isoloss.scene.texturing import color_scale

_LOG = {"Automatic": None, "Linear": False, "Logarithmic": True}
_SPACING = {"Even in height": "height", "Linear": "linear", "Logarithmic": "log"}
_EXPLAINED = {
    "signs": "Says in the legend what rings, stars, diamonds and the other signs mean",
    "own_colors": "Gives each of several surfaces a colormap of its own",
    "equal_aspect": "The same unit along α and β",
}
_RANGE = ("By data", "By hand")
_LABELS = 5.6  # em


class AppearancePanel:
    """Changes the appearance of the scene."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._falling: tuple[Pair, Pair] | None = None

    def draw(self) -> None:
        """Draw the panel's content."""
        heading("Texture")
        self._textures()
        self._colors()
        heading("Contours")
        self._contours()
        heading("Height")
        self._height()
        heading("Show")
        self._switches()

    def _textures(self) -> None:
        workspace = self.workspace
        shown = workspace.scene.shown
        gap, room = em(0.3), imgui.get_content_region_avail().x
        textures = [
            texture
            for texture in TEXTURES
            if not shown
            or texture is workspace.appearance.texture
            or any(layer.has(texture) for layer in shown)
        ]
        labels = [texture.short or texture.label for texture in textures]
        widest = max(imgui.calc_text_size(label).x for label in labels) + em(0.4)
        columns = fitting_columns(room, widest, gap)
        width = (room - gap * (columns - 1)) / columns
        padding = imgui.get_style().frame_padding.y
        imgui.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(gap, gap))
        imgui.push_style_var(imgui.StyleVar_.frame_padding, ImVec2(em(0.1), padding))
        imgui.push_id("texture")
        for k, texture in enumerate(textures):
            if k % columns:
                imgui.same_line()
            on = workspace.appearance.texture is texture
            if toggle_button(labels[k], on, ImVec2(width, 0), terms=of_texture(texture)):
                workspace.change(texture=texture)
        imgui.pop_id()
        imgui.pop_style_var(2)

    def _colors(self) -> None:
        imgui.spacing()
        with rows("colors", em(_LABELS)) as shown:
            if shown:
                self._colormap()
                self._color_range()

    def _color_range(self) -> None:
        workspace, appearance = self.workspace, self.workspace.appearance
        row("Colours", "Whether equal steps of colour are equal steps or equal ratios")
        current = list(_LOG.values()).index(appearance.log_colors)
        changed, k = imgui.combo("##log colors", current, list(_LOG))
        if changed:
            workspace.change(log_colors=list(_LOG.values())[k])
        row("Range", "What the ends of the colormap stand for")
        changed, k = imgui.combo("##range", int(appearance.color_range is not None), list(_RANGE))
        if changed:
            workspace.change(color_range=self._data_range() if k else None)
        if appearance.color_range is None:
            return
        row("")
        self._ends(appearance.color_range)

    def _ends(self, current: Pair) -> None:
        """Both ends, in whatever order they are typed: they hold once they go up."""
        # What does not go up (yet) is kept here, until the range has become another one.
        shown = self._falling[1] if self._falling and self._falling[0] == current else current
        falls = shown[0] >= shown[1]
        if falls:
            for part in (imgui.Col_.frame_bg, imgui.Col_.frame_bg_hovered):
                imgui.push_style_color(part, vec(palette().bad, 0.25))
        changed, ends = drag_pair("##ends", shown, 0.003 * (current[1] - current[0]))
        if falls:
            imgui.pop_style_color(2)
        else:
            hint("Drag, or click to type")
        if changed:
            low, high = (_precise(new, old) for new, old in zip(ends, shown, strict=True))
            self._falling = None if low < high else (current, (low, high))
            if low < high:
                self.workspace.change(color_range=(low, high))
        if falls:
            wrapped("The first has to be below the second.", palette().bad)

    def _data_range(self) -> tuple[float, float] | None:
        """The range of the colours now, to set out from."""
        scene = self.workspace.scene
        colors = color_scale(scene.shown, scene.drawn_appearance, scene.frame())
        return (colors.scale.lo, colors.scale.hi) if colors else None

    def _colormap(self) -> None:
        workspace = self.workspace
        appearance, drawn = workspace.appearance, workspace.scene.drawn_appearance
        forced = drawn.colormap != appearance.colormap
        row("Colormap", "A sign is read from a diverging one" if forced else "")
        imgui.begin_disabled(forced)
        self._choose_colormap(drawn)
        imgui.end_disabled()

    def _choose_colormap(self, appearance: Appearance) -> None:
        imgui.set_next_item_width(-imgui.get_frame_height() - em(0.2))
        imgui.set_next_window_size_constraints(ImVec2(em(15), 0), ImVec2(em(15), em(30)))
        if imgui.begin_combo("##colormap", ""):
            for name in colormaps.NAMES:
                self._colormap_choice(name, appearance.colormap)
            imgui.end_combo()
        _swatch(appearance.colormap, imgui.get_item_rect_min(), imgui.get_item_rect_max())
        hint(f"{appearance.colormap}, {colormaps.for_whom(appearance.colormap)}")
        imgui.same_line(0, em(0.2))
        color = palette().accent if appearance.reverse_colormap else palette().muted
        if icon_button(fa.ICON_FA_RIGHT_LEFT, "reverse", "Reverse the colormap", color=color):
            self.workspace.change(reverse_colormap=not appearance.reverse_colormap)

    def _colormap_choice(self, name: str, current: str) -> None:
        height = imgui.get_text_line_height() * 1.3
        if imgui.selectable(f"##{name}", name == current, 0, ImVec2(0, height))[0]:
            self.workspace.change(colormap=name)
        hint(colormaps.for_whom(name))
        mark = "" if name in colormaps.SAFE else f" {fa.ICON_FA_EYE_SLASH}"
        lo, hi = imgui.get_item_rect_min(), imgui.get_item_rect_max()
        draw = imgui.get_window_draw_list()
        text = ImVec2(lo.x + em(0.3), lo.y + height * 0.12)
        draw.add_text(text, imgui.get_color_u32(vec(palette().text)), name + mark)
        _ramp(name, ImVec2(lo.x + em(5.6), lo.y + em(0.2)), ImVec2(hi.x - em(0.3), hi.y - em(0.2)))

    def _contours(self) -> None:
        workspace, appearance = self.workspace, self.workspace.appearance
        changed, on = imgui.checkbox("Surface", appearance.contours)
        if changed:
            workspace.change(contours=on)
        imgui.same_line(right_edge() / 2)
        changed, on = imgui.checkbox("Floor", appearance.floor_contours)
        if changed:
            workspace.change(floor_contours=on)
        imgui.begin_disabled(not (appearance.contours or appearance.floor_contours))
        with rows("levels", em(_LABELS)) as shown:
            if shown:
                row(
                    "Levels",
                    "About how many lines of equal loss, at round values",
                    terms=[explanation("Contour levels")],
                )
                changed, count = whole_slider(
                    "##levels", appearance.contour_levels, (2, 40), limits=(1, 100)
                )
                if changed:
                    workspace.change(contour_levels=count)
                row("Spacing", "What is the same from one level to the next")
                current = list(_SPACING.values()).index(appearance.contour_spacing)
                changed, k = imgui.combo("##spacing", current, list(_SPACING))
                if changed:
                    workspace.change(contour_spacing=list(_SPACING.values())[k])
        imgui.end_disabled()
        self._own_level()

    def _own_level(self) -> None:
        """One level of one's own: a switch, and a slider over the range of the heights."""
        workspace, appearance = self.workspace, self.workspace.appearance
        scale = workspace.scene.frame().scale
        with rows("own level", em(_LABELS)) as shown:
            if not shown:
                return
            row("Level", "One more level, set by hand and drawn in a colour of its own")
            changed, on = imgui.checkbox("##own level", appearance.contour_value is not None)
            if changed:
                workspace.change(contour_value=float(scale.invert(0.5)) if on else None)
            imgui.same_line(0, em(0.4))
            imgui.begin_disabled(appearance.contour_value is None)
            imgui.set_next_item_width(-1)
            value = scale.lo if appearance.contour_value is None else appearance.contour_value
            shape = "%.4g" if appearance.contour_value is not None else "none"
            ends, is_log = (scale.lo, scale.hi), scale.kind == "log"
            changed, value = slider("##level value", value, ends, shape, logarithmic=is_log)
            if changed:
                workspace.change(contour_value=float(f"{value:.6g}"))
            imgui.end_disabled()

    def _height(self) -> None:
        workspace, appearance = self.workspace, self.workspace.appearance
        with rows("height", em(_LABELS)) as shown:
            if not shown:
                return
            row("Gain", "Stretches the heights; Ctrl+click to type, right-click for 1")
            changed, gain = slider(
                "##gain", appearance.height_gain, (0.1, 3.0), "%.2f", limits=(0.05, 10.0)
            )
            if changed:
                workspace.change(height_gain=gain)
            if imgui.is_item_clicked(imgui.MouseButton_.right):
                workspace.change(height_gain=1.0)
            row("Scale", terms=[explanation("Log height")])
            names = list(_LOG)
            current = list(_LOG.values()).index(appearance.log_height)
            changed, k = imgui.combo("##scale", current, names)
            if changed:
                workspace.change(log_height=_LOG[names[k]])

    def _switches(self) -> None:
        workspace, appearance = self.workspace, self.workspace.appearance
        for label, name in (
            ("Trajectory", "trajectory"),
            ("Smooth", "smooth"),
            ("Wireframe", "wireframe"),
            ("Axes", "axes"),
            ("Scalar bar", "scalar_bar"),
            ("Title", "title"),
            ("Signs", "signs"),
            ("Own colours", "own_colors"),
            ("Equal aspect", "equal_aspect"),
            ("Ambient occlusion", "ambient_occlusion"),
        ):
            if name in ("smooth", "axes", "title", "own_colors"):
                imgui.same_line(right_edge() / 2)
            changed, on = imgui.checkbox(label, bool(getattr(appearance, name)))
            if name in _EXPLAINED:
                hint(_EXPLAINED[name])
            if changed:
                workspace.change(**{name: on})
        with rows("title", em(_LABELS)) as shown:
            if shown:
                row("Title text", "What stands above the picture; else it is the surface's name")
                imgui.begin_disabled(not appearance.title)
                scene = workspace.scene
                hinted = "Surface name"
                entered = imgui.input_text_with_hint("##title text", hinted, scene.title)[1]
                scene.title = entered[:LONGEST]
                imgui.end_disabled()


def fitting_columns(room: float, widest: float, gap: float) -> int:
    """Three where the widest label fits into each, else two or one."""
    return min(max(int((room + gap) / (widest + gap)), 1), 3)


def _precise(new: float, old: float) -> float:
    """A number from a widget, which knows seven digits of it; the old one where it is the same."""
    return old if math.isclose(new, old, rel_tol=1e-6) else float(f"{new:.6g}")


def _swatch(name: str, lo: ImVec2, hi: ImVec2) -> None:
    """The colours of the chosen map inside its combo box."""
    arrow = hi.y - lo.y
    inset = em(0.3)
    _ramp(name, ImVec2(lo.x + inset, lo.y + inset), ImVec2(hi.x - arrow - inset, hi.y - inset))


def _ramp(name: str, lo: ImVec2, hi: ImVec2) -> None:
    colors = colormaps.colormap(name)
    draw = imgui.get_window_draw_list()
    steps = 16
    ends = colors[[round(k * 255 / steps) for k in range(steps + 1)]] / 255.0
    packed = [imgui.get_color_u32(ImVec4(float(r), float(g), float(b), 1.0)) for r, g, b in ends]
    width = (hi.x - lo.x) / steps
    for k in range(steps):
        left, right = ImVec2(lo.x + k * width, lo.y), ImVec2(lo.x + (k + 1) * width, hi.y)
        a, b = packed[k], packed[k + 1]
        draw.add_rect_filled_multi_color(left, right, a, b, b, a)
