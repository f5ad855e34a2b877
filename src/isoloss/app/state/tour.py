"""The tour: six steps on the digits, each of which stands on a run of its own in the runs folder.

What has been done of it is what these runs say, so it can be left and gone on with anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from isoloss.app.state.runs.accuracy_curves import radius_text
from isoloss.app.state.workspace import Workspace
from isoloss.jobs.follow import FollowedRun
from isoloss.library.entry import Entry
from isoloss.naming import percent
from isoloss.results.tables import Row

Phase = Literal["blocked", "asks", "works", "stopped", "done"]
"""Of a step: an earlier one comes first; it is about to be started; its run is at work, or waits;
its run has ended before it was done; there is something to be touched."""
TRAIN, ATTACK, DEFEND, CERTIFY = "tour-train", "tour-attack", "tour-defend", "tour-certify"
PROBE = "tour-probe"
EPSILONS = (0.02, 0.05, 0.1)
"""Of both attacks, so that they can be compared."""
SIGMAS = (0.25, 1.0)
"""Little noise and much, of the certificates."""
WITHIN = (0.25, 1.0)
"""Radii at which these are told."""


@dataclass(frozen=True)
class Touch:
    """Something that can be done with what a step has found.

    Attributes:
        text: what, as a person is told.
        watch: what changes once it has been done.
    """

    text: str
    watch: Callable[[TourState], object]


@dataclass(frozen=True)
class Step:
    """One stop.

    Attributes:
        title: one word.
        text: what it explains.
        run: the name of the run it stands on; "" where it starts none.
        needs: the names of the runs that have to be done before.
        kind: of the run.
        asked: what the run is asked for, beside the network that the first step has trained.
        panel: where the result is seen.
        spot: the part of that which is pointed at.
        touches: what can be done there.
        found: what the result says, in a sentence.
        grows: whether the result can be touched while the run is at work.
    """

    title: str
    text: str
    panel: str
    spot: str
    touches: tuple[Touch, ...]
    found: Callable[[TourState], str]
    run: str = ""
    needs: tuple[str, ...] = ()
    kind: str = ""
    asked: Mapping[str, Any] = field(default_factory=dict[str, Any])
    grows: bool = False


class TourState:
    """Where a person is on the tour, and what its runs are at.

    Attributes:
        is_open: whether it is under way.
        drags: how often what is pointed at has been dragged.
        pointed: where the cursor was last over that.
        touched: which of the step's touches have been done.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.is_open = False
        self.drags = 0
        self.pointed: tuple[float, float] | None = None
        self.touched: set[int] = set()
        self._before: list[object] = []
        self._known: tuple[int, dict[Path, Entry]] = (-1, {})

    @property
    def index(self) -> int:
        """Of the step at hand; it outlives the session."""
        return min(max(self.workspace.preferences.tour, 0), len(STEPS) - 1)

    @property
    def step(self) -> Step:
        """The one at hand."""
        return STEPS[self.index]

    def can_touch(self, phase: Phase) -> bool:
        """Whether there is something to be touched."""
        return phase == "done" or (phase == "works" and self.step.grows)

    def go_to(self, index: int) -> None:
        """Go to a step."""
        preferences = self.workspace.preferences
        if preferences.tour != index:
            preferences.tour = index
            preferences.save()
        self.touched = set()
        self.watch_anew()

    def watch_anew(self) -> None:
        """What is there in the next frame is how it was before anything was touched."""
        self._before = []

    def leave(self) -> None:
        """Put the tour away; it goes on from here, after its end from the beginning."""
        self.is_open = False
        if self.index == len(STEPS) - 1 and self.phase == "done":
            self.go_to(0)

    def folder(self, run: str) -> Path:
        """Where the run of this name is, or will be."""
        return self.workspace.runs.folder / run

    def followed(self, run: str) -> FollowedRun | None:
        """A run of the tour, while the window follows it."""
        runs, folder = self.workspace.runs, self.folder(run)
        chosen = runs.selected
        is_chosen = chosen is not None and chosen.run.folder == folder
        return runs.of(folder) or (chosen if is_chosen else None)

    def status(self, run: str) -> str:
        """What a run of the tour is at, as the window or else its library knows; "" of none."""
        followed = self.followed(run)
        if followed is not None:
            waits = self.workspace.runs.place(followed) is not None
            return "running" if followed.is_active or waits else followed.status
        library = self.workspace.runs.library
        if self._known[0] != library.version:
            known = {e.folder: e for e in library.entries if e.folder.name.startswith("tour-")}
            self._known = library.version, known
        entry = self._known[1].get(self.folder(run))
        return entry.state if entry is not None else ""

    @property
    def missing(self) -> int | None:
        """The first earlier step whose run has to be done before; None where all are."""
        for name in self.step.needs:
            if self.status(name) != "done":
                return next(k for k, step in enumerate(STEPS) if step.run == name)
        return None

    @property
    def phase(self) -> Phase:
        """How far the step at hand is."""
        status = self.status(self.step.run) if self.step.run else "done"
        if status != "done" and self.missing is not None and status != "running":
            return "blocked"
        if not self.step.run:
            return "done" if self.missing is None else "blocked"
        found: dict[str, Phase] = {"": "asks", "running": "works", "done": "done"}
        return found.get(status, "stopped")

    def values(self) -> dict[str, Any]:
        """What the form of the step at hand is filled in with."""
        values = dict(self.step.asked)
        if TRAIN in self.step.needs:
            values["source"] = self.typed(TRAIN)
        return values

    def typed(self, run: str) -> str:
        """The folder of a run as one would type it."""
        folder, base = self.folder(run), self.workspace.folder
        return str(folder.relative_to(base)) if folder.is_relative_to(base) else str(folder)

    def notice(self) -> None:
        """Tick what has been done with what the step has found; to be called in every frame."""
        now = [touch.watch(self) for touch in self.step.touches]
        if len(self._before) != len(now):
            self._before = now
        self.touched |= {
            k for k, (was, value) in enumerate(zip(self._before, now, strict=True)) if was != value
        }

    def rows(self, run: str) -> list[Row]:
        """What an attack, a defense or a certification of the tour has found, while it is open."""
        evaluation = self.workspace.evaluations.of(self.folder(run))
        return evaluation.rows if evaluation is not None else []


