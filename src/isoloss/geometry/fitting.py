"""As many numbers along an axis as there is room for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from isoloss.geometry.height import HeightScale
from isoloss.geometry.ticks import Tick, nice_ticks


def fitting_ticks(
    scale: HeightScale,
    most: int,
    length: float,
    extent: Callable[[str], float],
    apart: float,
    beyond: tuple[float, float] = (float("inf"), float("inf")),
    *,
    whole: bool = False,
) -> list[Tick]:
    """Round values along an axis, about `most` of them or fewer, whose labels do not touch.

    Args:
        length: of the axis; all lengths are in one unit.
        extent: how long a label is along it.
        apart: how far from each other labels are at least.
        beyond: how far they may reach out at its two ends.
        whole: whether there is nothing between whole numbers, on a linear scale.
    """
    ticks = partial(nice_ticks, scale.lo, scale.hi, whole=True) if whole else scale.ticks
    found: list[Tick] = []
    for count in range(most, 1, -1):
        found = []
        end = -beyond[0]
        for tick in ticks(count):
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
