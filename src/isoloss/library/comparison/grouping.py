"""Which runs are a set, those that differ in nothing but seeds, and by how much sets differ."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from isoloss.errors import IsolossError
from isoloss.geometry.arrays import Array
from isoloss.library.columns import settings_in_words
from isoloss.library.comparison.measured import MeasuredNetwork, Quantity
from isoloss.library.comparison.sets import RunSet, RunSets, SetDifference
from isoloss.naming import first_of
from isoloss.results.means import Mean, difference_of, mean_of, with_all_counted

OTHERS = {
    "name": lambda m: re.sub(r"[-_ .]*(seed)?[-_ ]*\d+$", "", m.name) or m.name,
    "tag": lambda m: " ".join(sorted(m.entry.about.tags)) or "no tag",
    "network": lambda m: m.entry.network,
    "data": lambda m: m.entry.data,
}
"""What sets can be told apart by that is no setting: a name is taken without its last number."""


def run_sets(measured: Sequence[MeasuredNetwork], fields: Sequence[str] = ()) -> RunSets:
    """The sets that networks fall into, and how these differ.

    Args:
        fields: what tells sets apart: settings of the run or the network's training, or of
            `OTHERS`; none for all settings but seeds.

    Raises:
        IsolossError: there is no such field, or what is compared is of different data.
    """
    known = {name for m in measured for _, name in m.told} | {*OTHERS}
    for name in fields:
        if name not in known:
            raise IsolossError(
                f"sets cannot be told apart by {name}: none of these runs has it; choose a "
                f"setting, or {', '.join(OTHERS)}"
            )
    grouped: dict[str, list[MeasuredNetwork]] = {}
    for each in measured:
        grouped.setdefault(json.dumps([each.entry.kind, *_key_of(each, fields)]), []).append(each)
    members = [*grouped.values()]
    if "data" not in fields:
        _require_same_data(members)
    names = _names(members, fields)
    sets = [_set(name, its) for name, its in zip(names, members, strict=True)]
    differences = [*_differences(sets)]
    counted = with_all_counted([d.found for d in differences])
    compared = sum(bool(d.found.how) for d in differences)
    differences = [
        SetDifference(d.quantity, d.above, d.below, found, compared)
        for d, found in zip(differences, counted, strict=True)
    ]
    return RunSets(tuple(sets), tuple(differences), tuple(_remarks(sets, differences, fields)))


def _key_of(m: MeasuredNetwork, fields: Sequence[str]) -> list[Any]:
    if not fields:
        return sorted([*key, json.dumps(value)] for key, value in m.told.items())
    return [_value(m, name) for name in fields]


def _value(m: MeasuredNetwork, name: str) -> Any:
    """What a network has for a field: of the run, else of its training."""
    if name in OTHERS and not any(key[1] == name for key in m.told if name != "data"):
        return OTHERS[name](m)
    kinds = (m.entry.kind, "train")
    return next((m.told[kind, name] for kind in kinds if (kind, name) in m.told), None)


def _require_same_data(sets: Sequence[Sequence[MeasuredNetwork]]) -> None:
    by_kind: dict[str, dict[str, None]] = {}
    for m in (m for its in sets for m in its):
        by_kind.setdefault(m.entry.kind, {})[m.data] = None
    for found in by_kind.values():
        if len(found) > 1:
            raise IsolossError(
                "sets of runs are compared on the same data, and these are of "
                f"{first_of([*found])}: leave some out, or tell sets apart by data"
            )


def _names(sets: Sequence[Sequence[MeasuredNetwork]], fields: Sequence[str]) -> list[str]:
    """What tells each set from the others, in words."""
    if all(len(its) == 1 for its in sets):
        return [its[0].name for its in sets]
    if fields:
        return [_in_words([(name, _value(its[0], name)) for name in fields]) for its in sets]
    keys = dict.fromkeys(key for its in sets for key in its[0].told)
    differing = [key for key in keys if len({json.dumps(its[0].told.get(key)) for its in sets}) > 1]
    if not differing:
        return ["All runs" if len(sets) == 1 else its[0].entry.kind for its in sets]
    return [
        ", ".join(
            words
            for kind, name in differing
            if (kind, name) in its[0].told
            for words in settings_in_words(kind, {name: its[0].told[kind, name]}).values()
        )
        for its in sets
    ]


def _in_words(values: Sequence[tuple[str, Any]]) -> str:
    words = (
        [str(value)] if name in OTHERS else settings_in_words("train", {name: value}).values()
        for name, value in values
    )
    return ", ".join(word for each in words for word in each)


def _set(name: str, members: Sequence[MeasuredNetwork]) -> RunSet:
    common = [q for q in members[0].found if all(q in m.found for m in members)]
    same = len({m.images_of for m in members}) == 1
    means = {q: mean_of([m.found[q] for m in members], same_samples=same) for q in common}
    return RunSet(name, tuple(members), {q: _of_share(q, m, members) for q, m in means.items()})


def _of_share(quantity: Quantity, mean: Mean, members: Sequence[MeasuredNetwork]) -> Mean:
    """A mean with an interval that is within [0, 1], of a single run the exact one."""
    if not quantity.is_share:
        return mean
    low, high = members[0].ends.get(quantity, (mean.low, mean.high))
    if mean.over == "runs":
        low, high = max(mean.low, 0.0), min(mean.high, 1.0)
    return replace(mean, low=low, high=high)


def _differences(sets: Sequence[RunSet]) -> Iterator[SetDifference]:
    first: dict[str, RunSet] = {}
    for each in sets:
        one = first.setdefault(each.kind, each)
        if one is each:
            continue
        pairs = _pairs(one, each)
        for quantity in one.means:
            if quantity in each.means:
                a, b = pairs or (one.members, each.members)
                found = difference_of(
                    [m.found[quantity] for m in a],
                    [m.found[quantity] for m in b],
                    paired=pairs is not None,
                    images=_images(one, each, quantity),
                )
                yield SetDifference(quantity, one, each, found)


def _pairs(a: RunSet, b: RunSet) -> tuple[list[MeasuredNetwork], list[MeasuredNetwork]] | None:
    """The runs of both in the order of seeds, where these are the same; None where they are not."""
    ours, theirs = ({m.seeds: m for m in each.members} for each in (a, b))
    unique = len(ours) == len(a.members) == len(b.members) > 1
    if not unique or {*ours} != {*theirs} or any(None in seeds for seeds in ours):
        return None
    return [*ours.values()], [theirs[seeds] for seeds in ours]


def _images(a: RunSet, b: RunSet, quantity: Quantity) -> Array | None:
    """Of two runs that kept the same images, how each of these differs."""
    if len(a.members) > 1 or len(b.members) > 1:
        return None
    ours, theirs = (each.members[0].right.get(quantity) for each in (a, b))
    if ours is None or theirs is None or ours[0] != theirs[0]:
        return None
    return ours[1].astype(np.float64) - theirs[1]


def _remarks(
    sets: Sequence[RunSet], differences: Sequence[SetDifference], fields: Sequence[str]
) -> Iterator[str]:
    hows = [
        *dict.fromkeys(d.found.how for d in differences if d.found.how not in ("", "no spread"))
    ]
    if hows:
        several = [d for d in differences if d.found.how]
        counted = f"; {len(several)} comparisons, counted after Holm" if len(several) > 1 else ""
        yield f"Intervals of 95 %: {', '.join(hows)}{counted}."
    if len(sets) > 2 and differences:
        yield f"Each set is compared with the first, {sets[0].name}."
    if any(d.found.over == "samples" for d in differences):
        yield (
            "A single run tells of its network, and not of how it was trained: give runs of "
            "several seeds for that."
        )
    varied = {
        name
        for each in sets
        for kind, name in each.members[0].told
        if len({json.dumps(m.told.get((kind, name))) for m in each.members}) > 1
    }
    if varied and fields:
        yield f"Runs of a set differ in {first_of(sorted(varied))}: that is part of their spread."
    undone = [m.name for each in sets for m in each.members if m.entry.state != "done"]
    if undone:
        yield f"Not done yet: {first_of(undone)}."
    without = [m.name for each in sets for m in each.members if not m.found]
    if without:
        yield f"Without numbers: {first_of(without)}."
