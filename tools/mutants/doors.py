"""All ways in which a file is opened, and what must not happen there."""

from __future__ import annotations

import os
import re
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import isoloss
from isoloss.app.state.config import Preferences
from isoloss.app.state.opening import opener
from isoloss.app.state.workspace import Workspace
from isoloss.cli.describe import describe
from isoloss.compute.training.recorded_trajectory import read_trajectory
from isoloss.errors import IsolossError
from isoloss.run import Run
from isoloss.run_folder import is_run
from isoloss.scene.scene import Scene
from isoloss.scene.textures import TEXTURES
from isoloss.scene.texturing import color_scale, texture_values
from mutants.damage import Random


def doors(path: Path, workspace: Workspace, rng: Random) -> Iterator[Callable[[], Any]]:
    """All ways in which `path` is opened."""
    yield lambda: isoloss.load(path)
    yield lambda: describe(path)
    yield lambda: in_window(path, workspace, rng)
    if is_run(path):
        yield lambda: read_trajectory(Run.open(path))


def in_window(path: Path, workspace: Workspace, rng: Random) -> None:
    """Open `path` as the window does, and work out what a frame needs."""
    opener.load(workspace, path, remember=False)
    workspace.update(time.monotonic() + 1e6)
    workspace.change(texture=rng.choice(list(TEXTURES)))
    work_out_frame(workspace.scene, rng)


def work_out_frame(scene: Scene, rng: Random) -> None:
    """All that a frame of `scene` needs, but for drawing it."""
    if not scene.shown:
        return
    frame = scene.frame()
    frame.scale.ticks(5)
    colors = color_scale(scene.shown, scene.appearance, frame)
    if colors is not None:
        colors.ticks()
    for layer in scene.shown:
        mesh = layer.mesh(frame.scale, smooth=bool(rng.random() < 0.05))
        mesh.triangles()
        values = texture_values(layer, mesh, colors, scene.appearance)
        assert values.shape == mesh.height.shape
        assert np.isfinite(np.concatenate(frame.mesh_to_world(mesh))).all()


class Fault(Exception):
    """Something that is not allowed; its first line names the kind of it."""


def try_doors(path: Path, rng: Random, stderr: Path) -> bool:
    """Open `path` by all doors; whether it opened by any.

    Raises:
        Fault: something happened that must not.
    """
    workspace = Workspace(path.parent, Preferences())
    ways = enumerate(doors(path, workspace, rng))
    opened = [_is_opened(f"door {k}", door, path) for k, door in ways]
    for message in workspace.messages.lines:
        _check_line(message.text, path)
    if stderr.stat().st_size:
        said = stderr.read_text(errors="replace")
        os.ftruncate(2, 0)
        raise Fault(f"stderr: {said.splitlines()[0][:60]}\n{said}")
    return any(opened)


def _is_opened(name: str, door: Callable[[], Any], path: Path) -> bool:
    told: list[str] = []
    warned: list[str] = []

    def warn(message: Any, category: type, filename: str, lineno: int, *_: Any) -> None:
        if category is UserWarning:  # ours: what was left out
            told.append(str(message))
            return
        where = f"{Path(filename).name}:{lineno}"
        stack = "".join(traceback.format_stack())
        warned.append(f"{category.__name__} at {where}\n{message}\n{stack}")

    opened = False
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = warn
        try:
            door()
            opened = True
        except IsolossError as error:
            told.append(str(error))
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)
            ours = [f for f in last if "isoloss" in f.filename][-1:] or last[-1:]
            where = f"{Path(ours[0].filename).name}:{ours[0].lineno}"
            raise Fault(
                f"{name}: {type(error).__name__} at {where}\n{traceback.format_exc()}"
            ) from error
    for line in told:
        _check_line(line, path)
    if warned:
        raise Fault(f"{name}: {warned[0]}")
    return opened


def _check_line(text: str, path: Path) -> None:
    rest = text.replace(str(path), "")
    if not text or re.search(r"[\n\r]", text):
        raise Fault(f"not one line: {rest[:60]!r}\n{text}")
    if re.search(r"Error\b|Traceback|<class|\bobject at 0x", rest):
        raise Fault(f"no words: {rest[:80]!r}\n{text}")
    if len(rest) > 1000:
        raise Fault(f"a long line: {rest[:80]!r}\n{text}")
