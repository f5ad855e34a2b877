"""The forms in front of a person, and what becomes of the runs that they ask for."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from isoloss.app.state.forms.form_watch import FormWatch
from isoloss.app.state.forms.settings_form import Form
from isoloss.app.state.forms.trained import short
from isoloss.app.state.messages import Messages
from isoloss.errors import IsolossError
from isoloss.events import Failed, Started
from isoloss.jobs.follow import FollowedRun
from isoloss.library.library import Library
from isoloss.run import Run
from isoloss.settings import AnySettings

AGAIN = 2.0
"""Seconds after which the form that is shown is looked at again."""


@dataclass(frozen=True)
class Begun:
    """A run that a form has asked for, when so much had been typed into it."""

    form: Form
    version: int
    followed: FollowedRun


class BegunRuns:
    """Keeps forms in step with the world.

    Attributes:
        shown: the form that is to be seen.
    """

    def __init__(self, library: Library, watch: FormWatch, messages: Messages) -> None:
        self._library, self._watch, self._messages = library, watch, messages
        self._begun: list[Begun] = []
        self._refused: list[Begun] = []
        self._looked = -AGAIN, -1
        self.shown: Form | None = None

    def remember(self, form: Form, followed: FollowedRun) -> None:
        """A form has asked for a run, which now begins or waits."""
        self._begun.append(Begun(form, form.version, followed))

    def update(self, now: float) -> list[FollowedRun]:
        """Look again at the form that is shown, once the world may have changed.

        Returns:
            runs that were refused before they did anything, of which nothing is left: their forms
            say why.
        """
        looked, version = self._looked
        if self.shown is not None and (version != self._library.version or now > looked + AGAIN):
            self._looked = now, self._library.version
            self.shown.look_again()
        ended = [b for b in self._begun if b.followed.status in ("failed", "done", "paused")]
        for begun in ended:
            self._begun.remove(begun)
            if begun.followed.status == "failed":
                self._watch.do(lambda begun=begun: self._take_back(begun))
        refused, self._refused = self._refused, []
        for begun in refused:
            if begun.form.version == begun.version:
                begun.form.refuse(begun.followed.failure)
                self._messages.dismiss_of(begun.followed.run.folder)
        return [begun.followed for begun in refused]

    def _take_back(self, begun: Begun) -> None:
        """Remove the folder of a run that has done nothing."""
        run = begun.followed.run
        if not did_nothing(run):
            return
        if run.is_held:  # its process is about to end
            self._begun.append(begun)
        else:
            shutil.rmtree(run.folder, ignore_errors=True)
            self._refused.append(begun)


def why_taken(folder: Path, settings: AnySettings) -> str:
    """Why a folder cannot hold a run, in the words of a form; "" where it can."""
    try:
        Run.begun(folder, settings)
    except (IsolossError, OSError) as error:
        said = str(error).partition(", or resume")[0]
        return said.replace(str(folder), short(folder))
    return ""


def did_nothing(run: Run) -> bool:
    """Whether a run has failed before it knew where to compute: what was asked for was refused."""
    try:
        events = [event for _, event in run.events()]
    except (IsolossError, OSError):
        return False
    begun = [event for event in events if isinstance(event, Started)]
    is_alone = all(isinstance(event, Started | Failed) for event in events)
    return is_alone and bool(begun) and not any(event.device for event in begun)
