"""One surface: from nothing, or from what a folder holds of it, to its last value."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isoloss.compute.diagnostics.audit import SAMPLES as AUDITED_SAMPLES
from isoloss.compute.diagnostics.audit import Audit, audit
from isoloss.compute.diagnostics.checks import run_diagnostics
from isoloss.compute.diagnostics.origin import measure_origin
from isoloss.compute.diagnostics.quantity_checks import check_each
from isoloss.compute.engine.evaluator import Evaluator
from isoloss.compute.engine.losses import BatchLoss, as_batch_loss
from isoloss.compute.engine.multilevel import FIRST_LOOK, Multilevel
from isoloss.compute.engine.points_at_once import points_at_once
from isoloss.compute.engine.quantities import EveryQuantity, Quantity, chain_length
from isoloss.compute.engine.schedule import EverySample, Schedule, ToTolerance, carry_out
from isoloss.compute.engine.stencils import levels
from isoloss.compute.machine.device import reduced_precisions
from isoloss.compute.machine.memory import refuse_out_of_memory
from isoloss.compute.machine.process_group import ProcessGroup
from isoloss.compute.machine.user_code import one_line
from isoloss.compute.networks.reals import is_double
from isoloss.compute.planes.directions import directions_in_words
from isoloss.compute.planes.plane import Plane
from isoloss.compute.planes.selection import frozen_beside_trainable
from isoloss.compute.probe.request import Request
from isoloss.errors import IsolossError
from isoloss.events import Event, Log
from isoloss.geometry.arrays import Array
from isoloss.geometry.findings import Finding
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface
from isoloss.naming import as_arguments
from isoloss.settings.plane_kinds import plane_kind
from isoloss.version import __version__

# A network with fewer multiplications for a sample gains nothing from cheaper ones.
FEW = 1_000_000


class SurfaceProbing:
    """Computes one surface.

    Attributes:
        growing: the surface as far as it has been computed; there once `steps` has begun.
        evaluator: what evaluates it.
    """

    growing: GrowingSurface
    evaluator: Evaluator

    def __init__(self, request: Request, folder: Path | None) -> None:
        self._request = request
        self._folder = folder
        self._kept_schedule: Schedule | None = None
        self._precision = "fp32"
        self._failing: dict[str, str] = {}
        self._is_shared = False

    def steps(self, group: ProcessGroup) -> Generator[Event]:
        """Compute what is missing, yielding what happens."""
        while True:
            try:
                yield from self._begin()
                yield from self._go_on(group)
                return
            except (IsolossError, OSError, MemoryError):
                raise
            except Exception as error:  # a user's network may raise anything
                refuse_out_of_memory(error)
                yield Log(self._give_in(error))

    def _begin(self) -> Iterator[Event]:
        """Take up what there is of the surface, or describe one of which there is nothing yet."""
        if hasattr(self, "growing"):
            return
        if self._folder is not None and GrowingSurface.exists(self._folder):
            growing = GrowingSurface.open(self._folder, writable=True)
            self._precision = growing.meta["precision"]
            if self._precision not in self._failing:
                self.evaluator = self._evaluator(self._precision, int(growing.meta["batch_size"]))
                self.growing = growing
            else:  # It was begun where that did not fail.
                self.growing = growing
                self._begin_again(self._candidates()[0])
            return
        self._precision = self._candidates()[0]
        self.evaluator = self._evaluator(self._precision, self._request.batch_size)
        if self._needs_audit(self._precision) and self.evaluator.products < FEW:
            self._precision = "fp32"
            self.evaluator = self._evaluator("fp32", self._request.batch_size)
        self.growing = self._empty(self._description(self._precision))
        yield Log(self._in_words())

    def _go_on(self, group: ProcessGroup) -> Iterator[Event]:
        if self.growing.meta["precision_audit"] == "due":
            yield from self._audit()
        engine = {k: self.growing.meta[k] for k in ("precision", "batch_size")}
        group.broadcast("engine", json.dumps(engine).encode())
        self._is_shared = group.ranks.world > 1
        schedule = self._schedule()
        together = int(self.growing.meta["points_at_once"])
        if self._request.quantities:
            together = chain_length(self.growing.count.size)
        for event in carry_out(schedule, schedule.rounds(), group, together):
            yield event
            yield from self._unrecorded()
        if group.ranks.world > 1:
            yield Log(group.units_done)
        group.release()

    def _unrecorded(self) -> Iterator[Event]:
        """Say, and keep, why a GPU is given kernels one by one, once that is known."""
        reason = self.evaluator.unrecorded
        if reason is not None and reason != self.growing.meta.get("unrecorded"):
            self._describe(unrecorded=reason)
            yield Log(f"CUDA graphs do without this network ({reason}): it is evaluated as usual")

    def _give_in(self, error: Exception) -> str:
        """Do without what a network may not take, and say so: points at once, then precision.

        Raises:
            IsolossError: if going on is for the person, or for the next process, to decide.
            Exception: `error`, if it is the network's own.
        """
        together = self.growing.meta["points_at_once"] if hasattr(self, "growing") else 1
        if together > 1:
            self._describe(points_at_once=1)
            failing, following = f"{together} points at once fail", "one"
        else:
            failing = f"{self._precision} fails"
            following = self._without_precision(error)
        said = f"{failing} in this network ({one_line(error)})"
        if self._is_shared:  # Others have begun with what fails.
            raise IsolossError(f"{said}: resume the run, which goes on in {following}") from error
        return f"{said}: going on in {following}"

    def _without_precision(self, error: Exception) -> str:
        """Begin again in the next precision, and give its name."""
        reason, precision = one_line(error), self._precision
        if precision == "fp32":
            raise error
        if self._request.precision != "auto":
            # Fails where the network fails by itself.
            self._evaluator("fp32", self._request.batch_size)
            raise IsolossError(
                f"the network cannot be evaluated in {precision} ({reason}): choose --precision "
                "auto or fp32"
            ) from error
        self._failing[precision] = reason
        following = self._candidates()[0]
        if hasattr(self, "growing"):
            self._begin_again(following)
        return following

    def leave_precision(self, error: Exception) -> Log:
        """Evaluate in fp32 what is off the surface, and fails in the precision that it has.

        Raises:
            Exception: `error`, if precision is not its cause, or others have that evaluator too.
        """
        refuse_out_of_memory(error)
        asked, precision = self._request, self._precision
        given = isinstance(error, IsolossError | OSError | MemoryError) or asked.precision != "auto"
        if given or self._is_shared or precision == "fp32":
            raise error
        self._precision = "fp32"
        self.evaluator = self._evaluator("fp32", self.evaluator.batch_size)
        return Log(f"{precision} fails off the surface ({one_line(error)}): going on in fp32")

    def serve(self, group: ProcessGroup) -> None:
        """Help the first process, from another, with this surface."""
        engine = json.loads(group.broadcast("engine"))
        # The same sizes of batches, so that it does not matter who evaluates a cell.
        self.evaluator = self._evaluator(engine["precision"], engine["batch_size"])
        self.growing = self._empty({})
        group.serve(self._schedule().work)

    @property
    def estimates(self) -> Multilevel | None:
        """What is known of the surface image by image; None where all samples are seen."""
        return getattr(self._kept_schedule, "multilevel", None)

    def diagnose(self, surface: Surface, planes: int = 1) -> None:
        """Keep with a surface what diagnostics find of it and its trajectories.

        Args:
            surface: what was computed, or the mean over several planes of which this is the last.
        """
        asked = self._request
        origin = unmeasured = None
        try:
            plain = Evaluator(
                asked.model, asked.plane, asked.data, asked.loss, asked.device,
                batch_size=self.evaluator.batch_size, fold=False, recorded=False,
            )  # fmt: skip
            with self.evaluator.without_recording():
                origin = measure_origin(
                    surface, self.evaluator, plain, asked.limit, asked.population, planes=planes
                )
        except Exception as error:  # what has been computed must not be lost to it
            unmeasured = one_line(error)
        found = run_diagnostics(
            surface, asked.plane, origin=origin, trajectories=surface.trajectories,
            unmeasured=unmeasured, frozen=frozen_beside_trainable(asked.model),
            is_from_python=asked.is_from_python,
        )  # fmt: skip
        said = as_arguments if asked.is_from_python else str
        found += [
            replace(finding, message=said(finding.message))
            for finding in check_each(asked.quantities, surface, self.evaluator)
        ]
        found += self._measured(surface)
        surface.meta["findings"] = [finding.plain() for finding in found]
        if origin is not None:
            surface.meta["centre"] = {
                "split": asked.meta.get("split"),
                "loss": _finite(origin.shown),
                "accuracy": _finite(origin.accuracy),
            }

    def _measured(self, surface: Surface) -> Iterator[Finding]:
        """Keep what is measured of this kind of plane; what fails in it costs no surface."""
        asked, kind = self._request, plane_kind(self._request.plane.kind)
        if kind.measured:
            try:
                measure = pkgutil.resolve_name(kind.measured)
                measure(surface, self.evaluator, asked.limit, asked.population)
            except Exception as error:  # what has been computed must not be lost to it
                why = f"The {kind.title} could not be measured further: {one_line(error)}."
                yield Finding("note", "measured", why)

    def _description(self, precision: str) -> dict[str, Any]:
        """What is known of the surface before it is begun."""
        asked = self._request
        fractions = asked.plane.explained_variance_ratio
        # Of quantities one point follows from another.
        together = 1 if asked.quantities else points_at_once(self.evaluator, asked.points_at_once)
        return {
            **asked.meta,
            **_of_loss(as_batch_loss(asked.loss)),
            **_of_directions(asked.plane),
            **asked.plane.facts,
            "cosine": _finite(asked.plane.cosine),
            "explained_variance_ratio": None if fractions is None else fractions.tolist(),
            "parameters": asked.plane.parameters,
            "tolerance": asked.tolerance,
            "precision": precision,
            "precision_note": self._precision_note(),
            "precision_audit": "due" if self._needs_audit(precision) else None,
            "precision_audit_error": None,
            "batch_size": self.evaluator.batch_size,
            "points_at_once": together,
            "folded_batch_norms": self.evaluator.folded,
            **_of_quantities(asked.quantities),
            "device": asked.device.type,
            "versions": {"isoloss": __version__, "torch": str(torch.__version__)},
        }

    def _begin_again(self, precision: str) -> None:
        """Throw away what was computed, and go on in another precision."""
        self._precision = precision
        self._kept_schedule = None
        self.__dict__.pop("evaluator", None)  # there may not be memory for two
        self.evaluator = self._evaluator(precision, self._request.batch_size)
        self.growing.clear()
        self._describe(**self._description(precision))

    def _describe(self, **facts: Any) -> None:
        if self._folder is None:
            self.growing.meta.update(facts)
        else:
            self.growing.describe(self._folder, **facts)

    def _empty(self, meta: dict[str, Any]) -> GrowingSurface:
        asked = self._request
        facts = (*asked.axes, asked.population, self.evaluator.classifies, meta)
        populations = {
            quantity.name: quantity.population(asked.data, asked.population)
            for quantity in asked.quantities
        }
        if self._folder is None or not meta:
            return GrowingSurface.in_memory(*facts, quantities=populations)
        return GrowingSurface.create(self._folder, *facts, quantities=populations)

    def _evaluator(self, precision: str, batch_size: int | None) -> Evaluator:
        asked = self._request
        return Evaluator(
            asked.model, asked.plane, asked.data, asked.loss, asked.device,
            precision=precision, batch_size=batch_size, recalibrate=asked.calibration,
        )  # fmt: skip

    def _schedule(self) -> Schedule:
        """One from beginning to end: without a folder it alone holds what images gave."""
        asked = self._request
        if self._kept_schedule is None:
            filled = (self.growing, self.evaluator, asked.limit)
            if asked.quantities:
                self._kept_schedule = EveryQuantity(*filled, asked.quantities)
            elif asked.tolerance is None:
                self._kept_schedule = EverySample(*filled)
            else:
                known = asked.before, asked.strict
                self._kept_schedule = ToTolerance(*filled, asked.tolerance, self._folder, *known)
        return self._kept_schedule

    def _candidates(self) -> list[str]:
        """The precisions that come into question, the fastest first."""
        asked = self._request
        if asked.precision != "auto":
            if asked.precision != "fp32" and is_double(asked.model):
                raise IsolossError(
                    f"the network is in float64, not to be reduced to {asked.precision}: choose "
                    "--precision auto or fp32, which leave it as it is"
                )
            return [asked.precision]
        reduced = [] if is_double(asked.model) else reduced_precisions(asked.device)
        found = reduced if asked.audited is None else [asked.audited]
        return [p for p in dict.fromkeys((*found, "fp32")) if p not in self._failing]

    def _needs_audit(self, precision: str) -> bool:
        asked = self._request
        return asked.precision == "auto" and asked.audited is None and precision != "fp32"

    def _precision_note(self) -> str | None:
        """What the precision does not say by its name."""
        if is_double(self._request.model):
            return "the network is in float64 and stays so"
        return "; ".join(f"{p} fails: {why}" for p, why in self._failing.items()) or None

    def _audit(self) -> Iterator[Event]:
        """Compare reduced precision with fp32 at the origin and the corners.

        A first look at the coarsest cells comes before: it says how wide the range is, and there is
        something to see within seconds. If the audit fails they are computed again.
        """
        precision = self.growing.meta["precision"]
        looked = yield from self._first_look()
        found = self._compare_with_fp32(looked.snapshot().loss)
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

    def _first_look(self) -> Generator[Event, None, GrowingSurface]:
        """Returns the surface that holds it: of quantities, which grow in chains, one beside."""
        asked = self._request
        if asked.quantities:
            growing = GrowingSurface.in_memory(
                *asked.axes, asked.population, self.evaluator.classifies, self.growing.meta
            )
            schedule = EverySample(growing, self.evaluator, asked.limit)
        else:
            growing, schedule = self.growing, self._schedule()
        counts = growing.count.ravel()
        last = asked.data.cut(min(FIRST_LOOK, asked.limit))
        look = [(int(c), 0, last) for c in levels(growing.shape)[0] if counts[c] == 0]
        yield from carry_out(schedule, [look], ProcessGroup(), 1)
        return growing

    def _compare_with_fp32(self, known: Array) -> Audit:
        asked = self._request
        exact = Evaluator(
            asked.model, asked.plane, asked.data, asked.loss, asked.device,
            precision="fp32", batch_size=self.evaluator.batch_size, recalibrate=asked.calibration,
            recorded=False,
        )  # fmt: skip
        last = asked.data.cut(min(AUDITED_SAMPLES, asked.limit))
        points = _audited_points(*asked.axes)
        with self.evaluator.without_recording():
            return audit(exact, self.evaluator, points, last, known)

    def _in_words(self) -> str:
        meta, asked = self.growing.meta, self._request
        precision = "float64" if is_double(asked.model) else meta["precision"]
        words = [f"{precision}, {meta['batch_size']} samples at a time"]
        if self.evaluator.folded:
            words.append(f"{self.evaluator.folded} batch norms folded into the layers before them")
        elif self.evaluator.has_batch_norm and asked.calibration is None:
            words.append("batch norms stay layers of their own")
        if meta["points_at_once"] > 1:
            words.append(f"{meta['points_at_once']} points at once")
        elif (asked.points_at_once or 1) > 1:
            words.append(f"one point at a time, for {asked.points_at_once} at once fail here")
        if asked.data.streaming is not None:
            words.append(asked.data.streaming)
        if asked.plane.read_from is not None:
            words.append(f"along {directions_in_words(asked.plane)}")
        if asked.plane.parameters is not None:
            words.append(f"what moves is {asked.plane.parameters} with two or more dimensions")
        return "; ".join(words)


def _of_loss(loss: BatchLoss) -> dict[str, Any]:
    """What a surface keeps of the loss it was computed of."""
    facts: dict[str, Any] = {"loss": loss.name}
    if loss.whole:
        facts["per_batch"] = True
    elif loss.targets_per_sample != 1:
        facts["targets_per_sample"] = loss.targets_per_sample
    return facts


def _of_quantities(quantities: Sequence[Quantity]) -> dict[str, Any]:
    """What a surface keeps of further quantities."""
    if not quantities:
        return {}
    found: dict[str, Any] = {"quantities": {q.name: q.title for q in quantities}}
    for quantity in quantities:
        found |= quantity.facts
    return found


def _of_directions(plane: Plane) -> dict[str, Any]:
    """What a surface keeps of directions that were read out of a file."""
    if plane.read_from is None:
        return {}
    return {"directions": plane.read_from, "norms": [n for n in plane.norms if n > 0]}


def _audited_points(alpha: Array, beta: Array) -> list[tuple[float, float]]:
    """The origin and the corners of the grid."""
    ends = {(float(a), float(b)) for a in alpha[[0, -1]] for b in beta[[0, -1]]}
    return [(0.0, 0.0), *sorted(ends)]


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
