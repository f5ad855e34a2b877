"""`isoloss.probe`: the surface of a network and data that are at hand."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable, Mapping

import numpy as np
from numpy.typing import ArrayLike
from torch import nn

from isoloss.compute.data.shuffled_samples import Batch, ShuffledSamples
from isoloss.compute.diagnostics.checks import alarms
from isoloss.compute.engine.evaluator import Loss
from isoloss.compute.machine.device import choose_device
from isoloss.compute.machine.process_group import ProcessGroup
from isoloss.compute.planes.checkpoint_matrix import Checkpoint
from isoloss.compute.planes.plane import Plane, Range
from isoloss.compute.probe.plane_probing import PlaneProbing, ShownPath, locate, usual_ranges
from isoloss.compute.probe.surface_probing import Request, recalibration_batches
from isoloss.errors import IsolossError
from isoloss.events import Event
from isoloss.geometry.arrays import Array
from isoloss.geometry.surface import Surface
from isoloss.settings.plane_kinds import plane_kind
from isoloss.terminal import ProgressBar

Checkpoints = Iterable[Checkpoint]


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
    trajectory: Checkpoints | Mapping[str, Checkpoints] | None = None,
) -> Surface:
    """The loss over the grid θ* + alpha[i]·δ + beta[j]·η.

    Args:
        model: any network; it is left untouched. The plane's origin is what is probed.
        data: any iterable of (inputs, targets) batches of tensors; read once and kept.
        alpha, beta: (A,), (B,) strictly increasing; 25 points from −1 to 1 by default, on a PCA
            plane what holds the trajectories. A line has no beta and 401 points from −1 to 1, an
            interpolation from −0.5 to 1.5.
        loss: `loss(model, batch) -> (N,)` per-sample losses; by default cross-entropy, and then
            the surface carries accuracies too.
        precision: "fp32", "tf32" (NVIDIA GPUs), "bf16", or "auto": what is fast on the device and
            a short audit against fp32 finds accurate.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        progress: whether to show a progress bar, and what diagnostics find, on stderr.
        tolerance: stop when the error is below this fraction of the surface's range everywhere; by
            default all samples are seen at every point.
        samples: see at most so many, drawn at random once.
        batch_norm: "frozen" keeps the origin's statistics; "recalibrated" measures them anew, on
            up to 1,024 of the samples, at every point.
        batch_size: samples evaluated at once; by default what suits the device.
        points_at_once: grid points evaluated together; by default measured at the start.
        seed: of the order in which samples are seen.
        trajectory: the checkpoints of a training, in order, paths or state dicts: where they lie
            in the plane, how far from it, and their own losses on the surface's samples; of
            several trainings {name: checkpoints}.

    Returns:
        The surface; its losses are means over samples, not over batches. Where all of `data` has
        been seen the standard errors, as those of estimates over it, are 0. In its
        `meta["findings"]` is what diagnostics find, in its `trajectories` what was asked for.

    Raises:
        IsolossError: if something in the request cannot be.
    """
    where = choose_device(device)
    shuffled = ShuffledSamples.of_batches(data, seed, where)
    paths = _shown_paths(trajectory)
    located = locate(plane, paths, None)
    request = Request(
        model=model,
        plane=plane,
        axes=_axes(plane, alpha, beta, usual_ranges(plane_kind(plane.kind), located)),
        data=shuffled,
        population=len(shuffled),
        device=where,
        loss=loss,
        precision=precision,
        tolerance=tolerance,
        samples=samples,
        batch_size=batch_size,
        points_at_once=points_at_once,
        calibration=_calibration(shuffled, batch_norm),
        meta={"model": type(model).__name__, "plane": plane.kind, "batch_norm": batch_norm},
    )
    steps = PlaneProbing(request, paths, located).steps(ProcessGroup())
    surface = _watched(steps, progress)
    if progress:
        for alarm in alarms(surface):
            print(alarm, file=sys.stderr)
    return surface


def _watched(steps: Generator[Event, None, Surface], progress: bool) -> Surface:
    """What `steps` return when they are done, shown on the way."""
    bar = ProgressBar() if progress else None
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            if bar is not None:
                bar.close()
            return end.value
        if bar is not None:
            bar.show(event)


def _shown_paths(trajectory: Checkpoints | Mapping[str, Checkpoints] | None) -> list[ShownPath]:
    if trajectory is None:
        return []
    named = trajectory if isinstance(trajectory, Mapping) else {"": trajectory}
    return [_shown_path(name, [*checkpoints]) for name, checkpoints in named.items()]


def _shown_path(name: str, checkpoints: list[Checkpoint]) -> ShownPath:
    n = len(checkpoints)
    return ShownPath(name, checkpoints, np.arange(float(n)), np.full(n, np.nan))


def _calibration(data: ShuffledSamples, batch_norm: str) -> list[Batch] | None:
    if batch_norm not in ("frozen", "recalibrated"):
        raise IsolossError(f"batch_norm is 'frozen' or 'recalibrated', not {batch_norm!r}")
    return recalibration_batches(data) if batch_norm == "recalibrated" else None


def _axes(
    plane: Plane, alpha: ArrayLike | None, beta: ArrayLike | None, usual: tuple[Range, Range]
) -> tuple[Array, Array]:
    if not plane.is_line:
        return _axis(alpha, "alpha", usual[0], 25), _axis(beta, "beta", usual[1], 25)
    if beta is not None:
        raise IsolossError("a line has one direction only: leave beta out")
    return _axis(alpha, "alpha", usual[0], 401), np.zeros(1)


def _axis(values: ArrayLike | None, name: str, usual: Range, points: int) -> Array:
    if values is None:
        return np.linspace(*usual, points)
    axis = np.asarray(values, np.float64)
    if axis.ndim != 1 or len(axis) < 1 or not np.isfinite(axis).all() or (np.diff(axis) <= 0).any():
        raise IsolossError(f"{name} must be finite numbers in strictly increasing order")
    return axis
