"""How fast curvature is found: beside PyHessian, in one process, on the same images.

The largest eigenvalue, of both until they end by themselves with the same tolerance, and until they
are that near to one found to 1e-6. The trace, to the standard error over random directions that
PyHessian has after as many of them as there is time for, and what PyHessian would take for the one
that isoloss then has: it falls as the root of their number.
"""

from __future__ import annotations

import copy
import importlib
import json
import math
import sys
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from isoloss.bench.probe import networks, processor
from isoloss.bench.probe_peers import Probed
from isoloss.compute.curvature.eigenvalues import beginning
from isoloss.compute.curvature.lanczos import outermost
from isoloss.compute.curvature.products import Curvature
from isoloss.compute.curvature.trace import Trace, random_signs, trace
from isoloss.compute.data.dataset import as_inputs
from isoloss.compute.machine.device import choose_device, describe_device
from isoloss.errors import IsolossError
from isoloss.shipped import shipped_models

TOLERANCE, EXACT = 1e-3, 1e-6
PROBES = 8
"""Of isoloss, to begin with."""
FEWEST, MOST = 10, 100
"""Random directions of PyHessian; at most so many are what it takes by itself."""
MOST_OF_OURS = 1000
BATCH = 128
"""Of the peer, which leaves it to the script."""
T = TypeVar("T")


@dataclass(frozen=True)
class Measured:
    """What one peer has found of a network.

    Attributes:
        eigenvalue: the largest; `error` is how far it is from the exact one, as a fraction.
        trace: `stderr` is its standard error over `probes` random directions.
        eigenvalue_seconds, trace_seconds: until they end by themselves.
        within_seconds: until the eigenvalue is within `TOLERANCE` of the exact one, for good; None
            where it ends before.
    """

    eigenvalue: float
    error: float
    eigenvalue_seconds: float
    within_seconds: float | None
    trace: float
    stderr: float
    probes: int
    trace_seconds: float


@dataclass(frozen=True)
class Figures:
    """Both of one network; `peer` is None where PyHessian is not installed."""

    network: str
    images: int
    isoloss: Measured
    peer: Measured | None

    @property
    def ratios(self) -> dict[str, float]:
        """How many times the peer's speed that of isoloss is."""
        if self.peer is None:
            return {}
        own, other = self.isoloss, self.peer
        found = {
            "eigenvalue": other.eigenvalue_seconds / own.eigenvalue_seconds,
            "trace": other.trace_seconds / own.trace_seconds,
        }
        if own.within_seconds and other.within_seconds:
            found["eigenvalue_at_equal_error"] = other.within_seconds / own.within_seconds
        if own.stderr > 0:
            found["trace_at_equal_error"] = found["trace"] * (other.stderr / own.stderr) ** 2
        return found


def bench_curvature(
    runs: Sequence[Path], images: int | None, budget: float, *, as_json: bool
) -> None:
    """Measure and print.

    Args:
        runs: training runs to measure on; by default the shipped classifier of digits.
        images: of the test split, or of the training split where that is too small.
        budget: seconds for PyHessian's trace, which takes 10 random directions at least.
    """
    device = choose_device("auto")
    found: list[Figures] = []
    for probed in networks(runs or [shipped_models()["digits-classifier"]], images, device):
        print(f"measuring {probed.name} …", file=sys.stderr, flush=True)
        found.append(_measure(probed, device, budget))
        if not as_json:
            _print(found[-1])
    if as_json:
        where = f"{describe_device(device)}, {processor()}, {torch.get_num_threads()} threads"
        rows = [{**asdict(each), "ratios": each.ratios} for each in found]
        print(json.dumps({
            "device": where, "torch": str(torch.__version__), "clock": _clock().__name__,
            "tolerance": TOLERANCE, "curvature": rows,
        }))  # fmt: skip


def _measure(probed: Probed, device: torch.device, budget: float) -> Figures:
    data = probed.samples(device)
    if len(data) < 2:
        raise IsolossError("curvature is measured on at least 2 images")
    *_, exact = _largest(Curvature(probed.model, data, None, device), EXACT)
    now = _clock()
    began = now()
    curvature = Curvature(probed.model, data, None, device)
    steps = [(now() - began, value) for value in _largest(curvature, TOLERANCE)]
    eigenvalue_seconds, eigenvalue = steps[-1]
    peer = _PyHessian.of(probed, device)
    measured = None if peer is None else peer.measured(exact, budget)
    wanted = math.inf if measured is None else measured.stderr
    probes = PROBES
    traced, seconds = _timed(partial(_trace, curvature, probes))
    while (stderr := traced.total.over_probes) > wanted and probes < MOST_OF_OURS:
        probes = min(math.ceil(1.1 * probes * (stderr / wanted) ** 2), MOST_OF_OURS)
        traced, seconds = _timed(partial(_trace, curvature, probes))
    own = Measured(
        eigenvalue, abs(eigenvalue / exact - 1), eigenvalue_seconds, _within(steps, exact),
        traced.total.value, traced.total.over_probes, probes, seconds,
    )  # fmt: skip
    return Figures(probed.name, len(data), own, measured)


