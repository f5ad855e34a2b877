"""Everything the window shows, without the window: layers, runs, messages, preferences."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from isoloss.app.config import Preferences
from isoloss.app.live import PERIOD, LiveSurface
from isoloss.app.messages import Messages
from isoloss.app.runs import Runs, Spawn
from isoloss.errors import IsolossError
from isoloss.geometry.formats import load, load_trajectory
from isoloss.geometry.trajectory import Trajectory
from isoloss.jobs.follow import FollowedRun
from isoloss.jobs.job import Job
from isoloss.resources import resource_folder
from isoloss.run import Run
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Camera
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import Scene
from isoloss.settings import AnySettings, ProbeSettings

SUFFIXES = (".ply", ".npz", ".h5", ".hdf5")
"""The files that can be opened, besides run folders."""


class Workspace:
    """What is open, and what can be done with it."""

    def __init__(self, folder: Path, preferences: Preferences, spawn: Spawn = Job) -> None:
        self.folder = folder
        self.preferences = preferences
        self.messages = Messages()
        self.runs = Runs(folder / "runs", self.messages, spawn)
        self.scene = Scene(appearance=Appearance(theme=_theme(preferences.theme)))
        self.selected: SurfaceLayer | None = None
        self.live: list[LiveSurface] = []
        self.live_period = PERIOD
        # Hidden trajectories: what a layer does not hold is not drawn.
        self._stowed: dict[SurfaceLayer, Trajectory] = {}

    # -- opening -----------------------------------------------------------------------------

    def load(self, path: Path) -> None:
        """Open a surface file or a run folder.

        Raises:
            IsolossError: if there is nothing readable.
        """
        path = path.expanduser().absolute()
        if (path / "run.json").exists():
            self._load_run(path)
        else:
            surface = load(path)
            name = path.parent.name if path.stem == "surface" else path.stem
            layer = self._layer_of(path) or SurfaceLayer(name or path.parent.name, surface)
            layer.surface, layer.source = surface, path
            self._add_trajectory(layer, path)
            self._show(layer)
        self.preferences.remember(path)

    def open(self, path: Path) -> bool:
        """As `load`, but what is wrong becomes a notification; returns whether it could be read."""
        try:
            self.load(path)
        except IsolossError as error:
            # Paths below the working folder are told as one would type them.
            self.messages.say(str(error).replace(f"{self.folder}{os.sep}", ""), "error")
            return False
        except Exception as error:  # a hostile file must never take the window along
            self.messages.say(f"cannot read {path}: {type(error).__name__}: {error}", "error")
            return False
        self.messages.say(f"Opened {path}", notify=False)
        return True

    def samples(self) -> list[Path]:
        """The sample surfaces that ship."""
        found = sorted((resource_folder("data") / "surfaces").glob("*.ply"))
        return [p for p in found if not p.stem.endswith("-trajectory")]

    # -- layers ------------------------------------------------------------------------------

    def remove(self, layer: SurfaceLayer) -> None:
        """Take a layer out of the scene; its file stays."""
        self.scene.layers = [x for x in self.scene.layers if x is not layer]
        self.live = [x for x in self.live if x.layer is not layer]
        self._stowed.pop(layer, None)
        if self.selected is layer:
            self.selected = self.scene.layers[-1] if self.scene.layers else None

    def show_surface(self, followed: FollowedRun) -> None:
        """Show the surface of a run as a layer, now or as soon as it has one."""
        if not any(live.followed is followed for live in self.live):
            self.live.append(LiveSurface(followed))

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
        if isinstance(settings, ProbeSettings):
            self.show_surface(followed)
        return True

    def carry_on(self, runs: Sequence[Run]) -> None:
        """Carry on `runs` in one job, and show the surfaces they grow.

        Raises:
            IsolossError: if the job cannot be started.
        """
        for followed in self.runs.carry_on(runs):
            if isinstance(followed.run.settings, ProbeSettings):
                self.show_surface(followed)

    def toggle_trajectory(self, layer: SurfaceLayer) -> None:
        """Show or hide the trajectory of one layer."""
        if not self.appearance.trajectory:
            self.change(trajectory=True)
            if layer not in self._stowed:
                return
        if layer in self._stowed:
            layer.trajectory = self._stowed.pop(layer)
        elif layer.trajectory is not None:
            self._stowed[layer] = layer.trajectory
            layer.trajectory = None
        layer.touch()

    def trajectory_of(self, layer: SurfaceLayer) -> Trajectory | None:
        """The trajectory of a layer, shown or hidden."""
        return layer.trajectory or self._stowed.get(layer)

    def is_trajectory_shown(self, layer: SurfaceLayer) -> bool:
        """Whether the trajectory of a layer is drawn."""
        return self.appearance.trajectory and layer.trajectory is not None

    def resume(self, followed: FollowedRun) -> None:
        """Carry a run on, and keep its surface's layer in step again."""
        self.runs.resume(followed)
        for live in self.live:
            if live.followed is followed:
                live.finished = False

    def show_again(self, followed: FollowedRun) -> None:
        """Bring the surface of a run to the front, opening it if need be."""
        for layer in self.scene.layers:
            if layer.source == followed.run.folder:
                self._show(layer)
                return
        self.live = [live for live in self.live if live.followed is not followed]
        self.open(followed.run.folder)

    def update(self) -> bool:
        """Take in what jobs have done since; returns whether anything changed."""
        changed = self.runs.update()
        for live in list(self.live):
            try:
                if not live.update(period=self.live_period):
                    continue
            except IsolossError as error:
                self.messages.say(str(error), "error")
                self.live.remove(live)
                continue
            changed = True
            if live.layer is not None and not any(x is live.layer for x in self.scene.layers):
                self._show(live.layer)
        return changed

    @property
    def is_streaming(self) -> bool:
        """Whether a job is at work whose news we show."""
        return bool(self.runs.active)

    # -- inner workings ----------------------------------------------------------------------

    def _load_run(self, folder: Path) -> None:
        run = Run.open(folder)
        followed = self.runs.follow(run)
        if not isinstance(run.settings, ProbeSettings):
            self.messages.say(f"{run.name} is a training run: probe it to see its surface")
            return
        self.show_surface(followed)
        self.update()
        if not any(live.followed is followed and live.layer for live in self.live):
            self.messages.say(f"{run.name} has no surface yet: it appears here once it has")

    def _add_trajectory(self, layer: SurfaceLayer, path: Path) -> None:
        try:
            layer.trajectory = load_trajectory(path)
        except IsolossError as error:
            self.messages.say(str(error), "warning")

    def _layer_of(self, path: Path) -> SurfaceLayer | None:
        return next((x for x in self.scene.layers if x.source == path), None)

    def _show(self, layer: SurfaceLayer) -> None:
        layer.touch()
        if not any(x is layer for x in self.scene.layers):
            # One surface at a time unless asked otherwise: two at once hide each other.
            for other in self.scene.layers:
                other.visible = False
            self.scene.layers = [*self.scene.layers, layer]
        layer.visible = True
        self.selected = layer


def _theme(name: str) -> Literal["dark", "light"]:
    return "light" if name == "light" else "dark"


def open_all(workspace: Workspace, paths: Sequence[Path]) -> None:
    """Open what the command line named.

    Raises:
        IsolossError: the first thing wrong, if nothing could be opened.
    """
    problems: list[IsolossError] = []
    for path in paths:
        try:
            workspace.load(path)
        except IsolossError as error:
            problems.append(error)
    if problems and len(problems) == len(paths):
        raise problems[0]
    for problem in problems:
        workspace.messages.say(str(problem), "error")
