"""What the sharpness of a network came to, and as a table."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from isoloss.files import write_atomic
from isoloss.geometry.arrays import Array
from isoloss.results.estimates import Estimate

COLUMNS = ("quantity", "of", "value", "low", "high", "over_samples", "over_probes")


@dataclass(frozen=True)
class Density:
    """The spectral density, as quadratures.

    Attributes:
        nodes, weights: (M, S) approximate eigenvalues and their shares of all, by each of M random
            directions.
    """

    nodes: Array
    weights: Array

    def at(self, values: Array, width: float) -> Array:
        """(V,) the density at `values`, every node a normal curve of a standard deviation of
        `width`; its integral is 1."""
        apart = (values[:, None] - self.nodes.ravel()) / width
        curves = np.exp(-(apart**2) / 2) / (width * math.sqrt(2 * math.pi))
        return curves @ self.weights.ravel() / len(self.nodes)


@dataclass(frozen=True)
class Sharpness:
    """How a network's loss curves and rises around it.

    Attributes:
        loss: the mean over the samples.
        gradient_norm: of that mean.
        largest, smallest: the outermost eigenvalues, the outermost first.
        error: the largest that these may have for want of steps.
        trace: of all, and `groups` of each parameter tensor by name.
        rise_at_most: within a ball of radius `radius`, by ascent: a lower bound.
        rise_in_mean: under filter-normalized noise of size `noise`; None of what has no filters.
        density: None where it was not asked for.
        facts: what else there is to say of how this was found.
    """

    loss: Estimate
    gradient_norm: float
    largest: tuple[Estimate, ...]
    smallest: tuple[Estimate, ...]
    error: float
    trace: Estimate
    groups: Mapping[str, Estimate]
    rise_at_most: Estimate
    rise_in_mean: Estimate | None
    density: Density | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __repr__(self) -> str:
        said = [f"λmax {_in_words(e)}" for e in self.largest[:1]]
        said += [f"trace {_in_words(self.trace)}", f"loss {self.loss.value:.4g}"]
        return f"<Sharpness: {', '.join(said)}>"

    def rows(self) -> Iterator[tuple[str, str, Estimate]]:
        """(quantity, of what, estimate), as a table has them."""
        yield "loss", "", self.loss
        yield "gradient norm", "", Estimate(self.gradient_norm, math.nan, 0.0, math.nan)
        for k, estimate in enumerate(self.largest, 1):
            yield "largest eigenvalue", str(k), estimate
        for k, estimate in enumerate(self.smallest, 1):
            yield "smallest eigenvalue", str(k), estimate
        yield "trace", "", self.trace
        for name, estimate in self.groups.items():
            yield "trace", name, estimate
        yield "rise at most", f"radius {self.facts.get('radius')}", self.rise_at_most
        if self.rise_in_mean is not None:
            yield "rise in mean", f"noise {self.facts.get('noise')}", self.rise_in_mean

    def save(self, path: str | Path) -> None:
        """Write `rows` as a CSV file, with the ends of the intervals of 95 %."""

        def write(where: Path) -> None:
            with where.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(COLUMNS)
                for quantity, of, e in self.rows():
                    numbers = (e.value, *e.interval, e.over_samples, e.over_probes)
                    writer.writerow([quantity, of, *(f"{v:.9g}" for v in numbers)])

        write_atomic(Path(path), write)


def _in_words(estimate: Estimate) -> str:
    return f"{estimate.value:.4g} ± {estimate.half_width:.2g}"
