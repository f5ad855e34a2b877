"""Learning rates that fall as a training goes on."""

from __future__ import annotations

import math

DROPS = (150 / 300, 225 / 300, 275 / 300)
"""Li et al. 2018: after 150, 225 and 275 of 300 epochs."""


def along_cosine(peak: float, done: float) -> float:
    """Down from `peak` to zero along half a cosine, where it stays.

    Args:
        done: the fraction of all steps.
    """
    return peak * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def in_drops(peak: float, done: float) -> float:
    """A tenth of what it was after each of `DROPS`."""
    return peak * 0.1 ** sum(done >= drop for drop in DROPS)
