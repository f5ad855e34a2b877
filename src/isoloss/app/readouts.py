"""How values are told in the window's own texts: beside the cursor, in plots and in lists."""

from __future__ import annotations

import math
import re

from isoloss.geometry.height import number_label

Facts = list[tuple[str, str]]

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


def place_facts(alpha: float, beta: float) -> Facts:
    """Where a point is in the plane: (name, value)."""
    return [("α", number(alpha)), ("β", number(beta))]


def value_facts(loss: float, stderr: float = 0.0, accuracy: float = math.nan) -> Facts:
    """What is known there; an accuracy that is NaN is left out."""
    told = [("loss", loss_label(loss, stderr))]
    if math.isfinite(accuracy):
        told.append(("accuracy", f"{100 * accuracy:.1f} %"))
    return told


def loss_label(loss: float, stderr: float = 0.0) -> str:
    """A loss with its standard error, where there is one."""
    error = f" ± {number(stderr, 2)}" if math.isfinite(stderr) and stderr > 0 else ""
    return number(loss) + error
