"""What a checkpoint says of the training that it is from: its epoch, step and learning rate."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from isoloss.compute.networks.checkpoint_files import metadata_of
from isoloss.settings.checkpoint_paths import stem

_EPOCH = ("epoch", "current_epoch", "epochs")
_STEP = ("global_step", "step", "iteration", "iter", "num_updates")
_RATE = ("lr", "learning_rate")
_GROUPS = "param_groups"
_IN_NAME = r"(?:^|[^a-z]){}[-_=]?(\d+)"
_DEEPEST = 3


@dataclass(frozen=True)
class Notes:
    """What is known of a checkpoint; NaN where it is not."""

    epoch: float = math.nan
    step: float = math.nan
    lr: float = math.nan


def notes_on(path: Path, saved: Any) -> Notes:
    """What a checkpoint, its metadata, the record beside it, or else its name says.

    Args:
        saved: what was read from there.
    """
    state: Any = {}
    with suppress(OSError, ValueError):
        state = json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
    logged = state.pop("log_history", []) if isinstance(state, dict) else []
    records = [saved, metadata_of(path), state, *reversed(logged)]
    name = stem(path).lower()
    return Notes(
        _first(_all(records, _EPOCH), name, "(?:epoch|ep)"),
        _first(_all(records, _STEP), name, "(?:step|iter|checkpoint)"),
        _first(_rates(records), "", ""),
    )


def _all(records: Iterable[Any], names: tuple[str, ...]) -> Iterable[Any]:
    """The values of the first of these names that a record has, where it has any."""
    for record in records:
        if isinstance(record, Mapping):
            yield from (record[name] for name in names if name in record)


def _rates(records: list[Any]) -> Iterable[Any]:
    """Of optimizers, wherever they lie, before those that are said."""
    for record in records:
        yield from _of_optimizers(record, _DEEPEST)
    yield from _all(records, _RATE)


def _of_optimizers(saved: Any, deep: int) -> Iterable[Any]:
    if isinstance(saved, list | tuple):
        saved = dict(enumerate(saved))
    if not isinstance(saved, Mapping) or not deep:
        return
    groups = saved.get(_GROUPS)
    if isinstance(groups, list):
        yield from _all(groups, _RATE)
        return
    for value in saved.values():
        if not isinstance(value, Tensor):
            yield from _of_optimizers(value, deep - 1)


def _first(values: Iterable[Any], name: str, word: str) -> float:
    """The first that is a number, else what follows a word in a name."""
    for value in values:
        with suppress(TypeError, ValueError):
            if isinstance(value, str | int | float | Tensor):
                return float(value)
    found = re.search(_IN_NAME.format(word), name) if word else None
    return float(found[1]) if found else math.nan
