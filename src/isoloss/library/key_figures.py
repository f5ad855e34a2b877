"""What a run of each kind comes to, in a number or two: one entry for each kind of run.

A new kind is an entry here; tables, filters, sorting and comparisons ask these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from isoloss.errors import IsolossError
from isoloss.files import is_plain_file
from isoloss.geometry.analysis.barrier import barrier_of
from isoloss.geometry.analysis.difference import automatic_scale
from isoloss.geometry.analysis.minima import basins_among, minima_of
from isoloss.geometry.analysis.roughness import UNKNOWN, roughness_of
from isoloss.geometry.files.reading import load_alone
from isoloss.geometry.surface import Surface
from isoloss.jobs.follow import RunState
from isoloss.naming import capitalized, percent
from isoloss.paths import exists, is_folder
from isoloss.registry import Registry
from isoloss.results.sharpness_files import read_sharpness
from isoloss.results.tables import Row, read_table
from isoloss.run import Run

_LARGEST = 1 << 28
"""Bytes of a file; of a larger one the figures are not read."""
USUAL = {"linf": 8 / 255, "l2": 0.5}
"""ε at which accuracies are told apart in most papers; the one nearest to it is told."""
USUAL_RADIUS = 0.25

Figures = Mapping[str, float]


@dataclass(frozen=True)
class KeyFigure:
    """What there is to tell of a kind of run.

    Attributes:
        name: of the kind of run.
        names: of its figures, as filters and sorting know them; the first that a run has is what
            it is sorted by.
        read: finds them in a run's folder, or in what its events have said.
        in_words: tells them in a few words; called with at least one.
        titles: of columns with these figures, where they are called otherwise.
    """

    name: str
    names: tuple[str, ...]
    read: Callable[[Run, RunState], Figures]
    in_words: Callable[[Figures], str]
    titles: Mapping[str, str] = field(default_factory=dict[str, str])

    def title(self, name: str) -> str:
        """What stands over a column with this figure."""
        return self.titles.get(name, capitalized(name))

    def first(self, figures: Figures) -> tuple[int, float] | None:
        """What a run of this kind is sorted by: the place of its first figure, and its value."""
        there = ((k, figures[name]) for k, name in enumerate(self.names) if name in figures)
        return next(there, None)


KEY_FIGURES = Registry[KeyFigure]("key figure of")
register, unregister = KEY_FIGURES.register, KEY_FIGURES.unregister


def figures_of(run: Run, state: RunState) -> dict[str, float]:
    """The figures of a run, those that are finite; none where there are none yet."""
    known = KEY_FIGURES.get(run.settings.kind)
    if known is None:
        return {}
    try:
        found = known.read(run, state)
    except (IsolossError, OSError):
        return {}
    return {k: float(v) for k, v in found.items() if math.isfinite(v)}


def in_words(kind: str, figures: Figures) -> str:
    """The figures of a run in a few words; "" where there are none."""
    known = KEY_FIGURES.get(kind)
    return known.in_words(figures) if known is not None and figures else ""


def figure_names() -> set[str]:
    """The names of all figures."""
    return {name for known in KEY_FIGURES for name in known.names}


def _of_training(_: Run, state: RunState) -> Figures:
    last = next((m for m in reversed(state.metrics) if not math.isnan(m.test_loss)), None)
    if last is None:
        return {}
    return {
        "accuracy": last.test_accuracy, "loss": last.test_loss, "epoch": last.epoch,
        "noisy": last.noisy_accuracy,
    }  # fmt: skip


def _training_in_words(figures: Figures) -> str:
    if "accuracy" in figures:
        noisy = f", with noise {percent(figures['noisy'])}" if "noisy" in figures else ""
        return f"test accuracy {percent(figures['accuracy'])}{noisy}"
    return f"test loss {figures['loss']:.4g}" if "loss" in figures else ""


def _of_surface(run: Run, _: RunState) -> Figures:
    inside = run.growing_path.iterdir() if is_folder(run.growing_path) else ()
    files = [run.surface_path, run.curve_path, *inside]
    if any(exists(f) and not is_folder(f) and not is_plain_file(f, _LARGEST) for f in files):
        return {}
    surface = load_alone(run.folder)
    known = surface.loss[surface.computed & np.isfinite(surface.loss)]
    found = {"lowest": float(known.min()), "highest": float(known.max())} if known.size else {}
    if (barrier := barrier_of(surface)) is not None:
        found["barrier"] = barrier.value
    if (barrier := barrier_of(surface, "path_barrier")) is not None:
        found["path_barrier"] = barrier.value
    found |= _of_shape(surface) if surface.is_complete else {}
    centre = surface.meta.get("centre")
    if isinstance(centre, dict):
        values = {"loss": centre.get("loss"), "accuracy": centre.get("accuracy")}
        found |= {k: v for k, v in values.items() if isinstance(v, int | float)}
    return found


def _of_shape(surface: Surface) -> dict[str, float]:
    """How rough a surface is; of what errors leave open, the ends."""
    basins = basins_among(minima_of(surface), automatic_scale(surface))
    rough = roughness_of(surface)
    found = {
        "nonconvex": rough.non_convex, "variation": rough.variation,
        "logvariation": rough.log_variation or UNKNOWN,
    }  # fmt: skip
    ends = [
        (f"{name}{end}", value)
        for name, estimate in found.items()
        for end, value in (("", estimate.value), ("_low", estimate.low), ("_high", estimate.high))
    ]
    return {"basins": float(basins.certain), **dict(ends)}


def _surface_in_words(figures: Figures) -> str:
    words = []
    if "barrier" in figures:
        words.append(f"barrier {figures['barrier']:.4g}")
    if "path_barrier" in figures:
        words.append(f"along the path {figures['path_barrier']:.4g}")
    if "lowest" in figures:
        words.append(f"loss {figures['lowest']:.4g} to {figures['highest']:.4g}")
    if "loss" in figures:
        words.append(f"centre {figures['loss']:.4g}")
    return ", ".join(words)


def _of_evaluation(run: Run, _: RunState) -> Figures:
    rows = _rows(run)
    found: dict[str, float] = {}
    clean = [row.accuracy for row in rows if row.eps == 0]
    if clean:
        found["clean"] = max(clean)
    radii = {row.eps for row in rows if row.eps > 0}
    if radii:
        found["eps"] = min(radii, key=lambda e: abs(e - USUAL[rows[0].norm]))
        found["accuracy"] = _best([row for row in rows if row.eps == found["eps"]], min)
    return found


def _evaluation_in_words(figures: Figures) -> str:
    if "accuracy" in figures:
        return f"{percent(figures['accuracy'])} at ε {figures['eps']:.3g}"
    return f"{percent(figures['clean'])} clean" if "clean" in figures else ""


def _of_certification(run: Run, _: RunState) -> Figures:
    rows = [row for row in _rows(run) if row.is_certificate]
    found: dict[str, float] = {}
    known = [row for row in rows if not math.isnan(row.average_radius)]
    if known:
        found["average"] = _best(known, _mean, of=lambda row: row.average_radius)
    radii = {row.eps for row in rows if row.eps > 0}
    if radii:
        radius = min(radii, key=lambda r: abs(r - USUAL_RADIUS))
        at = [row for row in rows if row.eps == radius]
        found |= {"certified": _best(at, _mean), "radius": radius}
    return found


def _certification_in_words(figures: Figures) -> str:
    if "certified" in figures:
        return f"{percent(figures['certified'])} certified at {figures['radius']:.3g}"
    return f"average certified radius {figures['average']:.3g}" if "average" in figures else ""


def _rows(run: Run) -> list[Row]:
    """The table of a run's first network."""
    if not is_plain_file(run.table_path, _LARGEST):
        return []
    rows = read_table(run.table_path)
    return [row for row in rows if row.network == rows[0].network]


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def _best(
    rows: list[Row],
    of_one: Callable[[list[float]], float],
    of: Callable[[Row], float] = lambda row: row.accuracy,
) -> float:
    """Of the defenses in a table, by their σ, the accuracy of the best, or what `of` says."""
    by_sigma: dict[float, list[float]] = {}
    for row in rows:
        sigma = -1.0 if math.isnan(row.sigma) else row.sigma
        by_sigma.setdefault(sigma, []).append(of(row))
    return max(map(of_one, by_sigma.values()))


