"""What the folders of runs are called that nobody has named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from isoloss.paths import exists
from isoloss.settings import AnySettings, ImportSettings
from isoloss.settings.source import data_set, network_type

_LONGEST = 50
"""Characters of a thing in a folder's name, which file systems take up to 255 bytes of."""


def run_name(settings: AnySettings) -> str:
    """A short folder name that says what a run with `settings` does."""
    subject, what = _name_of(settings)
    return f"{subject[:_LONGEST]}-{what[:_LONGEST]}"


def _name_of(settings: AnySettings) -> tuple[str, str]:
    """What it is about, and what is done there."""
    if isinstance(settings, ImportSettings):
        return network_type(settings.model).label, "imported"
    if settings.kind == "train" and settings.task == "path":
        return network_type(settings.model).label, "path"
    if settings.kind == "train":
        what = "denoiser" if settings.task == "denoiser" else network_type(settings.model).label
        return what, data_set(settings.data).label
    what = settings.plane if settings.kind == "probe" else settings.kind
    if settings.kind == "probe-input":
        what = f"image{settings.image}"
    return settings.networks[0].label, what


def free_folder(parent: Path, name: str, suffixes: Sequence[str] = ("",)) -> Path:
    """`parent/name`, or `parent/name-2`, … : the first that does not exist, whichever of
    `-suffixes` follows."""
    endings = [f"-{suffix}" if suffix else "" for suffix in suffixes]
    folder, n = parent / name, 2
    while any(exists(folder.with_name(folder.name + ending)) for ending in endings):
        folder, n = parent / f"{name}-{n}", n + 1
    return folder
