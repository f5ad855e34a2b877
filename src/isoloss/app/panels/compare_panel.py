"""The compare panel: runs that are chosen on one pair of axes, and a table of what differs."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.compare_table import CompareTable
from isoloss.app.panels.plots.compare_plot import DASHES, ComparePlot, draw_dash
from isoloss.app.state.runs.run_comparison import RunComparison
from isoloss.app.ui.panel import Surroundings
from isoloss.app.ui.style import palette, u32
from isoloss.app.ui.widgets import (
    em,
    hint,
    icon_button,
    muted,
    right_edge,
    shortened,
    wrapped,
)
from isoloss.library.comparison.training import ALONG, Along
from isoloss.naming import capitalized
from isoloss.results.charts import PARTS, kinds_of, names_in
from isoloss.results.tables import Criterion

HIGH, WIDE = 27.0, 44.0
"""In em: from this height on the table stands below the plots, from this width on beside them."""
NARROWEST, LOWEST = 12.0, 8.5
"""In em: of a plot; where there is room for fewer, they are scrolled."""
_CRITERIA: dict[Criterion, str] = {
    "majority": "Majority",
    "single": "Single draw",
    "worst": "Worst draw",
}
_ALL = "All curves"
_TITLES = {
    "loss": "Loss",
    "accuracy": "Accuracy",
    "lr": "Learning rate",
    "linf": "Accuracy against ε, L∞",
    "l2": "Accuracy against ε, L2",
    "radius": "Certified accuracy",
}
_SMOOTHING = (
    "Weight of the exponential moving average, without the bias of its beginning; the values "
    "themselves stay faint behind it"
)


class ComparePanel:
    """Compares the runs that are chosen in Runs, or those of a tag."""

    def __init__(self, parts: Surroundings) -> None:
        self.workspace, self._parts = parts.workspace, parts
        self.plots: dict[str, ComparePlot] = {}
        self.table = CompareTable()

    def draw(self) -> None:
        """Draw the panel's content."""
        comparison = self.workspace.comparison
        comparison.check()
        self._bar(comparison)
        found = comparison.shown.comparison
        if not found.entries:
            wrapped(
                "Choose two or more runs in Runs, with Ctrl or Shift, or the runs of a tag.",
                palette().muted,
            )
            return
        room = imgui.get_content_region_avail()
        gap = em(0.7)
        if not found.charts:
            self._remarks(comparison)
            self.table.draw(comparison, ImVec2(0, 0))
        elif room.y < em(HIGH) and room.x > em(WIDE):
            self._plots(comparison, ImVec2(0.56 * room.x, room.y))
            imgui.same_line(0, gap)
            self._below(comparison)
        else:
            needed = imgui.get_frame_height() * (len(found.entries) + 1.5) + em(2)
            below = min(needed, 0.42 * room.y)
            self._plots(comparison, ImVec2(room.x, room.y - below - gap))
            self._below(comparison)
        self._point(comparison)

    def _below(self, comparison: RunComparison) -> None:
        if imgui.begin_child("differences", ImVec2(0, 0)):
            self._remarks(comparison)
            self.table.draw(comparison, ImVec2(0, 0))
        imgui.end_child()

    def _point(self, comparison: RunComparison) -> None:
        """What the cursor points at anywhere is lit everywhere, from the next frame on."""
        at = [plot.pointed.run for plot in self.plots.values() if plot.pointed is not None]
        at += [self.table.pointed] if self.table.pointed is not None else []
        entries = comparison.shown.comparison.entries
        comparison.pointed = entries[at[0]].folder if at else None

    # -- above ---------------------------------------------------------------------------------

    def _bar(self, comparison: RunComparison) -> None:
        found = comparison.shown.comparison
        buttons = self._buttons(comparison)
        side = imgui.get_frame_height()
        end = right_edge() - side * len(buttons) - em(0.5)
        if found.charts:
            self._which(comparison)
            if any(chart.what == "training" for chart in comparison.charts):
                self._training(comparison, end)
            if _has_draws(comparison):
                self._next(em(8.5), end)
                self._criterion(comparison)
            self._lines(comparison, end)
            imgui.same_line()
        imgui.set_cursor_pos_x(max(end + em(0.5), imgui.get_cursor_pos_x()))
        for k, (icon, name, tip, is_possible) in enumerate(buttons):
            if k:
                imgui.same_line(0, 0)
            imgui.begin_disabled(not is_possible)
            if icon_button(icon, name, tip, color=palette().muted):
                self._press(name)
            imgui.end_disabled()
        if imgui.begin_popup("tags"):
            for tag in comparison.tags:
                if imgui.menu_item(f"{tag}###tag {tag}", "", tag == comparison.tag)[0]:
                    comparison.compare_tag(tag)
            imgui.end_popup()

    @staticmethod
    def _next(width: float, end: float) -> bool:
        """Go on in this line where there is room for `width` more, else in the next."""
        imgui.same_line(0, em(0.6))
        if imgui.get_cursor_pos_x() + width > end:
            imgui.new_line()
            return False
        return True

    def _which(self, comparison: RunComparison) -> None:
        """Which of the charts is drawn."""
        names = ["", *(chart.name for chart in comparison.shown.comparison.charts)]
        at = names.index(comparison.chart) if comparison.chart in names else 0
        imgui.set_next_item_width(em(9))
        changed, k = imgui.combo("##chart", at, [_TITLES.get(name, _ALL) for name in names])
        hint("Which curves are drawn")
        if changed:
            comparison.chart = names[k]

    def _training(self, comparison: RunComparison, end: float) -> None:
        view = comparison.view
        self._next(em(6.5), end)
        imgui.set_next_item_width(em(6.5))
        axes: list[Along] = list(ALONG)
        names = [capitalized(ALONG[axis]) for axis in axes]
        changed, k = imgui.combo("##along", axes.index(view.along), names)
        hint("What training curves are drawn against")
        if changed:
            comparison.change(along=axes[k])
        self._next(em(8), end)
        imgui.set_next_item_width(em(8))
        changed, smooth = imgui.slider_float(
            "##smoothing", view.smooth, 0.0, 0.98, "smoothing %.2f"
        )
        hint(_SMOOTHING)
        if changed:
            comparison.change(smooth=round(min(max(smooth, 0.0), 0.98), 2))
        self._next(em(4), end)
        changed, log = imgui.checkbox("Log", view.log)
        hint("Logarithmic axes of loss and learning rate")
        if changed:
            comparison.change(log=log)

    def _criterion(self, comparison: RunComparison) -> None:
        keys, names = list(_CRITERIA), list(_CRITERIA.values())
        imgui.set_next_item_width(em(8.5))
        changed, k = imgui.combo("##criterion", keys.index(comparison.view.by), names)
        hint("Which answer of a defense that draws noise counts")
        if changed:
            comparison.change(by=keys[k])

    def _lines(self, comparison: RunComparison, end: float) -> None:
        """What dashes mean, where runs have several lines in one plot; training curves are drawn,
        or no longer, by a click on theirs."""
        charts = comparison.shown.comparison.charts
        for what in kinds_of(comparison.charts):
            is_training, names = what == "training", names_in(charts, what)
            for k, name in enumerate(names) if len(names) > 1 else ():
                text = shortened(capitalized(name) if is_training else name, em(12))
                width = em(2.2) + imgui.calc_text_size(text).x
                self._next(width, end)
                on = not is_training or name in comparison.view.parts
                if self._line(k, name, text, width, on=on, switches=is_training):
                    self._switch(comparison, name)

    @staticmethod
    def _line(k: int, name: str, text: str, width: float, *, on: bool, switches: bool) -> bool:
        at, p = imgui.get_cursor_screen_pos(), palette()
        side = imgui.get_frame_height()
        pressed = imgui.invisible_button(f"line {name}", ImVec2(width, side))
        color = p.text if switches and imgui.is_item_hovered() else p.muted
        alpha = 1.0 if on else 0.4
        if switches:
            hint(f"Draw the {name} curves" + (" no longer" if on else ""))
        draw_dash(DASHES[k % len(DASHES)], ImVec2(at.x, at.y + side / 2), em(1.6), color, alpha)
        y = at.y + (side - imgui.get_font_size()) / 2
        imgui.get_window_draw_list().add_text(ImVec2(at.x + em(2.0), y), u32(color, alpha), text)
        return switches and pressed

    @staticmethod
    def _switch(comparison: RunComparison, part: str) -> None:
        parts = tuple(p for p in PARTS if (p in comparison.view.parts) != (p == part))
        comparison.change(parts=parts or tuple(p for p in PARTS if p != part))

    def _buttons(self, comparison: RunComparison) -> list[tuple[str, str, str, bool]]:
        has_runs = bool(comparison.shown.comparison.entries)
        return [
            (fa.ICON_FA_TAGS, "tags", "Compare the runs of a tag", bool(comparison.tags)),
            *([(fa.ICON_FA_EYE, "all", "Draw all again", True)] if comparison.hidden else []),
            (fa.ICON_FA_COPY, "copy", "Copy the table", has_runs),
            (fa.ICON_FA_FILE_EXPORT, "save", "Save as a figure or a table…", has_runs),
            (fa.ICON_FA_XMARK, "clear", "Compare nothing", has_runs),
        ]

    def _press(self, name: str) -> None:
        comparison = self.workspace.comparison
        match name:
            case "tags":
                imgui.open_popup("tags")
            case "all":
                comparison.hidden.clear()
            case "copy":
                self.table.copy(comparison)
                self.workspace.messages.say("Copied the table")
            case "save":
                self._parts.save_comparison()
            case _:
                comparison.clear()

    # -- the plots -----------------------------------------------------------------------------

    def _plots(self, comparison: RunComparison, size: ImVec2) -> None:
        charts, gap = comparison.charts, em(0.5)
        if imgui.begin_child("plots", size):
            room = imgui.get_content_region_avail()
            columns = _columns(len(charts), room)
            rows = -(-len(charts) // columns)
            width = (room.x - gap * (columns - 1)) / columns
            height = max((room.y - gap * (rows - 1)) / rows, em(LOWEST))
            for plot in self.plots.values():
                plot.pointed = None
            for k, chart in enumerate(charts):
                if k % columns:
                    imgui.same_line(0, gap)
                drawn = self.plots.setdefault(chart.name, ComparePlot())
                drawn.draw(chart, comparison, ImVec2(width, height))
        imgui.end_child()

    def _remarks(self, comparison: RunComparison) -> None:
        """What is not drawn, and what to know of what is, in a line."""
        remarks = comparison.shown.comparison.remarks
        if remarks:
            muted(shortened(" ".join(remarks), imgui.get_content_region_avail().x))
            hint("\n".join(remarks))


def _columns(count: int, room: ImVec2) -> int:
    """Of plots beside each other: such that they are as large as can be."""

    def size(columns: int) -> float:
        rows = -(-count // columns)
        return min(room.x / columns, 1.6 * max(room.y / rows, em(LOWEST)))

    possible = [k for k in range(1, count + 1) if room.x / k >= em(NARROWEST)]
    return max(possible or [1], key=size)


def _has_draws(comparison: RunComparison) -> bool:
    return any(
        chart.what == "accuracy" and any("σ" in trace.name for trace in chart.traces)
        for chart in comparison.charts
    )
