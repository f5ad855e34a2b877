"""ImageNet's 1,000 classes by the WordNet ids that its folders are named by.

Russakovsky et al. 2015, https://arxiv.org/abs/1409.0575. The list is timm's, which comes with it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache

CLASSES = 1000
_ID = re.compile(r"n\d{8}")


@cache
def class_names() -> tuple[str, ...]:
    """The names in the order of the networks' outputs; of several for one class the first."""
    from timm.data.imagenet_info import ImageNetInfo

    return tuple(name.partition(",")[0] for name in ImageNetInfo().label_descriptions())


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
