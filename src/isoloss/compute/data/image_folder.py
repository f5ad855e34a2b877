"""Folders of images: which class each is of, and how it becomes a square of a given size.

Pixels are read when they are asked for, so that a few images of ImageNet do not wait for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
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
from isoloss.compute.data.folder_layout import layout_of
from isoloss.compute.data.folder_tree import Folder, read_tree
from isoloss.compute.data.image_file import open_image
from isoloss.compute.data.imagenet_classes import class_names
from isoloss.errors import IsolossError
from isoloss.files import nothing_at
from isoloss.paths import exists, is_folder
from isoloss.system.processors import allotted

LARGEST_BY_DEFAULT = 224
_FOR_THE_DISK, _MOST = 4, 32
"""Threads that read images besides one for each processor, since some wait; and all of them."""


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

    _files: Sequence[tuple[str, int]]
    _framing: Framing

    def __init__(self, files: Sequence[tuple[str, int]], framing: Framing) -> None:
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
            pixels = np.array(self._framing(open_image(self._files[order[k]][0])))
            images[k] = torch.from_numpy(pixels).permute(2, 0, 1)

        with ThreadPoolExecutor(min(allotted() + _FOR_THE_DISK, _MOST)) as pool:
            list(pool.map(read, range(len(order)), chunksize=64))
        return images


def load_image_folder(folder: Path, size: int | None, framing: Framing | None = None) -> Dataset:
    """One folder a class; in a folder to train on and one to test on (`folder_layout.PARTS`), else
    split 80 : 20.

    Folders that are named by the WordNet ids of ImageNet, or by its indices from 0 to 999, have its
    1,000 classes, and each image the index of its class among these, however few there are. Any
    others are numbered in alphabetical order, as torchvision's ImageFolder does.

    Args:
        size: pixels on a side; by default those of the first image, at most 224.
        framing: how images become squares, where it is known.

    Raises:
        IsolossError: saying what is not as it should be.
    """
    if not is_folder(folder):
        if exists(folder):
            raise IsolossError(f"{folder} is a file: give the folder that has one folder a class")
        raise nothing_at(folder)
    layout = layout_of(read_tree(str(folder)))
    files = [_labelled_files(part, layout.labels) for part in layout.parts]
    train, test = files if len(files) == 2 else _divided(files[0])
    if not train or not test:
        raise IsolossError(f"{folder} holds too few images to train and test on")
    if framing is None:
        framing = Framing(size or min(*open_image(train[0][0]).size, LARGEST_BY_DEFAULT))
    small = framing.size <= 64
    return Dataset(
        f"imagefolder:{folder}",
        FolderSplit(train, framing),
        FolderSplit(test, framing),
        class_names() if layout.is_imagenet else tuple(layout.labels),
        CIFAR_MEAN if small else IMAGENET_MEAN,
        CIFAR_STD if small else IMAGENET_STD,
        found=layout.found,
        left_out=layout.left_out,
    )


def _labelled_files(part: Folder, labels: dict[str, int]) -> list[tuple[str, int]]:
    files = [(path, labels[c.name]) for c in _by_name(part.folders) for path in c.files()]
    if not files:
        raise IsolossError(f"there are no images in the class folders of {part.path}")
    return files


def _by_name(folders: Sequence[Folder]) -> list[Folder]:
    return sorted(folders, key=lambda folder: folder.name)


def _divided(files: list[tuple[str, int]]) -> list[list[tuple[str, int]]]:
    """Four fifths to train on and the rest, the same every time."""
    order = np.random.default_rng(0).permutation(len(files))
    cut = max(len(files) // 5, 1)
    return [[files[i] for i in sorted(part)] for part in (order[cut:], order[:cut])]
