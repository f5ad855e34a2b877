"""`isoloss.probe`: the surface of a network and data that are at hand."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from torch import nn

from isoloss.compute.data.batch import Batch
from isoloss.compute.data.reading import read_batches
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.diagnostics.checks import alarms
from isoloss.compute.engine.losses import Loss
from isoloss.compute.machine.device import choose_device
from isoloss.compute.machine.process_group import ProcessGroup
from isoloss.compute.planes.plane import Plane
from isoloss.compute.probe.probed_data import ProbedData
from isoloss.compute.probe.surface_probing import Request, SurfaceProbing, recalibration_batches
from isoloss.errors import IsolossError
from isoloss.geometry.arrays import Array
from isoloss.geometry.centre import centre_in_words
from isoloss.geometry.surface import Surface
from isoloss.settings.plane_kinds import plane_kind
from isoloss.terminal import ProgressBar


def probe(
    model: nn.Module,
    data: Any,
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
    per_batch: bool = False,
) -> Surface:
    """The loss over the grid θ* + alpha[i]·δ + beta[j]·η.

    Args:
        model: any network; it is left untouched. The plane's origin is what is probed.
        data: an iterable of batches: (inputs, targets), longer tuples, mappings or bare tensors; or
            a `Dataset`, a single batch as a tuple. Read once and kept; of what has no length, and
            may have no end, only as much as `samples` asks for.
        alpha, beta: (A,), (B,) strictly increasing; 25 points from −1 to 1 by default. A line has
            no beta and 401 points from −1 to 1, an interpolation from −0.5 to 1.5.
        loss: `loss(model, batch) -> (N,)` per-sample losses, which may take gradients of the
            inputs; by default cross-entropy, and then the surface carries accuracies too, or what
            a network of Hugging Face's returns as its own. Targets of −100 do not count.
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
        per_batch: whether `loss` gives one number for a batch. Each batch is then one sample, and
            counts by its size; batches are those of `data`, of `batch_size` (64) where it has none.

    Returns:
        The surface; its losses are means over samples, not over batches. Where all of `data` has
        been seen the standard errors, as those of estimates over it, are 0. In its
        `meta["findings"]` is what diagnostics find.

    Raises:
        IsolossError: if something in the request cannot be.
    """
    where = choose_device(device)
    given = ProbedData.of(
        read_batches(data, samples, seed), loss, model, where,
        origin=plane.origin, per_batch=per_batch, batch_size=batch_size, seed=seed,
    )  # fmt: skip
    shuffled = given.shuffled(seed, where)
    request = Request(
        model=model,
        plane=plane,
        axes=_axes(plane, alpha, beta),
        data=shuffled,
        population=given.population,
        device=where,
        loss=given.loss,
        precision=precision,
        tolerance=tolerance,
        samples=given.limit(samples),
        batch_size=batch_size,
        points_at_once=points_at_once,
        calibration=_calibration(shuffled, batch_norm),
        meta={"model": type(model).__name__, "plane": plane.kind, "batch_norm": batch_norm},
    )
    probing = SurfaceProbing(request, None)
    bar = ProgressBar() if progress else None
    for event in probing.steps(ProcessGroup()):
        if bar is not None:
            bar.show(event)
    if bar is not None:
        bar.close()
    surface = probing.growing.snapshot()
    probing.diagnose(surface)
    if progress:
        print(f"at the centre: {centre_in_words(surface)}", file=sys.stderr)
        for alarm in alarms(surface):
            print(alarm, file=sys.stderr)
    return surface


def _calibration(data: ShuffledSamples, batch_norm: str) -> list[Batch] | None:
    if batch_norm not in ("frozen", "recalibrated"):
        raise IsolossError(f"batch_norm is 'frozen' or 'recalibrated', not {batch_norm!r}")
    return recalibration_batches(data) if batch_norm == "recalibrated" else None


def _axes(plane: Plane, alpha: ArrayLike | None, beta: ArrayLike | None) -> tuple[Array, Array]:
    if not plane.is_line:
        return _axis(alpha, "alpha", plane), _axis(beta, "beta", plane)
    if beta is not None:
        raise IsolossError("a line has one direction only: leave beta out")
    return _axis(alpha, "alpha", plane), np.zeros(1)


def _axis(values: ArrayLike | None, name: str, plane: Plane) -> Array:
    if values is None:
        return np.linspace(*plane_kind(plane.kind).usual_range, 401 if plane.is_line else 25)
    axis = np.asarray(values, np.float64)
    if axis.ndim != 1 or len(axis) < 1 or not np.isfinite(axis).all() or (np.diff(axis) <= 0).any():
        raise IsolossError(f"{name} must be finite numbers in strictly increasing order")
    return axis
