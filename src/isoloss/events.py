"""What happens while a run is resumed, as the lines of its `events.jsonl`."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, get_args


@dataclass(frozen=True)
class Started:
    """A process has begun to resume the run."""

    pid: int
    device: str = ""
    host: str = ""


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units are finished; `rate` units a second."""

    stage: str
    done: int
    total: int
    rate: float
    unit: str = ""

    @property
    def fraction(self) -> float:
        """Fraction done, in [0, 1]."""
        return min(self.done / self.total, 1.0) if self.total > 0 else 0.0

    @property
    def eta(self) -> float:
        """Seconds to go; NaN while the rate is unknown."""
        return (self.total - self.done) / self.rate if self.rate > 0 else math.nan


@dataclass(frozen=True)
class Metric:
    """One point of the training curves; epochs may be fractional, accuracies lie in [0, 1]."""

    epoch: float
    lr: float
    train_loss: float
    train_accuracy: float
    test_loss: float = math.nan
    test_accuracy: float = math.nan
    noisy_accuracy: float = math.nan


@dataclass(frozen=True)
class Log:
    """Something a person may want to read."""

    message: str


@dataclass(frozen=True)
class Done:
    """The run is complete."""

    seconds: float


@dataclass(frozen=True)
class Paused:
    """The run was interrupted and can be resumed."""


@dataclass(frozen=True)
class Failed:
    """The run cannot go on; one line says why."""

    message: str


ABOUT_DATA = "data: "
"""What the message begins with in which a run says, first of all, what its data are."""

Event = Started | Progress | Metric | Log | Done | Paused | Failed
LONGEST = 4000
"""Characters of a text in an event: all of it is in what the job has printed."""
_KINDS = {kind.__name__.lower(): kind for kind in get_args(Event)}


def to_line(event: Event, time: float) -> str:
    """The event as one line of JSON, without the newline; NaN and ±inf become null, and of a text
    longer than `LONGEST` its beginning is left."""
    content = {
        k: plain
        for k, v in asdict(event).items()
        if (plain := _plain(v)) is not None or k not in _OF_SOME
    }
    record = {"event": type(event).__name__.lower(), "time": round(time, 3), **content}
    # ASCII: no line separator of Unicode's and no undecodable file name can break a line.
    return json.dumps(record)


_OF_SOME = ("noisy_accuracy",)
"""Fields that stand only where there is something in them."""


def _plain(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[:LONGEST]} …"
    return None if isinstance(value, float) and not math.isfinite(value) else value


_FIELDS = {kind: {f.name: str(f.type) for f in fields(kind)} for kind in _KINDS.values()}
"""Of each kind of event, {name: type}."""


def _checked(value: Any, kind: str) -> Any:
    if kind == "float":
        return math.nan if value is None else float(value)
    if not isinstance(value, {"int": int, "str": str}[kind]):
        raise TypeError(f"{value!r} is no {kind}")
    return value


def from_line(line: str) -> tuple[float, Event] | None:
    """(time, event) of a line; None if it is damaged or from a newer version."""
    try:
        record: Any = json.loads(line)
        kind = _KINDS[record.pop("event")]
        time = float(record.pop("time"))
        known = _FIELDS[kind]
        content = {k: _checked(v, known[k]) for k, v in record.items() if k in known}
        return time, kind(**content)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return None
