"""Files on their way: jobs that draw or export, shown with their progress until they end."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from imgui_bundle import ImVec2, imgui
from imgui_bundle import icons_fontawesome_6 as fa

from isoloss.app.state.config import Preferences
from isoloss.app.state.messages import Messages
from isoloss.app.ui.style import palette
from isoloss.app.ui.widgets import CARD, em, icon_button, muted, shortened, thin_progress
from isoloss.errors import IsolossError
from isoloss.geometry.rect import Rect
from isoloss.jobs.render_job import RenderJob


@dataclass(eq=False)
class Rendering:
    """One job, and the folder of what it draws from, where that was written down for it.

    Attributes:
        does: what it is about.
        then: called with what it has written.
    """

    job: RenderJob
    folder: Path | None
    does: str = "Writing"
    then: Callable[[Path], None] | None = None


class Renderings:
    """The jobs that draw."""

    def __init__(self, messages: Messages, preferences: Preferences) -> None:
        self.messages, self._preferences = messages, preferences
        self.active: list[Rendering] = []

    def start(self, write: Callable[[Path], Path], out: Path, options: Sequence[str]) -> None:
        """Draw in a process of its own, with these `options` of `isoloss render`.

        Args:
            write: writes what is shown now into a folder, and gives the path of what is to be
                drawn: the files it was read from may be other ones by then.

        Raises:
            IsolossError: what is shown cannot be written down, or the job cannot be started.
        """
        self._begin(lambda folder: [str(write(folder)), *options], out, "render")

    def _begin(
        self,
        write: Callable[[Path], Sequence[str]],
        out: Path,
        verb: str,
        then: Callable[[Path], None] | None = None,
    ) -> None:
        try:
            folder = Path(tempfile.mkdtemp(prefix="isoloss-"))
        except OSError as error:
            raise IsolossError(f"cannot start a job: {error.strerror or error}") from error
        try:
            job = self._job([*write(folder), "--out", str(out)], out, verb)
        except BaseException:
            _remove(folder)
            raise
        does = "Drawing" if verb == "render" else "Writing"
        self.active.append(Rendering(job, folder, does, then))

    def export(
        self,
        write: Callable[[Path], Sequence[str]],
        out: Path,
        then: Callable[[Path], None] | None = None,
    ) -> None:
        """Write what is shown now to `out`, in a process of its own.

        Args:
            write: writes it into a folder, and gives the arguments of `isoloss export`.
            then: called with what has been written, once it has.

        Raises:
            IsolossError: as `start`.
        """
        self._begin(write, out, "export", then)

    def compare(self, arguments: Sequence[str], out: Path) -> None:
        """Draw runs, in a process of its own, with these arguments of `isoloss compare`.

        Raises:
            IsolossError: the job cannot be started.
        """
        self.active.append(Rendering(self._job(arguments, out, "compare"), None))

    def _job(self, arguments: Sequence[str], out: Path, verb: str = "render") -> RenderJob:
        return RenderJob(arguments, out, verb, nice=self._preferences.nice_jobs)

    def update(self) -> bool:
        """Take note of jobs that have ended; returns whether any has."""
        ended = [r for r in self.active if r.job.exit_code is not None]
        for rendering in ended:
            self.active.remove(rendering)
            _remove(rendering.folder)
            job = rendering.job
            for message in job.said:
                self.messages.say(message, "warning")
            if job.written is not None:
                self.messages.say(f"Saved {job.written}", "done")
                if rendering.then is not None:
                    rendering.then(job.written)
            elif job.cancelled:
                self.messages.say(f"Cancelled: {job.out.name} was not written")
            else:
                self.messages.say(job.problem, "error")
        return bool(ended)

    def end(self) -> None:
        """Cancel what is on its way: the window closes."""
        for rendering in self.active:
            rendering.job.cancel()
            rendering.job.wait()
            _remove(rendering.folder)
        self.active.clear()

    def draw(self, rect: Rect) -> None:
        """A card for each, at the bottom right of `rect`."""
        left, _, right, bottom = rect
        bottom -= em(3.4)  # above the hints
        card = min(em(20), right - left - em(1.2))
        for k, rendering in enumerate(self.active):
            imgui.set_next_window_pos(ImVec2(right - em(0.6), bottom), 0, ImVec2(1, 1))
            imgui.set_next_window_size(ImVec2(card, 0))
            imgui.begin(f"rendering##{k}", None, CARD)
            self._card(rendering, card)
            bottom -= imgui.get_window_size().y + em(0.4)
            imgui.end()

    def _card(self, rendering: Rendering, card: float) -> None:
        job, side = rendering.job, imgui.get_frame_height()
        imgui.align_text_to_frame_padding()
        room = card - side - em(1.6)
        imgui.text_unformatted(shortened(f"{rendering.does} {job.out.name}", room))
        imgui.same_line(card - side - em(0.5))
        if icon_button(fa.ICON_FA_XMARK, "cancel", "Cancel", color=palette().muted):
            job.cancel()
        if job.cancelled:
            muted("Cancelling…")
        elif job.progress is None:
            muted("Under way…")
        else:
            thin_progress(job.progress.fraction, palette().accent, em(0.35))
            muted(f"{job.progress.done} of {job.progress.total} frames")


def _remove(folder: Path | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
