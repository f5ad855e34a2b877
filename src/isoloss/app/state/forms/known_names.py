"""Which names of networks, data, files and devices a run would take, found without importing
anything: libraries' networks and a person's functions are read from their source.

What only carrying it out could tell is left to the run.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from isoloss.errors import IsolossError
from isoloss.files import entries as entries_of
from isoloss.jobs.devices import devices
from isoloss.library.entry import Entry
from isoloss.naming import capitalized, listed
from isoloss.paths import exists, is_file, is_folder
from isoloss.run import Run, checkpoint_count
from isoloss.run_folder import is_run
from isoloss.settings import TrainingSettings
from isoloss.settings.built_in import BUILT_IN_NETWORKS, PACKAGED_NETWORKS, no_data, no_network
from isoloss.settings.checkpoint_paths import expanded, holds_checkpoints
from isoloss.settings.robustness_fields import NO_DENOISER
from isoloss.settings.source import (
    data_set,
    denoiser,
    is_function,
    names_folder,
    network_type,
    trained_network,
)
from isoloss.shipped import shipped_settings

_REGISTERED = re.compile(
    r"^@register_model\((?:name=\"(\w+)\")?\).*?^def (\w+)\(", re.MULTILINE | re.DOTALL
)
_OF_TIMM = re.compile(r"^@register_model\s*\ndef (\w+)\(|^\s*'(\w+)':", re.MULTILINE)
AT_WORK = ("waiting", "running")


@dataclass(frozen=True)
class Here:
    """Where names are looked for.

    Attributes:
        folder: in which runs are begun; paths that are typed are seen from the working folder.
        entries: the runs that are known.
    """

    folder: Path = Path("runs")
    entries: Callable[[], Sequence[Entry]] = tuple

    def is_at_work(self, folder: Path) -> bool:
        """Whether what is missing of a run is on its way."""
        return any(e.folder == folder and e.state in AT_WORK for e in self.entries())


def problem_with_network(name: str) -> str:
    """Why there can be no network called `name`; "" where there can."""
    source = network_type(name)
    if source.kind == "function":
        return problem_with_function(name)
    if name in PACKAGED_NETWORKS:
        return ""
    if source.kind in ("timm", "published") and source.name:
        return _problem_in_timm(source.name)
    if source.kind in ("built-in", "torchvision"):
        known = torchvision_names()
        own = source.kind == "built-in" and name in BUILT_IN_NETWORKS
        if own or source.name in known or (source.name and not known):
            return ""
    return capitalized(no_network(name))


def problem_with_data(name: str) -> str:
    """Why there can be no data called `name`; "" where there can."""
    source = data_set(name)
    if source.kind == "function":
        return problem_with_function(name)
    if source.kind == "imagefolder":
        if not names_folder(source.name):
            return f"There is no folder {source.name}"
        inside = entries_of(Path(source.name).expanduser())
        some = any(is_folder(path) for path in inside if not path.name.startswith("."))
        classes = "put the images of each class into one folder"
        return "" if some else f"{source.name} has no class folders: {classes}"
    return capitalized(no_data(name)) if source.kind == "unknown" else ""


def problem_with_denoiser(name: str) -> str:
    """Why there can be no denoiser called `name`; "" where there can."""
    if name.strip() in ("", NO_DENOISER):
        return ""
    task = task_of(name)
    if task in ("classifier", "path"):
        return f"{name} is a {task}: choose a denoiser, for example {_example('denoiser')}"
    kind = "folder" if task else denoiser(name).kind
    if kind == "function":
        return problem_with_function(name)
    if kind != "unknown":
        return ""
    return (
        f"There is no denoiser {name!r}: choose a training run's folder, a name on the hub such as "
        f"google/ddpm-cifar10-32, package.module:function, or {_example('denoiser')}"
    )


def problem_with_classifier(name: str, here: Here | None = None) -> str:
    """Why what is called `name` is no trained network that tells classes apart; "" where it may
    be."""
    source = trained_network(name)
    if source.kind == "published":
        return _problem_with_package(name) or _problem_in_timm(source.name)
    if source.kind == "python":
        return f"{name} is at hand in a script alone, which has to begin the run"
    path = source.path
    if source.kind == "checkpoint":
        return "" if exists(path) else f"There is no checkpoint {name}"
    if task_of(name) == "denoiser":
        return f"{name} is a denoiser: choose a classifier, for example {_example('classifier')}"
    if not is_run(path):
        return _no_run(name, path)
    try:
        run = Run.open(path)
    except IsolossError as error:
        return capitalized(str(error))
    if not isinstance(run.settings, TrainingSettings):
        return f"{name} is a {run.settings.kind} run: choose a training run"
    if checkpoint_count(run.folder) or (here is not None and here.is_at_work(run.folder)):
        return ""
    return f"{name} has no checkpoints yet: resume it first"


def _no_run(name: str, path: Path) -> str:
    """Why a path is no training run, where there is none."""
    if is_file(path):
        return f"{name} is no network: choose a training run's folder, or a checkpoint"
    if is_folder(path) and holds_checkpoints(path):
        return f"{name} is a folder of checkpoints: choose one of them, or import them first"
    if is_folder(path):
        return f"{name} is no run's folder: choose a training run, or a checkpoint"
    example = _example("classifier")
    return f"There is no network {name}: choose a training run, a checkpoint or {example}"


def problem_with_function(name: str) -> str:
    """Why there can be no function called package.module:function; "" where there can."""
    if not is_function(name):
        return ""  # the settings say so
    module, _, function = name.partition(":")
    if hasattr(sys.modules.get(module), function):
        return ""
    spec = _spec_of(module)
    if spec is None:
        return f"There is no module {module}: open the window in the folder that contains it"
    if spec.origin is None or not spec.origin.endswith(".py"):
        return ""
    file = Path(spec.origin)
    try:
        seen = file.stat()
        known = _names_in(file, seen.st_mtime_ns, seen.st_size)
    except SyntaxError as error:
        return f"{file.name} is no Python: see its line {error.lineno}"
    except (OSError, ValueError):
        return f"{file} cannot be read"
    if function in known or not known.isdisjoint({"*", "__getattr__"}):
        return ""
    return f"There is no {function!r} in {module}"


def _spec_of(module: str) -> ModuleSpec | None:
    """Where a module lies, of which nothing is imported."""
    importlib.invalidate_caches()
    first, *rest = module.split(".")
    try:
        spec = PathFinder.find_spec(first, [str(Path.cwd())]) or importlib.util.find_spec(first)
        for k, part in enumerate(rest):
            if spec is None or spec.submodule_search_locations is None:
                return None
            whole = ".".join((first, *rest[:k], part))
            spec = PathFinder.find_spec(whole, [*spec.submodule_search_locations])
    except (ImportError, ValueError, OSError):
        return None
    return spec


@lru_cache(16)
def _names_in(file: Path, _written: int, _size: int) -> frozenset[str]:
    """What a module may define, generously; frames wait while it is parsed."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        match node:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found |= {(each.asname or each.name).partition(".")[0] for each in names}
            case _:
                pass
    return frozenset(found)


