"""What is told of a point of an accuracy plot."""

from __future__ import annotations

import math

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from isoloss.app.state.accuracy_curves import AccuracyCurve, percent, radius_text
from isoloss.app.ui.style import palette
from isoloss.app.ui.widgets import em, muted, wrapped
from isoloss.naming import sentence
from isoloss.results.tables import Criterion, Row
from isoloss.settings.attack_kinds import CERTIFICATE


def tell(curve: AccuracyCurve, row: Row, *, has_images: bool) -> None:
    """A tooltip with all that is known of a point, and what speaks against its curve."""
    imgui.begin_tooltip()
    imgui.push_text_wrap_pos(em(22))
    imgui.text_unformatted(curve.name)
    for name, value in readout(row):
        muted(name)
        imgui.same_line(em(7))
        imgui.text_unformatted(value)
    for warning in curve.warnings:
        imgui.separator()
        wrapped(
            f"{fa.ICON_FA_TRIANGLE_EXCLAMATION}  {sentence(warning.message)}", palette().caution
        )
    if has_images and row.attack != CERTIFICATE:
        muted("Click to see images at this point")
    imgui.pop_text_wrap_pos()
    imgui.end_tooltip()


def readout(row: Row) -> list[tuple[str, str]]:
    """What is told of a point, name by name."""
    told = [("L2 radius" if row.attack == CERTIFICATE else "ε", radius_text(row.eps))]
    first = f"{row.correct:,} of {row.samples:,}"
    if row.votes and row.attack != CERTIFICATE:
        told.append((f"majority of {row.votes:,}", _interval(row, "majority")))
        if math.isfinite(row.single_accuracy):
            told.append(("single draw", _interval(row, "single")))
        if math.isfinite(row.worst_accuracy):
            told.append(("worst draw", _interval(row, "worst")))
    else:
        told.append(("accuracy", _interval(row, "majority")))
    told.append(("images right", first))
    if row.attack == CERTIFICATE:
        told.append(("draws", f"{row.votes:,}"))
        told.append(("abstained", f"{row.abstained:,}"))
    if row.without_gradient:
        told.append(("no gradient", f"{row.without_gradient:,}"))
    return told


def _interval(row: Row, by: Criterion) -> str:
    share = row.accuracy_by(by)
    return f"{percent(share.accuracy)}  ({100 * share.low:.1f} to {100 * share.high:.1f})"
