"""The lines of an attack, a defense or a certification among those of other runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from isoloss.results.certificates import CertificateRow, Steps, mean_steps, steps_of
from isoloss.results.charts import Trace
from isoloss.results.tables import Criterion, Row, defense_in_words, over_seeds, without_repeats
from isoloss.settings.attack_kinds import CERTIFICATE, attack_of


def interval(rows: Sequence[Row], by: Criterion = "majority") -> tuple[float, float, float]:
    """The mean accuracy of rows that differ by their seed alone, and its interval: of several,
    which are of the same images, from the lowest end to the highest."""
    found = [row.accuracy_by(by) for row in rows]
    mean = math.fsum(each.accuracy for each in found) / len(found)
    return mean, min(each.low for each in found), max(each.high for each in found)


def is_sound(row: Row) -> bool:
    """Whether a row can be drawn."""
    in_range = math.isfinite(row.eps) and row.eps >= 0 and 0 <= row.accuracy <= 1
    return in_range and row.samples > 0


def evaluation_traces(
    run: int, rows: Iterable[Row], certificates: Sequence[CertificateRow], by: Criterion
) -> list[tuple[str, Trace]]:
    """The lines of a run's table, each with the chart on which it belongs: "radius", or the norm.

    Args:
        run: the place of the run among those compared.
        certificates: image by image, where they are known.
    """
    groups = over_seeds(without_repeats([*filter(is_sound, rows)]))
    networks = {group[0].network for group in groups}
    found: list[tuple[str, Trace]] = []
    for group in groups:
        first = group[0]
        radii = sorted({row.eps for row in group})
        values = [interval([row for row in group if row.eps == eps], by) for eps in radii]
        ys, low, high = (np.array(column) for column in zip(*values, strict=True))
        steps = _steps(group, certificates) if first.is_certificate else None
        name = _name(first, several=len(networks) > 1)
        trace = Trace(run, name, np.array(radii), ys, low=low, high=high, steps=steps,
                      is_thick=first.is_worst_case)  # fmt: skip
        found.append(("radius" if first.is_certificate else first.norm, trace))
    return found


def _steps(rows: Sequence[Row], certificates: Sequence[CertificateRow]) -> Steps | None:
    """The share at every radius; None unless the certificates of all images are known."""
    each: list[Steps] = []
    for seed in {row.seed: row.samples for row in rows}.items():
        own = [
            c for c in certificates
            if (c.network, c.sigma, c.seed) == (rows[0].network, rows[0].sigma, seed[0])
        ]  # fmt: skip
        if not own or len(own) != seed[1]:
            return None
        each.append(steps_of(own))
    return mean_steps(each)


def _name(row: Row, *, several: bool) -> str:
    """What tells it from the others of its run, and always what is attacked how."""
    parts = [row.network] if several else []
    parts += [] if row.attack == CERTIFICATE else [attack_of(row.attack).in_figures]
    parts += ["noise alone"] if row.defense == "noise" else []
    parts += [defense_in_words(row.defense, row.sigma)]
    return ", ".join(filter(None, parts))
