"""The status bar: what the hovered thing is, and what the jobs are at."""

from __future__ import annotations

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from isoloss.app.panels.jobs_panel import progress_text
from isoloss.app.parts import Parts
from isoloss.app.ui.style import palette, vec
from isoloss.app.ui.widgets import em, muted, shortened
from isoloss.app.viewports.viewport import readout


def draw_status(parts: Parts) -> None:
    """Draw the status bar's content."""
    width = imgui.get_window_width()
    hit = parts.viewports.hit
    if hit is not None:
        facts = [f"{name} {value}" for name, value in readout(hit)]
        imgui.text_unformatted(shortened(", ".join([hit.layer.name, *facts]), width * 0.6))
    elif parts.workspace.selected is not None:
        a, b = parts.workspace.selected.surface.shape
        muted(shortened(f"{parts.workspace.selected.name}, {a} × {b}", width * 0.6))
    else:
        muted("Ready")
    _jobs(parts, width)


def _jobs(parts: Parts, width: float) -> None:
    active = parts.workspace.runs.active
    if not active:
        return
    first = active[0]
    text = progress_text(first)
    if not text.startswith(first.run.name):
        text = f"{first.run.name}   {text}"
    if first.device:
        text += f"   on {first.device}"
    if len(active) > 1:
        text = f"{len(active)} jobs   {text}"
    text = shortened(text, width * 0.45)
    room = imgui.calc_text_size(text).x + em(1.6)
    imgui.same_line(width - room - em(1))
    imgui.text_colored(vec(palette().accent), fa.ICON_FA_GEAR)
    imgui.same_line(0, em(0.4))
    muted(text)
