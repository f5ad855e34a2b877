"""Networks that come with the program, by name: training runs in `data/models`."""

from __future__ import annotations

from pathlib import Path

from isoloss.resources import resource_folder


def shipped_models() -> dict[str, Path]:
    """The folders of the training runs that come with the program, by their names."""
    folder = resource_folder("data") / "models"
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return {run.name: run for run in found if (run / "run.json").is_file()}


def located(source: str | Path) -> Path:
    """Where a network or denoiser lies: at the path given or, where there is nothing and a bare
    name was given, where the one comes with the program that is called so."""
    path = Path(source).expanduser()
    if len(path.parts) != 1 or path.exists():
        return path
    return shipped_models().get(path.name, path)