def _accuracy(rows: list[Row], attack: str, eps: float) -> str:
    return next((percent(r.accuracy) for r in rows if r.attack == attack and r.eps == eps), "")


def _learnt(tour: TourState) -> str:
    followed = tour.followed(TRAIN)
    if followed is None or not followed.metrics:
        return ""
    last = followed.metrics[-1]
    return f"{percent(last.test_accuracy)} of the test images are told right."


def _probed(tour: TourState) -> str:
    folder = tour.folder(PROBE)
    layer = next((x for x in tour.workspace.document.layers if x.source == folder), None)
    if layer is None:
        return ""
    values = layer.surface.loss[layer.surface.count > 0]
    if not len(values):
        return ""
    return f"On this plane the loss runs from {values.min():.2g} to {values.max():.2g}."


def _attacked(tour: TourState) -> str:
    rows = tour.rows(ATTACK)
    clean, attacked = _accuracy(rows, "pgd", 0.0), _accuracy(rows, "pgd", EPSILONS[1])
    if not (clean and attacked):
        return ""
    return f"{clean} are right as they are, {attacked} at ε = {radius_text(EPSILONS[1])}."


def _defended(tour: TourState) -> str:
    rows = tour.rows(DEFEND)
    known = [(e, _accuracy(rows, "pgd", e), _accuracy(rows, "eot", e)) for e in EPSILONS[1:]]
    if not all(without and behind for _, without, behind in known):
        return ""
    told = [f"at ε = {radius_text(eps)}, {without} and {behind}" for eps, without, behind in known]
    return f"Right without and with the defense: {'; '.join(told)}."


def _certified(tour: TourState) -> str:
    shares = {(r.sigma, r.eps): r.accuracy for r in tour.rows(CERTIFY) if r.is_certificate}
    if not all((sigma, radius) in shares for sigma in SIGMAS for radius in WITHIN):
        return ""
    told = [
        f"{radius:g}: {' and '.join(percent(shares[sigma, radius]) for sigma in SIGMAS)}"
        for radius in WITHIN
    ]
    little, much = SIGMAS
    return f"With σ = {little:g} and {much:g}, proven within {'; within '.join(told)}."