def problem_with_attacks(names: str) -> str:
    """Why one of several attacks cannot be carried out; "" where all may be."""
    for name in names.replace(",", " ").split():
        if problem := problem_with_function(name):
            return problem
    return ""


def problem_with_device(name: str) -> str:
    """Why this machine has no device called `name`; "" where it may have."""
    there = devices()
    if name == "auto" or name in there or not re.fullmatch(r"cpu|cuda(:\d+)?|mps", name):
        return ""  # what is none at all the settings say
    return f"This machine has no {name}: choose {listed(('auto', *there), 'or')}"


def problem_with_checkpoints(given: str) -> str:
    """Why a path or a pattern means no checkpoints; "" where it does."""
    try:
        return "" if expanded(given) else f"There is no checkpoint {given}"
    except IsolossError as error:
        return capitalized(str(error))
    except (RuntimeError, OSError, ValueError):
        return f"There is no checkpoint {given}"


def problem_with_directions(name: str) -> str:
    """Why there can be no directions in a file; "" where there can."""
    try:
        return "" if exists(Path(name).expanduser()) else f"There is no file {name}"
    except RuntimeError:
        return f"There is no file {name}"


def task_of(name: str) -> str:
    """What the training run at a path, or the shipped one of this name, was trained for; "" where
    there is none."""
    run = training_run(name)
    return str(getattr(run.settings, "task", "")) if run is not None else ""


def training_run(name: str) -> Run | None:
    """The training run at a path, or the shipped one of this name; None where there is none."""
    try:
        folder = trained_network(name).path
        if not name.strip() or not is_run(folder):
            return None
        run = Run.open(folder)
    except (IsolossError, OSError, ValueError, RuntimeError):
        return None
    return run if isinstance(run.settings, TrainingSettings) else None


def _problem_with_package(name: str) -> str:
    """That the weights of a packaged network are not installed; "" of all others."""
    packaged = PACKAGED_NETWORKS.get(name)
    if packaged is None or importlib.util.find_spec(packaged.module) is not None:
        return ""
    return f"The weights of {name} are not installed: {packaged.how_to_install}"


def _problem_in_timm(name: str) -> str:
    packaged = PACKAGED_NETWORKS.get(name)
    known = timm_names()
    bare = (packaged.architecture if packaged else name).partition(".")[0]
    if not known or bare in known:
        return ""
    near = sorted(each for each in known if bare in each)[:3]
    hint = f"did you mean {listed(near, 'or')}?" if near else "see timm.list_models()"
    return f"timm has no network {bare!r}; {hint}"


def _example(task: str) -> str:
    """A shipped one for a task."""
    found = shipped_settings().items()
    return next((name for name, asked in found if asked.get("task") == task), "a training run")


@cache
def torchvision_names() -> frozenset[str]:
    """The classifiers of the torchvision that is installed; empty if they cannot be read."""
    return _registered("torchvision", _REGISTERED)


@cache
def timm_names() -> frozenset[str]:
    """The networks of the timm that is installed; empty if they cannot be read."""
    return _registered("timm", _OF_TIMM)


def _registered(library: str, pattern: re.Pattern[str]) -> frozenset[str]:
    """The names of a library's networks, read from its source."""
    found = importlib.util.find_spec(library)
    if found is None or not found.submodule_search_locations:
        return frozenset()
    folder = Path(found.submodule_search_locations[0]) / "models"
    try:
        sources = [file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.py"))]
    except OSError:
        return frozenset()
    matches = (match for source in sources for match in pattern.finditer(source))
    return frozenset(match[1] or match[2] for match in matches)


def _alone(check: Callable[[str], str]) -> Callable[[str, Here], str]:
    return lambda name, _: check(name)


PROBLEMS: dict[str, Callable[[str, Here], str]] = {
    "network": _alone(problem_with_network),
    "data": _alone(problem_with_data),
    "classifier": problem_with_classifier,
    "denoiser": _alone(problem_with_denoiser),
    "function": _alone(problem_with_function),
    "device": _alone(problem_with_device),
    "attacks": _alone(problem_with_attacks),
    "checkpoints": _alone(problem_with_checkpoints),
    "directions": _alone(problem_with_directions),
}
"""What is wrong with a name, by what it is a name of (`FieldSpec.names`)."""
