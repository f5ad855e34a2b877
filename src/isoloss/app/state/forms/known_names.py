"""Which names of networks and data the backend would take, found without importing it.

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
from isoloss.run_folder import is_run
from isoloss.settings import TrainingSettings
from isoloss.settings.built_in import BUILT_IN_NETWORKS, no_data, no_network
from isoloss.settings.source import data_set, denoiser, names_folder, network_type, trained_network
from isoloss.shipped import shipped_settings

_REGISTERED = re.compile(
    r"^@register_model\((?:name=\"(\w+)\")?\).*?^def (\w+)\(", re.MULTILINE | re.DOTALL
)


def problem_with_network(name: str) -> str:
    """Why there can be no network called `name`; "" where there can."""
    source = network_type(name)
    if source.kind in ("timm", "published", "function") and source.name:
        return ""
    if source.kind in ("built-in", "torchvision"):
        known = torchvision_names()
        own = source.kind == "built-in" and name in BUILT_IN_NETWORKS
        if own or source.name in known or (source.name and not known):
            return ""
    return capitalized(no_network(name))


def problem_with_data(name: str) -> str:
    """Why there can be no data called `name`; "" where there can."""
    source = data_set(name)
    if source.kind == "imagefolder":
        return "" if names_folder(source.name) else f"There is no folder {source.name}"
    return capitalized(no_data(name)) if source.kind == "unknown" else ""


def problem_with_denoiser(name: str) -> str:
    """Why there can be no denoiser called `name`; "" where there can."""
    if not name.strip():
        return ""
    task = task_of(name)
    if task == "classifier":
        return f"{name} is a classifier: choose a denoiser, for example {_example('denoiser')}"
    if task or denoiser(name).kind != "unknown":
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
    asked = training_settings(name)
    return asked.task if asked is not None else ""


def training_settings(name: str) -> TrainingSettings | None:
    """What the training run at a path, or the shipped one of this name, was asked for; None where
    there is none."""
    try:
        folder = trained_network(name).path
        if not name.strip() or not is_run(folder):
            return None
        settings = Run.open(folder).settings
    except (IsolossError, OSError, ValueError, RuntimeError):
        return None
    return settings if isinstance(settings, TrainingSettings) else None


def _example(task: str) -> str:
    """A shipped one for a task."""
    found = shipped_settings().items()
    return next((name for name, asked in found if asked.get("task") == task), "a training run")


@cache
def torchvision_names() -> frozenset[str]:
    """The classifiers of the torchvision that is installed; empty if they cannot be read."""
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
