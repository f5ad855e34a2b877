"""Which part of a robustness run a figure is of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from isoloss.results.tables import Criterion

What = Literal["accuracy", "certified", "examples", "maps"]


@dataclass(frozen=True)
class Choice:
    """Choices that only figures of attacks, defenses and certifications have.

    Attributes:
        what: accuracy against ε, certified accuracy against the radius, saved images, or maps of
            where the network looks; unless given, accuracy, of a certification certified.
        by: how accuracy behind a random defense is counted: by the majority of its draws, by a
            single one, or by the worst.
        network: of images and maps, that of this network.
        attack: of images and maps, those of this attack; unless given, the one that counts most.
        sigma: of images and maps, those behind this noise σ.
        eps: the images at this ε, one in each row; unless given, one image, and each ε in a
            column.
        image: of images and maps, the one at this place in the data; unless given, the first
            whose class changes at a middling ε.
        reference: published results to be drawn behind one's own, thin and grey, by their names or
            all: of RobustBench's networks, or Cohen's certificates, on the same data in the same
            norm.
    """

    what: What | None = None
    by: Criterion = "majority"
    network: str | None = None
    attack: str | None = None
    sigma: float | None = None
    eps: float | None = None
    image: int | None = None
    reference: tuple[str, ...] = ()
