"""Everything the window shows, without the window: layers, runs, messages, preferences."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from isoloss.app.state import comparing
from isoloss.app.state.comparing import Differences
from isoloss.app.state.config import Preferences
from isoloss.app.state.curves import Curves, OpenCurve
from isoloss.app.state.evaluations import Evaluations, OpenEvaluation
from isoloss.app.state.live import PERIOD, Flow, LiveSurface
from isoloss.app.state.messages import Messages
from isoloss.app.state.pointing import Pointing
from isoloss.app.state.runs import Runs, Spawn
from isoloss.app.state.session_keeper import SessionKeeper
from isoloss.errors import IsolossError
from isoloss.geometry.files.reading import is_trajectory, load, load_trajectories
from isoloss.jobs.follow import FollowedRun
from isoloss.jobs.job import Job
from isoloss.resources import resource_folder
from isoloss.run import TABLE, Run
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Camera
from isoloss.scene.document import Document
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import Scene
from isoloss.scene.session import SUFFIX
from isoloss.settings import AnySettings, ProbeSettings, RobustnessSettings

APPROACH = 0.15
"""Seconds in which a surface moves from the shape that was shown to its new one."""


class Workspace:
    """What is open, and what can be done with it."""

    def __init__(self, folder: Path, preferences: Preferences, spawn: Spawn = Job) -> None:
        self.folder = folder
        self.preferences = preferences
        self.messages = Messages(folder)
        self.runs = Runs(folder / "runs", self.messages, spawn)
        look = Appearance(theme=_theme(preferences.theme))
        self.document = Document(views=[Scene(appearance=look)])
        self.curves = Curves()
        self.evaluations = Evaluations()
        self.live: list[LiveSurface] = []
        self.pointing = Pointing()
        self.playing = False
        self.session = SessionKeeper(self)
        self._differences = Differences()
        self.flow = Flow()
        self.live_period = PERIOD
        self.approach = APPROACH
        self._moved = time.monotonic()

    @property
    def scene(self) -> Scene:
        """What the active viewport shows."""
        return self.document.view

    @property
    def subject(self) -> SurfaceLayer | None:
        """The selected surface if the active viewport shows it, else the first that it shows."""
        shown = self.scene.shown
        return self.selected if self.selected in shown else next(iter(shown), None)

    @property
    def selected(self) -> SurfaceLayer | None:
        """The layer that panels tell about."""
        return self.document.selected

    @selected.setter
    def selected(self, layer: SurfaceLayer | None) -> None:
        self.document.selected = layer

    # -- opening -----------------------------------------------------------------------------

    def load(self, path: Path, *, remember: bool = True) -> None:
        """Open a surface file, a curve file, a run folder or a session.

        Args:
            remember: whether it is to be among the recent ones.

        Raises:
            IsolossError: if there is nothing readable.
        """
        path = path.expanduser().absolute()
        if path.suffix == SUFFIX:
            self.session.open(path)
        elif (path / "run.json").exists():
            self._load_run(path)
        elif path.name == TABLE and (path.parent / "run.json").exists():
            self._load_run(path.parent)
        else:
            surface = load(path)
            stem = path.stem if path.stem not in ("surface", "curve") else path.parent.name
            name = stem or path.parent.name
            if surface.is_curve:
                curve = self.curves.of(path) or OpenCurve(name, surface, path)
                curve.become(surface)
                self.curves.show(curve)
            else:
                layer = self._layer_of(path) or SurfaceLayer(name, surface)
                layer.surface, layer.source = surface, path
                self._add_trajectories(layer, path)
                self._show(layer)
        if remember:
            self.preferences.remember(path)

    def open(self, path: Path, *, remember: bool = True) -> bool:
        """As `load`, but what is wrong becomes a notification; returns whether it could be read."""
        try:
            self.load(path, remember=remember)
        except IsolossError as error:
            self.messages.say(str(error), "error")
            return False
        except Exception as error:  # a hostile file must never take the window along
            self.messages.say(f"cannot read {path}: {type(error).__name__}: {error}", "error")
            return False
        self.messages.say(f"Opened {path}", notify=False)
        return True

    def samples(self) -> list[Path]:
        """The sample surfaces that ship."""
        found = sorted((resource_folder("data") / "surfaces").glob("*.ply"))
        return [p for p in found if not is_trajectory(p)]

    # -- layers ------------------------------------------------------------------------------

    def remove(self, layer: SurfaceLayer) -> None:
        """Take a layer out of the scene; its file stays."""
        self.document.remove(layer)
        self.live = [x for x in self.live if x.layer is not layer]
        if self.selected is layer:
            self.selected = self.scene.layers[-1] if self.scene.layers else None
        if not self.document.layers:
            self._begin_anew()

    def _begin_anew(self) -> None:
        """Where nothing is open, what is opened next is seen from the front, with whole paths."""
        self.playing = False
        for view in self.document.views:
            view.camera = view.camera.reset()
            view.appearance = replace(view.appearance, epoch=None)

    def close_all(self) -> None:
        """Close all layers, curves and robustness runs, and the session with them."""
        for layer in list(self.document.layers):
            self.remove(layer)
        for curve in list(self.curves.open):
            self.close_curve(curve)
        for evaluation in list(self.evaluations.open):
            self.evaluations.close(evaluation)
        self.session.forget()

    def after_restoring(self) -> None:
        """Bring the rest in line with a document whose layers have been exchanged."""
        layers = self.document.layers
        if not any(x is self.selected for x in layers):
            self.selected = next(reversed(self.scene.shown or layers), None)
        self.live = [x for x in self.live if x.layer is None or x.layer in layers]
        followed = [x.layer for x in self.live]
        for layer in layers:
            if layer.source is not None and layer not in followed:
                self._follow_again(layer, layer.source)

    def _follow_again(self, layer: SurfaceLayer, folder: Path) -> None:
        """Keep a layer in step with the run it comes from."""
        try:
            if (folder / "run.json").exists():
                self.live.append(LiveSurface(self.runs.follow(Run.open(folder)), layer))
        except IsolossError as error:
            self.messages.say(str(error), "warning")

    def close_curve(self, curve: OpenCurve) -> None:
        """Close a curve; its file stays."""
        self.curves.close(curve)
        self.live = [x for x in self.live if x.curve is not curve]

    def show_surface(self, followed: FollowedRun) -> None:
        """Show the surface of a run as a layer or a curve, now or as soon as it has one."""
        if not any(live.followed is followed for live in self.live):
            self.live.append(LiveSurface(followed))

    def show_evaluation(self, followed: FollowedRun) -> OpenEvaluation:
        """Bring the accuracies of an attack, a defense or a certification to the front."""
        is_new = self.evaluations.of(followed.run.folder) is None
        shown = self.evaluations.show(followed)
        if is_new:
            self._tell_problems(shown)
        return shown

    def _tell_problems(self, evaluation: OpenEvaluation) -> None:
        for problem in evaluation.problems.values():
            self.messages.say(problem, "error")

    def _show_results(self, followed: FollowedRun) -> None:
        """Show what a run finds, now or as soon as it finds something."""
        if isinstance(followed.run.settings, ProbeSettings):
            self.show_surface(followed)
        elif isinstance(followed.run.settings, RobustnessSettings):
            self.show_evaluation(followed)

    @property
    def appearance(self) -> Appearance:
        return self.scene.appearance

    def change(self, **choices: Any) -> None:
        """Change how the scene looks; the names are those of `Appearance`."""
        self.scene.appearance = replace(self.scene.appearance, **choices)

    def look(self, camera: Camera) -> None:
        """Look from elsewhere."""
        self.scene.camera = camera

    # -- runs --------------------------------------------------------------------------------

    def start(self, folder: Path, settings: AnySettings) -> bool:
        """Start a run; what is wrong becomes a notification."""
        try:
            followed = self.runs.start(folder.expanduser(), settings)
        except IsolossError as error:
            self.messages.say(str(error), "error")
            return False
        self._show_results(followed)
        return True

    def carry_on(self, runs: Sequence[Run]) -> None:
        """Carry on `runs` in one job, and show the surfaces they grow.

        Raises:
            IsolossError: if the job cannot be started.
        """
        for followed in self.runs.carry_on(runs):
            self._show_results(followed)

    def toggle_trajectory(self, layer: SurfaceLayer, index: int) -> None:
        """Show or hide one trajectory of a layer; hidden by the switch for all, it is shown."""
        if not self.appearance.trajectory:
            self.change(trajectory=True)
            layer.hidden -= {index}
        else:
            layer.hidden ^= {index}

    def is_trajectory_shown(self, layer: SurfaceLayer, index: int) -> bool:
        """Whether one trajectory of a layer is drawn."""
        return self.appearance.trajectory and index not in layer.hidden

    def resume(self, followed: FollowedRun) -> None:
        """Carry a run on, and keep its surface's layer in step again."""
        self.runs.resume(followed)
        for live in self.live:
            if live.followed is followed:
                live.finished = False

    def show_again(self, followed: FollowedRun) -> None:
        """Bring what a run has found to the front, opening it if need be."""
        if isinstance(followed.run.settings, RobustnessSettings):
            self.show_evaluation(followed)
            return
        curve = self.curves.of(followed.run.folder)
        if curve is not None:
            self.curves.show(curve)
            return
        for layer in self.scene.layers:
            if layer.source == followed.run.folder:
                self._show(layer)
                return
        self.live = [live for live in self.live if live.followed is not followed]
        self.open(followed.run.folder)

    def update(self) -> bool:
        """Take in what jobs have done since; returns whether anything changed."""
        changed = self.runs.update()
        for evaluation in self.evaluations.update():
            changed = True
            self._tell_problems(evaluation)
        for live in list(self.live):
            try:
                if not live.update(period=self.live_period):
                    continue
            except IsolossError as error:
                self.messages.say(str(error), "error")
                self.live.remove(live)
                continue
            changed = True
            self.flow.feed(time.monotonic(), live.changed, self.live_period)
            if live.layer is not None and not any(x is live.layer for x in self.scene.layers):
                self._show(live.layer)
            if live.curve is not None and not any(x is live.curve for x in self.curves.open):
                self.curves.show(live.curve)
        return self._differences.update(self.document.layers) or changed

    def move(self, now: float | None = None) -> bool:
        """Let the shapes that have changed come nearer to what they are to be.

        Returns:
            Whether any is still on its way.
        """
        now = time.monotonic() if now is None else now
        # The time since an idle window's last frame must not become a jump.
        elapsed = min(max(now - self._moved, 0.0), self.approach / 4)
        step = elapsed / self.approach if self.approach else 1.0
        self._moved = now
        for layer in self.scene.layers:
            layer.approach = min(layer.approach + step, 1.0)
        return any(layer.approach < 1 for layer in self.scene.layers)

    @property
    def live_cost(self) -> float:
        """Seconds that the last looks at what grows took together."""
        return sum(live.seconds for live in self.live if not live.finished)

    @property
    def is_streaming(self) -> bool:
        """Whether a job is at work whose news we show."""
        return bool(self.runs.active)

    # -- inner workings ----------------------------------------------------------------------

    def _load_run(self, folder: Path) -> None:
        run = Run.open(folder)
        followed = self.runs.follow(run)
        if isinstance(run.settings, RobustnessSettings):
            self.show_evaluation(followed)
            return
        if not isinstance(run.settings, ProbeSettings):
            self.messages.say(f"{run.name} is a training run: probe it to see its surface")
            return
        self.show_surface(followed)
        self.update()
        live = next((x for x in self.live if x.followed is followed), None)
        if live is not None and live.layer is not None:
            self._show(live.layer)
        elif live is not None and live.curve is not None:
            self.curves.show(live.curve)
        else:
            self.messages.say(f"{run.name} has no surface yet: it appears here once it has")

    def _add_trajectories(self, layer: SurfaceLayer, path: Path) -> None:
        try:
            layer.trajectories = tuple(load_trajectories(path))
        except IsolossError as error:
            self.messages.say(str(error), "warning")

    def _layer_of(self, path: Path) -> SurfaceLayer | None:
        return next((x for x in self.scene.layers if x.source == path), None)

    def _show(self, layer: SurfaceLayer) -> None:
        layer.touch()
        # One surface at a time unless asked otherwise: two at once hide each other.
        is_new = not any(x is layer for x in self.document.layers)
        self.document.add(layer, alone=is_new)
        self.selected = layer

    def toggle_layer(self, layer: SurfaceLayer) -> None:
        """Show or hide a layer in the active viewport."""
        self.scene.hidden ^= {layer}

    def show_in(self, layer: SurfaceLayer, index: int) -> None:
        """Show a layer alone in the viewport with this index."""
        comparing.show_in(self.document, layer, index)
        self.selected = layer

    def show_difference(self, a: SurfaceLayer, b: SurfaceLayer) -> None:
        """Open a − b as a layer, or show it if it is open; what is wrong is a notification."""
        for layer in self.document.layers:
            if layer.derived == (a, b):
                self._show(layer)
                return
        try:
            self._show(comparing.difference_layer(a, b))
        except IsolossError as error:
            self.messages.say(str(error), "error")


def _theme(name: str) -> Literal["dark", "light"]:
    return "light" if name == "light" else "dark"


def open_all(workspace: Workspace, paths: Sequence[Path]) -> None:
    """Open what the command line named.

    Raises:
        IsolossError: the first thing wrong, if nothing could be opened.
    """
    problems: list[IsolossError] = []
    # A session takes the place of what is open: it comes first.
    for path in sorted(paths, key=lambda p: p.suffix != SUFFIX):
        try:
            workspace.load(path)
        except IsolossError as error:
            problems.append(error)
    if problems and len(problems) == len(paths):
        raise problems[0]
    for problem in problems:
        workspace.messages.say(str(problem), "error")
