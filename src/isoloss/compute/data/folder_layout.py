"""Which folders of a tree are its parts, to train on and to test on, and which its classes."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from isoloss.compute.data.folder_tree import Folder, suffix_of
from isoloss.compute.data.imagenet_classes import indices_of
from isoloss.errors import IsolossError
from isoloss.naming import listed

# What people call the parts of their data. Where several test, the first of these is taken.
PARTS = {
    "train": ("train", "training", "trn", "trainset", "trainval"),
    "test": ("test", "testing", "tst", "testset"),
    "val": (
        "val", "valid", "validation", "validate", "valset", "dev", "devel", "development", "devset",
        "eval", "evaluation", "holdout",
    ),
}  # fmt: skip
_PART = {name: part for part, names in PARTS.items() for name in names}


@dataclass(frozen=True)
class Layout:
    """A tree of folders understood.

    Attributes:
        parts: to train on and to test on, or one that is to be divided; class folders lie in them.
        labels: the class index of each class folder.
        is_imagenet: whether these are indices of ImageNet's 1,000 classes.
        found: how the parts were found, in words.
        left_out: what is not used, in words; "" for nothing.
    """

    parts: tuple[Folder, ...]
    labels: dict[str, int]
    is_imagenet: bool
    found: str
    left_out: str


def layout_of(root: Folder) -> Layout:
    """What the folders below `root` are.

    Raises:
        IsolossError: if they are no data set, with the folder below that is one, if there is any.
    """
    try:
        return _layout(root)
    except _NoClassesError as error:
        better = _first_data_set(root)
        given = f"give imagefolder:{better.path}, or put" if better else "put"
        if better and any(f is not better and _shares_classes(f, better) for f in root.folders):
            given = f"if they are parts, name them train and test; to take one alone, {given}"
        raise IsolossError(f"{error}: {given} the images of each class into one folder") from error


class _NoClassesError(IsolossError):
    """What was taken for class folders are none."""


def _layout(root: Folder) -> Layout:
    parts, unused = _parts(root)
    for part in parts:
        if not part.folders:
            raise IsolossError(_flat(part))
    names = sorted({folder.name for part in parts for folder in part.folders})
    of_imagenet = indices_of(names)
    if of_imagenet is None:
        for part in parts:
            _check_classes(part)
        if len(names) < 2:
            raise _NoClassesError(f"{parts[0].path} has 1 class folder")
        _check_same_classes(parts)
        if empty := [repr(f.name) for f in parts[0].folders if not f.has_images]:
            raise IsolossError(
                f"{parts[0].path} has no images in {listed(empty[:3], 'and')}: take out what is no "
                "class"
            )
    return Layout(
        parts=tuple(parts),
        labels=of_imagenet or {name: k for k, name in enumerate(names)},
        is_imagenet=of_imagenet is not None,
        found=f"{listed((p.name for p in parts), 'and')} folders" if len(parts) == 2
        else "divided 80 : 20",
        left_out=_in_words(unused, _strays(root, parts)),
    )  # fmt: skip


def _part_of(folder: Folder) -> str | None:
    """Which part a folder's name says it is: one of PARTS, or None.

    A name of several words, as seg_train or val2017, says so only above class folders.
    """
    is_word = _is_plain(folder) or not folder.folders
    return _PART.get(folder.name.lower()) if is_word else _part_in(folder.name)


def _part_in(name: str) -> str | None:
    """Which part the words of a name say."""
    found = {_PART[word] for word in re.findall(r"[a-z]+", name.lower()) if word in _PART}
    return found.pop() if len(found) == 1 else None


def _is_plain(folder: Folder) -> bool:
    return folder.name.lower() in _PART


def _parts(root: Folder) -> tuple[list[Folder], list[Folder]]:
    """The folders for training and for testing, or one for both; and those that are neither."""
    of = {folder.path: _part_of(folder) for folder in root.folders}
    in_names = {folder.path: _part_in(folder.name) for folder in root.folders}
    # train and test1 are no classes, though images lie in them.
    if all(in_names.values()) and len(set(in_names.values())) > 1:
        of = in_names
    # Before train_masks comes train, which says nothing else.
    plain_first = sorted(root.folders, key=_is_plain, reverse=True)
    named = {part: [f for f in plain_first if of[f.path] == part] for part in PARTS}
    trains, tests = named["train"], [*named["test"], *named["val"]]
    only_parts = all(of.values())
    if trains and tests:
        train = _inner(trains[0])
        # ImageNet's own `test` has no labels: what it has of them lies in `val`.
        chosen = min(tests, key=lambda f: not _shares_classes(train, _inner(f)))
        test = _inner(chosen)
        if only_parts or (train.folders and test.folders):
            rivals = [f.name for f in trains if _is_plain(f) == _is_plain(trains[0])]
            if len(rivals) > 1:
                several = listed(rivals, "and")
                raise IsolossError(
                    f"{root.path} has several folders to train on, {several}: leave one of them "
                    "there"
                )
            return [train, test], [f for f in root.folders if f not in (trains[0], chosen)]
    elif only_parts and root.folders:
        known = listed((f.name for f in root.folders), "and")
        raise IsolossError(
            f"{root.path} has {known} only: give imagefolder:{_inner(root.folders[0]).path} to "
            "have it divided 80 : 20, or add what is missing of train and test"
        )
    return [root], []


def _inner(part: Folder) -> Folder:
    """seg_train/seg_train, as some archives unpack, for seg_train."""
    while len(part.folders) == 1 and part.folders[0].folders and not part.images:
        if _part_of(part.folders[0]) != _part_of(part):
            break
        part = part.folders[0]
    return part


def _shares_classes(one: Folder, other: Folder) -> bool:
    return bool({f.name for f in one.folders} & {f.name for f in other.folders})


def _check_classes(part: Folder) -> None:
    """Refuse folders of which each holds several of its own, and no images: no classes."""
    filled = [folder for folder in part.folders if folder.has_images]
    no_classes = [f for f in filled if _branches(f)]
    if filled and len(no_classes) < len(filled):  # then only a part among classes is suspicious
        no_classes = [f for f in no_classes if _is_plain(f)]
    if no_classes:
        names = listed((repr(f.name) for f in no_classes[:3]), "and")
        raise _NoClassesError(
            f"{part.path} has folders that hold no images but folders, as {names}"
        )


def _branches(folder: Folder) -> bool:
    """Whether all its images lie in several folders below it."""
    while not folder.images:
        holding = [f for f in folder.folders if f.has_images]
        if len(holding) != 1:
            return len(holding) > 1
        folder = holding[0]
    return False


def _check_same_classes(parts: Sequence[Folder]) -> None:
    known = {folder.name for folder in parts[0].folders}
    alike = {_folded(name): name for name in known}
    for folder in parts[-1].folders:
        if folder.name not in known:
            nearly = alike.get(_folded(folder.name))
            raise IsolossError(
                f"{parts[-1].path} has a class {folder.name!r} that {parts[0].path} has not"
                + (f", where it is {nearly!r}: give both one name" if nearly else "")
            )


def _folded(name: str) -> str:
    """What differs by case alone, or by how accents are written, is the same so."""
    return unicodedata.normalize("NFC", name).casefold()


def _first_data_set(root: Folder) -> Folder | None:
    """The highest folder below `root` that is a data set, of several one to train on, or
    the largest."""
    level = root.folders
    while level:
        level = sorted(level, key=lambda f: (_part_of(f) != "train", -_count(f)))
        for folder in level:
            try:
                _layout(folder)
            except IsolossError:
                continue
            if folder.has_images:
                return folder
        level = [below for folder in level for below in folder.folders]
    return None


def _count(folder: Folder) -> int:
    return sum(len(below.images) for below in folder.below)


def _flat(folder: Folder) -> str:
    images = len(folder.images)
    lie = f" but {images:,} images side by side" if images else ""
    return (
        f"{folder.path} has no class folders{lie}: images must lie in one folder a class, for "
        "ImageNet named by WordNet ids such as n01440764"
    )


def _strays(root: Folder, parts: Sequence[Folder]) -> Counter[str]:
    """What files are not used, by suffix: what is no image, and what lies beside class folders."""
    beside = {folder.path: folder for folder in (root, *parts)}
    found = Counter[str]()
    for folder in beside.values():
        found.update(folder.others)
        found.update(suffix_of(name) for name in folder.images)
    for part in parts:
        for folder in part.below:
            if folder.path not in beside:
                found.update(folder.others)
    return found


def _in_words(folders: Sequence[Folder], strays: Counter[str]) -> str:
    words = [f"{folder.name}/" for folder in folders]
    words += [
        f"{count:,} {suffix or 'other'} file{'s' if count > 1 else ''}"
        for suffix, count in strays.most_common()
    ]
    return listed(words, "and") if words else ""
