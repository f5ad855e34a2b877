"""A probe over a plane through an image as a run: from a trained network to its surfaces as files.

Undefended and, with a defense, behind it: two surfaces over one plane.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isoloss.compute.engine.schedule import carry_out
from isoloss.compute.machine.process_group import ProcessGroup
from isoloss.compute.machine.torchrun_group import process_group
from isoloss.errors import IsolossError
from isoloss.events import ABOUT_DATA, Event, Log
from isoloss.geometry.arrays import Array
from isoloss.geometry.findings import Finding, findings_of
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.outlines import Outline, outlines_of
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.naming import short_name
from isoloss.paths import exists
from isoloss.results.radii import radius_label
from isoloss.robustness.evaluation.feasibility import check_attacks
from isoloss.robustness.evaluation.same_device import check_same_device
from isoloss.robustness.evaluation.setup import Setup, Subject, load_subject, ready
from isoloss.robustness.evaluation.unit_work import repeatable
from isoloss.robustness.input_space.attempt import attacks_the_network
from isoloss.robustness.input_space.cells import OTHER, PREDICTED, CellSchedule, SeenImages
from isoloss.robustness.input_space.directions import plane_through_image
from isoloss.robustness.input_space.image_plane import ImagePlane
from isoloss.robustness.input_space.masking import masking
from isoloss.robustness.input_space.outlines import cut_of_ball, cut_of_cube
from isoloss.robustness.smoothing.votes import noise_of
from isoloss.run import Run
from isoloss.settings import InputProbeSettings
from isoloss.settings.attack_kinds import attack_of
from isoloss.version import __version__

_SAME = 1e-4
"""By so much rounding may move what a network gives."""


@dataclass(frozen=True)
class SurfaceOfRun:
    """One of the surfaces of a run, and where it lies.

    Attributes:
        defense: what the network is behind, in words; "" for nothing.
    """

    seen: SeenImages
    defense: str
    growing: Path
    finished: Path


@dataclass(frozen=True)
class InputProbing:
    """A run with all it needs at hand."""

    settings: InputProbeSettings
    setup: Setup

    @classmethod
    def prepare(cls, settings: InputProbeSettings, subject: Subject | None = None) -> InputProbing:
        """Load network, image and denoiser, unless they are at hand; refuses what does not fit
        before anything is written."""
        sigmas = [] if settings.noise is None else [settings.noise]
        if settings.precision == "auto":  # rounding would show as ripples
            settings = settings.model_copy(update={"precision": "fp32"})
        setup = ready(settings, subject or load_subject(settings), sigmas)
        check_attacks(setup, settings.attack_names)
        return cls(settings, setup)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.setup.device

    @property
    def depends_on(self) -> dict[str, str]:
        """Hashes of the network, the image, the denoiser and attacks of one's own."""
        return self.setup.depends_on

    def resume(self, run: Run) -> Iterator[Event]:
        """Choose the plane, evaluate what is missing of the surfaces, write what came out."""
        group = process_group()
        check_same_device(run, self.depends_on)
        run.check_unchanged(**self._depends_on(run))
        yield Log(f"{ABOUT_DATA}{self.setup.about_data}")
        with repeatable(self.device, self.setup.precision):
            plane = self._plane(run)
            group.broadcast("plane")
            yield Log(self._in_words(plane))
            found: list[tuple[SurfaceOfRun, Surface]] = []
            for part in self._parts(run):
                growing = yield from self._fill(part, plane, group)
                found.append((part, growing.snapshot()))
            for part, surface in reversed(found):  # the run's own comes last: it is done then
                yield from self._keep(part, surface, plane)

    def serve(self, run: Run) -> None:
        """Help the process that resumes the run, from another one."""
        group = process_group()
        group.broadcast("plane")  # which rank 0 has then written, as what the surfaces depend on
        if run.environment["depends_on"] != self._depends_on(run):
            raise IsolossError(
                f"the network or the data here are not those rank 0 has in {run.folder}"
            )
        plane = ImagePlane.load(run.plane_path).to(self.device)
        with repeatable(self.device, self.setup.precision):
            for part in self._parts(run):
                size = int(json.loads(group.broadcast("engine")))
                part = replace(part, seen=part.seen.in_batches_of(size))
                growing = self._empty(None, part, plane)
                group.serve(CellSchedule(growing, part.seen, plane, clamp=self.settings.clamp).work)

    def _parts(self, run: Run) -> Iterator[SurfaceOfRun]:
        """The network's own surface, and that of the network behind its defense."""
        settings, setup = self.settings, self.setup
        label, size = int(setup.labels[0]), setup.batch_sizes.counting
        network = setup.models[0].reference
        seen = SeenImages(network, None, label, settings.height, size)
        yield SurfaceOfRun(seen, "", run.growing_path, run.surface_path)
        if settings.noise is not None:
            noise = noise_of(setup.images[0], settings.image, settings.draws, settings.seed)
            defense = setup.defense(0, settings.noise)
            seen = SeenImages(defense, noise, label, settings.height, size)
            several = f"mean of {settings.draws} draws" if settings.draws > 1 else "one draw"
            what = "noise" if settings.denoiser is None else "denoised"
            yield SurfaceOfRun(
                seen,
                f"{what} σ = {settings.noise:g}, {several}",
                run.defended_growing_path,
                run.defended_path,
            )

    def _fill(self, part: SurfaceOfRun, plane: ImagePlane, group: ProcessGroup) -> Iterator[Any]:
        """Evaluate what is missing of a surface; returns it."""
        if GrowingSurface.exists(part.growing):
            growing = GrowingSurface.open(part.growing, writable=True)
        else:
            growing = self._empty(part.growing, part, plane)
        size = int(growing.meta["batch_size"])
        group.broadcast("engine", json.dumps(size).encode())
        seen = part.seen.in_batches_of(size)
        schedule = CellSchedule(growing, seen, plane, clamp=self.settings.clamp)
        stage = "defended" if part.defense else "probe"
        yield from carry_out(schedule, schedule.rounds(), group, size, stage)
        if seen.draws > 1:
            # As many cells at once as all their draws are one batch: no more is lost to a kill.
            at_once = max(size // seen.draws, 1)
            yield from carry_out(schedule, schedule.sharpening(), group, at_once, stage)
        if group.ranks.world > 1:
            yield Log(group.units_done)
        group.release()
        return growing

    def _empty(self, folder: Path | None, part: SurfaceOfRun, plane: ImagePlane) -> GrowingSurface:
        settings = self.settings
        axes = [
            np.linspace(*ends, points)
            for ends, points in zip(
                (settings.alpha_range, settings.beta_range), settings.grid, strict=True
            )
        ]
        alpha, beta = axes
        columns = (OTHER[settings.height], PREDICTED)
        about = (alpha, beta, part.seen.draws, True, self._meta(part, plane), columns)
        if folder is None:
            return GrowingSurface.in_memory(*about)
        return GrowingSurface.create(folder, *about)

    def _plane(self, run: Run) -> ImagePlane:
        if not exists(run.plane_path):
            plane_through_image(self.setup, self.settings).save(run.plane_path)
        return ImagePlane.load(run.plane_path).to(self.device)

    def _keep(self, part: SurfaceOfRun, surface: Surface, plane: ImagePlane) -> Iterator[Event]:
        """Say what there is to say of a finished surface, and write it."""
        ball = outlines_of(surface.meta)[0].corners
        paths = [
            self._trajectory(part, plane, name, images) for name, images in plane.paths.items()
        ]
        once, again = (part.seen.values(plane.image[None], part.seen.draws)[0] for _ in range(2))
        findings = [*plane.notes, *self._of_the_image(once), *_of_draws(once, again)]
        of_network = {
            kind.label
            for kind in map(attack_of, self.settings.attack_names)
            if attacks_the_network(kind)
        }
        for path in paths:
            is_transferred = (path.name in of_network) == bool(part.defense)
            # What another network's defense misleads is nobody's gradient here.
            if len(path) > 2 and (part.defense or not is_transferred):
                found = masking(surface, path, ball, is_transferred=is_transferred)
                findings.append(found.plain())
        surface.meta["findings"] = findings
        height, _, right, *_ = map(float, once)
        surface.meta["centre"] = {"split": None, "loss": height, "accuracy": right}
        for finding in findings_of(surface.meta) or ():
            yield Log(f"{finding.level}: {finding.message}")
        replace(surface, trajectories=tuple(paths)).save(part.finished)

    def _of_the_image(self, seen: Array) -> list[dict[str, Any]]:
        """That the image is taken for another class as it is, if so; `seen` are its values."""
        *_, answer = seen
        label, classes = int(self.setup.labels[0]), self.setup.classes
        if answer == label or not np.isfinite(answer):
            return []
        message = f"the image is taken for {classes[int(answer)]} as it is, not for its own class"
        return [Finding("note", "image", f"{message}, {classes[label]}").plain()]

    def _trajectory(
        self, part: SurfaceOfRun, plane: ImagePlane, name: str, images: torch.Tensor
    ) -> Trajectory:
        """The way of an attack, at the heights that this surface's network has there."""
        places, off_plane = plane.locate(images)
        alpha, beta = places.T
        heights = part.seen.values(images, part.seen.draws)[:, 0]
        n = len(images)
        meta = {"name": name, "counted": "step"}
        return Trajectory(
            alpha, beta, heights, off_plane, np.arange(float(n)), np.full(n, np.nan), meta
        )

    def _meta(self, part: SurfaceOfRun, plane: ImagePlane) -> dict[str, Any]:
        """What is known of a surface before it is begun."""
        settings, setup = self.settings, self.setup
        label = int(setup.labels[0])
        model, data = setup.models[0].name, setup.data
        named = setup.classes[label] if label < len(setup.classes) else str(label)
        title = f"{model}, image {settings.image} of {short_name(data)} ({named})"
        return {
            "title": f"{part.defense}: {title}" if part.defense else title,
            "model": model,
            "data": data,
            "space": "input",
            "image": settings.image,
            "split": settings.split,
            "label": label,
            "class_names": list(setup.classes),
            "plane": "through an image",
            "axes": list(plane.axes),
            "cosine": plane.cosine,
            "quantity": settings.height,
            "loss": "cross-entropy" if settings.height == "loss" else "margin",
            "norm": settings.norm,
            "eps": settings.epsilon,
            "clamp": settings.clamp,
            "seed": settings.seed,
            "outlines": self._outlines(plane),
            "defense": part.defense or None,
            "sigma": settings.noise if part.defense else None,
            "denoiser": settings.denoiser if part.defense else None,
            "precision": setup.precision if part.defense else "fp32",
            "batch_size": setup.batch_sizes.counting,
            "device": self.device.type,
            "versions": {"isoloss": __version__, "torch": str(torch.__version__)},
        }

    def _outlines(self, plane: ImagePlane) -> list[dict[str, Any]]:
        """Where the plane cuts the ball, and where images in it are in [0, 1]."""
        settings = self.settings
        image, delta, eta = (
            t.detach().cpu().double().flatten().numpy()
            for t in (plane.image, plane.delta, plane.eta)
        )
        ball = cut_of_ball(delta, eta, settings.epsilon, settings.norm)
        (low, high), (near, far) = settings.alpha_range, settings.beta_range
        shown = np.array([[low, near], [high, near], [high, far], [low, far]])
        cube = cut_of_cube(image, delta, eta, shown) if _holds_centre(shown) else shown[:0]
        norm = "L∞" if settings.norm == "linf" else "L2"
        found = [Outline(f"ε = {radius_label(settings.epsilon)} ({norm})", "ball", ball)]
        if len(cube) > 1:
            found.append(Outline("[0, 1]", "cube", cube))
        return [{**vars(one), "corners": one.corners.tolist()} for one in found]

    def _depends_on(self, run: Run) -> dict[str, str]:
        asked = run.asked.model_dump_json(exclude_defaults=True)
        return {**self.depends_on, "settings": hashlib.sha256(asked.encode()).hexdigest()}

    def _in_words(self, plane: ImagePlane) -> str:
        settings = self.settings
        grid = "×".join(map(str, settings.grid))
        label = int(self.setup.labels[0])
        return (
            f"image {settings.image} of {self.setup.data}, class {self.setup.classes[label]}; "
            f"α: {plane.axes[0]}, β: {plane.axes[1]}; {grid} points"
        )


def _of_draws(once: Array, again: Array) -> list[dict[str, Any]]:
    """That the network itself draws at random, if it gives one image other values again."""
    if np.allclose(once, again, rtol=_SAME, atol=_SAME, equal_nan=True):
        return []
    message = (
        "the network draws at random whenever it is asked (dropout, noise, sampling): what rises "
        "and falls over the plane may be its draws, and gradients of single draws lead attacks "
        "astray, which is no robustness; switch the draws off (self.training), or take their mean "
        "in the network"
    )
    return [Finding("warning", "draws", message).plain()]


def _holds_centre(corners: Array) -> bool:
    return bool((corners.min(axis=0) <= 0).all() and (corners.max(axis=0) >= 0).all())
