"""As many numbers along an axis as there is room for."""

from __future__ import annotations

from collections.abc import Callable

from isoloss.geometry.height import HeightScale
from isoloss.geometry.ticks import Tick


def fitting_ticks(
    scale: HeightScale,
    most: int,
    length: float,
    extent: Callable[[str], float],
    apart: float,
    beyond: tuple[float, float] = (float("inf"), float("inf")),
) -> list[Tick]:
    """Round values along an axis, about `most` of them or fewer, whose labels do not touch.

    Args:
        length: of the axis; all lengths are in one unit.
        extent: how long a label is along it.
        apart: how far from each other labels are at least.
        beyond: how far they may reach out at its two ends.
    """
    found: list[Tick] = []
    for count in range(most, 1, -1):
        found = []
        end = -beyond[0]
        for tick in scale.ticks(count):
            at, half = float(scale.apply(tick.value)) * length, extent(tick.label) / 2
            if at - half < end:
                if found:
                    break  # two of them would touch
                continue
            if at + half > length + beyond[1]:
                continue
            found.append(tick)
            end = at + half + apart
        else:
            return found
    return found[:1]
