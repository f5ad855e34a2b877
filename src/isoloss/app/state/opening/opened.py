"""What has newly been opened, as far as layouts go by it."""

from __future__ import annotations

from isoloss.app.state.workspace import Workspace


class Opened:
    """Tells surfaces and curves, robustness runs, and comparisons out of sessions apart."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._landscapes: set[object] = set()
        self._evaluations: set[object] = set()
        self._restored = 0

    @property
    def has_nothing(self) -> bool:
        """Whether nothing is open."""
        is_compared = self._workspace.comparison.is_of_any
        return not (self._landscapes or self._evaluations or is_compared)

    def news(self, *, at_work: bool) -> str:
        """What has been opened since the last news, as `layouts.Shape.suits` calls it; "" if
        nothing was.

        Args:
            at_work: whether a person holds or types something: news wait until that is over.
        """
        workspace = self._workspace
        landscapes: set[object] = {*workspace.document.layers, *workspace.curves.open}
        evaluations: set[object] = {*workspace.evaluations.open}
        if at_work:
            self._landscapes &= landscapes
            self._evaluations &= evaluations
            return ""
        new_landscape = bool(landscapes - self._landscapes)
        new_evaluation = bool(evaluations - self._evaluations)
        self._landscapes, self._evaluations = landscapes, evaluations
        restored = workspace.comparison.restored
        new_comparison, self._restored = restored != self._restored, restored
        if new_landscape:
            return "surface"
        if new_evaluation:
            return "robustness"
        return "comparison" if new_comparison else ""
