"""The journal of a robustness run: what every unit of work has found, image by image.

`outcomes/units.jsonl` has one line of JSON for each finished unit and is only ever appended to. A
line that a kill cut short or a disk has damaged does not count, nor does the second line of one
unit; what is not there is done again, and comes out the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from isoloss.compute.machine.process_group import Unit
from isoloss.errors import IsolossError
from isoloss.files import append_line, put_on_disk
from isoloss.robustness.evaluation.plan import Plan


@dataclass(frozen=True)
class Outcome:
    """What one unit has found of its N images, at each of E radii.

    Attributes:
        images: (N,) places in the data.
        labels: (N,) true classes.
        eps: (E,) on the [0, 1] scale.
        right: (E,) texts of N characters, "1" where the image is classified rightly: by the
            network's answer, or by the majority of a randomized defense's draws.
        right_in_8_bits: likewise once rounded to 256 values; with a randomized defense by one draw.
        single, worst: likewise by the first draw, and by the worst of all draws; empty without a
            randomized defense, which a network that draws noise is in itself.
        votes: (E, N) how many draws give the true class; likewise empty.
        without_gradient: (E,) likewise, "1" where the attack found no gradient to follow.
        seconds: (E,) that it took.
        predicted: (N,) the certified class, −1 where nothing is certain; of certificates only.
        radius: (N,) the certified radius.
        successes: (N,) draws that the class won.
        answers: (N,) what PREDICT says from the same draws, −1 where it abstains.
        outside, farthest, spoilt: (E,) of an attack of one's own, the fields of `Strayed`; empty of
            others, and in runs that knew none.
        not_finite: (E,) texts, "1" where the gradient was not finite; empty where all were.
        unrecorded: why CUDA graphs do without the network; empty where nothing speaks against it.
    """

    images: list[int]
    labels: list[int]
    eps: list[float]
    right: list[str]
    right_in_8_bits: list[str]
    without_gradient: list[str]
    seconds: list[float]
    single: list[str]
    worst: list[str]
    votes: list[list[int]]
    predicted: list[int]
    radius: list[float]
    successes: list[int]
    answers: list[int]
    outside: list[int] = field(default_factory=list[int])
    farthest: list[float] = field(default_factory=list[float])
    spoilt: list[int] = field(default_factory=list[int])
    not_finite: list[str] = field(default_factory=list[str])
    unrecorded: list[str] = field(default_factory=list[str])

    def to_bytes(self) -> bytes:
        """As JSON; where there is nothing to say of what was not known before, as it was before."""
        said = {k: v for k, v in asdict(self).items() if v or k not in _ADDED}
        return json.dumps(said, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, content: Any) -> Outcome:
        """The outcome in what was read from JSON; raises KeyError where something is missing."""
        known = {name: content.get(name, []) for name in _ADDED}
        return cls(**known, **{f.name: content[f.name] for f in fields(cls) if f.name not in known})


_OF_OWN = ("outside", "farthest", "spoilt")
_ADDED = (*_OF_OWN, "not_finite", "unrecorded")


def is_of(plan: Plan, unit: Unit, outcome: Outcome) -> bool:
    """Whether that can be what a unit of the plan has found: of as many images, at its radii."""
    if not plan.knows(unit):
        return False
    n, radii, combination = plan.images(unit), plan.radii(unit), plan.combination(unit)
    certified = combination.is_certificate
    defended = combination.sigma is not None and not certified
    # A network may draw noise of its own, and be a defense in itself.
    drawn = not certified and (defended or bool(outcome.votes))
    e, of_defense, of_certificate = len(radii), len(radii) * drawn, n * certified
    found = outcome
    return (
        _are_numbers(found.images, n)
        and _are_numbers(found.labels, n)
        and list(radii) == found.eps
        and all(
            _are_bits(texts, n, e)
            for texts in (found.right, found.right_in_8_bits, found.without_gradient)
        )
        and all(_are_bits(texts, n, of_defense) for texts in (found.single, found.worst))
        and isinstance(found.votes, list)
        and len(found.votes) == of_defense
        and all(_are_numbers(counts, n) for counts in found.votes)
        and _are_numbers(found.seconds, 1 if certified else e)
        and all(
            _are_numbers(values, of_certificate)
            for values in (found.predicted, found.radius, found.successes, found.answers)
        )
        and (found.not_finite == [] or _are_bits(found.not_finite, n, e))
        and isinstance(found.unrecorded, list)
        and all(isinstance(reason, str) for reason in found.unrecorded)
        and all(
            getattr(found, name) == [] or _are_numbers(getattr(found, name), e) for name in _OF_OWN
        )
    )


def _are_numbers(values: object, n: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) == n
        and all(
            isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v)
            for v in values
        )
    )


def _are_bits(texts: object, n: int, count: int) -> bool:
    return (
        isinstance(texts, list)
        and len(texts) == count
        and all(isinstance(t, str) and len(t) == n and set(t) <= {"0", "1"} for t in texts)
    )


class Journal:
    """The outcomes of a run's units so far.

    Args:
        path: of the file, which need not be there yet.
        plan: what the units are; lines that are not of it do not count.
        order: the place in the data of each of the run's images; lines about others do not count,
            such as those of a version with other blocks.
    """

    def __init__(
        self, path: Path, plan: Plan | None = None, order: Sequence[int] | None = None
    ) -> None:
        self._path, self._plan, self._order = path, plan, order
        self.outcomes: dict[Unit, Outcome] = {}
        self._read()

    def _read(self) -> None:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise IsolossError(f"cannot read {self._path}: {error.strerror}") from error
        for line in content.split(b"\n"):
            try:
                record = json.loads(line)
                unit = tuple(int(k) for k in record["unit"])
                outcome = Outcome.from_json(record)
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
                continue  # cut short
            if self._counts(unit, outcome):
                self.outcomes.setdefault(unit, outcome)

    def _counts(self, unit: Unit, outcome: Outcome) -> bool:
        if self._plan is None:
            return True
        if not is_of(self._plan, unit, outcome):
            return False
        first, last = self._plan.places(unit)
        return self._order is None or outcome.images == list(self._order[first:last])

    def append(self, unit: Unit, result: bytes) -> Outcome:
        """Record what a unit has found, for good.

        Raises:
            IsolossError: if the disk is full or the folder gone.
        """
        content = json.loads(result)
        line = json.dumps({"unit": list(unit), **content}, separators=(",", ":"))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise IsolossError(f"cannot write {self._path}: {error.strerror}") from error
        append_line(self._path, line)
        put_on_disk(self._path)
        outcome = Outcome.from_json(content)
        self.outcomes.setdefault(unit, outcome)
        return self.outcomes[unit]