def _clock() -> Callable[[], float]:
    """Of the processor where one thread does all the work, whatever else it is given; or the time
    that goes by."""
    alone = choose_device("auto").type == "cpu" and torch.get_num_threads() == 1
    return time.thread_time if alone else time.perf_counter


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """What comes out, and the seconds it took."""
    now = _clock()
    began = now()
    found = work()
    return found, now() - began


def _within(steps: Sequence[tuple[float, float]], exact: float) -> float | None:
    """From how many seconds on values are within `TOLERANCE` of the exact one.

    Args:
        steps: seconds and values.
    """
    since = None
    for seconds, value in reversed(steps):
        if abs(value / exact - 1) > TOLERANCE:
            break
        since = seconds
    return since


def _largest(curvature: Curvature, tolerance: float) -> Iterator[float]:
    """What is known of it after each product."""
    random = random_signs(1, curvature, torch.Generator().manual_seed(0))[0]
    start = beginning(curvature, random, largest=1)
    for ritz in outermost(curvature.times, start, tolerance=tolerance, most_steps=300):
        yield float(ritz.values[-1])


def _trace(curvature: Curvature, probes: int) -> Trace:
    generator = torch.Generator().manual_seed(0)
    return _result(trace(curvature, len(curvature.data), generator, probes=probes))


def _result(steps: Generator[Any, None, T]) -> T:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@dataclass(frozen=True)
class _PyHessian:
    """PyHessian on one network; it finds everything in eval mode."""

    made: Any

    @classmethod
    def of(cls, probed: Probed, device: torch.device) -> _PyHessian | None:
        """None where it is not installed."""
        try:
            pyhessian: Any = importlib.import_module("pyhessian")
        except ImportError:
            print("PyHessian is not installed: pip install 'isoloss[bench]'", file=sys.stderr)
            return None
        images, targets = as_inputs(probed.images), probed.targets
        loader = [*zip(images.split(BATCH), targets.split(BATCH), strict=True)]
        model = copy.deepcopy(probed.model).to(device)
        warnings.filterwarnings("ignore", "Using backward.. with create_graph=True")
        on_gpu = device.type == "cuda"
        return cls(pyhessian.hessian(model, nn.CrossEntropyLoss(), dataloader=loader, cuda=on_gpu))

    def measured(self, exact: float, budget: float) -> Measured:
        torch.manual_seed(0)
        steps: list[tuple[float, float]] = []
        with self._watched(steps):
            ([eigenvalue], _), eigenvalue_seconds = _timed(
                lambda: self.made.eigenvalues(maxIter=300, tol=TOLERANCE)
            )
        each, seconds = _timed(lambda: self._traces(2))
        fitting = min(max(int(2 * budget / seconds), FEWEST), MOST)
        more, further = _timed(lambda: self._traces(fitting - 2))
        of_each = np.array([*each, *more])
        return Measured(
            float(eigenvalue), abs(float(eigenvalue) / exact - 1),
            eigenvalue_seconds, _within(steps, exact),
            float(of_each.mean()), float(of_each.std(ddof=1)) / math.sqrt(fitting), fitting,
            seconds + further,
        )  # fmt: skip

    @contextmanager
    def _watched(self, steps: list[tuple[float, float]]) -> Generator[None]:
        """Inside, write down what every product says of the eigenvalue, and when."""
        product, now = self.made.dataloader_hv_product, _clock()
        began = now()

        def watched(vector: Any) -> Any:
            found = product(vector)
            steps.append((now() - began, float(found[0])))
            return found

        self.made.dataloader_hv_product = watched
        try:
            yield
        finally:
            del self.made.dataloader_hv_product

    def _traces(self, directions: int) -> list[float]:
        """What each of so many says of the trace; none ends it early."""
        return [float(v) for v in self.made.trace(maxIter=directions, tol=-math.inf)]


def _print(figures: Figures) -> None:
    print(f"{figures.network}, {figures.images:,} images")
    for name, found in (("isoloss", figures.isoloss), ("PyHessian", figures.peer)):
        if found is not None:
            print(
                f"  {name:<10} λmax {found.eigenvalue:.5g}, {100 * found.error:.2g} % off, "
                f"{found.eigenvalue_seconds:.1f} s; trace {found.trace:.5g} ± {found.stderr:.2g} "
                f"of {found.probes} directions, {found.trace_seconds:.1f} s"
            )
            if found.within_seconds is not None:
                near = f"within {100 * TOLERANCE:g} % after {found.within_seconds:.1f} s"
                print(f"  {'':<10} λmax {near}")
    for name, ratio in figures.ratios.items():
        print(f"  {name.replace('_', ' '):<26} {ratio:.2f} times as fast")
