"""What is known of a point of an accuracy plot."""

from __future__ import annotations

import math

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from isoloss.app.state.accuracy_curves import AccuracyCurve, percent, radius_text
from isoloss.app.ui.style import palette
from isoloss.app.ui.widgets import em, muted, wrapped
from isoloss.naming import sentence
from isoloss.results.tables import CERTIFICATE, Judge, Row


def draw_readout(curve: AccuracyCurve, row: Row, *, has_images: bool) -> None:
    """A tooltip with all that is known of a point, and what speaks against its curve."""
    imgui.begin_tooltip()
    imgui.push_text_wrap_pos(em(22))
    imgui.text_unformatted(curve.name)
    for name, value in readout(row):
        muted(name)
        imgui.same_line(em(7))
        imgui.text_unformatted(value)
    for doubt in curve.doubts:
        imgui.separator()
        wrapped(f"{fa.ICON_FA_TRIANGLE_EXCLAMATION}  {sentence(doubt.message)}", palette().caution)
    if has_images and row.attack != CERTIFICATE:
        muted("Click to see images at this point")
    imgui.pop_text_wrap_pos()
    imgui.end_tooltip()


def readout(row: Row) -> list[tuple[str, str]]:
    """What is known of a point, name by name."""
    facts = [("L2 radius" if row.attack == CERTIFICATE else "ε", radius_text(row.eps))]
    first = f"{row.correct:,} of {row.samples:,}"
    if row.votes and row.attack != CERTIFICATE:
        facts.append((f"majority of {row.votes:,}", _interval(row, "majority")))
        if math.isfinite(row.single_accuracy):
            facts.append(("single draw", _interval(row, "single")))
        if math.isfinite(row.worst_accuracy):
            facts.append(("worst draw", _interval(row, "worst")))
    else:
        facts.append(("accuracy", _interval(row, "majority")))
    facts.append(("images right", first))
    if row.attack == CERTIFICATE:
        facts.append(("draws", f"{row.votes:,}"))
        facts.append(("abstained", f"{row.abstained:,}"))
    if row.without_gradient:
        facts.append(("no gradient", f"{row.without_gradient:,}"))
    return facts


def _interval(row: Row, by: Judge) -> str:
    found = row.judged(by)
    return f"{percent(found.accuracy)}  ({100 * found.low:.1f} to {100 * found.high:.1f})"
