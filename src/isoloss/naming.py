"""What people call things."""

import math
import re
from collections.abc import Callable, Iterable


def short_name(name: str) -> str:
    """The last part of a network's or data set's name: "resnet18" of "timm:resnet18", "birds" of
    "imagefolder:/data/birds/"."""
    return re.split(r"[:/\\]", name.rstrip("/\\"))[-1]


def as_arguments(message: str) -> str:
    """A message with the names of options as those of Python's arguments: batch_size."""
    return re.sub(r"--([a-z]+(?:-[a-z]+)*)", lambda option: option[1].replace("-", "_"), message)


def capitalized(text: str) -> str:
    """With a capital first, as labels and sentences begin; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def listed(words: Iterable[str], conjunction: str) -> str:
    """Words as a sentence has them: `.ply, .npz or .h5`; one or more."""
    *others, last = words
    return f"{', '.join(others)} {conjunction} {last}" if others else last


def sentence(message: str) -> str:
    """A message as a sentence of its own; one that begins with a run's name leaves that alone."""
    name, colon, _ = message.partition(": ")
    whole = message if colon and " " not in name else capitalized(message)
    return whole if whole.endswith(".") else whole + "."


def shortened(text: str, fits: Callable[[str], bool], *, keep_end: bool = False) -> str:
    """`text`, or as much of its beginning (or end) as fits beside a "…"."""

    def part(count: int) -> str:
        if keep_end:
            return "…" + text[len(text) - count :].lstrip()
        return text[:count].rstrip(" ,") + "…"

    if fits(text):
        return text
    few, many = 0, len(text)
    while few < many:
        middle = (few + many + 1) // 2
        few, many = (middle, many) if fits(part(middle)) else (few, middle - 1)
    return part(few)


def duration(seconds: float) -> str:
    """`42 s`, `3:07 min` or `2:05 h`."""
    if not math.isfinite(seconds):
        return "an unknown time"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
