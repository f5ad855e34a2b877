"""Probe: evaluate the loss over a plane."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from isoloss.compute.data.pool import Batch, Pool
from isoloss.compute.diagnostics.audit import SAMPLES as AUDITED_SAMPLES
from isoloss.compute.diagnostics.audit import Audit, audit
from isoloss.compute.diagnostics.doctor import alarms, diagnose
from isoloss.compute.diagnostics.origin import measure_origin
from isoloss.compute.engine.evaluator import Evaluator, Loss
from isoloss.compute.engine.filling import EverySample, Filling, ToTolerance, fill
from isoloss.compute.engine.multilevel import FIRST_LOOK, levels
from isoloss.compute.machine.device import choose_device, reduced_precisions
from isoloss.compute.machine.ranks import Team
from isoloss.compute.planes.planes import Plane
from isoloss.errors import IsolossError
from isoloss.events import Event, Log
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface
from isoloss.geometry.trajectory import Trajectory
from isoloss.terminal import ProgressBar
from isoloss.version import __version__

Array = NDArray[np.float64]
PRECISIONS = ("auto", "fp32", "tf32", "bf16")
# A network with fewer multiplications for a sample gains nothing from cheaper ones.
FEW = 1_000_000
CALIBRATION_SAMPLES = 1024
CALIBRATION_BATCH = 128


def probe(
    model: nn.Module,
    data: Iterable[Batch],
    plane: Plane,
    alpha: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    loss: Loss | None = None,
    precision: str = "auto",
    device: str = "auto",
    progress: bool = True,
    *,
    tolerance: float | None = None,
    samples: int | None = None,
    batch_norm: str = "frozen",
    batch_size: int | None = None,
    points_at_once: int | None = None,
    seed: int = 0,
) -> Surface:
    """The loss over the grid θ* + alpha[i]·δ + beta[j]·η.

    Args:
        model: any network; it is left untouched. The plane's origin is what is probed.
        data: any iterable of (inputs, targets) batches of tensors; read once and kept.
        alpha, beta: (A,), (B,) strictly increasing; 25 points from −1 to 1 by default. A line has
            no beta and 401 points from −1 to 1, an interpolation from −0.5 to 1.5.
        loss: `loss(model, batch) -> (N,)` per-sample losses; by default cross-entropy, and then
            the surface carries accuracies too.
        precision: "fp32", "tf32" (NVIDIA GPUs), "bf16", or "auto": what is fast on the device and
            a short audit against fp32 finds accurate.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        progress: whether to show a progress bar, and what the doctor finds, on stderr.
        tolerance: stop when the error is below this share of the surface's range everywhere; by
            default all samples are seen at every point.
        samples: see at most so many, drawn at random once.
        batch_norm: "frozen" keeps the origin's statistics; "recalibrated" measures them anew, on
            up to 1,024 of the samples, at every point.
        batch_size: samples evaluated at once; by default what suits the device.
        points_at_once: grid points evaluated together; by default measured at the start.
        seed: of the order in which samples are seen.

    Returns:
        The surface; its losses are means over samples, not over batches. Where all of `data` has
        been seen the standard errors, as those of estimates over it, are 0. In its
        `meta["findings"]` is what the doctor says.

    Raises:
        IsolossError: if something in the request cannot be.
    """
    where = choose_device(device)
    pool = Pool.of_batches(data, seed, where)
    request = Request(
        model=model,
        plane=plane,
        axes=_axes(plane, alpha, beta),
        pool=pool,
        population=len(pool),
        device=where,
        loss=loss,
        precision=precision,
        tolerance=tolerance,
        samples=samples,
        batch_size=batch_size,
        points_at_once=points_at_once,
        calibration=_calibration(pool, batch_norm),
        meta={"model": type(model).__name__, "plane": plane.kind, "batch_norm": batch_norm},
    )
    probing = SurfaceProbing(request, None)
    bar = ProgressBar() if progress else None
    for event in probing.steps(Team()):
        if bar is not None:
            bar.show(event)
    if bar is not None:
        bar.close()
    surface = probing.growing.snapshot()
    probing.examine(surface)
    if progress:
        for told in alarms(surface):
            print(told, file=sys.stderr)
    return surface


@dataclass(frozen=True)
class Request:
    """All that decides what a surface will be.

    Attributes:
        axes: the grid's coordinates along α and β.
        population: the number of samples of which the loss is the mean, of which the pool has some
            or all.
        calibration: batches to measure batch-norm statistics on at every point, or None.
        meta: what is known of what is probed; JSON-compatible.
    """

    model: nn.Module
    plane: Plane
    axes: tuple[Array, Array]
    pool: Pool
    population: int
    device: torch.device
    loss: Loss | None = None
    precision: str = "auto"
    tolerance: float | None = None
    samples: int | None = None
    batch_size: int | None = None
    points_at_once: int | None = None
    calibration: Sequence[Batch] | None = None
    meta: dict[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise IsolossError(
                f"precision is one of {', '.join(PRECISIONS)}, not {self.precision!r}"
            )
        if self.tolerance is not None and not 0 < self.tolerance < 1:
            raise IsolossError(f"tolerance is a share between 0 and 1, not {self.tolerance}")
        for name in ("samples", "batch_size", "points_at_once"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise IsolossError(f"{name} must be at least 1, not {value}")
        if self.precision == "tf32" and self.device.type != "cuda":
            raise IsolossError("tf32 is a precision of NVIDIA GPUs: choose auto, fp32 or bf16")
        if not self.pool.can_be_cut and (self.tolerance or self.samples):
            # Whole batches would be drawn, which says little of the error: lengths go together.
            raise IsolossError(
                "tolerance and samples need samples of one shape, which these are not"
            )

    @property
    def limit(self) -> int:
        """The most samples seen at a point."""
        return self.pool.cut(min(self.samples or len(self.pool), len(self.pool)))


class SurfaceProbing:
    """One surface, from nothing or from what a folder holds of it to its last value.

    Attributes:
        growing: the surface as far as it has been computed; there once `steps` has begun.
        evaluator: what evaluates it.
    """

    growing: GrowingSurface
    evaluator: Evaluator

    def __init__(self, request: Request, folder: Path | None) -> None:
        self._request = request
        self._folder = folder
        self._filled: Filling | None = None

    def steps(self, team: Team) -> Iterator[Event]:
        """Compute what is missing, yielding what happens."""
        if self._folder is not None and GrowingSurface.exists(self._folder):
            self.growing = GrowingSurface.open(self._folder, writable=True)
            meta = self.growing.meta
            self.evaluator = self._evaluator(meta["precision"], int(meta["batch_size"]))
        else:
            precision = self._candidates()[0]
            self.evaluator = self._evaluator(precision, self._request.batch_size)
            if self._needs_audit(precision) and self.evaluator.products < FEW:
                precision = "fp32"
                self.evaluator = self._evaluator(precision, self._request.batch_size)
            self.growing = self._empty(self._description(precision))
            yield Log(self._in_words())
        if self.growing.meta["precision_audit"] == "due":
            yield from self._audit()
        team.share("engine", json.dumps(self._engine()).encode())
        filling = self._filling()
        together = int(self.growing.meta["points_at_once"])
        yield from fill(filling, filling.rounds(), team, together)
        if team.ranks.world > 1:
            yield Log(team.tally)
        team.dismiss()

    def serve(self, team: Team) -> None:
        """Help the first process, from another, with this surface."""
        engine = json.loads(team.share("engine"))
        # The same sizes of batches, so that it does not matter who evaluates a cell.
        self.evaluator = self._evaluator(engine["precision"], engine["batch_size"])
        self.growing = self._empty({})
        team.serve(self._filling().work)

    def examine(
        self, surface: Surface, trajectories: Sequence[Trajectory] = (), planes: int = 1
    ) -> None:
        """Keep with a surface what the doctor finds.

        Args:
            surface: what was computed, or the mean over several planes of which this is the last.
        """
        asked = self._request
        plain = Evaluator(
            asked.model, asked.plane, asked.pool, asked.loss, asked.device,
            batch_size=self.evaluator.batch_size, fold=False,
        )  # fmt: skip
        origin = measure_origin(
            surface, self.evaluator, plain, asked.limit, asked.population, planes=planes
        )
        found = diagnose(surface, asked.plane, origin=origin, trajectories=trajectories)
        surface.meta["findings"] = [asdict(finding) for finding in found]

    def _description(self, precision: str) -> dict[str, Any]:
        """What is to be said of the surface before it is begun."""
        asked = self._request
        shares = asked.plane.explained_variance_ratio
        alone = asked.calibration is not None
        together = 1 if alone else asked.points_at_once or self.evaluator.points_at_once()
        return {
            **asked.meta,
            "cosine": _finite(asked.plane.cosine),
            "explained_variance_ratio": None if shares is None else shares.tolist(),
            "tolerance": asked.tolerance,
            "precision": precision,
            "precision_audit": "due" if self._needs_audit(precision) else None,
            "precision_audit_error": None,
            "batch_size": self.evaluator.batch_size,
            "points_at_once": together,
            "folded_batch_norms": self.evaluator.folded,
            "device": asked.device.type,
            "versions": {"isoloss": __version__, "torch": str(torch.__version__)},
        }

    def _begin_again(self, precision: str) -> None:
        """Throw away what was computed, and go on in another precision."""
        self.evaluator = self._evaluator(precision, self._request.batch_size)
        self.growing.clear()
        self._filled = None
        self._describe(**self._description(precision))

    def _describe(self, **facts: Any) -> None:
        if self._folder is None:
            self.growing.meta.update(facts)
        else:
            self.growing.describe(self._folder, **facts)

    def _empty(self, meta: dict[str, Any]) -> GrowingSurface:
        asked = self._request
        facts = (*asked.axes, asked.population, self.evaluator.classifies, meta)
        if self._folder is None or not meta:
            return GrowingSurface.in_memory(*facts)
        return GrowingSurface.create(self._folder, *facts)

    def _evaluator(self, precision: str, batch_size: int | None) -> Evaluator:
        asked = self._request
        return Evaluator(
            asked.model,
            asked.plane,
            asked.pool,
            asked.loss,
            asked.device,
            precision=precision,
            batch_size=batch_size,
            recalibrate=asked.calibration,
        )

    def _filling(self) -> Filling:
        """One from beginning to end: without a folder it alone holds what images gave."""
        asked = self._request
        if self._filled is None:
            filled = (self.growing, self.evaluator, asked.limit)
            self._filled = (
                EverySample(*filled)
                if asked.tolerance is None
                else ToTolerance(*filled, asked.tolerance, self._folder)
            )
        return self._filled

    def _candidates(self) -> list[str]:
        """The precisions that come into question, the fastest first."""
        if self._request.precision != "auto":
            return [self._request.precision]
        return [*reduced_precisions(self._request.device), "fp32"]

    def _needs_audit(self, precision: str) -> bool:
        return self._request.precision == "auto" and precision != "fp32"

    def _audit(self) -> Iterator[Event]:
        """Compare reduced precision with fp32 at the origin and the corners.

        A first look at the coarsest cells comes before: it says how wide the range is, and there is
        something to see within seconds. If the audit fails they are computed again.
        """
        precision = self.growing.meta["precision"]
        yield from self._first_look()
        found = self._compare_with_fp32()
        if found.passes(self._request.tolerance):
            self._describe(
                precision_audit="passed",
                precision_audit_error=found.shift,
                precision_audit_noise=found.noise,
            )
            yield Log(f"{precision} {found}")
            return
        # Begun on another machine, it may be in a precision that is none of this one's.
        candidates = self._candidates()
        later = candidates.index(precision) + 1 if precision in candidates else 0
        following = next(p for p in candidates[later:] if p != precision)
        self._begin_again(following)
        yield Log(f"{precision} {found}: going on in {following}")
        if self.growing.meta["precision_audit"] == "due":
            yield from self._audit()

    def _first_look(self) -> Iterator[Event]:
        filling = self._filling()
        counts = self.growing.count.ravel()
        last = self._request.pool.cut(min(FIRST_LOOK, self._request.limit))
        look = [(int(c), 0, last) for c in levels(self.growing.shape)[0] if counts[c] == 0]
        yield from fill(filling, [look], Team(), 1)

    def _compare_with_fp32(self) -> Audit:
        asked = self._request
        exact = Evaluator(
            asked.model, asked.plane, asked.pool, asked.loss, asked.device,
            precision="fp32", batch_size=self.evaluator.batch_size, recalibrate=asked.calibration,
        )  # fmt: skip
        last = asked.pool.cut(min(AUDITED_SAMPLES, asked.limit))
        points = _audited_points(*asked.axes)
        return audit(exact, self.evaluator, points, last, self.growing.snapshot().loss)

    def _engine(self) -> dict[str, Any]:
        return {k: self.growing.meta[k] for k in ("precision", "batch_size")}

    def _in_words(self) -> str:
        meta, asked = self.growing.meta, self._request
        words = [f"{meta['precision']}, {meta['batch_size']} samples at a time"]
        if self.evaluator.folded:
            words.append(f"{self.evaluator.folded} batch norms folded into the layers before them")
        elif self.evaluator.has_batch_norm and asked.calibration is None:
            words.append("batch norms stay layers of their own")
        if meta["points_at_once"] > 1:
            words.append(f"{meta['points_at_once']} points at once")
        return "; ".join(words)


def recalibration_batches(pool: Pool) -> list[Batch]:
    """What batch-norm statistics are measured on: the first samples of the order."""
    last = pool.cut(min(CALIBRATION_SAMPLES, len(pool)))
    batches = list(pool.batches(0, last, CALIBRATION_BATCH))
    # Of a single sample there is no variance.
    return batches[:-1] if len(batches) > 1 and len(batches[-1][1]) == 1 else batches


def _calibration(pool: Pool, batch_norm: str) -> list[Batch] | None:
    if batch_norm not in ("frozen", "recalibrated"):
        raise IsolossError(f"batch_norm is 'frozen' or 'recalibrated', not {batch_norm!r}")
    return recalibration_batches(pool) if batch_norm == "recalibrated" else None


def _axes(plane: Plane, alpha: ArrayLike | None, beta: ArrayLike | None) -> tuple[Array, Array]:
    if plane.kind in ("line", "interpolate"):
        if beta is not None:
            raise IsolossError("a line has one direction only: leave beta out")
        low, high = (-1, 1) if plane.kind == "line" else (-0.5, 1.5)
        alpha = np.linspace(low, high, 401) if alpha is None else alpha
        return _axis(alpha, "alpha"), np.zeros(1)
    return _axis(alpha, "alpha"), _axis(beta, "beta")


def _axis(values: ArrayLike | None, name: str) -> Array:
    axis = np.linspace(-1, 1, 25) if values is None else np.asarray(values, np.float64)
    if axis.ndim != 1 or len(axis) < 1 or not np.isfinite(axis).all() or (np.diff(axis) <= 0).any():
        raise IsolossError(f"{name} must be finite numbers in strictly increasing order")
    return axis


def _audited_points(alpha: Array, beta: Array) -> list[tuple[float, float]]:
    """The origin and the corners of the grid."""
    ends = {(float(a), float(b)) for a in alpha[[0, -1]] for b in beta[[0, -1]]}
    return [(0.0, 0.0), *sorted(ends)]


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
