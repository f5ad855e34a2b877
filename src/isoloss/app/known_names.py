"""Which names of networks and data the backend would take, told without importing it.

torchvision's names are read from its source; what only an import could tell (timm's names, what a
user's module holds) is left to the run.
"""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path

_DATA = ("digits", "cifar10")
_OWN = re.compile(r"resnet(20|32|44|56|110|50_cbam)")
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
        if _OWN.fullmatch(name) or short in known or (short and not known):
            return ""
    elif _is_user_function(library, short):
        return ""
    return (
        f"There is no network {name!r}: choose resnet20, resnet50, resnet50_cbam, vgg11, "
        "torchvision:NAME, timm:NAME or package.module:function"
    )


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
