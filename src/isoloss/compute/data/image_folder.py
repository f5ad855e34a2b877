"""Folders of images: which class each is of, and how it becomes a square of a given size.

Pixels are read when they are asked for, so that a few images of ImageNet do not wait for the rest.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isoloss.compute.data.dataset import (
    CIFAR_MEAN,
    CIFAR_STD,
    IMAGENET_MEAN,
    IMAGENET_STD,
    Dataset,
    Split,
)
from isoloss.errors import IsolossError

LARGEST_BY_DEFAULT = 224
IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".tif", ".tiff"}
TRAIN, TESTS = "train", ("test", "val")
# The 1,000 classes of ImageNet by the WordNet ids that its folders are named by (Russakovsky et al.
# 2015, https://arxiv.org/abs/1409.0575). The list is timm's, which comes with it.
_ID = re.compile(r"n\d{8}")
CLASSES = 1000


@dataclass(frozen=True)
class Framing:
    """How an image becomes a square: its short side is resized, then its middle cut out, as the
    evaluation transforms of torchvision and timm do.

    Attributes:
        size: pixels on a side of the square.
        resized: pixels of the short side before the cut; by default `size`.
        interpolation: "bicubic" or "bilinear".
        squashes: both sides are resized alike, whatever the image's shape, as CoAtNet has it.
    """

    size: int
    resized: int | None = None
    interpolation: str = "bicubic"
    squashes: bool = False

    def __call__(self, image: Any) -> Any:
        """`image` of Pillow, so framed."""
        from PIL.Image import Resampling

        short = self.size if self.resized is None else self.resized
        width, height = image.size
        if self.squashes:
            wanted = (short, short)
        elif width <= height:
            wanted = (short, int(short * height / width))
        else:
            wanted = (int(short * width / height), short)
        if image.size != wanted:
            by = Resampling.BILINEAR if self.interpolation == "bilinear" else Resampling.BICUBIC
            image = image.resize(wanted, by)
        left, top = (round((side - self.size) / 2) for side in wanted)
        return image.crop((left, top, left + self.size, top + self.size))


class FolderSplit(Split):
    """Images that are read from their files when they are asked for.

    Args:
        files: (path, class index) of each.
    """

    _files: Sequence[tuple[Path, int]]
    _framing: Framing

    def __init__(self, files: Sequence[tuple[Path, int]], framing: Framing) -> None:
        targets = torch.tensor([label for _, label in files])
        self.__dict__.update(targets=targets, _files=files, _framing=framing)

    @cached_property
    def inputs(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        """(N, 3, H, W) uint8, all of them."""
        return self._read(range(len(self)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image, (3, H, W)."""
        return 3, self._framing.size, self._framing.size

    def take(self, order: Tensor) -> Split:
        """The images at the places `order`, (n,) int64, read from their files."""
        return Split(self._read(order.tolist()), self.targets[order])

    def labelled(self, targets: Tensor) -> Split:
        """The same files with other targets, (N,) int64."""
        labels = targets.tolist()
        files = [(path, label) for (path, _), label in zip(self._files, labels, strict=True)]
        return FolderSplit(files, self._framing)

    def _read(self, order: Sequence[int]) -> Tensor:
        images = torch.empty(len(order), *self.shape, dtype=torch.uint8)

        def read(k: int) -> None:
            pixels = np.array(self._framing(_open(self._files[order[k]][0])))
            images[k] = torch.from_numpy(pixels).permute(2, 0, 1)

        with ThreadPoolExecutor() as pool:
            list(pool.map(read, range(len(order)), chunksize=64))
        return images


