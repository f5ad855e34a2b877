"""Everything the window shows, without the window: layers, runs, messages, preferences."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from isoloss.app.state import comparing
from isoloss.app.state.comparing import Differences
from isoloss.app.state.config import Preferences
from isoloss.app.state.forms.begun import BegunRuns
from isoloss.app.state.forms.foresight import Foresight
from isoloss.app.state.forms.form_watch import FormWatch
from isoloss.app.state.forms.known_names import Here
from isoloss.app.state.messages import Messages
from isoloss.app.state.motion import Approach, Flow
from isoloss.app.state.pointing import Pointing
from isoloss.app.state.runs.evaluations import Evaluations, OpenEvaluation
from isoloss.app.state.runs.known_runs import Runs, Spawn
from isoloss.app.state.runs.live_surface import PERIOD, Grown, LiveSurface
from isoloss.app.state.runs.open_curves import Curves, OpenCurve
from isoloss.app.state.runs.run_comparison import RunComparison
from isoloss.app.state.runs.run_layers import keep_hidden, show_beside
from isoloss.app.state.runs.run_table import RunTable
from isoloss.app.state.session.session_keeper import SessionKeeper
from isoloss.errors import IsolossError
from isoloss.geometry.analysis.quantities import quantities_of
from isoloss.jobs.follow import FollowedRun
from isoloss.jobs.job import Job
from isoloss.jobs.trial_job import TrialJob
from isoloss.paths import is_folder
from isoloss.run import Run
from isoloss.run_folder import DEFENDED, is_run
from isoloss.scene.appearance import Appearance
from isoloss.scene.camera import Camera
from isoloss.scene.document import Document
from isoloss.scene.layer import SurfaceLayer
from isoloss.scene.scene import Scene
from isoloss.scene.textures import Texture
from isoloss.settings import AnySettings
from isoloss.settings.sweep import Swept
from isoloss.system.user_folders import cache_folder


class Workspace:
    """What is open, and what can be done with it; `opener` opens files in it.

    Attributes:
        folder: paths that are typed are seen from here.
        live: the surfaces that are kept in step with their runs.
        forms: looks at what is typed into forms; begun: what becomes of the runs they ask for.
        live_period: seconds between two readings of each of these, at least.
        playing: whether the trajectories of the active view are played.
    """

    def __init__(self, folder: Path, preferences: Preferences, spawn: Spawn | None = None) -> None:
        def begin(folders: Sequence[Path]) -> Job:
            return Job(folders, nice=preferences.nice_jobs)

        self.folder = folder
        self.preferences = preferences
        self.messages = Messages(folder)
        further = [*map(Path, preferences.libraries)]
        self.runs = Runs(folder / "runs", self.messages, spawn or begin, further, cache_folder())
        self.foresight = Foresight(
            self.runs.library,
            self.messages,
            lambda words: TrialJob(words, nice=preferences.nice_jobs),
        )
        library = self.runs.library
        self.forms = FormWatch(Here(self.runs.folder, lambda: library.entries))
        self.begun = BegunRuns(library, self.forms, self.messages)
        self.table = RunTable(library, self.messages)
        self.comparison = RunComparison(self.table, self.runs.watch)
        appearance = Appearance(theme=_theme(preferences.theme))
        self.document = Document(views=[Scene(appearance=appearance)])
        self.curves = Curves()
        self.evaluations = Evaluations()
        self.session = SessionKeeper(
            self.document,
            self.curves,
            self.evaluations,
            self.comparison,
            preferences,
            self.messages,
        )
        self.live: list[LiveSurface] = []
        self.live_period = PERIOD
        self.flow, self.approach = Flow(), Approach()
        self.pointing = Pointing()
        self.playing = False
        self._differences = Differences()

    @property
    def scene(self) -> Scene:
        """What the active viewport shows."""
        return self.document.view

    @property
    def appearance(self) -> Appearance:
        """How the active viewport shows it."""
        return self.scene.appearance

    @property
    def shown_surface(self) -> SurfaceLayer | None:
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

    def change(self, **choices: Any) -> None:
        """Change how the scene looks; the names are those of `Appearance`."""
        self.scene.appearance = replace(self.scene.appearance, **choices)

    def set_camera(self, camera: Camera) -> None:
        """Let the active viewport be seen by another camera."""
        self.scene.camera = camera

    # -- layers and curves -------------------------------------------------------------------

    def show(self, layer: SurfaceLayer) -> None:
        """Show a layer in the active viewport and select it, opening it if need be."""
        layer.touch()
        # One surface at a time unless asked otherwise: two at once hide each other.
        is_new = not any(x is layer for x in self.document.layers)
        self.document.add(layer, alone=is_new)
        if is_new and layer.has(Texture.CLASS) and self.appearance.texture is Texture.HEIGHT:
            self.change(texture=Texture.CLASS)  # what such a surface is about
        self.selected = layer

    def _show_first(self, live: LiveSurface, layer: SurfaceLayer) -> None:
        """Open the layer of a run of which there is something to be seen."""
        if live.quantity:
            keep_hidden(self.document, layer)
        elif live.defended:
            show_beside(self.document, layer)
        else:
            self.show(layer)
            open_already = {x.quantity for x in self.live if x.followed is live.followed}
            for name in quantities_of(layer.surface):
                if name not in open_already:
                    self.live.append(LiveSurface(live.followed, quantity=name))

    def toggle_layer(self, layer: SurfaceLayer) -> None:
        """Show or hide a layer in the active viewport."""
        self.scene.hidden ^= {layer}

    def move_selected(self, step: int) -> None:
        """Put the selected layer behind the one after it (or before the one before, `step=-1`)."""
        layers = self.document.layers
        if self.selected in layers:
            at = layers.index(self.selected)
            if 0 <= at + step < len(layers):
                self.document.move(self.selected, at + step + (step > 0))

    def set_opacity(self, opacity: float) -> None:
        """Make the selected layer as opaque as said, in [0, 1]."""
        if self.selected is not None:
            self.selected.opacity = opacity

    def show_in(self, layer: SurfaceLayer, index: int) -> None:
        """Show a layer alone in the viewport with this index."""
        comparing.show_in(self.document, layer, index)
        self.selected = layer

    def show_difference(self, a: SurfaceLayer, b: SurfaceLayer) -> None:
        """Open a − b as a layer, or show it if it is open; what is wrong is a notification."""
        for layer in self.document.layers:
            if layer.derived == (a, b):
                self.show(layer)
                return
        try:
            self.show(comparing.difference_layer(a, b))
        except IsolossError as error:
            self.messages.say(str(error), "error")

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

    def close_curve(self, curve: OpenCurve) -> None:
        """Close a curve; its file stays."""
        self.curves.close(curve)
        self.live = [x for x in self.live if x.curve is not curve]

    def close_all(self) -> None:
        """Close all layers, curves, robustness runs and what is compared, and the session with
        them."""
        for layer in list(self.document.layers):
            self.remove(layer)
        self.document.arrange(1)
        self.close_plots()
        self.session.forget()

    def close_plots(self) -> None:
        """Close all curves and robustness runs, and compare nothing."""
        for curve in list(self.curves.open):
            self.close_curve(curve)
        for evaluation in list(self.evaluations.open):
            self.evaluations.close(evaluation)
        self.comparison.clear()

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
            if is_run(folder):
                followed = self.runs.follow(Run.open(folder))
                self.live.append(
                    LiveSurface(followed, layer, tell=self._warn, quantity=layer.quantity)
                )
            elif folder.name == DEFENDED and is_run(folder.parent):
                followed = self.runs.follow(Run.open(folder.parent))
                self.live.append(LiveSurface(followed, layer, tell=self._warn, defended=True))
        except IsolossError as error:
            self.messages.say(str(error), "warning")

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

    def list_folder(self, folder: Path) -> bool:
        """List the runs in a further folder from now on; what is wrong becomes a notification."""
        folder = self.folder / folder.expanduser()
        if not is_folder(folder):
            self.messages.say(f"there is no folder {folder}", "error")
            return False
        if folder not in self.runs.library.folders:
            self._list_folders([*self.runs.library.folders, folder])
        return True

    def unlist_folder(self, folder: Path) -> None:
        """List the runs in a folder no longer; they stay where they are."""
        self._list_folders([each for each in self.runs.library.folders if each != folder])

    def _list_folders(self, folders: Sequence[Path]) -> None:
        self.runs.library.folders = list(folders)
        self.preferences.libraries = [str(f) for f in folders if f != self.runs.folder]
        self.preferences.save()
        self.runs.watch.look()

    def start_sweep(self, out: Path, runs: Sequence[Swept]) -> bool:
        """Start the runs of a sweep, and list them; what is wrong becomes a notification."""
        try:
            shared = self.runs.start_sweep(out.expanduser(), runs)
        except IsolossError as error:
            self.messages.say(str(error), "error")
            return False
        self.table.words = f"tag:{shared}"
        self.comparison.compare_tag(shared)
        return True

    def resume(self, followed: FollowedRun) -> None:
        """Resume a run when it is its turn, and keep its layer in step again; what is wrong becomes
        a notification."""
        try:
            Run.open(followed.run.folder)
        except IsolossError as error:
            self.messages.say(str(error), "error")
            return
        self.runs.wait_for_turn([followed.run])
        for live in self.live:
            if live.followed is followed:
                live.finished = False

    def resume_and_show(self, runs: Sequence[Run]) -> None:
        """Resume `runs` in one job, and show what they find.

        Raises:
            IsolossError: if the job cannot be started.
        """
        for followed in self.runs.resume(runs):
            self._show_results(followed)

    def _show_results(self, followed: FollowedRun) -> None:
        """Show what a run finds, now or as soon as it finds something."""
        if followed.run.settings.leaves_surface:
            self.show_surface(followed)
        elif followed.run.settings.is_robustness:
            self.show_evaluation(followed)

    def _forget(self, followed: FollowedRun) -> None:
        """Tell no more of a run of which nothing is left."""
        folder = followed.run.folder
        self.live = [live for live in self.live if live.followed is not followed]
        if (evaluation := self.evaluations.of(folder)) is not None:
            self.evaluations.close(evaluation)
        self.runs.drop(folder)

    def show_surface(self, followed: FollowedRun) -> None:
        """Show the surface of a run as a layer or a curve, now or as soon as it has one."""
        settings = followed.run.settings
        if not any(live.followed is followed for live in self.live):
            self.live.append(LiveSurface(followed, tell=self._warn))
            if settings.kind == "probe-input" and settings.noise is not None:
                self.live.append(LiveSurface(followed, tell=self._warn, defended=True))

    def _warn(self, line: str) -> None:
        self.messages.say(line, "warning")

    def show_evaluation(self, followed: FollowedRun) -> OpenEvaluation:
        """Bring the accuracies of an attack, a defense or a certification to the front."""
        is_new = self.evaluations.of(followed.run.folder) is None
        shown = self.evaluations.show(followed)
        if is_new:
            self._report_problems(shown)
        return shown

    def _report_problems(self, evaluation: OpenEvaluation) -> None:
        for problem in evaluation.problems.values():
            self.messages.say(problem, "error")

    # -- what happens meanwhile --------------------------------------------------------------

    def update(self, now: float | None = None) -> bool:
        """Take in what jobs have done since; returns whether anything changed.

        Args:
            now: seconds on the clock of `time.monotonic`, which is asked by default.
        """
        now = time.monotonic() if now is None else now
        self._stand_somewhere()
        changed = self.runs.update(now) | self.foresight.update() | self.comparison.update(now)
        for refused in self.begun.update(now):
            changed = True
            self._forget(refused)
        for evaluation in self.evaluations.update(now):
            changed = True
            self._report_problems(evaluation)
        read: dict[Path, Grown] = {}
        for live in list(self.live):
            try:
                if not live.update(now, self.live_period, read):
                    continue
            except IsolossError as error:
                self.messages.say(str(error), "error")
                self.live.remove(live)
                continue
            changed = True
            self.flow.feed(now, live.changed, self.live_period)
            if live.layer is not None and not any(x is live.layer for x in self.scene.layers):
                self._show_first(live, live.layer)
            if live.curve is not None and not any(x is live.curve for x in self.curves.open):
                self.curves.show(live.curve)
        return self._differences.update(self.document.layers) or changed

    def _stand_somewhere(self) -> None:
        """Go to where paths can be seen from, if the folder of the window has been deleted."""
        try:
            Path.cwd()
        except OSError:
            there = next(filter(is_folder, self.folder.parents))
            os.chdir(there)
            self.messages.say(
                f"the folder {self.folder} is gone: paths are seen from {there} now", "error"
            )
            self.folder = self.messages.folder = there

    def move(self, now: float | None = None) -> bool:
        """Let shapes come nearer to what they are to be; returns whether any is on its way."""
        return self.approach.move(self.scene.layers, now)

    @property
    def live_cost(self) -> float:
        """Seconds that the last readings of what grows took together."""
        return sum(live.seconds for live in self.live if not live.finished)

    @property
    def is_streaming(self) -> bool:
        """Whether there are news to be shown: a job is at work, or runs are looked for."""
        at_work = bool(self.runs.active) or self.foresight.trial is not None
        at_work |= self.forms.is_busy or self.comparison.is_reading
        return at_work or not self.runs.library.is_whole


def _theme(name: str) -> Literal["dark", "light"]:
    return "light" if name == "light" else "dark"
