"""Data sets by name: built in, folders of images, what a function of the user's own returns."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import filelock
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
from isoloss.compute.data.image_folder import Framing, load_image_folder
from isoloss.compute.machine.user_code import call_user_function
from isoloss.errors import IsolossError
from isoloss.settings.built_in import no_data
from isoloss.settings.source import data_set


def load_dataset(
    name: str,
    image_size: int | None = None,
    *,
    framing: Framing | None = None,
    read: bool = True,
) -> Dataset:
    """Load `digits`, `cifar10`, `imagefolder:PATH`, or what `package.module:function` returns.

    A user's function returns `(train, test)`, each a pair of tensors (inputs, targets): images as
    (N, 3, H, W) uint8 or floats in [0, 1], targets as (N,) integers.

    Args:
        image_size, framing: of images in folders (`load_image_folder`); others are as they are.
        read: whether to read all images now, and not only those that are asked for.

    Raises:
        IsolossError: if there is no such data set or it is not usable.
    """
    dataset = _load(name, image_size, framing)
    if read:
        for split in (dataset.train, dataset.test):
            _ = split.inputs
    return dataset


def _load(name: str, image_size: int | None, framing: Framing | None) -> Dataset:
    source = data_set(name)
    match source.kind:
        case "built-in":
            return _digits() if name == "digits" else _cifar10()
        case "imagefolder":
            return load_image_folder(source.path.absolute(), image_size, framing)
        case "function":
            return _of_user(name)
        case _:
            pass
    raise IsolossError(no_data(name))


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
    return Dataset(
        "digits", train, test, names, (0.305,) * 3, (0.345,) * 3, mirrors=False,
        found="divided 80 : 20",
    )  # fmt: skip


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
    return Dataset(
        "cifar10", train, test, tuple(parts[0].classes), CIFAR_MEAN, CIFAR_STD,
        found="as published",
    )  # fmt: skip


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
    whole = all(bool((given == given.long()).all()) for given in (train_y, test_y))
    if not matching or not whole or min(int(s.targets.min()) for s in (train, test)) < 0:
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
        found="as the function gives them",
    )
