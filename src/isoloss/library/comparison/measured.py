"""What one network came to in a run, and what tells it from others: for sets of runs."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isoloss.errors import IsolossError
from isoloss.library.comparison.differences import NORMAL
from isoloss.library.entry import Entry
from isoloss.library.key_figures import KEY_FIGURES, USUAL, USUAL_RADIUS
from isoloss.library.reading import trained_as
from isoloss.results.estimates import Estimate
from isoloss.results.intervals import exact_interval
from isoloss.results.radii import radius_label
from isoloss.results.sharpness import Sharpness
from isoloss.results.tables import Row, average_radius_of, over_seeds
from isoloss.results.worst_case import RightImages, right_by_image
from isoloss.run import Run
from isoloss.settings.base import NetworkSettings

Told = Mapping[tuple[str, str], Any]
"""{(kind of run, field): value}: what was asked for, of the run and of the network's training."""
Ends = tuple[float, float]
_NOT_TOLD = {"kind", "source", "also", "seed", "device"}


@dataclass(frozen=True)
class Quantity:
    """One number of a network.

    Attributes:
        name: among the figures of its kind of run.
        title: what it is, ε included.
        is_share: whether it is told in per cent.
    """

    name: str
    title: str
    is_share: bool = False


@dataclass(frozen=True)
class MeasuredNetwork:
    """One network in one run.

    Attributes:
        name: of the run, or of the network where the run is about several.
        told: what was asked for, but for seeds.
        seeds: of its training and of the run; None where that is not known.
        images_of: which samples it was measured on: the same for those that saw the same.
        data: which they are drawn from, in words.
        found: its numbers.
        ends: of a share those of its exact interval.
        right: of a share, which images are right, where that was kept.
    """

    entry: Entry
    name: str
    told: Told
    seeds: tuple[Hashable, ...]
    images_of: Hashable
    data: str
    found: Mapping[Quantity, Estimate]
    ends: Mapping[Quantity, Ends]
    right: Mapping[Quantity, RightImages]


_Numbers = tuple[
    Mapping[Quantity, Estimate], Mapping[Quantity, Ends], Mapping[Quantity, RightImages]
]
"""What is `found`, its `ends` and what is `right`."""


def networks_of(
    entry: Entry, rows: Sequence[Row], sharpness: Sequence[Sharpness]
) -> Iterator[MeasuredNetwork]:
    """The networks that a run is about, with their numbers so far.

    Args:
        rows: of its robustness table, none where it has none.
        sharpness: that it has found, of all networks and checkpoints.
    """
    own = {(entry.kind, k): v for k, v in entry.settings.items() if k not in _NOT_TOLD}
    seed = entry.settings.get("seed")
    split = str(entry.settings.get("split") or ("test" if entry.is_training else ""))
    data = f"{entry.data} ({split} split)" if split else entry.data
    images = data, entry.settings.get("samples"), None if entry.is_training else seed
    if entry.is_training:
        numbers = _numbers_of_training(entry)
        yield MeasuredNetwork(entry, entry.name, own, (seed,), images, data, *numbers)
        return
    for label, training, several in _networks(entry):
        name = label if several else entry.name
        asked = {"network": label} if training is None else training
        told = {("train", k): v for k, v in asked.items() if k not in _NOT_TOLD}
        numbers = _numbers(entry, rows, sharpness, label if several else None)
        seeds = asked.get("seed"), seed
        yield MeasuredNetwork(entry, name, own | told, seeds, images, data, *numbers)


def _numbers_of_training(entry: Entry) -> _Numbers:
    found = dict(_of_training(entry, _titles(entry.kind)))
    tested = entry.samples[1] if entry.samples is not None else 0
    ends = {
        quantity: exact_interval(round(estimate.value * tested), tested)
        for quantity, estimate in found.items()
        if quantity.is_share and tested
    }
    return found, ends, {}


def _numbers(
    entry: Entry, rows: Sequence[Row], sharpness: Sequence[Sharpness], network: str | None
) -> _Numbers:
    """Those of one of a run's networks; None is the only one."""
    titles = _titles(entry.kind)
    if entry.kind == "sharpness":
        own = [s for s in sharpness if network in (None, s.place.network)]
        return (dict(_of_sharpness(own[-1], titles)) if own else {}), {}, {}
    if rows:
        listed = [*_of_table([row for row in rows if network in (None, row.network)])]
        taken = {quantity: row for quantity, row, _ in listed if row is not None}
        right = {quantity: _right(entry, rows, row) for quantity, row in taken.items()}
        return (
            {quantity: estimate for quantity, _, estimate in listed},
            {quantity: (row.low, row.high) for quantity, row in taken.items()},
            {quantity: images for quantity, images in right.items() if images is not None},
        )
    shown = {
        Quantity(k, titles[k], is_share=k in ("accuracy", "nonconvex")): _alone(v)
        for k, v in entry.figures.items()
        if k in titles
    }
    return shown, {}, {}


