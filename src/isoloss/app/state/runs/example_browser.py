"""Which of a run's saved examples is looked at, and what there is to see of it.

No imgui here: the panel draws what `ExampleView` says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isoloss.geometry.arrays import Pixels
from isoloss.naming import capitalized
from isoloss.results.saved_examples import ExampleFile, Examples, Index, read_examples
from isoloss.results.tables import Row, defense_in_words
from isoloss.settings.attack_kinds import CLEAN, attack_of

UNDEFENDED = -1.0
"""In place of σ."""
MOST_BYTES = 128 << 20
"""Of the images that were looked at last, so much stays in memory."""


class Defended(NamedTuple):
    """A network, the σ of its defense (`UNDEFENDED` without one) and the seed."""

    network: str
    sigma: float
    seed: int


@dataclass(frozen=True)
class Answer:
    """What a network says of a picture."""

    predicted: int
    confidence: float
    right: bool


@dataclass(frozen=True)
class Tile:
    """One picture among several of the same image.

    Attributes:
        tip: what it is and where it misleads.
        pixels: (H, W, 4) uint8.
        answer: None where nobody was asked.
        note: stands in its place.
        asked: who was: "undefended", "behind the defense" or "" where there is but one.
    """

    title: str
    tip: str
    pixels: Pixels
    answer: Answer | None = None
    asked: str = ""
    note: str = ""


@dataclass(frozen=True)
class ExampleView:
    """All pictures of one image at one radius."""

    label: int
    tiles: tuple[Tile, ...]


@dataclass
class ExampleBrowser:
    """What is chosen; choices that there are no examples of give way to what there is.

    Attributes:
        image: which of the K images, from 0.
    """

    network: str = ""
    sigma: float = UNDEFENDED
    seed: int = 0
    attack: str = ""
    eps: float = math.inf
    image: int = 0
    _read: dict[Any, Examples] = field(default_factory=dict[Any, Examples])

    def go_to(self, row: Row) -> None:
        """Choose what a point of a curve is about; the image stays."""
        self.network, self.seed = row.network, row.seed
        self.sigma = UNDEFENDED if math.isnan(row.sigma) else row.sigma
        self.attack, self.eps = row.attack, row.eps

    # -- what there is to choose -------------------------------------------------------------

    def settle(self, index: Index) -> bool:
        """Let all choices be ones of which there are examples; returns whether there are any."""
        attacks = self.attacks(index)
        if not attacks:
            found = _defended_in(index)
            if not found:
                return False
            # At first a defense, if there is one, and who knows of it.
            fresh = [one for one in found if one.sigma >= 0] if not self.network else []
            self.network, self.sigma, self.seed = min(fresh or found, key=self._distance)
            attacks = self.attacks(index)
        if self.attack not in attacks:
            self.attack = next(filter(_knows_the_defense, attacks), attacks[0])
        radii = self.radii(index)
        if self.eps not in radii:
            # At first where something is to be seen: in the middle of those that were tried.
            self.eps = (
                radii[len(radii) // 2]
                if math.isinf(self.eps)
                else min(radii, key=lambda r: abs(r - self.eps))
            )
        self.image = min(max(self.image, 0), len(index.images) - 1)
        return True

    def networks(self, index: Index) -> list[str]:
        """The networks of which there are examples."""
        return list(dict.fromkeys(network for network, _, _ in _defended_in(index)))

    def sigmas(self, index: Index) -> list[float]:
        """Likewise the defenses of the network."""
        found = [s for network, s, _ in _defended_in(index) if network == self.network]
        return list(dict.fromkeys(found))

    def seeds(self, index: Index) -> list[int]:
        """Likewise the seeds."""
        return list(dict.fromkeys(seed for _, _, seed in _defended_in(index)))

    def attacks(self, index: Index) -> list[str]:
        """Likewise the attacks on network and defense; "clean" where nobody attacks."""
        found = [f for f in index.files if _defended(f) == self._chosen]
        return [f.attack for f in found if not f.is_clean] or [f.attack for f in found[:1]]

    def radii(self, index: Index) -> list[float]:
        """Likewise the radii, the smallest first."""
        chosen = self._file(index, self.attack)
        found = set(chosen.eps) if chosen is not None else set[float]()
        if self._file(index, CLEAN) is not None:
            found.add(0.0)
        return sorted(found)

    # -- what there is to see ----------------------------------------------------------------

    def view(self, index: Index) -> ExampleView | None:
        """The pictures of what is chosen; None where nothing is.

        Raises:
            IsolossError: if the examples cannot be read.
        """
        if not self.settle(index):
            return None
        attacked, clean = self._at(index, self.attack, self.eps), self._at(index, self.attack, 0.0)
        if attacked is None:
            return None
        label = index.labels[self.image]
        tiles = _tiles(attacked, clean or attacked, label, self.sigma >= 0, self.is_attacked)
        return ExampleView(label, tuple(self._with_undefended(index, tiles, label)))

    def _with_undefended(self, index: Index, tiles: list[Tile], label: int) -> list[Tile]:
        """Images made for the undefended network: what that says of them is known."""
        kind = attack_of(self.attack)
        if self.sigma == UNDEFENDED or kind.adaptive or kind.made_on:
            return tiles
        file = _undefended(index, self.network, self.seed)
        if file is None or self.eps not in file.eps:
            return tiles
        answer = self._seen(file, index, self.eps, self.image).answer(label)
        return [
            Tile(t.title, t.tip, t.pixels, answer, "undefended") if t.title == "Adversarial" else t
            for t in tiles
        ]

    def thumbnail(self, index: Index, image: int) -> Pixels | None:
        """(H, W, 4) of one of the clean images.

        Raises:
            IsolossError: if the examples cannot be read.
        """
        found = self._at(index, self.attack, 0.0, image) or self._at(
            index, self.attack, self.eps, image
        )
        return rgba(found.image) if found is not None else None

    @property
    def is_attacked(self) -> bool:
        """Whether what is chosen is an attack, rather than clean images."""
        return self.attack != CLEAN

    @property
    def _chosen(self) -> Defended:
        return Defended(self.network, self.sigma, self.seed)

    def _distance(self, one: Defended) -> tuple[bool, bool, float]:
        other = one.network != self.network
        return other, one.seed != self.seed, abs(one.sigma - self.sigma)

    def _file(self, index: Index, attack: str) -> ExampleFile | None:
        return next(
            (f for f in index.files if _defended(f) == self._chosen and f.attack == attack), None
        )

    def _at(self, index: Index, attack: str, eps: float, image: int | None = None) -> _Seen | None:
        """One image of an attack at one radius; at 0 a defense's clean images have their own."""
        for name in (attack, CLEAN):
            file = self._file(index, name)
            if file is not None and eps in file.eps:
                return self._seen(file, index, eps, self.image if image is None else image)
        return None

    def _seen(self, file: ExampleFile, index: Index, eps: float, image: int) -> _Seen:
        return _Seen(self._examples(file, index, image), file.eps.index(eps))

    def _examples(self, file: ExampleFile, index: Index, image: int) -> Examples:
        """One image at all radii of a file; those looked at last stay in memory."""
        key = (file, index.images, image)
        found = self._read.pop(key, None)
        if found is None:
            found = read_examples(file, index, only=image)
        self._read[key] = found
        while len(self._read) > 1 and sum(map(_size, self._read.values())) > MOST_BYTES:
            del self._read[next(iter(self._read))]
        return found


