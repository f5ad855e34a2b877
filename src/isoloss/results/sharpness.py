"""What the sharpness of a network came to, and as a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from isoloss.files import number_text, write_csv
from isoloss.geometry.arrays import Array
from isoloss.geometry.ticks import number_label
from isoloss.results.estimates import Estimate

_HEADER = (
    "network", "checkpoint", "epoch", "lr", "quantity", "of", "value", "low", "high",
    "over_samples", "over_probes",
)  # fmt: skip
UNKNOWN = Estimate(math.nan, math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Place:
    """Where it was found.

    Attributes:
        network: its name; "" where a script has it at hand.
        checkpoint: one of its training's, by the file's name; "" for the trained network.
        epoch, lr: of the training there, NaN where that is not known.
    """

    network: str = ""
    checkpoint: str = ""
    epoch: float = math.nan
    lr: float = math.nan

    @property
    def in_words(self) -> str:
        """`adam, epoch 3`; the epoch where it is one of several of the network's."""
        return f"{self.network}, epoch {self.epoch:g}" if self.checkpoint else self.network


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
    """How a network's loss curves and rises around it; of a run that is not done, as far as known.

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
        place: which network it is, and when in its training.
        left_out: why it is not measured, beside others that are; "" if it is.
    """

    loss: Estimate = UNKNOWN
    gradient_norm: Estimate = UNKNOWN
    largest: tuple[Estimate, ...] = ()
    smallest: tuple[Estimate, ...] = ()
    error: float = math.nan
    trace: Estimate = UNKNOWN
    groups: Mapping[str, Estimate] = field(default_factory=dict[str, Estimate])
    rise_at_most: Estimate = UNKNOWN
    rise_in_mean: Estimate | None = None
    density: Density | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    place: Place = Place()
    left_out: str = ""

    @classmethod
    def of(
        cls, parts: Iterable[Mapping[str, Any]], facts: Mapping[str, Any], place: Place = Place()
    ) -> Sharpness:
        """Put together what was found part by part, as JSON has it.

        Raises:
            KeyError, TypeError, ValueError: if these are no such parts.
        """
        found: dict[str, Any] = {}
        densities: list[tuple[Array, Array]] = []
        for part in parts:
            if "nodes" in part:
                nodes, weights = (np.array(part[key], np.float64) for key in ("nodes", "weights"))
                if nodes.ndim != 2 or nodes.shape != weights.shape:
                    raise ValueError("a density has nodes with a weight each")
                densities.append((nodes, weights))
                continue
            for name, value in part.items():
                found[name] = value if name in ("error", "left_out") else _estimates(value)
            if "gradient_norm" in part:
                found["gradient_norm"] = _estimate(part["gradient_norm"]).not_below(0.0)
        if densities:
            found["density"] = _together(densities)
        return cls(**found, facts=facts, place=place)

    def __repr__(self) -> str:
        return f"<Sharpness: {', '.join(self.said)}>"

    @property
    def said(self) -> list[str]:
        """What is known first of all, in words."""
        if self.left_out:
            return [f"left out: {self.left_out}"]
        said = [f"λmax {in_words(e)}" for e in self.largest[:1]]
        named = ("trace", self.trace), ("gradient", self.gradient_norm), ("loss", self.loss)
        return said + [f"{name} {in_words(e)}" for name, e in named if e is not UNKNOWN]

    def rows(self) -> Iterator[tuple[str, str, Estimate]]:
        """(quantity, of what, estimate), as a table has them."""
        if self.left_out:
            return iter([("left out", self.left_out, UNKNOWN)])
        found = [
            ("loss", "", self.loss),
            ("gradient norm", "", self.gradient_norm),
            *(("largest eigenvalue", str(k), e) for k, e in enumerate(self.largest, 1)),
            *(("smallest eigenvalue", str(k), e) for k, e in enumerate(self.smallest, 1)),
            ("trace", "", self.trace),
            *(("trace", name, estimate) for name, estimate in self.groups.items()),
            ("rise at most", f"radius {self.facts.get('radius')}", self.rise_at_most),
            ("rise in mean", f"noise {self.facts.get('noise')}", self.rise_in_mean or UNKNOWN),
        ]
        return (row for row in found if row[2] is not UNKNOWN)

    def save(self, path: str | Path) -> None:
        """Write `rows` as a CSV file, with the ends of the intervals of 95 %."""
        write_table(Path(path), [self])


def write_table(path: Path, found: Iterable[Sharpness]) -> None:
    """Write the rows of all as one CSV file."""
    write_csv(path, _HEADER, (row for each in found for row in _lines(each)))


def _lines(found: Sharpness) -> Iterator[list[object]]:
    at = found.place
    for quantity, of, e in found.rows():
        numbers = (e.value, *e.interval, e.over_samples, e.over_probes)
        where = at.network, at.checkpoint, number_text(at.epoch), number_text(at.lr)
        yield [*where, quantity, of, *map(number_text, numbers)]


def in_words(estimate: Estimate) -> str:
    """A number and the half width of its interval, where it has one; its ends where one is nearer
    than the other."""
    value, half = number_label(estimate.value, 4), estimate.half_width
    if estimate.value - half < estimate.least:
        low, high = (number_label(end, 4) for end in estimate.interval)
        return f"{value} ({low} to {high})"
    return f"{value} ± {number_label(half, 2)}" if half > 0 else value


def _estimates(value: Any) -> Any:
    """An estimate as JSON has it, [value, over samples, over probes, half width], or several."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {str(name): _estimates(each) for name, each in value.items()}
    if value and isinstance(value[0], float | int):
        return _estimate(value)
    return tuple(_estimates(each) for each in value)


def _estimate(value: Iterable[Any]) -> Estimate:
    return Estimate(*map(float, value))


def _together(densities: list[tuple[Array, Array]]) -> Density:
    """Those of several pieces as one: what has ended earlier has nodes of no weight."""
    most = max(nodes.shape[1] for nodes, _ in densities)

    def padded(values: Array) -> Array:
        return np.pad(values, ((0, 0), (0, most - values.shape[1])))

    nodes, weights = (np.concatenate([*map(padded, each)]) for each in zip(*densities, strict=True))
    return Density(nodes, weights)
