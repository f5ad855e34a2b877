"""Round values inside a range, and numbers written as people write them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import lru_cache

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

_MOST_DIGITS = 17  # a double has no more

_EXACT = Context(prec=40)

_STEPS = ((1, 0), (2, 0), (25, -1), (5, 0))  # 1, 2, 2.5 and 5

_PER_DECADE = (
    (10,),
    (10, 20, 50),
    (10, 15, 20, 30, 50, 70),
    (10, 12, 15, 20, 25, 30, 40, 50, 60, 80),
    tuple(range(10, 100, 5)),
    (*range(10, 20), *range(20, 50, 2), *range(50, 100, 5)),
    tuple(range(10, 100)),
)
"""Tenths of a power of ten: what is round within a decade, where there are ever more of them."""

_STRIDES = (2, 3, 5, 10, 20, 50, 100)
"""Decades from one round value to the next, where there are fewer."""

DECADES_FOR_POWERS = 0.7
"""A range of less is divided evenly, on a logarithmic scale too."""


@dataclass(frozen=True)
class Tick:
    """A labelled value on a scale."""

    value: float
    label: str


@lru_cache(256)  # asked for in every frame
def nice_ticks(lo: float, hi: float, count: int = 5, *, whole: bool = False) -> list[Tick]:
    """About `count` multiples of 1, 2, 2.5 or 5 times a power of ten inside [lo, hi].

    Their labels have as many digits as it takes: each is the value itself, and no two are the same.
    Where `lo < hi` there are at least two; of `whole` numbers as many as there are.
    """
    parts = max(count - 1, 1)
    raw = hi / parts - lo / parts or hi - lo
    if not 0 < raw < math.inf:
        return [Tick(lo, number_label(lo))]
    wanted = math.log10(raw)
    sizes = [
        (mantissa, exponent + power)
        for power in range(math.floor(wanted) + 1, math.floor(wanted) - 2, -1)
        for mantissa, exponent in reversed(_STEPS)
        if exponent + power >= 0 or not whole
    ] or [(1, 0)]
    unlike = [abs(math.log10(mantissa) + exponent - wanted) for mantissa, exponent in sizes]
    found, last = [], 0
    for mantissa, last in sizes[unlike.index(min(unlike)) :]:
        found = _multiples(lo, hi, Decimal(mantissa).scaleb(last, _EXACT))
        if len(found) > 1:
            break
    return _alike(found, last) if found else []


@lru_cache(256)
def log_ticks(lo: float, hi: float, count: int = 5, dense: bool = False) -> list[Tick]:
    """About `count` round values inside [lo, hi], 0 < lo, evenly spread over its decades.

    They are powers of ten, every second or third …, or 1, 2 and 5 times each, or, if `dense`, more;
    of a range of less than a decade those of `nice_ticks`.
    """
    bottom, top = math.log10(lo), math.log10(hi)
    decades = top - bottom
    if decades < DECADES_FOR_POWERS:
        return nice_ticks(lo, hi, count)
    grids = [((10,), stride) for stride in _STRIDES[::-1]]
    grids += [(mantissas, 1) for mantissas in _PER_DECADE[: None if dense else 2]]
    expected = [decades * len(mantissas) / stride for mantissas, stride in grids]
    near = min(range(len(grids)), key=lambda k: abs(math.log(expected[k] / count)))
    choices = [_on_grid(bottom, top, *grid) for grid in grids[max(near - 1, 0) : near + 3]]
    found = min(choices, key=lambda f: (len(f) < 2, abs(math.log(max(len(f), 1) / count))))
    are_powers = all(value.as_tuple().digits == (1,) for value in found)
    as_powers = are_powers and not Decimal("1e-3") <= found[0] <= found[-1] <= 1000
    return [Tick(float(v), _written(v, is_plain=not as_powers and _is_short(v))) for v in found]


def number_label(value: float, digits: int = 3) -> str:
    """`value` as people write it: 0.25, 1500, 2.5×10⁶, −3×10⁻⁷."""
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "NaN")
    if value == 0:
        return "0"
    exact = Decimal(float(value))
    rounded = Context(prec=digits).plus(exact)
    if digits <= rounded.adjusted() < 5 and abs(rounded) < 10**5:  # all digits before the point
        rounded = exact.quantize(Decimal(1), context=_EXACT)
    short = rounded.normalize(_EXACT)
    return _written(short, is_plain=_is_short(rounded) or digits > rounded.adjusted() > 0)


def told_apart(value: float, span: float, digits: int = 3) -> str:
    """`value` with as many digits, `digits` at least, as tell a hundredth of `span` > 0."""
    if value and math.isfinite(value) and 0 < span < math.inf:
        needed = math.floor(math.log10(abs(value))) - math.floor(math.log10(span)) + 3
        digits = min(max(digits, needed), _MOST_DIGITS)
    return number_label(value, digits)


def range_label(least: float, most: float) -> str:
    """From one value to another: "0.0123 to 4.56"; one alone where they are the same."""
    if least == most:
        return number_label(least)
    return f"{told_apart(least, most - least)} to {told_apart(most, most - least)}"


def power_label(value: float) -> str:
    """A power of ten, or one below zero, as 10⁻², 1, −10³."""
    power = Decimal(1).scaleb(round(math.log10(abs(value))))
    return _written(power.copy_sign(Decimal(value)), is_plain=False)


def round_below(value: float, slack: float = 1e-9) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not above `value` > 0, or above it by
    no more than the fraction `slack`."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(m * power for m in (1, 2, 5, 10) if m * power <= value * (1 + slack))


def _on_grid(bottom: float, top: float, mantissas: tuple[int, ...], stride: int) -> list[Decimal]:
    """Tenths `mantissas` of every `stride`-th power of ten, from one logarithm to another."""
    slack = 1e-9 * (top - bottom)
    powers = range(math.floor(bottom / stride) * stride, math.ceil(top) + 1, stride)
    places = [(math.log10(m) - 1 + e, m, e - 1) for e in powers for m in mantissas]
    inside = (p for p in places if bottom - slack <= p[0] <= top + slack)
    return [Decimal(m).scaleb(e, _EXACT).normalize(_EXACT) for _, m, e in inside]


def _multiples(lo: float, hi: float, step: Decimal) -> list[Decimal]:
    """Those of `step` inside [lo, hi] that are different doubles."""
    slack = Decimal("1e-6")
    first = math.ceil(_EXACT.divide(Decimal(lo), step) - slack)
    last = math.floor(_EXACT.divide(Decimal(hi), step) + slack)
    values = [_EXACT.multiply(step, k) for k in range(first, last + 1)]
    return list({float(v): v for v in values}.values())


def _alike(values: list[Decimal], exponent: int) -> list[Tick]:
    """Written to the digit of 10**`exponent`, all in one way."""
    largest = max(map(abs, values))
    is_plain = _is_short(largest) or (largest >= 1 and exponent <= 2)
    digit = Decimal((0, (1,), exponent))
    return [Tick(float(v), _written(v.quantize(digit, context=_EXACT), is_plain)) for v in values]


def _is_short(value: Decimal) -> bool:
    """Whether a number of this size is written without a power of ten."""
    return value == 0 or Decimal("1e-3") <= abs(value) < 10**5


def _written(value: Decimal, is_plain: bool) -> str:
    """All digits of `value`."""
    if not value:
        return "0"
    if is_plain:
        text = f"{value:f}"
    else:
        power = value.adjusted()
        mantissa = f"{value.scaleb(-power, _EXACT):f}"
        text = "10" + str(power).translate(_SUPERSCRIPT)
        if power == 0 or mantissa.lstrip("-") != "1":
            text = f"{mantissa}×{text}" if power else mantissa
        elif mantissa[0] == "-":
            text = f"-{text}"
    return text.replace("-", "−")
