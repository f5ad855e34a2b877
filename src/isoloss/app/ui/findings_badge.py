"""What a check of the probed network has found, shown where its surface is listed."""

from __future__ import annotations

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from isoloss.app.state.glossary import explanation, of_finding
from isoloss.app.ui.style import Color, palette, vec
from isoloss.app.ui.widgets import em, heading, hint, wrapped
from isoloss.geometry.findings import Finding


def findings_badge(findings: list[Finding]) -> None:
    """An icon in the line at hand that tells the findings when pointed at."""
    icon, color = _sign(findings[0])
    imgui.align_text_to_frame_padding()
    imgui.text_colored(vec(color), icon)
    hint("\n".join(f"{f.what}: {f.message}" for f in findings))


def list_findings(findings: list[Finding]) -> None:
    """A section with all of them, in full."""
    heading("Findings", [explanation("Findings")])
    for finding in findings:
        icon, color = _sign(finding)
        imgui.text_colored(vec(color), icon)
        imgui.same_line(em(1.6) + imgui.get_style().window_padding.x)
        wrapped(f"{finding.what}: {finding.message}")
        hint("", of_finding(finding.what))


def _sign(finding: Finding) -> tuple[str, Color]:
    if finding.level == "warning":
        return fa.ICON_FA_TRIANGLE_EXCLAMATION, palette().caution
    return fa.ICON_FA_CIRCLE_INFO, palette().accent