def _networks(entry: Entry) -> Iterator[tuple[str, Mapping[str, Any] | None, bool]]:
    """Of each network of a run what tables call it, what its training was asked for, and whether
    there are several."""
    try:
        settings = Run.open(entry.folder).settings
    except IsolossError:
        return
    networks = settings.networks if isinstance(settings, NetworkSettings) else ()
    for source in networks:
        trained = trained_as(source)
        dumped = None if trained is None else json.loads(trained.model_dump_json())
        yield source.label, dumped, len(networks) > 1


def _titles(kind: str) -> Mapping[str, str]:
    known = KEY_FIGURES.get(kind)
    return {} if known is None else {name: known.title(name) for name in known.names}


def _of_training(entry: Entry, titles: Mapping[str, str]) -> Iterator[tuple[Quantity, Estimate]]:
    images = entry.samples[1] if entry.samples is not None else 0
    for name, value in entry.figures.items():
        if name in ("accuracy", "noisy"):
            yield Quantity(name, titles[name], is_share=True), _share(value, images)
        elif name == "loss":
            yield Quantity(name, titles[name]), _alone(value)


def _of_sharpness(
    found: Sharpness, titles: Mapping[str, str]
) -> Iterator[tuple[Quantity, Estimate]]:
    known = {
        "eigenvalue": found.largest[0] if found.largest else None,
        "trace": found.trace,
        "gradient": found.gradient_norm,
        "rise": found.rise_in_mean,
        "loss": found.loss,
    }
    for name, estimate in known.items():
        if estimate is not None and math.isfinite(estimate.value):
            yield Quantity(name, titles[name]), estimate


def _of_table(rows: Sequence[Row]) -> Iterator[tuple[Quantity, Row | None, Estimate]]:
    """The headline numbers of one network's table: of its best defense, under the attack that is
    worst for it; and the row that each was taken from."""
    certified = [row for row in rows if row.is_certificate]
    attacked = [row for row in rows if not row.is_certificate]
    if clean := _headline([row for row in attacked if row.eps == 0]):
        yield Quantity("clean", "Clean accuracy", is_share=True), *clean
    for some, usual, title in (
        (attacked, USUAL, "Accuracy at ε"),
        (certified, {"l2": USUAL_RADIUS}, "Certified accuracy at"),
    ):
        if radii := {row.eps for row in some if row.eps > 0}:
            eps = min(radii, key=lambda e: abs(e - usual[some[0].norm]))
            name = "certified" if some is certified else "accuracy"
            if at := _headline([row for row in some if row.eps == eps]):
                yield Quantity(name, f"{title} {radius_label(eps)}", is_share=True), *at
    averages = map(average_radius_of, over_seeds(certified))
    if known := [each for each in averages if not math.isnan(each[0])]:
        value, error = max(known)
        average = Estimate(value, error, 0.0, NORMAL * error)
        yield Quantity("average", "Average certified radius"), None, average


def _headline(rows: Sequence[Row]) -> tuple[Row | None, Estimate] | None:
    """Of the rows at one ε: the worst attack on the best defense."""
    defenses: dict[tuple[Hashable, ...], list[Row]] = {}
    for row in rows:
        defenses.setdefault((row.defense, str(row.sigma)), []).append(row)
    best: tuple[Row | None, Estimate] | None = None
    for its in defenses.values():
        worst = [_worst([row for row in its if row.seed == k]) for k in {row.seed for row in its}]
        value = math.fsum(row.accuracy for row in worst) / len(worst)
        if best is None or value > best[1].value:
            first = worst[0]
            share = _share(value, first.samples, first.high - first.low)
            best = (first if len(worst) == 1 else None), share
    return best


def _worst(rows: Sequence[Row]) -> Row:
    return min(rows, key=lambda row: (row.accuracy, not row.is_worst_case))


def _right(entry: Entry, rows: Sequence[Row], row: Row) -> RightImages | None:
    journal = Run.open(entry.folder).outcomes_path
    return right_by_image(rows, journal).get(row.curve, {}).get(row.eps)


def _share(value: float, samples: int, width: float = math.nan) -> Estimate:
    if not samples:
        return _alone(value)
    error = math.sqrt(value * (1 - value) / samples)
    return Estimate(value, error, 0.0, NORMAL * error if math.isnan(width) else width / 2)


def _alone(value: float) -> Estimate:
    """A number whose errors nobody has kept."""
    return Estimate(value, math.nan, math.nan, math.nan)