@dataclass(frozen=True)
class _Seen:
    """One image at one radius."""

    examples: Examples
    at: int

    @property
    def image(self) -> NDArray[np.float32]:
        return self.examples.images[self.at, 0]

    @property
    def noisy(self) -> NDArray[np.float32] | None:
        return None if self.examples.noisy is None else self.examples.noisy[self.at, 0]

    @property
    def denoised(self) -> NDArray[np.float32] | None:
        return None if self.examples.denoised is None else self.examples.denoised[self.at, 0]

    def answer(self, label: int) -> Answer:
        predicted = int(self.examples.predicted[self.at, 0])
        return Answer(predicted, float(self.examples.confidence[self.at, 0]), predicted == label)


def _defended(file: ExampleFile) -> Defended:
    sigma = UNDEFENDED if math.isnan(file.sigma) else file.sigma
    return Defended(file.network, sigma, file.seed)


def _undefended(index: Index, network: str, seed: int) -> ExampleFile | None:
    """What the attack for comparisons made of a network without its defense; None if nothing is
    saved of that."""
    wanted = Defended(network, UNDEFENDED, seed)
    return next((f for f in index.files if _defended(f) == wanted and not f.is_clean), None)


def attack_name(attack: str) -> str:
    """As the window calls it."""
    return "No attack" if attack == CLEAN else capitalized(attack_of(attack).label)


