"""What lies below a folder of images: each folder once, its images and what is none."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.paths import exists, is_file

IMAGE_SUFFIXES = {
    ".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".pgm", ".tif", ".tiff",
}  # fmt: skip
# What systems put beside people's files; that, and what is hidden, is passed over.
_OF_SYSTEMS = {
    "__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found",
    "thumbs.db", "ehthumbs.db", "desktop.ini",
}  # fmt: skip


@dataclass(eq=False)
class Folder:
    """A folder and all below it.

    Attributes:
        folders, images: in it, in the order of their names; hidden ones and a system's are left
            out, links are followed but where they lead to a folder that they lie in.
        others: how many of its files are no images, by suffix.
    """

    path: str
    folders: list[Folder] = field(default_factory=list["Folder"])
    images: list[str] = field(default_factory=list[str])
    others: Counter[str] = field(default_factory=Counter[str])

    @property
    def name(self) -> str:
        """Without what is above it."""
        return Path(self.path).name

    @property
    def below(self) -> Iterator[Folder]:
        """The folder and all that are below it."""
        yield self
        for folder in self.folders:
            yield from folder.below

    @property
    def has_images(self) -> bool:
        """Whether there are any, however deep."""
        return any(folder.images for folder in self.below)

    def files(self) -> list[str]:
        """The paths of all images, in the order of their paths."""
        inside = {name: [f"{self.path}{os.sep}{name}"] for name in self.images}
        inside |= {folder.name: folder.files() for folder in self.folders}
        return [path for name in sorted(inside, key=os.path.normcase) for path in inside[name]]


def read_tree(path: str, above: frozenset[tuple[int, int]] = frozenset()) -> Folder:
    """All that is below a folder.

    Args:
        above: device and inode of each folder that it lies in.

    Raises:
        IsolossError: if one cannot be read.
    """
    found = Folder(path)
    try:
        above = above | {_identity(path)}
        with os.scandir(path) as entries:
            visible = [e for e in entries if not _is_passed_over(e.name)]
    except OSError as error:
        raise IsolossError(f"cannot read the folder {path}: {error.strerror}") from error
    for entry in sorted(visible, key=lambda e: os.path.normcase(e.name)):
        if _is_folder(entry):
            if not (entry.is_symlink() and _identity(entry.path) in above):
                found.folders.append(read_tree(entry.path, above))
        elif (suffix := suffix_of(entry.name)) not in IMAGE_SUFFIXES:
            found.others[suffix] += 1
        elif not _is_endless(entry):
            found.images.append(entry.name)
    return found


def _is_passed_over(name: str) -> bool:
    return name.startswith(".") or name.lower() in _OF_SYSTEMS


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_endless(entry: os.DirEntry[str]) -> bool:
    """Whether it is a pipe or a device, which one would read for ever; of files the listing knows,
    links alone have to be followed."""
    return (
        not entry.is_file(follow_symlinks=False) and exists(entry.path) and not is_file(entry.path)
    )


def _identity(path: str) -> tuple[int, int]:
    status = Path(path).stat()
    return status.st_dev, status.st_ino


def suffix_of(name: str) -> str:
    """Of a file's name, in lower case; quicker than pathlib's, of which there may be a million."""
    stem, dot, last = name.rpartition(".")
    return dot + last.lower() if stem else ""
