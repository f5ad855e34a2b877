"""Data sets: loaded once, kept as uint8 tensors, turned into [0, 1] floats on the device."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import torch
from torch import Tensor

from isoloss.compute.user_code import call_user_function, is_user_function
from isoloss.errors import IsolossError

CIFAR_MEAN, CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LARGEST_BY_DEFAULT = 224
IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".tif", ".tiff"}


@dataclass(frozen=True)
class Split:
    """Inputs and targets.

    Attributes:
        inputs: (N, …), images as (N, 3, H, W) uint8; floats are taken as they are.
        targets: (N,) int64 class indices.
    """

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def to(self, device: torch.device) -> Split:
        """The same data on `device`."""
        return Split(self.inputs.to(device), self.targets.to(device))

    def sample(self, n: int | None, seed: int) -> Split:
        """`n` samples drawn at random without replacement; all where `n` is None or too large."""
        if n is None or n >= len(self):
            return self
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))[:n]
        return Split(self.inputs[order], self.targets[order])

    def batches(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """(inputs, targets) of at most `size` samples, in order."""
        yield from zip(self.inputs.split(size), self.targets.split(size), strict=True)


@dataclass(frozen=True)
class Dataset:
    """A data set for classification.

    Attributes:
        mean, std: per-channel statistics of the images on the [0, 1] scale.
        mirrors: whether an image means the same mirrored left to right.
    """

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    mirrors: bool = True

    def split(self, name: str) -> Split:
        """The split called "train" or "test"."""
        return self.train if name == "train" else self.test

    def digest(self) -> str:
        """SHA-256 over all inputs and targets."""
        sha = hashlib.sha256()
        for split in (self.train, self.test):
            for tensor in (split.inputs, split.targets):
                sha.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
        return sha.hexdigest()


def as_inputs(inputs: Tensor) -> Tensor:
    """What a network is given: uint8 images become floats in [0, 1], all else stays."""
    return inputs.float().div_(255) if inputs.dtype == torch.uint8 else inputs


def load_dataset(name: str, image_size: int | None = None) -> Dataset:
    """Load `digits`, `cifar10`, `imagefolder:PATH`, or what `package.module:function` returns.

    A user's function returns `(train, test)`, each a pair of tensors (inputs, targets): images as
    (N, 3, H, W) uint8 or floats in [0, 1], targets as (N,) integers.

    Raises:
        IsolossError: if there is no such data set or it is not usable.
    """
    if name == "digits":
        return _digits()
    if name == "cifar10":
        return _cifar10()
    if name.startswith("imagefolder:"):
        folder = Path(name.removeprefix("imagefolder:")).expanduser().absolute()
        return _image_folder(folder, image_size)
    if is_user_function(name):
        return _of_user(name)
    raise IsolossError(
        f"there is no data set {name!r}: choose digits, cifar10, imagefolder:PATH or "
        "package.module:function"
    )


def _digits() -> Dataset:
    """scikit-learn's 1,797 handwritten digits (UCI), 8×8, upsampled to 32×32 RGB; none fetched."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits: Any = load_digits()
    images = torch.from_numpy(digits.images).float().div_(16)[:, None]
    images = torch.nn.functional.interpolate(images, size=32, mode="bilinear", align_corners=False)
    images = images.mul_(255).round_().byte().expand(-1, 3, -1, -1).contiguous()
    targets = torch.from_numpy(digits.target).long()
    parts = train_test_split(
        np.arange(len(targets)), test_size=0.2, random_state=0, stratify=digits.target
    )
    names = tuple(str(n) for n in digits.target_names)
    train, test = (
        Split(images[i], targets[i]) for i in map(torch.from_numpy, (parts[0], parts[1]))
    )
    return Dataset("digits", train, test, names, (0.305,) * 3, (0.345,) * 3, mirrors=False)


