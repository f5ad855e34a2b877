"""The robustness panel: the accuracies of an attack, a defense or a certification, live."""

from __future__ import annotations

from collections.abc import Callable

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.panels.jobs_panel import progress_text, status_sign, status_text
from isoloss.app.panels.plots.accuracy_plot import AccuracyPlot
from isoloss.app.panels.plots.curve_strokes import Stroke, draw_sample, strokes_of
from isoloss.app.state.glossary import explanation
from isoloss.app.state.runs.accuracy_curves import AccuracyCurve, has_draws
from isoloss.app.state.runs.evaluations import OpenEvaluation
from isoloss.app.state.terms import of_attack
from isoloss.app.state.workspace import Workspace
from isoloss.app.ui.style import palette, u32, vec
from isoloss.app.ui.widgets import (
    em,
    fitted,
    heading,
    hint,
    icon_button,
    muted,
    right_edge,
    shortened,
    wrapped,
)
from isoloss.naming import sentence
from isoloss.results.tables import Criterion, Row, average_radius_in_words

SIDE = 15.5
"""Width of the column beside the plot, in em."""
WIDE = 36.0
"""From this width on, in em, the summary stands beside the plot."""
CRITERIA: dict[Criterion, str] = {
    "majority": "Majority",
    "single": "Single draw",
    "worst": "Worst draw",
}
LOWEST, AT_EASE = 5.0, 10.0
"""In em: the least height of the plot, and from which on a summary may stand below it."""
ShowExamples = Callable[[OpenEvaluation, Row | None], object]


