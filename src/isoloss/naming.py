"""What people call things."""

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from isoloss.errors import IsolossError


def short_name(name: str) -> str:
    """The last part of a network's or data set's name: "resnet18" of "timm:resnet18", "birds" of
    "imagefolder:/data/birds/"."""
    return re.split(r"[:/\\]", name.rstrip("/\\"))[-1]


_IN_PYTHON = {
    "--alpha-range": "alpha",
    "--beta-range": "beta",
    "--plane line": "isoloss.line",
    "--plane pca": "isoloss.pca_plane",
}
"""What has another name in Python than that of an option with a hyphen for each underscore."""
_OPTION = re.compile("|".join([*map(re.escape, _IN_PYTHON), "--([a-z]+(?:-[a-z]+)*)"]))


def as_arguments(message: str) -> str:
    """A message with the names of options as those of Python's arguments: batch_size."""
    return _OPTION.sub(
        lambda option: _IN_PYTHON.get(option[0]) or option[1].replace("-", "_"), message
    )


@contextmanager
def told_in_python() -> Iterator[None]:
    """What goes wrong within is told by the names of arguments."""
    try:
        yield
    except IsolossError as error:
        raise IsolossError(as_arguments(str(error))) from error


def capitalized(text: str) -> str:
    """With a capital first, as labels and sentences begin; the rest, and a symbol such as σ, stays
    as it is."""
    return text if "α" <= text[:1] <= "ω" else text[:1].upper() + text[1:]


def in_words(name: str) -> str:
    """A name with hyphens as a label has it: "probe-input" is "Probe input"."""
    return capitalized(name.replace("-", " "))


def listed(words: Iterable[str], conjunction: str) -> str:
    """Words as a sentence has them: `.ply, .npz or .h5`; one or more."""
    *others, last = words
    return f"{', '.join(others)} {conjunction} {last}" if others else last


def first_of(names: Sequence[str], most: int = 3) -> str:
    """The first few of many names: `a, b, c and 12 more`."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def in_one_line(text: object) -> str:
    """What a text says, its lines put together."""
    return " ".join(str(text).split())


def printable(text: object) -> str:
    """A text that any font and any stream takes: bytes of a file's name that are no UTF-8, which
    Python keeps as lone surrogates, become "�"."""
    return re.sub(r"[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", str(text))


LONGEST_DRAWN = 2000
"""Characters of a text that is drawn."""
_BREAK = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")


def drawable(text: str) -> str:
    """As `printable`, and as it can be drawn: lines end in a newline, tabs are spaces, signs that
    only control a device are left out, and so is the middle of what nobody could read in a picture;
    all else stays as it is."""
    if len(text) > LONGEST_DRAWN:
        text = f"{text[: LONGEST_DRAWN // 2]}…{text[-(LONGEST_DRAWN // 2) :]}"
    signs = _BREAK.sub("\n", printable(text).replace("\t", " "))
    return "".join(c for c in signs if c == "\n" or unicodedata.category(c) != "Cc").strip("\n")


def drawable_line(text: str) -> str:
    """As `drawable`, in one line."""
    return in_one_line(drawable(text))


def file_name(text: str) -> str:
    """A text as part of a file's name on any system."""
    return re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", text)


def dtype_name(dtype: object) -> str:
    """A type of PyTorch's: float32."""
    return str(dtype).removeprefix("torch.")


def sentence(message: str) -> str:
    """A message as a sentence of its own; one that begins with a run's name leaves that alone."""
    name, colon, _ = message.partition(": ")
    whole = message if colon and " " not in name else capitalized(message)
    return whole if whole.endswith(".") else whole + "."


def duration(seconds: float) -> str:
    """`42 s`, `3 min 7 s` or `2 h 5 min`."""
    if not math.isfinite(seconds):
        return "an unknown time"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    minutes = round(whole / 60)
    return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")


def percent(fraction: float) -> str:
    """A share: `87.1 %`."""
    return f"{100 * fraction:.1f} %"


def size_in_words(count: float) -> str:
    """A number of bytes: `512 B`, `1.2 MB`; units are of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
