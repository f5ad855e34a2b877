"""The button below a finding that asks for the same run with what the finding has set otherwise."""

from __future__ import annotations

from pathlib import Path

from imgui_bundle import icons_fontawesome_6 as fa
from imgui_bundle import imgui

from isoloss.app.state.runs.remedies import in_words, remedy_of, run_of
from isoloss.app.ui.panel import Surroundings
from isoloss.app.ui.widgets import em, muted, shortened
from isoloss.errors import IsolossError
from isoloss.geometry.findings import Finding
from isoloss.jobs.follow import FollowedRun
from isoloss.run import Run


class ProbeAgain:
    """Knows the run that a surface comes from, and opens the form of the next one."""

    def __init__(self, parts: Surroundings) -> None:
        self._parts = parts
        self._of: dict[Path | None, FollowedRun | None] = {}

    def run_at(self, source: Path | None) -> FollowedRun | None:
        """The run whose surface lies at `source`, if it can be asked for again; its files are
        looked at once."""
        if source not in self._of:
            self._of[source] = self._found(source)
        return self._of[source]

    def offer(self, source: Path | None, finding: Finding) -> None:
        """Draw the button, where a run is known and something is to be set otherwise."""
        followed = self.run_at(source)
        if followed is None:
            return
        kind = followed.run.settings.kind
        remedy = remedy_of(finding, kind)
        if not remedy:
            return
        if imgui.button(f"{fa.ICON_FA_FLASK}  Probe again so###again {finding.what}"):
            self._parts.repeat(followed, remedy)
            imgui.close_current_popup()
        text = in_words(remedy, kind)
        imgui.same_line(0, em(0.6))
        imgui.align_text_to_frame_padding()
        muted(shortened(text, imgui.get_content_region_avail().x))

    def _found(self, source: Path | None) -> FollowedRun | None:
        folder = run_of(source)
        if folder is None:
            return None
        known = self._parts.workspace.runs.of(folder)
        try:
            followed = known or FollowedRun(Run.open(folder))
        except IsolossError:  # whoever opens the run is told
            return None
        return None if followed.run.settings.is_from_python else followed
