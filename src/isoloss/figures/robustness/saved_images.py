"""The saved images of one combination of a run, those of the clean images beside them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoloss.errors import IsolossError
from isoloss.figures.robustness.choice import Choice
from isoloss.figures.robustness.run_results import RunResults
from isoloss.paths import exists
from isoloss.results.saved_examples import (
    INDEX,
    ExampleFile,
    Examples,
    Index,
    read_examples,
    read_index,
)
from isoloss.results.tables import EvaluationWarning, Row, defense_in_words
from isoloss.run_folder import EXAMPLES
from isoloss.settings.attack_kinds import attack_of

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Shot:
    """One image at one ε, and what the network makes of it.

    Attributes:
        attacked, clean, noisy, denoised: (H, W, C) in [0, 1], the noisy one beyond it; None
            without a defense, without a denoiser.
        maps: (h, w) or (C,) by name; `drift` by the same names.
        name: of the class that is `predicted`.
    """

    eps: float
    attacked: Image
    clean: Image
    noisy: Image | None
    denoised: Image | None
    predicted: int
    confidence: float
    name: str
    is_right: bool
    maps: dict[str, Image]
    drift: dict[str, float]


@dataclass(frozen=True)
class SavedImages:
    """All shots of one combination.

    Attributes:
        eps: E radii, ascending, 0 first where it is known.
    """

    file: ExampleFile
    index: Index
    eps: tuple[float, ...]
    _of: tuple[tuple[Examples, int], ...]

    def shot(self, eps: float, k: int) -> Shot:
        """The k-th image at a radius."""
        examples, e = self._of[self.eps.index(eps)]
        clean = self._of[0] if self.eps[0] == 0 else (examples, e)
        predicted = int(examples.predicted[e, k])
        return Shot(
            eps,
            _upright(examples.images[e, k]),
            _upright(clean[0].images[clean[1], k]),
            None if examples.noisy is None else _upright(examples.noisy[e, k]),
            None
            if examples.denoised is None or self.file.defense == "noise"
            else _upright(examples.denoised[e, k]),
            predicted,
            float(examples.confidence[e, k]),
            self.index.class_name(predicted),
            predicted == self.index.labels[k],
            {name: stack[e, k] for name, stack in examples.maps.items()},
            {name: float(stack[e, k]) for name, stack in examples.drift.items()},
        )

    @property
    def maps(self) -> list[str]:
        """The names of maps that there are at all radii."""
        first = self._of[0][0].maps
        return [name for name in first if all(name in each.maps for each, _ in self._of)]

    def drift(self, name: str) -> NDArray[np.float32]:
        """(E, K) of a map."""
        return np.stack([each.drift[name][e] for each, e in self._of])

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """(E, K) whether an image is classified rightly."""
        labels = np.array(self.index.labels)
        return np.stack([each.predicted[e] == labels for each, e in self._of])

    @property
    def telling(self) -> int:
        """The image to show where nobody chooses: right when clean, and misclassified from the ε on
        that is nearest to the middle; of several the first."""
        right = self.is_right
        changes = [_first_success(column) for column in right.T]
        middle = len(self.eps) / 2
        return min(range(len(changes)), key=lambda k: (abs(changes[k] - middle), k))

    def place(self, image: int | None) -> int:
        """Which of the saved images is the one at a place in the data.

        Raises:
            IsolossError: naming those that are saved.
        """
        if image is None:
            return self.telling
        if image not in self.index.images:
            there = ", ".join(map(str, self.index.images))
            raise IsolossError(f"image {image} is not saved; there are {there}")
        return self.index.images.index(image)

    def warnings(self, run: RunResults) -> list[EvaluationWarning]:
        """What is to be said against the attack or the certificates that the images are of."""
        return [d for d in run.warnings if any(d.concerns(r) for r in self._rows(run))]

    def _rows(self, run: RunResults) -> Iterator[Row]:
        for row in run.rows:
            sigma = row.sigma == self.file.sigma or _both_nan(row.sigma, self.file.sigma)
            attack = self.file.is_clean or self.file.attack == row.attack
            if row.network == self.file.network and sigma and attack:
                yield row

    @property
    def title(self) -> str:
        """The network, the noise and the attack."""
        words = [self.file.network, defense_in_words(self.file.defense, self.file.sigma)]
        if not self.file.is_clean:
            words.append(attack_of(self.file.attack).in_figures)
        return ", ".join(filter(None, words))


def read_saved_images(run: RunResults, choice: Choice) -> SavedImages:
    """The saved images that are chosen.

    Raises:
        IsolossError: if none are saved, or none of what is chosen; says what there is.
    """
    folder = run.folder / EXAMPLES
    if not exists(folder / INDEX):
        raise IsolossError(
            f"{run.name} has saved no images: give --keep when it is begun, or resume it"
        )
    index = read_index(folder)
    if not index.files or not index.images:
        raise IsolossError(f"{folder / INDEX} tells of no images")
    file = _chosen(index, choice, run.name)
    clean_file = next((f for f in index.files if _is_clean_of(f, file)), None)
    found = read_examples(file, index)
    clean = None if clean_file is None else read_examples(clean_file, index)
    of = {eps: (found, e) for e, eps in enumerate(file.eps)}
    if clean is not None and 0.0 not in of:
        of[0.0] = (clean, 0)
    eps = tuple(sorted(of))
    return SavedImages(file, index, eps, tuple(of[e] for e in eps))


def combinations(index: Index) -> list[ExampleFile]:
    """The files that show something, what is defended and the strongest attack first: not the clean
    images beside others of the same defense."""
    found = [
        f for f in index.files
        if not f.is_clean or not any(_is_clean_of(f, other) for other in index.files)
    ]  # fmt: skip
    return sorted(found, key=lambda f: (math.isnan(f.sigma), -attack_of(f.attack).rank))


def _chosen(index: Index, choice: Choice, name: str) -> ExampleFile:
    fitting = [
        f
        for f in combinations(index)
        if choice.network in (None, f.network)
        and choice.attack in (None, f.attack)
        and (choice.sigma is None or choice.sigma == f.sigma)
    ]
    if not fitting:
        there = ", ".join(dict.fromkeys(_called(f) for f in combinations(index)))
        raise IsolossError(f"{name} has saved no such images; there are {there}")
    return fitting[0]


def _called(file: ExampleFile) -> str:
    words = defense_in_words(file.defense, file.sigma)
    return f"{file.attack} on {file.network}" + (f" behind {words}" if words else "")


def _is_clean_of(file: ExampleFile, other: ExampleFile) -> bool:
    """Whether `file` is of the clean images for what `other` is of."""
    same = (file.network, file.defense, file.seed) == (other.network, other.defense, other.seed)
    sigma = file.sigma == other.sigma or _both_nan(file.sigma, other.sigma)
    return file.is_clean and not other.is_clean and same and sigma


def _both_nan(a: float, b: float) -> bool:
    return math.isnan(a) and math.isnan(b)


def _first_success(right: NDArray[np.bool_]) -> float:
    """The place of the first radius at which an image is wrong; inf where it always or never is."""
    if not right[0] or right.all():
        return math.inf
    return float(np.argmin(right))


def _upright(image: NDArray[np.float32]) -> Image:
    """(C, H, W) as (H, W, C)."""
    return np.moveaxis(image, 0, -1)