class RobustnessPanel:
    """Draws the run that is shown, and chooses among those that are open."""

    def __init__(
        self,
        workspace: Workspace,
        show_examples: ShowExamples,
        save_figure: Callable[[], object],
    ) -> None:
        self.workspace, self.show_examples = workspace, show_examples
        self._save_figure = save_figure
        self.plot = AccuracyPlot()

    def draw(self) -> None:
        """Draw the panel's content."""
        shown = self.workspace.evaluations.shown
        if shown is None:
            wrapped("An attack, a defense or a certification appears here.", palette().muted)
            return
        self._bar(shown)
        shown = self.workspace.evaluations.shown
        if shown is None:
            return
        if shown.followed.failure:
            wrapped(shown.followed.failure, palette().bad)
        if shown.problem:
            wrapped(shown.problem, palette().bad)
        if not shown.curves:
            _waiting(shown)
            return
        room = imgui.get_content_region_avail()
        lit: list[AccuracyCurve] = []
        if room.x > em(WIDE):
            self._plot(shown, ImVec2(room.x - em(SIDE) - em(0.8), room.y))
            imgui.same_line(0, em(0.8))
            if imgui.begin_child("summary", ImVec2(0, room.y)):
                lit = self._legend(shown, flowing=False)
                _summary(shown)
            imgui.end_child()
        else:
            lit = self._legend(shown, flowing=True)
            room = imgui.get_content_region_avail()
            summary = _fitted_summary(shown, room) if room.y > em(AT_EASE) else ""
            footer = imgui.calc_text_size(summary, False, room.x).y + em(0.5) if summary else 0.0
            self._plot(shown, ImVec2(room.x, max(room.y - footer, em(LOWEST))))
            if summary and shown.report is not None:
                wrapped(summary)
                hint(shown.report.summary)
        self.plot.highlighted = lit[0].key if lit else None

    def _plot(self, shown: OpenEvaluation, size: ImVec2) -> None:
        self.plot.draw(shown, size)
        if self.plot.clicked is not None and not self.plot.clicked.row.is_worst_case:
            self.show_examples(shown, self.plot.clicked.row)

    # -- the line above the plot -------------------------------------------------------------

    def _bar(self, shown: OpenEvaluation) -> None:
        """Which run it is, how far it is, and what can be done with it."""
        workspace, side = self.workspace, imgui.get_frame_height()
        evaluations = workspace.evaluations
        room, end = imgui.get_content_region_avail().x, right_edge()
        buttons = self._buttons(shown)
        choice = em(8.5) if has_draws(shown.curves) else 0.0
        needed = side * len(buttons) + (choice + em(0.4) if choice else 0)
        if len(evaluations.open) > 1:
            imgui.set_next_item_width(min(em(16), 0.4 * room, room - needed - em(4)))
            names = [e.name for e in evaluations.open]
            changed, k = imgui.combo("##run", evaluations.open.index(shown), names)
            if changed:
                evaluations.shown = evaluations.open[k]
        else:
            imgui.align_text_to_frame_padding()
            imgui.text_unformatted(shortened(shown.name, room * 0.4))
            hint(str(shown.folder))
        imgui.same_line(0, em(0.9))
        _status(shown, end - needed - em(0.6))
        imgui.same_line()
        imgui.set_cursor_pos_x(max(end - needed, imgui.get_cursor_pos_x()))
        if choice:
            self._criterion(shown, choice)
            imgui.same_line(0, em(0.4))
        for k, (icon, name, tip, act) in enumerate(buttons):
            if k:
                imgui.same_line(0, 0)
            if icon_button(icon, name, tip, color=palette().muted):
                act()

    def _criterion(self, shown: OpenEvaluation, width: float) -> None:
        imgui.set_next_item_width(width)
        keys, names = list(CRITERIA), list(CRITERIA.values())
        changed, k = imgui.combo("##criterion", keys.index(shown.criterion), names)
        hint(
            "Which answer of a defense that draws noise counts: that of the majority of its draws, "
            "of the first, or whether all of them are right"
        )
        if changed:
            shown.criterion = keys[k]

    def _buttons(self, shown: OpenEvaluation):
        found = []
        if shown.index is not None:
            tip = "Show images that were attacked"
            found.append(
                (fa.ICON_FA_IMAGES, "examples", tip, lambda: self.show_examples(shown, None))
            )
        if shown.references:
            on = shown.has_references
            tip = f"{'Hide' if on else 'Show'} what others have published of the same data"

            def switch() -> None:
                shown.has_references = not on

            found.append((fa.ICON_FA_BOOK_OPEN, "references", tip, switch))
        if shown.curves:
            tip = "Save a figure of it for a paper"
            found.append((fa.ICON_FA_FILE_EXPORT, "figure", tip, self._save_figure))
        close = self.workspace.evaluations.close
        found.append((fa.ICON_FA_XMARK, "close", "Close these curves", lambda: close(shown)))
        return found

    # -- what the curves are called ----------------------------------------------------------

    def _legend(self, shown: OpenEvaluation, *, flowing: bool) -> list[AccuracyCurve]:
        """The names of the curves, each a switch; returns those that the cursor points at."""
        curves = shown.curves
        lit = []
        strokes = [s for c in _by_axis(curves) for s in strokes_of(c)]
        ordered = [c for each in _by_axis(curves) for c in each]
        imgui.push_style_var(imgui.StyleVar_.item_spacing, ImVec2(em(0.4), em(0.1)))
        end = right_edge()
        for k, (curve, stroke) in enumerate(zip(ordered, strokes, strict=True)):
            width = (
                em(2.2) + imgui.calc_text_size(curve.name).x + em(1.6 if curve.warnings else 0.3)
            )
            if flowing and k:
                imgui.same_line(0, em(0.6))
                if imgui.get_cursor_pos_x() + width > end:
                    imgui.new_line()
            if self._entry(shown, curve, stroke, min(width, end) if flowing else 0.0):
                lit.append(curve)
        imgui.pop_style_var()
        return lit

    def _entry(
        self, shown: OpenEvaluation, curve: AccuracyCurve, stroke: Stroke, width: float
    ) -> bool:
        p, on = palette(), curve.key not in shown.hidden
        at, height = imgui.get_cursor_screen_pos(), em(1.45)
        room = width or imgui.get_content_region_avail().x
        imgui.push_style_color(imgui.Col_.header_hovered, vec(p.muted, 0.12))
        pressed = imgui.selectable(f"###curve {curve.name}", False, 0, ImVec2(width, height))[0]
        imgui.pop_style_color()
        hovered = imgui.is_item_hovered()
        self._explain(curve)
        if pressed:
            shown.hidden ^= {curve.key}
        middle = at.y + height / 2
        draw_sample(at.x + em(0.1), middle, stroke, 1.0 if on else 0.25)
        draw, y = imgui.get_window_draw_list(), middle - imgui.get_font_size() / 2
        sign = em(1.3) if curve.warnings else 0.0
        name = shortened(curve.name, room - em(2.1) - sign)
        draw.add_text(
            ImVec2(at.x + em(2.1), y), u32(p.text if on else p.muted, 1.0 if on else 0.7), name
        )
        if curve.warnings:
            x = at.x + em(2.1) + imgui.calc_text_size(name).x + em(0.4)
            draw.add_text(ImVec2(x, y), u32(p.caution), fa.ICON_FA_TRIANGLE_EXCLAMATION)
        return hovered and on

    def _explain(self, curve: AccuracyCurve) -> None:
        if not imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip):
            return
        said = [sentence(warning.message) for warning in curve.warnings]
        if average := average_radius_in_words(curve.rows):
            said.insert(0, f"Average certified radius {average}")
        hint("\n".join([curve.name, *said]), of_attack(curve.attack, curve.is_defended))