def defense_name(index: Index, sigma: float) -> str:
    """The defense of this noise, in words."""
    known = next((file.defense for file in index.files if file.sigma == sigma), "denoised")
    return capitalized(defense_in_words(known, sigma)) or "Undefended"


def rgba(image: NDArray[np.float32]) -> Pixels:
    """(H, W, 4) uint8 of a (C, H, W) image; what is beyond [0, 1] is cut off, NaN is black."""
    shown = np.clip(np.nan_to_num(image, nan=0.0, posinf=1.0, neginf=0.0), 0, 1)
    rgb = np.broadcast_to(shown, (3, *shown.shape[1:])) if len(shown) == 1 else shown
    opaque = np.ones((1, *shown.shape[1:]), np.float32)
    return np.round(255 * np.concatenate([rgb, opaque])).astype(np.uint8).transpose(1, 2, 0).copy()


def magnified(difference: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """A difference as an image around grey, and how often larger than it is.

    The factor has two digits and cuts nothing off.
    """
    difference = np.nan_to_num(difference, nan=0.0, posinf=1.0, neginf=-1.0)
    largest = float(np.abs(difference).max(initial=0.0))
    if largest < 1e-9:
        return np.full_like(difference, 0.5), 1.0
    factor = 0.5 / largest
    digit = 10.0 ** (math.floor(math.log10(factor)) - 1)
    factor = max(math.floor(factor / digit + 1e-9) * digit, 0.5)
    return (0.5 + factor * difference).astype(np.float32), factor


def _tiles(
    attacked: _Seen, clean: _Seen, label: int, defended: bool, is_attacked: bool
) -> list[Tile]:
    asked = "behind the defense" if defended else ""
    tip, own = "The image as it is in the data", attacked.answer(label)
    tiles = [Tile("Clean", tip, rgba(clean.image), clean.answer(label), asked)]
    if is_attacked:
        tip = "The image as the attack has changed it, by no more than ε"
        tiles.append(Tile("Adversarial", tip, rgba(attacked.image), None if defended else own))
    if attacked.noisy is not None:
        alone = attacked.denoised is None or np.array_equal(attacked.denoised, attacked.noisy)
        tip = "The same with the noise that the defense adds; beyond black and white it is cut off"
        tiles.append(
            Tile("Noisy", tip, rgba(attacked.noisy), own if alone else None, asked if alone else "")
        )
        if attacked.denoised is not None and not alone:
            tip = (
                "What the network gets to see, and its answer at this one draw of noise; a curve "
                "by majority counts many"
            )
            tiles.append(Tile("Denoised", tip, rgba(attacked.denoised), own, asked))
    if is_attacked and attacked.image.shape == clean.image.shape:
        shown, factor = magnified(attacked.image - clean.image)
        tip = "What the attack has changed, around grey and magnified so that it can be seen"
        tiles.append(Tile("Difference", tip, rgba(shown), note=f"× {factor:.3g}"))
    return tiles


def _size(examples: Examples) -> int:
    tensors = (examples.images, examples.noisy, examples.denoised, *examples.maps.values())
    return sum(tensor.nbytes for tensor in tensors if tensor is not None)


def _knows_the_defense(attack: str) -> bool:
    """Whether it follows the exact gradients of a defense."""
    kind = attack_of(attack)
    return kind.is_white_box and kind.exact and "defend" in kind.offered


def _defended_in(index: Index) -> list[Defended]:
    return list(dict.fromkeys(map(_defended, index.files)))