def load_image_folder(folder: Path, size: int | None, framing: Framing | None = None) -> Dataset:
    """One folder a class; with `train` and `test` (or `val`) above them, else split 80 : 20.

    Folders that are named by the WordNet ids of ImageNet, or by its indices from 0 to 999, have its
    1,000 classes, and each image the index of its class among these, however few there are. Any
    others are numbered in alphabetical order, as torchvision's ImageFolder does.

    Args:
        size: pixels on a side; by default those of the first image, at most 224.
        framing: how images become squares, where it is known.

    Raises:
        IsolossError: saying what is not as it should be.
    """
    if not folder.is_dir():
        raise IsolossError(f"there is no folder {folder}")
    parts = _parts(folder)
    named = [_subfolders(part) for part in parts]
    for part, names in zip(parts, named, strict=True):
        if not names:
            raise IsolossError(_flat(part))
    names = sorted({name for part in named for name in part})
    of_imagenet = indices_of(names)
    if of_imagenet is None:
        if len(names) < 2:
            raise IsolossError(
                f"{folder} has 1 class folder: images must lie in one folder a class"
            )
        unknown = [name for name in named[-1] if name not in named[0]]
        if unknown:
            raise IsolossError(f"{parts[-1]} has a class {unknown[0]!r} that {parts[0]} has not")
    labels = of_imagenet or {name: k for k, name in enumerate(names)}
    classes = class_names() if of_imagenet is not None else tuple(names)
    files = [_files(part, labels) for part in parts]
    train, test = files if len(files) == 2 else _divided(files[0])
    if not train or not test:
        raise IsolossError(f"{folder} holds too few images to train and test on")
    if framing is None:
        framing = Framing(size or min(*_open(train[0][0]).size, LARGEST_BY_DEFAULT))
    small = framing.size <= 64
    return Dataset(
        f"imagefolder:{folder}",
        FolderSplit(train, framing),
        FolderSplit(test, framing),
        classes,
        CIFAR_MEAN if small else IMAGENET_MEAN,
        CIFAR_STD if small else IMAGENET_STD,
    )


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


def _parts(folder: Path) -> list[Path]:
    """The folders for training and for testing, or one for both."""
    inside = _subfolders(folder)
    # ImageNet's own `test` has no labels: what it has of them lies in `val`.
    tests = sorted((n for n in TESTS if n in inside), key=lambda n: not _subfolders(folder / n))
    if TRAIN in inside and tests:
        return [folder / TRAIN, folder / tests[0]]
    if inside and set(inside) <= {TRAIN, *TESTS}:
        raise IsolossError(
            f"{folder} has {' and '.join(inside)} only: give imagefolder:{folder / inside[0]} to "
            "have it divided 80 : 20, or add what is missing of train and test"
        )
    return [folder]


def _subfolders(folder: Path) -> list[str]:
    return sorted(f.name for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))


def _flat(folder: Path) -> str:
    images = sum(f.suffix.lower() in IMAGE_SUFFIXES for f in folder.iterdir())
    lie = f" but {images:,} images side by side" if images else ""
    return (
        f"{folder} has no class folders{lie}: images must lie in one folder a class, for ImageNet "
        "named by WordNet ids such as n01440764"
    )


def _files(folder: Path, labels: dict[str, int]) -> list[tuple[Path, int]]:
    files = [
        (path, label)
        for name, label in sorted(labels.items())
        for path in sorted((folder / name).rglob("*"))
        if path.suffix.lower() in IMAGE_SUFFIXES
    ]
    if not files:
        raise IsolossError(f"there are no images in the class folders of {folder}")
    return files


def _divided(files: list[tuple[Path, int]]) -> list[list[tuple[Path, int]]]:
    """Four fifths to train on and the rest, the same every time."""
    order = np.random.default_rng(0).permutation(len(files))
    cut = max(len(files) // 5, 1)
    return [[files[i] for i in sorted(part)] for part in (order[cut:], order[:cut])]


def _open(path: Path) -> Any:
    """An image of Pillow with three channels of 8 bits."""
    from PIL import Image

    try:
        with Image.open(path) as file:
            return _eight_bits(file).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise IsolossError(f"cannot read the image {path}: {error}") from error


def _eight_bits(image: Any) -> Any:
    """An image of 16 bits a pixel on the scale of 8; Pillow itself would clip it to white."""
    if image.mode == "F":
        raise ValueError("it holds floating-point values of unknown scale; save it with 8 bits")
    if image.mode == "I" or image.mode.startswith("I;16"):
        from PIL import Image

        return Image.fromarray((np.asarray(image) / 257).clip(0, 255).astype(np.uint8))
    return image
