"""The minima panel: the local minima of the shown surfaces by their persistence."""

from __future__ import annotations

import math

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.plots.barcode_plot import BarcodePlot
from isoloss.app.state.glossary import explanation
from isoloss.app.state.readouts import loss_label, number
from isoloss.app.state.terms import of_fact
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.numbers import slider
from isoloss.app.ui.style import palette, vec
from isoloss.app.ui.widgets import em, explained, hint, muted, shortened, wrapped
from isoloss.geometry.analysis.minima import MOST, STANDARD_ERRORS, Minimum
from isoloss.scene.layer import SurfaceLayer

Row = tuple[SurfaceLayer, Minimum]

SHALLOWEST = 1e-4
"""The slider's lower end: below it every minimum is shown."""

_SLIDER = 11
"""Em that it is wide."""
_WIDE, _HIGH = 30, 20
"""Em from which on the bars are beside the table, or below it."""
_SHARE = 0.58
"""Of the table, where there are bars too."""

_WEIGHTS = {"Loss": 1.6, "Persistence": 1.6, "α": 1.3, "β": 1.3, "Surface": 1.5, "Remarks": 1.9}
"""Of the columns' widths."""


class MinimaPanel:
    """Lists the minima, and says which are deep enough to be marked."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._rows_of: object = None
        self._rows: list[Row] = []
        self.barcode = BarcodePlot(workspace, self.choose)

    def draw(self) -> None:
        """Draw the panel's content."""
        workspace, appearance = self.workspace, self.workspace.appearance
        if not workspace.scene.shown:
            wrapped("The local minima of the shown surfaces are listed here.", palette().muted)
            return
        changed, on = imgui.checkbox("Show on the surface", appearance.minima)
        if changed:
            workspace.change(minima=on)
        hint("Triangles that point down mark the local minima (M)")
        _beside(_width_of("Least depth") + em(0.5 + _SLIDER))
        self._slider(appearance.minima_persistence)
        if any(layer.pending for layer in workspace.scene.shown):
            muted("Looking for minima…")
            return
        listed, hidden = self.rows()
        if not listed and not hidden:
            muted("There is no local minimum.")
            return
        more = " or more" if any(len(x.minima) == MOST for x in workspace.scene.shown) else ""
        text = f"{len(listed):,} shown" + (f", {hidden:,}{more} shallower" if hidden else "")
        _beside(_width_of(text))
        imgui.align_text_to_frame_padding()
        muted(shortened(text, imgui.get_content_region_avail().x))
        self._shape()
        self._lists(listed)

    def rows(self) -> tuple[list[Row], int]:
        """The minima deep enough, the most persistent first, and how many are not."""
        scene = self.workspace.scene
        shown, scale = scene.shown, scene.frame().scale
        least = scene.appearance.minima_persistence
        key = (scale, least, tuple((x, x.version, id(x.surface)) for x in shown))
        if key != self._rows_of:
            rows = [(layer, m) for layer in shown for m in layer.deep_minima(scale, least)]
            rows.sort(key=lambda row: (-row[1].persistence, row[1].loss))
            self._rows_of, self._rows = key, rows
        return self._rows, sum(len(layer.minima) for layer in shown) - len(self._rows)

    def choose(self, layer: SurfaceLayer, minimum: Minimum) -> None:
        """Mark a minimum and orbit around it from now on."""
        workspace = self.workspace
        workspace.pointing.minimum = (layer, minimum)
        if not workspace.appearance.minima:
            workspace.change(minima=True)
        at = workspace.scene.frame().place(minimum.alpha, minimum.beta, minimum.loss).ravel()
        target = float(at[0]), float(at[1]), float(at[2])
        workspace.set_camera(workspace.scene.camera.recentre(target))

    def _slider(self, persistence: float) -> None:
        imgui.align_text_to_frame_padding()
        explained("Least depth", palette().muted, of_fact("Persistence", ""))
        imgui.same_line(0, em(0.5))
        imgui.set_next_item_width(em(_SLIDER))
        percent = max(100 * persistence, 100 * SHALLOWEST)
        shape = "all" if persistence <= SHALLOWEST else "%.2g %%"
        ends = (100 * SHALLOWEST, 100.0)
        changed, value = slider("##persistence", percent, ends, shape, logarithmic=True)
        if changed:
            fraction = min(value / 100, 1.0)
            self.workspace.change(minima_persistence=0.0 if fraction <= SHALLOWEST else fraction)
        hint(
            "Hides minima whose depth, from their saddle down, is a smaller fraction of the "
            "displayed height"
        )

    def _shape(self) -> None:
        """How rough the selected surface is."""
        layer = self.workspace.shown_surface
        if layer is None or not layer.roughness.variation.is_known:
            return
        rough = layer.roughness
        facts = {"Non-convex share": rough.non_convex.as_share} if rough.non_convex.is_known else {}
        for k, (name, text) in enumerate(
            (facts | {"Total variation": rough.variation_in_words}).items()
        ):
            if k:
                _beside(_width_of(f"{name}{text}") + em(0.5))
            explained(name, palette().muted, [explanation(name)])
            imgui.same_line(0, em(0.5))
            imgui.text_unformatted(shortened(text, imgui.get_content_region_avail().x))
            hint(text)

    def _lists(self, listed: list[Row]) -> None:
        """The table and the bars, beside each other or, where there is more height, below."""
        room, scale = imgui.get_content_region_avail(), self.workspace.scene.frame().scale
        if not listed or (room.x <= em(_WIDE) and room.y <= em(_HIGH)):
            self._table(listed, room)
        elif room.x > em(_WIDE):
            self._table(listed, ImVec2(_SHARE * room.x, room.y))
            imgui.same_line()
            self.barcode.draw(listed, scale, imgui.get_content_region_avail())
        else:
            self._table(listed, ImVec2(room.x, _SHARE * room.y))
            self.barcode.draw(listed, scale, imgui.get_content_region_avail())

    def _table(self, listed: list[Row], size: ImVec2) -> None:
        several = len({id(layer) for layer, _ in listed}) > 1
        names = ["Loss", "Persistence", "α", "β", *(["Surface"] if several else []), "Remarks"]
        flags = (
            imgui.TableFlags_.scroll_y
            | imgui.TableFlags_.row_bg
            | imgui.TableFlags_.sizing_stretch_prop
        )
        if not imgui.begin_table("minima", len(names), int(flags), size):
            return
        imgui.table_setup_scroll_freeze(0, 1)
        for name in names:
            imgui.table_setup_column(name, imgui.TableColumnFlags_.width_stretch, _WEIGHTS[name])
        imgui.table_headers_row()
        clipper = imgui.ListClipper()
        clipper.begin(len(listed))
        while clipper.step():
            for k in range(clipper.display_start, clipper.display_end):
                self._row(k, *listed[k], several)
        imgui.end_table()

    def _row(self, k: int, layer: SurfaceLayer, minimum: Minimum, several: bool) -> None:
        chosen = self.workspace.pointing.minimum == (layer, minimum)
        imgui.table_next_row()
        imgui.table_next_column()
        whole_row = int(imgui.SelectableFlags_.span_all_columns)
        if imgui.selectable(f"###minimum {k}", chosen, whole_row, ImVec2(0, 0))[0]:
            self.choose(layer, minimum)
        imgui.same_line(0, 0)
        stderr = float(layer.surface.loss_stderr[minimum.index])
        cells = [
            loss_label(minimum.loss, stderr),
            "deepest" if math.isinf(minimum.persistence) else number(minimum.persistence, 3),
            number(minimum.alpha),
            number(minimum.beta),
        ]
        if several:
            cells.append(layer.name)
        for column, text in enumerate(cells):
            if column:
                imgui.table_next_column()
            imgui.text_unformatted(shortened(text, imgui.get_content_region_avail().x))
        imgui.table_next_column()
        self._remarks(minimum)

    def _remarks(self, minimum: Minimum) -> None:
        p, drawn = palette(), False
        for is_so, icon, label, tip in (
            (
                minimum.is_within_noise,
                fa.ICON_FA_WAVE_SQUARE,
                "within the noise",
                f"Less deep than {STANDARD_ERRORS:g} standard errors of the difference to its "
                "saddle: other samples might not show it",
            ),
            (
                minimum.at_border,
                fa.ICON_FA_BORDER_NONE,
                "at the border",
                "At the edge of what has been computed: the loss may be lower beyond it",
            ),
        ):
            if not is_so:
                continue
            if drawn:
                imgui.same_line(0, em(0.8))
            imgui.text_colored(vec(p.caution if icon == fa.ICON_FA_WAVE_SQUARE else p.muted), icon)
            hint(tip)
            imgui.same_line(0, em(0.35))
            muted(shortened(label, max(imgui.get_content_region_avail().x, 1)))
            hint(tip)
            drawn = True


def _beside(width: float) -> None:
    """Go on beside what was drawn last, where there is room for `width` pixels."""
    imgui.same_line(0, em(1.2))
    if imgui.get_content_region_avail().x < width:
        imgui.new_line()


def _width_of(text: str) -> float:
    return imgui.calc_text_size(text).x
