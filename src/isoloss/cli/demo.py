"""The demo: a real network trained on real images, its landscape cut two ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from isoloss.resources import resource_folder
from isoloss.run import Run
from isoloss.run_folder import is_run
from isoloss.settings import AnySettings, ProbeSettings, TrainSettings


def create(folder: Path) -> list[Run]:
    """Lay out the demo's three runs: training, a random plane, a PCA plane.

    VGG-11 on a CPU, ResNet-50 where there is a GPU; a demo begun on one goes on with its own.
    """
    train = folder / "train"
    asked = TrainSettings(
        model="resnet50" if _has_nvidia_gpu() else "vgg11",
        data="digits",
        epochs=4,
        batch_size=32,
        lr=0.02,
        augment="none",
        checkpoints_per_epoch=4,
    )
    return [
        _begun_or_new(train, asked),
        *(
            _begun_or_new(folder / plane, ProbeSettings(source=train, plane=plane, samples=48))
            for plane in ("random", "pca")
        ),
    ]


def _begun_or_new(folder: Path, settings: AnySettings) -> Run:
    """A run begun by an older version of the demo goes on as it was asked for."""
    return Run.open(folder) if is_run(folder) else Run.create(folder, settings)


def show(runs: Sequence[Run]) -> None:
    """Open the window at once on the sample surfaces, while a job resumes the runs."""
    from isoloss.app import view

    samples = sorted((resource_folder("data") / "surfaces").glob("*.ply"))
    samples = [s for s in samples if not s.stem.endswith("-trajectory")]
    view(*samples, resume=runs)


def draw(runs: Sequence[Run], folder: Path) -> Iterator[Path]:
    """Draw the finished surfaces: four pictures in `folder`."""
    from isoloss.gl.pictures.picture import render

    for run in runs[1:]:
        for name, texture, theme in (("", "height", "dark"), ("-accuracy", "accuracy", "light")):
            path = folder / f"{run.name}{name}.png"
            render(run.folder, path, texture=texture, theme=theme)
            yield path


def _has_nvidia_gpu() -> bool:
    """Whether there is one that the installed PyTorch can use; asked without importing torch, which
    the window's process must not load."""
    import importlib.util
    import re
    import shutil
    import subprocess

    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None or shutil.which("nvidia-smi") is None:
        return False
    version = Path(found.origin).with_name("version.py").read_text(encoding="utf-8")
    if re.search(r"^cuda\b.*= *'", version, re.MULTILINE) is None:
        return False  # a build for the CPU, as PyPI has it for Windows
    try:
        asked = subprocess.run(["nvidia-smi", "-L"], capture_output=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0 and b"GPU" in asked.stdout
