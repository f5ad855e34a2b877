"""What the run that a form asks for will take: told from runs like it, or from a trial."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from isoloss.app.state.messages import Messages
from isoloss.errors import IsolossError
from isoloss.jobs.trial_job import TrialJob
from isoloss.library.estimate import Estimate, estimate
from isoloss.library.library import Library
from isoloss.settings import AnySettings
from isoloss.settings.text import command_line

MOST = 200
"""Runs of a library that are looked at, the newest."""

Spawn = Callable[[Sequence[str]], TrialJob]


class Foresight:
    """Estimates of what forms ask for.

    Attributes:
        trial: that is under way; None while there is none.
    """

    def __init__(self, library: Library, messages: Messages, spawn: Spawn = TrialJob) -> None:
        self._library, self._messages, self._spawn = library, messages, spawn
        self._key: tuple[object, ...] = ()
        self._told: Estimate | None = None
        self._tried: dict[str, Estimate] = {}
        self._trying = ""
        self._to_try: list[AnySettings] = []
        self.trial: TrialJob | None = None

    def of(self, runs: Sequence[AnySettings]) -> Estimate | None:
        """What runs take one after the other; None where nothing tells."""
        key = (self._library.version, len(self._tried), *runs)
        if key != self._key:
            self._key = key
            found = [self._of_one(settings) for settings in runs]
            known = [each for each in found if each is not None]
            self._told = None
            if known and len(known) == len(found):
                seconds = sum(each.seconds for each in known)
                self._told = Estimate(seconds, max(e.memory for e in known), known[0].basis)
        return self._told

    def _of_one(self, settings: AnySettings) -> Estimate | None:
        tried = self._tried.get(settings.model_dump_json())
        if tried is not None:
            return tried
        newest = [e for e in self._library.entries if e.kind == settings.kind][:MOST]
        return estimate(settings, newest)

    def begin_trials(self, runs: Sequence[AnySettings]) -> None:
        """Try each of the runs for a second, one after the other; what is wrong becomes a
        notification."""
        self._to_try = [*runs[1:]]
        self._begin(runs[0])

    def _begin(self, settings: AnySettings) -> None:
        words = shlex.split(command_line(settings, Path("trial")))
        try:
            self.trial = self._spawn(words[1:])
            self._trying = settings.model_dump_json()
        except IsolossError as error:
            self._messages.say(str(error), "error")

    def cancel(self) -> None:
        """Stop the trial."""
        if self.trial is not None:
            self.trial.cancel()
            self.trial, self._to_try = None, []

    def update(self) -> bool:
        """Take in the end of a trial; returns whether it has come."""
        if self.trial is None or not self.trial.is_done:
            return False
        found = self.trial.found
        if found is None:
            self._messages.say(f"The trial failed: {self.trial.problem}", "error")
            self._to_try = []
        else:
            self._tried[self._trying] = Estimate(*found, "a trial of 1 s")
        self.trial = None
        if self._to_try:
            self._begin(self._to_try.pop(0))
        return True
