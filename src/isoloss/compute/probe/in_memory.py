"""`isoloss.probe`: the surface of a network and data that are at hand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from pydantic import ValidationError
from torch import nn

from isoloss.compute.data.batch import Batch
from isoloss.compute.data.reading import read_batches
from isoloss.compute.data.shuffled_samples import ShuffledSamples
from isoloss.compute.engine.losses import Loss
from isoloss.compute.engine.quantities import Quantity, check_quantities
from isoloss.compute.machine.device import choose_device
from isoloss.compute.machine.for_scripts import in_one_line, watch
from isoloss.compute.machine.memory import no_shared_memory
from isoloss.compute.machine.process_group import ProcessGroup, Ranks
from isoloss.compute.machine.randomness import random_numbers_kept
from isoloss.compute.machine.run_at_hand import resumed
from isoloss.compute.planes.plane import Plane, Range
from isoloss.compute.probe.plane_probing import PlaneProbing, locate, said_of, usual_ranges
from isoloss.compute.probe.probed_data import ProbedData
from isoloss.compute.probe.probing_at_hand import ProbingAtHand
from isoloss.compute.probe.request import Request, recalibration_batches
from isoloss.compute.probe.shown_paths import Checkpoints, paths_of
from isoloss.errors import IsolossError
from isoloss.events import Event
from isoloss.geometry.arrays import Array
from isoloss.geometry.files.reading import finished_file, load
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface
from isoloss.run_folder import GROWING
from isoloss.settings import ProbeSettings, explain
from isoloss.settings.plane_kinds import plane_kind
from isoloss.settings.source import FROM_PYTHON


@in_one_line()
@random_numbers_kept()
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
    trajectory: Checkpoints | Mapping[str, Checkpoints] | None = None,
    out: str | Path | None = None,
    on_event: Callable[[Event], object] | None = None,
    per_batch: bool = False,
    quantities: Sequence[Quantity] = (),
) -> Surface:
    """The loss over the grid θ* + alpha[i]·δ + beta[j]·η.

    Args:
        model: any network; it is left untouched, as are random numbers. The plane's origin is what
            is probed.
        data: an iterable of batches: (inputs, targets), longer tuples, mappings or bare tensors; or
            a `Dataset`, a single batch as a tuple. Read once and kept; of what has no length, and
            may have no end, only as much as `samples` asks for.
        alpha, beta: (A,), (B,) strictly increasing; 25 points from −1 to 1 by default, on a PCA
            plane what holds the trajectories. A line has no beta and 401 points from −1 to 1, an
            interpolation from −0.5 to 1.5.
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
        trajectory: the checkpoints of a training, in order, as `pca_plane` takes them, or a
            training run's folder: where they lie in the plane, how far from it, and their own
            losses on the surface's samples; of several trainings {name: checkpoints}. Epochs are
            those of a training run; else checkpoints are counted from 0.
        out: a run's folder, as the command line writes them: the window shows it meanwhile, and
            what was interrupted or killed goes on with the same call. Under torchrun all processes
            share the work; each calls this, and is given the surface.
        on_event: called with each of `isoloss.events` as it happens; what it raises ends the probe.
        per_batch: whether `loss` gives one number for a batch. Each batch is then one sample, and
            counts by its size; batches are those of `data`, of `batch_size` (64) where it has none.
        quantities: what is found at every point beside the loss, as columns of the surface:
            `isoloss.robustness.Adversarial`, `isoloss.robustness.Denoised`, `isoloss.OfClass`.

    Returns:
        The surface; its losses are means over samples, not over batches. Where all of `data` has
        been seen the standard errors, as those of estimates over it, are 0. In its
        `meta["findings"]` is what diagnostics find, in its `trajectories` what was asked for.

        Interrupted (Ctrl+C) it is what is known by then: `count` is 0 where nothing is, and
        `meta["interrupted"]` is True. A second interrupt is raised, and one under torchrun.

    Raises:
        IsolossError: if something in the request cannot be, or code of one's own fails: with the
            place in it. If `out` holds a run of something else: what has changed.
    """
    _check(samples=samples, batch_size=batch_size, points_at_once=points_at_once, seed=seed)
    if on_event is not None and not callable(on_event):
        raise IsolossError(f"on_event is a function of an event, not {on_event!r}")
    where = choose_device(device) if out is None else Ranks.current().own(choose_device(device))
    given = ProbedData.of(
        read_batches(data, samples, seed), loss, model, where,
        origin=plane.origin, per_batch=per_batch, batch_size=batch_size, seed=seed,
    )  # fmt: skip
    shuffled = given.shuffled(seed, where)
    check_quantities(quantities, model, given.loss, shuffled, where)
    paths = paths_of(trajectory)
    located = locate(plane, paths, None, model)
    request = Request(
        model=model,
        plane=plane,
        axes=_axes(plane, alpha, beta, usual_ranges(plane_kind(plane.kind), located)),
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
        is_from_python=True,
        quantities=tuple(quantities),
    )
    if out is None:
        probing = PlaneProbing(request, paths, located)
        steps, so_far = _steps(probing), probing.surface
    else:
        folder = Path(out).expanduser().absolute()
        asked = _settings(request, device, seed, batch_norm, alpha, beta)
        at_hand = ProbingAtHand.of(request, paths, located, (alpha, beta))
        steps, so_far = resumed(folder, asked, at_hand), partial(_found, folder)
    try:
        with no_shared_memory(where):
            watch(steps, progress, on_event)
    except KeyboardInterrupt:
        surface = so_far()
        if surface is None or Ranks.current().world > 1:
            raise
        return _interrupted(surface, out)
    surface = so_far()
    assert surface is not None
    return surface


def _steps(probing: PlaneProbing) -> Generator[Event]:
    surface = yield from probing.steps(ProcessGroup())
    yield from said_of(surface)


def _interrupted(surface: Surface, out: str | Path | None) -> Surface:
    """A surface that was not finished, as it says itself."""
    known, points = int(surface.computed.sum()), surface.count.size
    few = f"{known} of {points} points are known" if known < points else "not all samples are seen"
    again = "" if out is None else f"; the same call goes on with {out}"
    print(f"isoloss: interrupted, {few}{again}", file=sys.stderr)
    return replace(surface, meta={**surface.meta, "interrupted": True})


def _found(folder: Path) -> Surface | None:
    """What the run in `folder` has found so far."""
    begun = GrowingSurface.exists(folder / GROWING)
    return load(folder) if begun or finished_file(folder) is not None else None


def _settings(
    request: Request,
    device: str,
    seed: int,
    batch_norm: str,
    alpha: ArrayLike | None,
    beta: ArrayLike | None,
) -> ProbeSettings:
    """What `run.json` is to say."""
    ends = [
        None if given is None else (float(axis[0]), float(axis[-1]))
        for given, axis in zip((alpha, beta), request.axes, strict=True)
    ]
    shape = tuple(map(len, request.axes))
    points: dict[str, Any] = {"points": shape[0]} if request.plane.is_line else {"grid": shape}
    try:
        return ProbeSettings.model_validate(
            {
                "source": f"{FROM_PYTHON}{request.meta['model']}",
                "device": device,
                "seed": seed,
                "batch_norm": batch_norm,
                "plane": request.plane.kind,
                "alpha_range": ends[0],
                "beta_range": ends[1],
                **points,
                **{
                    name: getattr(request, name)
                    for name in (
                        "precision", "samples", "tolerance", "batch_size", "points_at_once",
                    )
                },
            }
        )  # fmt: skip
    except ValidationError as error:
        raise IsolossError(explain(error)) from error


def _calibration(data: ShuffledSamples, batch_norm: str) -> list[Batch] | None:
    if batch_norm not in ("frozen", "recalibrated"):
        raise IsolossError(f"batch_norm is 'frozen' or 'recalibrated', not {batch_norm!r}")
    return recalibration_batches(data) if batch_norm == "recalibrated" else None


def _check(**numbers: Any) -> None:
    """Refuse what is no whole number, and all but a seed below 1."""
    for name, value in numbers.items():
        if value is not None and not isinstance(value, Integral):
            raise IsolossError(f"{name} must be a whole number, not {value!r}")
        if value is not None and value < 1 and name != "seed":
            raise IsolossError(f"{name} must be at least 1, not {value}")


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
    try:
        axis = np.asarray(values, np.float64)
    except (ValueError, TypeError):
        axis = np.zeros(0)
    if axis.ndim != 1 or len(axis) < 1 or not np.isfinite(axis).all() or (np.diff(axis) <= 0).any():
        raise IsolossError(f"{name} must be finite numbers in strictly increasing order")
    return axis
