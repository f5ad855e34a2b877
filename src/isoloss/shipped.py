"""Networks that come with the program, by name: training runs in `data/models`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isoloss.errors import IsolossError
from isoloss.files import read_json
from isoloss.paths import exists, is_folder
from isoloss.resources import resource_folder
from isoloss.run_folder import RUN, is_run


def shipped_models() -> dict[str, Path]:
    """The folders of the training runs that come with the program, by their names."""
    folder = resource_folder("data") / "models"
    found = sorted(folder.iterdir()) if is_folder(folder) else []
    return {run.name: run for run in found if is_run(run)}


def is_shipped(source: str | Path) -> bool:
    """Whether that is the bare name of one of them, and nothing here is called so."""
    path = Path(source)
    return len(path.parts) == 1 and path.name in shipped_models() and not exists(path)


def shipped_settings() -> dict[str, dict[str, Any]]:
    """What was asked of each of these training runs, as its `run.json` has it."""
    found: dict[str, dict[str, Any]] = {}
    for name, folder in shipped_models().items():
        try:
            found[name] = dict(read_json(folder / RUN)["settings"])
        except (IsolossError, KeyError, TypeError, ValueError):
            continue  # a damaged one is not offered
    return found
