"""How values are written in the window's own texts: beside the cursor, in plots and in lists."""

from __future__ import annotations

import math
import re

from isoloss.geometry.ticks import number_label, told_apart
from isoloss.scene import pins

Facts = list[tuple[str, str]]

_MOST_DIGITS = 17  # a double has no more
_FIGURES = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "−0123456789")
_POWER = re.compile("(×?)10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)")


def number(value: float, digits: int = 4) -> str:
    """`value` as people write it, in characters that the window's font has: 0.25, 2e−5."""
    return plain(number_label(value, digits))


def plain(text: str) -> str:
    """`text` with 2×10⁻⁵ as 2e−5: the window's font has few raised figures."""

    def written(found: re.Match[str]) -> str:
        return ("e" if found[1] else "1e") + found[2].translate(_FIGURES)

    return _POWER.sub(written, text)


def place_facts(alpha: float, beta: float, spans: tuple[float, float] = (0.0, 0.0)) -> Facts:
    """Where a point is in the plane: (name, value), told from others within `spans`."""
    values = zip("αβ", (alpha, beta), spans, strict=True)
    return [(name, plain(told_apart(value, span, 4))) for name, value, span in values]


def range_label(low: float, high: float) -> str:
    """From `low` to `high`, with as many digits as it takes to tell them apart."""
    digits = 4
    while low < high and digits < _MOST_DIGITS and number(low, digits) == number(high, digits):
        digits += 1
    return f"{number(low, digits)} to {number(high, digits)}"


def value_facts(
    loss: float, stderr: float = 0.0, accuracy: float = math.nan, *, signed: bool = False
) -> Facts:
    """What is known there; an accuracy that is NaN is left out.

    Args:
        signed: the values are those of a difference.
    """
    delta = "Δ " if signed else ""
    facts = [(f"{delta}loss", loss_label(loss, stderr, signed=signed))]
    if math.isfinite(accuracy):
        facts.append((f"{delta}accuracy", pins.accuracy_label(accuracy, signed=signed)))
    return facts


def loss_label(loss: float, stderr: float = 0.0, *, signed: bool = False) -> str:
    """A loss with its standard error, where there is one."""
    error = f" ± {number(stderr, 2)}" if math.isfinite(stderr) and stderr > 0 else ""
    return plain(pins.loss_label(loss, signed=signed)) + error
