"""What has newly been opened, as far as layouts go by it."""

from __future__ import annotations

from isoloss.app.state.workspace import Workspace


class Opened:
    """Tells surfaces and curves from robustness runs."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._landscapes: set[object] = set()
        self._evaluations: set[object] = set()

    @property
    def has_nothing(self) -> bool:
        """Whether nothing is open."""
        return not (self._landscapes or self._evaluations)

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
        if new_landscape:
            return "surface"
        return "robustness" if new_evaluation else ""
