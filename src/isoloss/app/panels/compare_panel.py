"""The compare panel: runs that are chosen on one pair of axes, and a table of what differs."""

from __future__ import annotations

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.compare_sets import copied_sets, draw_sets
from isoloss.app.panels.compare_table import CompareTable
from isoloss.app.panels.plots.compare_plot import DASHES, ComparePlot, draw_dash
from isoloss.app.state.runs.run_comparison import RunComparison
from isoloss.app.ui.panel import Surroundings
from isoloss.app.ui.style import palette, u32, vec
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
from isoloss.naming import capitalized, drawable_line
from isoloss.results.charts import PARTS, kinds_of, names_in
from isoloss.results.references import ALL
from isoloss.results.tables import Criterion

HIGH, WIDE = 27.0, 44.0
"""In em: in a room that is lower and wider than this the table may stand beside the plots."""
GAP, COMFORT = 0.7, 16.0
"""In em, between plots and table; and the height at which plots are at ease above the table."""
NARROWEST, LOWEST = 12.0, 8.5
"""In em: of a plot; where there is room for fewer, they are scrolled."""
LEAST, LEAST_PLOT = 3.6, 4.0
"""In em: of a table below plots, its header and a run; and of a plot above it."""
BAR = 0.22
"""Of the panel's height: what is above the plots takes at most so much of it, or two lines."""
OFFERED = 4
"""So many tags are offered while nothing is compared."""
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
        self._top = self._end = self._first = 0.0

    def draw(self) -> None:
        """Draw the panel's content."""
        comparison = self.workspace.comparison
        comparison.check()
        for drawn in (self.table, *self.plots.values()):
            drawn.pointed = None  # whether it is drawn now or not
        self._bar(comparison)
        self._absent(comparison)
        found = comparison.shown.comparison
        if not found.entries:
            self._offer(comparison)
            return
        if not found.charts:
            self._below_plots(comparison)
        else:
            self._divided(comparison)
        self._point(comparison)

    @staticmethod
    def _offer(comparison: RunComparison) -> None:
        """What is compared here, and the tags whose runs can be at once."""
        wrapped(
            "Choose two or more runs in Runs, with Ctrl or Shift, or the runs of a tag.",
            palette().muted,
        )
        imgui.spacing()
        for tag in comparison.tags[:OFFERED]:
            if imgui.button(f"Compare {shortened(drawable_line(tag), em(14))}###compare {tag}"):
                comparison.compare_tag(tag)

    def _absent(self, comparison: RunComparison) -> None:
        """Which runs are not compared though they are to be, and what can be done about it."""
        for folders, why in (
            (comparison.unlisted, "not in a folder that Runs lists"),
            (comparison.gone, "no longer there"),
        ):
            if not folders:
                continue
            button = "List them###list unlisted" if folders is comparison.unlisted else ""
            wide = imgui.calc_text_size("List them").x + em(1.4) if button else 0.0
            names = ", ".join(folder.name for folder in folders)
            room = imgui.get_content_region_avail().x - wide
            imgui.align_text_to_frame_padding()
            text = shortened(f"Left out, {why}: {names}", room)
            imgui.text_colored(vec(palette().caution), text)
            hint("\n".join(map(str, folders)))
            if button:
                imgui.same_line(0, em(0.6))
                if imgui.button(button):
                    for parent in dict.fromkeys(folder.parent for folder in folders):
                        self.workspace.list_folder(parent)

    def _divided(self, comparison: RunComparison) -> None:
        """The plots, and the table below or beside them."""
        room, found = imgui.get_content_region_avail(), comparison.shown.comparison
        needed = self.table.height(len(found.entries))
        needed += imgui.get_text_line_height_with_spacing() if found.remarks else 0
        height = below(room.x / em(1), room.y / em(1), needed / em(1))
        if height is None:
            self._plots(comparison, ImVec2(0.56 * room.x, room.y))
            imgui.same_line(0, em(GAP))
        elif height:
            self._plots(comparison, ImVec2(room.x, room.y - em(height + GAP)))
        else:
            self._plots(comparison, room)
            return
        self._differences(comparison)

    def _differences(self, comparison: RunComparison) -> None:
        if imgui.begin_child("differences", ImVec2(0, 0)):
            self._below_plots(comparison)
        imgui.end_child()

    def _below_plots(self, comparison: RunComparison) -> None:
        self._remarks(comparison)
        if comparison.shown.view.sets is None:
            self.table.draw(comparison, ImVec2(0, 0))
        else:
            draw_sets(comparison.shown.comparison.sets)

    def _point(self, comparison: RunComparison) -> None:
        """What the cursor points at anywhere is lit everywhere, from the next frame on."""
        at = [plot.pointed.run for plot in self.plots.values() if plot.pointed is not None]
        at += [self.table.pointed] if self.table.pointed is not None else []
        entries = comparison.shown.comparison.entries
        comparison.pointed = entries[at[0]].folder if at else None

    # -- above ---------------------------------------------------------------------------------

    def _bar(self, comparison: RunComparison) -> None:
        buttons = self._buttons(comparison)
        side = imgui.get_frame_height()
        start, end = imgui.get_cursor_pos(), right_edge() - side * len(buttons) - em(0.5)
        imgui.set_cursor_pos_x(end + em(0.5))
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
        if comparison.shown.comparison.charts:
            imgui.set_cursor_pos(start)
            self._top, self._end = start.y, end
            self._first = imgui.get_cursor_screen_pos().y
            self._which(comparison)
            if any(chart.what == "training" for chart in comparison.charts):
                self._training(comparison)
            if _has_draws(comparison):
                self._next(em(8.5))
                self._criterion(comparison)
            if comparison.may_have_references:
                self._next(em(6))
                self._references(comparison)
            self._lines(comparison)

    def _next(self, width: float, *, wraps: bool = True) -> bool:
        """Go on in this line where there is room for `width` more, else in the next, if there is to
        be one; the first one ends at the buttons. Returns whether there is room."""
        imgui.same_line(0, em(0.6))
        end = self._end if imgui.get_cursor_pos_y() < self._top + 1 else right_edge()
        if imgui.get_cursor_pos_x() + width <= end:
            return True
        if wraps:
            imgui.new_line()
        return wraps

    def _which(self, comparison: RunComparison) -> None:
        """Which of the charts is drawn."""
        names = ["", *(chart.name for chart in comparison.shown.comparison.charts)]
        at = names.index(comparison.chart) if comparison.chart in names else 0
        imgui.set_next_item_width(em(9))
        changed, k = imgui.combo("##chart", at, [_TITLES.get(name, _ALL) for name in names])
        hint("Which curves are drawn")
        if changed:
            comparison.chart = names[k]

    def _training(self, comparison: RunComparison) -> None:
        view = comparison.view
        self._next(em(6.5))
        imgui.set_next_item_width(em(6.5))
        axes: list[Along] = list(ALONG)
        names = [capitalized(ALONG[axis]) for axis in axes]
        changed, k = imgui.combo("##along", axes.index(view.along), names)
        hint("What training curves are drawn against")
        if changed:
            comparison.change(along=axes[k])
        self._next(em(8))
        imgui.set_next_item_width(em(8))
        changed, smooth = imgui.slider_float(
            "##smoothing", view.smooth, 0.0, 0.98, "smoothing %.2f"
        )
        hint(_SMOOTHING)
        if changed:
            comparison.change(smooth=round(min(max(smooth, 0.0), 0.98), 2))
        self._next(em(4))
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

    def _references(self, comparison: RunComparison) -> None:
        changed, on = imgui.checkbox("Published", bool(comparison.view.reference))
        hint("Draw what others have published of the same data behind the curves")
        if changed:
            comparison.change(reference=(ALL,) if on else ())

    def _lines(self, comparison: RunComparison) -> None:
        """What dashes mean, where runs have several lines in one plot; training curves are drawn,
        or no longer, by a click on theirs."""
        charts, kinds = comparison.shown.comparison.charts, kinds_of(comparison.charts)
        named = [(what, names_in(charts, what)) for what in kinds]
        lines = [(w, k, n) for w, names in named if len(names) > 1 for k, n in enumerate(names)]
        for done, (what, k, name) in enumerate(lines):
            is_training = what == "training"
            text = capitalized(name) if is_training else name
            text = f"certified, {text}" if what == "radius" and len(kinds) > 1 else text
            text = shortened(text, em(12))
            width = em(2.2) + imgui.calc_text_size(text).x
            if done < len(lines) - 1 and self._is_last_line():
                width += em(5)  # for how many more there are
            if not self._next(width, wraps=not self._is_last_line()):
                more = [each for *_, each in lines[done:]]
                several = f"{len(more)} more"
                fits = imgui.get_cursor_pos_x() + imgui.calc_text_size(several).x < right_edge()
                muted(several if fits else f"+{len(more)}")
                hint("\n".join(more))
                return
            width = em(2.2) + imgui.calc_text_size(text).x
            on = not is_training or name in comparison.view.parts
            if self._line(k, f"{what} {name}", text, width, on=on, switches=is_training):
                self._switch(comparison, name)

    def _is_last_line(self) -> bool:
        """Whether what is above the plots may not have another line below the one at hand."""
        line = imgui.get_frame_height_with_spacing()
        most = max(int(BAR * imgui.get_window_height() / line), 2)
        return imgui.get_item_rect_min().y >= self._first + (most - 1.5) * line

    @staticmethod
    def _line(k: int, name: str, text: str, width: float, *, on: bool, switches: bool) -> bool:
        at, p = imgui.get_cursor_screen_pos(), palette()
        side = imgui.get_frame_height()
        pressed = imgui.invisible_button(f"line {name}", ImVec2(width, side))
        color = p.text if switches and imgui.is_item_hovered() else p.muted
        alpha = 1.0 if on else 0.4
        if switches:
            hint(f"Draw the {text.lower()} curves" + (" no longer" if on else ""))
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
            (fa.ICON_FA_LAYER_GROUP, "sets", self._of_sets(comparison), has_runs),
            (fa.ICON_FA_COPY, "copy", "Copy the table", has_runs),
            (fa.ICON_FA_FILE_EXPORT, "save", "Save as a figure or a table…", has_runs),
            (fa.ICON_FA_XMARK, "clear", "Compare nothing", has_runs),
        ]

    @staticmethod
    def _of_sets(comparison: RunComparison) -> str:
        if comparison.view.sets is None:
            return "Runs that differ in nothing but seeds as one set: do sets differ?"
        return "Runs one by one again"

    def _press(self, name: str) -> None:
        comparison = self.workspace.comparison
        match name:
            case "tags":
                imgui.open_popup("tags")
            case "all":
                comparison.hidden.clear()
            case "sets":
                comparison.change(sets=None if comparison.view.sets is not None else ())
            case "copy":
                if comparison.shown.view.sets is None:
                    self.table.copy(comparison)
                else:
                    imgui.set_clipboard_text(copied_sets(comparison.shown.comparison.sets))
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
            beside = columns(len(charts), room.x / em(1), room.y / em(1))
            rows = -(-len(charts) // beside)
            width = (room.x - gap * (beside - 1)) / beside
            height = max((room.y - gap * (rows - 1)) / rows, min(em(LOWEST), room.y))
            for k, chart in enumerate(charts):
                if k % beside:
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


def below(across: float, down: float, needed: float) -> float | None:
    """The height of a table below the plots, 0 where there is none for it; None where it stands
    beside them. All in em.

    Args:
        across, down: the room of both.
        needed: the height of the whole table.
    """
    if across > WIDE and down < HIGH and down - GAP - needed < COMFORT:
        return None
    if down < LEAST + GAP + LEAST_PLOT:
        return 0.0
    return max(min(needed, 0.42 * down, down - GAP - LOWEST), LEAST)


def columns(count: int, across: float, down: float) -> int:
    """How many of so many plots stand beside each other in a room, in em: such that all are seen,
    if they can be, and are as large as can be."""

    def worth(columns: int) -> tuple[bool, float]:
        rows = -(-count // columns)
        fits = rows * LOWEST <= down
        return fits, min(across / columns, 1.6 * max(down / rows, LOWEST))

    possible = [k for k in range(1, count + 1) if across / k >= NARROWEST]
    return max(possible or [1], key=worth)


def _has_draws(comparison: RunComparison) -> bool:
    return any(
        chart.what == "accuracy" and any("σ" in trace.name for trace in chart.traces)
        for chart in comparison.charts
    )
