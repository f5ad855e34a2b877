"""Which names of networks and data the backend would take, told without importing it.

torchvision's names are read from its source; what only an import could tell (timm's names, what a
user's module holds) is left to the run.
"""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.naming import capitalized
from isoloss.run import Run
from isoloss.settings import TrainSettings
from isoloss.settings.network_names import BUILT_IN_NETWORKS, no_network
from isoloss.shipped import located, shipped_settings

_DATA = ("digits", "cifar10")
_REGISTERED = re.compile(
    r"^@register_model\((?:name=\"(\w+)\")?\).*?^def (\w+)\(", re.MULTILINE | re.DOTALL
)


def problem_with_network(name: str) -> str:
    """Why there can be no network called `name`; "" where there can."""
    library, separator, short = name.rpartition(":")
    if library == "timm" and short:
        return ""
    if library == "torchvision" or not separator:
        known = torchvision_names()
        if name in BUILT_IN_NETWORKS or short in known or (short and not known):
            return ""
    elif _is_user_function(library, short):
        return ""
    return capitalized(no_network(name))


def problem_with_data(name: str) -> str:
    """Why there can be no data called `name`; "" where there can."""
    if name.startswith("imagefolder:"):
        typed = name.removeprefix("imagefolder:")
        try:
            found = Path(typed).expanduser().is_dir()
        except (RuntimeError, OSError, ValueError):  # "~nobody", what no file system takes
            found = False
        return "" if found else f"There is no folder {typed}"
    library, _, short = name.rpartition(":")
    if name in _DATA or _is_user_function(library, short):
        return ""
    return (
        f"There is no data set {name!r}: choose digits, cifar10, imagefolder:PATH or "
        "package.module:function"
    )


def problem_with_denoiser(name: str) -> str:
    """Why there can be no denoiser called `name`; "" where there can."""
    if not name.strip():
        return ""
    task = task_of(name)
    if task == "classifier":
        return f"{name} is a classifier: choose a denoiser, for example {_example('denoiser')}"
    is_on_hub = re.fullmatch(r"[\w.-]+/[\w.-]+", name) is not None
    if task or is_on_hub or _is_folder(name):
        return ""
    return (
        f"There is no denoiser {name!r}: choose a training run's folder, a name on the hub such as "
        f"google/ddpm-cifar10-32, or {_example('denoiser')}"
    )


def problem_with_classifier(name: str) -> str:
    """Why what is called `name` is no network that tells classes apart; "" where it may be."""
    if task_of(name) != "denoiser":
        return ""
    return f"{name} is a denoiser: choose a classifier, for example {_example('classifier')}"


def task_of(name: str) -> str:
    """What the training run at a path, or the shipped one of this name, was trained for; "" where
    there is none."""
    try:
        folder = located(name)
        if not (folder / "run.json").is_file():
            return ""
        settings = Run.open(folder).settings
    except (IsolossError, OSError, ValueError, RuntimeError):
        return ""
    return settings.task if isinstance(settings, TrainSettings) else ""


def _example(task: str) -> str:
    """A shipped one for a task."""
    found = shipped_settings().items()
    return next((name for name, asked in found if asked.get("task") == task), "a training run")


def _is_folder(name: str) -> bool:
    try:
        return Path(name).expanduser().is_dir()
    except (RuntimeError, OSError, ValueError):  # "~nobody", what no file system takes
        return False


@cache
def torchvision_names() -> frozenset[str]:
    """The classifiers of the torchvision that is installed; empty if they cannot be told."""
    found = importlib.util.find_spec("torchvision")
    if found is None or not found.submodule_search_locations:
        return frozenset()
    folder = Path(found.submodule_search_locations[0]) / "models"
    try:
        sources = [file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.py"))]
    except OSError:
        return frozenset()
    matches = (match for source in sources for match in _REGISTERED.finditer(source))
    return frozenset(match[1] or match[2] for match in matches)


def _is_user_function(module: str, function: str) -> bool:
    return function.isidentifier() and module.replace(".", "_").isidentifier()
