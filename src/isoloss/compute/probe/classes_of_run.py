"""The losses of single classes out of a finished run, of which nothing is evaluated again.

A surface that was computed to a tolerance keeps what every image gave at every cell. The estimates
of a class are those of the surface (`multilevel`), over the images of that class alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from isoloss.compute.engine.multilevel import Multilevel
from isoloss.compute.engine.quantities import OfClass
from isoloss.compute.engine.sample_losses import HITS, LOSSES, SampleLosses
from isoloss.compute.probe.probe_run import Probing
from isoloss.errors import IsolossError
from isoloss.geometry.files.reading import load
from isoloss.geometry.surface import Surface
from isoloss.paths import exists
from isoloss.run import Run


def with_classes(run: Run, probing: Probing, classes: Sequence[OfClass]) -> Surface:
    """The surface of a run, with the losses of `classes` as further quantities.

    Args:
        probing: the run's network and data, loaded.

    Raises:
        IsolossError: if the run keeps no losses image by image, or its data are not what they were.
    """
    settings, files = probing.settings, [run.growing_path / name for name in (LOSSES, HITS)]
    if not all(map(exists, files)):
        raise IsolossError(
            f"{run.folder} keeps no losses image by image, as a probe to a --tolerance does: probe "
            "it again with --quantity class:NAME"
        )
    if run.environment["depends_on"]["data"] != probing.probed.network.dataset.digest():
        raise IsolossError(f"the data changed since {run.folder} was begun: start a new run")
    surface = load(run.folder)
    data = probing.data.shuffled(settings.seed, torch.device("cpu"), settings.samples)
    shape = surface.count.size, len(data)
    kept = [
        np.memmap(path, dtype, "r", shape=shape)
        for path, dtype in zip(files, (np.float32, np.uint8), strict=True)
    ]
    columns, titles = dict(surface.columns), dict(surface.meta.get("quantities") or {})
    for one in classes:
        chosen = torch.cat([one.chosen(batch) for batch in data.batches(0, len(data), 1 << 16)])
        population = one.population(data, probing.data.population)
        found = _estimates(surface, kept, chosen.numpy(), population)
        titles[one.name] = one.title
        for suffix, values in zip(("", "_accuracy", "_stderr"), found, strict=True):
            columns[one.name + suffix] = values
    return replace(surface, columns=columns, meta={**surface.meta, "quantities": titles})


def _estimates(
    surface: Surface,
    kept: Sequence[NDArray[Any]],
    chosen: NDArray[np.bool_],
    population: int,
) -> NDArray[np.float64]:
    """(3, A, B) the mean loss of the chosen images, the share that is right, the standard error.

    Args:
        kept: (cells, images) losses and right answers, in the order in which they are seen.
        chosen: (images,) bool, in that order.
    """
    counts = surface.count.ravel()
    of_class = np.concatenate([[0], np.cumsum(chosen)])[counts]
    record = SampleLosses(counts.size, int(chosen.sum()))
    for cell in np.flatnonzero(of_class):
        seen = counts[cell]
        losses, hits = (of[cell, :seen][chosen[:seen]] for of in kept)
        record.put(int(cell), 0, losses, hits)
    multilevel = Multilevel(
        surface.alpha, surface.beta, record, population, int(chosen.sum()), 1.0
    )  # fmt: skip
    found = np.full((3, counts.size), np.nan)
    for cell, *values in multilevel.estimates(of_class):
        found[:, cell] = values
    return found.reshape(3, *surface.shape)