def _cifar10() -> Dataset:
    import platformdirs
    import torchvision

    folder = Path(platformdirs.user_cache_dir("isoloss", appauthor=False)) / "cifar10"
    if not (folder / "cifar-10-batches-py").exists():
        print(f"isoloss: downloading CIFAR-10 (170 MB) to {folder}", file=sys.stderr, flush=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Two runs begun together share one download. torchvision checks every file against its
        # known MD5 sum before it reads it.
        with filelock.FileLock(folder / ".lock"):
            parts = [
                torchvision.datasets.CIFAR10(str(folder), train=train, download=True)
                for train in (True, False)
            ]
    except (OSError, RuntimeError) as error:
        raise IsolossError(
            f"cannot get CIFAR-10: {' '.join(str(error).split())}; put cifar-10-python.tar.gz into "
            f"{folder}, or use class folders of images with --data imagefolder:PATH"
        ) from error
    train, test = (
        Split(
            torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous(),
            torch.tensor(part.targets),
        )
        for part in parts
    )
    return Dataset("cifar10", train, test, tuple(parts[0].classes), CIFAR_MEAN, CIFAR_STD)


def _image_folder(folder: Path, size: int | None) -> Dataset:
    """One folder a class; with `train` and `test` (or `val`) above them, else split 80 : 20."""
    if not folder.is_dir():
        raise IsolossError(f"there is no folder {folder}")
    train_folder = folder / "train"
    test_folder = next((folder / n for n in ("test", "val") if (folder / n).is_dir()), None)
    if train_folder.is_dir() and test_folder is not None:
        classes = _classes(train_folder)
        train_files, test_files = (_files(f, classes) for f in (train_folder, test_folder))
    else:
        classes = _classes(folder)
        files = _files(folder, classes)
        order = np.random.default_rng(0).permutation(len(files))
        cut = max(len(files) // 5, 1)
        test_files = [files[i] for i in sorted(order[:cut])]
        train_files = [files[i] for i in sorted(order[cut:])]
    if not train_files or not test_files:
        raise IsolossError(f"{folder} holds too few images to train and test on")
    side = size or min(*_read(train_files[0][0], None).shape[:2], LARGEST_BY_DEFAULT)
    train, test = _read_all(train_files, side), _read_all(test_files, side)
    small = side <= 64
    return Dataset(
        f"imagefolder:{folder}",
        train,
        test,
        classes,
        CIFAR_MEAN if small else IMAGENET_MEAN,
        CIFAR_STD if small else IMAGENET_STD,
    )


def _classes(folder: Path) -> tuple[str, ...]:
    names = sorted(f.name for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))
    if len(names) < 2:
        raise IsolossError(
            f"{folder} has {len(names)} class folder(s): images must lie in one folder a class"
        )
    return tuple(names)


def _files(folder: Path, classes: tuple[str, ...]) -> list[tuple[Path, int]]:
    files = [
        (path, label)
        for label, name in enumerate(classes)
        for path in sorted((folder / name).rglob("*"))
        if path.suffix.lower() in IMAGE_SUFFIXES
    ]
    if not files:
        raise IsolossError(f"there are no images in the class folders of {folder}")
    return files


def _read(path: Path, size: int | None) -> np.ndarray[Any, Any]:
    """(H, W, 3) uint8; the square in the middle, resized to `size`."""
    from PIL import Image

    try:
        with Image.open(path) as file:
            image = _eight_bits(file).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise IsolossError(f"cannot read the image {path}: {error}") from error
    if size is not None and image.size != (size, size):
        side = min(image.size)
        left, top = (image.width - side) / 2, (image.height - side) / 2
        middle = (left, top, left + side, top + side)
        image = image.resize((size, size), Image.Resampling.BICUBIC, box=middle)
    return np.asarray(image)


def _eight_bits(image: Any) -> Any:
    """An image of 16 bits a pixel on the scale of 8; Pillow itself would clip it to white."""
    if image.mode == "F":
        raise ValueError("it holds floating-point values of unknown scale; save it with 8 bits")
    if image.mode == "I" or image.mode.startswith("I;16"):
        from PIL import Image

        return Image.fromarray((np.asarray(image) / 257).clip(0, 255).astype(np.uint8))
    return image


def _read_all(files: list[tuple[Path, int]], size: int) -> Split:
    images = torch.empty(len(files), 3, size, size, dtype=torch.uint8)

    def read(i: int) -> None:
        images[i] = torch.from_numpy(_read(files[i][0], size).copy()).permute(2, 0, 1)

    with ThreadPoolExecutor() as pool:
        list(pool.map(read, range(len(files)), chunksize=64))
    return Split(images, torch.tensor([label for _, label in files]))


def _of_user(name: str) -> Dataset:
    returned = call_user_function(name)
    try:
        (train_x, train_y), (test_x, test_y) = returned
        train, test = Split(train_x, train_y.long()), Split(test_x, test_y.long())
        matching = all(
            isinstance(s.inputs, Tensor)
            and len(s.inputs) == len(s.targets) > 0
            and s.targets.ndim == 1
            for s in (train, test)
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise IsolossError(
            f"{name} must return (train, test), each a pair of tensors (inputs, targets)"
        ) from error
    if not matching or min(int(s.targets.min()) for s in (train, test)) < 0:
        raise IsolossError(f"{name}: inputs must be tensors, with one class index ≥ 0 for each")
    classes = 1 + max(int(s.targets.max()) for s in (train, test))
    return Dataset(
        name,
        train,
        test,
        tuple(map(str, range(classes))),
        IMAGENET_MEAN,
        IMAGENET_STD,
        mirrors=False,
    )
