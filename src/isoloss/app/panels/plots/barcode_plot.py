"""The merge tree of the minima: a bar from each minimum to the saddle where its basin ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from imgui_bundle import ImVec2, imgui, implot

from isoloss.app.panels.plots.plotting import finish_set_up, plot
from isoloss.app.state.readouts import loss_label, number, place_facts, plain
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.style import palette, u32, vec
from isoloss.app.ui.widgets import em, muted, shortened
from isoloss.geometry.analysis.minima import Minimum, in_tree_order
from isoloss.geometry.fitting import fitting_ticks
from isoloss.geometry.height import HeightScale
from isoloss.scene.layer import SurfaceLayer

Row = tuple[SurfaceLayer, Minimum]
_PITCH = 0.45
"""Em from bar to bar at the least: closer ones could not be pointed at."""
_TICKS = 6
_NEAR = 0.02
_END = 1.04
"""How far bars reach that end nowhere, where the highest of the surface is 1."""


class BarcodePlot:
    """Draws the bars, the deepest minimum of each surface above all that merge into it.

    Attributes:
        bars: those drawn last, from above, each with a pixel of the window where it begins.
    """

    def __init__(self, workspace: Workspace, choose: Callable[[SurfaceLayer, Minimum], None]):
        self.bars: list[tuple[Row, ImVec2]] = []
        self._workspace, self._choose = workspace, choose
        self._order_of: object = None
        self._order: list[Row] = []

    def draw(self, listed: Sequence[Row], scale: HeightScale, size: ImVec2) -> None:
        """Draw as many of `listed`, the most persistent first, as there is height for."""
        height = size.y - 2 * imgui.get_text_line_height()
        rows = self._in_order(listed, max(int(height / em(_PITCH)), 1))
        with plot("barcode", size) as visible:
            if visible:
                self._set_up(len(rows), scale, size.x)
                self._bars(rows, scale)
                if len(rows) < len(listed):
                    self._lacking(f"{len(rows)} of {len(listed):,}")

    def _in_order(self, listed: Sequence[Row], most: int) -> list[Row]:
        key = [(id(layer), layer.version, minimum.index) for layer, minimum in listed[:most]]
        if key != self._order_of:
            self._order_of, self._order = key, []
            for layer in dict.fromkeys(layer for layer, _ in listed[:most]):
                own = [minimum for one, minimum in listed[:most] if one is layer]
                self._order += [(layer, minimum) for minimum in in_tree_order(own)]
        return self._order

    def _set_up(self, count: int, scale: HeightScale, width: float) -> None:
        still = implot.AxisFlags_.lock
        bare = int(still | implot.AxisFlags_.no_decorations | implot.AxisFlags_.invert)
        implot.setup_axes("loss", "basins", int(still | implot.AxisFlags_.no_label), bare)
        always = int(implot.Cond_.always)
        implot.setup_axis_limits(implot.ImAxis_.x1, -0.02, _END, always)
        implot.setup_axis_limits(implot.ImAxis_.y1, -0.5, max(count, 1) - 0.5, always)
        ticks = fitting_ticks(
            scale, _TICKS, width, lambda text: imgui.calc_text_size(plain(text)).x, em(0.6)
        )
        places = [float(place) for place in scale.apply([tick.value for tick in ticks])]
        implot.setup_axis_ticks(implot.ImAxis_.x1, places, [plain(tick.label) for tick in ticks])
        finish_set_up()

    def _bars(self, rows: Sequence[Row], scale: HeightScale) -> None:
        draw, p = implot.get_plot_draw_list(), palette()
        heights = scale.apply([(m.loss, m.saddle_loss) for _, m in rows]).tolist()
        place = {(id(layer), m.index): k for k, (layer, m) in enumerate(rows)}
        shown = [id(layer) for layer in self._workspace.scene.shown]
        pointed, chosen = self._pointed(heights), self._workspace.pointing.minimum
        thick = min(em(0.5), 0.7 * implot.get_plot_size().y / max(len(rows), 1))
        self.bars = []
        implot.push_plot_clip_rect()
        for k, (layer, minimum) in enumerate(rows):
            begin, end = heights[k]
            left = implot.plot_to_pixels(begin, k)
            right = implot.plot_to_pixels(end if minimum.saddle else _END, k)
            right.x = max(right.x, left.x + 2)
            faint = 0.4 if minimum.is_within_noise else 1.0
            deeper = place.get((id(layer), minimum.into)) if minimum.into else None
            if deeper is not None:
                there = ImVec2(right.x, implot.plot_to_pixels(end, deeper).y)
                draw.add_line(right, there, u32(p.muted, 0.6 * faint))
            marked = k == pointed or (layer, minimum) == chosen
            color = p.text if marked else p.series[shown.index(id(layer)) % len(p.series)]
            draw.add_line(left, right, u32(color, faint), thick)
            self.bars.append(((layer, minimum), left))
        implot.pop_plot_clip_rect()
        if pointed is not None:
            self._act(*rows[pointed])

    def _lacking(self, text: str) -> None:
        """How many are drawn, in the corner where the bars of the shallow ones are not."""
        corner, size = implot.get_plot_pos(), implot.get_plot_size()
        below = corner.y + size.y - imgui.get_text_line_height() - em(0.2)
        at = ImVec2(corner.x + em(0.5), below)
        implot.get_plot_draw_list().add_text(at, u32(palette().muted), text)

    def _pointed(self, heights: Sequence[tuple[float, float]]) -> int | None:
        """Which bar the cursor is at."""
        if not (heights and implot.is_plot_hovered()):
            return None
        mouse = implot.get_plot_mouse_pos()
        k = min(max(round(mouse.y), 0), len(heights) - 1)
        return k if heights[k][0] - _NEAR <= mouse.x else None

    def _act(self, layer: SurfaceLayer, minimum: Minimum) -> None:
        """What a bar tells that is pointed at, and does that is clicked."""
        self._workspace.pointing.at_plot((minimum.alpha, minimum.beta))
        if imgui.is_mouse_clicked(imgui.MouseButton_.left):
            self._choose(layer, minimum)
        stderr = float(layer.surface.loss_stderr[minimum.index])
        facts = [("minimum", loss_label(minimum.loss, stderr))]
        facts += place_facts(minimum.alpha, minimum.beta)
        if minimum.saddle is None:
            facts.append(("saddle", "none: the deepest that can be reached"))
        else:
            noise = f" ± {number(minimum.stderr, 2)}" if minimum.stderr else ""
            facts += [
                ("saddle", number(minimum.saddle_loss)),
                ("persistence", f"{number(minimum.persistence, 3)}{noise}"),
            ]
        # Above the plot, which is low, and not over the other bars.
        mouse, top = imgui.get_io().mouse_pos, implot.get_plot_pos().y
        above = ImVec2(mouse.x + em(0.8), top - em(0.3))
        imgui.set_next_window_pos(above, int(imgui.Cond_.always), ImVec2(0, 1))
        imgui.begin_tooltip()
        if len(self._workspace.scene.shown) > 1:
            imgui.text_unformatted(shortened(layer.name, em(18)))
        for name, value in facts:
            muted(name)
            imgui.same_line(em(6))
            imgui.text_unformatted(value)
        if minimum.is_within_noise:
            imgui.text_colored(vec(palette().caution), "within the noise")
        imgui.end_tooltip()