def _compared(tour: TourState) -> str:
    entry = tour.workspace.runs.library.of(tour.folder(DEFEND))
    asked = int(entry.settings.get("samples", 0)) if entry is not None else 0
    images = max((row.samples for row in tour.rows(DEFEND)), default=asked)
    return f"The defense was attacked on {images} images." if images else ""


def _camera(tour: TourState) -> object:
    camera = tour.workspace.scene.camera
    return camera.azimuth, camera.elevation


def _contours(tour: TourState) -> object:
    appearance = tour.workspace.appearance
    return appearance.contours, appearance.floor_contours, appearance.contour_levels


def _example(tour: TourState) -> object:
    shown = tour.workspace.evaluations.shown
    return shown and shown.browser.image


def _epsilon(tour: TourState) -> object:
    shown = tour.workspace.evaluations.shown
    return shown and shown.browser.eps


STEPS = (
    Step(
        "Train",
        "Training moves the weights step by step so that the loss falls: how surprised the network "
        "is by the true classes. The test images are not trained on; if their loss falls too, it "
        "has learnt more than examples by heart.",
        "Plots",
        "loss",
        (Touch("Drag over the loss curve", lambda tour: tour.drags),),
        _learnt,
        run=TRAIN,
        kind="train",
        asked={"model": "cnn", "epochs": 8, "batch_size": 64, "schedule": "cosine"},
        grows=True,
    ),
    Step(
        "Probe",
        "A landscape is the loss of networks near the trained one, here on the plane in which "
        "training moved most; the line is the way it went. It is a slice: two directions of some "
        "34,000, and others may look otherwise.",
        "Viewport",
        "",
        (
            Touch("Drag to orbit the landscape", _camera),
            Touch("Press C: along a contour the loss is the same", _contours),
        ),
        _probed,
        run=PROBE,
        needs=(TRAIN,),
        kind="probe",
        asked={"plane": "pca", "samples": 256},
        grows=True,
    ),
    Step(
        "Attack",
        "An attack changes an image so that the network errs, and no value by more than ε. PGD "
        "climbs the loss by its gradient, as training descends it, but moves the image in place of "
        "the weights.",
        "Examples",
        "eps",
        (Touch("Move ε until the answer flips (↑ ↓)", _epsilon),),
        _attacked,
        run=ATTACK,
        needs=(TRAIN,),
        kind="attack",
        asked={"attacks": "pgd", "eps": EPSILONS, "samples": 100},
    ),
    Step(
        "Defend",
        "The defense adds noise, which drowns the attack's pattern, and a denoiser takes it away; "
        "the majority of several draws answers. The attacker here knows all this and averages its "
        "gradients over draws (EOT): that is the test that counts.",
        "Examples",
        "pictures",
        (
            Touch("Go to another image: clean, noisy, denoised (→)", _example),
            Touch("Move ε here too (↑ ↓)", _epsilon),
        ),
        _defended,
        run=DEFEND,
        needs=(TRAIN,),
        kind="defend",
        asked={
            "denoiser": "digits-denoiser",
            "attacks": "eot",
            "eps": EPSILONS,
            "samples": 24,
            "steps": 8,
            "draws": 2,
            "votes": 10,
        },
    ),
    Step(
        "Certify",
        "An attack that fails proves nothing: a better one may come. Counting answers under noise "
        "does: within a radius in L2 that of the majority cannot change, but for a probability α "
        "of a mistake. More noise reaches farther and costs answers.",
        "Robustness",
        "radius",
        (Touch("Move over the plot: what is proven within this radius", lambda t: t.pointed),),
        _certified,
        run=CERTIFY,
        needs=(TRAIN,),
        kind="certify",
        asked={
            "denoiser": "digits-denoiser",
            "sigma": SIGMAS,
            "samples": 20,
            "draws": 300,
            "pilot": 30,
        },
    ),
    Step(
        "Compare",
        "Undefended and defended on one axis, attacked within the same ε. The defense moves the "
        "fall to larger ε, and does not end it. The bars are 95 % intervals: they tighten with "
        "more images.",
        "Compare",
        "",
        (Touch("Move over the curves to read them", lambda tour: tour.pointed),),
        _compared,
        needs=(ATTACK, DEFEND),
    ),
)