def _by_axis(curves: list[AccuracyCurve]) -> list[list[AccuracyCurve]]:
    return [[c for c in curves if c.axis == axis] for axis in dict.fromkeys(c.axis for c in curves)]


def _status(shown: OpenEvaluation, end: float) -> None:
    """How far the run is; once it is done, what speaks against it."""
    followed = shown.followed
    icon, color = status_sign(followed)
    if shown.warnings:
        _warnings_badge(shown)
        imgui.same_line(0, em(0.6))
    elif followed.status != "done":
        imgui.align_text_to_frame_padding()
        imgui.text_colored(vec(color), icon)
        imgui.same_line(0, em(0.5))
    text = progress_text(followed) if followed.is_active else status_text(followed)
    samples = max((row.samples for row in shown.rows), default=0)
    if samples and not followed.is_active:
        text = f"{text}, {samples:,} images"
    muted(shortened(text, max(end - imgui.get_cursor_pos_x(), 0)))
    hint(text)


def _warnings_badge(shown: OpenEvaluation) -> None:
    """How many checks have found something; pointed at, what."""
    imgui.align_text_to_frame_padding()
    count = len(shown.warnings)
    imgui.text_colored(vec(palette().caution), f"{fa.ICON_FA_TRIANGLE_EXCLAMATION} {count}")
    if imgui.is_item_hovered(imgui.HoveredFlags_.for_tooltip):
        hint("\n".join(f"• {sentence(warning.message)}" for warning in shown.warnings))


def _waiting(shown: OpenEvaluation) -> None:
    """Before there are any accuracies."""
    if shown.problem or shown.followed.failure:
        return
    if not shown.followed.is_active:
        text = "This run has found nothing yet: resume it in Jobs."
    elif shown.settings.is_certified:
        text = "The first certified accuracies appear once the first images are certified."
    else:
        text = "The first accuracies appear once every attack has seen the first images."
    wrapped(text, palette().muted)


def _summary(shown: OpenEvaluation) -> None:
    """The summary and what checks have found, in full."""
    if shown.report is None:
        return
    imgui.spacing()
    heading("Summary", [explanation("Summary")])
    wrapped(shown.report.summary)
    if shown.warnings:
        heading("What speaks against these numbers")
    for warning in shown.warnings:
        imgui.text_colored(vec(palette().caution), fa.ICON_FA_TRIANGLE_EXCLAMATION)
        imgui.same_line(0, em(0.5))
        wrapped(sentence(warning.message))


def _fitted_summary(shown: OpenEvaluation, room: ImVec2) -> str:
    """As much of the summary as may stand below the plot."""
    if shown.report is None:
        return ""
    lines = int(0.3 * room.y / imgui.get_text_line_height())
    return fitted(shown.report.summary, room.x, max(lines, 1))
