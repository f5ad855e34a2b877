"""The images that a robustness run has saved, for the window and for figures: plain reading.

What the files hold, and who writes them, is in `isoloss.robustness.evaluation.write_examples`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from isoloss.errors import IsolossError
from isoloss.files import read_json
from isoloss.settings.attack_kinds import CLEAN
from isoloss.settings.built_in import LABELLED_BY
from isoloss.shortening import cited

SCHEMA = 1
INDEX = "examples.json"
MAP = "map "
DRIFT = "drift "


@dataclass(frozen=True)
class ExampleFile:
    """What one file is about: a network, a defense, an attack and a seed, at each of `eps`.

    Attributes:
        defense: as in a table's rows.
        sigma: NaN without a defense.
        attack: as in a table's rows, or "clean" for the clean images behind a defense.
        eps: radii, E of them; at 0 the images are clean.
    """

    path: Path
    network: str
    defense: str
    sigma: float
    attack: str
    norm: str
    seed: int
    eps: tuple[float, ...]

    @property
    def is_clean(self) -> bool:
        """Whether it holds the clean images behind a defense."""
        return self.attack == CLEAN


@dataclass(frozen=True)
class Index:
    """All examples of a run.

    Attributes:
        classes: names.
        images: the K images' places in the data.
        labels: their K true classes; of data that nobody has labelled, what a network answers.
    """

    data: str
    classes: tuple[str, ...]
    images: tuple[int, ...]
    labels: tuple[int, ...]
    files: tuple[ExampleFile, ...]

    def class_name(self, label: int) -> str:
        """The name of a class, or its number where it has none."""
        return self.classes[label] if 0 <= label < len(self.classes) else str(label)

    @property
    def labelled_by(self) -> str:
        """The network whose answers the labels are; "" where they are those of the data."""
        return LABELLED_BY.get(self.data, "")

    @property
    def label_title(self) -> str:
        """What a label is, in a word or two."""
        return "assumed class" if self.labelled_by else "true class"

    def label_in_words(self, k: int) -> str:
        """Of the k-th image: its label, and whose word it is where it is not known to be true."""
        named = f"{self.label_title} {self.class_name(self.labels[k])}"
        return f"{named}, the answer of {self.labelled_by}" if self.labelled_by else named

    def label_in_title(self, k: int) -> str:
        """The same, after what is said of the image in a heading."""
        adverb = "assumed to be" if self.labelled_by else "truly"
        return f"{adverb} “{self.class_name(self.labels[k])}”"


@dataclass(frozen=True)
class Examples:
    """The images of one file, and what the network made of them.

    Attributes:
        images: (E, K, C, H, W) float32 as attacked at each radius.
        predicted: (E, K) classes, `confidence` (E, K) their softmax.
        noisy, denoised: like `images`, at the draw that was counted; None without a defense.
        maps: feature and attention maps by name, (E, K, h, w) float32, or (E, K, C) where channels
            and no places are gated.
        drift: by the maps' names, (E, K): 0 as for the clean image, see
            `isoloss.robustness.evaluation.attention.drift`.
    """

    images: NDArray[np.float32]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float32]
    noisy: NDArray[np.float32] | None
    denoised: NDArray[np.float32] | None
    maps: dict[str, NDArray[np.float32]]
    drift: dict[str, NDArray[np.float32]]


def read_index(folder: Path) -> Index:
    """What the folder `examples` of a run holds.

    Raises:
        IsolossError: if it cannot be read or is something else.
    """
    path = folder / INDEX
    content: Any = read_json(path)
    try:
        if content["schema"] > SCHEMA:
            raise IsolossError(f"{path} was written by a newer isoloss: update to read it")
        found = Index(
            str(content["data"]),
            tuple(map(str, content["classes"])),
            tuple(map(int, content["images"])),
            tuple(map(int, content["labels"])),
            tuple(_file(folder, entry) for entry in content["files"]),
        )
        if len(found.images) != len(found.labels):
            raise ValueError("as many labels as images are needed")
        return found
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise IsolossError(f"{path} tells of no examples: {cited(error)}") from error


def read_examples(file: ExampleFile, index: Index, only: int | None = None) -> Examples:
    """The images of one file.

    Args:
        only: one of the K images, of which alone is then read: K is 1 in what is returned.

    Raises:
        IsolossError: if it cannot be read or does not hold what the index says.
    """
    path = file.path
    try:
        tensors = _tensors(path, len(index.images), only)
        found = Examples(
            tensors["images"],
            tensors["predicted"],
            tensors["confidence"],
            tensors.get("noisy"),
            tensors.get("denoised"),
            _called(MAP, tensors),
            _called(DRIFT, tensors),
        )
    except OSError as error:
        raise IsolossError(f"cannot read {path}: {error.strerror or error}") from error
    except (SafetensorError, KeyError, ValueError, TypeError, IndexError) as error:
        raise IsolossError(f"{path} holds no examples: {cited(error)}") from error
    many = (len(file.eps), len(index.images) if only is None else 1)
    of_images = [found.images, found.noisy, found.denoised]
    shapes = [x.shape for x in of_images if x is not None]
    each = [found.predicted, found.confidence, *found.drift.values(), *found.maps.values()]
    if (
        any(len(s) != 5 or s != shapes[0] or s[2] not in (1, 3) or 0 in s for s in shapes)
        or any(x.shape[:2] != many for x in [found.images, *each])
        or any(x.ndim not in (3, 4) or 0 in x.shape for x in found.maps.values())
    ):
        raise IsolossError(f"{path} does not hold the images that {INDEX} tells of")
    return found


def _tensors(path: Path, images: int, only: int | None) -> dict[str, Any]:
    """All tensors of a file or, of each, only what belongs to one of the images."""
    with safe_open(path, "np") as file:
        if only is None:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        for name, found in slices.items():
            if len(found.get_shape()) < 2 or found.get_shape()[1] != images:
                raise ValueError(f"{name} is not of {images} images")
        return {name: found[:, only : only + 1] for name, found in slices.items()}


def _called(prefix: str, tensors: dict[str, Any]) -> dict[str, NDArray[np.float32]]:
    return {
        name.removeprefix(prefix): tensor.astype(np.float32)
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _file(folder: Path, entry: dict[str, Any]) -> ExampleFile:
    name = str(entry["file"])
    if Path(name).name != name:  # a hostile index must not lead out of its folder
        raise ValueError(f"{name!r} is no file of this folder")
    eps = tuple(map(float, entry["eps"]))
    if not all(math.isfinite(e) and e >= 0 for e in eps):
        raise ValueError(f"{name} has a radius that is none")
    return ExampleFile(
        folder / name,
        str(entry["network"]),
        str(entry["defense"]),
        math.nan if entry["sigma"] is None else float(entry["sigma"]),
        str(entry["attack"]),
        str(entry["norm"]),
        int(entry["seed"]),
        eps,
    )
