"""What others have published of the same data: accuracies and certificates, to be drawn behind
one's own and never mixed up with them.

`data/references/published.csv` names the source of each. Accuracies under AutoAttack are those of
RobustBench (Croce et al. 2021, https://arxiv.org/abs/2010.09670), clean ones beside them at 0;
certificates are those of Cohen et al. 2019 (https://arxiv.org/abs/1902.02918), counted from the
radii that they have published image by image.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import groupby

from isoloss.errors import IsolossError
from isoloss.naming import listed
from isoloss.resources import resource_folder
from isoloss.results.radii import NORMS

TEST = "test"
ALL = "all"
"""In place of names: all that fit."""
_SMALLER, _OTHER = {"tiny", "mini"}, {"a", "c", "r", "v", "sketch", "100"}
"""Words before and after the name ImageNet that make another data set of it."""


@dataclass(frozen=True)
class ReferenceLine:
    """A published network, as it was measured by who published it.

    Attributes:
        name: as RobustBench has it.
        paper: where it is from.
        data: "cifar10" or "imagenet".
        norm: "linf" or "l2".
        is_certified: whether accuracies are certified, rather than under AutoAttack.
        eps, accuracy: radii on the [0, 1] scale, 0 being clean images, and the fractions there.
        source: of the numbers.
    """

    name: str
    paper: str
    data: str
    norm: str
    is_certified: bool
    eps: tuple[float, ...]
    accuracy: tuple[float, ...]
    source: str


@cache
def references() -> tuple[ReferenceLine, ...]:
    """All that ship with the program."""
    path = resource_folder("data") / "references" / "published.csv"
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    found: list[ReferenceLine] = []
    for (name, data, norm, certified), its in groupby(
        lines, lambda line: (line["name"], line["data"], line["norm"], line["certified"])
    ):
        own = list(its)
        found.append(ReferenceLine(
            name, own[0]["paper"], data, norm, certified == "yes",
            tuple(float(Fraction(line["eps"])) for line in own),
            tuple(float(line["accuracy"]) for line in own), own[0]["source"],
        ))  # fmt: skip
    return tuple(found)


def data_set_called(name: str) -> str:
    """Which published data set a name or a path means: "cifar10", "imagenet", or "" for none."""
    words = ["", *re.findall(r"[a-z]+|\d+", name.lower()), ""]
    for before, word, after in zip(words, words[1:], words[2:], strict=False):
        if (word, after) == ("cifar", "10"):
            return "cifar10"
        if word == "imagenet" and before not in _SMALLER and after not in _OTHER:
            return "imagenet"
    return ""


@cache
def fitting(
    data: str, norm: str, *, is_certified: bool = False, split: str = TEST
) -> tuple[ReferenceLine, ...]:
    """Those of the same data, called however a run calls them, in the same norm; of test images,
    as all are."""
    if split != TEST:
        return ()
    wanted = data_set_called(data), norm, is_certified
    return tuple(r for r in references() if (r.data, r.norm, r.is_certified) == wanted)


def chosen(
    names: str | Sequence[str],
    data: str,
    norm: str,
    *,
    is_certified: bool = False,
    split: str = TEST,
) -> list[ReferenceLine]:
    """Those with these names, or "all", that fit.

    Raises:
        IsolossError: if there is none of a name, or it does not fit; says which do.
    """
    names = [names] if isinstance(names, str) else list(names)
    if not names:
        return []
    if split != TEST:
        raise IsolossError(
            f"--reference: what others have published is of test images, and these are {split} "
            "images: leave it out"
        )
    there = [*fitting(data, norm, is_certified=is_certified)]
    kind = "certificates" if is_certified else "accuracies"
    if not there:
        unknown = [name for name in names if name not in (ALL, *(r.name for r in references()))]
        named = f" {unknown[0]}: nothing is known by that name, and" if unknown else ":"
        raise IsolossError(
            f"--reference{named} there are no published {kind} of {data or 'these data'} in "
            f"{NORMS[norm]}: leave it out"
        )
    for name in names:
        if name != ALL and name not in [r.name for r in there]:
            raise IsolossError(
                f"--reference {name}: of published {kind} of {there[0].data} in {NORMS[norm]} "
                f"there are {listed([ALL, *(r.name for r in there)], 'and')}"
            )
    return there if ALL in names else [r for r in there if r.name in names]
