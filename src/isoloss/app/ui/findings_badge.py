"""What a check of the probed network has found, shown where its surface is listed."""

from __future__ import annotations

from collections.abc import Callable

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.state.glossary import explanation
from isoloss.app.state.runs.remedies import in_terms
from isoloss.app.state.terms import of_finding
from isoloss.app.ui.style import Color, palette, vec
from isoloss.app.ui.widgets import (
    em,
    explained,
    heading,
    hint,
    icon_button,
    muted,
    shortened,
    within_window,
    wrapped,
)
from isoloss.geometry.findings import Finding
from isoloss.naming import capitalized, in_words

Below = Callable[[Finding], None]
"""Draws what is offered below a finding."""
_WIDTH = 32


def findings_badge(findings: list[Finding], of: str, below: Below) -> None:
    """An icon in the line at hand that tells the findings of a surface when pointed at, and in full
    when clicked."""
    icon, color = _sign(findings[0])
    if icon_button(icon, "findings", color=color):
        imgui.open_popup("all findings")
    if not imgui.is_popup_open("all findings"):
        hint("\n".join(f"{capitalized(f.what)}: {in_terms(f.message)}" for f in findings))
    imgui.set_next_window_size(within_window(ImVec2(em(_WIDTH), 0)))
    if imgui.begin_popup("all findings"):
        muted(shortened(of, imgui.get_content_region_avail().x))
        list_findings(findings, below)
        imgui.end_popup()


def list_findings(findings: list[Finding], below: Below) -> None:
    """A section with all of them, in full."""
    heading("Findings", [explanation("Findings")])
    for k, finding in enumerate(findings):
        icon, color = _sign(finding)
        imgui.push_id(k)
        if k:
            imgui.spacing()
        imgui.text_colored(vec(color), icon)
        imgui.same_line(0, em(0.5))
        title = capitalized(in_words(finding.what))
        explained(title, palette().text, of_finding(finding.what))
        imgui.same_line(0, em(0.6))
        imgui.text_colored(vec(color), finding.level)
        wrapped(in_terms(finding.message))
        below(finding)
        imgui.pop_id()


def _sign(finding: Finding) -> tuple[str, Color]:
    if finding.level == "warning":
        return fa.ICON_FA_TRIANGLE_EXCLAMATION, palette().caution
    return fa.ICON_FA_CIRCLE_INFO, palette().accent
