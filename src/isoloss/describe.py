"""What a file or a run folder holds, in a few lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from isoloss.geometry.formats import load, load_trajectory
from isoloss.geometry.growing import GrowingSurface
from isoloss.geometry.surface import Surface
from isoloss.jobs.follow import FollowedRun
from isoloss.run import Run
from isoloss.settings import TrainSettings
from isoloss.terminal import duration

# Settings that are worth a line even where they are the defaults.
FACTS = ("model", "data", "source")


def describe(path: Path) -> str:
    """A summary of a surface file or a run folder.

    Raises:
        IsolossError: if it is neither.
    """
    if (path / "run.json").exists():
        return "\n".join(_run_lines(Run.open(path)))
    return "\n".join(_surface_lines(load(path), path))


def _run_lines(run: Run) -> list[str]:
    followed = FollowedRun(run)
    lines = [f"{run.settings.kind} run {run.folder}", f"  status      {followed.status}"]
    if followed.failure:
        lines.append(f"  cause       {followed.failure}")
    if followed.status == "done":
        lines[-1] += f" in {duration(followed.seconds)}"
    default = {n: f.default for n, f in type(run.settings).model_fields.items()}
    for name, value in run.settings.model_dump(mode="json").items():
        if name != "kind" and value is not None and (name in FACTS or value != default[name]):
            lines.append(f"  {name:<11} {value}")
    if isinstance(run.settings, TrainSettings) and followed.metrics:
        last = followed.metrics[-1]
        lines.append(
            f"  epoch       {last.epoch:g}, training loss {last.train_loss:.4g}, "
            f"test accuracy {100 * last.test_accuracy:.1f} %"
        )
    if run.surface_path.exists() or GrowingSurface.exists(run.growing_path):
        lines += _surface_lines(load(run.folder), run.folder)
    return lines


def _surface_lines(surface: Surface, path: Path) -> list[str]:
    rows, columns = surface.shape
    known = surface.loss[surface.computed]
    finite = known[np.isfinite(known)]
    lines = [
        f"surface     {surface.title or path.name}",
        f"  grid        {rows}×{columns}, {int(surface.computed.sum())} cells computed",
        f"  α           {surface.alpha[0]:g} … {surface.alpha[-1]:g}",
        f"  β           {surface.beta[0]:g} … {surface.beta[-1]:g}",
    ]
    if len(finite):
        lines.append(f"  loss        {finite.min():.6g} … {finite.max():.6g}")
    if len(finite) < len(known):
        lines.append(f"  not finite  {len(known) - len(finite)} cells")
    if np.isfinite(surface.accuracy).any():
        best = 100 * float(np.nanmax(surface.accuracy))
        lines.append(f"  accuracy    {100 * float(np.nanmin(surface.accuracy)):.1f} … {best:.1f} %")
    for key, value in surface.meta.items():
        if value is not None and key not in ("range", "run", "title"):
            lines.append(f"  {key.replace('_', ' '):<11} {value}")
    trajectory = load_trajectory(path)
    if trajectory is not None:
        lines.append(f"  trajectory  {len(trajectory)} checkpoints")
    return lines