def _of_sharpness(run: Run, _: RunState) -> Figures:
    found = [each for each in read_sharpness(run) if not each.left_out]
    if not found:
        return {}
    last = found[-1]
    ends = {"eigenvalue": last.largest[0].value} if last.largest else {}
    rise = {} if last.rise_in_mean is None else {"rise": last.rise_in_mean.value}
    return {
        **ends, "trace": last.trace.value, "gradient": last.gradient_norm.value, **rise,
        "loss": last.loss.value,
    }  # fmt: skip


def _sharpness_in_words(figures: Figures) -> str:
    said = {"eigenvalue": "λmax", "trace": "trace", "loss": "loss"}
    return ", ".join(f"{word} {figures[k]:.4g}" for k, word in said.items() if k in figures)


for _kind in ("train", "import"):
    _titles = {
        "accuracy": "Test accuracy", "loss": "Test loss", "noisy": "Test accuracy with noise",
    }  # fmt: skip
    _names = ("accuracy", "loss", "epoch", "noisy")
    register(KeyFigure(_kind, _names, _of_training, _training_in_words, _titles))
for _kind in ("probe", "probe-input"):
    _titles = {
        **({"barrier": "Barrier", "path_barrier": "Barrier of path"} if _kind == "probe" else {}),
        "loss": "Loss at the centre", "lowest": "Lowest loss", "highest": "Highest loss",
        "accuracy": "Accuracy at the centre",
        "basins": "Basins", "nonconvex": "Non-convex share", "variation": "Total variation",
        "logvariation": "Total variation of the log",
    }  # fmt: skip
    register(KeyFigure(_kind, (*_titles,), _of_surface, _surface_in_words, _titles))
for _kind in ("attack", "defend"):
    _titles = {"accuracy": "Accuracy at ε", "clean": "Clean accuracy", "eps": "ε"}
    register(KeyFigure(_kind, (*_titles,), _of_evaluation, _evaluation_in_words, _titles))
_titles = {
    "certified": "Certified accuracy", "radius": "Radius", "average": "Average certified radius",
}  # fmt: skip
register(KeyFigure("certify", (*_titles,), _of_certification, _certification_in_words, _titles))
_titles = {
    "eigenvalue": "Largest eigenvalue", "trace": "Trace", "gradient": "Gradient norm",
    "rise": "Mean rise", "loss": "Loss",
}  # fmt: skip
register(KeyFigure("sharpness", (*_titles,), _of_sharpness, _sharpness_in_words, _titles))
