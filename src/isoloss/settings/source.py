"""What a text that names a network, data or a denoiser means: decided here and nowhere else.

What it means follows from the text alone, and from what lies on this disk under that path; whether
a library knows the name is found out where the library is asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from isoloss.naming import short_name
from isoloss.paths import exists, is_folder
from isoloss.settings.built_in import DATA_SETS, PACKAGED_NETWORKS
from isoloss.settings.checkpoint_paths import is_checkpoint, stem
from isoloss.shipped import is_shipped, shipped_models

FROM_PYTHON = "python:"
"""What the text of a network, attack or denoiser begins with that a script has at hand."""

Kind = Literal[
    "built-in",  # a name of our own, or one of torchvision's networks
    "torchvision",
    "timm",
    "published",  # a timm name with the tag of a training (timm:vgg11.tv_in1k), or a packaged one
    "function",  # package.module:function of the user's own
    "imagefolder",
    "checkpoint",
    "run",  # the folder of a training run
    "shipped",  # a training run that comes with the program, by its bare name
    "folder",  # of a denoiser, as diffusers writes it, or of a training run
    "python",  # python:NAME, a network that a script has at hand
    "hub",  # a repository on the Hugging Face hub
    "unknown",
]


@dataclass(frozen=True)
class Source:
    """Where a network, data or a denoiser comes from.

    Attributes:
        kind: what sort of place that is.
        text: as it was given.
        name: what it is called there: a library's name without the library's, a path, or the text.
    """

    kind: Kind
    text: str
    name: str

    @property
    def path(self) -> Path:
        """Where on this disk it lies, for those kinds that do."""
        if self.kind == "shipped":
            return shipped_models()[self.name]
        return Path(self.name).expanduser()

    @property
    def label(self) -> str:
        """A short name, for folders and tables: of a checkpoint its file's without the suffix."""
        return stem(Path(self.name)) if self.kind == "checkpoint" else short_name(self.name)


def network_type(text: str) -> Source:
    """What `--model` names: an architecture, freshly initialized."""
    library, separator, name = text.rpartition(":")
    if library == "timm":
        return Source("published" if "." in name else "timm", text, name)
    if library == "torchvision":
        return Source("torchvision", text, name)
    if not separator:
        return Source("published" if text in PACKAGED_NETWORKS else "built-in", text, text)
    return Source("function" if is_function(text) else "unknown", text, text)


def trained_network(text: str | Path) -> Source:
    """What a probe or an attack is about: a training run, a checkpoint, a shipped or a published
    network."""
    path, text = Path(text), str(text)
    if network_type(text).kind == "published" and not exists(path):
        return network_type(text)
    if text.startswith(FROM_PYTHON):
        return Source("python", text, text.removeprefix(FROM_PYTHON))
    if is_shipped(path):
        return Source("shipped", text, path.name)
    if is_checkpoint(path):
        return Source("checkpoint", text, text)
    return Source("run", text, text)


def data_set(text: str) -> Source:
    """What `--data` names."""
    library, separator, name = text.partition(":")
    if library == "imagefolder" and separator:
        return Source("imagefolder", text, name)
    if text in DATA_SETS:
        return Source("built-in", text, text)
    return Source("function" if is_function(text) else "unknown", text, text)


def denoiser(text: str | Path) -> Source:
    """What `--denoiser` names: a folder, a shipped denoiser, a function of the user's own, or a
    repository on the hub."""
    text = str(text)
    if is_shipped(text):
        return Source("shipped", text, Path(text).name)
    if names_folder(text):
        return Source("folder", text, text)
    if is_function(text):
        return Source("function", text, text)
    is_repository = re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", text) is not None
    return Source("hub" if is_repository else "unknown", text, text)


def names_folder(text: str | Path) -> bool:
    """Whether a path that somebody typed is a folder; never raises."""
    try:
        return bool(str(text).strip()) and is_folder(Path(text).expanduser())
    except RuntimeError:  # "~nobody" has no home
        return False


def is_function(text: str) -> bool:
    """Whether a text reads package.module:function."""
    module, _, function = text.partition(":")
    # A module may be called 01_train: only a statement cannot import it.
    named = bool(module) and f"_{module}".replace(".", "_").isidentifier()
    return named and function.isidentifier()
