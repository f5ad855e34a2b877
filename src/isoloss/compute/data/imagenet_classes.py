"""ImageNet's 1,000 classes, by the WordNet ids that its folders are named by, and by names.

Russakovsky et al. 2015, https://arxiv.org/abs/1409.0575. The list is timm's, which comes with it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from functools import cache

import torch

from isoloss.compute.data.dataset import Dataset
from isoloss.errors import IsolossError
from isoloss.naming import listed

CLASSES = 1000
_ID = re.compile(r"n\d{8}")
_ID_IN = re.compile(r"(?<![a-z0-9])n\d{8}(?!\d)")


@cache
def class_names() -> tuple[str, ...]:
    """The names in the order of the networks' outputs; of several for one class the first."""
    from timm.data.imagenet_info import ImageNetInfo

    return tuple(name.partition(",")[0] for name in ImageNetInfo().label_descriptions())


@cache
def _by_name() -> dict[str, list[int]]:
    """{one of the names of a class, plainly written: the classes that have it}."""
    from timm.data.imagenet_info import ImageNetInfo

    found: dict[str, list[int]] = {}
    for index, names in enumerate(ImageNetInfo().label_descriptions()):
        for name in dict.fromkeys(map(_plain, names.split(","))):
            found.setdefault(name, []).append(index)
    return found


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name).strip().casefold()


@cache
def _indices() -> dict[str, int]:
    from timm.data.imagenet_info import ImageNetInfo

    return {name: k for k, name in enumerate(ImageNetInfo().label_names())}


def indices_of(folders: Collection[str]) -> dict[str, int] | None:
    """Which of the 1,000 classes each folder is; None if these are no folders of ImageNet.

    Args:
        folders: WordNet ids, of all classes or some (`n01440764`, …); or the indices 0 to 999, all
            of them, as ImageNet-V2 has it.
    """
    if all(_ID.fullmatch(name) for name in folders):
        known = _indices()
        if all(name in known for name in folders):
            return {name: known[name] for name in folders}
    if len(folders) == CLASSES and all(name.isdecimal() for name in folders):
        numbers = {name: int(name) for name in folders}
        if sorted(numbers.values()) == list(range(CLASSES)):
            return numbers
    return None


def indices_by_name(folders: Collection[str]) -> dict[str, int]:
    """Which of the 1,000 classes each folder is, by a WordNet id in its name
    (`n02085620-Chihuahua`) or by one of the names of a class (`golf_ball`, `Tinca tinca`).

    Raises:
        IsolossError: if one is none of them, or could be several.
    """
    found: dict[str, int] = {}
    for folder in folders:
        given = _ID_IN.search(folder)
        if given is not None and given[0] in _indices():
            found[folder] = _indices()[given[0]]
            continue
        known = _by_name().get(_plain(folder), [])
        if len(known) != 1:
            ids = [name for name, index in _indices().items() if index in known]
            said = f"is several of ImageNet's classes ({listed(ids, 'and')})" if ids else (
                "is none of ImageNet's 1,000 classes"
            )  # fmt: skip
            raise IsolossError(f"the folder {folder!r} {said}: name it by a WordNet id (n01440764)")
        found[folder] = known[0]
    if twice := [f for f, index in found.items() if [*found.values()].count(index) > 1]:
        raise IsolossError(
            f"the folders {listed(map(repr, twice[:2]), 'and')} are one of ImageNet's classes: "
            "put their images together"
        )
    return found


def as_imagenet(dataset: Dataset) -> Dataset:
    """Images of some of ImageNet's classes with the labels of all 1,000, by what their own classes
    are called.

    Raises:
        IsolossError: as `indices_by_name`.
    """
    indices = indices_by_name(dataset.classes)
    order = torch.tensor([indices[name] for name in dataset.classes])
    train, test = (s.labelled(order[s.targets]) for s in (dataset.train, dataset.test))
    found = f"{dataset.found}, {len(indices):,} folders taken for ImageNet's classes by their names"
    return replace(dataset, train=train, test=test, classes=class_names(), found=found)
