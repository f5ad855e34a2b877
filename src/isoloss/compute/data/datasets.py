"""Data sets by name: built in, folders of images, what a function of the user's own returns."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

import filelock
import numpy as np
import torch
from torch import Tensor

from isoloss.compute.data.batch import can_be_joined, joined
from isoloss.compute.data.batch_split import BatchSplit
from isoloss.compute.data.dataset import (
    CIFAR_MEAN,
    CIFAR_STD,
    IMAGENET_MEAN,
    IMAGENET_STD,
    Dataset,
    Split,
)
from isoloss.compute.data.image_folder import (
    LARGEST_BY_DEFAULT,
    FolderSplit,
    Framing,
    load_image_folder,
)
from isoloss.compute.data.imagenet_classes import class_names
from isoloss.compute.data.reading import IGNORED, GivenBatches, read_batches
from isoloss.compute.machine.user_code import call_user_function, where_users_code_failed
from isoloss.errors import IsolossError
from isoloss.naming import in_one_line
from isoloss.paths import exists
from isoloss.settings import Targets
from isoloss.settings.built_in import SAMPLE_PHOTOS, no_data
from isoloss.settings.source import data_set

_PHOTOS = {"china.jpg": "palace", "flower.jpg": "daisy"}
WHAT_A_PART_IS = "each a pair (inputs, targets), a Dataset, or an iterable of batches"


def load_dataset(
    name: str,
    image_size: int | None = None,
    *,
    framing: Framing | None = None,
    read: bool = True,
    targets: Targets = "classes",
) -> Dataset:
    """Load `digits`, `cifar10`, `sample-photos`, `imagefolder:PATH`, or what
    `package.module:function` returns.

    A user's function returns `(train, test)`, each a pair of tensors (inputs, targets): images as
    (N, 3, H, W) uint8 or floats in [0, 1], targets as (N,) integers. For a probe each may be
    anything that `read_batches` takes.

    Args:
        image_size, framing: of images in folders (`load_image_folder`) and of the sample
            photographs; others are as they are.
        read: whether to read all images now, and not only those that are asked for.
        targets: what they may be (`settings.Targets`).

    Raises:
        IsolossError: if there is no such data set or it is not usable.
    """
    dataset = _load(name, image_size, framing, targets)
    if read:
        for split in (dataset.train, dataset.test):
            split.tensors()
    return dataset


def _load(name: str, image_size: int | None, framing: Framing | None, targets: Targets) -> Dataset:
    source = data_set(name)
    match source.kind:
        case "built-in":
            if name == SAMPLE_PHOTOS:
                return _sample_photos(framing or Framing(image_size or LARGEST_BY_DEFAULT))
            return _digits() if name == "digits" else _cifar10()
        case "imagefolder":
            return load_image_folder(source.path.absolute(), image_size, framing)
        case "function":
            return _of_user(name, targets)
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


def _sample_photos(framing: Framing) -> Dataset:
    """scikit-learn's photographs of a Chinese palace and a flower, with ImageNet's classes.

    Nobody has labelled them so: their classes are those that `efficientnet_lite0` takes them for.
    """
    import sklearn.datasets

    folder = Path(sklearn.datasets.__file__).parent / "images"
    names = class_names()
    files = [(str(folder / file), names.index(of)) for file, of in _PHOTOS.items()]
    photos = FolderSplit(files, framing)
    said = ", ".join(f"{of!r} of {file}" for file, of in _PHOTOS.items())
    return Dataset(
        SAMPLE_PHOTOS, photos, photos, names, IMAGENET_MEAN, IMAGENET_STD,
        found="the same to train and to test on; nobody has labelled them for ImageNet: "
        f"{said} is what efficientnet_lite0 answers",
    )  # fmt: skip


def _cifar10() -> Dataset:
    import platformdirs
    import torchvision

    folder = Path(platformdirs.user_cache_dir("isoloss", appauthor=False)) / "cifar10"
    if not exists(folder / "cifar-10-batches-py"):
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
            f"cannot get CIFAR-10: {in_one_line(error)}; put cifar-10-python.tar.gz into "
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


def _of_user(name: str, wanted: Targets) -> Dataset:
    returned = call_user_function(name)
    if not isinstance(returned, tuple | list) or len(cast("tuple[Any, ...]", returned)) != 2:
        raise IsolossError(f"{name} must return (train, test), {WHAT_A_PART_IS}")
    given = [_read(part, name) for part in cast("tuple[Any, ...]", returned)]
    of_classes = [split for split in map(_of_classes, given) if split is not None]
    classes = 1 + max(int(s.targets.max()) for s in of_classes) if len(of_classes) == 2 else 0
    if classes and wanted == "as given" and not all(map(_are_indices, given)):
        classes = 0  # numbers that are whole by chance, as a regression may have them
    if not classes and wanted == "classes":
        raise IsolossError(
            f"{name}: training and attacks need input tensors of one shape, with one class index "
            "≥ 0 for each; a probe takes anything (--loss)"
        )
    train, test = (
        of_classes
        if classes and wanted != "as given"
        else (BatchSplit(part, name) for part in given)
    )
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


def _read(part: Any, name: str) -> GivenBatches:
    """One part of a user's data; what is drawn on the way, by PyTorch, is drawn the same anew."""
    try:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            return read_batches(part)
    except IsolossError as error:
        raise IsolossError(
            f"{name} must return (train, test), {WHAT_A_PART_IS}: {error}"
        ) from error
    except Exception as error:  # a user's generator may raise anything
        why = where_users_code_failed(error) or f"{type(error).__name__}: {error}"
        raise IsolossError(f"{name}: {why}") from error


def _are_indices(given: GivenBatches) -> bool:
    """Whether the targets of pairs are of a whole type, as class indices are."""
    return not any(batch[1].dtype.is_floating_point for batch in given.batches)


def _of_classes(given: GivenBatches) -> Split | None:
    """(inputs, class indices) of all samples; None where they are something else."""
    if not can_be_joined(given.batches):
        return None
    whole = joined(given.batches)
    if not isinstance(whole, tuple) or len(cast("tuple[Any, ...]", whole)) != 2:
        return None
    inputs, targets = cast("tuple[Any, Any]", whole)
    if not isinstance(inputs, Tensor) or not isinstance(targets, Tensor) or targets.ndim != 1:
        return None
    if targets.dtype.is_complex or not bool((targets == targets.long()).all()):
        return None
    targets = targets.long()
    counted = targets != IGNORED
    if not bool(counted.all()):
        inputs, targets = inputs[counted], targets[counted]
    return Split(inputs, targets) if len(targets) and int(targets.min()) >= 0 else None
